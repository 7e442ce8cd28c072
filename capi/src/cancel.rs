//! `kusto_cancel`: ends the blocking calls of a thread, from another thread or a signal handler.
//!
//! A blocking call listens while it runs: a task waits on a pipe, and cancels the call's token as
//! any caller's cancellation does. So the handler needs no more than an atomic and one `write`.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinHandle;

use crate::catalog::kusto_status;
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::kusto_bool;
use crate::runtime::Runtime;
use kusto_ingest::error::{Error, ErrorKind, RetryClass, Step};
use kusto_ingest::op::{CallOptions, CancelToken};

/// A request to end the blocking calls of the threads that use it (kusto_cancel_use). Once signalled
/// it stays signalled.
pub struct kusto_cancel {
    signalled: AtomicBool,
    bell: bell::Bell,
    pid: u32,
}

impl kusto_cancel {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            signalled: AtomicBool::new(false),
            bell: bell::Bell::new()?,
            pid: std::process::id(),
        })
    }

    /// In a signal handler: no allocation, no lock, no panic.
    fn signal(&self) {
        // A child of fork() shares the parent's pipe, but not its memory.
        if !self.signalled.swap(true, Ordering::SeqCst) && self.pid == std::process::id() {
            self.bell.ring();
        }
    }

    fn is_signalled(&self) -> bool {
        self.signalled.load(Ordering::SeqCst)
    }

    /// Cancels the token once signalled.
    async fn forward(self: Arc<Self>, token: CancelToken) {
        // Without descriptors to listen with, only calls that begin after the signal end.
        if self.is_signalled() || self.bell.rung().await.is_ok() {
            token.cancel();
        }
    }
}

thread_local! {
    static USED: RefCell<Option<Arc<kusto_cancel>>> = const { RefCell::new(None) };
}

/// The error of a wait that was ended.
pub(crate) fn cancelled(step: Step) -> Error {
    Error::new(ErrorKind::Cancelled, step, "the caller cancelled the call")
}

fn used() -> Option<Arc<kusto_cancel>> {
    // The thread may be ending. What it used before fork() is the parent's: its pipe is shared.
    USED.try_with(|used| used.borrow().clone())
        .ok()
        .flatten()
        .filter(|cancel| cancel.pid == std::process::id())
}

/// What the calling thread uses, for one blocking call.
pub(crate) struct Listening {
    /// `None` where the thread uses nothing.
    token: Option<CancelToken>,
    task: Option<JoinHandle<()>>,
}

impl Listening {
    /// Listens until it is dropped.
    pub(crate) fn begin(runtime: &Runtime) -> Self {
        let Some(cancel) = used() else {
            return Self {
                token: None,
                task: None,
            };
        };
        let token = CancelToken::new();
        let task = match cancel.is_signalled() {
            true => {
                token.cancel();
                None
            }
            false => Some(runtime.spawn(cancel.forward(token.clone()))),
        };
        Self {
            token: Some(token),
            task,
        }
    }

    /// The options of the call: it ends when the object is signalled.
    pub(crate) fn limit(&self, options: CallOptions) -> CallOptions {
        match &self.token {
            Some(token) => options.with_cancel(token.clone()),
            None => options,
        }
    }

    /// Ends when the object is signalled.
    pub(crate) async fn signalled(&self) {
        match &self.token {
            Some(token) => token.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

#[cfg(unix)]
mod bell {
    //! A pipe: once a byte is in it, it stays readable, and nobody reads it.

    use std::io::{PipeReader, PipeWriter, Result, Write};
    use std::os::fd::OwnedFd;

    use tokio::net::unix::pipe;

    pub(super) struct Bell {
        reader: PipeReader,
        writer: PipeWriter,
    }

    impl Bell {
        pub(super) fn new() -> Result<Self> {
            let (reader, writer) = std::io::pipe()?;
            Ok(Self { reader, writer })
        }

        /// The one byte always fits, so this does not wait.
        pub(super) fn ring(&self) {
            let errno = errno();
            // The interrupted program reads errno of its own calls.
            // SAFETY: the place of this thread's errno.
            let before = unsafe { *errno };
            // Its only failure would be a closed pipe, whose reader is held here.
            let _ = (&self.writer).write(&[1]);
            // SAFETY: as above.
            unsafe { *errno = before };
        }

        /// Ends once it was rung. A descriptor of its own for each listener: one is waited for once
        /// in each set.
        pub(super) async fn rung(&self) -> Result<()> {
            let own: OwnedFd = self.reader.try_clone()?.into();
            let waiting = pipe::Receiver::from_owned_fd(own)?;
            waiting.readable().await
        }
    }

    fn errno() -> *mut i32 {
        #[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
        // SAFETY: always gives a valid place.
        unsafe {
            libc::__error()
        }
        #[cfg(target_os = "android")]
        // SAFETY: always gives a valid place.
        unsafe {
            libc::__errno()
        }
        #[cfg(not(any(
            target_os = "macos",
            target_os = "ios",
            target_os = "freebsd",
            target_os = "android"
        )))]
        // SAFETY: always gives a valid place.
        unsafe {
            libc::__errno_location()
        }
    }
}

#[cfg(not(unix))]
mod bell {
    //! On Windows handlers of console events and of SIGINT run on threads of their own, where any
    //! function may be called.

    use std::io::Result;

    use kusto_ingest::op::CancelToken;

    #[derive(Default)]
    pub(super) struct Bell(CancelToken);

    impl Bell {
        pub(super) fn new() -> Result<Self> {
            Ok(Self::default())
        }

        pub(super) fn ring(&self) {
            self.0.cancel();
        }

        pub(super) async fn rung(&self) -> Result<()> {
            self.0.cancelled().await;
            Ok(())
        }
    }
}

/// An object with which another thread or a signal handler ends blocking calls.
///
/// Ownership: the caller frees `*out` with kusto_cancel_free.
/// Threads: any, also in a callback.
/// Failure: KUSTO_E_INTERNAL, to be tried again later, when the system refuses descriptors; `*out`
/// is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_cancel_new(
    out: *mut *mut kusto_cancel,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let cancel = kusto_cancel::new().map_err(|error| {
            let message = format!("cannot make a pipe: {error}");
            Error::new(ErrorKind::Internal, Step::CheckArguments, message)
                .with_retry(RetryClass::Later)
        })?;
        out.give_shared(Arc::new(cancel));
        Ok(())
    })
}

/// From now on the blocking calls of the calling thread end soon after `cancel` is signalled, and
/// those that begin later at once: with KUSTO_E_CANCELLED, and in doubt by the same rules as after
/// kusto_op_cancel. NULL ends that: use it to say goodbye after a signal, for instance with
/// kusto_client_close and a timeout. Several threads may use one object.
///
/// Blocking calls are those with a timeout that wait: kusto_ingest and kusto_ingest_bytes,
/// kusto_execute, kusto_track and kusto_track_until_final, kusto_outcomes_peek and _take,
/// kusto_client_warm_up and kusto_client_warm_up_table. Besides:
///
/// - kusto_stream_write: its stream is cancelled, as with kusto_stream_cancel.
/// - kusto_op_wait: only the wait ends; the operation continues, so this error is in doubt.
///   kusto_op_cancel stops the operation.
/// - kusto_client_close: it waits no longer, as if its timeout had passed, and succeeds.
///
/// A reader or another callback that is running is not interrupted.
///
/// Ownership: the thread holds the object until it uses another one or ends; the caller still frees
/// it with kusto_cancel_free.
/// Threads: any; it is about the calling thread only.
/// Failure: KUSTO_E_FORKED for an object from before fork(); the thread uses what it used before then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_cancel_use(
    cancel: *const kusto_cancel,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let used = handle::share(cancel);
        if used
            .as_ref()
            .is_some_and(|cancel| cancel.pid != std::process::id())
        {
            let message = "the handle was made before fork()";
            return Err(Error::new(ErrorKind::Forked, Step::CheckArguments, message));
        }
        let before = USED.with(|place| place.replace(used));
        drop(before);
        Ok(())
    })
}

/// Ends the blocking calls of the threads that use the object, now and in future. Signalling again
/// does nothing.
///
/// Ownership: the object is borrowed; NULL is allowed.
/// Threads: any, also several at once, also in a callback, also in a signal handler: it is
/// async-signal-safe and keeps errno. In a child process after fork() it ends nothing.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_cancel_signal(cancel: *const kusto_cancel) {
    if let Some(cancel) = cancel.as_ref() {
        cancel.signal();
    }
}

/// Whether the object was signalled; for loops of the program's own.
///
/// Ownership: the object is borrowed.
/// Threads: any, also in a signal handler.
/// Failure: 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_cancel_is_signalled(cancel: *const kusto_cancel) -> kusto_bool {
    cancel
        .as_ref()
        .is_some_and(kusto_cancel::is_signalled)
        .into()
}

/// Frees the object. Threads that use it keep doing so, without anyone who could signal it: that
/// is harmless. A signal handler that would signal it must be gone before.
///
/// Ownership: takes the object; NULL is allowed.
/// Threads: any, once no other call has it as argument.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_cancel_free(cancel: *mut kusto_cancel) {
    guard::value((), || drop(handle::take_shared(cancel)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn use_it(cancel: &Arc<kusto_cancel>) {
        USED.with(|place| place.replace(Some(cancel.clone())));
    }

    #[test]
    fn a_signal_ends_a_call_that_waits_and_those_that_come() {
        let runtime = Runtime::acquire().unwrap();
        let cancel = Arc::new(kusto_cancel::new().unwrap());
        use_it(&cancel);
        for _ in 0..2 {
            let listening = Listening::begin(&runtime);
            let signaller = std::thread::spawn({
                let cancel = cancel.clone();
                move || cancel.signal()
            });
            runtime.wait(listening.signalled()).unwrap();
            signaller.join().unwrap();
        }
        // SAFETY: NULL is allowed.
        unsafe { kusto_cancel_use(std::ptr::null(), std::ptr::null_mut()) };
        let options = Listening::begin(&runtime).limit(CallOptions::new());
        assert_eq!(format!("{options:?}"), format!("{:?}", CallOptions::new()));
    }

    #[test]
    fn many_calls_listen_to_one_object() {
        let runtime = Runtime::acquire().unwrap();
        let cancel = Arc::new(kusto_cancel::new().unwrap());
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (cancel, runtime) = (cancel.clone(), runtime.clone());
                std::thread::spawn(move || {
                    use_it(&cancel);
                    let listening = Listening::begin(&runtime);
                    runtime.wait(listening.signalled()).unwrap();
                })
            })
            .collect();
        cancel.signal();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
