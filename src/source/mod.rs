//! What to ingest: bytes, a reader, a file, an open file, pushed chunks, or blobs already in storage.

mod catalog;
pub(crate) mod encoding;
pub(crate) mod form;
pub(crate) mod patient;
pub(crate) mod progress;
pub(crate) mod push;
pub(crate) mod spare;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::op::ids::new_id;
use crate::secret::SecretUrl;
pub use catalog::Compression;
pub use progress::Progress;
pub use push::PushWriter;

/// One ingestion's data. A call that takes a source consumes it, even when it fails.
///
/// ```
/// use kusto_ingest::source::Source;
///
/// let rows = Source::bytes("1,2026-01-01,hello\n").with_id("7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001")?;
/// let file = Source::file("events.csv.gz"); // opened when the transfer starts
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
pub struct Source {
    pub(crate) content: Content,
    pub(crate) id: Option<Uuid>,
    pub(crate) compression: Option<Compression>,
    pub(crate) raw_size: Option<u64>,
    pub(crate) name: Option<String>,
    pub(crate) progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

/// Where the bytes come from.
pub(crate) enum Content {
    Bytes(Bytes),
    Reader(Box<dyn Read + Send>),
    Path(PathBuf),
    OpenFile(File),
    Push(push::PushReader),
    Blobs(Vec<BlobSource>),
}

/// A blob that is already in storage: the service reads it, nothing is uploaded.
#[derive(Clone, Debug)]
pub struct BlobSource {
    pub(crate) url: BlobUrl,
    pub(crate) raw_size: Option<u64>,
    pub(crate) id: Option<Uuid>,
}

/// A blob address as the service takes it: a URL with SAS, or followed by `;` and a credential.
#[derive(Clone)]
pub(crate) struct BlobUrl(String);

impl BlobUrl {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn redacted(&self) -> &str {
        crate::secret::redact_url(&self.0)
    }
}

impl fmt::Debug for BlobUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.redacted())
    }
}

impl BlobSource {
    /// A blob by its address: `https://account.../container/blob` followed by the authorization for
    /// the service, `?SAS` or one of the documented `;` forms (`;managed_identity=system`, ...).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::error::ErrorKind::InvalidArgument) when it is not an
    /// absolute URL with a path. A `#` in the path is part of the blob's name.
    pub fn new(url: &str) -> Result<Self> {
        let wrong = |why: &str| Error::invalid_argument("blob url", why);
        // An address loses some of them where it is parsed, but is sent to the service as it is.
        if let Some(control) = url.trim().chars().find(|c| c.is_control()) {
            let number = u32::from(control);
            return Err(wrong(&format!(
                "contains the control character U+{number:04X}, which no address may have"
            )));
        }
        let parsed = url::Url::parse(crate::secret::redact_url(url.trim()))
            .map_err(|error| wrong(&format!("is not an absolute URL: {error}")))?;
        if !parsed.has_host() || parsed.path().trim_matches('/').is_empty() {
            return Err(wrong("must name a host and a blob"));
        }
        // No blob has a fragment: the service would end the name there and lose the authorization.
        let address = crate::secret::redact_url(url.trim());
        let authorization = &url.trim()[address.len()..];
        Ok(Self {
            url: BlobUrl(address.replace('#', "%23") + authorization),
            raw_size: None,
            id: None,
        })
    }

    /// A blob by a URL that is never printed.
    pub fn from_secret_url(url: &SecretUrl) -> Result<Self> {
        Self::new(url.expose().as_str())
    }

    /// The uncompressed size in bytes, a hint by which the service batches. Never guessed when
    /// absent: the service then determines it. 0 counts as absent.
    #[must_use]
    pub fn with_raw_size(mut self, bytes: u64) -> Self {
        self.raw_size = (bytes > 0).then_some(bytes);
        self
    }

    /// The source id (a UUID) under which the outcome is reported; random by default.
    pub fn with_id(mut self, id: &str) -> Result<Self> {
        self.id = Some(parse_id(id)?);
        Ok(self)
    }
}

impl Source {
    /// Refuses settings for blobs that only apply to local data.
    pub(crate) fn check(&self) -> Result<()> {
        let has_local_settings = self.id.is_some()
            || self.compression.is_some()
            || self.raw_size.is_some()
            || self.name.is_some();
        match self.content {
            Content::Blobs(_) if has_local_settings => Err(Error::invalid_argument(
                "source",
                "is blobs, whose ids and sizes are set on each blob: an id, a compression, a raw \
                 size or a name of the source as a whole means nothing",
            )),
            _ => Ok(()),
        }
    }

    /// The path of a file, as it was given.
    pub(crate) fn path(&self) -> Option<String> {
        match &self.content {
            Content::Path(path) => Some(path.display().to_string()),
            _ => None,
        }
    }

    /// Gives every item an id that has none. Returns that of the first.
    pub(crate) fn identify(&mut self) -> Uuid {
        match &mut self.content {
            Content::Blobs(blobs) => {
                let ids = blobs
                    .iter_mut()
                    .map(|blob| *blob.id.get_or_insert_with(new_id));
                // All of them, not only the first.
                let ids: Vec<Uuid> = ids.collect();
                ids.first().copied().unwrap_or_else(new_id)
            }
            _ => *self.id.get_or_insert_with(new_id),
        }
    }

    fn of(content: Content) -> Self {
        Self {
            content,
            id: None,
            compression: None,
            raw_size: None,
            name: None,
            progress: None,
        }
    }

    /// Data in memory; `Bytes` and `'static` data are not copied.
    pub fn bytes(data: impl Into<Bytes>) -> Self {
        Self::of(Content::Bytes(data.into()))
    }

    /// Data from a reader, read once, on a separate thread, until it returns 0 bytes. An error or a
    /// panic of the reader fails the ingestion; nothing is posted then. An [`std::io::Error`] that
    /// wraps an [`Error`] fails it with that error.
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::of(Content::Reader(Box::new(reader)))
    }

    /// A file, opened when the transfer starts. It must not change until the call returns. A change of its size
    /// while it is read is an error, and so is any change of size, time of modification or identity when it has to be
    /// read again for another container; nothing is posted then. A change of content that leaves the size alone
    /// is not seen during a reading. What is appended to a file in use belongs to the next ingestion: hand over the
    /// bytes up to a known offset ([`Source::bytes`], or [`Source::reader`] with `take`).
    ///
    /// Files whose size says nothing (`/proc`) are read to their end. A file that is not regular (a named pipe) is
    /// read once, as a reader is.
    ///
    /// Its extension determines the compression (`.gz`, `.zip`) and, unless the properties set it,
    /// the format.
    pub fn file(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_path_buf();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let mut source = Self::of(Content::Path(path));
        source.name = name;
        source
    }

    /// An open file, pipe or socket, read from its current position to its end, also when it is set not to
    /// wait (`O_NONBLOCK`).
    pub fn open_file(file: File) -> Self {
        Self::of(Content::OpenFile(file))
    }

    /// Blobs that are already in storage, each one its own item of the receipt. An empty list is
    /// an error of the call that takes it.
    pub fn blobs(blobs: impl IntoIterator<Item = BlobSource>) -> Self {
        Self::of(Content::Blobs(blobs.into_iter().collect()))
    }

    /// A source fed by the returned writer from any thread or task: for programs that produce the
    /// data themselves. The writer waits while the pipeline is full, so memory stays bounded;
    /// dropping it before [`PushWriter::finish`] fails the ingestion.
    pub fn push() -> (PushWriter, Self) {
        let (writer, reader) = push::channel();
        (writer, Self::of(Content::Push(reader)))
    }

    /// The source id (a UUID) under which the outcome is reported, for correlation and for
    /// repeating a call; random by default. Not for blobs, which carry their own: the call fails.
    pub fn with_id(mut self, id: &str) -> Result<Self> {
        self.id = Some(parse_id(id)?);
        Ok(self)
    }

    /// Declares the compression that the data already has. By default a file's extension decides,
    /// and any other source counts as not compressed.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// The uncompressed size in bytes of data that is already compressed: a hint by which the
    /// service batches. Ignored for other data, which is measured. Never guessed when absent: the
    /// service then determines it, and may ingest each such source by itself. 0 counts as absent.
    #[must_use]
    pub fn with_raw_size(mut self, bytes: u64) -> Self {
        self.raw_size = (bytes > 0).then_some(bytes);
        self
    }

    /// A name that determines format and compression as a file's name would, such as
    /// `events.json.gz`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Calls `report` while data is read and sent, from library threads, one call at a time.
    #[must_use]
    pub fn with_progress(mut self, report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(report));
        self
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = match &self.content {
            Content::Bytes(data) => format!("{} bytes", data.len()),
            Content::Reader(_) => "reader".to_owned(),
            Content::Path(path) => format!("file {}", path.display()),
            Content::OpenFile(_) => "open file".to_owned(),
            Content::Push(_) => "push".to_owned(),
            Content::Blobs(blobs) => format!("{blobs:?}"),
        };
        write!(f, "Source({content})")
    }
}

fn parse_id(id: &str) -> Result<Uuid> {
    Uuid::parse_str(id.trim())
        .map_err(|error| Error::invalid_argument("source id", format!("is not a UUID: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blob_addresses_are_checked_and_not_printed() {
        for wrong in [
            "",
            "x",
            "/a/b",
            "https://host",
            "https://host/?sig=1",
            "mailto:a@b",
        ] {
            assert!(BlobSource::new(wrong).is_err(), "{wrong}");
        }
        let blob = BlobSource::new("https://a.example/c/b.csv?sig=abc").unwrap();
        assert!(!format!("{blob:?}").contains("abc"));
        assert_eq!(blob.url.expose(), "https://a.example/c/b.csv?sig=abc");
        let numbered = BlobSource::new("https://a.example/c/b#1.csv?sig=a#c").unwrap();
        assert_eq!(
            numbered.url.expose(),
            "https://a.example/c/b%231.csv?sig=a#c"
        );
        let identity = BlobSource::new("https://a.example/c/b;managed_identity=system").unwrap();
        assert_eq!(identity.url.redacted(), "https://a.example/c/b");
    }

    #[test]
    fn a_blob_address_has_no_control_character() {
        for wrong in [
            "https://a.example/c/b.csv\r\nX: 1",
            "https://a.example/c/b.csv\t?sig=x",
            "https://a.example/c/b.csv?sig=x\0y",
            "https://a.example/c/b.csv;key\u{85}=x",
        ] {
            let error = BlobSource::new(wrong).unwrap_err();
            assert_eq!(error.argument(), Some("blob url"));
            assert!(error.message().contains("U+00"), "{error}");
        }
        BlobSource::new(" https://a.example/c/b.csv\n").unwrap();
    }

    #[test]
    fn a_wrong_source_id_is_named() {
        let error = Source::bytes("x").with_id("12").unwrap_err();
        assert_eq!(error.argument(), Some("source id"));
    }
}
