//! `bin`, `floor` and `bin_at`.

use super::super::super::value::{ColumnType, Value};
use super::super::cast::{as_long, as_real};
use super::record::{Function, Kind, Naming, Returns, Values};
use super::values::unknown;

const SPAN: Kind = Kind::Of(ColumnType::TimeSpan);
const MOMENT: Kind = Kind::Of(ColumnType::DateTime);

const fn bin(name: &'static str, parameters: &'static [Kind], returns: Returns) -> Function {
    Function::new(name, parameters, returns, |v| round_down(&v[0], &v[1])).named(Naming::First)
}

const fn bin_at(parameters: &'static [Kind], returns: Returns) -> Function {
    Function::new("bin_at", parameters, returns, aligned).named(Naming::First)
}

/// The page does not show what these give.
const fn unknown_bin_at(parameters: &'static [Kind]) -> Function {
    Function::new("bin_at", parameters, Returns::First, |v| {
        let ty = match v[0].as_ref() {
            Value::DateTime(_) => ColumnType::DateTime,
            _ => ColumnType::TimeSpan,
        };
        unknown("bin_at", &v[0], ty)
    })
    .named(Naming::First)
}

pub(super) const FUNCTIONS: &[Function] = &[
    bin("bin", &[Kind::Number, Kind::Number], Returns::Widest),
    bin("bin", &[SPAN, SPAN], Returns::First),
    bin("bin", &[MOMENT, SPAN], Returns::First),
    bin("floor", &[Kind::Number, Kind::Number], Returns::Widest),
    bin("floor", &[SPAN, SPAN], Returns::First),
    bin("floor", &[MOMENT, SPAN], Returns::First),
    bin_at(&[Kind::Number, Kind::Number, Kind::Number], Returns::Widest),
    bin_at(&[SPAN, SPAN, SPAN], Returns::First),
    bin_at(&[MOMENT, SPAN, MOMENT], Returns::First),
    unknown_bin_at(&[SPAN, Kind::Real, SPAN]),
    unknown_bin_at(&[MOMENT, Kind::Whole, MOMENT]),
    unknown_bin_at(&[MOMENT, MOMENT, MOMENT]),
];

/// The largest multiple of `size` that is not above the value.
fn round_down(value: &Value, size: &Value) -> Option<Value> {
    let whole = |n: i64, size: i64| {
        n.checked_rem_euclid(size)
            .and_then(|rest| n.checked_sub(rest))
    };
    match (value, size) {
        (Value::DateTime(n), Value::TimeSpan(size)) => whole(*n, *size).map(Value::DateTime),
        (Value::TimeSpan(n), Value::TimeSpan(size)) => whole(*n, *size).map(Value::TimeSpan),
        (Value::Long(n), Value::Long(size)) => whole(*n, *size).map(Value::Long),
        (Value::Decimal(n), Value::Decimal(size)) => n
            .checked_div(*size)?
            .floor()
            .checked_mul(*size)
            .map(Value::Decimal),
        _ => match (as_real(value)?, as_real(size)?) {
            (_, 0.0) => None,
            (n, size) => Some(Value::Real((n / size).floor() * size)),
        },
    }
}

/// The same with bins that begin at the third argument.
fn aligned(v: &Values<'_>) -> Option<Value> {
    let (value, size, from) = (v[0].as_ref(), v[1].as_ref(), v[2].as_ref());
    let whole = || {
        let (n, size, from) = (as_long(value)?, as_long(size)?, as_long(from)?);
        let rest = n.checked_sub(from)?.checked_rem_euclid(size)?;
        n.checked_sub(rest)
    };
    match value {
        Value::Long(_) => whole().map(Value::Long),
        Value::TimeSpan(_) => whole().map(Value::TimeSpan),
        Value::DateTime(_) => whole().and_then(super::values::moment),
        Value::Real(n) => match (as_real(size)?, as_real(from)?) {
            (0.0, _) => None,
            (size, from) => Some(Value::Real(((n - from) / size).floor() * size + from)),
        },
        Value::Decimal(n) => match (size, from) {
            (Value::Decimal(size), Value::Decimal(from)) => n
                .checked_sub(*from)?
                .checked_div(*size)?
                .floor()
                .checked_mul(*size)?
                .checked_add(*from)
                .map(Value::Decimal),
            _ => None,
        },
        _ => None,
    }
}
