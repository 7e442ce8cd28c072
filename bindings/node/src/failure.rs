//! Errors on their way to `KustoError`.

use kusto_ingest::error::{Error, RetryClass};
use serde_json::{Value, json};

/// All members of an error, for `lib/error.js`.
pub(crate) fn to_json(error: &Error) -> Value {
    let retry_after_ms = error
        .retry_after()
        .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
    let attempts: Vec<Value> = error.attempts().iter().map(to_json).collect();
    let handed_over: Vec<String> = error
        .handed_over()
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({
        "code": error.kind().name(),
        "message": error.to_string(),
        "step": error.step().name(),
        "host": error.host(),
        "argument": error.argument(),
        "httpStatus": error.http_status(),
        "serviceCode": error.service_code(),
        "activityId": error.activity_id(),
        "clientRequestId": error.client_request_id(),
        "systemCode": error.system_code(),
        "retry": retry(error.retry()),
        "retryAfterMs": retry_after_ms,
        "inDoubt": error.is_in_doubt(),
        "attempts": attempts,
        "handedOver": handed_over,
    })
}

/// Whether to retry, in a word.
pub(crate) fn retry(class: RetryClass) -> &'static str {
    match class {
        RetryClass::Never => "never",
        RetryClass::Later => "later",
        RetryClass::Unknown => "unknown",
    }
}

/// The exception of a function.
pub(crate) fn thrown(error: Error) -> napi::Error {
    napi::Error::from_reason(to_json(&error).to_string())
}

/// Results of the crate as results of functions.
pub(crate) trait OrThrow<T> {
    /// The value, or the exception.
    fn or_throw(self) -> napi::Result<T>;
}

impl<T> OrThrow<T> for kusto_ingest::error::Result<T> {
    fn or_throw(self) -> napi::Result<T> {
        self.map_err(thrown)
    }
}
