//! Resolves names with the system's resolver, on a separate thread for each look-up.
//!
//! The usual way is a blocking thread of the runtime. Sources are read on those, and they can hold
//! all of them while they wait for the connection that the look-up is for. Look-ups are rare:
//! connections are kept.

use std::net::{SocketAddr, ToSocketAddrs};

use tokio::sync::oneshot;

use super::failure::Unresolved;
use super::host::is_loopback;

/// The addresses of a name, in the order in which the system would try them.
pub(super) async fn resolve(name: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
    let (answer, answered) = oneshot::channel();
    let local = is_loopback(name);
    let name = name.to_owned();
    std::thread::Builder::new()
        .name("kusto-resolve".to_owned())
        .spawn(move || {
            let addresses = (name.as_str(), port).to_socket_addrs();
            // The receiver is gone when the call has ended.
            let _ = answer.send(addresses.map(Vec::from_iter));
        })
        .map_err(|error| Unresolved(format!("cannot start a thread: {error}")))?;
    let addresses = answered
        .await
        .map_err(|_| Unresolved("the look-up broke off".to_owned()))?;
    let mut addresses = addresses.map_err(|error| Unresolved(error.to_string()))?;
    // What is trusted as this machine must be it, whatever a name server says.
    addresses.retain(|address| !local || address.ip().is_loopback());
    match addresses.is_empty() {
        true => Err(Unresolved("No address".to_owned())),
        false => Ok(addresses),
    }
}
