//! Networks of addresses, and the functions that IPv4 and IPv6 addresses have alike.

use std::marker::PhantomData;

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Returns, Values};
use super::values::{element_text, long, text};

/// Most arguments behind the first.
pub(super) const MOST: usize = 64;

/// A kind of addresses.
pub(super) trait Family: Copy + 'static {
    /// The bits of an address.
    const BITS: u8;

    /// The address in a text, with its prefix if it has one.
    fn read(text: &str) -> Option<Network<Self>>;
}

/// An address and how many of its bits count; of an address alone all of them.
#[derive(Clone, Copy)]
pub(super) struct Network<F> {
    bits: u128,
    prefix: u8,
    family: PhantomData<F>,
}

impl<F: Family> Network<F> {
    /// `None` when the prefix is longer than an address.
    pub(super) const fn new(bits: u128, prefix: u8) -> Option<Self> {
        if prefix > F::BITS {
            return None;
        }
        Some(Self {
            bits,
            prefix,
            family: PhantomData,
        })
    }

    pub(super) fn prefix(self) -> u8 {
        self.prefix
    }

    /// The first bits, as many as the prefix says.
    pub(super) fn bits(self) -> u128 {
        let behind = u32::from(F::BITS - self.prefix);
        self.bits & u128::MAX.checked_shl(behind).unwrap_or(0)
    }

    /// The same with a prefix that is no longer than this.
    pub(super) fn within(self, prefix: u8) -> Self {
        let prefix = self.prefix.min(prefix);
        Self { prefix, ..self }
    }

    pub(super) fn contains(self, other: Self) -> bool {
        let other = Self {
            prefix: self.prefix,
            ..other
        };
        self.bits() == other.bits()
    }
}

/// The prefix that an argument gives.
pub(super) fn prefix<F: Family>(v: &Values<'_>, at: usize) -> Option<u8> {
    let given = u8::try_from(long(v, at)?).ok()?;
    (given <= F::BITS).then_some(given)
}

/// How two addresses compare in the bits that both prefixes, and a third one, leave.
fn compared<F: Family>(v: &Values<'_>) -> Option<i64> {
    let (left, right) = (F::read(text(v, 0))?, F::read(text(v, 1))?);
    let given = if v.len() > 2 {
        prefix::<F>(v, 2)?
    } else {
        F::BITS
    };
    let common = left.prefix.min(right.prefix).min(given);
    let order = left.within(common).bits().cmp(&right.within(common).bits());
    Some(order as i64)
}

const TWO_AND_PREFIX: &[Kind] = &[Kind::Text, Kind::Text, Kind::Whole];
const BOOL: Returns = Returns::Type(ColumnType::Bool);

pub(super) const fn compare<F: Family>(name: &'static str) -> Function {
    Function::new(name, TWO_AND_PREFIX, Returns::Type(ColumnType::Long), |v| {
        compared::<F>(v).map(Value::Long)
    })
    .optional(1)
}

pub(super) const fn is_match<F: Family>(name: &'static str) -> Function {
    Function::new(name, TWO_AND_PREFIX, BOOL, |v| {
        compared::<F>(v).map(|order| Value::Bool(order == 0))
    })
    .optional(1)
}

pub(super) const fn is_in_range<F: Family>(name: &'static str) -> Function {
    Function::new(name, &[Kind::Text, Kind::Text], BOOL, |v| {
        let (found, range) = (F::read(text(v, 0))?, F::read(text(v, 1))?);
        Some(Value::Bool(range.contains(found)))
    })
}

pub(super) const fn is_in_any_range<F: Family>(name: &'static str) -> Function {
    Function::new(name, &[Kind::Text, Kind::Source], BOOL, |v| {
        let found = F::read(text(v, 0))?;
        let mut ranges = words(v).into_iter().filter_map(|range| F::read(&range));
        Some(Value::Bool(ranges.any(|range| range.contains(found))))
    })
    .repeated(MOST)
}

/// The texts behind the first argument: each of its own, or in an array.
pub(super) fn words(v: &Values<'_>) -> Vec<String> {
    let words = v[1..].iter().flat_map(|word| match word.as_ref() {
        Value::Dynamic(Json::Array(words)) => words.iter().map(element_text).collect(),
        other => vec![other.to_text()],
    });
    words.collect()
}
