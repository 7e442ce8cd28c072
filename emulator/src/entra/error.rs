//! Refusals in Entra's form. Clients decide by `error` and the number, never by the text.

use hyper::{Response, StatusCode};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::{Body, typed};

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    number: u32,
    text: String,
}

impl Refusal {
    /// One with status 400.
    pub(super) fn new(error: &'static str, number: u32, text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            number,
            text: text.into(),
        }
    }

    /// A client that is not who it says: status 401.
    pub(super) fn of_client(number: u32, text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::new("invalid_client", number, text)
        }
    }

    pub(super) fn missing(parameter: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new("invalid_request", 900_144, text)
    }

    /// The emulator's own failure.
    pub(super) fn internal(text: String) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new("server_error", 90_000, text)
        }
    }

    /// What it says, for a program that shows it.
    pub(super) fn text(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.text)
    }

    /// The answer. `correlation` is the id that the client gave.
    pub(super) fn answer(&self, now: OffsetDateTime, correlation: &str) -> Response<Body> {
        let trace = uuid::Uuid::new_v4();
        let stamp = now.replace_nanosecond(0).unwrap_or(now);
        let stamp = stamp.format(&Rfc3339).unwrap_or_default().replace('T', " ");
        let Self { error, number, .. } = self;
        let body = json!({
            "error": error,
            "error_description": format!(
                "{} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}", self.text()
            ),
            "error_codes": [number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
        });
        typed(
            self.status,
            "application/json; charset=utf-8",
            body.to_string(),
        )
    }
}
