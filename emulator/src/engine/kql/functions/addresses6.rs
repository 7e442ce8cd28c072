//! Functions of IPv6 addresses. An IPv4 one is taken as its mapped address, `::ffff:a.b.c.d`, and its prefix counts
//! behind the 96 bits before it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::super::value::ColumnType;
use super::networks::{Family, Network, compare, is_in_any_range, is_in_range, is_match, prefix};
use super::record::{Function, Kind, Returns};
use super::values::{string, text};

const STRING: Returns = Returns::Type(ColumnType::String);
/// The bits before an IPv4 address.
const BEFORE_IPV4: u8 = 96;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("parse_ipv6", &[Kind::Text], STRING, |v| {
        string(canonical(Ipv6::read(text(v, 0))?))
    }),
    Function::new("parse_ipv6_mask", &[Kind::Text, Kind::Whole], STRING, |v| {
        let found = Ipv6::read(text(v, 0))?;
        string(canonical(found.within(prefix::<Ipv6>(v, 1)?)))
    }),
    compare::<Ipv6>("ipv6_compare"),
    is_match::<Ipv6>("ipv6_is_match"),
    is_in_range::<Ipv6>("ipv6_is_in_range"),
    is_in_any_range::<Ipv6>("ipv6_is_in_any_range"),
];

#[derive(Clone, Copy)]
struct Ipv6;

impl Family for Ipv6 {
    const BITS: u8 = 128;

    /// `::a.b.c.d` is another spelling of an IPv4 address.
    fn read(text: &str) -> Option<Network<Self>> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (text.trim(), None),
        };
        let short = address.strip_prefix("::").unwrap_or(address);
        if let Ok(found) = short.parse::<Ipv4Addr>() {
            let prefix = prefix.unwrap_or(Self::BITS - BEFORE_IPV4);
            let bits = found.to_ipv6_mapped().to_bits();
            return Network::new(bits, prefix.checked_add(BEFORE_IPV4)?);
        }
        let bits = address.parse::<Ipv6Addr>().ok()?.to_bits();
        Network::new(bits, prefix.unwrap_or(Self::BITS))
    }
}

/// All eight groups with all their digits.
fn canonical(found: Network<Ipv6>) -> String {
    let groups = Ipv6Addr::from_bits(found.bits()).segments();
    groups.map(|group| format!("{group:04x}")).join(":")
}
