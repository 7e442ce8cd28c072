//! A call on the thread that waits for it.
//!
//! On the runtime's threads an answer wakes two of them: the one that watches all sockets, and the one
//! that waits for the call. Here the waiting thread watches the sockets of its call itself, as a
//! program does that reads and writes by itself; everything else that a call waits for (a timer, a
//! cancellation, a task of the runtime) rings a bell that the thread watches together with them.
//!
//! What starts threads or connects still happens on the runtime's: a thread inherits the signal mask
//! of the one that starts it, and that of the caller is the program's.

use std::future::Future;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::{contained, died_error};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};

#[cfg(unix)]
mod bell;
#[cfg_attr(not(unix), path = "here/elsewhere.rs")]
mod sockets;
#[cfg(unix)]
mod stack;

pub(crate) use sockets::{Descriptor, forget, is_here, look, starting};
#[cfg(unix)]
pub(crate) use sockets::{Interest, is_looking, poll_ready};

/// Runs a call on the current thread and waits for its end; timers, and tasks that it starts, are those
/// of `runtime`. For programs and bindings without asynchronous code of their own: it costs about half
/// of what `runtime.block_on` costs, because no other thread takes part in an exchange with the
/// service. A signal that arrives meanwhile does not end it, and a closed connection raises no SIGPIPE.
///
/// Where the system cannot do so (not Unix, no descriptors left, a small stack, the stack of a coroutine) the call
/// becomes a task of the runtime instead.
///
/// ```no_run
/// # use kusto_ingest::prelude::*;
/// # fn example(runtime: &tokio::runtime::Runtime, client: &Client, source: Source, props: &IngestionProperties) {
/// let call = runtime.block_on(async { client.ingest(source, props, CallOptions::new()) });
/// let receipt = kusto_ingest::op::run_here(runtime.handle(), call);
/// # }
/// ```
///
/// # Errors
/// Those of the call. A panic in it is reported as one. [`ErrorKind::InvalidArgument`] for a runtime of
/// one thread (`new_current_thread`): nobody would drive its timers and tasks meanwhile.
///
/// # Panics
/// Within a task of a runtime, as [`Handle::block_on`], and within a call that runs here; such code
/// awaits the call.
pub fn run_here<T: Send + 'static>(
    runtime: &Handle,
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
        let why =
            "has one thread, which would have to drive the timers of the call that it waits for";
        return Err(Error::invalid_argument("runtime", why));
    }
    // Panics where nothing may block.
    runtime.block_on(std::future::ready(()));
    assert!(!is_here(), "a call within a call on the same thread");
    let call = contained(Box::pin(call), |panic| {
        Error::defect(panic).with_in_doubt(true)
    });
    match sockets::run(runtime, call) {
        Ok(result) => result,
        // Its panics are results: what fails is the runtime.
        Err(call) => runtime
            .block_on(runtime.spawn(call))
            .unwrap_or_else(|_| Err(died_error())),
    }
}

#[cfg(all(test, unix))]
mod tests;
