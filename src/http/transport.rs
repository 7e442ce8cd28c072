//! The only HTTP client: one connection pool for the service, the storage accounts and metadata.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::answer::{AnswerKind, BodyError, too_large};
use super::host::host_of;
use super::proxy::Proxies;
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
    proxies: Arc<Proxies>,
}

impl Transport {
    /// Builds the client; fallible because the caller's certificates may be broken.
    pub(crate) fn new(extra_roots_pem: &[u8]) -> Result<Self> {
        Self::with_proxies(extra_roots_pem, Proxies::from_env())
    }

    fn with_proxies(extra_roots_pem: &[u8], proxies: Proxies) -> Result<Self> {
        let proxies = Arc::new(proxies);
        let routes = proxies.clone();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(extra_roots_pem)?)
            // A redirect would carry the token or the SAS to an unchecked host.
            .redirect(reqwest::redirect::Policy::none())
            // Replaces what reqwest reads from the environment. A proxy that cannot be used is an
            // error before the request is sent: `route`.
            .proxy(reqwest::Proxy::custom(move |url| {
                routes.of(url).ok().flatten().cloned()
            }))
            .connect_timeout(CONNECT_TIMEOUT)
            .dns_resolver(ThreadResolver)
            .read_timeout(READ_TIMEOUT)
            .tcp_keepalive(TCP_KEEPALIVE)
            .pool_max_idle_per_host(16)
            .gzip(true)
            .user_agent(concat!("kusto-ingest/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Config, Step::BuildClient, describe_chain(&error))
            })?;
        Ok(Self { client, proxies })
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

    /// The proxy that a request to this URL goes through, as errors name it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a proxy that cannot be used.
    pub(crate) fn route(&self, step: Step, url: &url::Url) -> Result<Option<String>> {
        match self.proxies.of(url) {
            Ok(proxy) => Ok(proxy.map(host_of)),
            Err(why) => Err(Error::new(ErrorKind::Config, step, why).with_host(host_of(url))),
        }
    }

    /// Sends the request and reads the whole answer, of any status, up to the limit of its kind.
    pub(crate) async fn send(
        &self,
        step: Step,
        host: &str,
        request: reqwest::RequestBuilder,
        kind: AnswerKind,
    ) -> Result<Reply> {
        let (client, request) = kind.request(request).build_split();
        let request =
            request.map_err(|error| network_error(step, host, None, &error.without_url()))?;
        let proxy = self.route(step, request.url())?;
        let to_error = |error: reqwest::Error| {
            network_error(step, host, proxy.as_deref(), &error.without_url())
        };
        let response = client.execute(request).await.map_err(to_error)?;
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

/// The error of a request that got no whole answer. `error` is reqwest's, or wraps it; `proxy` is
/// the one that the request went through.
pub(crate) fn network_error(
    step: Step,
    host: &str,
    proxy: Option<&str>,
    error: &(dyn StdError + 'static),
) -> Error {
    let message = match proxy {
        Some(proxy) => format!("through the proxy {proxy}: {}", describe_chain(error)),
        None => describe_chain(error),
    };
    Error::new(ErrorKind::Network, step, message)
        .with_host(host)
        .with_in_doubt(may_have_been_sent(error))
}

/// Whether the whole request may have left. Only a failed connect proves that nothing was sent.
fn may_have_been_sent(error: &(dyn StdError + 'static)) -> bool {
    !chain(error)
        .filter_map(|cause| cause.downcast_ref::<reqwest::Error>())
        .any(|error| error.is_connect() || error.is_builder())
}

/// An error and its sources.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.source();
        Some(current)
    })
}

/// The texts of an error and its sources on one line, without repetitions and without secrets.
/// reqwest prints the URL with its query, which is cut.
pub(crate) fn describe_chain(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in chain(error) {
        let text = cause.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
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
