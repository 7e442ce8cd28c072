//! Connecting to a host: its addresses, TCP, the tunnel of a proxy, TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::connection::Connection;
use super::failure::{Failure, Unresolved};
use super::proxy::Proxies;
use super::resolver::Resolver;
use super::socket::Socket;
use super::tls::Tls;
use super::tunnel;
use crate::op::here::Descriptor;

/// How long connecting may take, TLS included. A dead host must not use up a long deadline.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Azure's load balancers drop flows that are idle for four minutes.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long an address may keep the next one waiting (RFC 8305, "Connection Attempt Delay").
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// A connection's bytes, before HTTP.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How hosts are reached.
pub(super) struct Connector {
    tls: Tls,
    proxies: Arc<Proxies>,
    resolver: Resolver,
}

impl Connector {
    pub(super) fn new(tls: Tls, proxies: Arc<Proxies>) -> Self {
        Self {
            tls,
            proxies,
            resolver: Resolver::new(),
        }
    }

    /// A new connection to the host of this URL.
    pub(super) async fn connect(&self, url: &Url) -> Result<Connection, Failure> {
        let opening = tokio::time::timeout(CONNECT_TIMEOUT, self.open(url));
        let (stream, socket) = opening.await.map_err(|_| Failure::NoConnection)??;
        Connection::new(stream, Some(socket)).await
    }

    async fn open(&self, url: &Url) -> Result<(Box<dyn Stream>, Descriptor), Failure> {
        let secure = url.scheme() == "https";
        // One that cannot be used is an error before this: `Transport::route`.
        let proxy = self.proxies.of(url).ok().flatten();
        let reached = reach(&self.resolver, proxy.unwrap_or(url)).await?;
        let descriptor = reached.descriptor();
        let reached: Box<dyn Stream> = Box::new(reached);
        let stream = match proxy {
            None => reached,
            Some(proxy) => {
                let to_proxy = match proxy.scheme() {
                    "https" => self.encrypt(reached, proxy).await?,
                    _ => reached,
                };
                match secure {
                    true => tunnel::open(to_proxy, url, proxy).await?,
                    false => to_proxy,
                }
            }
        };
        let stream = match secure {
            true => self.encrypt(stream, url).await?,
            false => stream,
        };
        Ok((stream, descriptor))
    }

    async fn encrypt(
        &self,
        stream: Box<dyn Stream>,
        url: &Url,
    ) -> Result<Box<dyn Stream>, Failure> {
        let name = match url.host() {
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
            Some(Host::Ipv4(address)) => Some(ServerName::from(std::net::IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => Some(ServerName::from(std::net::IpAddr::V6(address))),
            None => None,
        };
        let name = name.ok_or_else(|| Failure::connect(Unresolved("not known".to_owned())))?;
        let config = self.tls.config().map_err(Failure::Certificates)?;
        let connected = TlsConnector::from(config).connect(name, stream).await;
        Ok(Box::new(connected.map_err(Failure::connect)?))
    }
}

/// A TCP connection to the host of this URL.
async fn reach(resolver: &Resolver, url: &Url) -> Result<Socket, Failure> {
    let port = url.port_or_known_default().unwrap_or_default();
    let addresses = match url.host() {
        Some(Host::Domain(name)) => {
            let resolved = resolver.resolve(name, port).await;
            resolved.map_err(Failure::connect)?
        }
        Some(Host::Ipv4(address)) => vec![SocketAddr::from((address, port))],
        Some(Host::Ipv6(address)) => vec![SocketAddr::from((address, port))],
        None => Vec::new(),
    };
    let stream = fastest(interleaved(addresses)).await?;
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
    // A connection without these options works, too.
    let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive);
    let _ = stream.set_nodelay(true);
    Ok(Socket::new(stream))
}

/// Alternately of each family, beginning with that of the first: a network on which one family
/// leads nowhere is noticed after one address (RFC 8305).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (like, unlike): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == first_is_v4);
    let mut unlike = unlike.into_iter();
    let mut all = Vec::new();
    for address in like {
        all.push(address);
        all.extend(unlike.next());
    }
    all.extend(unlike);
    all
}

/// The first address that accepts. Each one is tried when the one before has failed, or has not
/// answered for [`NEXT_ADDRESS`].
async fn fastest(addresses: Vec<SocketAddr>) -> Result<TcpStream, Failure> {
    if let [address] = addresses[..] {
        return TcpStream::connect(address).await.map_err(Failure::connect);
    }
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut failed = Failure::connect(Unresolved("No address".to_owned()));
    loop {
        let next = waiting.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            attempts.spawn(TcpStream::connect(address));
        }
        let ended = match is_last {
            true => attempts.join_next().await,
            false => match tokio::time::timeout(NEXT_ADDRESS, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            },
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failed = Failure::connect(error),
            Some(Err(error)) => failed = Failure::connect(error),
            None if is_last => return Err(failed),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_is_not_the_last_word() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        // Bound and dropped: nothing listens there.
        let closed = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        let reached = fastest(vec![closed, open]).await.ok().unwrap();
        assert_eq!(reached.peer_addr().unwrap(), open);
        assert!(fastest(vec![closed, closed]).await.is_err());
        assert!(fastest(Vec::new()).await.is_err());
    }

    #[test]
    fn families_take_turns() {
        let of = |text: &str| text.parse::<SocketAddr>().unwrap();
        let addresses = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"].map(of);
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(of);
        assert_eq!(interleaved(addresses.to_vec()), expected);
        assert!(interleaved(Vec::new()).is_empty());
    }
}
