//! Work on the runtime's threads for blocking calls, where the system may refuse another thread.
//!
//! For bindings, which have such work of their own.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::task::{JoinError, JoinHandle};

use super::here;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step, panic_text};

type Slot<T> = Arc<Mutex<Option<Box<dyn FnOnce() -> T + Send>>>>;

/// Work on a thread. Dropped before it began, it never begins, and what it holds is dropped at once:
/// the runtime's own queue keeps work for threads that never come, and with it memory that the
/// caller waits for.
pub struct Job<T> {
    handle: JoinHandle<Option<T>>,
    waiting: Slot<T>,
}

/// Starts `work` on a thread of the current tokio runtime. The job fails as a [`JoinError`] when the work
/// panics or the runtime ends.
///
/// # Errors
/// [`ErrorKind::Internal`], to be tried again later: no thread is there for it, and none can be started.
///
/// # Panics
/// Outside a runtime, as [`tokio::task::spawn_blocking`].
pub fn spawn<T: Send + 'static>(
    step: Step,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Job<T>> {
    let waiting: Slot<T> = Arc::new(Mutex::new(Some(Box::new(work))));
    let begun = waiting.clone();
    let begin = move || {
        let work = take(&begun)?;
        Some(work())
    };
    // The runtime panics, after it has queued the work.
    let starting = || here::starting(|| tokio::task::spawn_blocking(begin));
    match catch_unwind(AssertUnwindSafe(starting)) {
        Ok(handle) => Ok(Job { handle, waiting }),
        Err(panic) => {
            drop(take(&waiting));
            Err(no_thread(step, panic_text(&*panic)))
        }
    }
}

/// Taken under the lock, used and dropped outside it.
fn take<T>(waiting: &Slot<T>) -> Option<Box<dyn FnOnce() -> T + Send>> {
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

impl<T> Future for Job<T> {
    type Output = std::result::Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match ready!(Pin::new(&mut self.handle).poll(context)) {
            Ok(Some(value)) => Poll::Ready(Ok(value)),
            Err(error) => Poll::Ready(Err(error)),
            // Only `drop` takes the work away.
            Ok(None) => Poll::Pending,
        }
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        drop(take(&self.waiting));
    }
}

fn no_thread(step: Step, panic: &str) -> Error {
    let cause = panic
        .strip_prefix("OS can't spawn worker thread: ")
        .unwrap_or(panic);
    let message = format!("cannot start a thread: {cause}");
    Error::new(ErrorKind::Internal, step, message).with_retry(RetryClass::Later)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_that_waits_for_a_thread_is_dropped_with_its_job() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (release, released) = mpsc::channel::<()>();
            let busy = spawn(Step::ReadSource, move || released.recv().is_err()).unwrap();
            let (held, gone) = mpsc::channel::<()>();
            let waiting = spawn(Step::ReadSource, move || drop(held)).unwrap();
            assert_eq!(gone.try_recv(), Err(mpsc::TryRecvError::Empty));
            drop(waiting);
            assert_eq!(gone.try_recv(), Err(mpsc::TryRecvError::Disconnected));
            drop(release);
            assert!(busy.await.unwrap());
        });
    }

    #[tokio::test]
    async fn a_panic_of_the_work_is_its_result() {
        let job = spawn(Step::Compress, || {
            std::panic::resume_unwind(Box::new("boom"))
        });
        let job: Job<()> = job.unwrap();
        assert!(job.await.unwrap_err().is_panic());
    }
}
