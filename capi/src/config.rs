//! `kusto_config`: the settings of a client.

use std::ffi::c_char;

use crate::catalog::kusto_status;
use crate::credential::kusto_credential;
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::text::{CText, lend_optional, text};
use kusto_ingest::auth::{LoginError, Prompt, Prompted};
use kusto_ingest::client::{Client, ClientBuilder};
use kusto_ingest::log::Dispatch;

/// Settings of a client. A client copies them: the config may be changed, reused or freed at once.
pub struct kusto_config {
    builder: ClientBuilder,
    redacted: CText,
}

impl kusto_config {
    fn new(builder: ClientBuilder) -> Self {
        Self {
            redacted: CText::new(builder.redacted()),
            builder,
        }
    }

    pub(crate) fn set_log(&mut self, receiver: Option<Dispatch>) {
        self.builder = self.builder.clone().log(receiver);
    }

    pub(crate) fn set_prompt(
        &mut self,
        show: impl Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync + 'static,
    ) {
        self.builder = self.builder.clone().prompt(show);
    }

    pub(crate) fn clear_prompt(&mut self) {
        self.builder = self.builder.clone().without_prompt();
    }

    pub(crate) fn builder(&self) -> &ClientBuilder {
        &self.builder
    }
}

/// Parses a connection string, such as
/// `Data Source=https://mycluster.westeurope.kusto.windows.net;Fed=true;Application Token=...`.
/// An unknown keyword is an error that names it.
///
/// Ownership: the caller frees `*out` with kusto_config_free. The text is copied.
/// Threads: any.
/// Failure: KUSTO_E_CONFIG, KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_config_parse(
    connection_string: *const c_char,
    len: usize,
    out: *mut *mut kusto_config,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let connection_string = text(connection_string, len, "connection_string")?;
        out.give(kusto_config::new(Client::builder(connection_string)?));
        Ok(())
    })
}

/// Sets anything by name: a setting of this list, or any keyword of the connection string. Case and
/// spaces in names do not count.
///
// <generated: settings>
/// - "engine endpoint": The engine's address, where it cannot be derived from the connection
///   string: for IP addresses or "localhost" with two ports, and for private names. Default:
///   derived from the connection string.
/// - "ingestion endpoint": The data management endpoint's address, where it cannot be derived
///   from the connection string. Default: derived from the connection string.
/// - "trusted hosts": Hosts to which tokens may be sent besides the well-known ones, and which a
///   cluster may name as its storage. Value: whole names, or suffixes that begin with a dot,
///   separated by commas. Default: the hosts of the public clouds.
/// - "http storage": Whether a service that is reached by https may name storage addresses
///   without TLS. A service on this machine always may. Value: "true" or "false". Default:
///   "false".
/// - "ca certificates": Certificates to trust besides the system's, as PEM text. Default: the
///   system's.
/// - "device code": Whether the prompt of a login in the browser gets a device's code where no
///   browser can be started, as on a machine without a screen. Nobody may be there to see it, as
///   in a service: then its calls wait for it in vain. Value: "true" or "false". Default:
///   "false".
/// - "application": The application's name in the service's logs. Default: the program's name.
/// - "compression level": How much processor time is spent on compression: "fast" costs the
///   least, "small" sends the fewest bytes. Value: "fast", "balanced" or "small". Default: "fast"
///   in builds with ISA-L, else "balanced".
/// - "compression threads": How many threads may compress at the same time, for all calls of a
///   client together. Value: 1 to 64. Default: the machine's cores, at most 4.
/// - "memory budget": The most bytes that are read and not yet acknowledged by the service, for
///   all calls of a client together. When it is spent, reading stops. Value: at least 4194304
///   bytes (4 MiB). Default: 67108864 bytes (64 MiB).
/// - "query answer limit": The most bytes, decompressed, that the answer to one command or query
///   may have: reading stops there with an error. The default is sixteen times what the service
///   itself sends without the request option "notruncation". Value: 65536 bytes to 4294967295
///   bytes. Default: 1073741824 bytes (1024 MiB).
/// - "connections per host": The most connections to one host that are open at once, for all
///   calls of a client together. Calls beyond it wait in order. No more are opened than requests
///   are under way. Value: 1 to 65535. Default: 256.
/// - "retry time": How many seconds, at least, an ingestion, or a reading of its status or of
///   notifications, repeats a step that is safe to repeat after its first failure, while the
///   failures may pass and within the call's deadline. Waiting for the final status goes on until
///   its own deadline; without one, this setting is the limit. Commands, queries and the warm-up
///   make a few quick attempts. Value: 0 to 86400. Default: 30.
/// - "ingestion mode": How data gets to the service, unless the properties of an ingestion say
///   otherwise: through storage and a queue, in one request to the engine, or in such a request
///   where that is possible and through the queue where it is not. Value: "queued", "streaming"
///   or "managed". Default: "queued".
/// - "in doubt": What follows a streaming request of which nobody knows whether its data was
///   ingested: an error; another request; or, in managed ingestion, the queue. The last two may
///   ingest the data twice, which the receipt says. Value: "fail", "retry" or "queue". Default:
///   "fail".
/// - "streaming attempts": How many streaming requests one call makes at most, while the failures
///   may pass. Value: 1 to 10. Default: 3.
/// - "streaming concurrency": How many streaming requests are under way at once, for all calls of
///   a client together. Calls beyond it wait in order. It is halved for a while when the service
///   throttles. Value: 1 to 256. Default: 8.
/// - "streaming unavailable": What managed ingestion does with data for a table or a cluster that
///   has streaming ingestion turned off. Queued data says so in the receipt. The log says it once
///   for each while in which streaming to the table, or to all of them, is not tried: 15 minutes,
///   or one where the service may soon be back. Value: "queue" or "fail". Default: "queue".
/// - "schema lag": What managed ingestion does when streaming does not find the database, the
///   table or the mapping: it learns of new ones up to five minutes later than the queue. Value:
///   "queue" or "fail". Default: "fail".
/// - "streaming size factor": How much of the size that the service is estimated to accept
///   managed ingestion streams: more is tried with more, and less with less. Nothing beyond 10
///   MiB as it is sent is ever streamed. Value: 0.1 to 4. Default: 1.
// </generated>
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each config.
/// Failure: KUSTO_E_CONFIG for an unknown name or a wrong value; the config is unchanged then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_config_set(
    config: *mut kusto_config,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let config = handle::borrow_mut(config, "config")?;
        let key = text(key, key_len, "key")?;
        let value = text(value, value_len, "value")?;
        *config = kusto_config::new(config.builder.clone().set(key, value)?);
        Ok(())
    })
}

/// Sets how tokens are obtained; replaces the connection string's login.
///
/// Ownership: the credential is shared: the caller may free its own handle at any time.
/// Threads: one at a time for each config.
/// Failure: KUSTO_E_INVALID_ARGUMENT for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_config_set_credential(
    config: *mut kusto_config,
    credential: *const kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let config = handle::borrow_mut(config, "config")?;
        let credential = handle::borrow(credential, "credential")?.shared();
        config.builder = config.builder.clone().credential(credential);
        Ok(())
    })
}

/// The connection string with secrets masked, for logs.
///
/// Ownership: the text is borrowed until the config is changed or freed; it ends with a NUL. `len`
/// may be NULL.
/// Threads: one at a time for each config.
/// Failure: returns NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_config_redacted(
    config: *const kusto_config,
    len: *mut usize,
) -> *const c_char {
    lend_optional(config.as_ref().map(|config| &config.redacted), len)
}

/// Frees a config. Clients made from it are not affected.
///
/// Ownership: takes the config; NULL is allowed.
/// Threads: any, once the config is no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_config_free(config: *mut kusto_config) {
    guard::value((), || drop(handle::take(config)));
}
