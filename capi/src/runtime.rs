//! The threads behind all clients of the process: started with the first client, ended with the
//! last.

use std::cell::Cell;
use std::future::Future;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, Weak, mpsc};
use std::time::Duration;

use crate::catalog::kusto_status;
use crate::dispatcher::{Dispatcher, Poster};
use crate::error::kusto_error;
use crate::guard::guarded;
use crate::signals::{self, Mask};
use kusto_ingest::error::{Error, ErrorKind, Result, RetryClass, Step};
use kusto_ingest::op::run_here;

const WORKERS: usize = 2;
/// Address space, not memory: pages count once they are touched. A debug build overflows 512 KiB.
const STACK_SIZE: usize = 2 * 1024 * 1024;
/// A reader holds a blocking thread while it waits for data. With a low limit such readers would keep
/// each other, the compressors and the resolver of host names from running at all. Threads exist only
/// while they are needed.
const BLOCKING_THREADS: usize = 512;
/// How long a blocking thread waits for its next use.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// How long the end waits for a thread that sits in a read of the caller's.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// Allows new clients in a child process after `fork()`. Handles from before the fork stay
/// unusable: calls with them fail with KUSTO_E_FORKED, and their `_free` releases no memory. Does
/// nothing in a process that was not forked.
///
/// Ownership: none.
/// Threads: call it in the child before its first other call, on its only thread.
/// Failure: none so far.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_after_fork_child(err: *mut *mut kusto_error) -> kusto_status {
    guarded(err, || {
        Slot::after_fork();
        Ok(())
    })
}

thread_local! {
    static LIBRARY_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Makes the current thread one of this library's, of a host with this mask of signals.
pub(crate) fn become_library_thread(host: Mask) {
    LIBRARY_THREAD.set(true);
    signals::serve(host);
}

/// Makes the current thread one of this library's, where the core has started it by itself.
pub(crate) fn adopt_thread() {
    let Ok(slot) = Slot::current() else {
        // A child process has none of its parent's threads.
        return;
    };
    let host = *slot.host.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(host) = host.filter(|_| !on_library_thread()) {
        become_library_thread(host);
    }
}

/// The program's thread while it runs a call: a callback must not block there either.
struct Serving;

impl Serving {
    fn begin() -> Self {
        LIBRARY_THREAD.set(true);
        Self
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        LIBRARY_THREAD.set(false);
    }
}

/// Whether the caller is a callback. A wait there could wait for itself.
fn on_library_thread() -> bool {
    // The thread may be ending.
    LIBRARY_THREAD.try_with(Cell::get).unwrap_or(true)
}

/// Fails in a callback, for calls that block.
pub(crate) fn check_may_block() -> Result<()> {
    match on_library_thread() {
        false => Ok(()),
        true => Err(Error::new(
            ErrorKind::InvalidState,
            Step::Wait,
            "a callback must not block: it runs on one of the library's threads",
        )),
    }
}

/// The threads: workers, blocking threads, dispatcher. Lives as long as a client, a stream or an
/// operation handle does.
pub(crate) struct Runtime {
    pid: u32,
    parts: Option<Parts>,
    handle: tokio::runtime::Handle,
    poster: Poster,
}

struct Parts {
    tokio: tokio::runtime::Runtime,
    dispatcher: Dispatcher,
    /// The mask of signals of the thread that started them.
    host: Mask,
}

impl Runtime {
    /// The process's runtime, started if it is not running.
    pub(crate) fn acquire() -> Result<Arc<Self>> {
        let slot = Slot::current()?;
        let mut shared = slot.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = shared.upgrade() {
            return Ok(runtime);
        }
        *slot.host.lock().unwrap_or_else(PoisonError::into_inner) = Some(signals::mask());
        let runtime = Arc::new(Self::start().map_err(|error| {
            Error::new(
                ErrorKind::Internal,
                Step::BuildClient,
                format!("the library cannot start: {error}"),
            )
            .with_retry(RetryClass::Later)
        })?);
        *shared = Arc::downgrade(&runtime);
        Ok(runtime)
    }

    fn start() -> std::io::Result<Self> {
        quiet_panics();
        check_threads()?;
        let host = signals::mask();
        let tokio = signals::blocked(|| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(WORKERS)
                .max_blocking_threads(BLOCKING_THREADS)
                .thread_keep_alive(KEEP_ALIVE)
                .thread_stack_size(STACK_SIZE)
                .thread_name("kusto")
                .on_thread_start(move || become_library_thread(host))
                .enable_all()
                .build()
        })?;
        let dispatcher = Dispatcher::start(STACK_SIZE, host)?;
        Ok(Self {
            pid: std::process::id(),
            handle: tokio.handle().clone(),
            poster: dispatcher.poster(),
            parts: Some(Parts {
                tokio,
                dispatcher,
                host,
            }),
        })
    }

    /// Fails in a child process: its memory holds the runtime, but none of its threads.
    pub(crate) fn check_fork(&self) -> Result<()> {
        match self.is_foreign() {
            false => Ok(()),
            true => Err(forked("the handle was made before fork()")),
        }
    }

    /// Whether this process is a child of the one that started the runtime.
    pub(crate) fn is_foreign(&self) -> bool {
        self.pid != std::process::id()
    }

    /// Where callbacks are posted.
    pub(crate) fn poster(&self) -> Poster {
        self.poster.clone()
    }

    /// Runs `start`, which may start tasks.
    pub(crate) fn enter<T>(&self, start: impl FnOnce() -> T) -> T {
        let _entered = self.handle.enter();
        start()
    }

    /// Starts a task.
    pub(crate) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.handle.spawn(task)
    }

    /// Waits on the calling thread for work of the library's threads.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        check_may_block()?;
        Ok(self.handle.block_on(future))
    }

    /// Runs a blocking call on the calling thread, which is one of this library's meanwhile: it runs
    /// callbacks of the log.
    pub(crate) fn run_here<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        check_may_block()?;
        let _ended = Serving::begin();
        run_here(&self.handle, call)
    }

    /// Runs all of a blocking call on the library's threads and waits for it: threads that it
    /// starts, such as the resolver's, must not inherit the caller's signal mask.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        check_may_block()?;
        match self.handle.block_on(self.handle.spawn(call)) {
            Ok(result) => result,
            Err(error) => Err(match error.try_into_panic() {
                Ok(panic) => Error::defect(&*panic),
                Err(error) => Error::defect(&error.to_string()),
            }),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else {
            return;
        };
        if self.is_foreign() {
            // Its threads are not here: there is nothing to join, and locks may be held for ever.
            std::mem::forget(parts);
        } else if on_library_thread() {
            parts.stop_elsewhere();
        } else {
            parts.stop();
        }
    }
}

impl Parts {
    /// First the tasks, whose ends post their callbacks, then the callbacks, then the threads.
    fn stop(self) {
        self.tokio.shutdown_timeout(SHUTDOWN);
        self.dispatcher.stop();
    }

    /// The same from one of the threads that end, which cannot join itself.
    fn stop_elsewhere(self) {
        let (give, given) = mpsc::channel::<Self>();
        let stopper = signals::blocked(|| {
            std::thread::Builder::new().spawn(move || {
                if let Ok(parts) = given.recv() {
                    signals::serve(parts.host);
                    parts.stop();
                }
            })
        });
        match stopper {
            // It receives: it was just started.
            Ok(_) => drop(give.send(self)),
            // Without a thread to wait on, the threads end by themselves.
            Err(_) => {
                self.tokio.shutdown_background();
                self.dispatcher.leave();
            }
        }
    }
}

/// Fails when the system refuses the threads that the library always has, and one for blocking work.
/// tokio panics in that case, and waits for ever for those of its threads that did start.
fn check_threads() -> std::io::Result<()> {
    let all = Arc::new(Mutex::new(()));
    let until_checked = all.lock().unwrap_or_else(PoisonError::into_inner);
    let mut started = Vec::new();
    let mut refused = None;
    for _ in 0..WORKERS + 2 {
        let all = all.clone();
        let thread = signals::blocked(|| {
            std::thread::Builder::new()
                .stack_size(STACK_SIZE)
                .spawn(move || drop(all.lock()))
        });
        match thread {
            Ok(thread) => started.push(thread),
            Err(error) => refused = Some(error),
        }
    }
    drop(until_checked);
    for thread in started {
        // Their body does not panic.
        let _ = thread.join();
    }
    match refused {
        Some(error) => Err(std::io::Error::new(
            error.kind(),
            format!("cannot start a thread: {error}"),
        )),
        None => Ok(()),
    }
}

/// A panic on a thread of the library is reported as an error; its text does not belong among the
/// host's output.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !on_library_thread() {
                before(panic);
            }
        }));
    });
}

/// Where the process's runtime is found. A forked child gets one of its own: the lock of its
/// parent's may have been held by a thread that the child does not have.
struct Slot {
    pid: u32,
    runtime: Mutex<Weak<Runtime>>,
    /// The mask of signals of the thread that started the runtime.
    host: Mutex<Option<Mask>>,
    /// The parent process's runtime, never touched: kept so that leak checkers do not report it.
    _before: *mut Slot,
}

static SLOT: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());

impl Slot {
    fn new(before: *mut Slot) -> *mut Self {
        crate::handle::into_raw(Self {
            pid: std::process::id(),
            runtime: Mutex::new(Weak::new()),
            host: Mutex::new(None),
            _before: before,
        })
    }

    fn current() -> Result<&'static Self> {
        if SLOT.load(Ordering::Acquire).is_null() {
            Self::replace(std::ptr::null_mut());
        }
        // SAFETY: not NULL any more, and never freed.
        let slot = unsafe { &*SLOT.load(Ordering::Acquire) };
        match slot.pid == std::process::id() {
            true => Ok(slot),
            false => Err(forked(
                "this process was forked: call kusto_after_fork_child before making clients",
            )),
        }
    }

    fn after_fork() {
        let slot = SLOT.load(Ordering::Acquire);
        // SAFETY: NULL, or a slot, which is never freed.
        let is_foreign = unsafe { slot.as_ref() }.is_some_and(|s| s.pid != std::process::id());
        if is_foreign {
            Self::replace(slot);
        }
    }

    fn replace(expected: *mut Slot) {
        let new = Self::new(expected);
        let ordering = Ordering::AcqRel;
        if SLOT
            .compare_exchange(expected, new, ordering, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: made above and not shared yet.
            drop(unsafe { crate::handle::take(new) });
        }
    }
}

fn forked(message: &str) -> Error {
    Error::new(ErrorKind::Forked, Step::CheckArguments, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocking_call_in_a_callback_is_refused_and_the_last_free_there_works() {
        let runtime = Runtime::start().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let poster = runtime.poster();
        poster.post(move || {
            let refused = runtime.run(async { Ok(()) }).unwrap_err();
            drop(runtime);
            let _ = sender.send(refused.kind());
        });
        assert_eq!(receiver.recv(), Ok(ErrorKind::InvalidState));
    }

    #[test]
    fn a_panic_in_a_call_is_a_defect_not_a_crash() {
        let runtime = Runtime::start().unwrap();
        let error = runtime
            .run(async { std::panic::resume_unwind(Box::new("boom")) as Result<()> })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(runtime.run(async { Ok(7) }).unwrap(), 7);
    }

    /// Such as the thread of a prompt: its callback must not wait for the library, and has the host's mask.
    #[test]
    fn a_thread_that_the_core_has_started_becomes_one_of_the_library() {
        let runtime = Runtime::acquire().unwrap();
        let refused = std::thread::spawn(|| {
            adopt_thread();
            check_may_block().unwrap_err().kind()
        });
        assert_eq!(refused.join().unwrap(), ErrorKind::InvalidState);
        drop(runtime);
    }
}
