//! What a request's body asks for.

use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::database::DEFAULT_DATABASE;
use super::datetime;
use super::error::KustoError;
use super::kql::lexer::{TokenKind, next_token};
use super::response::Layout;
use super::timespan;
use super::value::Value;

/// Most rows a query gives unless the request says otherwise.
pub(super) const DEFAULT_MAX_RECORDS: usize = 500_000;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Database in whose context the text runs.
    pub database: String,
    /// The command or query.
    pub text: String,
    /// Values of declared query parameters.
    pub parameters: Map<String, Json>,
    /// What it asks of the service besides.
    pub options: Options,
}

/// Request options that have an effect here; others are ignored, as the service ignores what it
/// does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// `query_now`, in ticks.
    pub now: Option<i64>,
    /// `truncationmaxrecords`; `notruncation` lifts it.
    pub max_records: usize,
    /// `query_take_max_records`
    pub take: Option<usize>,
    /// `servertimeout`; `norequesttimeout` is the longest.
    pub time_limit: Option<Duration>,
    /// `deferpartialqueryfailures`: a failure within the answer stands in its status alone.
    pub defers_failures: bool,
    /// How v2 frames are laid out.
    pub layout: Layout,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            now: None,
            max_records: DEFAULT_MAX_RECORDS,
            take: None,
            time_limit: None,
            defers_failures: false,
            layout: Layout::default(),
        }
    }
}

impl Options {
    /// Takes one option, from the request or from a `set` statement.
    pub(super) fn set(&mut self, name: &str, value: &Json) {
        let number = || match value {
            Json::Number(number) => number
                .as_u64()
                .and_then(|number| usize::try_from(number).ok()),
            Json::String(text) => text.parse().ok(),
            _ => None,
        };
        match name {
            "query_now" => self.now = value.as_str().and_then(moment).or(self.now),
            "truncationmaxrecords" => self.max_records = number().unwrap_or(self.max_records),
            "query_take_max_records" => self.take = number().or(self.take),
            "servertimeout" => self.time_limit = duration(value).or(self.time_limit),
            "norequesttimeout" if is_set(value) => self.time_limit = Some(Duration::MAX),
            "notruncation" if is_set(value) => self.max_records = usize::MAX,
            "deferpartialqueryfailures" => self.defers_failures = is_set(value),
            "results_v2_fragment_primary_tables" => self.layout.fragmented = is_set(value),
            "results_v2_newlines_between_frames" => self.layout.newlines = is_set(value),
            "results_error_reporting_placement" => {
                self.layout.errors_at_end = value.as_str().is_some_and(|place| place != "in_data");
            }
            _ => {}
        }
    }
}

fn is_set(value: &Json) -> bool {
    match value {
        Json::Bool(set) => *set,
        Json::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// A timespan as text; none when it is none, or is negative.
fn duration(value: &Json) -> Option<Duration> {
    let ticks = timespan::parse(value.as_str()?)?;
    Some(Duration::from_micros(u64::try_from(ticks).ok()? / 10))
}

/// A time as text or as a `datetime(...)` literal.
fn moment(text: &str) -> Option<i64> {
    match next_token(text, 0).kind {
        TokenKind::Literal(Value::DateTime(ticks), _) => Some(ticks),
        _ => datetime::parse(text),
    }
}

impl Request {
    /// Reads a body.
    ///
    /// # Errors
    /// A bad request that says what is wrong with it.
    pub(super) fn parse(body: &[u8]) -> Result<Self, KustoError> {
        // Some clients begin JSON with a byte order mark.
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        let parsed = serde_json::from_slice(body).map_err(|error| {
            KustoError::bad_request(format!("The request body is not JSON: {error}"))
        })?;
        let Json::Object(mut members) = parsed else {
            return Err(KustoError::bad_request(
                "The request body is not a JSON object.",
            ));
        };
        let database = match members.remove("db") {
            None | Some(Json::Null) => DEFAULT_DATABASE.to_owned(),
            Some(Json::String(name)) if name.is_empty() => DEFAULT_DATABASE.to_owned(),
            Some(Json::String(name)) => name,
            Some(_) => {
                return Err(KustoError::bad_request(
                    "The member 'db' of the request body is not a string.",
                ));
            }
        };
        let Some(Json::String(text)) = members.remove("csl") else {
            return Err(KustoError::bad_request(
                "The request body lacks the string member 'csl'.",
            ));
        };
        if text.trim().is_empty() {
            return Err(KustoError::bad_request(
                "The member 'csl' of the request body is empty.",
            ));
        }
        let mut properties = properties(members.remove("properties"))?;
        let mut options = Options::default();
        if let Some(Json::Object(given)) = properties.remove("Options") {
            given
                .iter()
                .for_each(|(name, value)| options.set(name, value));
        }
        let parameters = match properties.remove("Parameters") {
            Some(Json::Object(parameters)) => parameters,
            _ => Map::new(),
        };
        Ok(Self {
            database,
            text,
            parameters,
            options,
        })
    }
}

/// `properties` is an object, or a string that holds one.
fn properties(given: Option<Json>) -> Result<Map<String, Json>, KustoError> {
    let parsed = match given {
        None | Some(Json::Null) => return Ok(Map::new()),
        Some(Json::String(text)) if text.trim().is_empty() => return Ok(Map::new()),
        Some(Json::String(text)) => serde_json::from_str(&text).unwrap_or(Json::Null),
        Some(other) => other,
    };
    match parsed {
        Json::Object(properties) => Ok(properties),
        _ => Err(KustoError::bad_request(
            "The member 'properties' of the request body is not a JSON object.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_come_as_object_or_text() {
        for properties in [
            r#"{"Options":{"truncationmaxrecords":5,"query_now":"datetime(2024-01-01)","x":1},"Parameters":{"n":1}}"#.to_owned(),
            r#""{\"Options\":{\"truncationmaxrecords\":\"5\",\"query_now\":\"2024-01-01\"},\"Parameters\":{\"n\":1}}""#.to_owned(),
        ] {
            let body = format!(r#"{{"db":"D","csl":"T","properties":{properties}}}"#);
            let request = Request::parse(body.as_bytes()).expect("valid");
            assert_eq!(request.options.max_records, 5);
            assert_eq!(request.options.now, datetime::parse("2024-01-01"));
            assert_eq!(request.parameters["n"], 1);
        }
    }

    #[test]
    fn faults_name_the_member() {
        for (body, member) in [
            ("", "not JSON"),
            ("[]", "JSON object"),
            (r#"{"csl":1}"#, "'csl'"),
            (r#"{"csl":"  "}"#, "'csl'"),
            (r#"{"csl":"T","db":1}"#, "'db'"),
            (r#"{"csl":"T","properties":"{"}"#, "'properties'"),
        ] {
            let error = Request::parse(body.as_bytes()).expect_err(body).to_string();
            assert!(error.contains(member), "{error}");
        }
    }
}
