//! The service's ingestion resources: containers, queues, the status table, the identity token.

mod cache;
mod discovery;
mod ranking;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::retry::{Patience, is_unreachable, remember};
use crate::log::events;
use crate::op::{Scope, before_hand_over};
use crate::query::request::Service;
use crate::secret::Secret;
use cache::{Lease, RefreshCache};
pub(crate) use discovery::{Container, IngestionResources, Queue, StatusTable};
pub(crate) use ranking::Ranking;

/// How long resources and tokens are used before they are fetched again, and the maximum when that
/// fails: their SAS are valid longer than the hour after which the official SDKs refresh.
const REFRESH_AFTER: Duration = Duration::hours(1);
const UNUSABLE_AFTER: Duration = Duration::hours(2);
/// A SAS of usual length is not used in its last half hour: the upload must end before it expires,
/// and the service reads the blob with it when the batch closes, which a policy may delay for up to
/// 30 minutes.
const SAS_MARGIN: Duration = Duration::minutes(35);

/// Resources that were just fetched are used at least this long, whatever their signatures say: one
/// fetch more would bring the same. Storage refuses them when they have expired indeed, and then
/// they are fetched again.
const LEAST_USE: Duration = Duration::minutes(1);

/// How long resources that are fetched `now`, when it is `service_time` for the service, are used.
pub(crate) fn lease_of(
    resources: IngestionResources,
    now: OffsetDateTime,
    service_time: OffsetDateTime,
) -> Lease<IngestionResources> {
    let mut lease = Lease::new(resources, now + REFRESH_AFTER, now + UNUSABLE_AFTER);
    if let Some(expires) = lease.value.earliest_expiry() {
        let lifetime = expires - service_time;
        // Signatures that are short on purpose are used for half of their time.
        let usable = lifetime - SAS_MARGIN.min(lifetime / 2);
        lease.limit(now, now.saturating_add(usable.max(LEAST_USE)));
    }
    lease
}

/// The resources of one cluster, fetched when needed and shared by all calls of a client.
#[derive(Debug)]
pub(crate) struct Resources {
    service: Arc<Service>,
    clock: Arc<dyn Clock>,
    resources: RefreshCache<IngestionResources>,
    identity_token: RefreshCache<Secret>,
    ranking: Arc<Ranking>,
    /// When the resources were fetched again because storage could not be reached.
    doubted: Occasion,
    /// When they were fetched again because they do not hold the status table of a token.
    missed: Occasion,
    /// When the identity token was given up.
    refused: Occasion,
}

/// Something that is done now and then only.
#[derive(Debug, Default)]
struct Occasion(Mutex<Option<Instant>>);

impl Occasion {
    const PAUSE: std::time::Duration = std::time::Duration::from_secs(30);

    /// Whether it is time to do it again.
    fn again(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|at| at.elapsed() >= Self::PAUSE);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

/// What the rounds of a call have done.
struct Rounds {
    /// For going on while storage cannot be reached.
    patience: Patience,
    /// Whether resources that storage refused have been replaced.
    replaced: bool,
    /// Whether it has gone on at once because storage is elsewhere. Once: a service may lend other
    /// storage each time, and none of it may be reached.
    moved: bool,
}

impl Resources {
    pub(crate) fn new(service: Arc<Service>, clock: Arc<dyn Clock>) -> Self {
        Self {
            service,
            resources: RefreshCache::new(clock.clone()),
            identity_token: RefreshCache::new(clock.clone()),
            ranking: Arc::new(Ranking::new(clock.clone())),
            clock,
            doubted: Occasion::default(),
            missed: Occasion::default(),
            refused: Occasion::default(),
        }
    }

    /// Success and failure of the storage accounts, by which they are ordered.
    pub(crate) fn ranking(&self) -> Arc<Ranking> {
        self.ranking.clone()
    }

    /// The current resources.
    pub(crate) async fn get(&self, scope: &Scope) -> Result<Arc<IngestionResources>> {
        self.resources
            .get(
                scope,
                Step::FetchIngestionResources,
                self.host(),
                |scope| async move {
                    let resources = discovery::fetch_resources(&scope, &self.service).await?;
                    let now = self.clock.now();
                    Ok(lease_of(resources, now, self.service.time(now)))
                },
            )
            .await
    }

    /// Fetches again because storage rejected `stale` (403): its SAS may have been revoked. Calls
    /// that come with the same resources share one fetch.
    pub(crate) async fn replace(
        &self,
        scope: &Scope,
        stale: &Arc<IngestionResources>,
    ) -> Result<Arc<IngestionResources>> {
        self.resources.invalidate(stale).await;
        self.get(scope).await
    }

    /// Runs `work` with the current resources, and once more with fresh ones when storage rejected
    /// their signatures (403), or is not there any more; and again and again while storage cannot be
    /// reached and the scope is patient. `work` receives the scope to use.
    pub(crate) async fn with_fresh<T, F, Fut>(&self, scope: &Scope, work: F) -> Result<T>
    where
        F: Fn(Scope, Arc<IngestionResources>) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let mut lent = before_hand_over(Box::pin(self.get(scope))).await?;
        let mut rounds = Rounds {
            patience: Patience::new(),
            replaced: false,
            moved: false,
        };
        let (mut failed, mut in_doubt) = (Vec::new(), false);
        let mut current = scope.clone();
        loop {
            // Large, and every layer above would hold it in its own.
            let working = Box::pin(work(current, lent.clone()));
            let error = match working.await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            in_doubt |= error.is_in_doubt();
            let next = Box::pin(self.for_next_round(scope, &mut rounds, &lent, &error));
            match before_hand_over(next).await {
                Ok(Some(fresh)) => lent = fresh,
                Ok(None) => return Err(error.with_in_doubt(in_doubt).after(failed)),
                // The error lists the attempts of all rounds.
                Err(stopped) => {
                    remember(&mut failed, error);
                    return Err(stopped.with_in_doubt(in_doubt).after(failed));
                }
            }
            remember(&mut failed, error);
            let left = rounds.patience.left(scope);
            current = scope.clone().patient(left).repeating();
        }
    }

    /// The resources for another round after this error, if one can help.
    async fn for_next_round(
        &self,
        scope: &Scope,
        rounds: &mut Rounds,
        lent: &Arc<IngestionResources>,
        error: &Error,
    ) -> Result<Option<Arc<IngestionResources>>> {
        let host = error.host().unwrap_or_default();
        rounds.patience.begin();
        if is_outdated(error) && !rounds.replaced {
            rounds.replaced = true;
            match error.http_status() {
                Some(403) => events::SignatureRejected { host, error }.emit(),
                _ => events::StorageGone { host, error }.emit(),
            }
            return self.replace(scope, lent).await.map(Some);
        }
        if !is_unreachable(error) {
            return Ok(None);
        }
        self.doubt(lent, error);
        let fresh = self.get(scope).await?;
        if !rounds.moved && fresh.is_elsewhere(lent) {
            rounds.moved = true;
            return Ok(Some(fresh));
        }
        let round = std::slice::from_ref(error);
        match rounds
            .patience
            .wait(scope, error.step(), host, round)
            .await?
        {
            true => self.get(scope).await.map(Some),
            false => Ok(None),
        }
    }

    /// None of `lent` could be reached: the service may lend others by now. They are fetched again at
    /// the next use, but not in every round of every call: an outage of storage looks the same.
    pub(crate) fn doubt(&self, lent: &Arc<IngestionResources>, error: &Error) {
        if self.doubted.again() {
            let host = error.host().unwrap_or_default();
            events::StorageGone { host, error }.emit();
            self.resources.expire(lent);
        }
    }

    /// A token names a status table that `lent` does not hold: the service may lend it by now. They are
    /// fetched again at the next use. Not an occasion of [`doubt`](Self::doubt), which ingestions need
    /// in an outage: the token may be of another cluster, and is asked about again and again.
    pub(crate) fn miss(&self, lent: &Arc<IngestionResources>, error: &Error) {
        if self.missed.again() {
            let host = error.host().unwrap_or_default();
            events::StatusTableUnknown { host, error }.emit();
            self.resources.expire(lent);
        }
    }

    /// The service refused messages for their identity token. The next ingestion fetches another one,
    /// and the resources with it: whoever forgot the token may have forgotten their signatures.
    /// Not at every report: messages of the same token are still on their way.
    pub(crate) async fn give_up_token(&self) {
        if !self.refused.again() {
            return;
        }
        events::IdentityTokenRefused { host: self.host() }.emit();
        if let Some(token) = self.identity_token.current() {
            self.identity_token.invalidate(&token).await;
        }
        if let Some(lent) = self.resources.current() {
            self.resources.expire(&lent);
        }
    }

    /// The opaque token that every queue message carries. It is not a bearer token.
    pub(crate) async fn identity_token(&self, scope: &Scope) -> Result<Arc<Secret>> {
        self.identity_token
            .get(
                scope,
                Step::FetchIdentityToken,
                self.host(),
                |scope| async move {
                    let token = discovery::fetch_identity_token(&scope, &self.service).await?;
                    let now = self.clock.now();
                    Ok(Lease::new(token, now + REFRESH_AFTER, now + UNUSABLE_AFTER))
                },
            )
            .await
    }

    /// Host of the data management endpoint, for errors.
    pub(crate) fn host(&self) -> &str {
        self.service.data_management_host()
    }

    /// The error of an operation that needs a resource which the service did not return.
    pub(crate) fn missing(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            Step::FetchIngestionResources,
            format!("the service returned no {what}"),
        )
        .with_host(self.host())
    }
}

/// Whether storage knows the signature, or the container, queue or table, no longer. Not where the
/// outcome of something that must not be repeated is in doubt, whatever the status: that has another
/// class.
fn is_outdated(error: &Error) -> bool {
    matches!(error.http_status(), Some(403 | 404)) && error.retry() == RetryClass::Never
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::testing::ManualClock;

    fn is_used_for(signed_for: Duration, service_ahead: Duration) -> Duration {
        let clock = ManualClock::default();
        let now = clock.now();
        let service_time = now + service_ahead;
        let resources = IngestionResources::signed_until(service_time + signed_for);
        lease_of(resources, now, service_time).unusable_at() - now
    }

    #[test]
    fn signatures_are_used_by_the_clock_of_their_signer() {
        for (signed_for, usable) in [
            (Duration::hours(24), UNUSABLE_AFTER),
            (Duration::minutes(95), Duration::minutes(60)),
            (Duration::minutes(70), Duration::minutes(35)),
            (Duration::minutes(20), Duration::minutes(10)),
            (Duration::seconds(30), LEAST_USE),
            (Duration::hours(-4), LEAST_USE),
        ] {
            for ahead in [-4, 0, 4] {
                let used = is_used_for(signed_for, Duration::hours(ahead));
                assert_eq!(used, usable, "{signed_for} {ahead}");
            }
        }
    }
}
