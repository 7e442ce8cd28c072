//! The only HTTP client: one connection pool for the service, the storage accounts and metadata.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::answer::{AnswerKind, BodyError, too_large};
use super::resolver::ThreadResolver;
use super::tls;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::redact;

/// How long connecting may take, TLS included. A dead host must not use up a long deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay silent while an answer is awaited. Longer than the service's
/// longest command without output (the client's own deadline is up to the caller).
const READ_TIMEOUT: Duration = Duration::from_secs(60 * 60 + 30);
/// Azure's load balancers drop flows that are idle for four minutes.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// The shared client. Cloning is cheap and shares the connections.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
}

impl Transport {
    /// Builds the client; fallible because the caller's certificates may be broken.
    pub(crate) fn new(extra_roots_pem: &[u8]) -> Result<Self> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(extra_roots_pem)?)
            // A redirect would carry the token or the SAS to an unchecked host.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .dns_resolver(ThreadResolver)
            .read_timeout(READ_TIMEOUT)
            .tcp_keepalive(TCP_KEEPALIVE)
            .pool_max_idle_per_host(16)
            .gzip(true)
            .user_agent(concat!("kusto-ingest/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::new(ErrorKind::Config, Step::BuildClient, describe(error)))?;
        Ok(Self { client })
    }

    /// A request builder on the shared connections.
    pub(crate) fn request(
        &self,
        method: reqwest::Method,
        url: url::Url,
    ) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    /// The client that holds the connections, for the official storage clients.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// Sends the request and reads the whole answer, of any status, up to the limit of its kind.
    pub(crate) async fn send(
        &self,
        step: Step,
        host: &str,
        request: reqwest::RequestBuilder,
        kind: AnswerKind,
    ) -> Result<Reply> {
        let to_error = |error| network_error(step, host, error);
        let request = kind.request(request);
        let response = request.send().await.map_err(to_error)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = kind.read(response).await.map_err(|error| match error {
            BodyError::Network(error) => to_error(error),
            BodyError::TooLarge(kind) => too_large(step, host, kind, status),
        })?;
        Ok(Reply {
            status,
            headers,
            body: body.into(),
        })
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The text of a header, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `Retry-After` in seconds (the service never sends the date form).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header(RETRY_AFTER.as_str())?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

/// Host and port of a URL, as errors name it.
pub(crate) fn host_of(url: &url::Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => String::new(),
    }
}

fn network_error(step: Step, host: &str, error: reqwest::Error) -> Error {
    // Only a failed connect proves that nothing was sent.
    let sent = !(error.is_connect() || error.is_builder());
    Error::new(ErrorKind::Network, step, describe(error))
        .with_host(host)
        .with_in_doubt(sent)
}

/// The chain of causes on one line. reqwest prints the URL with its query: it is removed first.
pub(crate) fn describe(error: reqwest::Error) -> String {
    describe_chain(&error.without_url())
}

/// The texts of an error and its sources, without repetitions and without secrets.
pub(crate) fn describe_chain(error: &dyn std::error::Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if texts.last().is_some_and(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    redact(&texts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dead_host_is_a_network_error_that_is_not_in_doubt() {
        // Bound and dropped: nothing listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let transport = Transport::new(b"").unwrap();
        let url = url::Url::parse(&format!("http://127.0.0.1:{port}/x?sig=secret")).unwrap();
        let host = host_of(&url);
        let request = transport.request(reqwest::Method::GET, url);
        let error = transport
            .send(Step::RunQuery, &host, request, AnswerKind::METADATA)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        assert_eq!(error.host(), Some(format!("127.0.0.1:{port}").as_str()));
        assert!(!error.is_in_doubt());
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
