//! `kusto_client`.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use crate::callback::{UserData, kusto_drop_fn};
use crate::cancel::Listening;
use crate::catalog::kusto_status;
use crate::config::kusto_config;
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::op::{Ended, Start, kusto_done_fn, kusto_op};
use crate::props::kusto_props;
use crate::runtime::Runtime;
use crate::timeout;
use kusto_ingest::client::Client;
use kusto_ingest::error::Result;
use kusto_ingest::op::CallOptions;

/// A client of one cluster: connections, tokens, ingestion resources. Create one and keep it.
pub struct kusto_client {
    client: Client,
    runtime: Arc<Runtime>,
}

impl kusto_client {
    /// The client and runtime for a call; an error in a child of the process that made the client.
    /// Clones: the call may outlive the handle.
    pub(crate) fn parts(&self) -> Result<(Client, Arc<Runtime>)> {
        self.runtime.check_fork()?;
        Ok((self.client.clone(), self.runtime.clone()))
    }
}

/// The arguments that all calls over the network share.
pub(crate) struct Call {
    pub(crate) client: Client,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) options: CallOptions,
}

impl Call {
    /// # Safety
    /// `client` is NULL or a client until the call returns.
    pub(crate) unsafe fn new(client: *const kusto_client, timeout_ms: i64) -> Result<Self> {
        // SAFETY: as promised by the caller.
        let (client, runtime) = unsafe { handle::borrow(client, "client") }?.parts()?;
        Ok(Self {
            client,
            runtime,
            options: timeout::options(timeout_ms)?,
        })
    }

    /// Starts the call and waits for its end on the calling thread.
    pub(crate) fn wait_for<Work, T>(
        self,
        call: impl FnOnce(&Client, CallOptions) -> Work,
    ) -> Result<T>
    where
        Work: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let listening = Listening::begin(&self.runtime);
        let options = listening.limit(self.options);
        self.runtime.run(call(&self.client, options))
    }
}

/// Creates a client of the cluster that the config names. Sends nothing before its first use. The
/// first client of a process starts the library's threads; they end when the last client, operation
/// and stream are freed.
///
/// Ownership: the caller frees `*out` with kusto_client_free. The config is copied.
/// Threads: any.
/// Failure: KUSTO_E_CONFIG, KUSTO_E_UNSUPPORTED (a login that is not built in), KUSTO_E_FORKED,
/// KUSTO_E_INTERNAL when the system refuses threads or descriptors; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_client_new(
    config: *const kusto_config,
    out: *mut *mut kusto_client,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let config = handle::borrow(config, "config")?;
        let runtime = Runtime::acquire()?;
        let client = runtime.enter(|| config.builder().build())?;
        out.give(kusto_client { client, runtime });
        Ok(())
    })
}

/// Fetches the token and the ingestion resources now, for programs that want to fail early. Optional.
///
/// Ownership: none.
/// Threads: any, also several at once, but not in a callback.
/// Failure: KUSTO_E_NETWORK, KUSTO_E_AUTH, KUSTO_E_SERVICE, KUSTO_E_TIMED_OUT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_client_warm_up(
    client: *const kusto_client,
    timeout_ms: i64,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        Call::new(client, timeout_ms)?.wait_for(Client::warm_up)
    })
}

/// Starts kusto_client_warm_up and returns: kusto_op_wait reports the result.
///
/// Ownership: takes `user_data`, even when the call fails; `drop` is called after `done`, which is
/// called as kusto_ingest_start says. The caller frees `*out` with kusto_op_free; `out` may be NULL if
/// `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; any other failure is the operation's result.
/// `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_client_warm_up_start(
    client: *const kusto_client,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let start = Start::new(client, timeout_ms, done, user_data, out)?;
        start.call(Client::warm_up, |end| end.map(|()| Ended::Done));
        Ok(())
    })
}

/// As kusto_client_warm_up, and checks what the properties name: that the database, the table and the
/// mapping (if one is referenced) exist, and that this login may ingest. Ingesting reports such
/// mistakes only later, as the status of the ingestion. The error names what is missing, and the name
/// that was probably meant.
///
/// A login that may ingest need not be allowed to read all this: what it may not read is no failure,
/// but a line of the log at KUSTO_LOG_WARN ("not checked: ..."). `.show` commands need the roles
/// viewer or monitor of the database.
///
/// Ownership: the properties are copied.
/// Threads: any, also several at once, but not in a callback.
/// Failure: KUSTO_E_NOT_FOUND for a missing database, table or mapping, KUSTO_E_AUTH for a login that
/// may not ingest; others as kusto_client_warm_up.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_client_warm_up_table(
    client: *const kusto_client,
    props: *const kusto_props,
    timeout_ms: i64,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let call = Call::new(client, timeout_ms)?;
        let props = handle::borrow(props, "props")?.get();
        let check = call.wait_for(|client, options| client.warm_up_table(props, options));
        check.map(drop)
    })
}

/// Starts kusto_client_warm_up_table and returns: kusto_op_wait reports the result.
///
/// Ownership: takes `user_data`, even when the call fails; `drop` is called after `done`, which is
/// called as kusto_ingest_start says. The caller frees `*out` with kusto_op_free; `out` may be NULL if
/// `done` is given. The properties are copied.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; any other failure is the operation's result.
/// `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_client_warm_up_table_start(
    client: *const kusto_client,
    props: *const kusto_props,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let start = Start::new(client, timeout_ms, done, user_data, out)?;
        let props = handle::borrow(props, "props")?.get();
        start.call(
            |client, options| client.warm_up_table(props, options),
            |end| end.map(|_| Ended::Done),
        );
        Ok(())
    })
}

/// Rejects new calls, waits for ingestions under way until the timeout, then cancels the remaining
/// ones. It waits no longer once a kusto_cancel that this thread uses is signalled.
///
/// Ownership: `*abandoned` gets the number of ingestions that were cancelled; it may be NULL. The
/// client must still be freed.
/// Threads: any, but not in a callback.
/// Failure: KUSTO_E_INVALID_STATE in a callback, KUSTO_E_FORKED. Cancelled ingestions are not a
/// failure of this call.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_client_close(
    client: *const kusto_client,
    timeout_ms: i64,
    abandoned: *mut u64,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let (client, runtime) = handle::borrow(client, "client")?.parts()?;
        let timeout = timeout::duration(timeout_ms, "timeout_ms")?.unwrap_or(Duration::MAX);
        let listening = Listening::begin(&runtime);
        let left = runtime.run(async move {
            let early = tokio::select! {
                left = client.close(timeout) => return Ok(left),
                () = listening.signalled() => client.close(Duration::ZERO),
            };
            Ok(early.await)
        })?;
        if let Some(abandoned) = abandoned.as_mut() {
            *abandoned = left as u64;
        }
        Ok(())
    })
}

/// Frees a client. Operations under way are cancelled; streams and operations must still be freed,
/// in any order. Never waits for the network. The last free of a client, stream or operation ends
/// the library's threads: it waits until callbacks that are running or due have returned, so hold no
/// lock that they take. It may also be called in a callback, where it does not wait. The prompt of a
/// login may wait for its user: nothing waits for that, and the `drop` of its data comes later.
///
/// Ownership: takes the client; NULL is allowed.
/// Threads: any, once no other call uses the handle.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_client_free(client: *mut kusto_client) {
    guard::value((), || match handle::take(client) {
        // Its connections and locks belong to another process.
        Some(client) if client.runtime.is_foreign() => std::mem::forget(client),
        client => drop(client),
    });
}
