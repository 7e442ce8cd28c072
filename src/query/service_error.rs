//! Errors reported by the service, with an HTTP status or inside a 200.

use serde_json::{Map, Value as Json};

use crate::error::{Error, ErrorKind, RetryClass, Step};
use crate::http::answer::denies;
use crate::http::body;
use crate::secret::{excerpt, identifier};

/// How much of the service's own message is kept. Syntax errors quote the query, which can be long.
const MAX_MESSAGE_CHARS: usize = 4000;
/// A longer body is not an error but rows, of which no tree is made.
const MAX_ERROR_BODY: usize = 1024 * 1024;

/// The error that an answer with this status and body stands for. A body that is not an error object
/// of the service is a gateway's or an attacker's, and is not quoted.
pub(crate) fn parse_service_error(step: Step, status: u16, body: &[u8]) -> Error {
    let report = match json_of(body) {
        Some(json @ Json::Object(_)) => Report::from_json(&json),
        _ => None,
    };
    // A gateway does not know whether the request was carried out; the service itself does.
    let in_doubt = report.is_none() && !denies(status);
    let report = report.unwrap_or_else(|| Report {
        message: format!("the answer is {status} with {}", body::describe(body)),
        ..Report::default()
    });
    report
        .into_error(step, Some(status))
        .with_in_doubt(in_doubt)
}

/// The error that one of the `OneApiErrors` or `Exceptions` inside an answer with status 200 stands
/// for.
pub(crate) fn in_band_error(step: Step, error: &Json) -> Error {
    let report = Report::from_json(error).unwrap_or_else(|| Report {
        message: "the service reports an error of an unknown form".to_owned(),
        ..Report::default()
    });
    report.into_error(step, None)
}

/// The error that stands in the place of a row; `None` for anything else, which may be the caller's
/// data.
pub(crate) fn error_among_rows(step: Step, row: &Json) -> Option<Error> {
    let errors = row.as_object().and_then(own_errors)?;
    Some(in_band_error(step, errors))
}

/// The error of a 200 with an unexpected body: cut off, or a gateway's page. In doubt, because a
/// command may have been run. `problem` must not quote the body.
pub(crate) fn unreadable_answer(step: Step, body: &[u8], problem: &str) -> Error {
    // A late failure can be the whole body, in place of the tables.
    if body.len() <= MAX_ERROR_BODY
        && let Ok(Json::Object(members)) = serde_json::from_slice(body)
        && let Some(report) = own_errors(&members).and_then(Report::from_json)
    {
        return report.into_error(step, None);
    }
    let message = match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => {
            format!("the answer cannot be read ({problem}); it may have been cut off")
        }
        _ => format!("the answer is not of the service: {}", body::describe(body)),
    };
    Error::new(ErrorKind::Service, step, message)
        .with_retry(RetryClass::Later)
        .with_in_doubt(true)
}

/// The JSON of a body, in which a byte that is not UTF-8 harms no more than the text that it is in.
pub(crate) fn json_of(body: &[u8]) -> Option<Json> {
    serde_json::from_str(&String::from_utf8_lossy(body)).ok()
}

/// What a program can decide by in an error of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codes {
    /// Its code, its type, the code in front of its text, and the codes of the errors inside it.
    pub(crate) names: Vec<String>,
    /// Its `@permanent`.
    pub(crate) permanent: Option<bool>,
    /// Its `@failureCode`.
    pub(crate) failure: Option<i64>,
    /// Whether it has a member that begins with `@`, as those of the service have: gateways send errors with codes, too.
    pub(crate) is_marked: bool,
}

/// Whether an answer has an error in it, of any form.
pub(crate) fn holds_error(json: &Json) -> bool {
    json.as_object().and_then(own_errors).is_some()
}

/// Errors inside errors that are looked at.
const MAX_INNER: usize = 8;

/// The codes of the error in an answer, in any of its places; `None` for one without a code, and for an object that is
/// nothing but a code and a text: a gateway's.
pub(crate) fn codes_of(json: &Json) -> Option<Codes> {
    let members = json.as_object()?;
    let error = match own_errors(members) {
        Some(Json::Array(errors)) => first_object(errors)?,
        Some(error) => error.as_object()?,
        None if is_marked(members) => members,
        None => return None,
    };
    // The errors inside an answer wrap theirs once more.
    let error = own_errors(error).and_then(Json::as_object).unwrap_or(error);
    let text = |name: &str| find(error, name).filter(|text| !text.trim().is_empty());
    let mut names = vec![text("code")?];
    names.extend(text("@type"));
    names.extend(text("@message").and_then(|text| leading_code(&text)));
    let mut inner = error.get("innererror").and_then(Json::as_object);
    for _ in 0..MAX_INNER {
        let Some(members) = inner else { break };
        names.extend(find(members, "code"));
        inner = members.get("innererror").and_then(Json::as_object);
    }
    Some(Codes {
        names,
        permanent: error.get("@permanent").and_then(flag),
        failure: text("@failureCode").and_then(|text| number(&text)),
        is_marked: is_marked(error),
    })
}

fn is_marked(error: &Map<String, Json>) -> bool {
    error.keys().any(|name| name.starts_with('@'))
}

fn first_object(errors: &[Json]) -> Option<&Map<String, Json>> {
    errors.first()?.as_object()
}

/// The code that some texts begin with, such as `Stream_WrongNumberOfFields: ...`: a word with an underscore, not any
/// word.
fn leading_code(text: &str) -> Option<String> {
    let is_of_code = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (code, rest) = text.split_at(text.find(|c| !is_of_code(c)).unwrap_or(text.len()));
    let ends = rest.is_empty() || rest.starts_with(':');
    (ends && code.contains('_')).then(|| code.to_owned())
}

/// A number as the service writes it: decimal, or hexadecimal with `0x`.
fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Under the names by which the service marks errors, in answers of every status.
fn own_errors(members: &Map<String, Json>) -> Option<&Json> {
    ["error", "OneApiErrors", "Exceptions"]
        .iter()
        .find_map(|name| members.get(*name))
}

/// The content of an error, from any of its places.
#[derive(Default)]
struct Report {
    message: String,
    code: Option<String>,
    type_name: Option<String>,
    activity_id: Option<String>,
    permanent: Option<bool>,
}

impl Report {
    /// Reads `{"error":{...}}`, the inner object itself, `{"OneApiErrors":[...]}`,
    /// `{"Exceptions":[...]}`, `{"message":..}`, or a string in the place of one of these.
    fn from_json(json: &Json) -> Option<Self> {
        match json {
            Json::String(text) => (!text.trim().is_empty()).then(|| Self {
                message: text.clone(),
                ..Self::default()
            }),
            Json::Array(errors) => errors.first().and_then(Self::from_json),
            Json::Object(members) => own_errors(members)
                .and_then(Self::from_json)
                .or_else(|| Self::from_members(members)),
            _ => None,
        }
    }

    fn from_members(members: &Map<String, Json>) -> Option<Self> {
        let text = |name: &str| find(members, name).filter(|text| !text.trim().is_empty());
        let code = text("code");
        let message = text("@message").or_else(|| text("message"));
        if code.is_none() && message.is_none() {
            return None;
        }
        let inner = members.get("innererror").and_then(Json::as_object);
        let mut message = message.unwrap_or_else(|| "the service sent no message".to_owned());
        if let Some(inner_code) = inner.and_then(|inner| find(inner, "code"))
            && !message.contains(&inner_code)
        {
            message = format!("{inner_code}: {message}");
        }
        let context = members.get("@context").and_then(Json::as_object);
        Some(Self {
            message,
            code,
            type_name: text("@type"),
            activity_id: context.and_then(|context| find(context, "activityId")),
            permanent: members.get("@permanent").and_then(flag),
        })
    }

    fn into_error(self, step: Step, status: Option<u16>) -> Error {
        let message = excerpt(&self.message, MAX_MESSAGE_CHARS);
        let mut error = Error::new(self.kind(status), step, message).with_retry(self.retry(status));
        if let Some(status) = status {
            error = error.with_http_status(status);
        }
        if let Some(code) = self.code.as_deref().and_then(identifier) {
            error = error.with_service_code(code);
        }
        match self.activity_id.as_deref().and_then(identifier) {
            Some(id) => error.with_activity_id(id),
            None => error,
        }
    }

    fn kind(&self, status: Option<u16>) -> ErrorKind {
        match status {
            Some(429) => ErrorKind::Throttled,
            Some(401 | 403) => ErrorKind::Auth,
            _ if self.is_throttling() => ErrorKind::Throttled,
            Some(404) => ErrorKind::NotFound,
            Some(413) => ErrorKind::TooLarge,
            _ if self.says("EntityNotFound") => ErrorKind::NotFound,
            _ => ErrorKind::Service,
        }
    }

    fn is_throttling(&self) -> bool {
        self.says("Throttl") || self.says("TooManyRequests")
    }

    fn says(&self, word: &str) -> bool {
        let has = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(word));
        has(&self.code) || has(&self.type_name)
    }

    /// The service's own classification if there is one; else by the status: client errors are
    /// permanent, others transient.
    fn retry(&self, status: Option<u16>) -> RetryClass {
        match (self.permanent, status) {
            (_, Some(429)) => RetryClass::Later,
            (Some(true), _) => RetryClass::Never,
            (Some(false), _) => RetryClass::Later,
            (None, _) if self.is_throttling() => RetryClass::Later,
            (None, Some(408)) => RetryClass::Later,
            // Redirects are never followed: the token would go to another host.
            (None, Some(300..=499)) => RetryClass::Never,
            (None, Some(_)) => RetryClass::Later,
            (None, None) => RetryClass::Unknown,
        }
    }
}

/// A member as text; its name ignores case.
fn find(members: &Map<String, Json>, name: &str) -> Option<String> {
    members
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .filter(|(_, value)| !value.is_null())
        .map(|(_, value)| plain(value))
}

fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn flag(json: &Json) -> Option<bool> {
    match json {
        Json::Bool(flag) => Some(*flag),
        Json::String(text) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
