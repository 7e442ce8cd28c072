//! Functions of IPv6 addresses. An IPv4 one is taken as its mapped address, `::ffff:a.b.c.d`, and its prefix counts
//! behind the 96 bits before it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::super::value::{ColumnType, Value};
use super::addresses::words;
use super::record::{Function, Kind, Returns, Values};
use super::values::{long, string, text};

const LONG: Returns = Returns::Type(ColumnType::Long);
const BOOL: Returns = Returns::Type(ColumnType::Bool);
const STRING: Returns = Returns::Type(ColumnType::String);
const MOST: usize = 64;
/// The bits of an address, and those before an IPv4 one.
const BITS: u8 = 128;
const BEFORE_IPV4: u8 = 96;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("parse_ipv6", &[Kind::Text], STRING, |v| {
        string(address(text(v, 0))?.canonical())
    }),
    Function::new("parse_ipv6_mask", &[Kind::Text, Kind::Whole], STRING, |v| {
        string(address(text(v, 0))?.within(prefix(v, 1)?).canonical())
    }),
    Function::new(
        "ipv6_compare",
        &[Kind::Text, Kind::Text, Kind::Whole],
        LONG,
        |v| compared(v).map(Value::Long),
    )
    .optional(1),
    Function::new(
        "ipv6_is_match",
        &[Kind::Text, Kind::Text, Kind::Whole],
        BOOL,
        |v| compared(v).map(|order| Value::Bool(order == 0)),
    )
    .optional(1),
    Function::new("ipv6_is_in_range", &[Kind::Text, Kind::Text], BOOL, |v| {
        let (found, range) = (address(text(v, 0))?, address(text(v, 1))?);
        Some(Value::Bool(range.contains(found)))
    }),
    Function::new(
        "ipv6_is_in_any_range",
        &[Kind::Text, Kind::Source],
        BOOL,
        |v| {
            let found = address(text(v, 0))?;
            let mut ranges = words(v).into_iter().filter_map(|range| address(&range));
            Some(Value::Bool(ranges.any(|range| range.contains(found))))
        },
    )
    .repeated(MOST),
];

#[derive(Clone, Copy)]
struct Address {
    bits: u128,
    prefix: u8,
}

impl Address {
    /// The first bits, as many as the prefix says.
    fn network(self) -> u128 {
        let behind = u32::from(BITS - self.prefix);
        self.bits & u128::MAX.checked_shl(behind).unwrap_or(0)
    }

    /// The same with a prefix that is no longer than this.
    fn within(self, prefix: u8) -> Self {
        let prefix = self.prefix.min(prefix);
        Self { prefix, ..self }
    }

    fn contains(self, other: Self) -> bool {
        let other = Self {
            prefix: self.prefix,
            ..other
        };
        self.network() == other.network()
    }

    /// All eight groups with all their digits.
    fn canonical(self) -> String {
        let groups = Ipv6Addr::from_bits(self.network()).segments();
        groups.map(|group| format!("{group:04x}")).join(":")
    }
}

/// The address in a text. `::a.b.c.d` is another spelling of an IPv4 address.
fn address(text: &str) -> Option<Address> {
    let (address, prefix) = match text.trim().split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
        None => (text.trim(), None),
    };
    let short = address.strip_prefix("::").unwrap_or(address);
    if let Ok(found) = short.parse::<Ipv4Addr>() {
        let prefix = prefix.unwrap_or(BITS - BEFORE_IPV4);
        let prefix = prefix.checked_add(BEFORE_IPV4)?;
        let bits = found.to_ipv6_mapped().to_bits();
        return (prefix <= BITS).then_some(Address { bits, prefix });
    }
    let bits = address.parse::<Ipv6Addr>().ok()?.to_bits();
    let prefix = prefix.unwrap_or(BITS);
    (prefix <= BITS).then_some(Address { bits, prefix })
}

fn prefix(v: &Values<'_>, at: usize) -> Option<u8> {
    u8::try_from(long(v, at)?)
        .ok()
        .filter(|prefix| *prefix <= BITS)
}

/// How two addresses compare in the bits that both prefixes, and a third one, leave.
fn compared(v: &Values<'_>) -> Option<i64> {
    let (left, right) = (address(text(v, 0))?, address(text(v, 1))?);
    let given = if v.len() > 2 { prefix(v, 2)? } else { BITS };
    let common = left.prefix.min(right.prefix).min(given);
    let order = left
        .within(common)
        .network()
        .cmp(&right.within(common).network());
    Some(order as i64)
}
