//! Accepting connections and serving HTTP/1.1 on them until told to stop.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::early::early;
use super::hosts::{Hosts, without_host};
use crate::traffic::Connection;

/// How long requests under way may take once the end is near.
const GRACE: Duration = Duration::from_secs(3);
/// Rest after a failed accept: it fails again at once while file descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Instead of an answer: the connection is closed without a byte more. An error of its service is what makes
/// hyper give a connection up and drop its socket.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// What all connections of a port share.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) hosts: Arc<Hosts>,
    /// Ends it.
    pub(crate) shutdown: CancellationToken,
}

/// Serves until its shutdown, then lets requests under way end. No task is left when it returns.
pub(crate) async fn serve<H, F>(listener: TcpListener, port: Port, handler: H)
where
    H: Fn(Request<Incoming>, Arc<Connection>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, Cut>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = port.shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, port.clone(), handler.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, drained).await.is_err() {
        connections.shutdown().await;
    }
}

async fn connection<H, F>(stream: TcpStream, port: Port, handler: H)
where
    H: Fn(Request<Incoming>, Arc<Connection>) -> F,
    F: Future<Output = Result<Response<Body>, Cut>>,
{
    // Small replies go out at once; failure to set it costs speed only.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().ok().map(|address| address.ip());
    let Some(acceptor) = &port.tls else {
        return http(stream, &port, local, handler).await;
    };
    let handshake = tokio::select! {
        () = port.shutdown.cancelled() => return,
        handshake = acceptor.accept(stream) => handshake,
    };
    match handshake {
        Ok(stream) => http(stream, &port, local, handler).await,
        Err(error) => tracing::info!(%error, "TLS handshake failed"),
    }
}

async fn http<S, H, F>(stream: S, port: &Port, local: Option<IpAddr>, handler: H)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<Incoming>, Arc<Connection>) -> F,
    F: Future<Output = Result<Response<Body>, Cut>>,
{
    let link = Arc::new(Connection::default());
    let service = service_fn(|request: Request<Incoming>| async {
        let (parts, body) = request.into_parts();
        let refusal = port.hosts.refusal(&parts, local);
        match refusal.or_else(|| without_host(&parts)) {
            Some(refusal) => Ok(early(refusal, &parts, body)),
            None => handler(Request::from_parts(parts, body), link.clone()).await,
        }
    });
    let mut connection =
        pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = port.shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
