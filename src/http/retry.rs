//! Repeating a request that is safe to repeat: jittered exponential back-off within the scope.

use std::future::Future;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::op::Scope;

/// How often and with which pauses a step is repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// Total attempts, including the first.
    pub(crate) attempts: u32,
    /// Ceiling of the first pause; it doubles with each attempt.
    pub(crate) base: Duration,
    /// Ceiling of every pause, also of one that the service asks for.
    pub(crate) cap: Duration,
    /// How long one attempt may take: otherwise a silent host would block a call without a
    /// deadline.
    pub(crate) attempt_limit: Option<Duration>,
}

impl RetryPolicy {
    /// For requests to the service: it may throttle for a while after many clients start at once.
    pub(crate) const SERVICE: RetryPolicy = RetryPolicy {
        attempts: 4,
        base: Duration::from_millis(500),
        cap: Duration::from_secs(30),
        // The requests have their own limits, which exclude the time of a login.
        attempt_limit: None,
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
        // A block of 4 MiB at 14 KB/s.
        attempt_limit: Some(Duration::from_secs(5 * 60)),
    };

    /// The pause after attempt number `attempt` (from 0): random up to the doubled ceiling (full
    /// jitter, so that clients which failed together do not return together), or what the service
    /// asked for.
    fn pause(&self, attempt: u32, error: &Error) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX))
            .min(self.cap);
        let jittered = ceiling.mul_f64(random_fraction());
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
    Fut: Future<Output = Result<T>>,
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
    Fut: Future<Output = Result<T>>,
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
    Fut: Future<Output = Result<T>>,
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

async fn within<T>(
    policy: RetryPolicy,
    step: Step,
    host: &str,
    attempt: impl Future<Output = Result<T>>,
) -> Result<T> {
    // The futures of requests are large, and every layer above would hold them in its own.
    let attempt = Box::pin(attempt);
    let Some(limit) = policy.attempt_limit else {
        return attempt.await;
    };
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or_else(|_| {
            let message = format!("no answer within {} s", limit.as_secs());
            let error = Error::new(ErrorKind::Network, step, message);
            Err(error.with_host(host).with_in_doubt(true))
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
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let number = failed.len() as u32;
        let again = error.retry() == RetryClass::Later
            && number + 1 < policy.attempts
            && scope.check(step).is_ok();
        if !again {
            return Err(error.after(failed));
        }
        let pause = policy.pause(number, &error);
        tracing::debug!(step = step.name(), host, pause_ms = pause.as_millis() as u64, %error, "retrying");
        failed.push(error);
        if let Err(stopped) = scope.sleep(step, host, pause).await {
            return Err(stopped.after(failed));
        }
    }
}

/// A number from 0 to 1, not cryptographically secure.
pub(crate) fn random_fraction() -> f64 {
    let bits = (uuid::Uuid::new_v4().as_u128() >> 96) as u32;
    f64::from(bits) / f64::from(u32::MAX)
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
            },
            || async { Err(failing(ErrorKind::Network).with_retry_after(Duration::from_secs(10))) },
        )
        .await
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.attempts().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_host_ends_an_attempt_of_a_call_without_a_deadline() {
        let (scope, policy) = (scope(CallOptions::new()), RetryPolicy::STORAGE);
        let silent = || std::future::pending::<Result<()>>();
        let step = Step::PostMessage;
        let error = retry(&scope, step, "h", policy, silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        assert_eq!(error.host(), Some("h"));
        assert_eq!((error.attempts().len(), error.is_in_doubt()), (3, false));
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
