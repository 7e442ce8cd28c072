//! Requests to Azure Storage with SAS URLs, and the errors of its answers.
//!
//! An answer counts only when it is known to be the answer to its request. A broken or hostile proxy
//! may send an answer that nobody asked for: on a connection that is used again it would be taken
//! for the answer to the next request, and a message that was never stored for a stored one. So
//! every request has an id of its own, `x-ms-client-request-id`, whose value the services repeat
//! (their page "Common REST API response headers": on every answer, when the value has at most 1,024
//! visible ASCII characters). Within an ingestion it is `ID;UUID` with the ingestion's own id, so that all
//! of its requests are found; the UUID makes each one unique, also when a caller gives one id twice:
//!
//! - A success counts with that id and an id of the service's own. Any other one shows nothing: the
//!   request is in doubt.
//! - A refusal that has another request's id shows nothing either. One without any may be a
//!   gateway's, which knows no such header: its status says what it is worth where the request can
//!   be repeated, but it is no word of the service ([`is_of_service`]) about what is stored.
//! - After an answer that shows nothing, no connection of that moment is used again; after one of a
//!   gateway, its own is not.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderName;

use super::answer::{AnswerKind, denies};
use super::refusal::{REQUEST_ID, Refusal};
use super::request::{Request, time_to_send};
use super::transport::{CLIENT_REQUEST_ID, Reply, Transport};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::op::context;
use crate::op::ids::new_id;

/// The version of the REST contract of blobs and queues.
const STORAGE_API_VERSION: &str = "2021-12-02";

/// The header with the version of the contract.
pub(crate) const VERSION: HeaderName = HeaderName::from_static("x-ms-version");
const FOREIGN: &str = "the answer is not from the storage service";
const OUT_OF_STEP: &str = "the answer belongs to another request";

/// How long storage may take for a request, beyond the time that its body takes.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long a request with a body of this size may take: storage that accepts a small one and does not
/// answer must not use up the time of a call.
fn limit_of(body: usize) -> Duration {
    ANSWER_LIMIT + time_to_send(body)
}

/// A request to the blob or the queue service.
pub(crate) fn request(method: http::Method, url: impl Into<Arc<url::Url>>) -> Request {
    Request::new(method, url).fixed(VERSION, STORAGE_API_VERSION)
}

/// Sends a request to a storage service. An answer of any status that belongs to it is the result.
pub(crate) async fn send(
    transport: &Transport,
    step: Step,
    host: &str,
    request: Request,
) -> Result<Reply> {
    let id = context::request_id().unwrap_or_else(|| new_id().to_string());
    let limit = limit_of(request.body.len());
    let request = request.header(CLIENT_REQUEST_ID, &id).limited(limit);
    let sending = transport.send_on(step, host, request, AnswerKind::STORAGE);
    let (reply, connection) = sending.await?;
    let is_success = (200..300).contains(&reply.status);
    let repeated = reply.header(CLIENT_REQUEST_ID);
    let foreign = || inconclusive(step, host, FOREIGN).with_http_status(reply.status);
    let fault = match repeated {
        // Its status is another request's as well: nothing may be concluded from it.
        Some(repeated) if repeated != id => inconclusive(step, host, OUT_OF_STEP),
        Some(_) if is_success && reply.header(REQUEST_ID).is_none() => foreign(),
        None if is_success => foreign(),
        None => return Ok(reply),
        Some(_) => {
            connection.keep();
            return Ok(reply);
        }
    };
    transport.leave_connections();
    Err(fault.with_client_request_id(id))
}

/// Whether an answer that [`send`] obtained is the service's own, and not a gateway's.
pub(crate) fn is_of_service(reply: &Reply) -> bool {
    reply.header(CLIENT_REQUEST_ID).is_some()
}

/// The error of an answer that shows nothing: whether the request was carried out is unknown.
pub(crate) fn inconclusive(step: Step, host: &str, message: &str) -> Error {
    Error::new(ErrorKind::Service, step, message)
        .with_host(host)
        .with_retry(RetryClass::Later)
        .with_in_doubt(true)
}

/// What the answer of a request shows whose success has this status, which the services document for
/// each. Another status of success is none of theirs: whether the request was carried out is unknown.
pub(crate) fn expect(step: Step, host: &str, reply: &Reply, success: u16) -> Result<()> {
    match reply.status {
        status if status == success => Ok(()),
        status @ 200..=299 => {
            let message = format!("the answer has a status that is not {success}, its success");
            let error = inconclusive(step, host, &message).with_http_status(status);
            Err(match reply.request_id() {
                Some(id) => error.with_client_request_id(id),
                None => error,
            })
        }
        _ => Err(reply_error(step, host, reply)),
    }
}

/// The error of a storage answer that is not a success.
pub(crate) fn reply_error(step: Step, host: &str, reply: &Reply) -> Error {
    let refusal = Refusal::read(|name| reply.header(name), &reply.body);
    let error = refused(step, host, reply.status, refusal, reply.retry_after());
    match reply.request_id() {
        Some(id) => error.with_client_request_id(id),
        None => error,
    }
}

pub(crate) fn refused(
    step: Step,
    host: &str,
    status: u16,
    refusal: Refusal,
    retry_after: Option<Duration>,
) -> Error {
    let (kind, retry) = classify(status, refusal.code.as_deref());
    let mut message = "storage rejected the request".to_owned();
    for part in [&refusal.code, &refusal.text].into_iter().flatten() {
        message.push_str(": ");
        message.push_str(part);
    }
    let mut error = Error::new(kind, step, message)
        .with_host(host)
        .with_http_status(status)
        .with_retry(retry)
        // Azure's page of error codes on 500 OperationTimedOut: "may or may not have succeeded". A
        // 503 is rejected before any work.
        .with_in_doubt(!denies(status));
    if let Some(code) = refusal.code {
        error = error.with_service_code(code);
    }
    if let Some(id) = refusal.request_id {
        error = error.with_activity_id(id);
    }
    match retry_after {
        Some(after) if retry == RetryClass::Later => error.with_retry_after(after),
        _ => error,
    }
}

fn classify(status: u16, code: Option<&str>) -> (ErrorKind, RetryClass) {
    match (status, code) {
        // The service lost the uncommitted blocks: only the whole blob can be sent again.
        (400, Some("InvalidBlockList" | "InvalidBlobOrBlock")) => {
            (ErrorKind::Service, RetryClass::Unknown)
        }
        (401 | 403, _) => (ErrorKind::Auth, RetryClass::Never),
        (404, _) => (ErrorKind::NotFound, RetryClass::Never),
        (413, _) => (ErrorKind::TooLarge, RetryClass::Never),
        (429, _) | (503, Some("ServerBusy")) => (ErrorKind::Throttled, RetryClass::Later),
        (408 | 500 | 502 | 503 | 504, _) => (ErrorKind::Service, RetryClass::Later),
        (400..500, _) => (ErrorKind::Service, RetryClass::Never),
        _ => (ErrorKind::Service, RetryClass::Unknown),
    }
}

/// Appends path segments to a container, queue or table URL, keeping its SAS byte for byte.
/// (`url::Url::path_segments_mut` percent-encodes each segment.)
pub(crate) fn child_url(base: &url::Url, segments: &[&str]) -> Result<url::Url> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| {
            Error::new(
                ErrorKind::Service,
                Step::FetchIngestionResources,
                "the service returned a storage address that is not a URL with a path",
            )
        })?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_keep_path_prefix_and_signature() {
        let base = url::Url::parse("http://127.0.0.1:1/acct/c?sv=1&sig=a%2Bb%2fc%3D").unwrap();
        let child = child_url(&base, &["db__T__é x.csv.gz"]).unwrap();
        assert_eq!(
            child.as_str(),
            "http://127.0.0.1:1/acct/c/db__T__%C3%A9%20x.csv.gz?sv=1&sig=a%2Bb%2fc%3D"
        );
    }

    #[test]
    fn statuses_are_classified() {
        for (status, code, kind, retry) in [
            (403, None, ErrorKind::Auth, RetryClass::Never),
            (
                503,
                Some("ServerBusy"),
                ErrorKind::Throttled,
                RetryClass::Later,
            ),
            (500, None, ErrorKind::Service, RetryClass::Later),
            (
                400,
                Some("InvalidBlockList"),
                ErrorKind::Service,
                RetryClass::Unknown,
            ),
            (409, None, ErrorKind::Service, RetryClass::Never),
        ] {
            let refusal = Refusal {
                code: code.map(str::to_owned),
                ..Refusal::default()
            };
            let error = refused(Step::UploadBlob, "h", status, refusal, None);
            assert_eq!(
                (error.kind(), error.retry()),
                (kind, retry),
                "{status} {code:?}"
            );
            assert_eq!(error.is_in_doubt(), status == 500);
        }
    }

    #[test]
    fn the_limit_of_a_request_grows_with_its_body() {
        let seconds = |body| limit_of(body).as_secs();
        assert_eq!((seconds(0), seconds(64 * 1024)), (30, 34));
        assert_eq!(seconds(4 * 1024 * 1024), 329);
    }
}
