//! Resolves names with the system's resolver, on a separate thread for each look-up.
//!
//! The usual way is a blocking thread of the runtime. Sources are read on those, and they can hold
//! all of them while they wait for the connection that the look-up is for. Look-ups are rare:
//! connections are kept.

use std::net::ToSocketAddrs;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

use super::failure::Unresolved;
use super::host::is_loopback;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadResolver;

impl Resolve for ThreadResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (answer, answered) = oneshot::channel();
        let local = is_loopback(name.as_str());
        Box::pin(async move {
            std::thread::Builder::new()
                .name("kusto-resolve".to_owned())
                .spawn(move || {
                    // The port is ignored; the receiver is gone when the call has ended.
                    let _ = answer.send((name.as_str(), 0).to_socket_addrs());
                })
                .map_err(|error| Unresolved(format!("cannot start a thread: {error}")))?;
            let addresses = answered.await?;
            let addresses = addresses.map_err(|error| Unresolved(error.to_string()))?;
            // What is trusted as this machine must be it, whatever a name server says.
            let addresses = addresses.filter(move |it| !local || it.ip().is_loopback());
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
