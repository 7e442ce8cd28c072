//! Ingesting: blocking and asynchronous.

use std::ffi::c_void;
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use bytes::Bytes;

use crate::callback::{UserData, kusto_drop_fn};
use crate::cancel::Listening;
use crate::catalog::kusto_status;
use crate::client::kusto_client;
use crate::error::kusto_error;
use crate::guard::guarded;
use crate::handle::{self, Out};
use crate::op::{Ended, Start, kusto_done_fn, kusto_op};
use crate::props::kusto_props;
use crate::result::kusto_result;
use crate::runtime::{Runtime, check_may_block};
use crate::source::{Content, Reader, kusto_source};
use crate::{text, timeout};
use kusto_ingest::error::{Error, Result};
use kusto_ingest::ingest::Receipt;
use kusto_ingest::op::{CallOptions, Operation};
use kusto_ingest::source::{PushWriter, Source};

/// How many bytes are read from a reader at once.
const CHUNK: usize = 256 * 1024;

/// Hands a source over to the service and waits until the data is uploaded and queued. The service
/// ingests it later; kusto_track and kusto_outcomes_peek report its status. Streamed data
/// (kusto_props_set_mode, or the setting "ingestion mode") is in the table when the call returns. A reader is called on
/// this thread; without one this thread itself sends and receives, and may call the log. The
/// deadline covers the whole call; a callback that blocks is not interrupted.
///
/// Delivery is at least once. The upload may be repeated: it replaces itself. The message that
/// notifies the service is not repeated when it may have arrived (kusto_error_in_doubt). Calling
/// again then may duplicate the data, unless the properties have a key (kusto_props_set_once): with
/// it the service skips the duplicate, and the library itself repeats the message.
///
/// Ownership: takes the source, even when the call fails. The caller frees `*out` with
/// kusto_result_free; `out` may be NULL. The properties are copied.
/// Threads: any, also several at once, but not in a callback.
/// Failure: nothing is ingested, unless kusto_error_in_doubt says so or the status is
/// KUSTO_E_PARTIAL; `*out` is NULL then. Empty data (a file of 0 bytes, a reader at its end) is
/// KUSTO_E_INVALID_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_ingest(
    client: *const kusto_client,
    props: *const kusto_props,
    source: *mut kusto_source,
    timeout_ms: i64,
    out: *mut *mut kusto_result,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let source = handle::take(source);
    guarded(err, move || {
        let out = Out::optional(out);
        let client = handle::borrow(client, "client")?;
        let props = handle::borrow(props, "props")?;
        let source = source.ok_or_else(|| handle::null("source"))?;
        let options = timeout::options(timeout_ms)?;
        let receipt = ingest(client, props, *source, options)?;
        out.give_made(|| kusto_result::new(receipt));
        Ok(())
    })
}

/// As kusto_ingest, for data in memory, without a source object.
///
/// Ownership: the data is borrowed until the call returns. The caller frees `*out` with
/// kusto_result_free; `out` may be NULL.
/// Threads: any, also several at once, but not in a callback.
/// Failure: as kusto_ingest; KUSTO_E_INVALID_ARGUMENT for empty data.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_ingest_bytes(
    client: *const kusto_client,
    props: *const kusto_props,
    data: *const u8,
    len: usize,
    timeout_ms: i64,
    out: *mut *mut kusto_result,
    err: *mut *mut kusto_error,
) -> kusto_status {
    // SAFETY: the caller keeps the contract of the header; the data is not used once `returned` is
    // dropped.
    unsafe {
        guarded(err, || {
            let out = Out::optional(out);
            let client = handle::borrow(client, "client")?;
            let props = handle::borrow(props, "props")?;
            let options = timeout::options(timeout_ms)?;
            let (lent, returned) = lend(text::bytes(data, len, "data")?);
            let source = kusto_source::new(Content::Bytes(lent));
            let result = ingest(client, props, source, options);
            drop(returned);
            let receipt = result?;
            out.give_made(|| kusto_result::new(receipt));
            Ok(())
        })
    }
}

/// Starts kusto_ingest and returns. A reader is called on a thread of the library. `done`, if given,
/// is called exactly once when the operation has ended, also when it was cancelled or its client
/// freed, but not when this call fails.
///
/// Ownership: takes the source and `user_data`, even when the call fails; `drop` is called after
/// `done`. The caller frees `*out` with kusto_op_free; `out` may be NULL if `done` is given. The
/// properties are copied.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; any other failure is the operation's result.
/// `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_ingest_start(
    client: *const kusto_client,
    props: *const kusto_props,
    source: *mut kusto_source,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    let source = handle::take(source);
    guarded(err, move || {
        let start = Start::new(client, timeout_ms, done, user_data, out)?;
        let props = handle::borrow(props, "props")?.get();
        let source = source.ok_or_else(|| handle::null("source"))?;
        let (content, settings) = source.split();
        let (source, _) = settings.apply(content.into_source()?, start.runtime())?;
        start.call(
            |client, options| client.ingest(source, props, options),
            |receipt| receipt.map(Ended::Receipt),
        );
        Ok(())
    })
}

fn ingest(
    client: &kusto_client,
    props: &kusto_props,
    source: kusto_source,
    options: CallOptions,
) -> Result<Receipt> {
    let (client, runtime) = client.parts()?;
    check_may_block()?;
    let (content, settings) = source.split();
    let (source, reader) = match content {
        Content::Reader(reader) => {
            let (writer, source) = Source::push();
            (source, Some((reader, writer)))
        }
        content => (content.into_source()?, None),
    };
    let (source, reporter) = settings.apply(source, &runtime)?;
    let listening = Listening::begin(&runtime);
    let options = listening.limit(options);
    let (fed, result) = match reader {
        None => {
            let call = client.ingest(source, props.get(), options);
            // Freeing the client meanwhile cancels the call.
            drop(client);
            (Ok(()), runtime.run_here(call))
        }
        Some((reader, writer)) => {
            let operation = runtime.enter(|| client.start_ingest(source, props.get(), options));
            drop(client);
            let fed = feed(&runtime, &operation, reader, writer);
            (fed, runtime.wait(operation.wait())?)
        }
    };
    if let Some(reporter) = reporter {
        reporter.close();
    }
    fed?;
    result
}

/// Calls the reader on this thread until it or the operation ends. A failure of the reader becomes
/// the operation's result; a violated contract is returned as an error.
fn feed(
    runtime: &Runtime,
    operation: &Operation<Receipt>,
    mut reader: Reader,
    mut writer: PushWriter,
) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    while operation.result().is_none() {
        match reader.read(&mut buffer) {
            Ok(0) => return unless_ended(runtime, operation, writer.finish()),
            Ok(length) => unless_ended(runtime, operation, writer.write(&buffer[..length]))?,
            Err(error) => {
                let failing = async {
                    writer.fail(error.to_string()).await;
                    Ok(())
                };
                unless_ended(runtime, operation, failing)?;
                return error.downcast::<Error>().map_or(Ok(()), Err);
            }
        }
    }
    Ok(())
}

/// Waits for `step`, but not longer than for the operation, whose result says more than the step's.
fn unless_ended(
    runtime: &Runtime,
    operation: &Operation<Receipt>,
    step: impl Future<Output = Result<()>>,
) -> Result<()> {
    runtime.wait(async {
        tokio::select! {
            _ = step => {}
            _ = operation.wait() => {}
        }
    })
}

/// Bytes of the caller, until the second value is dropped.
///
/// # Safety
/// The second value is dropped before the bytes are freed.
unsafe fn lend(data: &[u8]) -> (Bytes, Returned) {
    struct Lent {
        data: *const [u8],
        reading: Arc<Reading>,
    }
    // SAFETY: read only.
    unsafe impl Send for Lent {}
    impl AsRef<[u8]> for Lent {
        fn as_ref(&self) -> &[u8] {
            // SAFETY: the lender waits until this is gone.
            unsafe { &*self.data }
        }
    }
    impl Drop for Lent {
        fn drop(&mut self) {
            self.reading.end();
        }
    }
    let reading = Arc::new(Reading::default());
    let lent = Bytes::from_owner(Lent {
        data,
        reading: reading.clone(),
    });
    (lent, Returned(reading))
}

/// Whether lent bytes are still in use.
#[derive(Default)]
struct Reading(Mutex<Use>);

#[derive(Default)]
struct Use {
    has_ended: bool,
    /// Who waits for its end.
    lender: Option<Thread>,
}

impl Reading {
    fn end(&self) {
        let lender = {
            let mut state = self.lock();
            state.has_ended = true;
            state.lender.take()
        };
        if let Some(lender) = lender {
            lender.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Use> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropping it waits until the bytes are no longer in use: after an error a thread may still read
/// them. Not in a `Condvar`: on some systems the host may cancel a thread there, whose bytes would go.
struct Returned(Arc<Reading>);

impl Drop for Returned {
    fn drop(&mut self) {
        {
            let mut state = self.0.lock();
            if state.has_ended {
                return;
            }
            state.lender = Some(std::thread::current());
        }
        while !self.0.lock().has_ended {
            std::thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_bytes_are_waited_for() {
        let data = vec![7u8; 1000];
        // SAFETY: dropped below, before the data.
        let (lent, returned) = unsafe { lend(&data) };
        let reading = std::thread::spawn(move || {
            std::thread::yield_now();
            lent.slice(10..)
                .iter()
                .map(|byte| u64::from(*byte))
                .sum::<u64>()
        });
        drop(returned);
        drop(data);
        assert_eq!(reading.join().ok(), Some(990 * 7));
    }
}
