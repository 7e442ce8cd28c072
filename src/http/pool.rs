//! The connections: a bounded number for each host, and which of them a request may use.
//!
//! A request that was written to a connection which the server was just closing looks like one that
//! was carried out and not answered: nobody can tell, so its outcome is in doubt. A request that
//! must not be carried out twice ([`Request::once`](super::request::Request::once)) must therefore
//! not go out on a connection that may be about to end. Ordinary requests take the connection that
//! was used last, at once and after any time. These have connections of their own, and take the one
//! that rested longest, only between [`QUIET`], when an end that followed the answer has been noticed,
//! and [`FRESH`]; and a new one on a host that has left a request unanswered lately, whichever request
//! that was.
//!
//! A connection is used by one request at a time. Callers beyond the bound wait in order. What is not
//! used for [`IDLE`] is closed, and so is what the server has ended.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use super::connect::Connector;
use super::connection::Connection;
use super::failure::Failure;
use crate::op::{context, here};

/// How long a connection rests before a request that must not be carried out twice uses it: the end
/// of a connection arrives behind the last answer on it.
const QUIET: Duration = Duration::from_millis(5);
/// Until when such a request uses it: well below what servers and gateways allow an idle connection
/// (the shortest usual limit is 5 s).
const FRESH: Duration = Duration::from_secs(2);
/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(90);
/// How often connections that rest are looked at.
const SWEEP: Duration = Duration::from_secs(15);
/// How long a host counts as one that leaves requests unanswered.
const DISTRUST: Duration = Duration::from_secs(10 * 60);

/// The connections of one transport.
pub(super) struct Pool {
    connector: Arc<Connector>,
    shared: Arc<Shared>,
}

struct Shared {
    /// How many connections a host has at most.
    bound: usize,
    /// By scheme, host and port.
    hosts: Mutex<HashMap<Box<str>, Arc<Host>>>,
    sweeper: Mutex<Option<JoinHandle<()>>>,
}

struct Host {
    /// One for each connection in use.
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// For ordinary requests; the one that rested longest first.
    resting: VecDeque<Resting>,
    /// For requests that must not be carried out twice; the one that rested longest first.
    quiet: VecDeque<Resting>,
    /// When the host left a request unanswered.
    unanswered: Option<Instant>,
    /// How often its connections were given up.
    cleared: u64,
}

struct Resting {
    connection: Connection,
    since: Instant,
}

/// A connection that one request uses. Dropped, it is closed.
pub(super) struct Lease {
    pub(super) connection: Connection,
    /// Whether it carried an earlier request, so that an answer on it can be one that was left of
    /// that time.
    pub(super) is_used: bool,
    once: bool,
    host: Arc<Host>,
    shared: Arc<Shared>,
    /// [`State::cleared`] when it was taken.
    since: u64,
    /// Given back after the connection.
    permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(connector: Connector, bound: usize) -> Self {
        let shared = Shared {
            bound,
            hosts: Mutex::default(),
            sweeper: Mutex::default(),
        };
        Self {
            connector: Arc::new(connector),
            shared: Arc::new(shared),
        }
    }

    /// A connection to the host of this URL, for a request that must not be carried out twice
    /// (`once`) or for any other. Waits while the host has as many as it may have.
    pub(super) async fn take(&self, url: &Url, once: bool) -> Result<Lease, Failure> {
        let host = self.shared.host(url);
        let permit = host.permits.clone().acquire_owned().await;
        let permit = permit.map_err(Failure::connect)?;
        let (rested, since) = {
            let mut state = lock(&host.state);
            (state.rested(once), state.cleared)
        };
        let is_used = rested.is_some();
        let connection = match rested {
            Some(connection) => connection,
            None => {
                host.make_room(self.shared.bound);
                self.connect(url).await?
            }
        };
        Ok(Lease {
            connection,
            is_used,
            once,
            host,
            shared: self.shared.clone(),
            since,
            permit,
        })
    }

    /// Boxed: what connects is large, rare, and deep inside every request. It starts threads and
    /// tasks, and sends before the connection is ours: all that is done by the runtime's threads.
    fn connect<'a>(
        &'a self,
        url: &'a Url,
    ) -> Pin<Box<dyn Future<Output = Result<Connection, Failure>> + Send + 'a>> {
        if !here::is_here() {
            return Box::pin(self.connector.connect(url));
        }
        let (connector, url) = (self.connector.clone(), url.clone());
        let connecting = context::carried(async move { connector.connect(&url).await });
        let task = AbortOnDropHandle::new(tokio::spawn(connecting));
        Box::pin(async move {
            task.await
                .unwrap_or_else(|error| match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(error) => Err(Failure::connect(error)),
                })
        })
    }

    /// None of the connections of this moment is used again, resting or not.
    pub(super) fn clear(&self) {
        for host in lock(&self.shared.hosts).values() {
            let mut state = lock(&host.state);
            state.cleared += 1;
            state.resting.clear();
            state.quiet.clear();
        }
    }

    /// A request to this URL had no answer: for a while, a request to its host that must not be
    /// carried out twice has a new connection.
    pub(super) fn unanswered(&self, url: &Url) {
        let host = self.shared.host(url);
        lock(&host.state).unanswered = Some(Instant::now());
    }
}

impl Shared {
    fn host(&self, url: &Url) -> Arc<Host> {
        let origin = &url[Position::BeforeScheme..Position::BeforePath];
        let mut hosts = lock(&self.hosts);
        if let Some(known) = hosts.get(origin) {
            return known.clone();
        }
        let host = Arc::new(Host {
            permits: Arc::new(Semaphore::new(self.bound)),
            state: Mutex::default(),
        });
        hosts.insert(origin.into(), host.clone());
        host
    }

    /// Closes what rested too long or was ended by its server. Whether something still rests.
    fn sweep(&self) -> bool {
        let mut rests = false;
        lock(&self.hosts).retain(|_, host| {
            let mut state = lock(&host.state);
            state.resting.retain_mut(|it| it.is_kept(IDLE));
            state.quiet.retain_mut(|it| it.is_kept(FRESH));
            let host_rests = !state.resting.is_empty() || !state.quiet.is_empty();
            rests |= host_rests;
            host_rests || state.is_distrusted() || Arc::strong_count(host) > 1
        });
        rests
    }

    /// Looks after connections that rest for as long as some do, on the runtime of the caller. It
    /// ends with that runtime; then the next caller starts another.
    fn watch(self: &Arc<Self>) {
        let mut sweeper = lock(&self.sweeper);
        if sweeper.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let shared = Arc::downgrade(self);
        let sweeping = async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(shared) = Weak::upgrade(&shared) else {
                    return;
                };
                // Until it is noted that this task has ended, nobody starts another.
                let mut sweeper = lock(&shared.sweeper);
                if !shared.sweep() {
                    *sweeper = None;
                    return;
                }
            }
        };
        let runtime = tokio::runtime::Handle::try_current();
        *sweeper = runtime.ok().map(|runtime| runtime.spawn(sweeping));
    }
}

impl Host {
    /// Closes a connection that rests where the bound leaves no room for it beside a new one.
    fn make_room(&self, bound: usize) {
        let in_use = bound.saturating_sub(self.permits.available_permits());
        let mut state = lock(&self.state);
        if in_use + state.resting.len() + state.quiet.len() > bound
            && state.resting.pop_front().is_none()
        {
            state.quiet.pop_front();
        }
    }
}

impl State {
    fn is_distrusted(&self) -> bool {
        self.unanswered.is_some_and(|at| at.elapsed() < DISTRUST)
    }

    /// A connection that rests, is open, and may carry such a request.
    fn rested(&mut self, once: bool) -> Option<Connection> {
        loop {
            let mut resting = match once {
                false => self.resting.pop_back()?,
                true => self.quiet()?,
            };
            // Nobody may have looked after it: a runtime that stands still sweeps nothing.
            if resting.is_kept(if once { FRESH } else { IDLE }) {
                return Some(resting.connection);
            }
        }
    }

    fn quiet(&mut self) -> Option<Resting> {
        if self.is_distrusted() {
            self.quiet.clear();
        }
        while self.quiet.front()?.since.elapsed() >= FRESH {
            self.quiet.pop_front();
        }
        match self.quiet.front()?.since.elapsed() >= QUIET {
            true => self.quiet.pop_front(),
            false => None,
        }
    }
}

impl Resting {
    fn is_kept(&mut self, limit: Duration) -> bool {
        self.since.elapsed() < limit && self.connection.is_open()
    }
}

impl Lease {
    /// The request was answered as a whole: the connection may be used again.
    pub(super) fn keep(mut self) {
        if !self.connection.rest() {
            return;
        }
        {
            let mut state = lock(&self.host.state);
            if self.since != state.cleared {
                return;
            }
            let resting = Resting {
                connection: self.connection,
                since: Instant::now(),
            };
            match self.once {
                false => state.resting.push_back(resting),
                true => state.quiet.push_back(resting),
            }
            // Together: nobody counts the connection twice.
            drop(self.permit);
        }
        self.shared.watch();
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
