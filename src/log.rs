//! The log of the library handed to a function, for programs that are not written in Rust.
//!
//! The `tracing` subscriber of a Rust program receives the same lines: this is for bindings, whose
//! programs cannot install one. There is one such function per process.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, span};

use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::redact;

mod catalog;

pub use catalog::LogLevel;

impl LogLevel {
    fn filter(self) -> LevelFilter {
        match self {
            LogLevel::Off => LevelFilter::OFF,
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        }
    }
}

/// Receives a line of the log: its level, the part of the library it comes from, its text. Called
/// from any thread, also concurrently; it must be quick and must not call this library.
pub type LogSink = dyn Fn(LogLevel, &str, &str) + Send + Sync;

/// Sends the log of the library to `sink`: lines up to a level. Without one the library is silent. A
/// second call replaces the sink, which may be in use for a moment longer; `None` removes it. Lines
/// contain no token, key or signature.
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
    match INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(ToSink).is_ok()) {
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

fn current_level() -> LogLevel {
    LogLevel::from_number(LEVEL.load(Ordering::Acquire)).unwrap_or(LogLevel::Off)
}

/// Hands this library's events to the sink. Spans are not used.
struct ToSink;

impl tracing::Subscriber for ToSink {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match is_ours(metadata) {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(current_level().filter())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
            && metadata.is_event()
            && LogLevel::from(*metadata.level()) <= current_level()
    }

    fn event(&self, event: &Event<'_>) {
        // The lock is not held during the call: a slow sink must not delay its replacement.
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(sink) = sink {
            let mut line = Line::default();
            event.record(&mut line);
            // The errors among the fields are without secrets; a field that is none may not be.
            let message = redact(&line.into_text());
            let metadata = event.metadata();
            sink((*metadata.level()).into(), metadata.target(), &message);
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
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("kusto_ingest")
}
