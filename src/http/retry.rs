//! Repeating a request that is safe to repeat: jittered exponential back-off within the scope.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::log::events;
use crate::op::ids::chance;
use crate::op::{Boxed, Scope};

/// How often and with which pauses a step is repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// Total attempts, including the first.
    pub(crate) attempts: u32,
    /// Ceiling of the first pause; it doubles with each attempt.
    pub(crate) base: Duration,
    /// Ceiling of every pause, also of one that the service asks for.
    pub(crate) cap: Duration,
    /// How long one attempt may take, where its requests have no limit of their own: otherwise a
    /// silent host would block a call without a deadline.
    pub(crate) attempt_limit: Option<Duration>,
    /// Whether more attempts follow while the scope is patient: not where another host is tried
    /// first.
    pub(crate) patient: bool,
    /// Whether that ends when the host cannot be reached: the caller may know another one by then.
    pub(crate) leaves_unreachable: bool,
}

impl RetryPolicy {
    /// For requests to the service: it may throttle for a while after many clients start at once.
    pub(crate) const SERVICE: RetryPolicy = RetryPolicy {
        attempts: 4,
        base: Duration::from_millis(500),
        cap: Duration::from_secs(30),
        // The requests have their own limits, which exclude the time of a login.
        attempt_limit: None,
        patient: true,
        leaves_unreachable: false,
    };
    /// For the cluster's login settings: a small answer to a request without a login.
    pub(crate) const METADATA: RetryPolicy = RetryPolicy {
        attempt_limit: Some(Duration::from_secs(30)),
        ..Self::SERVICE
    };
    /// For one storage account: short, because another account is the better choice.
    pub(crate) const STORAGE: RetryPolicy = RetryPolicy {
        attempts: 3,
        base: Duration::from_millis(200),
        cap: Duration::from_secs(5),
        // Each request has its own, by its size.
        attempt_limit: None,
        patient: false,
        leaves_unreachable: false,
    };
    /// For storage that has no alternative, unless the service lends another one.
    pub(crate) const ONLY_STORAGE: RetryPolicy = RetryPolicy {
        patient: true,
        leaves_unreachable: true,
        ..Self::STORAGE
    };

    /// Whether more attempts follow such an error, while the scope is patient.
    fn is_patient(&self, error: &Error) -> bool {
        self.patient && !(self.leaves_unreachable && is_unreachable(error))
    }

    /// The pause after attempt number `attempt` (from 0): random up to the doubled ceiling (full
    /// jitter, so that clients which failed together do not return together), or what the service
    /// asked for.
    fn pause(&self, attempt: u32, error: &Error) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX))
            .min(self.cap);
        let jittered = ceiling.mul_f64(chance().f64());
        match error.retry_after() {
            Some(asked) => asked.min(self.cap).max(jittered),
            None => jittered,
        }
    }
}

/// Runs `attempt` until it succeeds, fails for good, or the policy or the scope ends. The error
/// is that of the last attempt; it lists the earlier ones when there were any.
pub(crate) async fn retry<T, F, Fut>(
    scope: &Scope,
    step: Step,
    host: &str,
    policy: RetryPolicy,
    mut attempt: F,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>> + Send,
{
    // A repeatable request is never "in doubt": the caller can simply repeat it.
    run_attempts(scope, step, host, policy, || {
        scope.run(step, host, within(policy, step, host, attempt()))
    })
    .await
    .map_err(|error| error.with_in_doubt(false))
}

/// As [`retry`], for a request that must not be carried out twice: an error whose outcome is in
/// doubt ends the attempts, also when it is the scope's.
pub(crate) async fn retry_until_in_doubt<T, F, Fut>(
    scope: &Scope,
    step: Step,
    host: &str,
    policy: RetryPolicy,
    mut attempt: F,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>> + Send,
{
    run_attempts(scope, step, host, policy, || {
        let sending = within(policy, step, host, attempt());
        async {
            scope
                .run_unsafe(step, host, sending)
                .await
                .map_err(|error| match error.is_in_doubt() {
                    true => error.with_retry(RetryClass::Unknown),
                    false => error,
                })
        }
    })
    .await
}

/// As [`retry`], for a request that may be carried out twice, but whose failure does not prove that
/// it was not carried out: the error is in doubt if any attempt was.
pub(crate) async fn retry_in_doubt<T, F, Fut>(
    scope: &Scope,
    step: Step,
    host: &str,
    policy: RetryPolicy,
    mut attempt: F,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>> + Send,
{
    run_attempts(scope, step, host, policy, || {
        scope.run_unsafe(step, host, within(policy, step, host, attempt()))
    })
    .await
    .map_err(|error| {
        let in_doubt = error.is_in_doubt() || error.attempts().iter().any(Error::is_in_doubt);
        error.with_in_doubt(in_doubt)
    })
}

/// An attempt within the policy's limit. The futures of requests are large, and each of the layers above
/// would hold them in its own, twice: as what it was given and as what it waits for.
fn within<'a, T: 'a>(
    policy: RetryPolicy,
    step: Step,
    host: &'a str,
    attempt: impl Future<Output = Result<T>> + Send + 'a,
) -> Boxed<'a, T> {
    let attempt = Box::pin(attempt);
    let Some(limit) = policy.attempt_limit else {
        return attempt;
    };
    Box::pin(async move {
        tokio::time::timeout(limit, attempt)
            .await
            .unwrap_or_else(|_| {
                let message = format!("no answer within {} s", limit.as_secs());
                let error = Error::new(ErrorKind::Network, step, message);
                Err(error.with_host(host).with_in_doubt(true))
            })
    })
}

async fn run_attempts<T, F, Fut>(
    scope: &Scope,
    step: Step,
    host: &str,
    policy: RetryPolicy,
    mut attempt: F,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut failed: Vec<Error> = Vec::new();
    let mut attempts = Attempts::new(step, host, policy);
    loop {
        let error = match attempts.run(attempt()).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        // Rare, and large.
        match Box::pin(attempts.wait(scope, &error)).await {
            Ok(true) => remember(&mut failed, error),
            Ok(false) => return Err(error.after(failed)),
            Err(stopped) => {
                remember(&mut failed, error);
                return Err(stopped.after(failed));
            }
        }
    }
}

/// The attempts at one step.
struct Attempts<'a> {
    step: Step,
    host: &'a str,
    policy: RetryPolicy,
    begun: Instant,
    /// How many have failed.
    failed: u32,
    patience: Patience,
}

impl<'a> Attempts<'a> {
    fn new(step: Step, host: &'a str, policy: RetryPolicy) -> Self {
        Self {
            step,
            host,
            policy,
            begun: Instant::now(),
            failed: 0,
            patience: Patience::new(),
        }
    }

    /// One of them. Its error says when it began.
    async fn run<T>(&mut self, attempt: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = std::time::Instant::now();
        let result = attempt.await;
        match &result {
            Ok(_) => self.note_success(),
            Err(_) => self.failed = self.failed.saturating_add(1),
        }
        result.map_err(|error| match error.attempts() {
            [] => error.since(begun),
            _ => error,
        })
    }

    fn note_success(&self) {
        events::StepEnded {
            step: self.step,
            host: self.host,
            attempts: u64::from(self.failed) + 1,
            duration_ms: self.begun.elapsed(),
        }
        .emit();
    }

    /// Pauses after this error before another one; `false` when none follows.
    ///
    /// # Errors
    /// That of a scope that ended during the pause.
    async fn wait(&mut self, scope: &Scope, error: &Error) -> Result<bool> {
        self.patience.begin();
        // The cluster's metadata, which some requests need first, has been repeated already.
        let is_own = error.step() == self.step || error.step() != Step::FetchCloudMetadata;
        let may_pass = is_own && error.retry() == RetryClass::Later;
        if !may_pass || scope.check(self.step).is_err() {
            return Ok(false);
        }
        if self.failed < self.policy.attempts {
            return self.pause(scope, error).await.map(|()| true);
        }
        if !self.policy.is_patient(error) {
            return Ok(false);
        }
        let round = std::slice::from_ref(error);
        self.patience.wait(scope, self.step, self.host, round).await
    }

    /// The short pause between the quick attempts.
    async fn pause(&self, scope: &Scope, error: &Error) -> Result<()> {
        let pause = self.policy.pause(self.failed.saturating_sub(1), error);
        events::Retry {
            step: self.step,
            host: self.host,
            attempt: u64::from(self.failed),
            failing_ms: self.patience.failing(),
            pause_ms: pause,
            error,
        }
        .emit(scope.repeats());
        scope.sleep(self.step, self.host, pause).await
    }
}

/// Attempts that an error lists at most: a patient call can make hundreds.
const MAX_LISTED: usize = 32;

/// Adds a failed attempt to the list of an error; of too many, those in the middle are left out.
pub(crate) fn remember(failed: &mut Vec<Error>, error: Error) {
    if failed.len() == MAX_LISTED {
        let left_out = failed.remove(MAX_LISTED / 2);
        failed[MAX_LISTED / 2].add_left_out(&left_out);
    }
    failed.push(error);
}

/// The last `count` of the errors that [`remember`] has kept: those of a round.
pub(crate) fn last(failed: &[Error], count: usize) -> &[Error] {
    &failed[failed.len().saturating_sub(count)..]
}

/// The rounds of a step that go on, after its quick attempts, for as long as the scope is patient.
#[derive(Debug)]
pub(crate) struct Patience {
    /// When the step failed for the first time.
    since: Option<Instant>,
    rounds: u32,
}

impl Patience {
    /// Pauses between rounds: long enough not to add to an overload, short enough to notice its end.
    const BASE: Duration = Duration::from_secs(1);
    const CAP: Duration = Duration::from_secs(5);

    pub(crate) fn new() -> Self {
        Self {
            since: None,
            rounds: 0,
        }
    }

    /// Counts from here, unless it counts already.
    pub(crate) fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Whether another round follows one with these errors.
    pub(crate) fn goes_on(&self, scope: &Scope, round: &[Error]) -> bool {
        self.failing() < scope.patience() && passing(round).next().is_some()
    }

    /// How long other rounds may still begin.
    pub(crate) fn left(&self, scope: &Scope) -> Duration {
        scope.patience().saturating_sub(self.failing())
    }

    /// For how long the step has been failing.
    fn failing(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Pauses before the next round. `false` when there is none, because none of the last round's
    /// errors is a passing one or the time is over.
    ///
    /// # Errors
    /// That of a scope that ended during the pause.
    pub(crate) async fn wait(
        &mut self,
        scope: &Scope,
        step: Step,
        host: &str,
        round: &[Error],
    ) -> Result<bool> {
        self.begin();
        let Some(error) = passing(round).last().filter(|_| self.goes_on(scope, round)) else {
            return Ok(false);
        };
        let ceiling = Self::BASE
            .saturating_mul(1 << self.rounds.min(8))
            .min(Self::CAP);
        let jittered = ceiling.mul_f64(0.5 + chance().f64() / 2.0);
        let asked = passing(round).filter_map(Error::retry_after).max();
        let asked = asked.unwrap_or_default();
        let pause = asked.min(RetryPolicy::SERVICE.cap).max(jittered);
        events::Round {
            step,
            host,
            failing_ms: self.failing(),
            pause_ms: pause,
            error,
        }
        .emit();
        self.rounds += 1;
        scope.sleep(step, host, pause).await?;
        Ok(true)
    }
}

/// Whether a host could not be reached, or did not answer: it may be one that is no longer there.
pub(crate) fn is_unreachable(error: &Error) -> bool {
    error.kind() == ErrorKind::Network && error.retry() == RetryClass::Later && !error.is_in_doubt()
}

/// The errors after which another attempt can help.
fn passing(round: &[Error]) -> impl Iterator<Item = &Error> {
    round
        .iter()
        .filter(|error| error.retry() == RetryClass::Later)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::op::CallOptions;

    fn scope(options: CallOptions) -> Scope {
        Scope::new(&options, CancellationToken::new())
    }

    fn failing(kind: ErrorKind) -> Error {
        Error::new(kind, Step::FetchIngestionResources, "no")
    }

    #[tokio::test(start_paused = true)]
    async fn passing_errors_are_repeated_and_listed() {
        let calls = Cell::new(0);
        let error = retry::<(), _, _>(
            &scope(CallOptions::new()),
            Step::FetchIngestionResources,
            "h",
            RetryPolicy::SERVICE,
            || {
                calls.set(calls.get() + 1);
                async { Err(failing(ErrorKind::Throttled)) }
            },
        )
        .await
        .unwrap_err();
        assert_eq!((calls.get(), error.attempts().len()), (4, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn permanent_errors_are_not_repeated() {
        let calls = Cell::new(0);
        let error = retry::<(), _, _>(
            &scope(CallOptions::new()),
            Step::FetchIngestionResources,
            "h",
            RetryPolicy::SERVICE,
            || {
                calls.set(calls.get() + 1);
                async { Err(failing(ErrorKind::Auth)) }
            },
        )
        .await
        .unwrap_err();
        assert_eq!((calls.get(), error.attempts().len()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_patient_scope_goes_on_for_its_time_and_ends_at_its_deadline() {
        let half_minute = Duration::from_secs(30);
        for (policy, deadline, least, most) in [
            (RetryPolicy::SERVICE, 3600, 30, 40),
            // The resources are fetched again instead.
            (RetryPolicy::ONLY_STORAGE, 3600, 0, 2),
            (RetryPolicy::SERVICE, 12, 12, 12),
            // Another host is tried instead.
            (RetryPolicy::STORAGE, 3600, 0, 2),
        ] {
            let begun = Instant::now();
            let options = CallOptions::new().with_timeout(Duration::from_secs(deadline));
            let scope = scope(options).patient(half_minute);
            let failing = || async { Err::<(), _>(failing(ErrorKind::Network)) };
            let error = retry(&scope, Step::FetchIngestionResources, "h", policy, failing).await;
            let attempts = error.unwrap_err().attempts().len();
            let took = begun.elapsed().as_secs();
            assert!((least..=most).contains(&took), "{policy:?}: {took} s");
            assert!(attempts <= MAX_LISTED + 1, "{attempts}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn patience_is_not_for_what_may_have_been_carried_out() {
        let scope = scope(CallOptions::new()).patient(Duration::from_secs(30));
        let calls = Cell::new(0);
        let policy = RetryPolicy::ONLY_STORAGE;
        let doubtful = || {
            calls.set(calls.get() + 1);
            async { Err::<(), _>(failing(ErrorKind::Network).with_in_doubt(true)) }
        };
        let error = retry_until_in_doubt(&scope, Step::PostMessage, "h", policy, doubtful).await;
        assert!(error.unwrap_err().is_in_doubt());
        assert_eq!(calls.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_with_one_passing_error_is_repeated_when_all_its_hosts_allow() {
        let scope = scope(CallOptions::new()).patient(Duration::from_secs(60));
        let (step, lasting) = (Step::PostMessage, failing(ErrorKind::Auth));
        let asking = |s| failing(ErrorKind::Throttled).with_retry_after(Duration::from_secs(s));
        let mut patience = Patience::new();
        let round = [asking(20), asking(10), lasting.clone()];
        let begun = Instant::now();
        assert!(patience.wait(&scope, step, "h", &round).await.unwrap());
        assert_eq!(begun.elapsed().as_secs(), 20);
        assert!(!patience.wait(&scope, step, "h", &[lasting]).await.unwrap());
        assert!(!patience.wait(&scope, step, "h", &[]).await.unwrap());
    }

    #[test]
    fn a_long_list_of_attempts_keeps_its_ends() {
        let mut failed = Vec::new();
        for number in 0..100 {
            remember(
                &mut failed,
                Error::new(ErrorKind::Network, Step::UploadBlob, number.to_string()),
            );
        }
        assert_eq!(failed.len(), MAX_LISTED);
        assert_eq!(
            (failed[0].message(), failed[MAX_LISTED - 1].message()),
            ("0", "99")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_a_pause() {
        let options = CallOptions::new().with_timeout(Duration::from_secs(2));
        let error = retry::<(), _, _>(
            &scope(options),
            Step::UploadBlob,
            "h",
            RetryPolicy {
                attempts: 100,
                base: Duration::from_secs(10),
                cap: Duration::from_secs(10),
                attempt_limit: None,
                patient: false,
                leaves_unreachable: false,
            },
            || async { Err(failing(ErrorKind::Network).with_retry_after(Duration::from_secs(10))) },
        )
        .await
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // The pause is no attempt.
        let attempts: Vec<_> = error.attempts().iter().map(Error::kind).collect();
        assert_eq!(attempts, [ErrorKind::Network]);
        assert!(!error.to_string().contains("attempts"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_host_ends_an_attempt_of_a_call_without_a_deadline() {
        let (scope, policy) = (scope(CallOptions::new()), RetryPolicy::METADATA);
        let silent = || std::future::pending::<Result<()>>();
        let step = Step::PostMessage;
        let error = retry(&scope, step, "h", policy, silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        assert_eq!(error.host(), Some("h"));
        assert_eq!((error.attempts().len(), error.is_in_doubt()), (4, false));
        let once = retry_until_in_doubt(&scope, step, "h", policy, silent).await;
        let error = once.unwrap_err();
        assert_eq!((error.attempts().len(), error.is_in_doubt()), (0, true));
    }

    #[tokio::test(start_paused = true)]
    async fn doubt_about_an_earlier_attempt_is_not_forgotten() {
        let calls = Cell::new(0);
        let attempt = || {
            calls.set(calls.get() + 1);
            let first = calls.get() == 1;
            async move {
                Err::<(), _>(match first {
                    true => failing(ErrorKind::Network).with_in_doubt(true),
                    false => failing(ErrorKind::Auth),
                })
            }
        };
        let scope = scope(CallOptions::new());
        let policy = RetryPolicy::STORAGE;
        let result = retry_in_doubt(&scope, Step::PostMessage, "h", policy, attempt).await;
        let error = result.unwrap_err();
        assert_eq!((calls.get(), error.kind()), (2, ErrorKind::Auth));
        assert!(error.is_in_doubt());
    }

    #[test]
    fn the_wish_of_the_service_is_honoured_up_to_the_cap() {
        let policy = RetryPolicy::STORAGE;
        let asked = |s| failing(ErrorKind::Throttled).with_retry_after(Duration::from_secs(s));
        assert_eq!(policy.pause(0, &asked(2)), Duration::from_secs(2));
        assert_eq!(policy.pause(0, &asked(600)), policy.cap);
        assert!(policy.pause(40, &failing(ErrorKind::Network)) <= policy.cap);
    }
}
