//! The log callbacks: one for the process, and one for the clients of a config.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use crate::callback::{UserData, kusto_drop_fn};
use crate::catalog::kusto_status;
use crate::config::kusto_config;
use crate::error::kusto_error;
use crate::guard::guarded;
use crate::handle;
use crate::runtime::check_may_block;
use kusto_ingest::error::{Error, Result};
use kusto_ingest::log::{self, LogLevel, LogRecord, LogSink, RecordSink};

/// Receives one line of the log. `target` names the part of the library. Both texts end with a NUL
/// and are borrowed during the call. Called from any thread, also concurrently; must be quick, must
/// not call kusto_* functions and must not throw.
pub type kusto_log_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: i32,
        target: *const c_char,
        target_len: usize,
        message: *const c_char,
        message_len: usize,
    ),
>;

/// Sends the log of the library to a callback: lines up to a level, KUSTO_LOG_*, of all clients that
/// have no callback of their own (kusto_config_set_log). Without one the library is silent. A second
/// call replaces the callback; NULL removes it. Lines contain no token, key or signature.
///
/// Ownership: takes `user_data`, even when the call fails; `drop` is called once no thread uses it,
/// possibly shortly after it was replaced.
/// Threads: any, but not from a callback.
/// Failure: KUSTO_E_INVALID_STATE when the process already has a global `tracing` subscriber.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_log_set(
    max_level: i32,
    callback: kusto_log_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || set(max_level, callback, user_data))
}

/// Receives one event of the log: its level, its name (docs/LOGGING.md lists the events), what happened in
/// a text for people, and its fields as the text of a JSON object of texts and numbers. Each event of an
/// ingestion has the fields `client_request_id` and `source_id`. All texts end with a NUL and are borrowed
/// during the call. Called from any thread, also concurrently; must be quick, must not call kusto_*
/// functions and must not throw.
pub type kusto_log_event_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        level: i32,
        event: *const c_char,
        event_len: usize,
        message: *const c_char,
        message_len: usize,
        fields: *const c_char,
        fields_len: usize,
    ),
>;

/// Sends the log of the clients that are made of this config to a callback, and not to that of
/// kusto_log_set: all events up to a level, KUSTO_LOG_*, of all their calls, from whichever thread. A
/// second call replaces the callback for clients made later; NULL removes it. Events contain no token,
/// key or signature.
///
/// Ownership: takes `user_data`, even when the call fails; `drop` is called once no config, client and
/// call uses it.
/// Threads: one at a time for each config.
/// Failure: KUSTO_E_INVALID_ARGUMENT for NULL as config, or for another level.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_config_set_log(
    config: *mut kusto_config,
    max_level: i32,
    callback: kusto_log_event_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let config = handle::borrow_mut(config, "config")?;
        let level = level(max_level)?;
        config.set_log(callback.map(|function| {
            let receiver = OfClient {
                function,
                user_data,
            };
            let sink: Arc<RecordSink> = Arc::new(move |record| receiver.take(record));
            log::receiver(level, sink)
        }));
        Ok(())
    })
}

fn level(number: i32) -> Result<LogLevel> {
    LogLevel::from_number(number)
        .ok_or_else(|| Error::invalid_argument("max_level", "is not the number of a log level"))
}

fn set(max_level: i32, callback: kusto_log_fn, user_data: UserData) -> Result<()> {
    check_may_block()?;
    let level = level(max_level)?;
    let sink = callback.map(|function| {
        let callback = Callback {
            function,
            user_data,
        };
        let sink: Arc<LogSink> =
            Arc::new(move |level, target, message| callback.write(level, target, message));
        sink
    });
    log::set(level, sink)
}

struct Callback {
    function: unsafe extern "C" fn(*mut c_void, i32, *const c_char, usize, *const c_char, usize),
    user_data: UserData,
}

impl Callback {
    fn write(&self, level: LogLevel, target: &str, message: &str) {
        let (target, message) = (terminated(target), terminated(message));
        // SAFETY: the caller's own function; both texts live during the call.
        self.user_data.call(|data| unsafe {
            (self.function)(
                data,
                level as i32,
                target.as_ptr().cast(),
                target.len() - 1,
                message.as_ptr().cast(),
                message.len() - 1,
            );
        });
    }
}

/// The callback of a config.
struct OfClient {
    function: unsafe extern "C" fn(
        *mut c_void,
        i32,
        *const c_char,
        usize,
        *const c_char,
        usize,
        *const c_char,
        usize,
    ),
    user_data: UserData,
}

impl OfClient {
    fn take(&self, record: &LogRecord<'_>) {
        let (event, message) = (terminated(record.event), terminated(record.message));
        // An object of texts and numbers has a text.
        let fields = serde_json::to_string(record.fields).unwrap_or_default();
        let fields = terminated(&fields);
        // SAFETY: the caller's own function; all texts live during the call.
        self.user_data.call(|data| unsafe {
            (self.function)(
                data,
                record.level as i32,
                event.as_ptr().cast(),
                event.len() - 1,
                message.as_ptr().cast(),
                message.len() - 1,
                fields.as_ptr().cast(),
                fields.len() - 1,
            );
        });
    }
}

fn terminated(text: &str) -> String {
    format!("{text}\0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::*;

    #[test]
    fn numbers_are_those_of_the_core() {
        let ours = [
            KUSTO_LOG_OFF,
            KUSTO_LOG_ERROR,
            KUSTO_LOG_WARN,
            KUSTO_LOG_INFO,
            KUSTO_LOG_DEBUG,
            KUSTO_LOG_TRACE,
        ];
        assert_eq!(ours, LogLevel::ALL.map(|level| level as i32));
    }
}
