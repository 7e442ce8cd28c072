//! What is ingested.

use bytes::Bytes;
use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::source::{BlobSource, Compression, Source};
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

use crate::client::whole;
use crate::failure::OrThrow as _;

/// Data of one ingestion, which takes it.
#[napi]
pub struct NativeSource {
    content: Option<Source>,
}

impl NativeSource {
    pub(crate) fn new(content: Source) -> Self {
        Self {
            content: Some(content),
        }
    }

    pub(crate) fn take(&mut self) -> Result<Source> {
        let taken = || Error::invalid_argument("source", "was used before");
        self.content.take().ok_or_else(taken)
    }
}

/// A blob that is in storage already.
#[napi(object)]
pub struct NativeBlob {
    /// Its address with the access information.
    pub url: String,
    /// Its uncompressed size in bytes.
    pub raw_size: Option<f64>,
    /// Its source id.
    pub id: Option<String>,
}

/// The settings of local data.
#[napi(object)]
pub struct SourceSettings {
    /// The source id.
    pub id: Option<String>,
    /// `.gz`, `.zip`, or empty for none.
    pub compression: Option<String>,
    /// The uncompressed size in bytes.
    pub raw_size: Option<f64>,
    /// A file name, for format and compression.
    pub name: Option<String>,
    /// Whether events report the progress.
    pub progress: bool,
}

impl SourceSettings {
    pub(crate) fn apply(self, mut source: Source) -> Result<Source> {
        if let Some(id) = &self.id {
            source = source.with_id(id)?;
        }
        if let Some(suffix) = &self.compression {
            source = source.with_compression(compression(suffix)?);
        }
        if let Some(size) = self.raw_size {
            source = source.with_raw_size(whole("size", size)?);
        }
        Ok(match self.name {
            Some(name) => source.with_name(name),
            None => source,
        })
    }
}

fn compression(suffix: &str) -> Result<Compression> {
    match suffix {
        "" => Ok(Compression::None),
        ".gz" => Ok(Compression::Gzip),
        ".zip" => Ok(Compression::Zip),
        _ => Err(Error::invalid_argument(
            "compressionType",
            "must be a CompressionType",
        )),
    }
}

/// A file, opened when the transfer starts.
#[napi(catch_unwind)]
pub fn source_of_file(path: String) -> NativeSource {
    NativeSource::new(Source::file(path))
}

/// Blobs.
#[napi(catch_unwind)]
pub fn source_of_blobs(blobs: Vec<NativeBlob>) -> napi::Result<NativeSource> {
    let blobs: Result<Vec<BlobSource>> = blobs.into_iter().map(blob_source).collect();
    Ok(NativeSource::new(Source::blobs(blobs.or_throw()?)))
}

fn blob_source(blob: NativeBlob) -> Result<BlobSource> {
    let mut source = BlobSource::new(&blob.url)?;
    if let Some(size) = blob.raw_size {
        source = source.with_raw_size(whole("size", size)?);
    }
    match &blob.id {
        Some(id) => source.with_id(id),
        None => Ok(source),
    }
}

/// Memory of the addon, filled with a copy of JavaScript's: that may be freed with its thread while it
/// is still read.
#[napi]
pub struct NativeMemory {
    data: Vec<u8>,
}

#[napi]
impl NativeMemory {
    /// Room for `length` bytes.
    #[napi(constructor, catch_unwind)]
    pub fn new(length: f64) -> napi::Result<Self> {
        let mut memory = Self { data: Vec::new() };
        memory
            .reserve(whole("length", length).or_throw()?)
            .or_throw()?;
        Ok(memory)
    }

    /// Adds a copy of these bytes.
    #[napi(catch_unwind)]
    pub fn append(&mut self, data: Uint8ArraySlice<'_>) -> napi::Result<()> {
        self.reserve(data.len() as u64).or_throw()?;
        self.data.extend_from_slice(&data);
        Ok(())
    }

    /// A failed allocation is an error here; in `Vec` it would end the process.
    fn reserve(&mut self, length: u64) -> Result<()> {
        let spare = self.data.capacity() - self.data.len();
        let missing = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .saturating_sub(spare);
        if missing == 0 {
            return Ok(());
        }
        let wanted = self
            .data
            .len()
            .saturating_add(spare)
            .saturating_add(missing);
        self.data
            .try_reserve_exact(wanted - self.data.len())
            .map_err(|_| {
                let message = format!("there is no memory for a copy of {wanted} bytes");
                Error::new(ErrorKind::TooLarge, Step::ReadSource, message)
            })
    }

    /// Turns the added data into a source; nothing is left.
    #[napi(catch_unwind)]
    pub fn into_source(&mut self) -> NativeSource {
        NativeSource::new(Source::bytes(Bytes::from(std::mem::take(&mut self.data))))
    }
}
