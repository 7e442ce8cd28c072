//! The progress callback: the newest numbers, on the dispatcher thread, without delaying the
//! transfer.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::callback::UserData;
use crate::dispatcher::Poster;
use kusto_ingest::source::Progress;

/// The progress of a transfer, in bytes: `read` from the source, `sent` and acknowledged by storage or, when
/// streamed, by the engine, after compression. `total` is the source's size, 0 while it is unknown. Called one at a time on a
/// thread of the library; numbers that change during a slow call are skipped, the newest are next. In
/// a blocking call the last one may be on the calling thread, and none is after the call returned.
/// Must not wait for the library and must not throw.
pub type kusto_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, read: u64, sent: u64, total: u64)>;

/// The caller's function with its data.
pub(crate) struct ProgressCallback {
    pub(crate) function: unsafe extern "C" fn(*mut c_void, u64, u64, u64),
    pub(crate) user_data: UserData,
}

/// Stands between the transfer and the callback.
pub(crate) struct Reporter {
    poster: Poster,
    newest: Mutex<Newest>,
    /// `None` once no callback may be called any more.
    callback: Mutex<Option<ProgressCallback>>,
}

#[derive(Default)]
struct Newest {
    progress: Option<Progress>,
    posted: bool,
}

impl Reporter {
    pub(crate) fn new(callback: ProgressCallback, poster: Poster) -> Arc<Self> {
        Arc::new(Self {
            poster,
            newest: Mutex::default(),
            callback: Mutex::new(Some(callback)),
        })
    }

    /// Takes new numbers and returns at once.
    pub(crate) fn report(self: &Arc<Self>, progress: Progress) {
        let mut newest = lock(&self.newest);
        newest.progress = Some(progress);
        if !std::mem::replace(&mut newest.posted, true) {
            let reporter = self.clone();
            self.poster.post(move || reporter.call());
        }
    }

    /// Delivers the remaining numbers; afterwards no callback is called, and `drop` was called.
    pub(crate) fn close(&self) {
        self.call();
        // Waits for a call that is running.
        let callback = lock(&self.callback).take();
        drop(callback);
    }

    fn call(&self) {
        let callback = lock(&self.callback);
        let progress = {
            let mut newest = lock(&self.newest);
            newest.posted = false;
            newest.progress.take()
        };
        if let (Some(callback), Some(progress)) = (&*callback, progress) {
            let total = progress.total.unwrap_or(0);
            // SAFETY: the caller's own function with its own data.
            callback.user_data.call(|data| unsafe {
                (callback.function)(data, progress.read, progress.sent, total);
            });
        }
    }
}

/// Nothing here panics while a lock is held; a callback that does leaves whole values behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::dispatcher::Dispatcher;
    use crate::signals;

    static LAST: AtomicU64 = AtomicU64::new(0);

    unsafe extern "C" fn remember(_: *mut c_void, read: u64, _: u64, _: u64) {
        LAST.fetch_max(read, Ordering::SeqCst);
    }

    #[test]
    fn the_last_numbers_arrive_and_none_after_the_close() {
        let dispatcher = Dispatcher::start(256 * 1024, signals::mask()).unwrap();
        let callback = ProgressCallback {
            function: remember,
            user_data: UserData::new(std::ptr::null_mut(), None),
        };
        let reporter = Reporter::new(callback, dispatcher.poster());
        let numbers = |read| {
            let mut numbers = Progress::default();
            numbers.read = read;
            numbers
        };
        for read in 1..=1000 {
            reporter.report(numbers(read));
        }
        reporter.close();
        assert_eq!(LAST.load(Ordering::SeqCst), 1000);
        reporter.report(numbers(2000));
        dispatcher.stop();
        assert_eq!(LAST.load(Ordering::SeqCst), 1000);
    }
}
