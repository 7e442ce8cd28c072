//! The `tracing` subscriber that makes records of this library's events.

use std::fmt;
use std::sync::OnceLock;

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, span};

use super::{LogLevel, LogRecord};
use crate::secret::{mask, redact};

/// Where the records go, and up to which level.
pub(super) trait Receiver: Send + Sync + 'static {
    /// The level now.
    fn level(&self) -> LogLevel;
    /// Takes a record whose level is wanted.
    fn take(&self, record: &LogRecord<'_>);
}

/// Hands this library's events to a receiver. Spans are not used.
pub(super) struct Events<R>(pub(super) R);

impl<R: Receiver> Subscriber for Events<R> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match is_ours(metadata) {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.level().filter())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_ours(metadata)
            && metadata.is_event()
            && LogLevel::from(*metadata.level()) <= self.0.level()
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        self.0.take(&LogRecord {
            level: (*metadata.level()).into(),
            target: metadata.target(),
            event: metadata.name(),
            message: &fields.message,
            fields: &fields.others,
        });
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Keeps `tracing` from asking one thread for all. While a single subscriber exists, it decides for good
/// whether an event is wanted by asking the subscriber of the thread on which that event first occurs: a
/// client without a receiver would thus end an event for the one client that has one. With a second
/// subscriber, which wants nothing, every decision asks all of them.
pub(crate) fn decide_together() {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(Events(Nobody)));
}

struct Nobody;

impl Receiver for Nobody {
    fn level(&self) -> LogLevel {
        LogLevel::Off
    }

    fn take(&self, _: &LogRecord<'_>) {}
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("kusto_ingest")
}

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

/// The message and the other fields of an event. Errors among them are without secrets; a field that
/// is none may not be.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Json>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Json>) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = redact(value),
            // Its shape is the caller's: what looks like an address is none, and its end is what makes it unique.
            "client_request_id" | "request_id" => self.add(field, mask(value.to_owned())),
            _ => self.add(field, redact(value)),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
