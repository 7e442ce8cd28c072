//! Queued ingestion from end to end: blob and message in, rows and reports out. On the built-in storage, and on
//! Azurite as well when `KUSTO_TEST_AZURITE=blob_url,queue_url,table_url` names one that has the emulator's accounts.

mod bench;
mod content;
mod direct;
mod failures;
mod reports;
mod seen;
mod streaming;

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use kusto_emulator::engine::value::Value;
use serde_json::Value as Json;

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) fn row(number: i64, text: &str) -> Vec<Value> {
    vec![Value::Long(number), Value::String(text.to_owned())]
}

pub(crate) fn assert_succeeded(outcome: &Json) {
    assert!(outcome.get("SucceededOn").is_some(), "{outcome}");
}

pub(crate) fn assert_failed(outcome: &Json, code: &str) {
    assert_eq!(outcome["ErrorCode"], code, "{outcome}");
    assert!(!outcome.to_string().contains("sig="), "{outcome}");
}
