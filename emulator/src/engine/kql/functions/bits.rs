//! Functions of the bits of whole numbers.

use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Naming, Returns, Values};
use super::values::long;

const fn of_two(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(
        name,
        &[Kind::Whole, Kind::Whole],
        Returns::Type(ColumnType::Long),
        run,
    )
    .named(Naming::First)
}

const fn of_one(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::Whole], Returns::Type(ColumnType::Long), run).named(Naming::First)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_two("binary_and", |v| {
        Some(Value::Long(long(v, 0)? & long(v, 1)?))
    }),
    of_two("binary_or", |v| {
        Some(Value::Long(long(v, 0)? | long(v, 1)?))
    }),
    of_two("binary_xor", |v| {
        Some(Value::Long(long(v, 0)? ^ long(v, 1)?))
    }),
    // The reference: by n modulo 64, null of a negative n.
    of_two("binary_shift_left", |v| {
        let by = u32::try_from(long(v, 1)?).ok()? % 64;
        Some(Value::Long(long(v, 0)? << by))
    }),
    of_two("binary_shift_right", |v| {
        let by = u32::try_from(long(v, 1)?).ok()? % 64;
        Some(Value::Long(long(v, 0)? >> by))
    }),
    of_one("binary_not", |v| Some(Value::Long(!long(v, 0)?))),
    of_one("bitset_count_ones", |v| {
        Some(Value::Long(i64::from(long(v, 0)?.count_ones())))
    }),
];
