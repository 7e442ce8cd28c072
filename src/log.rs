//! The log of the library handed to a function, for programs that are not written in Rust.
//!
//! The library writes its log with `tracing`: the subscriber of a Rust program receives it, and
//! `ClientBuilder::log` takes one for a single client. This module is
//! for bindings, whose programs have no subscriber: [`receiver`] makes one for a client of a function, and
//! [`set`] sends the log of all clients that have none to a function. The page `docs/LOGGING.md` lists
//! every event with its fields.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use serde_json::{Map, Value as Json};

use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::misleads;
use subscriber::{Events, Receiver};

mod catalog;
pub(crate) mod events;
mod subscriber;

pub use catalog::LogLevel;
pub(crate) use subscriber::decide_together;
pub use tracing::Dispatch;

/// One event of the log. No text of it contains a token, key or signature.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LogRecord<'a> {
    /// How important it is.
    pub level: LogLevel,
    /// The part of the library that it comes from, such as `kusto_ingest::http`.
    pub target: &'a str,
    /// Its name, such as `retry`. A later version of the library keeps the names.
    pub event: &'a str,
    /// What happened, for people: the same text for each event of this name.
    pub message: &'a str,
    /// Its fields: texts and numbers.
    pub fields: &'a Map<String, Json>,
}

/// The message, then `name=value` of the fields, with quotes around values that hold spaces.
impl fmt::Display for LogRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)?;
        for (name, value) in self.fields {
            match value {
                Json::String(text) if is_plain(text) => write!(f, " {name}={text}")?,
                Json::String(text) => write!(f, " {name}={text:?}")?,
                other => write!(f, " {name}={other}")?,
            }
        }
        Ok(())
    }
}

/// Whether a value can stand in a line without quotes.
fn is_plain(text: &str) -> bool {
    let separates = |c: char| c.is_whitespace() || misleads(c) || matches!(c, '"' | '=' | '\\');
    !text.is_empty() && !text.contains(separates)
}

/// Receives the events of one client. Called from any thread, also concurrently; it must be quick and must
/// not call this library. If it panics the event is lost, and the call goes on.
pub type RecordSink = dyn Fn(&LogRecord<'_>) + Send + Sync;

/// What `ClientBuilder::log` takes, made of a function: events up to a
/// level. The function is dropped once no client and no call uses it.
pub fn receiver(level: LogLevel, sink: Arc<RecordSink>) -> Dispatch {
    Dispatch::new(Events(OfClient { level, sink }))
}

/// A receiver that panics loses the event, and not the call whose event it is: its data may be handed
/// over already.
fn shielded(receive: impl FnOnce()) {
    // The panic hook has reported it.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(receive));
}

struct OfClient {
    level: LogLevel,
    sink: Arc<RecordSink>,
}

impl Receiver for OfClient {
    fn level(&self) -> LogLevel {
        self.level
    }

    fn take(&self, record: &LogRecord<'_>) {
        shielded(|| (self.sink)(record));
    }
}

/// Receives a line of the log: its level, the part of the library it comes from, its text. Called
/// from any thread, also concurrently; it must be quick and must not call this library. If it panics
/// the line is lost, and the call goes on.
pub type LogSink = dyn Fn(LogLevel, &str, &str) + Send + Sync;

/// Sends the log of the library to `sink`: lines up to a level, of all clients that have no receiver of
/// their own. Without one the library is silent. A second call replaces the sink, which may be in use for a
/// moment longer; `None` removes it. Lines contain no token, key or signature.
///
/// # Errors
/// [`ErrorKind::InvalidState`] when the process already has a global `tracing` subscriber.
pub fn set(level: LogLevel, sink: Option<Arc<LogSink>>) -> Result<()> {
    let level = match sink {
        Some(_) => level,
        None => LogLevel::Off,
    };
    if level != LogLevel::Off {
        install()?;
    }
    // One change at a time, so that level and sink fit together.
    static CHANGE: Mutex<()> = Mutex::new(());
    let _change = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = {
        let mut current = SINK.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, sink)
    };
    LEVEL.store(level as i32, Ordering::Release);
    tracing::callsite::rebuild_interest_cache();
    drop(before);
    Ok(())
}

fn install() -> Result<()> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let install = || tracing::subscriber::set_global_default(Events(OfProcess)).is_ok();
    match INSTALLED.get_or_init(install) {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::InvalidState,
            Step::CheckArguments,
            "the process already has a global tracing subscriber, which receives the log",
        )),
    }
}

static LEVEL: AtomicI32 = AtomicI32::new(LogLevel::Off as i32);
static SINK: RwLock<Option<Arc<LogSink>>> = RwLock::new(None);

/// Whoever [`set`] named last.
struct OfProcess;

impl Receiver for OfProcess {
    fn level(&self) -> LogLevel {
        LogLevel::from_number(LEVEL.load(Ordering::Acquire)).unwrap_or(LogLevel::Off)
    }

    fn take(&self, record: &LogRecord<'_>) {
        // The lock is not held during the call: a slow sink must not delay its replacement.
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(sink) = sink {
            let mut line = String::new();
            // Writing to a string cannot fail.
            let _ = write!(line, "{record}");
            shielded(|| sink(record.level, record.target, &line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_would_run_together_are_quoted() {
        let fields = serde_json::json!({
            "host": "h:1", "error": "no \"x\"", "bytes": 7, "empty": "", "table": "a=b",
            "turned": "a\u{202e}b",
        });
        let record = LogRecord {
            level: LogLevel::Info,
            target: "kusto_ingest",
            event: "retry",
            message: "will try again",
            fields: fields.as_object().unwrap(),
        };
        assert_eq!(
            record.to_string(),
            r#"will try again host=h:1 error="no \"x\"" bytes=7 empty="" table="a=b" turned="a\u{202e}b""#
        );
    }
}
