//! What Entra ID says when it refuses a request. `error` and the number of the AADSTS code decide; the
//! text is for people and is never compared.

use serde_json::Value as Json;
use time::OffsetDateTime;

use super::advice::advice;
use crate::error::{Error, ErrorKind, RetryClass, Step};
use crate::http::body;
use crate::http::transport::Reply;
use crate::secret::{excerpt, identifier};

/// How much of the service's text is kept.
const MAX_CHARS: usize = 1000;

/// A refusal, without secrets. A body of another form is only described.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::auth) struct Refusal {
    /// The OAuth error, such as `invalid_client`.
    pub(in crate::auth) error: Option<String>,
    /// The number of the AADSTS code.
    pub(in crate::auth) number: Option<u64>,
    text: Option<String>,
    correlation_id: Option<String>,
}

impl Refusal {
    pub(in crate::auth) fn read(reply: &Reply) -> Self {
        let mut refusal = Self::parse(&reply.body);
        let id = || reply.header("x-ms-request-id").and_then(identifier);
        refusal.correlation_id = refusal.correlation_id.or_else(id);
        refusal
    }

    fn parse(body: &[u8]) -> Self {
        let json: Json = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| json.get(name).and_then(Json::as_str);
        // Azure's machines have their own member for it.
        let description = text("error_description").or_else(|| text("message"));
        let description = description.unwrap_or_default();
        let codes = json.get("error_codes").and_then(Json::as_array);
        let number = codes
            .and_then(|codes| codes.iter().find_map(number))
            .or_else(|| code_in(description));
        Self {
            error: text("error").and_then(identifier),
            number,
            text: shown(description),
            correlation_id: text("correlation_id").and_then(identifier),
        }
    }

    /// One that came through a browser.
    pub(in crate::auth) fn said(error: &str, description: &str) -> Self {
        Self {
            error: identifier(error),
            number: code_in(description),
            text: shown(description),
            correlation_id: None,
        }
    }

    pub(in crate::auth) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// What to do about it.
    pub(in crate::auth) fn advice(&self) -> Option<&'static str> {
        advice(self.number, self.error.as_deref())
    }

    /// Whether the body is none of a refusal: another service, or something on the way, has answered.
    pub(in crate::auth) fn says_nothing(&self) -> bool {
        self.error.is_none() && self.number.is_none() && self.text.is_none()
    }

    /// Whether only the user can help, for this scope at least: one cluster may want a second factor or consent
    /// while the earlier login is good for others.
    pub(in crate::auth) fn needs_user(&self) -> bool {
        matches!(
            self.error.as_deref(),
            Some("invalid_grant" | "interaction_required" | "login_required" | "consent_required")
        )
    }

    /// Whether the earlier login has ended, for every scope.
    pub(in crate::auth) fn is_of_dead_login(&self) -> bool {
        matches!(self.number, Some(700082 | 70043 | 50173 | 70000))
    }

    /// Whether the same request may succeed later: the service is throttled, busy or out of order.
    fn passes(&self, status: u16) -> bool {
        let is_busy = matches!(self.number, Some(90033 | 90006))
            || self.error.as_deref() == Some("temporarily_unavailable");
        is_busy || matches!(status, 408 | 429 | 500..)
    }

    /// The code of the error: `AADSTS7000215`, else `invalid_client`.
    pub(in crate::auth) fn code(&self) -> Option<String> {
        let number = self.number.map(|number| format!("AADSTS{number}"));
        number.or_else(|| self.error.clone())
    }

    pub(in crate::auth) fn error(&self, host: &str, reply: &Reply) -> Error {
        let said = match (&self.text, &self.error) {
            (Some(text), _) => text.clone(),
            (None, Some(error)) => format!("its reason is {error}"),
            (None, None) => format!("its answer is {}", body::describe(&reply.body)),
        };
        let message = format!("{host} refused the login: {said}");
        let mut error = Error::new(ErrorKind::Auth, Step::AcquireToken, message)
            .with_host(host)
            .with_http_status(reply.status);
        let advised = self.advice();
        if let Some(advice) = advised.filter(|_| !self.passes(reply.status)) {
            error = error.with_hint(&with_clock(self.number, advice, reply));
        }
        if let Some(code) = self.code() {
            error = error.with_service_code(code);
        }
        if let Some(id) = &self.correlation_id {
            error = error.with_activity_id(id.as_str());
        }
        match (self.passes(reply.status), reply.retry_after()) {
            (true, Some(after)) => error.with_retry_after(after),
            (true, None) => error.with_retry(RetryClass::Later),
            (false, _) => error,
        }
    }
}

fn number(code: &Json) -> Option<u64> {
    code.as_u64().or_else(|| code.as_str()?.trim().parse().ok())
}

/// The number in a text such as `AADSTS7000215: Invalid client secret provided.`
fn code_in(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    rest[..digits.unwrap_or(rest.len())].parse().ok()
}

/// The description on one line, without the ids behind it.
fn shown(description: &str) -> Option<String> {
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = line.split(" Trace ID:").next().unwrap_or_default();
    let said = said.trim_end_matches('.');
    (!said.is_empty()).then(|| excerpt(said, MAX_CHARS))
}

/// AADSTS700024 is about time: what both clocks show helps to see whose is wrong.
fn with_clock(number: Option<u64>, advice: &str, reply: &Reply) -> String {
    let Some(theirs) = reply.date().filter(|_| number == Some(700024)) else {
        return advice.to_owned();
    };
    let ahead = (reply.arrived - theirs).whole_seconds();
    let now: OffsetDateTime = reply.arrived.replace_nanosecond(0).unwrap_or(reply.arrived);
    format!("{advice}; it is {now} here, {ahead} s ahead of the service")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Refusal {
        Refusal::parse(body.as_bytes())
    }

    #[test]
    fn the_number_comes_from_the_list_or_from_the_text() {
        let listed =
            read(r#"{"error":"invalid_client","error_codes":[7000215],"error_description":"x"}"#);
        assert_eq!(listed.code().as_deref(), Some("AADSTS7000215"));
        let spelt = read(r#"{"error":"e","error_codes":["90002"]}"#);
        assert_eq!(spelt.number, Some(90002));
        let written = read(r#"{"error_description":"AADSTS50126: Error validating"}"#);
        assert_eq!(written.number, Some(50126));
        let none = read(r#"{"error":"slow_down"}"#);
        assert_eq!(none.code().as_deref(), Some("slow_down"));
    }

    #[test]
    fn a_text_with_line_breaks_and_quotes_is_read_to_its_ids() {
        let refusal = read(
            "{\"error\":\"invalid_request\",\"error_description\":\"AADSTS90002: Tenant \\\"x\\\" not \
             found.\\r\\nTrace ID: 1\\r\\nCorrelation ID: 2\",\"correlation_id\":\"c-1\"}",
        );
        assert_eq!(
            refusal.text.as_deref(),
            Some("AADSTS90002: Tenant \"x\" not found")
        );
        assert_eq!(refusal.correlation_id.as_deref(), Some("c-1"));
    }

    #[test]
    fn any_other_body_is_no_refusal() {
        for body in ["", "<html>", "[1]", "null", "{\"error\":{\"code\":1}}"] {
            assert_eq!(read(body), Refusal::default(), "{body}");
        }
    }

    #[test]
    fn throttling_and_outages_pass_and_refusals_do_not() {
        let busy = read(r#"{"error":"invalid_request","error_codes":[90033]}"#);
        assert!(busy.passes(400));
        assert!(read(r#"{"error":"temporarily_unavailable"}"#).passes(400));
        for status in [408, 429, 500, 502, 503, 504, 599] {
            assert!(Refusal::default().passes(status), "{status}");
        }
        for status in [301, 400, 401, 403, 404] {
            assert!(!Refusal::default().passes(status), "{status}");
        }
    }
}
