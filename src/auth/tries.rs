//! Repeating a request for a token that failed in a way that may pass.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, RetryClass, Step};
use crate::log::events;

/// How often and with which pauses a request is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tries {
    /// Total attempts, including the first.
    pub(super) count: u32,
    /// The pause after the first failure; it doubles.
    pub(super) pause: Duration,
    /// The longest pause, also of those that the issuer asks for.
    pub(super) longest: Duration,
}

impl Tries {
    /// For tokens that the program itself obtains.
    pub(super) const OF_PROGRAM: Self = Self {
        count: 3,
        pause: Duration::from_secs(1),
        longest: Duration::from_secs(30),
    };

    pub(super) const ONCE: Self = Self {
        count: 1,
        pause: Duration::ZERO,
        longest: Duration::ZERO,
    };

    /// Around the doubled pause, at random so that programs which failed together do not return
    /// together, or what the issuer asked for.
    fn pause_after(self, number: u32, error: &Error) -> Duration {
        let ceiling = self.pause.saturating_mul(1 << number.min(8));
        let jittered = ceiling.mul_f64(0.5 + fastrand::f64() / 2.0);
        let asked = error.retry_after().unwrap_or_default();
        jittered.max(asked).min(self.longest)
    }
}

/// As [`repeat`], of an attempt of the program's own that may never end. The last failure is not lost at the limit:
/// it is the error. Without one the error is `late`.
pub(super) async fn repeat_within<T, F>(
    limit: Duration,
    attempt: impl Fn() -> F + Send + Sync,
    late: impl FnOnce() -> Error + Send,
) -> Result<T>
where
    F: Future<Output = Result<T>> + Send,
{
    let last = Mutex::new(None);
    let noted = || async {
        let result = attempt().await;
        if let Err(error) = &result {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
        result
    };
    match tokio::time::timeout(limit, repeat("", Tries::OF_PROGRAM, noted)).await {
        Ok(result) => result,
        Err(_) => {
            let last = last.lock().unwrap_or_else(PoisonError::into_inner).take();
            Err(last.unwrap_or_else(late))
        }
    }
}

/// Runs `attempt` until it succeeds, fails for good, or was tried often enough.
pub(super) async fn repeat<T, F>(
    host: &str,
    tries: Tries,
    attempt: impl Fn() -> F + Send + Sync,
) -> Result<T>
where
    F: Future<Output = Result<T>> + Send,
{
    let mut failed = Vec::new();
    let mut number = 0;
    let first = Instant::now();
    loop {
        let begun = Instant::now();
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error.since(begun),
        };
        if error.retry() != RetryClass::Later || number + 1 >= tries.count {
            return Err(error.after(failed));
        }
        let pause = tries.pause_after(number, &error);
        number += 1;
        events::Retry {
            step: Step::AcquireToken,
            host,
            attempt: number.into(),
            failing_ms: first.elapsed(),
            pause_ms: pause,
            error: &error,
        }
        .emit(false);
        failed.push(error);
        tokio::time::sleep(pause).await;
    }
}
