//! Functions of IPv4 addresses, which are texts such as `10.0.0.1` or, with a prefix, `10.0.0.0/8`.

use std::net::Ipv4Addr;

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Returns, Values};
use super::values::{dynamic, element_text, long, string, text};

const LONG: Returns = Returns::Type(ColumnType::Long);
const BOOL: Returns = Returns::Type(ColumnType::Bool);
const STRING: Returns = Returns::Type(ColumnType::String);
const MOST: usize = 64;

/// The networks of addresses that no router of the internet knows.
const PRIVATE: [Address; 3] = [
    Address::new(Ipv4Addr::new(10, 0, 0, 0), 8),
    Address::new(Ipv4Addr::new(172, 16, 0, 0), 12),
    Address::new(Ipv4Addr::new(192, 168, 0, 0), 16),
];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("parse_ipv4", &[Kind::Text], LONG, |v| {
        Some(Value::Long(address(text(v, 0))?.network().into()))
    }),
    Function::new("parse_ipv4_mask", &[Kind::Text, Kind::Whole], LONG, |v| {
        Some(Value::Long(narrowed(v, 0, 1)?.network().into()))
    }),
    Function::new(
        "ipv4_is_match",
        &[Kind::Text, Kind::Text, Kind::Whole],
        BOOL,
        |v| compared(v).map(|order| Value::Bool(order == 0)),
    )
    .optional(1),
    Function::new(
        "ipv4_compare",
        &[Kind::Text, Kind::Text, Kind::Whole],
        LONG,
        |v| compared(v).map(Value::Long),
    )
    .optional(1),
    Function::new("ipv4_is_in_range", &[Kind::Text, Kind::Text], BOOL, |v| {
        let (address, range) = (address(text(v, 0))?, address(text(v, 1))?);
        Some(Value::Bool(range.contains(address)))
    }),
    Function::new(
        "ipv4_is_in_any_range",
        &[Kind::Text, Kind::Source],
        BOOL,
        |v| {
            let found = address(text(v, 0))?;
            let mut ranges = words(v).into_iter().filter_map(|range| address(&range));
            Some(Value::Bool(ranges.any(|range| range.contains(found))))
        },
    )
    .repeated(MOST),
    Function::new("ipv4_is_private", &[Kind::Text], BOOL, |v| {
        let found = address(text(v, 0))?;
        Some(Value::Bool(
            PRIVATE.iter().any(|range| range.contains(found)),
        ))
    }),
    Function::new("ipv4_netmask_suffix", &[Kind::Text], LONG, |v| {
        Some(Value::Long(address(text(v, 0))?.prefix.into()))
    }),
    Function::new("format_ipv4", &[Kind::Any, Kind::Whole], STRING, |v| {
        string(Ipv4Addr::from(narrowed(v, 0, 1)?.network()).to_string())
    })
    .optional(1),
    Function::new("format_ipv4_mask", &[Kind::Any, Kind::Whole], STRING, |v| {
        let found = narrowed(v, 0, 1)?;
        string(format!(
            "{}/{}",
            Ipv4Addr::from(found.network()),
            found.prefix
        ))
    })
    .optional(1),
    Function::new("has_ipv4", &[Kind::Text, Kind::Text], BOOL, |v| {
        Some(Value::Bool(holds(text(v, 0), text(v, 1), is_whole)))
    }),
    Function::new("has_ipv4_prefix", &[Kind::Text, Kind::Text], BOOL, |v| {
        Some(Value::Bool(holds(text(v, 0), text(v, 1), is_prefix)))
    }),
    Function::new("has_any_ipv4", &[Kind::Text, Kind::Source], BOOL, |v| {
        let any = words(v)
            .iter()
            .any(|word| holds(text(v, 0), word, is_whole));
        Some(Value::Bool(any))
    })
    .repeated(MOST),
    Function::new(
        "has_any_ipv4_prefix",
        &[Kind::Text, Kind::Source],
        BOOL,
        |v| {
            let any = words(v)
                .iter()
                .any(|word| holds(text(v, 0), word, is_prefix));
            Some(Value::Bool(any))
        },
    )
    .repeated(MOST),
    Function::new(
        "ipv4_range_to_cidr_list",
        &[Kind::Text, Kind::Text],
        Returns::Type(ColumnType::Dynamic),
        |v| dynamic(networks(text(v, 0).parse().ok()?, text(v, 1).parse().ok()?)),
    ),
];

#[derive(Clone, Copy)]
struct Address {
    bits: u32,
    prefix: u8,
}

impl Address {
    const fn new(address: Ipv4Addr, prefix: u8) -> Self {
        Self {
            bits: address.to_bits(),
            prefix,
        }
    }

    /// The first bits, as many as the prefix says.
    fn network(self) -> u32 {
        self.bits & mask(self.prefix)
    }

    fn contains(self, other: Self) -> bool {
        self.network() == other.network() & mask(self.prefix)
    }

    /// The same with a prefix that is no longer than this.
    fn within(self, prefix: u8) -> Self {
        Self {
            prefix: self.prefix.min(prefix),
            ..self
        }
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

/// The address in a text.
fn address(text: &str) -> Option<Address> {
    let (address, prefix) = match text.trim().split_once('/') {
        Some((address, prefix)) => (address, prefix.parse().ok().filter(|prefix| *prefix <= 32)?),
        None => (text.trim(), 32),
    };
    Some(Address::new(address.parse().ok()?, prefix))
}

/// The address in a text or number, with the prefix of a further argument if there is one.
fn narrowed(v: &Values<'_>, at: usize, prefix: usize) -> Option<Address> {
    let found = match v[at].as_ref() {
        Value::String(text) => address(text)?,
        Value::Dynamic(Json::String(text)) => address(text)?,
        number => Address::new(
            u32::try_from(super::super::cast::as_long(number)?)
                .ok()?
                .into(),
            32,
        ),
    };
    match v.len() > prefix {
        true => given_prefix(v, prefix).map(|prefix| found.within(prefix)),
        false => Some(found),
    }
}

fn given_prefix(v: &Values<'_>, at: usize) -> Option<u8> {
    let prefix = u8::try_from(long(v, at)?).ok()?;
    (prefix <= 32).then_some(prefix)
}

/// How two addresses compare in the bits that both prefixes, and a third one, leave.
fn compared(v: &Values<'_>) -> Option<i64> {
    let (left, right) = (narrowed(v, 0, 2)?, narrowed(v, 1, 2)?);
    let prefix = left.prefix.min(right.prefix);
    let order = left
        .within(prefix)
        .network()
        .cmp(&right.within(prefix).network());
    Some(order as i64)
}

/// The texts behind the first argument: each of its own, or in an array.
pub(super) fn words(v: &Values<'_>) -> Vec<String> {
    let words = v[1..].iter().flat_map(|word| match word.as_ref() {
        Value::Dynamic(Json::Array(words)) => words.iter().map(element_text).collect(),
        other => vec![other.to_text()],
    });
    words.collect()
}

fn is_whole(wanted: &str, _: &str) -> bool {
    wanted.parse::<Ipv4Addr>().is_ok()
}

/// Whether a prefix is a whole address or ends with a dot, and what follows it makes one.
fn is_prefix(wanted: &str, rest: &str) -> bool {
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'));
    let found = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
    (wanted.ends_with('.') || is_whole(wanted, "")) && is_whole(found, "")
}

/// Whether the wanted text stands somewhere, no letter or digit before it, nor behind the address.
fn holds(source: &str, wanted: &str, fits: fn(&str, &str) -> bool) -> bool {
    if wanted.is_empty() {
        return false;
    }
    let is_free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    source.match_indices(wanted).any(|(at, _)| {
        let rest = &source[at..];
        let behind = match wanted.ends_with('.') {
            true => rest.find(|c: char| !(c.is_ascii_digit() || c == '.')),
            false => Some(wanted.len()),
        };
        let after = behind.and_then(|end| rest[end..].chars().next());
        is_free(source[..at].chars().next_back()) && is_free(after) && fits(wanted, rest)
    })
}

/// The fewest networks that are the addresses from the first to the last.
fn networks(first: Ipv4Addr, last: Ipv4Addr) -> Json {
    let (mut next, last) = (u64::from(first.to_bits()), u64::from(last.to_bits()));
    let mut found = Vec::new();
    while next <= last {
        let aligned = if next == 0 {
            32
        } else {
            next.trailing_zeros().min(32)
        };
        let fits = (last - next + 1).ilog2();
        let size = aligned.min(fits);
        // Both are addresses: `next` is not beyond the last one.
        let start = Ipv4Addr::from(u32::try_from(next).unwrap_or(u32::MAX));
        found.push(Json::from(format!("{start}/{}", 32 - size)));
        next += 1 << size;
    }
    found.into()
}
