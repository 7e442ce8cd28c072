//! Connections for requests that must not be carried out twice.
//!
//! A request that was written to a connection which the server was just closing looks like one that
//! was carried out and not answered: nobody can tell, so its outcome is in doubt. Such a request
//! must therefore not go out on a connection that may be about to end. Ordinary pools reuse the
//! connection that was used last, at once: a server that closes after each answer is met there
//! before its end has arrived. And they reuse it after any time: a server that closes idle
//! connections is met there too.
//!
//! Here every such request has a connection that no other request uses at the same time. It is used
//! again only between [`QUIET`], when an end that followed the answer has been noticed, and
//! [`IDLE`]; and not on a host that has left a request unanswered lately, whichever request that
//! was. The connection that rested longest is taken first.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Result;

/// How long a connection rests before it is used again: the end of a connection arrives behind the
/// last answer on it.
const QUIET: Duration = Duration::from_millis(5);
/// Well below what servers and gateways allow an idle connection (the shortest usual limit is 5 s).
pub(super) const IDLE: Duration = Duration::from_secs(2);
/// How long a host counts as one that leaves requests unanswered.
const DISTRUST: Duration = Duration::from_secs(10 * 60);
/// Resting connections that are kept for one host.
const MAX_RESTING: usize = 64;

/// The lanes of one transport.
pub(super) struct Lanes {
    build: Box<dyn Fn() -> Result<reqwest::Client> + Send + Sync>,
    hosts: Arc<Mutex<Hosts>>,
}

#[derive(Default)]
struct Hosts {
    /// By scheme, host and port; the one that rested longest first.
    resting: HashMap<String, VecDeque<(reqwest::Client, Instant)>>,
    /// Hosts that left a request unanswered, and when.
    closing: HashMap<String, Instant>,
    /// How often all connections were given up.
    cleared: u64,
}

/// A connection for one request at a time.
pub(crate) struct Lane {
    client: reqwest::Client,
    is_used: bool,
    origin: String,
    hosts: Arc<Mutex<Hosts>>,
    /// [`Hosts::cleared`] when it was taken.
    since: u64,
}

impl Lanes {
    /// `build` makes a client whose pool holds one connection, for [`IDLE`] at most.
    pub(super) fn new(build: impl Fn() -> Result<reqwest::Client> + Send + Sync + 'static) -> Self {
        Self {
            build: Box::new(build),
            hosts: Arc::default(),
        }
    }

    /// A lane to the host of this URL.
    pub(super) fn to(&self, url: &url::Url) -> Result<Lane> {
        let origin = origin_of(url);
        let (rested, since) = {
            let mut hosts = lock(&self.hosts);
            (hosts.take_rested(&origin), hosts.cleared)
        };
        let is_used = rested.is_some();
        let client = match rested {
            Some(client) => client,
            None => (self.build)()?,
        };
        Ok(Lane {
            client,
            is_used,
            origin,
            hosts: self.hosts.clone(),
            since,
        })
    }

    /// None of the connections of this moment is used again, resting or not.
    pub(super) fn clear(&self) {
        let mut hosts = lock(&self.hosts);
        hosts.resting.clear();
        hosts.cleared += 1;
    }

    /// A request to this URL had no answer: for a while its host's connections are used once each.
    pub(super) fn unanswered(&self, url: &url::Url) {
        let origin = origin_of(url);
        let mut hosts = lock(&self.hosts);
        hosts.resting.remove(&origin);
        hosts.closing.insert(origin, Instant::now());
    }
}

fn origin_of(url: &url::Url) -> String {
    url.origin().ascii_serialization()
}

impl Hosts {
    fn take_rested(&mut self, origin: &str) -> Option<reqwest::Client> {
        self.drop_idle();
        let resting = self.resting.get_mut(origin)?;
        if resting.front()?.1.elapsed() < QUIET {
            return None;
        }
        resting.pop_front().map(|(client, _)| client)
    }

    /// Lanes beyond [`IDLE`] have no connection any more. They would be taken before those that
    /// have one, and count among those that are kept.
    fn drop_idle(&mut self) {
        self.resting.retain(|_, resting| {
            while resting.front().is_some_and(|(_, at)| at.elapsed() >= IDLE) {
                resting.pop_front();
            }
            !resting.is_empty()
        });
    }
}

impl Lane {
    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Whether its connection may have carried an earlier request, so that an answer on it can be
    /// one that was left of that time.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used
    }

    /// The request was answered as a whole: the connection may be used again. A lane that is
    /// dropped instead closes its connection.
    pub(crate) fn answered(self) {
        let mut hosts = lock(&self.hosts);
        let unanswered = hosts.closing.get(&self.origin);
        if self.since != hosts.cleared || unanswered.is_some_and(|at| at.elapsed() < DISTRUST) {
            return;
        }
        hosts.drop_idle();
        let resting = hosts.resting.entry(self.origin).or_default();
        if resting.len() < MAX_RESTING {
            resting.push_back((self.client, Instant::now()));
        }
    }
}

fn lock(hosts: &Mutex<Hosts>) -> MutexGuard<'_, Hosts> {
    hosts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lanes")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Fixture {
        lanes: Lanes,
        built: Arc<AtomicUsize>,
    }

    impl Fixture {
        fn new() -> Self {
            let built = Arc::<AtomicUsize>::default();
            let count = built.clone();
            let config = crate::http::tls::client_config(b"").unwrap();
            let lanes = Lanes::new(move || {
                count.fetch_add(1, Ordering::SeqCst);
                let builder = reqwest::Client::builder();
                Ok(builder
                    .tls_backend_preconfigured(config.clone())
                    .build()
                    .unwrap())
            });
            Self { lanes, built }
        }

        fn lane(&self, url: &str) -> Lane {
            self.lanes.to(&url::Url::parse(url).unwrap()).unwrap()
        }

        fn built(&self) -> usize {
            self.built.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_is_used_again_after_a_rest_by_its_host_only() {
        let fixture = Fixture::new();
        fixture.lane("http://a/x?sig=1").answered();
        fixture.lane("http://a/y").answered();
        assert_eq!(fixture.built(), 2, "the first one has not rested");
        tokio::time::advance(QUIET).await;
        fixture.lane("http://b/x").answered();
        assert_eq!(fixture.built(), 3);
        let both = (fixture.lane("http://a/z"), fixture.lane("http://a/z"));
        assert_eq!(fixture.built(), 3);
        drop(both);
        fixture.lane("http://a/z").answered();
        assert_eq!(fixture.built(), 4, "a lane that is dropped is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_cleared_is_not_used_again_even_when_it_was_in_use() {
        let fixture = Fixture::new();
        let in_use = fixture.lane("http://a");
        fixture.lane("http://a").answered();
        fixture.lanes.clear();
        in_use.answered();
        tokio::time::advance(QUIET).await;
        fixture.lane("http://a").answered();
        assert_eq!(fixture.built(), 3);
        tokio::time::advance(QUIET).await;
        fixture.lane("http://a").answered();
        assert_eq!(fixture.built(), 3, "later ones are");
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_used_again_after_a_burst() {
        let fixture = Fixture::new();
        let burst: Vec<_> = (0..MAX_RESTING).map(|_| fixture.lane("http://a")).collect();
        burst.into_iter().for_each(Lane::answered);
        for _ in 0..200 {
            tokio::time::advance(Duration::from_millis(50)).await;
            fixture.lane("http://a").answered();
            // What rests is younger than its connection's end.
            let hosts = lock(&fixture.lanes.hosts);
            let resting = hosts.resting["http://a"].iter();
            assert!(resting.clone().all(|(_, at)| at.elapsed() < IDLE));
        }
        assert_eq!(fixture.built(), MAX_RESTING);
        tokio::time::advance(IDLE).await;
        fixture.lane("http://b").answered();
        assert_eq!(fixture.built(), MAX_RESTING + 1);
        assert_eq!(lock(&fixture.lanes.hosts).resting.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_left_a_request_unanswered_has_no_second_use() {
        let fixture = Fixture::new();
        let other = fixture.lane("http://a");
        fixture.lane("http://a").answered();
        fixture
            .lanes
            .unanswered(&url::Url::parse("http://a/z").unwrap());
        other.answered();
        tokio::time::advance(QUIET).await;
        fixture.lane("http://a").answered();
        assert_eq!(fixture.built(), 3);
        tokio::time::advance(DISTRUST).await;
        fixture.lane("http://a").answered();
        tokio::time::advance(QUIET).await;
        fixture.lane("http://a").answered();
        assert_eq!(fixture.built(), 4, "it is trusted again");
    }
}
