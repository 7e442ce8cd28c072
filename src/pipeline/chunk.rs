//! Reading a source piece by piece, counting, and noticing what is wrong with it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes};

use crate::error::{Error, ErrorKind, Result, Step};

/// What is read at once from a reader or a file.
pub(crate) const CHUNK_SIZE: usize = 256 * 1024;

/// Something that can be read once from its start.
pub(crate) enum Input {
    Bytes(Bytes),
    Path(PathBuf),
    Reader(Box<dyn Read + Send>),
}

/// The chunks of an input.
pub(crate) struct Chunks {
    from: From,
    /// The size that a regular file had when it was opened.
    expected: Option<u64>,
    limit: Option<u64>,
    magic: Option<&'static [u8]>,
    read: u64,
}

enum From {
    Bytes {
        rest: Bytes,
        taken: usize,
    },
    Reader {
        reader: Box<dyn Read + Send>,
        buffer: Vec<u8>,
        name: String,
    },
}

impl Chunks {
    /// Opens the input. `limit` is the most that may be read, `magic` what it must begin with.
    pub(crate) fn open(
        input: Input,
        limit: Option<u64>,
        magic: Option<&'static [u8]>,
    ) -> Result<Self> {
        let mut expected = None;
        let from = match input {
            Input::Bytes(rest) => From::Bytes { rest, taken: 0 },
            Input::Reader(reader) => From::reader(reader, "reader".to_owned()),
            Input::Path(path) => {
                let (file, size) = open_file(&path)?;
                expected = size;
                From::reader(Box::new(file), path.display().to_string())
            }
        };
        Ok(Self {
            from,
            expected,
            limit,
            magic,
            read: 0,
        })
    }

    /// The next piece, never empty, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        let length = self.from.fill()?;
        if length == 0 {
            self.check_end()?;
            return Ok(None);
        }
        let first = self.read == 0;
        self.read += length as u64;
        if let Some(limit) = self.limit.filter(|limit| self.read > *limit) {
            return Err(too_large(limit));
        }
        let chunk = self.from.filled(length);
        if first && let Some(magic) = self.magic.filter(|magic| !begins_with(chunk, magic)) {
            return Err(mislabelled(magic));
        }
        Ok(Some(chunk))
    }

    /// Bytes read so far.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    fn check_end(&self) -> Result<()> {
        if self.read == 0 {
            return Err(Error::invalid_argument(
                "source",
                "is empty: there is nothing to ingest",
            ));
        }
        match self.expected {
            Some(expected) if expected != self.read => Err(Error::new(
                ErrorKind::SourceIo,
                Step::ReadSource,
                format!(
                    "the file changed while it was read: {expected} bytes when opened, {} read",
                    self.read
                ),
            )),
            _ => Ok(()),
        }
    }
}

impl From {
    fn reader(reader: Box<dyn Read + Send>, name: String) -> Self {
        From::Reader {
            reader,
            buffer: vec![0; CHUNK_SIZE],
            name,
        }
    }

    /// Makes the next piece available and returns its length.
    fn fill(&mut self) -> Result<usize> {
        match self {
            From::Bytes { rest, taken } => {
                rest.advance(*taken);
                *taken = rest.len().min(CHUNK_SIZE);
                Ok(*taken)
            }
            From::Reader {
                reader,
                buffer,
                name,
            } => loop {
                match reader.read(buffer) {
                    Ok(length) if length > buffer.len() => {
                        return Err(source_error(name, "returned more than was asked for"));
                    }
                    Ok(length) => return Ok(length),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(read_error(name, error)),
                }
            },
        }
    }

    fn filled(&self, length: usize) -> &[u8] {
        match self {
            From::Bytes { rest, .. } => &rest[..length],
            From::Reader { buffer, .. } => &buffer[..length],
        }
    }
}

fn open_file(path: &Path) -> Result<(File, Option<u64>)> {
    let name = path.display().to_string();
    let to_error = |error: std::io::Error| source_error(&name, &error.to_string());
    let file = File::open(path).map_err(to_error)?;
    let metadata = file.metadata().map_err(to_error)?;
    if metadata.is_dir() {
        return Err(source_error(&name, "is a directory"));
    }
    // A pipe or a device has no size of its own.
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

/// A first piece may be shorter than the magic: then what there is must fit.
fn begins_with(chunk: &[u8], magic: &[u8]) -> bool {
    let length = chunk.len().min(magic.len());
    chunk[..length] == magic[..length]
}

/// A reader may say what went wrong in this crate's own terms: an [`Error`] inside an
/// [`std::io::Error`] is passed on, as an error of this step: one of another call's upload must
/// not look like one of ours.
fn read_error(name: &str, error: std::io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error.with_step(Step::ReadSource),
        Err(error) => source_error(name, &error.to_string()),
    }
}

fn source_error(name: &str, cause: &str) -> Error {
    Error::new(
        ErrorKind::SourceIo,
        Step::ReadSource,
        format!("{name}: {cause}"),
    )
}

fn too_large(limit: u64) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        Step::ReadSource,
        format!("the source is larger than {limit} bytes, the service's limit for one source"),
    )
    .with_argument("source")
}

fn mislabelled(magic: &[u8]) -> Error {
    Error::invalid_argument(
        "source",
        format!(
            "is declared (or named) as compressed, but does not begin with {}",
            magic.escape_ascii()
        ),
    )
}
