//! `kusto_op`: a call under way in the background.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::callback::UserData;
use crate::cancel::{self, Listening};
use crate::catalog::{
    KUSTO_OP_CANCELLED, KUSTO_OP_FAILED, KUSTO_OP_RUNNING, KUSTO_OP_SUCCEEDED, kusto_status,
};
use crate::client::{Call, kusto_client};
use crate::dispatcher::Poster;
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::query::kusto_rows;
use crate::report::kusto_report;
use crate::result::kusto_result;
use crate::runtime::{Runtime, check_may_block};
use crate::timeout;

use kusto_ingest::client::Client;
use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::ingest::Receipt;
use kusto_ingest::op::{CallOptions, Operation};
use kusto_ingest::query::DataSet;
use kusto_ingest::track::Report;

/// Called when an operation has ended. `op` is borrowed during the call: read its state and result, do
/// not free it. Called once, on a thread of the library, one callback at a time. Blocking calls fail
/// there with KUSTO_E_INVALID_STATE; any handle may be freed there, the client too. Must not throw. As
/// in every callback on a thread of the library, the signal mask is that of the thread that started
/// these threads.
pub type kusto_done_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, op: *const kusto_op)>;

/// The result of an operation that succeeded. Shared, because every handle may read it.
#[derive(Clone)]
pub(crate) enum Ended {
    /// An ingestion: kusto_op_result.
    Receipt(Receipt),
    /// A command or query: kusto_op_rows.
    Rows(Arc<DataSet>),
    /// A status query: kusto_op_report.
    Report(Arc<Report>),
    /// No result.
    Done,
}

impl Ended {
    pub(crate) fn of_report(report: Result<Report>) -> Result<Self> {
        Ok(Self::Report(Arc::new(report?)))
    }
}

/// A call under way: an ingestion or a call of another `_start` function.
pub struct kusto_op {
    operation: Operation<Ended>,
    /// How it ended, once `done` is due.
    settled: OnceLock<Result<Ended>>,
    deadline_passed: AtomicBool,
    pid: u32,
    /// Held for the caller's handle; the reference that `done` borrows does not keep threads alive.
    runtime: Mutex<Option<Arc<Runtime>>>,
}

impl kusto_op {
    /// How it ended; `None` while it runs.
    fn outcome(&self) -> Option<Result<Ended>> {
        let ended = || {
            self.operation
                .result()
                .map(|result| self.name_deadline(result))
        };
        self.settled.get().cloned().or_else(ended)
    }

    /// Fixes its result. Being dropped with the library's threads is an end too.
    fn settle(&self) {
        self.settled.get_or_init(|| match self.operation.result() {
            Some(result) => self.name_deadline(result),
            None => Err(freed()),
        });
    }

    /// The deadline of kusto_stream_finish is enforced by cancelling: the error names the deadline
    /// instead.
    fn name_deadline(&self, result: Result<Ended>) -> Result<Ended> {
        match result {
            Err(error)
                if error.kind() == ErrorKind::Cancelled
                    && self.deadline_passed.load(Ordering::Acquire) =>
            {
                let message = "the call's deadline passed";
                let late = Error::new(ErrorKind::TimedOut, error.step(), message)
                    .with_in_doubt(error.is_in_doubt())
                    .with_attempts(error.attempts().to_vec());
                let late = match error.client_request_id() {
                    Some(id) => late.with_client_request_id(id),
                    None => late,
                };
                Err(match error.host() {
                    Some(host) => late.with_host(host),
                    None => late,
                })
            }
            result => result,
        }
    }

    /// Its result; an error while it runs and when it failed.
    fn gave(&self) -> Result<Ended> {
        self.check_fork()?;
        self.outcome().ok_or_else(still_running)?
    }

    fn check_fork(&self) -> Result<()> {
        match self.is_foreign() {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::Forked,
                Step::Wait,
                "the handle was made before fork()",
            )),
        }
    }

    fn is_foreign(&self) -> bool {
        self.pid != std::process::id()
    }

    fn held_runtime(&self) -> Option<Arc<Runtime>> {
        self.runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn release_runtime(&self) -> Option<Arc<Runtime>> {
        self.runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Waits for the end; an error when the timeout passes first.
    fn wait(&self, timeout: Option<Duration>) -> Result<()> {
        if self.outcome().is_none() && timeout != Some(Duration::ZERO) {
            check_may_block()?;
            if let Some(runtime) = self.held_runtime() {
                let listening = Listening::begin(&runtime);
                let ended = async {
                    let end = self.operation.wait();
                    match timeout {
                        None => drop(end.await),
                        Some(timeout) => drop(tokio::time::timeout(timeout, end).await),
                    }
                };
                let given_up = runtime.wait(async {
                    tokio::select! {
                        () = listening.signalled() => true,
                        () = ended => false,
                    }
                })?;
                if given_up && self.outcome().is_none() {
                    // The operation continues: what it does is not known here.
                    return Err(cancel::cancelled(Step::Wait).with_in_doubt(true));
                }
            }
        }
        self.outcome().ok_or_else(still_running)?.map(|_| ())
    }
}

fn still_running() -> Error {
    Error::new(
        ErrorKind::WouldBlock,
        Step::Wait,
        "the operation is still running",
    )
}

fn freed() -> Error {
    Error::new(ErrorKind::Cancelled, Step::Wait, "the client was freed").with_in_doubt(true)
}

fn gave_no(what: &str) -> Error {
    let message = format!("the operation returns no {what}: it is another kind of call");
    Error::new(ErrorKind::InvalidState, Step::CheckArguments, message).with_argument("op")
}

/// The arguments that all `_start` functions share.
pub(crate) struct Start {
    call: Call,
    done: kusto_done_fn,
    user_data: UserData,
    out: Out<kusto_op>,
}

impl Start {
    /// # Safety
    /// `client` is NULL or a client, `out` is NULL or writable, until the call returns.
    pub(crate) unsafe fn new(
        client: *const kusto_client,
        timeout_ms: i64,
        done: kusto_done_fn,
        user_data: UserData,
        out: *mut *mut kusto_op,
    ) -> Result<Self> {
        // SAFETY: as promised by the caller.
        let out = unsafe { Out::optional(out) };
        // SAFETY: as promised by the caller.
        let call = unsafe { Call::new(client, timeout_ms) }?;
        check_observed(done, &out)?;
        Ok(Self {
            call,
            done,
            user_data,
            out,
        })
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.call.runtime
    }

    /// Starts the call. Its future must not hold the client, or freeing the client would not cancel
    /// it.
    pub(crate) fn call<Work>(
        self,
        call: impl FnOnce(&Client, CallOptions) -> Work,
        ended: fn(Work::Output) -> Result<Ended>,
    ) where
        Work: Future<Output: Send> + Send + 'static,
    {
        let Call {
            client,
            runtime,
            options,
        } = self.call;
        let operation = runtime.enter(|| {
            Operation::spawn(options, |options| {
                let work = call(&client, options);
                async move { ended(work.await) }
            })
        });
        let (done, user_data) = (self.done, self.user_data);
        observe(&runtime, operation, None, done, user_data, self.out);
    }
}

/// An operation without a handle or callback would fail in silence.
pub(crate) fn check_observed(done: kusto_done_fn, out: &Out<kusto_op>) -> Result<()> {
    match done.is_some() || out.is_wanted() {
        true => Ok(()),
        false => Err(Error::invalid_argument(
            "out",
            "may be NULL only with a done callback",
        )),
    }
}

/// Returns the handle of an operation if the caller wants it, and observes its deadline and callback.
pub(crate) fn observe(
    runtime: &Arc<Runtime>,
    operation: Operation<Ended>,
    deadline: Option<Duration>,
    done: kusto_done_fn,
    user_data: UserData,
    out: Out<kusto_op>,
) {
    let op = Arc::new(kusto_op {
        operation,
        settled: OnceLock::new(),
        deadline_passed: AtomicBool::new(false),
        pid: std::process::id(),
        runtime: Mutex::new(out.is_wanted().then(|| runtime.clone())),
    });
    match deadline {
        // At once: a spawned task might run only after the end that it must prevent.
        Some(Duration::ZERO) => expire(&op),
        Some(deadline) => drop(runtime.spawn(cancel_after(op.clone(), deadline))),
        None => {}
    }
    if let Some(function) = done {
        let completion = Completion {
            op: op.clone(),
            done: Some(Done {
                function,
                user_data,
            }),
            poster: runtime.poster(),
        };
        runtime.spawn(async move {
            // Captured whole: dropping the task must post the callback as its end does.
            let completion = completion;
            let _ = completion.op.operation.wait().await;
        });
    }
    out.give_shared(op);
}

async fn cancel_after(op: Arc<kusto_op>, deadline: Duration) {
    if tokio::time::timeout(deadline, op.operation.wait())
        .await
        .is_err()
    {
        expire(&op);
    }
}

fn expire(op: &kusto_op) {
    op.deadline_passed.store(true, Ordering::Release);
    op.operation.cancel();
}

struct Done {
    function: unsafe extern "C" fn(*mut c_void, *const kusto_op),
    user_data: UserData,
}

/// Posts `done` when it is dropped: at the operation's end, or when the library's threads end first.
struct Completion {
    op: Arc<kusto_op>,
    done: Option<Done>,
    poster: Poster,
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.op.settle();
        if let Some(done) = self.done.take() {
            let op = self.op.clone();
            self.poster.post(move || {
                // SAFETY: the caller's own function with its own data; `op` lives during the call.
                done.user_data
                    .call(|data| unsafe { (done.function)(data, Arc::as_ptr(&op)) });
            });
        }
    }
}

/// The state of the operation: KUSTO_OP_*. Never waits.
///
/// Ownership: the operation is borrowed.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_OP_FAILED for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_op_state(op: *const kusto_op) -> i32 {
    guard::value(KUSTO_OP_FAILED, || {
        match op.as_ref().map(kusto_op::outcome) {
            None => KUSTO_OP_FAILED,
            Some(None) => KUSTO_OP_RUNNING,
            Some(Some(Ok(_))) => KUSTO_OP_SUCCEEDED,
            Some(Some(Err(error))) if error.kind() == ErrorKind::Cancelled => KUSTO_OP_CANCELLED,
            Some(Some(Err(_))) => KUSTO_OP_FAILED,
        }
    })
}

/// Waits for the operation's end. A timeout does not stop the operation.
///
/// Ownership: the operation is borrowed.
/// Threads: any, also several at once. In a callback only for an operation that has ended, or with
/// timeout 0.
/// Failure: KUSTO_E_WOULD_BLOCK when it still runs at the end of the timeout; KUSTO_E_CANCELLED, in
/// doubt, when it still runs and a kusto_cancel that this thread uses is signalled; when it has
/// ended, its own error.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_op_wait(
    op: *const kusto_op,
    timeout_ms: i64,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let op = handle::borrow(op, "op")?;
        op.check_fork()?;
        op.wait(timeout::duration(timeout_ms, "timeout_ms")?)
    })
}

/// Requests cancellation and returns at once. The operation may still succeed: its state shows it.
/// A cancelled upload may leave a blob that was never queued.
///
/// Ownership: the operation is borrowed; NULL is allowed.
/// Threads: any, also several at once, also in a callback.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_op_cancel(op: *const kusto_op) {
    guard::value((), || match op.as_ref() {
        Some(op) if !op.is_foreign() => op.operation.cancel(),
        _ => {}
    });
}

/// The receipt of an ingestion that has ended. Never waits.
///
/// Ownership: the caller frees `*out` with kusto_result_free.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_WOULD_BLOCK while it runs, else its own error; KUSTO_E_INVALID_STATE when it is
/// not an ingestion. `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_op_result(
    op: *const kusto_op,
    out: *mut *mut kusto_result,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        match handle::borrow(op, "op")?.gave()? {
            Ended::Receipt(receipt) => out.give(kusto_result::new(receipt)),
            _ => return Err(gave_no("receipt")),
        }
        Ok(())
    })
}

/// The answer to a command or query that has ended. Never waits. Every call returns a separate
/// cursor.
///
/// Ownership: the caller frees `*out` with kusto_rows_free.
/// Threads: any, also several at once, also in a callback.
/// Failure: as kusto_op_result; KUSTO_E_INVALID_STATE when it did not come from
/// kusto_execute_start.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_op_rows(
    op: *const kusto_op,
    out: *mut *mut kusto_rows,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        match handle::borrow(op, "op")?.gave()? {
            Ended::Rows(answer) => out.give(kusto_rows::new(answer)),
            _ => return Err(gave_no("rows")),
        }
        Ok(())
    })
}

/// The report of a status query that has ended. Never waits.
///
/// Ownership: the caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, also in a callback.
/// Failure: as kusto_op_result; KUSTO_E_INVALID_STATE when it did not come from kusto_track_start,
/// kusto_track_until_final_start, kusto_outcomes_peek_start or kusto_outcomes_take_start.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_op_report(
    op: *const kusto_op,
    out: *mut *mut kusto_report,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        match handle::borrow(op, "op")?.gave()? {
            Ended::Report(report) => out.give(kusto_report::new(report)),
            _ => return Err(gave_no("report")),
        }
        Ok(())
    })
}

/// Frees a handle of an operation. The operation continues, and `done` is still called.
///
/// Ownership: takes the handle; NULL is allowed. Not for a handle that a callback borrows.
/// Threads: any, once the handle is no longer in use. The last free may wait: see
/// kusto_client_free.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_op_free(op: *mut kusto_op) {
    guard::value((), || match handle::take_shared(op) {
        Some(op) if op.is_foreign() => std::mem::forget(op),
        Some(op) => {
            let runtime = op.release_runtime();
            drop(op);
            drop(runtime);
        }
        None => {}
    });
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    unsafe extern "C" fn tell(user_data: *mut c_void, op: *const kusto_op) {
        // SAFETY: the test passes a sender that outlives the operation, and `op` lives during the call.
        let (sender, op) = unsafe { (&*user_data.cast::<mpsc::Sender<ErrorKind>>(), &*op) };
        let kind = op
            .outcome()
            .and_then(|result| result.err().map(|error| error.kind()));
        let _ = kind.map(|kind| sender.send(kind));
    }

    #[test]
    fn a_defect_is_told_as_one_and_the_end_of_the_threads_is_not() {
        let (sender, told) = mpsc::channel::<ErrorKind>();
        let observed = |runtime: &Arc<Runtime>, operation| {
            let data = UserData::new((&raw const sender).cast_mut().cast(), None);
            // SAFETY: the caller wants no handle.
            let out = unsafe { Out::optional(std::ptr::null_mut()) };
            observe(runtime, operation, None, Some(tell), data, out);
        };
        let runtime = Runtime::acquire().unwrap();
        let defect = || Error::new(ErrorKind::Internal, Step::Wait, "a defect");
        observed(
            &runtime,
            runtime
                .enter(|| Operation::spawn(CallOptions::new(), |_| async move { Err(defect()) })),
        );
        assert_eq!(told.recv(), Ok(ErrorKind::Internal));
        observed(
            &runtime,
            runtime.enter(|| Operation::spawn(CallOptions::new(), |_| std::future::pending())),
        );
        drop(runtime);
        assert_eq!(told.recv(), Ok(ErrorKind::Cancelled));
    }
}
