//! Whom the emulator listens to: which hosts a request may be meant for, and which pages may send one.
//!
//! Every page that a browser shows may send requests to the ports of its machine. What a page sends across
//! hosts has an `Origin`; a page whose own name was made to lead here has none, but its name in `Host`. A form that is
//! sent without an `Origin` is known by `Sec-Fetch-Site` or `Referer`, which programs do not send.

use std::collections::HashSet;
use std::net::IpAddr;

use hyper::header::{HOST, HeaderName, ORIGIN, REFERER};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode, Version};
use serde_json::json;

use super::body::Body;
use super::response::typed;

/// How much of a foreign name an answer repeats, in characters.
const SHOWN: usize = 100;

/// What a browser says of the page that sends a request (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The hosts that an emulator answers for, besides loopback and the address that a connection came to.
pub(crate) struct Hosts {
    /// `None`: any.
    names: Option<HashSet<String>>,
}

impl Hosts {
    /// No host and no page is foreign.
    pub(crate) fn any() -> Self {
        Self { names: None }
    }

    /// These as well, and each with `ingest-` before it.
    pub(crate) fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            names: Some(names.into_iter().map(|name| plain(&name)).collect()),
        }
    }

    /// The answer to a request for a foreign host or from a foreign page. `local` is the address that it came to.
    pub(crate) fn refusal(&self, parts: &Parts, local: Option<IpAddr>) -> Option<Response<Body>> {
        let names = self.names.as_ref()?;
        let known = |host: &str| {
            let host = plain(host);
            let derived = host.strip_prefix("ingest-");
            is_known(&host, names, local)
                || derived.is_some_and(|host| is_known(host, names, local))
        };
        // The target of a request may be a whole URL, whose host then counts.
        if let Some(target) = parts.uri.host()
            && !known(target)
        {
            return Some(refused(&HOST, target));
        }
        let foreign = |name: &HeaderName, host_of: fn(&str) -> Option<&str>| {
            parts.headers.get_all(name).iter().find_map(|value| {
                let text = String::from_utf8_lossy(value.as_bytes());
                let is_known = host_of(&text).is_some_and(known);
                (!is_known).then(|| refused(name, &text))
            })
        };
        foreign(&HOST, host)
            .or_else(|| foreign(&ORIGIN, origin_host))
            .or_else(|| {
                let unsaid = changes_something(parts) && !parts.headers.contains_key(ORIGIN);
                unsaid
                    .then(|| from_elsewhere(parts).or_else(|| foreign(&REFERER, page_host)))
                    .flatten()
            })
    }
}

/// The answer to a request of HTTP/1.1 that does not say exactly once which host it is for (RFC 9112, 3.2).
pub(crate) fn without_host(parts: &Parts) -> Option<Response<Body>> {
    if parts.version != Version::HTTP_11 || parts.headers.get_all(HOST).iter().count() == 1 {
        return None;
    }
    let message = "A request of HTTP/1.1 has one header Host.";
    let error = json!({ "error": { "code": "BadRequest", "message": message, "@message": message, "@permanent": true } });
    Some(typed(
        StatusCode::BAD_REQUEST,
        "application/json; charset=utf-8",
        error.to_string(),
    ))
}

/// Whether the request may change what there is. Links from any page to what only shows something are welcome.
fn changes_something(parts: &Parts) -> bool {
    !parts.method.is_safe()
}

/// The answer to what a browser says to come from a page of another host.
fn from_elsewhere(parts: &Parts) -> Option<Response<Body>> {
    let value = parts.headers.get(SEC_FETCH_SITE)?;
    let foreign = ["cross-site", "same-site"]
        .iter()
        .find(|site| value == *site)?;
    Some(refused(&SEC_FETCH_SITE, foreign))
}

fn is_known(host: &str, names: &HashSet<String>, local: Option<IpAddr>) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        let address = address.to_canonical();
        let is_local = local.is_some_and(|local| local.to_canonical() == address);
        return address.is_loopback() || is_local || names.contains(host);
    }
    // What ends with `.localhost` leads nowhere else (RFC 6761, 6.3).
    host == "localhost" || host.ends_with(".localhost") || names.contains(host)
}

/// A host as it is compared: in lower case, without brackets and the dot of the root.
fn plain(host: &str) -> String {
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The host of `host`, `host:port` or `[address]:port`.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.split_once(']') {
        Some((address, rest)) => (&authority[..=address.len()], rest),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    well_formed.then_some(host)
}

/// The host of `scheme://host:port`; none in the `null` of a page without a host.
fn origin_host(origin: &str) -> Option<&str> {
    host(origin.split_once("://")?.1)
}

/// The host of `scheme://host:port/path`.
fn page_host(address: &str) -> Option<&str> {
    let rest = address.split_once("://")?.1;
    host(rest.split(['/', '?', '#']).next().unwrap_or(rest))
}

fn refused(header: &HeaderName, found: &str) -> Response<Body> {
    let shown: String = found.chars().take(SHOWN).collect();
    let (header, what) = match header.as_str() {
        "origin" => ("Origin", "a page of a host"),
        "referer" => ("Referer", "a page of a host"),
        "sec-fetch-site" => ("Sec-Fetch-Site", "a page of a host"),
        _ => ("Host", "a host"),
    };
    tracing::info!(header, found = shown, "refused");
    let message = format!(
        "The header {header} names {what} that the emulator does not know: '{shown}'. Start the emulator with \
         --allow-host NAME to accept it, or with --allow-any-host to accept all."
    );
    let error = json!({ "error": { "code": "Forbidden", "message": message, "@message": message, "@permanent": true } });
    typed(
        StatusCode::FORBIDDEN,
        "application/json; charset=utf-8",
        error.to_string(),
    )
}
