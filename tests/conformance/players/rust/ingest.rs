//! `start` and its parts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kusto_ingest::error::Error;
use kusto_ingest::prelude::*;
use kusto_ingest::source::Progress;

use crate::Defect;
use crate::message::Message;
use crate::properties::properties;
use crate::source::source;

const KEYS: [&str; 26] = [
    "client",
    "op",
    "database",
    "table",
    "source",
    "path",
    "blob",
    "blob_raw_size",
    "blob_id",
    "piece",
    "fail_after",
    "format",
    "mapping_ref",
    "mapping",
    "tag",
    "mode",
    "report_level",
    "report_method",
    "property",
    "named",
    "source_id",
    "compression",
    "raw_size",
    "timeout",
    "cancelled",
    "progress",
];

/// An ingestion under way.
pub(crate) struct Started {
    pub(crate) operation: Operation<Receipt>,
    progress: Option<Arc<Mutex<Progress>>>,
}

impl Started {
    /// The last numbers that the callback was given, if there is one.
    pub(crate) fn progress(&self) -> Option<Progress> {
        let progress = self.progress.as_ref()?;
        progress.lock().ok().map(|progress| *progress)
    }
}

pub(crate) fn start(client: &Client, told: &Message) -> Result<Result<Started, Error>, Defect> {
    told.only(&KEYS)?;
    let properties = match properties(told)? {
        Ok(properties) => properties,
        Err(error) => return Ok(Err(error)),
    };
    let (mut source, feed) = match source(told)? {
        Ok(source) => source,
        Err(error) => return Ok(Err(error)),
    };
    let progress = told
        .flag("progress")
        .then(|| Arc::new(Mutex::new(Progress::default())));
    if let Some(last) = progress.clone() {
        source = source.with_progress(move |progress| {
            if let Ok(mut last) = last.lock() {
                *last = progress;
            }
        });
    }
    let operation = client.start_ingest(source, &properties, limits(told)?);
    if let Some((writer, pushed)) = feed {
        tokio::spawn(pushed.write(writer));
    }
    Ok(Ok(Started {
        operation,
        progress,
    }))
}

/// Deadline and cancellation of a call.
pub(crate) fn limits(told: &Message) -> Result<CallOptions, Defect> {
    let mut options = CallOptions::new();
    if let Some(timeout) = told.number::<i64>("timeout")?
        && let Ok(timeout) = u64::try_from(timeout)
    {
        options = options.with_timeout(Duration::from_millis(timeout));
    }
    if told.flag("cancelled") {
        let token = CancelToken::new();
        token.cancel();
        options = options.with_cancel(token);
    }
    Ok(options)
}
