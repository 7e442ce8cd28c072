//! Shared access signatures: making and checking them.
//!
//! The string to sign of a blob's signature is that of service versions from 2020-12-06 on
//! (<https://learn.microsoft.com/rest/api/storageservices/create-service-sas>); the emulator issues
//! [`VERSION`] and accepts every later version of the same form.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use url::form_urlencoded::Serializer;

use super::account::AccountKey;
use super::error::StorageError;
use super::query::Query;
use crate::services::Service;

/// The `sv` of the signatures the emulator makes. Also known to Azurite 3.35.
pub(crate) const VERSION: &str = "2021-12-02";

/// The first version whose string to sign has the form used here.
fn oldest_version(service: Service) -> &'static str {
    match service {
        Service::Blob => "2020-12-06",
        Service::Queue | Service::Table => "2015-04-05",
    }
}

/// What a service SAS is made for.
pub(crate) struct Grant<'a> {
    pub(crate) service: Service,
    /// Container, queue or table.
    pub(crate) resource: &'a str,
    /// Letters in the order of the service's documentation, such as `rcwdl`.
    pub(crate) permissions: &'a str,
    pub(crate) start: OffsetDateTime,
    pub(crate) expiry: OffsetDateTime,
}

/// The query string (without `?`) of a service SAS on a whole container, queue or table.
pub(crate) fn service_sas(account: &AccountKey, grant: &Grant<'_>) -> String {
    let mut query = Query::default();
    query.push("sv", VERSION);
    query.push("st", &instant(grant.start));
    query.push("se", &instant(grant.expiry));
    match grant.service {
        Service::Blob => query.push("sr", "c"),
        Service::Queue => {}
        Service::Table => query.push("tn", grant.resource),
    }
    query.push("sp", grant.permissions);
    let text = string_to_sign(account.name(), grant.service, grant.resource, &query);
    query.push("sig", &signature(account, &text));
    encode(&query)
}

/// The query string of an account SAS over all services; used to set up an external storage.
pub(crate) fn account_sas(account: &AccountKey, now: OffsetDateTime, lifetime: Duration) -> String {
    let (permissions, services, types, expiry) =
        ("rwdlacup", "bqt", "sco", instant(now + lifetime));
    let text = format!(
        "{}\n{permissions}\n{services}\n{types}\n\n{expiry}\n\n\n{VERSION}\n\n",
        account.name()
    );
    let mut query = Query::default();
    for (name, value) in [
        ("sv", VERSION),
        ("ss", services),
        ("srt", types),
        ("se", &expiry),
        ("sp", permissions),
    ] {
        query.push(name, value);
    }
    query.push("sig", &signature(account, &text));
    encode(&query)
}

/// Seconds are all that a SAS's times have.
fn instant(at: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    at.to_offset(time::UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}

fn encode(query: &Query) -> String {
    Serializer::new(String::new())
        .extend_pairs(query.pairs())
        .finish()
}

fn signature(account: &AccountKey, text: &str) -> String {
    STANDARD.encode(mac(account, text).finalize().into_bytes())
}

pub(super) fn mac(account: &AccountKey, text: &str) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(account.key()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac
}

/// `resource` is `container`, `container/blob`, a queue or a table.
fn string_to_sign(account: &str, service: Service, resource: &str, query: &Query) -> String {
    let field = |name: &str| query.get(name).unwrap_or_default();
    let resource = match service {
        Service::Table => resource.to_lowercase(),
        Service::Blob | Service::Queue => resource.to_owned(),
    };
    let canonical = format!("/{}/{account}/{resource}", service.name());
    let mut lines = vec![field("sp"), field("st"), field("se"), &canonical];
    lines.extend(["si", "sip", "spr", "sv"].map(field));
    match service {
        Service::Blob => {
            // A snapshot's time would stand after `sr`; the emulator has no snapshots.
            lines.extend([field("sr"), ""]);
            lines.extend(["ses", "rscc", "rscd", "rsce", "rscl", "rsct"].map(field));
        }
        Service::Queue => {}
        Service::Table => lines.extend(["spk", "srk", "epk", "erk"].map(field)),
    }
    lines.join("\n")
}

/// What a request addresses, as far as its authorization is concerned.
pub(crate) struct Target<'a> {
    pub(crate) service: Service,
    /// Container, queue or table.
    pub(crate) resource: &'a str,
    /// Empty unless the request addresses a blob.
    pub(crate) blob: &'a str,
    pub(crate) secure: bool,
}

/// The letters of a checked signature.
#[derive(Debug)]
pub(crate) struct Permissions(String);

impl Permissions {
    /// Passes when at least one of `letters` was granted.
    pub(crate) fn require_any(&self, letters: &str) -> Result<(), StorageError> {
        if letters.chars().any(|letter| self.0.contains(letter)) {
            Ok(())
        } else {
            Err(StorageError::permission_mismatch())
        }
    }

    pub(crate) fn has(&self, letter: char) -> bool {
        self.0.contains(letter)
    }
}

/// Checks form, signature, protocol and time of the request's SAS.
pub(crate) fn verify(
    account: &AccountKey,
    target: &Target<'_>,
    query: &Query,
    now: OffsetDateTime,
) -> Result<Permissions, StorageError> {
    if query.get("sig").is_none() {
        return Err(StorageError::no_authentication());
    }
    check_form(target, query)?;
    check_signature(account, target, query)?;
    if query.get("spr") == Some("https") && !target.secure {
        return Err(StorageError::protocol_mismatch());
    }
    check_time(query, now)?;
    Ok(Permissions(query.get("sp").unwrap_or_default().to_owned()))
}

fn check_form(target: &Target<'_>, query: &Query) -> Result<(), StorageError> {
    let malformed = |what: &str| {
        Err(StorageError::authentication_failed(format!(
            "Signature fields not well formed: {what}."
        )))
    };
    for unsupported in [
        "ss", "skoid", "si", "sip", "ses", "spk", "srk", "epk", "erk",
    ] {
        if query
            .get(unsupported)
            .is_some_and(|value| !value.is_empty())
        {
            return malformed(&format!("the emulator does not support '{unsupported}'"));
        }
    }
    let oldest = oldest_version(target.service);
    if query.get("sv").is_none_or(|version| version < oldest) {
        return malformed(&format!("the emulator supports sv={oldest} and later here"));
    }
    match (target.service, query.get("sr")) {
        (Service::Blob, Some("c" | "b")) | (Service::Queue, _) => {}
        (Service::Blob, _) => return malformed("sr must be c or b"),
        (Service::Table, _) => {
            if !query
                .get("tn")
                .is_some_and(|name| name.eq_ignore_ascii_case(target.resource))
            {
                return malformed("tn is not the requested table");
            }
        }
    }
    Ok(())
}

/// The string to sign of the request's signature.
fn signed_text(account: &AccountKey, target: &Target<'_>, query: &Query) -> String {
    let of_blob = target.service == Service::Blob && query.get("sr") == Some("b");
    let resource = if of_blob {
        format!("{}/{}", target.resource, target.blob)
    } else {
        target.resource.to_owned()
    };
    string_to_sign(account.name(), target.service, &resource, query)
}

fn check_signature(
    account: &AccountKey,
    target: &Target<'_>,
    query: &Query,
) -> Result<(), StorageError> {
    let text = signed_text(account, target, query);
    // A '+' that is not escaped reads as a space, which base64 has none of.
    let given = query.get("sig").unwrap_or_default();
    let matches = STANDARD
        .decode(given)
        .is_ok_and(|given| mac(account, &text).verify_slice(&given).is_ok());
    if matches {
        Ok(())
    } else {
        Err(no_match(&text))
    }
}

fn no_match(text: &str) -> StorageError {
    StorageError::authentication_failed(format!(
        "Signature did not match. String to sign used was {text}"
    ))
}

/// What a request is told when its signature is wrong, whether it is or not.
pub(crate) fn wrong_signature(
    account: &AccountKey,
    target: &Target<'_>,
    query: &Query,
) -> StorageError {
    no_match(&signed_text(account, target, query))
}

/// What a request is told when its signature's time is over, whether it is or not: then the time told is one
/// second after the end.
pub(crate) fn expired_signature(query: &Query, now: OffsetDateTime) -> StorageError {
    let end = query.get("se").and_then(parse_instant);
    let over = end.and_then(|end| end.checked_add(time::Duration::SECOND));
    not_in_time(query, over.map_or(now, |over| over.max(now)))
}

fn not_in_time(query: &Query, now: OffsetDateTime) -> StorageError {
    let field = |name: &str| query.get(name).unwrap_or_default();
    StorageError::authentication_failed(format!(
        "Signature not valid in the specified time frame: Start [{}] - Expiry [{}] - Current [{}]",
        field("st"),
        field("se"),
        instant(now)
    ))
}

fn check_time(query: &Query, now: OffsetDateTime) -> Result<(), StorageError> {
    let (start, expiry) = (
        query.get("st").unwrap_or_default(),
        query.get("se").unwrap_or_default(),
    );
    let Some(end) = parse_instant(expiry) else {
        return Err(StorageError::authentication_failed(
            "Signature fields not well formed: se.",
        ));
    };
    let begins = if start.is_empty() {
        Some(OffsetDateTime::UNIX_EPOCH)
    } else {
        parse_instant(start)
    };
    let Some(begin) = begins else {
        return Err(StorageError::authentication_failed(
            "Signature fields not well formed: st.",
        ));
    };
    if begin <= now && now < end {
        return Ok(());
    }
    Err(not_in_time(query, now))
}

/// The ISO 8601 forms a SAS may use: date, date with minutes, date with seconds.
fn parse_instant(text: &str) -> Option<OffsetDateTime> {
    let completed = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        17 => format!("{}:00Z", text.strip_suffix('Z')?),
        _ => text.to_owned(),
    };
    OffsetDateTime::parse(&completed, &Rfc3339).ok()
}

#[cfg(test)]
mod tests;
