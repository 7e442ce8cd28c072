//! The log, sent to one JavaScript thread of the process.

use std::sync::Arc;

use kusto_ingest::error::Error;
use kusto_ingest::log::{self, LogLevel, LogSink};
use napi_derive::napi;

use crate::failure::OrThrow as _;
use crate::realm::{NativeRealm, Told};

/// Sends the log to this realm, up to a level (0 to 5, 0 for none), instead of where it went before.
#[napi(catch_unwind)]
pub fn set_log(realm: &NativeRealm, level: i32) -> napi::Result<()> {
    let level = LogLevel::from_number(level)
        .ok_or_else(|| Error::invalid_argument("level", "must be a LogLevel"))
        .or_throw()?;
    let realm = realm.realm.clone();
    let sink: Arc<LogSink> = Arc::new(move |level, target, message| {
        let line = Told::Log(level as u32, target.to_owned(), message.to_owned());
        realm.tell(0, line);
    });
    log::set(level, (level != LogLevel::Off).then_some(sink)).or_throw()
}

/// The version of the library.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
