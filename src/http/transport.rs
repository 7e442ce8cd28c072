//! The only HTTP client: one connection pool for the service, the storage accounts and metadata.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::answer::{AnswerKind, BodyError, too_large};
use super::date;
use super::failure::{self, chain};
use super::host::host_of;
use super::lanes::{self, Lane, Lanes};
use super::proxy::Proxies;
use super::resolver::ThreadResolver;
use super::tls;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::log::events;

/// How long connecting may take, TLS included. A dead host must not use up a long deadline.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay silent while an answer is awaited. Longer than the service's
/// longest command without output (the client's own deadline is up to the caller).
const READ_TIMEOUT: Duration = Duration::from_secs(60 * 60 + 30);
/// Azure's load balancers drop flows that are idle for four minutes.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// The header with the id of a request, by which the service's logs name it.
pub(crate) const CLIENT_REQUEST_ID: &str = "x-ms-client-request-id";

/// The shared client. Cloning is cheap and shares the connections.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
    /// Instead of the shared connections.
    lane: Option<reqwest::Client>,
}

struct Shared {
    client: RwLock<reqwest::Client>,
    build: Arc<Build>,
    proxies: Arc<Proxies>,
    lanes: Lanes,
}

type Build = dyn Fn(Pool) -> Result<reqwest::Client> + Send + Sync;

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// How many idle connections are kept for each host, and for how long.
struct Pool {
    size: usize,
    idle: Duration,
}

impl Pool {
    const SHARED: Pool = Pool {
        size: 16,
        idle: Duration::from_secs(90),
    };
    const LANE: Pool = Pool {
        size: 1,
        idle: lanes::IDLE,
    };
}

fn build(tls: rustls::ClientConfig, proxies: Arc<Proxies>, pool: Pool) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // A redirect would carry the token or the SAS to an unchecked host.
        .redirect(reqwest::redirect::Policy::none())
        // Replaces what reqwest reads from the environment. A proxy that cannot be used is an error
        // before the request is sent: `route`.
        .proxy(reqwest::Proxy::custom(move |url| {
            proxies.of(url).ok().flatten().cloned()
        }))
        .connect_timeout(CONNECT_TIMEOUT)
        .dns_resolver(ThreadResolver)
        .read_timeout(READ_TIMEOUT)
        .tcp_keepalive(TCP_KEEPALIVE)
        .pool_max_idle_per_host(pool.size)
        .pool_idle_timeout(pool.idle)
        .gzip(true)
        .user_agent(concat!("kusto-ingest/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| {
            let message = "the connections cannot be set up with these settings";
            Error::new(ErrorKind::Config, Step::BuildClient, message)
        })
}

impl Transport {
    /// Builds the client; fallible because the caller's certificates may be broken.
    pub(crate) fn new(extra_roots_pem: &[u8]) -> Result<Self> {
        Self::with_proxies(extra_roots_pem, Proxies::from_env())
    }

    fn with_proxies(extra_roots_pem: &[u8], proxies: Proxies) -> Result<Self> {
        let proxies = Arc::new(proxies);
        let tls = tls::client_config(extra_roots_pem)?;
        let routes = proxies.clone();
        // One configuration for all: TLS sessions are resumed across connections.
        let build: Arc<Build> = Arc::new(move |pool| build(tls.clone(), routes.clone(), pool));
        let of_lane = build.clone();
        let shared = Shared {
            client: RwLock::new(build(Pool::SHARED)?),
            build,
            proxies,
            lanes: Lanes::new(move || of_lane(Pool::LANE)),
        };
        Ok(Self {
            shared: Arc::new(shared),
            lane: None,
        })
    }

    /// A connection for a request that must not be carried out twice: see [`lanes`](super::lanes).
    pub(crate) fn lane(&self, url: &url::Url) -> Result<Lane> {
        self.shared.lanes.to(url)
    }

    /// This transport, with the connection of a lane instead of the shared ones.
    pub(crate) fn on(&self, lane: &Lane) -> Self {
        Self {
            lane: Some(lane.client().clone()),
            ..self.clone()
        }
    }

    /// A request builder on the shared connections, or on that of the lane.
    pub(crate) fn request(
        &self,
        method: reqwest::Method,
        url: url::Url,
    ) -> reqwest::RequestBuilder {
        match &self.lane {
            Some(client) => client.request(method, url),
            None => {
                let client = self.shared.client.read();
                client
                    .unwrap_or_else(PoisonError::into_inner)
                    .request(method, url)
            }
        }
    }

    /// Uses none of today's connections for another request; those under way go on. For an answer
    /// that belongs to another request: on its connection every later one would, too, and which
    /// connection that is cannot be seen from here.
    pub(crate) fn leave_connections(&self) {
        self.shared.lanes.clear();
        match (self.shared.build)(Pool::SHARED) {
            Ok(fresh) => {
                let client = self.shared.client.write();
                *client.unwrap_or_else(PoisonError::into_inner) = fresh;
            }
            Err(error) => events::ConnectionsKept { error: &error }.emit(),
        }
    }

    /// The proxy that a request to this URL goes through, as errors name it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a proxy that cannot be used.
    pub(crate) fn route(&self, step: Step, url: &url::Url) -> Result<Option<String>> {
        match self.shared.proxies.of(url) {
            Ok(proxy) => Ok(proxy.map(host_of)),
            Err(why) => Err(Error::new(ErrorKind::Config, step, why).with_host(host_of(url))),
        }
    }

    /// Remembers the host of a request that may have been sent and was not answered.
    pub(crate) fn note(&self, url: &url::Url, error: Error) -> Error {
        if error.is_in_doubt() {
            self.shared.lanes.unanswered(url);
        }
        error
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
        let request = request
            .map_err(|error| network_error(step, host, None, false, &error.without_url()))?;
        let traced = Traced::new(step, host, &request);
        let sent = self.exchange(step, host, client, request, kind).await;
        traced.end(&sent);
        sent.map_err(
            |error| match (error.client_request_id(), traced.request_id) {
                (None, Some(id)) => error.with_client_request_id(id),
                _ => error,
            },
        )
    }

    async fn exchange(
        &self,
        step: Step,
        host: &str,
        client: reqwest::Client,
        request: reqwest::Request,
        kind: AnswerKind,
    ) -> Result<Reply> {
        let proxy = self.route(step, request.url())?;
        let url = request.url().clone();
        let secure = url.scheme() == "https";
        let request_id = request_id(&request);
        let to_error = |error: reqwest::Error| {
            let error = network_error(step, host, proxy.as_deref(), secure, &error.without_url());
            self.note(&url, error)
        };
        let response = client.execute(request).await.map_err(to_error)?;
        let arrived = OffsetDateTime::now_utc();
        let status = response.status().as_u16();
        if let (407, Some(proxy)) = (status, &proxy) {
            return Err(login_of_proxy(step, host, proxy));
        }
        let headers = response.headers().clone();
        let body = kind.read(response).await.map_err(|error| match error {
            BodyError::Network(error) => to_error(error),
            BodyError::TooLarge(kind) => too_large(step, host, kind, status),
        })?;
        Ok(Reply {
            status,
            arrived,
            request_id,
            headers,
            body: body.into(),
        })
    }
}

/// The id under which a request is sent.
fn request_id(request: &reqwest::Request) -> Option<String> {
    let id = request.headers().get(CLIENT_REQUEST_ID)?;
    id.to_str().ok().map(str::to_owned)
}

/// A request in the log.
struct Traced<'a> {
    step: Step,
    host: &'a str,
    method: reqwest::Method,
    path: String,
    request_id: Option<String>,
    begun: Instant,
}

impl<'a> Traced<'a> {
    fn new(step: Step, host: &'a str, request: &reqwest::Request) -> Self {
        Self {
            step,
            host,
            method: request.method().clone(),
            path: request.url().path().to_owned(),
            request_id: request_id(request),
            begun: Instant::now(),
        }
    }

    fn end(&self, sent: &Result<Reply>) {
        let request_id = self.request_id.as_deref().unwrap_or_default();
        let (step, host, path) = (self.step, self.host, self.path.as_str());
        let (method, duration_ms) = (self.method.as_str(), self.begun.elapsed());
        match sent {
            Ok(reply) => events::Request {
                step,
                host,
                method,
                path,
                request_id,
                status: reply.status.into(),
                duration_ms,
            }
            .emit(),
            Err(error) => events::RequestFailed {
                step,
                host,
                method,
                path,
                request_id,
                duration_ms,
                error,
            }
            .emit(),
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// When its headers arrived, by this machine's clock. The body may take much longer.
    pub(crate) arrived: OffsetDateTime,
    /// The id under which its request was sent.
    pub(crate) request_id: Option<String>,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The text of a header, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// When it was sent, by the clock of its sender.
    pub(crate) fn date(&self) -> Option<OffsetDateTime> {
        date::parse(self.header(DATE.as_str())?)
    }

    /// The pause that the answer asks for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        date::retry_after(
            self.header(RETRY_AFTER.as_str()),
            self.header(DATE.as_str()),
        )
    }
}

/// The error of a request that a proxy did not pass on. (One to an https address ends as a failed
/// connection.)
fn login_of_proxy(step: Step, host: &str, proxy: &str) -> Error {
    let message = format!(
        "cannot connect to {host} through the proxy {proxy}: it requires a user name and a password"
    );
    Error::new(ErrorKind::Network, step, message)
        .with_host(host)
        .with_http_status(407)
        .with_retry(RetryClass::Never)
}

/// The error of a request that got no whole answer. `error` is reqwest's, or wraps it; `proxy` is
/// the one that the request went through, and `secure` says whether its address is one of https.
pub(crate) fn network_error(
    step: Step,
    host: &str,
    proxy: Option<&str>,
    secure: bool,
    error: &(dyn StdError + 'static),
) -> Error {
    let message = failure::message(host, proxy, secure, error);
    let error_of_step = Error::new(ErrorKind::Network, step, message)
        .with_host(host)
        .with_in_doubt(may_have_been_sent(error));
    // Not the error itself: its text has the URL with the signature.
    let error_of_step = match os_error(error) {
        Some(code) => error_of_step.with_source(std::io::Error::from_raw_os_error(code)),
        None => error_of_step,
    };
    match is_refused_by_tls(error) {
        true => error_of_step.with_retry(RetryClass::Never),
        false => error_of_step,
    }
}

/// The operating system's number for what broke the connection.
fn os_error(error: &(dyn StdError + 'static)) -> Option<i32> {
    chain(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .find_map(std::io::Error::raw_os_error)
}

/// Whether the whole request may have left. Service and storage act on whole requests only.
fn may_have_been_sent(error: &(dyn StdError + 'static)) -> bool {
    !chain(error).any(|cause| {
        if let Some(error) = cause.downcast_ref::<reqwest::Error>() {
            return error.is_connect() || error.is_builder();
        }
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            // Of a write only: the rest of the request was not accepted.
            return error.kind() == std::io::ErrorKind::BrokenPipe;
        }
        // hyper's word for a request that never got as far as its connection.
        cause.to_string().starts_with("operation was canceled")
    })
}

/// Whether the two sides cannot agree on TLS, above all a certificate that is not accepted: another
/// attempt meets the same.
fn is_refused_by_tls(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| {
        matches!(
            cause.downcast_ref(),
            Some(
                rustls::Error::InvalidCertificate(_)
                    | rustls::Error::NoCertificatesPresented
                    | rustls::Error::UnsupportedNameType
                    | rustls::Error::PeerIncompatible(_)
                    | rustls::Error::InvalidCertRevocationList(_)
            )
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_arrives_with_its_headers() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await.unwrap();
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
            stream.write_all(head).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            let continued = OffsetDateTime::now_utc();
            stream.write_all(b"x").await.unwrap();
            continued
        });
        let transport = Transport::new(b"").unwrap();
        let request = transport.request(reqwest::Method::GET, url.parse().unwrap());
        let sent = transport.send(Step::RunQuery, "h", request, AnswerKind::METADATA);
        let reply = sent.await.unwrap();
        assert!(reply.arrived < server.await.unwrap());
    }

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
        let cause = error.system_code().map(std::io::Error::from_raw_os_error);
        let refused = std::io::ErrorKind::ConnectionRefused;
        assert_eq!(cause.map(|cause| cause.kind()), Some(refused));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
