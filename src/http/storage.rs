//! Access to Azure Storage with SAS URLs: shared settings and errors of the blob, queue and table
//! clients.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind as AzureKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::request::Body;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, RetryOptions};

use super::answer::{AnswerKind, BodyError, too_large};
use super::date;
use super::host::host_of;
use super::refusal::{REQUEST_ID, Refusal};
use super::transport::{Reply, Transport, network_error};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::secret::mask;

/// The version of the storage REST contract: pinned, so that an update of the official crates
/// cannot change what the service sees.
pub(crate) const STORAGE_API_VERSION: &str = "2021-12-02";

/// Settings of the official clients: our connections and our retries, because ours respect the
/// caller's deadline and report every attempt.
pub(crate) fn azure_options(transport: &Transport) -> ClientOptions {
    ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(azure_core::http::Transport::new(Arc::new(Checked(
            transport.clone(),
        )))),
        ..ClientOptions::default()
    }
}

/// Our connections, and a check that the official clients lack: a gateway's page with status 200 is
/// not a success of the storage service.
#[derive(Debug)]
struct Checked(Transport);

#[async_trait]
impl HttpClient for Checked {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let response = self.execute(request).await?;
        let id = HeaderName::from_static(REQUEST_ID);
        let foreign = response.headers().get_optional_str(&id).is_none();
        if response.status().is_success() && foreign {
            return Err(azure_core::Error::with_message(
                AzureKind::DataConversion,
                FOREIGN,
            ));
        }
        Ok(response)
    }
}

impl Checked {
    /// As the implementation of `azure_core` for this client, but with the limit of an answer.
    async fn execute(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url();
        // The official clients know neither step nor host: `azure_error` adds the step.
        let (step, host) = (Step::UploadBlob, host_of(url));
        let proxy = self.0.route(step, url).map_err(wrapped)?;
        let failed = |error: reqwest::Error| {
            let error = network_error(step, &host, proxy.as_deref(), &error.without_url());
            wrapped(self.0.note(url, error))
        };
        let response = self.to_reqwest(request)?.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let headers = official_headers(response.headers());
        match AnswerKind::STORAGE.read(response).await {
            Ok(body) => Ok(AsyncRawResponse::from_bytes(status.into(), headers, body)),
            Err(BodyError::Network(error)) => Err(failed(error)),
            Err(BodyError::TooLarge(kind)) => Err(wrapped(too_large(step, &host, kind, status))),
        }
    }

    fn to_reqwest(&self, request: &Request) -> azure_core::Result<reqwest::RequestBuilder> {
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes())
            .map_err(|error| azure_core::Error::new(AzureKind::Other, error))?;
        let mut wire = self.0.client().request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            wire = wire.header(name.as_str(), value.as_str());
        }
        let wire = AnswerKind::STORAGE.request(wire);
        Ok(match request.body().clone() {
            Body::Bytes(bytes) => wire.body(bytes),
            Body::SeekableStream(stream) => wire.body(reqwest::Body::wrap_stream(stream)),
        })
    }
}

/// The headers for the official clients. Their log shows values, so what it would show is masked;
/// without such a log, masking every header of every answer would be in vain.
fn official_headers(headers: &reqwest::header::HeaderMap) -> Headers {
    let logged = tracing::enabled!(target: OFFICIAL_LOG, tracing::Level::DEBUG);
    let headers = headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?.to_owned();
        let value = if logged { mask(value) } else { value };
        Some((HeaderName::from(name.as_str().to_owned()), value.into()))
    });
    Headers::from(headers.collect::<HashMap<_, _>>())
}

/// The only part of the official clients that logs headers.
const OFFICIAL_LOG: &str = "typespec_client_core::http::policies::logging";

/// An error of this library on its way through the official clients; [`azure_error`] takes it out.
fn wrapped(error: Error) -> azure_core::Error {
    azure_core::Error::new(AzureKind::Io, error)
}

const FOREIGN: &str = "the answer is not from the storage service";

/// Rejects a success that is not from the storage service: see [`Checked`].
pub(crate) fn check_origin(step: Step, host: &str, reply: &Reply) -> Result<()> {
    let foreign = reply.header(REQUEST_ID).is_none();
    if (200..300).contains(&reply.status) && foreign {
        return Err(unreadable(step, host, FOREIGN.to_owned()).with_http_status(reply.status));
    }
    Ok(())
}

/// The error of an inconclusive answer: whether the request was carried out is unknown.
fn unreadable(step: Step, host: &str, message: String) -> Error {
    Error::new(ErrorKind::Service, step, message)
        .with_host(host)
        .with_retry(RetryClass::Later)
        .with_in_doubt(true)
}

/// Converts an error of the official clients. Their texts contain signed URLs, so only the status,
/// what the answer itself says and the redacted chain of causes are used.
pub(crate) fn azure_error(step: Step, host: &str, error: azure_core::Error) -> Error {
    let AzureKind::HttpResponse {
        status,
        raw_response,
        ..
    } = error.kind()
    else {
        if matches!(error.kind(), AzureKind::DataConversion) {
            // The parser's own text quotes the answer; ours do not.
            let text = match error.to_string().contains(FOREIGN) {
                true => FOREIGN,
                false => "the answer of the storage service cannot be read",
            };
            return unreadable(step, host, text.to_owned());
        }
        let own = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<Error>());
        return match own {
            Some(own) => own.clone().with_step(step).with_host(host),
            None => network_error(step, host, None, &error),
        };
    };
    let retry_after = raw_response.as_ref().and_then(|response| {
        let header = |name| {
            response
                .headers()
                .get_optional_str(&HeaderName::from_static(name))
        };
        date::retry_after(header("retry-after"), header("date"))
    });
    let refusal = raw_response.as_ref().map(|response| {
        let headers = response.headers();
        let header = |name| headers.get_optional_str(&HeaderName::from_static(name));
        Refusal::read(header, response.body())
    });
    let refusal = refusal.unwrap_or_default();
    refused(step, host, u16::from(*status), refusal, retry_after)
}

/// The error of a storage answer that is not a success.
pub(crate) fn reply_error(step: Step, host: &str, reply: &Reply) -> Error {
    let refusal = Refusal::read(|name| reply.header(name), &reply.body);
    refused(step, host, reply.status, refusal, reply.retry_after())
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
        // Azure's page of error codes on 500 OperationTimedOut: "may or may not have succeeded";
        // 502 and 504 come from a gateway that knows even less. A 503 is rejected before any work.
        .with_in_doubt(matches!(status, 500 | 502 | 504));
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
    fn headers_are_masked_where_a_log_takes_them() {
        let secret = crate::secret::Secret::new("S1gnatureInAHeader");
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("x-ms-echo", secret.expose().parse().unwrap());
        let value = || {
            let headers = official_headers(&headers);
            let value = headers.get_optional_str(&HeaderName::from_static("x-ms-echo"));
            value.unwrap_or_default().to_owned()
        };
        assert_eq!(value(), secret.expose());
        let log = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(std::io::sink)
            .finish();
        assert_eq!(tracing::subscriber::with_default(log, value), "****");
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
}
