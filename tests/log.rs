//! The log callback. A process has one, hence a separate test program.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kusto_ingest::error::ErrorKind;
use kusto_ingest::log::{self, LogLevel, LogSink};
use kusto_ingest::prelude::*;
use kusto_ingest::source::Compression;

/// What the process has one of is used by one test at a time.
static PROCESS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

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
        .filter(|(_, _, text)| text.contains("the default is assumed"));
    assert_eq!(said.count(), 1, "{lines:?}");
}

#[tokio::test]
async fn lines_come_up_to_the_level_until_the_sink_is_taken_away() {
    let _process = PROCESS.lock().await;
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

/// The name of an event and its fields.
type Event = (String, serde_json::Value);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_a_receiver_of_its_own() {
    let _process = PROCESS.lock().await;
    let events = Arc::<Mutex<Vec<Event>>>::default();
    let kept = events.clone();
    let receiver = log::receiver(
        LogLevel::Trace,
        Arc::new(move |record| {
            let fields = serde_json::Value::Object(record.fields.clone());
            kept.lock().unwrap().push((record.event.to_owned(), fields));
        }),
    );
    let emulator = kusto_emulator::Emulator::start(kusto_emulator::Options::default());
    let emulator = emulator.await.unwrap();
    let client = || {
        let builder = Client::builder(emulator.engine_url()).unwrap();
        builder
            .ingestion_endpoint(emulator.data_management_url())
            .unwrap()
    };
    // Of several blocks, which are sent by tasks of their own.
    let mut gzip = vec![b'x'; 9 << 20];
    gzip[..4].copy_from_slice(b"\x1f\x8b\x08\x00");
    let data = || Source::bytes(gzip.clone()).with_compression(Compression::Gzip);
    let props = IngestionProperties::new("Demo", "T").with_client_request_id("mine");
    let with = client().log(receiver).build().unwrap();
    let ingest = |client: &Client| client.ingest(data(), &props, CallOptions::new());
    let receipt = ingest(&with).await.unwrap();
    assert_eq!(receipt.client_request_id(), "mine");
    let seen = std::mem::take(&mut *events.lock().unwrap());
    for name in ["request", "step_ended", "ingestion_queued"] {
        assert!(seen.iter().any(|(event, _)| event == name), "no {name}");
    }
    for (event, fields) in &seen {
        assert_eq!(fields["client_request_id"], "mine", "{event} {fields}");
        assert_eq!(fields["source_id"], receipt.source_id().to_string());
    }
    let blocks = |(_, fields): &&Event| fields["step"] == "upload blob";
    assert!(seen.iter().filter(blocks).count() > 2, "{seen:?}");
    let without = client().build().unwrap();
    ingest(&without).await.unwrap();
    assert!(events.lock().unwrap().is_empty());
}
