//! Reading a source piece by piece, counting and checking it.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use tokio_util::sync::CancellationToken;

use super::budget::{Budget, Moving, Reservation};
use super::file::SameFile;
use super::panicked;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::op::blocking;
use crate::source::form::{Declared, HEAD};
use crate::source::push::{Piece, PushReader};
use crate::source::spare::Spare;

/// Something that can be read once from its start.
pub(crate) enum Input {
    Bytes(Bytes),
    Path(SameFile),
    Reader(Box<dyn Read + Send>),
    Push(PushReader),
}

/// A piece of the source, never empty.
pub(super) struct Chunk {
    pub(super) data: Bytes,
    /// For the data, where it is a copy, and for its compressed form.
    pub(super) held: Reservation,
    /// Where the memory is returned: none for the caller's memory, of which `data` may be a small
    /// part, and none for small buffers.
    pub(super) spare: Option<Spare<BytesMut>>,
    /// It is about to become smaller.
    pub(super) _moving: Moving,
}

/// How an input is to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Size of every chunk but the last (and those passed on early under pressure).
    pub(super) chunk: usize,
    /// Whether each chunk also has a compressed form of up to the same size.
    pub(super) transformed: bool,
    /// The most that may be read.
    pub(super) limit: Option<u64>,
    /// With what its first bytes must agree.
    pub(super) declared: Declared,
}

/// The chunks of an input.
pub(super) struct Chunks {
    from: From,
    reading: Reading,
    budget: Budget,
    /// Ends an abandoned reading after its current call.
    stop: CancellationToken,
    spare: Spare<BytesMut>,
    /// The size that a regular file said when it was opened.
    expected: Option<u64>,
    read: u64,
    /// The first bytes, until there are enough to check them.
    head: Option<Vec<u8>>,
}

enum From {
    Bytes(Bytes),
    /// `None` after it failed.
    Reader(Option<NamedReader>),
    Push {
        reader: PushReader,
        rest: Piece,
    },
}

/// A reader with its name for errors.
struct NamedReader {
    reader: Box<dyn Read + Send>,
    name: String,
    /// After its end a reader may return more (a terminal) or block for ever: it is not called
    /// again.
    ended: bool,
}

impl Chunks {
    pub(super) async fn open(
        input: Input,
        reading: Reading,
        budget: Budget,
        stop: CancellationToken,
        spare: Spare<BytesMut>,
    ) -> Result<Self> {
        let mut expected = None;
        let from = match input {
            Input::Bytes(rest) => From::Bytes(rest),
            Input::Reader(reader) => From::reader(reader, "reader".to_owned()),
            Input::Push(reader) => From::Push {
                reader,
                rest: Piece::default(),
            },
            Input::Path(file) => {
                let name = file.name();
                let opened = blocking::spawn(Step::ReadSource, move || file.open())?.await;
                let file = opened.map_err(panicked)??;
                expected = file.size();
                From::reader(Box::new(file), name)
            }
        };
        Ok(Self {
            from,
            reading,
            budget,
            stop,
            spare,
            expected,
            read: 0,
            head: Some(Vec::new()),
        })
    }

    /// The size of the whole input, when it is known.
    pub(super) fn size(&self) -> Option<u64> {
        match &self.from {
            From::Bytes(data) => Some(data.len() as u64),
            From::Reader(_) | From::Push { .. } => self.expected,
        }
    }

    /// How many bytes were read.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// The next chunk, or `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>> {
        let Some((data, held, spare)) = self.fetch().await? else {
            self.check_end()?;
            return Ok(None);
        };
        self.read += data.len() as u64;
        check_limit(self.read, self.reading.limit)?;
        self.check_head(&data)?;
        let _moving = self.budget.moving();
        Ok(Some(Chunk {
            data,
            held,
            spare,
            _moving,
        }))
    }

    async fn fetch(&mut self) -> Result<Option<Fetched>> {
        let (size, copies) = (self.reading.chunk, self.reading.copies());
        match &mut self.from {
            From::Bytes(rest) if rest.is_empty() => Ok(None),
            From::Bytes(rest) => {
                let data = rest.split_to(rest.len().min(size));
                let held = self.budget.reserve(data.len()).await;
                Ok(Some((data, held, None)))
            }
            From::Reader(reader) => {
                let Some(mut taken) = reader.take() else {
                    return Err(source_error("reader", "was read again after it failed"));
                };
                if taken.ended {
                    *reader = Some(taken);
                    return Ok(None);
                }
                let held = self.budget.reserve(size * copies).await;
                let (stop, mut buffer) = (self.stop.clone(), self.spare.take());
                buffer.resize(size, 0);
                let read = blocking::spawn(Step::ReadSource, move || {
                    let data = taken.read_chunk(buffer, &stop);
                    // Held here, so that it is not returned while the buffer is still in use.
                    (taken, data, held)
                })?;
                let (taken, data, mut held) = read.await.map_err(panicked)?;
                let data = data?;
                *reader = Some(taken);
                held.shrink_to(data.len() * copies);
                // A short chunk may wait long: the counted memory must match its real size.
                let (data, spare) = match data.len() < size {
                    true => {
                        let short = Bytes::copy_from_slice(&data);
                        self.spare.put(data);
                        (short, None)
                    }
                    false => (data.freeze(), Some(self.spare.clone())),
                };
                Ok((!data.is_empty()).then_some((data, held, spare)))
            }
            From::Push { reader, rest } => {
                let sizes = (size, copies);
                collect(reader, rest, sizes, &self.budget, &self.spare).await
            }
        }
    }

    /// A pushed source may begin with chunks of a few bytes: they are kept until they suffice.
    fn check_head(&mut self, data: &[u8]) -> Result<()> {
        let Some(mut head) = self.head.take() else {
            return Ok(());
        };
        head.extend_from_slice(&data[..data.len().min(HEAD - head.len())]);
        if head.len() < HEAD {
            self.head = Some(head);
            return Ok(());
        }
        self.reading.declared.check(&head)
    }

    fn check_end(&mut self) -> Result<()> {
        if self.read == 0 {
            return Err(empty());
        }
        if let Some(head) = self.head.take() {
            self.reading.declared.check(&head)?;
        }
        Ok(())
    }
}

impl Reading {
    /// Bytes to reserve for each byte that is read into memory of ours.
    fn copies(self) -> usize {
        if self.transformed { 2 } else { 1 }
    }
}

impl From {
    fn reader(reader: Box<dyn Read + Send>, name: String) -> Self {
        From::Reader(Some(NamedReader {
            reader,
            name,
            ended: false,
        }))
    }
}

impl NamedReader {
    /// Reads until the buffer is full or the reader ends.
    fn read_chunk(&mut self, mut buffer: BytesMut, stop: &CancellationToken) -> Result<BytesMut> {
        let (size, mut filled) = (buffer.len(), 0);
        while filled < size && !self.ended && !stop.is_cancelled() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => self.ended = true,
                Ok(length) if length > size - filled => {
                    return Err(source_error(
                        &self.name,
                        "returned more bytes than requested",
                    ));
                }
                Ok(length) => filled += length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(&self.name, error)),
            }
        }
        buffer.truncate(filled);
        Ok(buffer)
    }
}

/// The next bytes, their reservation, and where their memory is returned if it can be reused.
type Fetched = (Bytes, Reservation, Option<Spare<BytesMut>>);

/// A chunk of pushed data: a piece of exactly the size unchanged, others combined. A writer may
/// pause for any time: under pressure the chunk is passed on unfilled.
async fn collect(
    reader: &mut PushReader,
    rest: &mut Piece,
    (size, copies): (usize, usize),
    budget: &Budget,
    spare: &Spare<BytesMut>,
) -> Result<Option<Fetched>> {
    let mut chunk: Option<(BytesMut, Reservation)> = None;
    loop {
        if rest.data.is_empty() {
            let more = tokio::select! {
                biased;
                more = reader.next() => more,
                () = budget.pressed(), if chunk.is_some() => break,
            };
            match more.map_err(|error| read_error("stream", error))? {
                Some(more) => *rest = more,
                None => break,
            }
        }
        if chunk.is_none() && rest.data.len() == size {
            let held = budget.reserve(size * copies).await;
            let Piece { data, spare } = std::mem::take(rest);
            return Ok(Some((data, held, spare)));
        }
        let room = size - chunk.as_ref().map_or(0, |(data, _)| data.len());
        let wanted = rest.data.len().min(room);
        match &mut chunk {
            None => {
                let held = budget.reserve(wanted * copies).await;
                let mut data = spare.take();
                data.clear();
                rest.move_to(&mut data, wanted);
                chunk = Some((data, held));
            }
            // Nothing is held while memory is waited for.
            Some((data, held)) => match budget.try_reserve(wanted * copies) {
                Some(more) => {
                    held.merge(more);
                    rest.move_to(data, wanted);
                }
                None => break,
            },
        }
        if chunk.as_ref().is_some_and(|(data, _)| data.len() == size) {
            break;
        }
    }
    Ok(chunk.map(|(data, held)| (data.freeze(), held, Some(spare.clone()))))
}

/// A reader may fail with this crate's error: an [`Error`] inside an [`std::io::Error`] is passed
/// on with this step, so that another call's upload error does not look like one of ours.
fn read_error(name: &str, error: std::io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error.with_step(Step::ReadSource),
        Err(error) => source_error(name, &error.to_string()).with_source(error),
    }
}

pub(super) fn source_error(name: &str, cause: &str) -> Error {
    Error::new(
        ErrorKind::SourceIo,
        Step::ReadSource,
        format!("{name}: {cause}"),
    )
}

/// The error of a source without a byte.
pub(super) fn empty() -> Error {
    Error::invalid_argument("source", "is empty: there is nothing to ingest")
}

/// Fails when more was read than the limit allows.
pub(super) fn check_limit(read: u64, limit: Option<u64>) -> Result<()> {
    let Some(limit) = limit.filter(|limit| read > *limit) else {
        return Ok(());
    };
    let message =
        format!("the source is larger than {limit} bytes, the service's limit for one source");
    let error = Error::new(ErrorKind::TooLarge, Step::ReadSource, message);
    Err(error.with_argument("source"))
}
