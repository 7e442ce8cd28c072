//! Errors in their OneApi form.

use serde_json::{Value as Json, json};

use super::super::datetime;
use super::super::error::{ErrorKind, KustoError};
use super::super::identity::Identity;

/// Code and exception type of an error.
fn classify(kind: ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::Syntax => (
            "General_BadRequest",
            "Kusto.Data.Exceptions.SyntaxException",
        ),
        ErrorKind::Semantic => (
            "General_BadRequest",
            "Kusto.Data.Exceptions.SemanticException",
        ),
        ErrorKind::EntityNotFound => (
            "BadRequest_EntityNotFound",
            "Kusto.Common.Svc.Exceptions.EntityNotFoundException",
        ),
        ErrorKind::EntityExists => (
            "BadRequest_EntityAlreadyExists",
            "Kusto.Common.Svc.Exceptions.EntityAlreadyExistsException",
        ),
        ErrorKind::TimedOut => (
            "RequestExecutionTimeout",
            "Kusto.Data.Exceptions.KustoServiceTimeoutException",
        ),
        ErrorKind::LimitsExceeded => (
            "LimitsExceeded",
            "Kusto.Data.Exceptions.KustoServicePartialQueryFailureLimitsExceededException",
        ),
        ErrorKind::BadRequest | ErrorKind::WrongService => (
            "General_BadRequest",
            "Kusto.Data.Exceptions.KustoBadRequestException",
        ),
    }
}

/// The OneApi form of an error.
pub(in super::super) fn error_body(
    error: &KustoError,
    identity: &Identity,
    text: &str,
    database: &str,
) -> Json {
    let (code, exception) = classify(error.kind);
    let message = match error.kind {
        ErrorKind::Syntax | ErrorKind::Semantic => {
            format!("Request is invalid and cannot be processed: {error}")
        }
        _ => error.to_string(),
    };
    let summary = match error.kind {
        ErrorKind::TimedOut => "Request has timed out.",
        ErrorKind::LimitsExceeded => "Query execution has exceeded the allowed limits.",
        _ => "Request is invalid and cannot be executed.",
    };
    let mut body = json!({
        "code": code,
        "message": summary,
        "@type": exception,
        "@message": message,
        "@context": context(identity),
        "@permanent": error.kind.is_permanent(),
        "@text": text,
        "@database": database,
        "@ClientRequestLogger": "",
    });
    if !error.code.is_empty() {
        body["innererror"] = json!({
            "code": error.code,
            "message": error.message,
            "@type": exception,
            "@message": error.to_string(),
            "@errorCode": error.code,
            "@errorMessage": error.message,
            "@permanent": true,
        });
    }
    json!({"error": body})
}

/// Who asked whom, and when.
pub(in super::super) fn context(identity: &Identity) -> Json {
    let id = identity.activity_id.to_string();
    json!({
        "timestamp": datetime::print(datetime::now()),
        "serviceAlias": "KUSTOEMULATOR",
        "machineName": "KEngine000000",
        "processName": "kusto-emulator",
        "processId": std::process::id(),
        "threadId": 1,
        "clientRequestId": identity.client_request_id,
        "activityId": id,
        "subActivityId": id,
        "activityType": "GW.Http.CallContext",
        "parentActivityId": id,
        "activityStack": format!("(Activity stack: CRID={} ARID={id})", identity.client_request_id),
    })
}
