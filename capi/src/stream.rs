//! `kusto_stream`: data that the caller pushes.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::callback::{UserData, kusto_drop_fn};
use crate::cancel::{self, Listening};
use crate::catalog::kusto_status;
use crate::client::kusto_client;
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::op::{self, Ended, kusto_done_fn, kusto_op};
use crate::props::kusto_props;
use crate::runtime::Runtime;
use crate::source::{Settings, kusto_source};
use crate::{text, timeout};
use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::op::{CallOptions, Operation};
use kusto_ingest::source::{PushWriter, Source};

/// Small writes are collected: handing over each line of a log would cost more than compressing it.
const BUFFER: usize = 64 * 1024;

/// One ingestion whose data the caller pushes.
pub struct kusto_stream {
    /// `None` once finished. Locked by the writer, while kusto_stream_cancel may be called.
    input: Mutex<Option<Input>>,
    operation: Operation<Ended>,
    runtime: Arc<Runtime>,
}

struct Input {
    writer: PushWriter,
    buffer: Vec<u8>,
    /// Why the caller's own source failed.
    failure: Option<String>,
}

impl Input {
    /// Accepts some of `data`, waiting until some fits. Dropping the future loses nothing.
    async fn push(&mut self, data: &[u8]) -> Result<usize> {
        if let Some(taken) = self.collect(data) {
            return Ok(taken);
        }
        while !self.buffer.is_empty() {
            let taken = self.writer.write_some(&self.buffer).await?;
            self.buffer.drain(..taken);
        }
        match self.collect(data) {
            Some(taken) => Ok(taken),
            None => self.writer.write_some(data).await,
        }
    }

    /// As much of `data` as fits now.
    fn try_push(&mut self, data: &[u8]) -> Result<usize> {
        if let Some(taken) = self.collect(data) {
            return Ok(taken);
        }
        let taken = self.writer.try_write(&self.buffer)?;
        self.buffer.drain(..taken);
        match self.collect(data) {
            Some(taken) => Ok(taken),
            None if self.buffer.is_empty() => self.writer.try_write(data),
            None => Ok(0),
        }
    }

    fn collect(&mut self, data: &[u8]) -> Option<usize> {
        let fits = self.buffer.len() + data.len() <= BUFFER;
        fits.then(|| {
            self.buffer.extend_from_slice(data);
            data.len()
        })
    }

    async fn finish(mut self) -> Result<()> {
        if let Some(cause) = self.failure {
            self.writer.fail(cause).await;
            return Ok(());
        }
        self.writer.write(&self.buffer).await?;
        self.writer.finish().await
    }
}

impl kusto_stream {
    fn input(&self) -> MutexGuard<'_, Option<Input>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, data: &[u8], timeout: Option<Duration>) -> Result<usize> {
        let mut input = self.input();
        let input = open(&mut input)?;
        if let Some(Err(error)) = self.operation.result() {
            return Err(error);
        }
        let result = match timeout {
            Some(Duration::ZERO) => input.try_push(data),
            _ => write_within(&self.runtime, input, data, timeout),
        };
        match result {
            Ok(0) if !data.is_empty() => Err(full(timeout)),
            Err(error) if error.kind() == ErrorKind::Cancelled => {
                // How much was accepted is not reported, so the rest cannot follow.
                self.operation.cancel();
                Err(error)
            }
            Err(error) => Err(self.cause(timeout).unwrap_or(error)),
            result => result,
        }
    }

    /// Why the data is no longer read: the operation's error, available at the latest a moment
    /// after the source was dropped.
    fn cause(&self, timeout: Option<Duration>) -> Option<Error> {
        let ended = async {
            match timeout {
                None => self.operation.wait().await,
                Some(timeout) => tokio::time::timeout(timeout, self.operation.wait())
                    .await
                    .ok()?,
            }
            .err()
        };
        match timeout {
            Some(Duration::ZERO) => self.operation.result().and_then(Result::err),
            _ => self.runtime.wait(ended).ok().flatten(),
        }
    }
}

/// Writes everything, or what fits before the timeout.
fn write_within(
    runtime: &Runtime,
    input: &mut Input,
    data: &[u8],
    timeout: Option<Duration>,
) -> Result<usize> {
    let mut taken = 0;
    let all = async {
        while taken < data.len() {
            taken += input.push(&data[taken..]).await?;
        }
        Ok(())
    };
    let in_time = async {
        match timeout {
            None => all.await,
            // Data accepted before the timeout stays accepted.
            Some(timeout) => tokio::time::timeout(timeout, all).await.unwrap_or(Ok(())),
        }
    };
    let listening = Listening::begin(runtime);
    runtime.wait(async {
        tokio::select! {
            biased;
            () = listening.signalled() => Err(cancel::cancelled(Step::ReadSource)),
            result = in_time => result,
        }
    })??;
    Ok(taken)
}

/// The receiver of data: removed once finished, closed once failed.
fn open(input: &mut Option<Input>) -> Result<&mut Input> {
    match input {
        Some(input) if input.failure.is_none() => Ok(input),
        _ => Err(finished()),
    }
}

fn full(timeout: Option<Duration>) -> Error {
    let kind = match timeout {
        Some(Duration::ZERO) => ErrorKind::WouldBlock,
        _ => ErrorKind::TimedOut,
    };
    Error::new(
        kind,
        Step::ReadSource,
        "the stream is full: storage is slower than the writer",
    )
}

fn finished() -> Error {
    Error::new(
        ErrorKind::InvalidState,
        Step::CheckArguments,
        "the stream is finished",
    )
    .with_argument("stream")
}

/// Begins an ingestion whose data is pushed with kusto_stream_write. Written data is uploaded
/// meanwhile; nothing is ingested before kusto_stream_finish. The source, if not NULL, is one of
/// kusto_source_stream with settings for the data. A stream may hold 1 MiB beyond the client's memory
/// budget, however long it lives.
///
/// Ownership: takes the source, even when the call fails; NULL is allowed. The caller frees `*out`
/// with kusto_stream_free. The properties are copied.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_stream_begin(
    client: *const kusto_client,
    props: *const kusto_props,
    source: *mut kusto_source,
    out: *mut *mut kusto_stream,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let source = handle::take(source);
    guarded(err, move || {
        let out = Out::required(out, "out")?;
        let (client, runtime) = handle::borrow(client, "client")?.parts()?;
        let props = handle::borrow(props, "props")?.get();
        let settings = match source {
            Some(source) => source.into_stream_settings()?,
            None => Settings::default(),
        };
        let (writer, source) = Source::push();
        let (source, _) = settings.apply(source, &runtime)?;
        // The deadline is set by kusto_stream_finish.
        let operation = runtime.enter(|| {
            Operation::spawn(CallOptions::new(), |options| {
                let work = client.ingest(source, props, options);
                async move { work.await.map(Ended::Receipt) }
            })
        });
        let input = Input {
            writer,
            buffer: Vec::with_capacity(BUFFER),
            failure: None,
        };
        out.give(kusto_stream {
            input: Mutex::new(Some(input)),
            operation,
            runtime,
        });
        Ok(())
    })
}

/// Writes data to the stream. Waits while too much is on its way to storage, but not longer than the
/// timeout; with timeout 0 it never waits and may accept less. On success `*written` bytes were
/// accepted: at least one, and all of them with KUSTO_FOREVER.
///
/// Ownership: the data is borrowed during the call. `written` may be NULL with KUSTO_FOREVER only.
/// Threads: one at a time for each stream; in a callback with timeout 0 only.
/// Failure: KUSTO_E_CANCELLED after kusto_stream_cancel, or when a kusto_cancel that this thread uses
/// is signalled, which cancels the stream. KUSTO_E_WOULD_BLOCK (timeout 0) or KUSTO_E_TIMED_OUT when nothing was accepted. When
/// the ingestion has failed, its own error. KUSTO_E_INVALID_STATE after kusto_stream_finish.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_stream_write(
    stream: *mut kusto_stream,
    data: *const u8,
    len: usize,
    timeout_ms: i64,
    written: *mut usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let timeout = timeout::duration(timeout_ms, "timeout_ms")?;
        let stream = handle::borrow(stream, "stream")?;
        stream.runtime.check_fork()?;
        if timeout.is_some() && written.is_null() {
            return Err(handle::null("written"));
        }
        let taken = stream.write(text::bytes(data, len, "data")?, timeout)?;
        if let Some(written) = written.as_mut() {
            *written = taken;
        }
        Ok(())
    })
}

/// Reports that the caller's own source has failed and the written data is incomplete. The stream
/// accepts no more; the operation of kusto_stream_finish then fails with KUSTO_E_SOURCE_IO and this
/// text. To discard the data without a reason, free the stream.
///
/// Ownership: the text is copied.
/// Threads: one at a time for each stream, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT; KUSTO_E_INVALID_STATE when it is finished or has failed.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_stream_fail(
    stream: *mut kusto_stream,
    message: *const c_char,
    message_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let stream = handle::borrow(stream, "stream")?;
        stream.runtime.check_fork()?;
        let message = text::text(message, message_len, "message")?.to_owned();
        open(&mut stream.input())?.failure = Some(message);
        Ok(())
    })
}

/// Cancels the stream's ingestion and returns at once: a waiting kusto_stream_write fails with
/// KUSTO_E_CANCELLED, and so does the operation of kusto_stream_finish.
///
/// Ownership: the stream is borrowed; NULL is allowed.
/// Threads: any, also during a call that uses the stream, also in a callback.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_stream_cancel(stream: *const kusto_stream) {
    guard::value((), || match stream.as_ref() {
        Some(stream) if !stream.runtime.is_foreign() => stream.operation.cancel(),
        _ => {}
    });
}

/// Ends the data: the written bytes are the whole source, unless kusto_stream_fail was called.
/// Returns at once; the operation ends when the data is handed over. The timeout is the operation's
/// and begins now. Without data the operation fails. The stream accepts no more and must still be
/// freed.
///
/// Ownership: takes `user_data`, even when the call fails; `drop` is called after `done`, which is
/// called as kusto_ingest_start says. The caller frees `*out` with kusto_op_free; `out` may be NULL if
/// `done` is given.
/// Threads: one at a time for each stream, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT; KUSTO_E_INVALID_STATE when it is finished. `*out` is NULL then.
/// A failure of the ingestion is the operation's result.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_stream_finish(
    stream: *mut kusto_stream,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let out = Out::optional(out);
        let deadline = timeout::duration(timeout_ms, "timeout_ms")?;
        op::check_observed(done, &out)?;
        let stream = handle::borrow(stream, "stream")?;
        stream.runtime.check_fork()?;
        let input = stream.input().take().ok_or_else(finished)?;
        let operation = stream.operation.clone();
        // The deadline begins before the end of the data can be seen.
        op::observe(&stream.runtime, operation, deadline, done, user_data, out);
        stream.runtime.spawn(async move {
            // It fails only when the operation has ended; the operation's result has the reason.
            let _ = input.finish().await;
        });
        Ok(())
    })
}

/// Frees a stream. The data of an unfinished stream is discarded: nothing is ingested.
///
/// Ownership: takes the stream; NULL is allowed.
/// Threads: any, once the stream is no longer in use. The last free may wait: see
/// kusto_client_free.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_stream_free(stream: *mut kusto_stream) {
    guard::value((), || match handle::take(stream) {
        Some(stream) if stream.runtime.is_foreign() => std::mem::forget(stream),
        Some(stream) => {
            if stream.input().is_some() {
                stream.operation.cancel();
            }
            drop(stream);
        }
        None => {}
    });
}
