//! The source of an ingestion, as the driver describes it.

use std::fs::File;
use std::io::{Error as IoError, Read};

use kusto_ingest::error::Error;
use kusto_ingest::prelude::*;
use kusto_ingest::source::PushWriter;

use crate::Defect;
use crate::catalog::COMPRESSIONS;
use crate::message::{Message, meaning, parse};

const BROKEN: &str = "the source fails as it was told to";

/// Data that is pushed to the library while the ingestion runs.
pub(crate) type Feed = Option<(PushWriter, Pushed)>;

/// The data of a pushed stream.
pub(crate) struct Pushed {
    data: Vec<u8>,
    piece: usize,
    fail_after: Option<usize>,
}

impl Pushed {
    /// Writes everything. If the ingestion has ended, its own error says why.
    pub(crate) async fn write(self, mut writer: PushWriter) {
        let end = self
            .fail_after
            .unwrap_or(self.data.len())
            .min(self.data.len());
        for piece in self.data[..end].chunks(self.piece) {
            if writer.write(piece).await.is_err() {
                return;
            }
        }
        if self.fail_after.is_some() {
            writer.fail(BROKEN).await;
        } else {
            let _ended = writer.finish().await;
        }
    }
}

/// Reads a file in pieces, and may fail after some bytes.
struct Reader {
    file: File,
    piece: usize,
    left: Option<usize>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == Some(0) {
            return Err(IoError::other(BROKEN));
        }
        let most = self.piece.min(self.left.unwrap_or(usize::MAX));
        let length = buffer.len().min(most);
        let read = self.file.read(&mut buffer[..length])?;
        self.left = self.left.map(|left| left - read);
        Ok(read)
    }
}

/// The source, and the data to push to it once the ingestion runs.
pub(crate) fn source(told: &Message) -> Result<Result<(Source, Feed), Error>, Defect> {
    let piece = told.number("piece")?.unwrap_or(64 * 1024);
    let fail_after = told.number("fail_after")?;
    let mut feed = None;
    let source = match told.need("source")? {
        "blobs" => match blobs(told)? {
            Ok(blobs) => Source::blobs(blobs),
            Err(error) => return Ok(Err(error)),
        },
        "bytes" => Source::bytes(read(told)?),
        "file" => Source::file(told.need("path")?),
        "fd" => Source::open_file(open(told)?),
        "reader" => Source::reader(Reader {
            file: open(told)?,
            piece,
            left: fail_after,
        }),
        "stream" => {
            let (writer, source) = Source::push();
            let data = read(told)?;
            let pushed = Pushed {
                data,
                piece,
                fail_after,
            };
            feed = Some((writer, pushed));
            source
        }
        other => return Err(format!("unknown source {other}")),
    };
    let source = settings(source, told)?;
    Ok(source.map(|source| (source, feed)))
}

fn settings(mut source: Source, told: &Message) -> Result<Result<Source, Error>, Defect> {
    if let Some(compression) = told.get("compression") {
        source = source.with_compression(meaning(COMPRESSIONS, compression)?);
    }
    if let Some(size) = told.number("raw_size")? {
        source = source.with_raw_size(size);
    }
    Ok(match told.get("source_id") {
        Some(id) => source.with_id(id),
        None => Ok(source),
    })
}

/// Each `blob` is followed by its own keys.
fn blobs(told: &Message) -> Result<Result<Vec<BlobSource>, Error>, Defect> {
    let mut blobs: Vec<BlobSource> = Vec::new();
    for (key, value) in &told.fields {
        let blob = match key.as_str() {
            "blob" => BlobSource::new(value),
            "blob_raw_size" => last(&mut blobs)
                .and_then(|blob| Ok(Ok(blob.with_raw_size(parse("start", key, value)?))))?,
            "blob_id" => last(&mut blobs)?.with_id(value),
            _ => continue,
        };
        match blob {
            Ok(blob) => blobs.push(blob),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(blobs))
}

fn last(blobs: &mut Vec<BlobSource>) -> Result<BlobSource, Defect> {
    blobs
        .pop()
        .ok_or_else(|| "something of a blob before any blob".to_owned())
}

fn read(told: &Message) -> Result<Vec<u8>, Defect> {
    let path = told.need("path")?;
    std::fs::read(path).map_err(|error| format!("{path}: {error}"))
}

fn open(told: &Message) -> Result<File, Defect> {
    let path = told.need("path")?;
    File::open(path).map_err(|error| format!("{path}: {error}"))
}
