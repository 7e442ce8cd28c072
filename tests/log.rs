//! The log callback. A process has one, hence a separate test program.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kusto_ingest::error::ErrorKind;
use kusto_ingest::log::{self, LogLevel, LogSink};
use kusto_ingest::prelude::*;

type Lines = Arc<Mutex<Vec<(LogLevel, String, String)>>>;

fn keeping() -> (Lines, Arc<LogSink>) {
    let lines = Lines::default();
    let kept = lines.clone();
    let sink = move |level: LogLevel, target: &str, message: &str| {
        let mut lines = kept.lock().unwrap();
        lines.push((level, target.to_owned(), message.to_owned()));
    };
    (lines, Arc::new(sink))
}

/// A call that logs a warning: its blob address is wrong.
async fn fail() {
    let client = Client::builder("http://127.0.0.1:1;Fed=false").unwrap();
    let client = client.build().unwrap();
    let props = IngestionProperties::new("D", "T");
    let options = CallOptions::new().with_timeout(Duration::from_secs(30));
    let error = client.ingest(Source::blobs([]), &props, options).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// Two calls of one client, which end before anything is sent: the blob is too large.
async fn the_default_format_is_said_once() {
    let (lines, sink) = keeping();
    log::set(LogLevel::Warn, Some(sink)).unwrap();
    let client = Client::builder("http://127.0.0.1:1;Fed=false").unwrap();
    let client = client.build().unwrap();
    for _ in 0..2 {
        let props = IngestionProperties::new("D", "T");
        let blob = BlobSource::new("http://127.0.0.1:1/c/a.log").unwrap();
        let source = Source::blobs([blob.with_raw_size(7 << 30)]);
        let error = client.ingest(source, &props, CallOptions::new()).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TooLarge);
    }
    log::set(LogLevel::Trace, None).unwrap();
    let lines = lines.lock().unwrap();
    let said = lines
        .iter()
        .filter(|(_, _, text)| text.contains("csv is assumed"));
    assert_eq!(said.count(), 1, "{lines:?}");
}

#[tokio::test]
async fn lines_come_up_to_the_level_until_the_sink_is_taken_away() {
    let (first, sink) = keeping();
    log::set(LogLevel::Warn, Some(sink)).unwrap();
    fail().await;
    let (second, sink) = keeping();
    log::set(LogLevel::Error, Some(sink)).unwrap();
    fail().await;
    log::set(LogLevel::Trace, None).unwrap();
    fail().await;
    the_default_format_is_said_once().await;
    let lines = first.lock().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let (level, target, message) = &lines[0];
    assert_eq!(*level, LogLevel::Warn);
    assert!(target.starts_with("kusto_ingest"), "{target}");
    assert!(message.contains("names no blob"), "{message}");
    assert!(second.lock().unwrap().is_empty());
    for level in LogLevel::ALL {
        assert_eq!(LogLevel::from_number(level as i32), Some(level));
    }
    assert_eq!(LogLevel::from_number(6), None);
}
