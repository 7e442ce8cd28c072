//! Deadlines, cancellation, the handle of an operation under way, and threads for blocking work.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result, Step};

pub mod blocking;
mod catalog;
pub(crate) mod context;
pub(crate) mod here;
pub(crate) mod ids;

pub use catalog::OperationState;
pub use here::run_here;

/// How long a call may take as a whole, and how it can be stopped.
///
/// The default has no deadline and cannot be cancelled (dropping the future still stops it).
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    timeout: Option<Duration>,
    cancel: Option<CancelToken>,
}

impl CallOptions {
    /// No deadline, no cancellation.
    pub fn new() -> Self {
        Self::default()
    }

    /// The call ends with [`ErrorKind::TimedOut`] after this time, at any step.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The call ends with [`ErrorKind::Cancelled`] once the token is cancelled.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// The same limits with a separate cancellation, which the caller's also triggers.
    pub(crate) fn for_operation(mut self) -> (Self, CancelToken) {
        let own = self
            .cancel
            .as_ref()
            .map_or_else(CancelToken::new, CancelToken::child);
        self.cancel = Some(own.clone());
        (self, own)
    }
}

/// Stops calls from another thread or task. Clones share one state; cancelling is final.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(CancellationToken);

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is also cancelled when this one is.
    pub(crate) fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    /// Cancels every call that holds a clone of this token. May be called from any thread.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Ends once [`CancelToken::cancel`] was called.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// Whether [`CancelToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// A call under way in the background. Clones are handles of the same operation; dropping them all
/// does not stop it.
#[derive(Debug)]
pub struct Operation<T> {
    outcome: watch::Receiver<Option<Result<T>>>,
    cancel: CancelToken,
}

impl<T> Clone for Operation<T> {
    fn clone(&self) -> Self {
        Self {
            outcome: self.outcome.clone(),
            cancel: self.cancel.clone(),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> Operation<T> {
    /// Runs a call in the background, as a task of the current runtime: any method of
    /// the client, which gets the limits of `options` together with this
    /// operation's own cancellation.
    ///
    /// ```no_run
    /// # use kusto_ingest::prelude::*;
    /// # fn example(client: Client) {
    /// let count = Operation::spawn(CallOptions::new(), move |options| async move {
    ///     client.query("Demo", "Events | count", &RequestProperties::new(), options).await
    /// });
    /// count.cancel();
    /// # }
    /// ```
    pub fn spawn<Work>(options: CallOptions, call: impl FnOnce(CallOptions) -> Work) -> Self
    where
        Work: Future<Output = Result<T>> + Send + 'static,
    {
        let (options, cancel) = options.for_operation();
        let work = call(options);
        let (sender, outcome) = watch::channel(None);
        tokio::spawn(async move {
            // A panic is reported as the result; a task without a result was dropped with its
            // runtime.
            let result = contained(Box::pin(work), |panic| {
                Error::defect(panic).with_in_doubt(true)
            });
            sender.send_replace(Some(result.await));
        });
        Self { outcome, cancel }
    }

    /// Its state now.
    pub fn state(&self) -> OperationState {
        match self.result() {
            None => OperationState::Running,
            Some(Ok(_)) => OperationState::Succeeded,
            Some(Err(error)) if error.kind() == ErrorKind::Cancelled => OperationState::Cancelled,
            Some(Err(_)) => OperationState::Failed,
        }
    }

    /// Its result; `None` while it runs.
    pub fn result(&self) -> Option<Result<T>> {
        let outcome = self.outcome.borrow().clone();
        // A task that ended without a result: its runtime was shut down.
        let died = outcome.is_none() && self.outcome.has_changed().is_err();
        if died {
            self.outcome
                .borrow()
                .clone()
                .or_else(|| Some(Err(died_error())))
        } else {
            outcome
        }
    }

    /// Waits for its end. Any number of tasks may wait; dropping the future does not stop it.
    pub async fn wait(&self) -> Result<T> {
        let mut outcome = self.outcome.clone();
        match outcome.wait_for(Option::is_some).await {
            Ok(value) => value.clone().unwrap_or_else(|| Err(died_error())),
            Err(_) => Err(died_error()),
        }
    }

    /// Requests cancellation. It may still succeed: its result shows it. A cancelled upload may
    /// leave a blob that was never posted.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

fn died_error() -> Error {
    let message = "the operation was dropped with its runtime, or its client was freed";
    Error::new(ErrorKind::Cancelled, Step::Wait, message).with_in_doubt(true)
}

/// Runs steps after which nothing has been handed over, whatever happens in them: their error is
/// never in doubt, nor is their panic, which is reported as an error.
pub(crate) async fn before_hand_over<T>(steps: Boxed<'_, T>) -> Result<T> {
    contained(steps, Error::defect)
        .await
        .map_err(|error| error.with_in_doubt(false))
}

/// Steps of a call. Boxed where they are made: the futures of ingestions are large, every layer above
/// would hold them in its own, and each move of one touches all of it.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Runs `work`; a panic in it is reported as this error.
async fn contained<T>(
    mut work: Boxed<'_, T>,
    to_error: impl Fn(&(dyn Any + Send)) -> Error,
) -> Result<T> {
    std::future::poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)))
            .unwrap_or_else(|panic| Poll::Ready(Err(to_error(&*panic))))
    })
    .await
}

/// The limits of one call while it runs: its deadline as a point in time, and its cancellation,
/// which is also triggered when the client closes.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    started: Instant,
    deadline: Option<Instant>,
    /// `None` for a call that its caller cannot cancel.
    caller: Option<CancellationToken>,
    client: CancellationToken,
    patience: Duration,
    repeats: bool,
}

impl Scope {
    /// A scope that begins now. `client` is cancelled when the client closes.
    pub(crate) fn new(options: &CallOptions, client: CancellationToken) -> Self {
        let started = Instant::now();
        Self {
            started,
            // A timeout beyond the clock's range is no deadline.
            deadline: options
                .timeout
                .and_then(|timeout| started.checked_add(timeout)),
            caller: options.cancel.as_ref().map(|cancel| cancel.0.clone()),
            client,
            patience: Duration::ZERO,
            repeats: false,
        }
    }

    /// The same scope, in which steps that are safe to repeat are repeated for at least this long
    /// after their first failure, as far as the deadline allows.
    pub(crate) fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The same scope, for a later round of a step: what fails in it is no news.
    pub(crate) fn repeating(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Whether this is a later round of a step.
    pub(crate) fn repeats(&self) -> bool {
        self.repeats
    }

    /// How long a step is repeated after its first failure, beyond its own quick attempts.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Time left before the deadline; `None` when there is no deadline.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Runs one step: its result, or the error of the deadline or the cancellation if that comes
    /// first. The step's future is dropped then, which closes its connection.
    pub(crate) async fn run<T>(
        &self,
        step: Step,
        host: &str,
        future: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.check(step).map_err(|stopped| at(host, stopped))?;
        let mut future = std::pin::pin!(future);
        // Many steps do not wait: for them nothing has to be watched.
        if let Poll::Ready(result) = poll_now(future.as_mut()).await {
            return result;
        }
        let stopped = tokio::select! {
            biased;
            stopped = self.stopped(step, host) => stopped,
            result = future.as_mut() => return result,
        };
        // An inner step has the same limits, and its error is more precise about what was under
        // way.
        match poll_now(future.as_mut()).await {
            Poll::Ready(Err(inner)) if inner.kind() == stopped.kind() => Err(inner),
            _ => Err(stopped),
        }
    }

    /// As [`Scope::run`], for a request that is not safe to repeat: when the scope ends after the
    /// request may have left, the outcome is in doubt.
    pub(crate) async fn run_unsafe<T>(
        &self,
        step: Step,
        host: &str,
        future: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.check(step)?;
        self.run(step, host, future).await.map_err(|error| {
            let stopped = matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Cancelled);
            let in_doubt = error.is_in_doubt() || stopped;
            error.with_in_doubt(in_doubt)
        })
    }

    /// Waits, but not beyond the scope: the error of its end is then no attempt at anything.
    pub(crate) async fn sleep(&self, step: Step, host: &str, duration: Duration) -> Result<()> {
        self.run(step, host, async {
            tokio::time::sleep(duration).await;
            Ok(())
        })
        .await
        .map_err(Error::of_no_attempt)
    }

    /// Fails when the scope has ended.
    pub(crate) fn check(&self, step: Step) -> Result<()> {
        let cancelled_by_caller = self.caller.as_ref();
        if cancelled_by_caller.is_some_and(CancellationToken::is_cancelled) {
            return Err(cancelled(step));
        }
        if self.client.is_cancelled() {
            return Err(client_closed(step));
        }
        match self.remaining() {
            Some(left) if left.is_zero() => Err(self.timed_out(step)),
            _ => Ok(()),
        }
    }

    async fn stopped(&self, step: Step, host: &str) -> Error {
        let error = tokio::select! {
            biased;
            () = cancelled_or_never(self.caller.as_ref()) => cancelled(step),
            () = self.client.cancelled() => client_closed(step),
            () = sleep_until(self.deadline) => self.timed_out(step),
        };
        at(host, error)
    }

    fn timed_out(&self, step: Step) -> Error {
        let allowed = self
            .deadline
            .map(|deadline| deadline.duration_since(self.started).as_millis())
            .unwrap_or_default();
        Error::new(
            ErrorKind::TimedOut,
            step,
            format!("the call's deadline of {allowed} ms passed"),
        )
    }
}

/// What a future has to say now.
async fn poll_now<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

fn at(host: &str, error: Error) -> Error {
    match host.is_empty() {
        true => error,
        false => error.with_host(host),
    }
}

async fn cancelled_or_never(token: Option<&CancellationToken>) {
    match token {
        Some(token) => token.cancelled().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn cancelled(step: Step) -> Error {
    Error::new(ErrorKind::Cancelled, step, "the caller cancelled the call")
}

fn client_closed(step: Step) -> Error {
    Error::new(ErrorKind::Cancelled, step, "the client was closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(options: &CallOptions) -> Scope {
        Scope::new(options, CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn deadline_ends_a_step_that_never_ends() {
        let scope = scope(&CallOptions::new().with_timeout(Duration::from_secs(3)));
        let error = scope
            .run(Step::UploadBlob, "h", std::future::pending::<Result<()>>())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.step(), Step::UploadBlob);
        assert_eq!(error.host(), Some("h"));
        assert!(!error.is_in_doubt());
        assert!(scope.check(Step::PostMessage).is_err());
    }

    #[tokio::test]
    async fn cancel_ends_a_step_and_puts_an_unsafe_one_in_doubt() {
        let cancel = CancelToken::new();
        let scope = scope(&CallOptions::new().with_cancel(cancel.clone()));
        let stopping = async {
            cancel.cancel();
            std::future::pending::<Result<()>>().await
        };
        let error = scope
            .run_unsafe(Step::PostMessage, "h", stopping)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert!(error.is_in_doubt());
        let never_sent = async { unreachable!("the scope has ended: nothing is sent") };
        let error = scope
            .run_unsafe::<()>(Step::PostMessage, "h", never_sent)
            .await
            .unwrap_err();
        assert!(!error.is_in_doubt());
    }

    #[tokio::test]
    async fn closing_the_client_ends_its_calls() {
        let client = CancellationToken::new();
        let scope = Scope::new(&CallOptions::new(), client.clone());
        client.cancel();
        let error = scope
            .run(Step::RunQuery, "", async { Ok(()) })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }

    #[tokio::test]
    async fn a_panic_is_a_defect_that_is_told() {
        let operation = Operation::<()>::spawn(CallOptions::new(), |_| async {
            std::panic::resume_unwind(Box::new("boom"))
        });
        let error = operation.wait().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.to_string().contains("boom"));
    }

    #[tokio::test]
    async fn steps_before_the_hand_over_are_never_in_doubt() {
        let panicking = before_hand_over::<()>(Box::pin(async {
            std::panic::resume_unwind(Box::new("boom"))
        }));
        let error = panicking.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(error.to_string().contains("boom") && !error.is_in_doubt());
        let doubtful = Error::new(ErrorKind::Network, Step::UploadBlob, "cut").with_in_doubt(true);
        let error = before_hand_over::<()>(Box::pin(async { Err(doubtful) })).await;
        assert!(!error.unwrap_err().is_in_doubt());
    }

    #[test]
    fn the_end_of_the_runtime_is_no_defect() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let operation = runtime.block_on(async {
            Operation::<()>::spawn(CallOptions::new(), |_| std::future::pending())
        });
        drop(runtime);
        assert_eq!(operation.state(), OperationState::Cancelled);
    }

    #[tokio::test]
    async fn a_timeout_beyond_the_clock_is_no_deadline() {
        let scope = scope(&CallOptions::new().with_timeout(Duration::MAX));
        assert_eq!(scope.remaining(), None);
    }
}
