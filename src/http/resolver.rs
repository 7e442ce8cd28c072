//! Resolves names with the system's resolver, on a separate thread for each look-up.
//!
//! The usual way is a blocking thread of the runtime. Sources are read on those, and they can hold
//! all of them while they wait for the connection that the look-up is for. Look-ups are rare:
//! connections are kept.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use super::failure::Unresolved;
use super::host::is_loopback;

/// How many look-ups a client has under way. One whose call has ended goes on until the system's resolver
/// gives up: while no name server answers, calls with short deadlines would leave a thread each.
const LOOK_UPS: usize = 16;

type LookUp = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// The look-ups of a client.
pub(super) struct Resolver {
    look_up: LookUp,
    /// One for each thread.
    permits: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self::with(|name, port| Ok((name, port).to_socket_addrs()?.collect()))
    }

    fn with(look_up: LookUp) -> Self {
        let permits = Arc::new(Semaphore::new(LOOK_UPS));
        Self { look_up, permits }
    }

    /// The addresses of a name, in the order in which the system would try them.
    pub(super) async fn resolve(
        &self,
        name: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Unresolved> {
        let broke_off = || Unresolved("the look-up broke off".to_owned());
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| broke_off())?;
        let (answer, answered) = oneshot::channel();
        let local = is_loopback(name);
        let (look_up, name) = (self.look_up, name.to_owned());
        std::thread::Builder::new()
            .name("kusto-resolve".to_owned())
            .spawn(move || {
                let addresses = look_up(&name, port);
                drop(permit);
                // The receiver is gone when the call has ended.
                let _ = answer.send(addresses);
            })
            .map_err(|error| Unresolved(format!("cannot start a thread: {error}")))?;
        let addresses = answered.await.map_err(|_| broke_off())?;
        let mut addresses = addresses.map_err(|error| Unresolved(error.to_string()))?;
        // What is trusted as this machine must be it, whatever a name server says.
        addresses.retain(|address| !local || address.ip().is_loopback());
        match addresses.is_empty() {
            true => Err(Unresolved("No address".to_owned())),
            false => Ok(addresses),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, PoisonError};
    use std::task::{Context, Waker};

    use super::*;

    static SILENT: Mutex<()> = Mutex::new(());
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    /// Answers once [`SILENT`] is free.
    fn silent(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(running, Ordering::SeqCst);
        drop(SILENT.lock().unwrap_or_else(PoisonError::into_inner));
        RUNNING.fetch_sub(1, Ordering::SeqCst);
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }

    #[tokio::test]
    async fn calls_that_ended_leave_a_bounded_number_of_look_ups() {
        let resolver = Resolver::with(silent);
        {
            let _silent = SILENT.lock().unwrap();
            for _ in 0..LOOK_UPS * 3 {
                let resolving = pin!(resolver.resolve("h", 1));
                let begun = resolving.poll(&mut Context::from_waker(Waker::noop()));
                assert!(begun.is_pending());
            }
            assert_eq!(resolver.permits.available_permits(), 0);
        }
        assert!(resolver.resolve("h", 1).await.is_ok());
        assert!(MOST.load(Ordering::SeqCst) <= LOOK_UPS);
    }
}
