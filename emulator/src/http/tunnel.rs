//! A proxy that leads the names of the public cloud here: programs that insist on `login.microsoftonline.com` and
//! `CLUSTER.kusto.windows.net` reach the emulator through it, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The largest head of a request, in bytes.
const HEAD: usize = 8 << 10;
/// How long a client may take to say where it wants to go.
const PATIENCE: Duration = Duration::from_secs(10);

/// The names that lead here, in lower case, and where that is.
pub(crate) struct Tunnels {
    pub(crate) names: Vec<String>,
    pub(crate) target: SocketAddr,
}

/// Serves until its shutdown; then every tunnel is closed.
pub(crate) async fn tunnel(
    listener: TcpListener,
    tunnels: Arc<Tunnels>,
    shutdown: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(one(stream, tunnels.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

async fn one(mut client: TcpStream, tunnels: Arc<Tunnels>) {
    let head = tokio::time::timeout(PATIENCE, head(&mut client)).await;
    let target = match head.ok().flatten() {
        None => return,
        Some(head) => target(&head).filter(|host| tunnels.names.contains(host)),
    };
    if target.is_none() {
        // Nobody is let out.
        let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let _ = client.write_all(refusal).await;
        return;
    }
    let Ok(mut emulator) = TcpStream::connect(tunnels.target).await else {
        return;
    };
    let opened = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
    if opened.await.is_ok() {
        let _ = copy_bidirectional(&mut client, &mut emulator).await;
    }
}

/// The head of a request, byte by byte: what follows it belongs to the tunnel.
async fn head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD {
            return None;
        }
        head.push(client.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// The host of `CONNECT HOST:443 HTTP/1.1`.
fn target(head: &str) -> Option<String> {
    let line = head.lines().next()?;
    let (host, port) = line
        .strip_prefix("CONNECT ")?
        .split(' ')
        .next()?
        .rsplit_once(':')?;
    (port == "443").then(|| host.to_ascii_lowercase())
}
