//! Entry points of the measurements in `benches/`: thin wrappers of private modules, only with the
//! feature `bench`.

use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::headers::ClientIdentity;
use crate::pipeline::{CompressionLevel, Input, Pipeline, SameFile, Work};
use crate::post::catalog::MessageFlags;
use crate::post::message::Message;
use crate::source::form::Declared;
use crate::source::progress::Meter;

/// The levels that [`gzip`] knows.
pub const LEVELS: [&str; 3] = ["fast", "balanced", "small"];

/// The encoder of this level in this build, such as `ISA-L 1`.
///
/// # Errors
/// [`ErrorKind::Config`] for an unknown level.
pub fn encoder(level: &str) -> Result<&'static str> {
    Ok(level.parse::<CompressionLevel>()?.encoder_name())
}

/// Compresses `data` into one gzip member, as an ingestion does, and returns its size in bytes.
///
/// # Errors
/// [`ErrorKind::Config`] for an unknown level.
pub fn gzip(data: Bytes, level: &str, threads: usize) -> Result<u64> {
    run(level.parse()?, threads, Input::Bytes(data), true)
}

/// Reads the file and cuts it into blocks without compressing it; returns the bytes in the blocks.
///
/// # Errors
/// [`ErrorKind::SourceIo`] when it cannot be read.
pub fn blocks(path: PathBuf) -> Result<u64> {
    run(
        CompressionLevel::default(),
        1,
        Input::Path(SameFile::new(path)),
        false,
    )
}

/// Builds the text of the queue message about `blob` and returns its length in bytes.
///
/// # Errors
/// [`ErrorKind::TooLarge`] when a queue would reject it.
pub fn message(blob: &str, properties: Map<String, Value>) -> Result<usize> {
    static IDENTITY: OnceLock<ClientIdentity> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| ClientIdentity::new(None, None, None, None));
    let message = Message {
        id: Uuid::new_v4(),
        blob_path: blob,
        raw_data_size: Some(2048),
        database_name: "Database",
        table_name: "Table",
        flags: MessageFlags {
            flush_immediately: false,
            ignore_size_limit: false,
            retain_blob_on_success: false,
        },
        report_level: 0,
        report_method: 0,
        source_message_creation_time: "2026-01-01T00:00:00.0000000Z",
        application_for_tracing: identity.application(),
        client_version_for_tracing: identity.version(),
        ingestion_status_in_table: None,
        additional_properties: properties,
    };
    message.to_text().map(|text| text.len())
}

/// Through the whole pipeline; blocks are dropped as they come.
fn run(level: CompressionLevel, threads: usize, input: Input, gzip: bool) -> Result<u64> {
    let work = Work {
        gzip,
        declared: Declared::PLAIN,
        limit: None,
    };
    runtime()?.block_on(async {
        let pipeline = Pipeline::new(level, threads, 64 * 1024 * 1024);
        let mut blocks = pipeline.start(input, work, Meter::new(None, None));
        let mut bytes = 0;
        while let Some(block) = blocks.next().await? {
            bytes += block.data().len() as u64;
        }
        Ok(bytes)
    })
}

/// One for all calls: its start is not measured.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
    });
    made.as_ref()
        .map_err(|error| Error::new(ErrorKind::Internal, Step::BuildClient, error.to_string()))
}
