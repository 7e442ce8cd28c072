//! The only HTTP client: one pool of connections for the service, the storage accounts and metadata.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, DATE, HOST, PROXY_AUTHORIZATION, RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use time::OffsetDateTime;
use tokio::time::Instant;
use url::{Position, Url};

use super::answer::{AnswerKind, too_large};
use super::connect::Connector;
use super::date;
use super::decode::Decoder;
use super::failure::{self, Failure, chain};
use super::host::host_of;
use super::pool::{Lease, Pool};
use super::proxy::Proxies;
use super::request::Request;
use super::sent::Progress;
use super::tls::Tls;
use super::tunnel;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::log::events;

/// How long a connection may stay silent while an answer is awaited. Longer than the service's
/// longest command without output (the client's own deadline is up to the caller).
const SILENCE: Duration = Duration::from_secs(60 * 60 + 30);

/// The header with the id of a request, by which the service's logs name it.
pub(crate) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");

/// The shared client. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub(crate) struct Transport {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Pool,
    proxies: Arc<Proxies>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    /// Builds the client; fallible because the caller's certificates may be broken. A host has at most
    /// `connections` connections at once.
    pub(crate) fn new(extra_roots_pem: &[u8], connections: usize) -> Result<Self> {
        let proxies = Arc::new(Proxies::from_env());
        let connector = Connector::new(Tls::new(extra_roots_pem)?, proxies.clone());
        let shared = Shared {
            pool: Pool::new(connector, connections),
            proxies,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A client for the machine around the program: no proxy, whatever the environment says, and no
    /// certificates of the caller.
    pub(crate) fn direct() -> Result<Self> {
        const CONNECTIONS: usize = 4;
        let proxies = Arc::new(Proxies::default());
        let connector = Connector::new(Tls::new(&[])?, proxies.clone());
        let pool = Pool::new(connector, CONNECTIONS);
        Ok(Self {
            shared: Arc::new(Shared { pool, proxies }),
        })
    }

    /// Uses none of today's connections for another request; those under way go on. For an answer
    /// that belongs to another request: on its connection every later one would, too, and others
    /// have come the same way.
    pub(crate) fn leave_connections(&self) {
        self.shared.pool.clear();
    }

    /// The proxy that a request to this URL goes through.
    fn route(&self, step: Step, url: &Url) -> Result<Option<&Url>> {
        let proxy = self.shared.proxies.of(url);
        proxy.map_err(|why| Error::new(ErrorKind::Config, step, why).with_host(host_of(url)))
    }

    /// Sends the request and reads the whole answer, of any status, up to the limit of its kind.
    pub(crate) async fn send(
        &self,
        step: Step,
        host: &str,
        request: Request,
        kind: AnswerKind,
    ) -> Result<Reply> {
        let (reply, connection) = self.send_on(step, host, request, kind).await?;
        connection.keep();
        Ok(reply)
    }

    /// As [`send`](Self::send), with the connection, which is closed unless it is kept.
    pub(super) async fn send_on(
        &self,
        step: Step,
        host: &str,
        request: Request,
        kind: AnswerKind,
    ) -> Result<(Reply, Lease)> {
        let traced = Traced::new(step, host, &request);
        // The future is large, and every layer above would hold it in its own.
        let sent = Box::pin(self.exchange(step, host, request, kind)).await;
        traced.end(&sent);
        let request_id = text(traced.request_id.as_ref());
        sent.map_err(|error| match (error.client_request_id(), request_id) {
            (None, Some(id)) => error.with_client_request_id(id),
            _ => error,
        })
    }

    async fn exchange(
        &self,
        step: Step,
        host: &str,
        request: Request,
        kind: AnswerKind,
    ) -> Result<(Reply, Lease)> {
        if let Some(name) = &request.unsendable {
            let message = format!("the value of the header {name} is none that HTTP can send");
            return Err(Error::new(ErrorKind::Config, step, message).with_host(host));
        }
        let proxy = self.route(step, &request.url)?;
        let (url, once, limits) = (request.url.clone(), request.once, Limits::of(&request));
        let request_id = request_id(&request);
        let to_error = |failure: Failure| {
            let proxy = proxy.map(host_of);
            let secure = url.scheme() == "https";
            if failure.may_have_been_sent() {
                self.shared.pool.unanswered(&url);
            }
            network_error(step, host, proxy.as_deref(), secure, failure)
        };
        let wire = wire(request, proxy, kind).map_err(|()| {
            let message = "the address cannot be requested";
            Error::new(ErrorKind::Config, step, message).with_host(host)
        })?;
        let sent = self.answered(&url, once, limits, wire).await;
        let (answer, mut lease, patience) = sent.map_err(to_error)?;
        let arrived = OffsetDateTime::now_utc();
        let (head, body) = answer.into_parts();
        if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) = (head.status, proxy) {
            return Err(login_of_proxy(step, host, &host_of(proxy)));
        }
        let limit = kind.limit(head.status);
        let body = read(&mut lease, &head.headers, body, limit, patience).await;
        let body = body.map_err(to_error)?;
        let status = head.status.as_u16();
        if head.status.is_success() && body.len() > limit {
            return Err(too_large(step, host, kind, status));
        }
        let reply = Reply {
            status,
            arrived,
            request_id,
            is_on_used_connection: lease.is_used,
            headers: head.headers,
            body,
        };
        Ok((reply, lease))
    }

    /// The head of the answer. A request of which a connection sent nothing, because it was closed
    /// meanwhile, goes to another one.
    async fn answered(
        &self,
        url: &Url,
        once: bool,
        limits: Limits,
        mut wire: http::Request<Full<Bytes>>,
    ) -> std::result::Result<(http::Response<Incoming>, Lease, Patience), Failure> {
        loop {
            let mut lease = self.shared.pool.take(url, once).await?;
            let mut patience = Patience::begin(limits);
            let progress = lease.connection.progress();
            let sent = patience.exchange(&progress, lease.connection.send(wire));
            let sent = sent.await.map_err(|failure| match failure {
                Failure::Silent(limit) if progress.lacks_some() => Failure::Stuck(limit),
                failure => failure,
            });
            match sent? {
                Ok(answer) => return Ok((answer, lease, patience)),
                Err((_, Some(unsent))) if lease.is_used => wire = unsent,
                Err((failure, _)) => {
                    if matches!(failure, Failure::Early) {
                        self.leave_connections();
                    }
                    return Err(failure);
                }
            }
        }
    }
}

/// What a request says about how long it may take.
#[derive(Clone, Copy)]
struct Limits {
    /// For its answer, or for all of it.
    limit: Option<Duration>,
    /// For it to leave, where the time of the answer begins only then.
    leaving: Option<Duration>,
    /// Bytes of its body.
    body: u64,
}

impl Limits {
    fn of(request: &Request) -> Self {
        Self {
            limit: request.limit,
            leaving: request.leaving(),
            body: request.body.len() as u64,
        }
    }
}

/// How long an answer is waited for.
#[derive(Clone, Copy)]
struct Patience {
    begun: Instant,
    limits: Limits,
}

impl Patience {
    fn begin(limits: Limits) -> Self {
        Self {
            begun: Instant::now(),
            limits,
        }
    }

    /// The answer to a request that is being sent.
    async fn exchange<T>(
        &mut self,
        progress: &Progress,
        sending: impl Future<Output = T>,
    ) -> std::result::Result<T, Failure> {
        let Some(leaving) = self.limits.leaving else {
            return self.wait(sending).await;
        };
        let mut sending = pin!(sending);
        let end = self.begun + leaving;
        let pause = self.limits.limit.unwrap_or(leaving);
        let mut before = self.limits.body;
        loop {
            let next_look = end.min(Instant::now() + pause);
            let left = poll_fn(|context| match sending.as_mut().poll(context) {
                Poll::Ready(sent) => Poll::Ready(Some(sent)),
                Poll::Pending if progress.lacks_some() => Poll::Pending,
                Poll::Pending => Poll::Ready(None),
            });
            match tokio::time::timeout_at(next_look, left).await {
                Ok(Some(sent)) => return Ok(sent),
                Ok(None) => {
                    self.begun = Instant::now();
                    return self.wait(sending).await;
                }
                // Slow, and not stuck.
                Err(_) if progress.left() < before && Instant::now() < end => {
                    before = progress.left();
                }
                Err(_) => {
                    let waited = Duration::from_secs(self.begun.elapsed().as_secs());
                    return Err(Failure::Silent(waited));
                }
            }
        }
    }

    /// What comes next, unless nothing comes for too long.
    async fn wait<T>(self, next: impl Future<Output = T>) -> std::result::Result<T, Failure> {
        let limit = self.limits.limit;
        let left = limit.map(|limit| limit.saturating_sub(self.begun.elapsed()));
        tokio::time::timeout(left.unwrap_or(SILENCE).min(SILENCE), next)
            .await
            .map_err(|_| Failure::Silent(limit.unwrap_or(SILENCE)))
    }
}

/// The request as it goes over the wire. `Err` for an address that has no form there.
fn wire(
    request: Request,
    proxy: Option<&Url>,
    kind: AnswerKind,
) -> std::result::Result<http::Request<Full<Bytes>>, ()> {
    let url = &request.url;
    // A proxy of http is given the whole address; in a tunnel, and without one, the host knows.
    let forwarding = proxy.filter(|_| url.scheme() == "http");
    let target = match forwarding {
        Some(_) => &url[..Position::AfterQuery],
        None => &url[Position::BeforePath..Position::AfterQuery],
    };
    let target: Uri = target.parse().map_err(|_| ())?;
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    let mut headers = request.headers;
    headers.insert(HOST, host.map_err(|_| ())?);
    headers.insert(ACCEPT_ENCODING, kind.accepted());
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    if let Some(login) = forwarding.and_then(tunnel::login) {
        let mut login = HeaderValue::try_from(login).map_err(|_| ())?;
        login.set_sensitive(true);
        headers.insert(PROXY_AUTHORIZATION, login);
    }
    let mut wire = http::Request::new(Full::new(request.body));
    *wire.method_mut() = request.method;
    *wire.uri_mut() = target;
    *wire.headers_mut() = headers;
    Ok(wire)
}

/// The value of `User-Agent`.
pub(super) const AGENT: &str = concat!("kusto-ingest/", env!("CARGO_PKG_VERSION"));

/// The whole body, or what shows that it is beyond its limit.
async fn read(
    lease: &mut Lease,
    headers: &HeaderMap,
    mut body: Incoming,
    limit: usize,
    patience: Patience,
) -> std::result::Result<Bytes, Failure> {
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    let is_gzip = encoding.is_some_and(|it| it.eq_ignore_ascii_case(b"gzip"));
    let mut decoder = Decoder::new(is_gzip, limit);
    loop {
        match patience.wait(lease.connection.next(&mut body)).await?? {
            None => return decoder.end(true),
            Some(data) if !decoder.take(&data).await? => return decoder.end(false),
            Some(_) => {}
        }
    }
}

/// The id under which a request is sent.
fn request_id(request: &Request) -> Option<HeaderValue> {
    request.headers.get(CLIENT_REQUEST_ID).cloned()
}

/// A header's value, when it is text.
fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

/// A request in the log.
struct Traced<'a> {
    step: Step,
    host: &'a str,
    method: http::Method,
    url: Arc<Url>,
    request_id: Option<HeaderValue>,
    begun: Instant,
}

impl<'a> Traced<'a> {
    fn new(step: Step, host: &'a str, request: &Request) -> Self {
        Self {
            step,
            host,
            method: request.method.clone(),
            url: request.url.clone(),
            request_id: request_id(request),
            begun: Instant::now(),
        }
    }

    fn end(&self, sent: &Result<(Reply, Lease)>) {
        let request_id = text(self.request_id.as_ref()).unwrap_or_default();
        let (step, host, path) = (self.step, self.host, self.url.path());
        let (method, duration_ms) = (self.method.as_str(), self.begun.elapsed());
        match sent {
            Ok((reply, _)) => events::Request {
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
    request_id: Option<HeaderValue>,
    /// Whether its connection carried an earlier request, so that it can be an answer that was left
    /// of that time.
    pub(crate) is_on_used_connection: bool,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// One with this body and no headers.
    #[cfg(test)]
    pub(crate) fn of(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            arrived: OffsetDateTime::UNIX_EPOCH,
            request_id: None,
            is_on_used_connection: false,
            headers: HeaderMap::new(),
            body: body.into(),
        }
    }

    /// The id under which its request was sent.
    pub(crate) fn request_id(&self) -> Option<&str> {
        text(self.request_id.as_ref())
    }

    /// The text of a header, when it is text.
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        text(self.headers.get(name))
    }

    /// When it was sent, by the clock of its sender.
    pub(crate) fn date(&self) -> Option<OffsetDateTime> {
        date::parse(self.header(DATE)?)
    }

    /// The pause that the answer asks for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        date::retry_after(self.header(RETRY_AFTER), self.header(DATE))
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

/// The error of a request that has no whole answer. `proxy` is the one that it went through, and
/// `secure` says whether its address is one of https.
fn network_error(
    step: Step,
    host: &str,
    proxy: Option<&str>,
    secure: bool,
    failure: Failure,
) -> Error {
    if let Failure::Certificates(error) = failure {
        return error.with_host(host);
    }
    let message = failure::message(host, proxy, secure, &failure);
    let error_of_step = Error::new(ErrorKind::Network, step, message)
        .with_host(host)
        .with_in_doubt(failure.may_have_been_sent());
    let Some(cause) = failure.cause() else {
        return error_of_step;
    };
    // Not the error itself: its text can have the URL with the signature.
    let error_of_step = match os_error(cause) {
        Some(code) => error_of_step.with_source(std::io::Error::from_raw_os_error(code)),
        None => error_of_step,
    };
    match failure::is_permanent(secure, &failure) {
        true => error_of_step.with_retry(RetryClass::Never),
        false => error_of_step,
    }
}

/// The operating system's number for what broke the connection.
fn os_error(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    chain(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .find_map(std::io::Error::raw_os_error)
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

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
        let transport = Transport::new(b"", 8).unwrap();
        let request = Request::new(http::Method::GET, Url::parse(&url).unwrap());
        let sent = transport.send(Step::RunQuery, "h", request, AnswerKind::METADATA);
        let reply = sent.await.unwrap();
        assert!(reply.arrived < server.await.unwrap());
    }

    /// A host that accepts every request, and answers none but the second.
    async fn silent_at_first() -> Url {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 1024]).await.unwrap();
                if open.len() == 1 {
                    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
                    stream.write_all(head).await.unwrap();
                }
                open.push(stream);
            }
        });
        url.parse().unwrap()
    }

    #[tokio::test]
    async fn a_request_that_is_accepted_and_not_answered_ends_at_its_own_limit() {
        let url = silent_at_first().await;
        let transport = Transport::new(b"", 1).unwrap();
        let sent = async |limit| {
            let request = Request::new(http::Method::PUT, url.clone()).limited(limit);
            let kind = AnswerKind::METADATA;
            transport.send(Step::UploadBlob, "h", request, kind).await
        };
        let error = sent(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        assert!(error.is_in_doubt() && error.is_retryable(), "{error}");
        assert!(error.message().contains("within 50ms"), "{error}");
        // The connection of the first is given up: there is only one.
        assert_eq!(sent(Duration::from_secs(60)).await.unwrap().status, 200);
    }

    /// A slow line takes the time of its body, as long as it moves, and the answer has its own from then on.
    #[tokio::test(start_paused = true)]
    async fn the_time_of_an_answer_can_begin_when_its_request_has_left() {
        let second = Duration::from_secs(1);
        // Three bytes of a body leave, each after as many seconds.
        let ended = async |between: u32, answering: u32| {
            let progress = Progress::default();
            let send = |part: &[u8]| progress.add(&[IoSlice::new(part)], part.len());
            let sending = async {
                progress.begin(3);
                send(b"POST / HTTP/1.1\r\n\r\n");
                for _ in 0..3 {
                    tokio::time::sleep(between * second).await;
                    send(b"a");
                }
                tokio::task::yield_now().await;
                tokio::time::sleep(answering * second).await;
            };
            let limits = Limits {
                limit: Some(60 * second),
                leaving: Some(160 * second),
                body: 3,
            };
            Patience::begin(limits).exchange(&progress, sending).await
        };
        assert!(ended(50, 59).await.is_ok());
        // The answer is late, the line is stuck, and the line is too slow.
        for (between, answering, after) in [(50, 61, 60), (61, 0, 60), (59, 0, 160)] {
            match ended(between, answering).await {
                Err(Failure::Silent(ended)) => assert_eq!(ended, after * second),
                other => panic!("{between}, {answering}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_dead_host_is_a_network_error_that_is_not_in_doubt() {
        // Bound and dropped: nothing listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let transport = Transport::new(b"", 8).unwrap();
        let url = url::Url::parse(&format!("http://127.0.0.1:{port}/x?sig=secret")).unwrap();
        let host = host_of(&url);
        let request = Request::new(http::Method::GET, url);
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
