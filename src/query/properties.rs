//! Options and parameters of commands and queries.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::catalog::OPTIONS;
use crate::error::{Error, Result, did_you_mean};
use crate::values::TimeSpan;

/// The service's own limits of `servertimeout`.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// How much longer than the service this side waits, so that the service's own error arrives.
const GRACE: Duration = Duration::from_secs(30);

/// Options and parameters of one command or query.
///
/// ```
/// use kusto_ingest::query::RequestProperties;
///
/// let properties = RequestProperties::new()
///     .with_option("query_take_max_records", 1000)
///     .with_parameter("since", "datetime(2026-01-01T00:00:00Z)");
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestProperties {
    options: Map<String, Json>,
    /// The names of options that need not be known.
    additional: BTreeSet<String>,
    parameters: Map<String, Json>,
    pub(super) client_request_id: Option<String>,
    server_timeout: Option<Duration>,
}

impl RequestProperties {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one of the service's request options by its name, such as `notruncation`; docs/SETTINGS.md
    /// lists them. Case does not count. The request fails for a name that is not listed:
    /// [`RequestProperties::set_option`] says so at once.
    #[must_use]
    pub fn with_option(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        let name = name.into();
        self.put(known(&name).unwrap_or(name.trim()), value.into());
        self
    }

    /// As [`RequestProperties::with_option`], but an option that this library does not know is passed
    /// on to the service as it is, which ignores names that it does not know either. The request fails
    /// for an empty name.
    #[must_use]
    pub fn with_additional_option(
        mut self,
        name: impl Into<String>,
        value: impl Into<Json>,
    ) -> Self {
        let name = name.into();
        if known(&name).is_none() {
            self.additional.insert(name.trim().to_owned());
        }
        self.with_option(name, value)
    }

    /// As [`RequestProperties::with_option`], in place.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a name that this
    /// library does not know, with the name that was probably meant.
    pub fn set_option(&mut self, name: &str, value: impl Into<Json>) -> Result<()> {
        match known(name) {
            Some(name) => self.put(name, value.into()),
            None => return Err(unknown(name)),
        }
        Ok(())
    }

    fn put(&mut self, name: &str, value: Json) {
        self.options.insert(name.to_owned(), value);
    }

    /// Sets a query parameter, which the query text must declare. A string or a number is sent
    /// unchanged; any other type as the text of its literal, such as
    /// `datetime(2026-01-01T00:00:00Z)` (the functions of `kusto_ingest::command` produce
    /// literals). The request fails for an empty name.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        let name = name.into().trim().to_owned();
        self.parameters.insert(name, value.into());
        self
    }

    /// The id under which the service logs the request; by default `KRC.execute;` and a UUID. It
    /// should not contain personal data.
    #[must_use]
    pub fn with_client_request_id(mut self, id: impl Into<String>) -> Self {
        self.client_request_id = Some(id.into());
        self
    }

    /// How long the service may work (`servertimeout`), from 1 second to 1 hour; by default 4
    /// minutes for queries and 10 for commands.
    #[must_use]
    pub fn with_server_timeout(mut self, timeout: Duration) -> Self {
        self.server_timeout = Some(timeout);
        self
    }

    /// Whether every option and parameter may be sent.
    ///
    /// # Errors
    /// As [`RequestProperties::set_option`]; the same kind for an empty name.
    pub(super) fn check(&self) -> Result<()> {
        let is_known = |name: &str| {
            known(name).is_some() || (!name.is_empty() && self.additional.contains(name))
        };
        if let Some(name) = self.options.keys().find(|name| !is_known(name)) {
            return Err(unknown(name));
        }
        if self.parameters.contains_key("") {
            let message = "the name of a query parameter must not be empty";
            return Err(Error::invalid_argument("name", message));
        }
        Ok(())
    }

    /// The properties as the body of a request holds them, and how long to wait for the answer.
    pub(super) fn to_wire(&self, default: Duration) -> (Json, Duration) {
        let timeout = self
            .server_timeout
            .unwrap_or(default)
            .clamp(MIN_TIMEOUT, MAX_TIMEOUT);
        let mut options = self.options.clone();
        let ticks = i64::try_from(timeout.as_nanos() / 100).unwrap_or(i64::MAX);
        // `norequesttimeout` beside a timeout would be a contradiction.
        if !options.contains_key("norequesttimeout") {
            options
                .entry("servertimeout")
                .or_insert_with(|| TimeSpan::from_ticks(ticks).to_string().into());
        }
        let wire = serde_json::json!({ "Options": options, "Parameters": self.parameters });
        // A timeout set as a raw option is not parsed here; this side waits the longest.
        let given_raw = self.options.contains_key("servertimeout")
            || self.options.contains_key("norequesttimeout");
        (wire, if given_raw { MAX_TIMEOUT } else { timeout } + GRACE)
    }
}

/// The option of this name, as the service writes it.
fn known(name: &str) -> Option<&'static str> {
    let wanted = name.trim();
    OPTIONS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(wanted))
        .copied()
}

fn unknown(name: &str) -> Error {
    let name = name.trim();
    let message = match name {
        "" => "the name of a request option must not be empty".to_owned(),
        _ => {
            let like = did_you_mean(name, OPTIONS.iter().copied());
            format!("unknown request option '{name}'{like}")
        }
    };
    Error::invalid_argument(if name.is_empty() { "name" } else { name }, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_options_are_refused_unless_they_are_passed_on() {
        let wrong = RequestProperties::new().with_option("notruncatoin", true);
        let error = wrong.check().unwrap_err();
        assert_eq!(error.argument(), Some("notruncatoin"));
        let message = "unknown request option 'notruncatoin': did you mean 'notruncation'?";
        assert_eq!(error.message(), message);
        let mut properties = RequestProperties::new();
        let error = properties.set_option("notruncatoin", true).unwrap_err();
        assert_eq!(error.message(), message);
        let error = properties.set_option(" ", true).unwrap_err();
        assert_eq!(error.argument(), Some("name"));
        let passed = properties.with_additional_option("query_of_tomorrow", 1);
        passed.check().unwrap();
        let (wire, _) = passed.to_wire(Duration::from_secs(60));
        assert_eq!(wire["Options"]["query_of_tomorrow"], 1);
    }

    #[test]
    fn a_name_is_trimmed_and_not_empty() {
        let empty = RequestProperties::new();
        for (wrong, what) in [
            (empty.clone().with_additional_option(" ", 1), "option"),
            (empty.clone().with_option("", 1), "option"),
            (empty.clone().with_parameter(" ", 1), "parameter"),
        ] {
            let error = wrong.check().unwrap_err();
            assert_eq!(error.argument(), Some("name"));
            assert!(error.message().contains(what), "{error}");
        }
        let padded = empty
            .with_additional_option(" query_of_tomorrow ", 1)
            .with_option(" NoTruncation ", true)
            .with_parameter(" p ", 2);
        padded.check().unwrap();
        let (wire, _) = padded.to_wire(Duration::from_secs(60));
        assert_eq!(wire["Options"]["query_of_tomorrow"], 1);
        assert_eq!(wire["Options"]["notruncation"], true);
        assert_eq!(wire["Parameters"], serde_json::json!({"p": 2}));
    }

    #[test]
    fn listed_options_are_sent_as_the_service_writes_them() {
        let properties = RequestProperties::new()
            .with_option("NoTruncation", true)
            .with_additional_option("Query_Now", "x");
        properties.check().unwrap();
        let (wire, _) = properties.to_wire(Duration::from_secs(60));
        assert_eq!(wire["Options"]["notruncation"], true);
        assert_eq!(wire["Options"]["query_now"], "x");
    }

    #[test]
    fn the_server_timeout_is_always_sent_and_clamped() {
        for (given, sent) in [
            (None, "00:04:00"),
            (Some(Duration::ZERO), "00:00:01"),
            (Some(Duration::from_secs(26 * 3600)), "01:00:00"),
            (Some(Duration::from_millis(1500)), "00:00:01.5000000"),
        ] {
            let properties = RequestProperties {
                server_timeout: given,
                ..RequestProperties::default()
            };
            let (wire, _) = properties.to_wire(Duration::from_secs(4 * 60));
            assert_eq!(wire["Options"]["servertimeout"], sent);
        }
        let raw = RequestProperties::new().with_option("servertimeout", "50m");
        assert_eq!(
            raw.to_wire(Duration::from_secs(4 * 60)).0["Options"]["servertimeout"],
            "50m"
        );
        let none = RequestProperties::new().with_option("norequesttimeout", true);
        let (wire, patience) = none.to_wire(Duration::from_secs(4 * 60));
        assert_eq!(
            wire["Options"],
            serde_json::json!({"norequesttimeout": true})
        );
        assert_eq!(patience, MAX_TIMEOUT + GRACE);
    }
}
