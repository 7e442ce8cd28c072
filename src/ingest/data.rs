//! The data of an item, from the source to a container.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::blob_name::blob_name;
use super::item::{Formats, Item, Resolved};
use super::policy::size::Size;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::op::{Scope, blocking};
use crate::pipeline::{Input, Pipeline, SameFile, Work, has_more_than_one};
use crate::props::{DataFormat, IngestionProperties};
use crate::resources::IngestionResources;
use crate::secret::Secret;
use crate::source::encoding::Encoding;
use crate::source::form::Declared;
use crate::source::patient::Patient;
use crate::source::progress::Meter;
use crate::source::{Compression, Content, Source};
use crate::upload::{AzureContainers, BlockSource, Feed, upload};

/// The service's limit for one source, unless the properties lift it.
pub(super) const MAX_RAW_BYTES: u64 = 6 * 1024 * 1024 * 1024;

/// Data that is described, and not read yet.
pub(super) struct Unopened {
    source: Source,
    pub(super) encoding: Encoding,
    pub(super) source_id: Uuid,
    pub(super) format: Resolved,
}

impl Unopened {
    pub(super) fn new(
        formats: &Formats,
        source: Source,
        props: &IngestionProperties,
    ) -> Result<Self> {
        let name = source.name.as_deref();
        let compression = source.compression;
        let format = formats.resolve(props, name.unwrap_or_default(), compression)?;
        Ok(Self {
            encoding: Encoding::decide(compression, name, format.format),
            source_id: source.id.unwrap_or_else(Uuid::new_v4),
            format,
            source,
        })
    }

    pub(super) fn content(&self) -> &Content {
        &self.source.content
    }

    /// How many bytes will be read, where that is known before. It can be wrong.
    pub(super) fn known_bytes(&self) -> Option<u64> {
        known_size(&self.source)
    }

    /// What is known of its size. It can be wrong: files grow, and what a caller says is not checked.
    pub(super) fn known_size(&self) -> Size {
        let known = self.known_bytes();
        match self.encoding.source {
            Compression::None => Size {
                raw: known,
                wire: known.filter(|_| !self.encoding.gzip).unwrap_or_default(),
            },
            Compression::Gzip | Compression::Zip => Size {
                raw: self.source.raw_size,
                wire: known.unwrap_or_default(),
            },
        }
    }

    /// The name of its blob.
    pub(super) fn blob_name(&self, props: &IngestionProperties) -> String {
        blob_name(
            props.database(),
            props.table(),
            self.source_id,
            self.source.name.as_deref(),
            self.format.format,
            &self.encoding,
        )
    }

    /// Begins to read, now or when its blocks are wanted.
    pub(super) fn open(self, pipeline: &Pipeline, props: &IngestionProperties) -> Result<Data> {
        let source = self.source;
        let meter = Meter::new(source.progress.clone(), known_size(&source));
        let work = work(&self.encoding, self.format.format, props);
        let blocks = open(pipeline, source.content, work, meter.clone())?;
        Ok(Data {
            feed: Feed::new(blocks),
            meter,
            encoding: self.encoding,
            given_raw_size: source.raw_size,
            source_id: self.source_id,
            format: self.format,
        })
    }
}

/// The data of an item, for as long as it may have to be uploaded again.
pub(super) struct Data {
    pub(super) feed: Feed,
    pub(super) meter: Meter,
    pub(super) encoding: Encoding,
    pub(super) given_raw_size: Option<u64>,
    pub(super) source_id: Uuid,
    pub(super) format: Resolved,
}

/// An item whose data this client has uploaded.
pub(super) struct Sent {
    pub(super) item: Item,
    /// `None` once it could not be read again.
    pub(super) data: Option<Data>,
    /// What its container was lent with.
    pub(super) lent: Arc<IngestionResources>,
}

impl Data {
    /// Whether what was read ahead, which is all of it, is gzip of others with something behind its first member.
    pub(super) async fn has_more_members(&mut self, scope: &Scope) -> Result<bool> {
        if self.encoding.source != Compression::Gzip {
            return Ok(false);
        }
        let blocks: Vec<_> = self.feed.ahead().iter().cloned().collect();
        let job = blocking::spawn(Step::ReadSource, move || has_more_than_one(&blocks))?;
        let looking = async {
            job.await.map_err(|error| {
                let message = format!("the look at the data failed: {error}");
                Error::new(ErrorKind::Internal, Step::ReadSource, message)
            })
        };
        scope.run(Step::ReadSource, "", looking).await
    }

    /// Once more from its first block, to one of other containers.
    pub(super) async fn upload_again(
        &mut self,
        scope: &Scope,
        containers: &AzureContainers<'_>,
    ) -> Result<Item> {
        self.feed.rewind()?;
        self.meter.restart_sent();
        self.upload(scope, containers).await
    }

    /// From its first block, to one of the containers.
    pub(super) async fn upload(
        &mut self,
        scope: &Scope,
        containers: &AzureContainers<'_>,
    ) -> Result<Item> {
        // Large, and every layer above would hold it in its own.
        let uploading = Box::pin(upload(scope, &mut self.feed, containers, &self.meter));
        let uploaded = uploading.await?;
        let url = containers.blob_url(uploaded.container)?;
        let totals = uploaded.totals;
        Ok(Item {
            source_id: self.source_id,
            blob: Secret::from(&url),
            blob_path: url.redacted().to_owned(),
            bytes_raw: self.encoding.raw_size(totals.read, self.given_raw_size),
            bytes_sent: totals.produced,
            format: self.format,
        })
    }
}

/// What the pipeline does with data of this encoding and format.
fn work(encoding: &Encoding, format: DataFormat, props: &IngestionProperties) -> Work {
    let declared = Declared {
        compression: encoding.source,
        format,
    };
    let limited = encoding.source == Compression::None && !props.ignore_size_limit();
    Work {
        gzip: encoding.gzip,
        declared,
        limit: limited.then_some(MAX_RAW_BYTES),
    }
}

/// The number of bytes that will be read, where it is known before.
fn known_size(source: &Source) -> Option<u64> {
    match &source.content {
        Content::Bytes(data) => Some(data.len() as u64),
        Content::Path(path) => {
            let metadata = std::fs::metadata(path).ok()?;
            // The size of a file that the system makes up is 0 and says nothing.
            (metadata.is_file() && metadata.len() > 0).then_some(metadata.len())
        }
        _ => None,
    }
}

/// Begins to read, now or when the blocks are wanted; what can be read again is, for another container.
fn open(pipeline: &Pipeline, content: Content, work: Work, meter: Meter) -> Result<BlockSource> {
    let once = |input| {
        let blocks = pipeline.start(input, work, meter.clone());
        BlockSource::OneShot(blocks, pipeline.budget().clone())
    };
    let again = |input: Box<dyn Fn() -> Input + Send>| {
        let (pipeline, meter) = (pipeline.clone(), meter.clone());
        BlockSource::Rewindable(Box::new(move || {
            pipeline.start(input(), work, meter.restart_read())
        }))
    };
    Ok(match content {
        Content::Bytes(data) => again(Box::new(move || Input::Bytes(data.clone()))),
        Content::Path(path) if reads_once(&path) => once(Input::Path(SameFile::new(path))),
        Content::Path(path) => {
            let file = SameFile::new(path);
            again(Box::new(move || Input::Path(file.clone())))
        }
        Content::Reader(reader) => once(Input::Reader(reader)),
        Content::OpenFile(file) => once(Input::Reader(Box::new(Patient(file)))),
        Content::Push(reader) => once(Input::Push(reader)),
        Content::Blobs(_) => {
            return Err(Error::new(
                ErrorKind::Internal,
                Step::ReadSource,
                "blobs are not read by the client",
            ));
        }
    })
}

/// A pipe or device cannot be read again: opened again it would return the remaining data.
fn reads_once(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}
