//! Replies of the engine's and data management's ports.

use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Map, Value as Json, json};

use crate::engine::endpoint::Reply;
use crate::faults::{Fault, KustoAnswer};
use crate::http::{Body, Gzip, accepts_gzip, empty, garbage, set, typed};
use crate::services::ServiceKind;

pub(super) const JSON: &str = "application/json; charset=utf-8";

/// The engine's own reply, compressed if the request's headers ask for it.
pub(super) fn from_engine(reply: Reply, asked: &HeaderMap) -> Response<Body> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = empty(status);
    if accepts_gzip(asked) && !reply.body.is_empty() {
        *response.body_mut() = Body::Gzip(Box::new(Gzip::new(reply.body)));
        set(&mut response, "content-encoding", "gzip");
    } else {
        *response.body_mut() = reply.body.into();
    }
    for (name, value) in reply.headers {
        let name = hyper::header::HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, hyper::header::HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// An error in the form of the service.
pub(super) fn failure(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    // A request that came too slowly or too often may be sent again.
    let permanent = status.is_client_error() && !matches!(status.as_u16(), 408 | 429);
    let error = json!({ "error": { "code": code, "message": message, "@message": message, "@permanent": permanent } });
    typed(status, JSON, error.to_string())
}

/// What a service says when a fault rule fires that has an answer.
pub(super) fn fault_reply(fault: &Fault, service: ServiceKind) -> Response<Body> {
    match fault {
        Fault::Kusto(answer) => return kusto_answer(answer),
        Fault::Reply { body } => return typed(StatusCode::OK, JSON, body.clone()),
        _ => {}
    }
    // Authentication metadata has no form of errors: a cluster without them answers nothing but 404.
    answer_of(fault, |status, code| match service {
        ServiceKind::Metadata => empty(status),
        _ => {
            let code = code.unwrap_or(usual_code(status));
            failure(status, code, "A fault rule made the request fail.")
        }
    })
}

/// The error that a rule describes member by member.
fn kusto_answer(answer: &KustoAnswer) -> Response<Body> {
    let members = [
        ("code", answer.code.clone().map(Json::from)),
        ("message", answer.message.clone().map(Json::from)),
        ("@type", answer.exception.clone().map(Json::from)),
        ("@message", answer.message.clone().map(Json::from)),
        ("@failureCode", answer.failure_code.clone()),
        ("@permanent", answer.permanent.map(Json::from)),
    ];
    let given = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let error: Map<String, Json> = given.collect();
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = typed(status, JSON, json!({ "error": error }).to_string());
    if let Some(seconds) = answer.retry_after {
        set(&mut reply, "retry-after", &seconds.to_string());
    }
    reply
}

/// The answer of a fault: `form` makes the error from the status and the code that the rule names, if it does.
pub(super) fn answer_of(
    fault: &Fault,
    form: impl FnOnce(StatusCode, Option<&str>) -> Response<Body>,
) -> Response<Body> {
    let Fault::Status {
        status,
        retry_after,
        code,
        body,
    } = fault
    else {
        return garbage(StatusCode::OK);
    };
    let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = form(status, code.as_deref());
    if let Some(body) = body {
        *reply.body_mut() = body.clone().into();
    }
    if let Some(seconds) = retry_after {
        set(&mut reply, "retry-after", &seconds.to_string());
    }
    reply
}

/// The code a cluster gives with a status.
fn usual_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        429 => "General_ThrottledIngestion",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        400..500 => "General_BadRequest",
        _ => "General_InternalServerError",
    }
}
