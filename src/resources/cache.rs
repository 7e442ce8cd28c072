//! A value that is fetched when needed and refreshed before it expires, by one caller at a time.

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use time::{Duration, OffsetDateTime};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::log::events;
use crate::op::Scope;

/// After a refresh failed, and while the old value is valid, the pause before the next one: a
/// service that is down must not slow down every call.
const PAUSE_AFTER_FAILURE: Duration = Duration::seconds(30);

/// A value and how long it is valid.
#[derive(Debug)]
pub(crate) struct Lease<T> {
    pub(crate) value: Arc<T>,
    refresh_at: OffsetDateTime,
    unusable_at: OffsetDateTime,
}

impl<T> Lease<T> {
    pub(crate) fn new(value: T, refresh_at: OffsetDateTime, unusable_at: OffsetDateTime) -> Self {
        Self {
            value: Arc::new(value),
            refresh_at,
            unusable_at,
        }
    }

    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn unusable_at(&self) -> OffsetDateTime {
        self.unusable_at
    }

    /// Ends the lease at `end`, and its refresh-free time at four fifths of that.
    pub(crate) fn limit(&mut self, now: OffsetDateTime, end: OffsetDateTime) {
        self.unusable_at = self.unusable_at.min(end);
        let refresh_at = now.saturating_add((end - now) * 4 / 5);
        self.refresh_at = self.refresh_at.min(refresh_at);
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            refresh_at: self.refresh_at,
            unusable_at: self.unusable_at,
        }
    }
}

/// How the last fetch failed, and when.
#[derive(Debug)]
struct Failure {
    error: Error,
    at: Instant,
}

impl Failure {
    /// The end of one caller's scope is no failure for others.
    fn of(error: &Error) -> Option<Self> {
        let own = matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Cancelled);
        (!own).then(|| Self {
            error: error.clone(),
            at: Instant::now(),
        })
    }
}

/// The right to fetch, which one caller has at a time.
struct Turn<'a> {
    /// How the fetch before this one failed.
    last: MutexGuard<'a, Option<Failure>>,
    /// Since when this caller has waited for it, if it did.
    waiting_since: Option<Instant>,
}

impl Turn<'_> {
    /// What is left of the caller's patience. One fetch after another, each with all its attempts,
    /// would make the last caller wait for the sum of them.
    fn patience(&self, scope: &Scope) -> std::time::Duration {
        let waited = self.waiting_since.map(|since| since.elapsed());
        scope.patience().saturating_sub(waited.unwrap_or_default())
    }

    /// The failure that this caller has waited for, where trying again is of no use.
    fn shared_failure(&self, patience: std::time::Duration) -> Option<Error> {
        let failure = self.last.as_ref()?;
        let is_of_now = failure.at >= self.waiting_since?;
        let is_last_word = patience.is_zero() || failure.error.retry() != RetryClass::Later;
        (is_of_now && is_last_word).then(|| failure.error.clone())
    }
}

/// At most one fetch runs at a time; a failure is shared only with those who waited for it; a value
/// that is still valid stays in use when its refresh fails.
#[derive(Debug)]
pub(crate) struct RefreshCache<T> {
    clock: Arc<dyn Clock>,
    current: RwLock<Option<Lease<T>>>,
    /// Held by the one who fetches.
    fetching: Mutex<Option<Failure>>,
}

impl<T> RefreshCache<T> {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            current: RwLock::new(None),
            fetching: Mutex::new(None),
        }
    }

    /// The value, fetched first when there is none or it is due. A caller whose scope ends while
    /// it fetches leaves the fetch to the next one; one that waits for another's fetch waits no
    /// longer than its own scope, and shares its failure when that is lasting or its own
    /// patience is over by then.
    /// `fetch` receives the scope to use: a refresh is not patient while the old value is valid.
    pub(crate) async fn get<F, Fut>(
        &self,
        scope: &Scope,
        step: Step,
        host: &str,
        fetch: F,
    ) -> Result<Arc<T>>
    where
        F: FnOnce(Scope) -> Fut,
        Fut: Future<Output = Result<Lease<T>>>,
    {
        match self.fresh() {
            Some(lease) => Ok(lease.value),
            // Boxed: large and rare.
            None => Box::pin(self.refreshed(scope, step, host, fetch)).await,
        }
    }

    async fn refreshed<F, Fut>(
        &self,
        scope: &Scope,
        step: Step,
        host: &str,
        fetch: F,
    ) -> Result<Arc<T>>
    where
        F: FnOnce(Scope) -> Fut,
        Fut: Future<Output = Result<Lease<T>>>,
    {
        let usable = self.peek(|lease, now| now < lease.unusable_at);
        let mut turn = match (self.turn(), &usable) {
            (Some(turn), _) => turn,
            // Another caller refreshes; our value is valid meanwhile.
            (None, Some(lease)) => return Ok(lease.value.clone()),
            (None, None) => self.turn_after_another(scope, step, host).await?,
        };
        if let Some(lease) = self.fresh() {
            return Ok(lease.value);
        }
        let patience = match &usable {
            Some(_) => std::time::Duration::ZERO,
            None => turn.patience(scope),
        };
        if let Some(failure) = turn.shared_failure(patience) {
            return Err(failure);
        }
        // Large, and rare.
        let fetched = Box::pin(fetch(scope.clone().patient(patience))).await;
        *turn.last = fetched.as_ref().err().and_then(Failure::of);
        match (fetched, usable) {
            (Ok(lease), _) => Ok(self.put(lease)),
            (Err(error), Some(lease)) => {
                events::RenewalFailed {
                    step,
                    host,
                    error: &error,
                }
                .emit();
                self.put_off_refresh(&lease.value);
                Ok(lease.value)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// The turn to fetch, unless another caller fetches now.
    fn turn(&self) -> Option<Turn<'_>> {
        let last = self.fetching.try_lock().ok()?;
        Some(Turn {
            last,
            waiting_since: None,
        })
    }

    /// The turn to fetch, once another caller has ended its own.
    async fn turn_after_another(&self, scope: &Scope, step: Step, host: &str) -> Result<Turn<'_>> {
        let waiting_since = Some(Instant::now());
        let waiting = async { Ok(self.fetching.lock().await) };
        let last = scope.run(step, host, waiting).await?;
        Ok(Turn {
            last,
            waiting_since,
        })
    }

    /// Forgets `stale`, unless it has been replaced already.
    pub(crate) async fn invalidate(&self, stale: &Arc<T>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current
            .as_ref()
            .is_some_and(|lease| Arc::ptr_eq(&lease.value, stale))
        {
            *current = None;
        }
    }

    /// Fetches at the next [`get`](Self::get), unless `doubted` has been replaced already. It stays in
    /// use while fetching fails.
    pub(crate) fn expire(&self, doubted: &Arc<T>) {
        let now = self.clock.now();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(lease) = current.as_mut().filter(|l| Arc::ptr_eq(&l.value, doubted)) {
            lease.refresh_at = lease.refresh_at.min(now);
        }
    }

    fn put(&self, lease: Lease<T>) -> Arc<T> {
        let value = lease.value.clone();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(lease);
        value
    }

    /// The lease that is not due.
    fn fresh(&self) -> Option<Lease<T>> {
        self.peek(|lease, now| now < lease.refresh_at)
    }

    /// The value of this moment, due or not.
    pub(crate) fn current(&self) -> Option<Arc<T>> {
        self.peek(|_, _| true).map(|lease| lease.value)
    }

    fn put_off_refresh(&self, value: &Arc<T>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(lease) = current.as_mut().filter(|l| Arc::ptr_eq(&l.value, value)) {
            lease.refresh_at = lease
                .unusable_at
                .min(self.clock.now().saturating_add(PAUSE_AFTER_FAILURE));
        }
    }

    fn peek(&self, good: impl Fn(&Lease<T>, OffsetDateTime) -> bool) -> Option<Lease<T>> {
        let now = self.clock.now();
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|lease| good(lease, now)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::clock::testing::ManualClock;
    use crate::op::CallOptions;

    struct Fixture {
        clock: Arc<ManualClock>,
        cache: RefreshCache<usize>,
        fetches: AtomicUsize,
    }

    const STEP: Step = Step::FetchIngestionResources;

    fn endless() -> Scope {
        Scope::new(&CallOptions::new(), CancellationToken::new())
    }

    impl Fixture {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::default());
            let cache = RefreshCache::new(clock.clone());
            Self {
                clock,
                cache,
                fetches: AtomicUsize::new(0),
            }
        }

        /// Valid for an hour, or for two hours with failing refreshes.
        async fn get(&self) -> Result<Arc<usize>> {
            self.cache
                .get(&endless(), STEP, "h", |_| async {
                    let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
                    tokio::task::yield_now().await;
                    let now = self.clock.now();
                    Ok(Lease::new(
                        number,
                        now + Duration::hours(1),
                        now + Duration::hours(2),
                    ))
                })
                .await
        }

        async fn failing(&self) -> Result<Arc<usize>> {
            self.cache
                .get(&endless(), STEP, "h", |_| async {
                    self.fetches.fetch_add(1, Ordering::SeqCst);
                    Err(Error::new(ErrorKind::Network, STEP, "down"))
                })
                .await
        }
    }

    #[tokio::test]
    async fn concurrent_callers_share_one_fetch() {
        let fixture = Fixture::new();
        let (a, b, c) = tokio::join!(fixture.get(), fixture.get(), fixture.get());
        assert_eq!((*a.unwrap(), *b.unwrap(), *c.unwrap()), (1, 1, 1));
    }

    #[tokio::test]
    async fn a_failure_is_not_kept_and_an_old_value_serves_while_it_is_good() {
        let fixture = Fixture::new();
        assert!(fixture.failing().await.is_err());
        assert_eq!(*fixture.get().await.unwrap(), 2);
        fixture.clock.advance(Duration::minutes(61));
        for _ in 0..3 {
            assert_eq!(*fixture.failing().await.unwrap(), 2);
        }
        let fetches = fixture.fetches.load(Ordering::SeqCst);
        assert_eq!(fetches, 3, "a failed refresh is not repeated by every call");
        fixture.clock.advance(PAUSE_AFTER_FAILURE);
        assert_eq!(*fixture.get().await.unwrap(), 4);
        fixture.clock.advance(Duration::minutes(121));
        assert!(fixture.failing().await.is_err());
    }

    #[tokio::test]
    async fn only_a_fetch_without_an_old_value_is_patient() {
        let fixture = Fixture::new();
        let half_minute = std::time::Duration::from_secs(30);
        let scope = endless().patient(half_minute);
        let fetch = |expected| {
            let now = fixture.clock.now();
            let lease = Lease::new(1, now, now + Duration::hours(1));
            let fetch = move |scope: Scope| async move {
                assert_eq!(scope.patience(), expected);
                Ok(lease)
            };
            fixture.cache.get(&scope, STEP, "h", fetch)
        };
        fetch(half_minute).await.unwrap();
        fetch(std::time::Duration::ZERO).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_waited_for_a_fetch_share_its_failure() {
        let fixture = &Fixture::new();
        let seconds = std::time::Duration::from_secs;
        let begun = Instant::now();
        // When a call that begins after `delay` ends, and how.
        let failing = async |delay, patience, cancelled: bool| {
            tokio::time::sleep(seconds(delay)).await;
            let scope = endless().patient(seconds(patience));
            let fetch = |scope: Scope| async move {
                fixture.fetches.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(scope.patience()).await;
                tokio::time::sleep(seconds(1)).await;
                let kind = match cancelled {
                    true => ErrorKind::Cancelled,
                    false => ErrorKind::Network,
                };
                Err(Error::new(kind, STEP, "down"))
            };
            let got = fixture.cache.get(&scope, STEP, "h", fetch).await;
            (begun.elapsed().as_secs(), got.unwrap_err().kind())
        };
        let network = |after| (after, ErrorKind::Network);
        let ended = tokio::join!(
            failing(0, 30, false),
            failing(0, 30, false),
            failing(0, 30, false),
            // Has patience left when the first fetch fails.
            failing(10, 30, false),
            failing(12, 30, false),
        );
        let same = network(31);
        assert_eq!(ended, (same, same, same, network(41), network(43)));
        assert_eq!(fixture.fetches.load(Ordering::SeqCst), 3);
        let ended = tokio::join!(failing(0, 0, true), failing(0, 0, false));
        let (cancelled, other) = ended;
        assert_eq!(
            (cancelled.1, other.1),
            (ErrorKind::Cancelled, ErrorKind::Network)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_the_fetch_of_another_ends_at_ones_own_deadline() {
        let fixture = Fixture::new();
        let (scope, wait) = (endless(), |_| {
            std::future::pending::<Result<Lease<usize>>>()
        });
        let stuck = fixture.cache.get(&scope, STEP, "h", wait);
        let second = std::time::Duration::from_secs(1);
        let mine = Scope::new(
            &CallOptions::new().with_timeout(second),
            CancellationToken::new(),
        );
        let waiting = fixture.cache.get(&mine, STEP, "h", |_| async {
            panic!("the other still fetches")
        });
        let error = tokio::select! {
            biased;
            _ = stuck => panic!("this one never ends"),
            result = waiting => result.unwrap_err(),
        };
        assert_eq!((error.kind(), error.step()), (ErrorKind::TimedOut, STEP));
        assert_eq!(error.host(), Some("h"));
        // Dropping the stuck caller leaves the fetch to the next one.
        assert_eq!(*fixture.get().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn invalidation_replaces_once_for_all_who_hold_the_stale_value() {
        let fixture = Fixture::new();
        let stale = fixture.get().await.unwrap();
        fixture.cache.invalidate(&stale).await;
        assert_eq!(*fixture.get().await.unwrap(), 2);
        fixture.cache.invalidate(&stale).await;
        assert_eq!(*fixture.get().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_lease_is_limited_by_its_signature() {
        let clock = ManualClock::default();
        let now = clock.now();
        let mut lease = Lease::new(1, now + Duration::hours(1), now + Duration::hours(2));
        lease.limit(now, now + Duration::minutes(10));
        assert_eq!(lease.unusable_at, now + Duration::minutes(10));
        assert_eq!(lease.refresh_at, now + Duration::minutes(8));
    }

    #[tokio::test]
    async fn a_doubted_value_is_fetched_again_and_stays_in_use_while_that_fails() {
        let fixture = Fixture::new();
        let doubted = fixture.get().await.unwrap();
        fixture.cache.expire(&doubted);
        assert_eq!(*fixture.failing().await.unwrap(), 1);
        assert_eq!(*fixture.get().await.unwrap(), 1, "the next fetch waits");
        fixture.clock.advance(PAUSE_AFTER_FAILURE);
        assert_eq!(*fixture.get().await.unwrap(), 3);
        fixture.cache.expire(&doubted);
        assert_eq!(*fixture.get().await.unwrap(), 3, "it is replaced already");
    }
}
