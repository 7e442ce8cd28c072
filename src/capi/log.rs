//! The log callback: one per process.

use std::ffi::{c_char, c_void};
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, span};

use super::callback::{UserData, kusto_drop_fn};
use super::error::{kusto_error, kusto_status};
use super::guard::guarded;
use super::runtime::check_may_block;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::redact;

/// kusto_log_set: nothing.
pub const KUSTO_LOG_OFF: i32 = 0;
/// kusto_log_set: defects.
pub const KUSTO_LOG_ERROR: i32 = 1;
/// kusto_log_set: failures, also those that a further attempt may mend.
pub const KUSTO_LOG_WARN: i32 = 2;
/// kusto_log_set: one line for each ingestion.
pub const KUSTO_LOG_INFO: i32 = 3;
/// kusto_log_set: steps.
pub const KUSTO_LOG_DEBUG: i32 = 4;
/// kusto_log_set: everything.
pub const KUSTO_LOG_TRACE: i32 = 5;

/// Takes one line of the log. `target` names the part of the library. Both texts end with a NUL and
/// are borrowed during the call. Called from any thread, by several at once; must be quick, must not
/// call kusto_* functions and must not throw.
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

/// Sends the log of the library to a callback: lines up to a level, KUSTO_LOG_*. Without one the
/// library is silent. A second call replaces the first's callback; NULL takes it away. Lines hold no
/// token, key or signature.
///
/// Ownership: takes `user_data`, whatever the call returns; `drop` is called once no thread uses it,
/// which may be shortly after it was replaced.
/// Threads: any, but not from a callback.
/// Failure: KUSTO_E_INVALID_STATE when the process has a global `tracing` subscriber of its own.
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { guarded(err, move || set(max_level, callback, user_data)) }
}

fn set(max_level: i32, callback: kusto_log_fn, user_data: UserData) -> Result<()> {
    check_may_block()?;
    if !(KUSTO_LOG_OFF..=KUSTO_LOG_TRACE).contains(&max_level) {
        return Err(Error::invalid_argument(
            "max_level",
            "is none of KUSTO_LOG_*",
        ));
    }
    let sink = callback.map(|function| {
        Arc::new(Sink {
            function,
            user_data,
        })
    });
    let level = if sink.is_some() {
        max_level
    } else {
        KUSTO_LOG_OFF
    };
    if level != KUSTO_LOG_OFF {
        install()?;
    }
    // One change at a time, so that level and callback fit together.
    static CHANGE: Mutex<()> = Mutex::new(());
    let _change = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = {
        let mut current = SINK.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, sink)
    };
    LEVEL.store(level, Ordering::Release);
    tracing::callsite::rebuild_interest_cache();
    drop(before);
    Ok(())
}

fn install() -> Result<()> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    match INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(ToCallback).is_ok()) {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::InvalidState,
            Step::CheckArguments,
            "the process has a tracing subscriber already, which gets the log",
        )),
    }
}

static LEVEL: AtomicI32 = AtomicI32::new(KUSTO_LOG_OFF);
static SINK: RwLock<Option<Arc<Sink>>> = RwLock::new(None);

struct Sink {
    function: unsafe extern "C" fn(*mut c_void, i32, *const c_char, usize, *const c_char, usize),
    user_data: UserData,
}

/// Hands this library's events to the callback. Spans are not used.
struct ToCallback;

impl tracing::Subscriber for ToCallback {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match is_ours(metadata) {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LEVEL.load(Ordering::Acquire) {
            KUSTO_LOG_OFF => LevelFilter::OFF,
            KUSTO_LOG_ERROR => LevelFilter::ERROR,
            KUSTO_LOG_WARN => LevelFilter::WARN,
            KUSTO_LOG_INFO => LevelFilter::INFO,
            KUSTO_LOG_DEBUG => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
            && metadata.is_event()
            && number_of(*metadata.level()) <= LEVEL.load(Ordering::Acquire)
    }

    fn event(&self, event: &Event<'_>) {
        // The lock is not held during the callback: a slow one must not hold up its replacement.
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(sink) = sink {
            sink.write(event);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Sink {
    fn write(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        // The events hold no secrets; texts of third parties inside them might.
        let message = terminated(redact(&line.into_text()));
        let target = terminated(event.metadata().target().to_owned());
        // SAFETY: the caller's own function; both texts live during the call.
        unsafe {
            (self.function)(
                self.user_data.get(),
                number_of(*event.metadata().level()),
                target.as_ptr().cast(),
                target.len() - 1,
                message.as_ptr().cast(),
                message.len() - 1,
            );
        }
    }
}

fn terminated(mut text: String) -> String {
    text.push('\0');
    text
}

/// The message, then `name=value` of the other fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn into_text(self) -> String {
        self.message + &self.fields
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("kusto_ingest")
}

fn number_of(level: Level) -> i32 {
    match level {
        Level::ERROR => KUSTO_LOG_ERROR,
        Level::WARN => KUSTO_LOG_WARN,
        Level::INFO => KUSTO_LOG_INFO,
        Level::DEBUG => KUSTO_LOG_DEBUG,
        Level::TRACE => KUSTO_LOG_TRACE,
    }
}
