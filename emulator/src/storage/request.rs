//! What a storage request says: its address and its headers.

use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use time::OffsetDateTime;

use super::account::Account;
use super::error::StorageError;
use super::query::Query;
use crate::messages::Messages;
use crate::services::{Service, StorageOperation};

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) service: Service,
    /// Container, queue or table, decoded. It may not exist.
    pub(crate) resource: String,
    /// What follows it, decoded: a blob's name, `messages/...`, or a table's `(PartitionKey=...)`.
    pub(crate) rest: String,
}

impl Address {
    /// Finds the service by the name of the first segment; where that name is unknown, by the
    /// host's second label or the form of the path, so that the right "not found" is answered.
    pub(crate) fn of(account: &Account, host: &str, path: &str) -> Result<Self, StorageError> {
        let path = without_account(path, account.name());
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let (first, rest) = (decode(first)?, decode(rest)?);
        let (name, keys) = first.split_at(first.find('(').unwrap_or(first.len()));
        let service = account
            .service_of(name)
            .or_else(|| account.service_of(&name.to_lowercase()))
            .unwrap_or_else(|| guess_service(host, keys, &rest));
        let rest = if service == Service::Table {
            keys.to_owned()
        } else {
            rest
        };
        Ok(Self {
            service,
            resource: name.to_owned(),
            rest,
        })
    }
}

/// The path after its leading slash and, in path style, after the account's name. Some SDKs escape the
/// slash behind the account.
pub(crate) fn without_account<'a>(path: &'a str, account: &str) -> &'a str {
    let path = path.strip_prefix('/').unwrap_or(path);
    let rest = path.strip_prefix(account).and_then(|rest| {
        let slashes = ["/", "%2F", "%2f"];
        slashes.iter().find_map(|slash| rest.strip_prefix(slash))
    });
    rest.unwrap_or(path)
}

fn guess_service(host: &str, keys: &str, rest: &str) -> Service {
    match host.split('.').nth(1) {
        Some("queue") => Service::Queue,
        Some("table") => Service::Table,
        Some("blob") => Service::Blob,
        _ if !keys.is_empty() => Service::Table,
        _ if rest == "messages" || rest.starts_with("messages/") => Service::Queue,
        _ => Service::Blob,
    }
}

fn decode(text: &str) -> Result<String, StorageError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| StorageError::invalid_uri())
}

/// A request whose address and signature are known; the body is still to be read.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    /// None when it is none that the emulator knows.
    pub(crate) operation: Option<StorageOperation>,
    pub(crate) resource: &'a str,
    pub(crate) rest: &'a str,
    pub(crate) query: &'a Query,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) permissions: super::sas::Permissions,
    pub(crate) secure: bool,
    pub(crate) now: OffsetDateTime,
    /// Where it is noted what a client posts; none for the emulator's ingestor.
    pub(crate) messages: Option<&'a Messages>,
}

impl Call<'_> {
    /// A header's text; absent when it is not readable as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.headers, name)
    }

    /// The `comp` parameter, which says what of the resource is meant.
    pub(crate) fn comp(&self) -> Option<&str> {
        self.query.get("comp")
    }
}

/// A header's text; absent when it is not readable as text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The host a request names, without its port.
pub(crate) fn host(parts: &Parts) -> &str {
    let authority =
        header(&parts.headers, "host").or_else(|| parts.uri.authority().map(|a| a.as_str()));
    let authority = authority.unwrap_or_default();
    authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::account::AccountKey;

    fn account() -> Account {
        let names = [
            (Service::Blob, "landing".to_owned()),
            (Service::Queue, "failed".to_owned()),
            (Service::Table, "status".to_owned()),
        ];
        Account::new(AccountKey::built_in().remove(0), &names)
    }

    fn address(host: &str, path: &str) -> (Service, String, String) {
        let found = Address::of(&account(), host, path).unwrap();
        (found.service, found.resource, found.rest)
    }

    fn expected(service: Service, resource: &str, rest: &str) -> (Service, String, String) {
        (service, resource.to_owned(), rest.to_owned())
    }

    #[test]
    fn the_first_segment_decides_at_the_root_and_in_path_style() {
        for prefix in ["/", "/kustoemu1/", "/kustoemu1%2F", "/kustoemu1%2f"] {
            let at = |path: &str| address("127.0.0.1", &format!("{prefix}{path}"));
            assert_eq!(
                at("landing/a%20b/c%2Fd.csv"),
                expected(Service::Blob, "landing", "a b/c/d.csv")
            );
            assert_eq!(
                at("failed/messages/7"),
                expected(Service::Queue, "failed", "messages/7")
            );
            assert_eq!(
                at("status(PartitionKey='a%2Fb',RowKey='c')"),
                expected(Service::Table, "status", "(PartitionKey='a/b',RowKey='c')")
            );
            assert_eq!(at("Status()"), expected(Service::Table, "Status", "()"));
        }
    }

    #[test]
    fn unknown_names_go_to_the_service_they_look_like() {
        assert_eq!(address("127.0.0.1", "/nope/x").0, Service::Blob);
        assert_eq!(address("127.0.0.1", "/nope/messages").0, Service::Queue);
        assert_eq!(
            address("127.0.0.1", "/nope(PartitionKey='a')").0,
            Service::Table
        );
        assert_eq!(
            address("kustoemu1.table.core.example.test", "/nope").0,
            Service::Table
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(
            Address::of(&account(), "", "/landing/%FF")
                .unwrap_err()
                .code,
            "InvalidUri"
        );
    }
}
