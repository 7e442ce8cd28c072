//! Functions of IPv4 addresses, which are texts such as `10.0.0.1` or, with a prefix, `10.0.0.0/8`.

use std::net::Ipv4Addr;

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::networks::{
    Family, MOST, Network, compare, is_in_any_range, is_in_range, is_match, prefix, words,
};
use super::record::{Function, Kind, Returns, Values};
use super::values::{dynamic, string, text};

const LONG: Returns = Returns::Type(ColumnType::Long);
const BOOL: Returns = Returns::Type(ColumnType::Bool);
const STRING: Returns = Returns::Type(ColumnType::String);

/// The networks of addresses that no router of the internet knows.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("parse_ipv4", &[Kind::Text], LONG, |v| {
        number(Ipv4::read(text(v, 0))?)
    }),
    Function::new("parse_ipv4_mask", &[Kind::Text, Kind::Whole], LONG, |v| {
        number(narrowed(v)?)
    }),
    compare::<Ipv4>("ipv4_compare"),
    is_match::<Ipv4>("ipv4_is_match"),
    is_in_range::<Ipv4>("ipv4_is_in_range"),
    is_in_any_range::<Ipv4>("ipv4_is_in_any_range"),
    Function::new("ipv4_is_private", &[Kind::Text], BOOL, |v| {
        let found = Ipv4::read(text(v, 0))?;
        let mut ranges = PRIVATE.iter().filter_map(|range| Ipv4::read(range));
        Some(Value::Bool(ranges.any(|range| range.contains(found))))
    }),
    Function::new("ipv4_netmask_suffix", &[Kind::Text], LONG, |v| {
        Some(Value::Long(Ipv4::read(text(v, 0))?.prefix().into()))
    }),
    Function::new("format_ipv4", &[Kind::Any, Kind::Whole], STRING, |v| {
        string(first(narrowed(v)?)?.to_string())
    })
    .optional(1),
    Function::new("format_ipv4_mask", &[Kind::Any, Kind::Whole], STRING, |v| {
        let found = narrowed(v)?;
        string(format!("{}/{}", first(found)?, found.prefix()))
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
struct Ipv4;

impl Family for Ipv4 {
    const BITS: u8 = 32;

    fn read(text: &str) -> Option<Network<Self>> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, prefix.parse().ok()?),
            None => (text.trim(), Self::BITS),
        };
        let address: Ipv4Addr = address.parse().ok()?;
        Network::new(address.to_bits().into(), prefix)
    }
}

/// The first address of a network.
fn first(network: Network<Ipv4>) -> Option<Ipv4Addr> {
    u32::try_from(network.bits()).ok().map(Ipv4Addr::from)
}

fn number(network: Network<Ipv4>) -> Option<Value> {
    i64::try_from(network.bits()).ok().map(Value::Long)
}

/// The address in a text or number, with the prefix of a further argument if there is one.
fn narrowed(v: &Values<'_>) -> Option<Network<Ipv4>> {
    let found = match v[0].as_ref() {
        Value::String(text) => Ipv4::read(text)?,
        Value::Dynamic(Json::String(text)) => Ipv4::read(text)?,
        number => {
            let number = u32::try_from(super::super::cast::as_long(number)?).ok()?;
            Network::new(number.into(), Ipv4::BITS)?
        }
    };
    match v.len() > 1 {
        true => prefix::<Ipv4>(v, 1).map(|prefix| found.within(prefix)),
        false => Some(found),
    }
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
