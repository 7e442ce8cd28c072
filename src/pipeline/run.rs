//! One run through a source: chunks in, blocks out, in order.

use std::collections::VecDeque;

use bytes::Bytes;
use flate2::Crc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::block::{Block, BlockBuffer};
use super::budget::Reservation;
use super::chunk::{self, Chunk, Chunks, Input, Reading};
use super::gzip::{self, Gzip, Part};
use super::{Pipeline, Totals, Work, panicked};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::op::blocking::{self, Job};
use crate::op::context;
use crate::source::form::HEAD;
use crate::source::progress::Meter;

/// A source that is one chunk in memory, on the requesting task.
pub(super) async fn small(
    pipeline: Pipeline,
    data: Bytes,
    work: Work,
    meter: Meter,
) -> Result<(Block, Totals)> {
    if data.is_empty() {
        return Err(chunk::empty());
    }
    let mut held = pipeline.budget.reserve(data.len()).await;
    let read = data.len() as u64;
    chunk::check_limit(read, work.limit)?;
    work.declared.check(&data[..data.len().min(HEAD)])?;
    meter.add_read(data.len());
    let data = match work.gzip {
        true => compressed(pipeline.gzip.member(&data))?,
        false => data,
    };
    held.shrink_to(data.len());
    let produced = data.len() as u64;
    let block = Block::new(data, pipeline.budget, Some(held));
    Ok((block, Totals { read, produced }))
}

/// Any other source. Its blocks go to `sender`.
pub(super) async fn large(
    pipeline: Pipeline,
    input: Input,
    work: Work,
    meter: Meter,
    sender: mpsc::Sender<Block>,
) -> Result<Totals> {
    let mut reader = Reader::open(&pipeline, input, work, meter).await?;
    let size = reader.chunks.size();
    let (ahead, mut chunks) = mpsc::channel(1);
    let reading = AbortOnDropHandle::new(tokio::spawn(context::carried(async move {
        while let Some(chunk) = reader.next().await? {
            if ahead.send(chunk).await.is_err() {
                return Err(abandoned());
            }
        }
        Ok(reader.chunks.read())
    })));
    let mut output = Output::new(&pipeline, work, size);
    let mut jobs = Jobs::new(&pipeline);
    let mut reads = true;
    while reads || !jobs.is_empty() {
        tokio::select! {
            biased;
            done = jobs.next() => {
                let (part, held) = done?;
                output.compressed(&part, held);
                pipeline.gzip.put(part);
            }
            chunk = chunks.recv(), if reads && jobs.has_room() => match chunk {
                None => reads = false,
                Some(chunk) if work.gzip => jobs.start(chunk).await?,
                Some(chunk) => output.plain(chunk),
            },
            () = pipeline.budget.pressed(), if output.is_partial() => output.cut(),
        }
        output.send(&sender).await?;
    }
    let read = reading.await.map_err(panicked)??;
    let totals = output.end(read);
    output.send(&sender).await?;
    Ok(totals)
}

/// The reading end, with the count of what was read.
struct Reader {
    chunks: Chunks,
    meter: Meter,
    /// Ends a blocking read after its current call when this is dropped.
    _stop: tokio_util::sync::DropGuard,
}

impl Reader {
    async fn open(pipeline: &Pipeline, input: Input, work: Work, meter: Meter) -> Result<Self> {
        let reading = Reading {
            chunk: pipeline.shape.chunk,
            transformed: work.gzip,
            limit: work.limit,
            declared: work.declared,
        };
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let (budget, spare) = (pipeline.budget.clone(), pipeline.spare.clone());
        Ok(Self {
            chunks: Chunks::open(input, reading, budget, stop, spare).await?,
            meter,
            _stop: guard,
        })
    }

    async fn next(&mut self) -> Result<Option<Chunk>> {
        let chunk = self.chunks.next().await?;
        if let Some(chunk) = &chunk {
            self.meter.add_read(chunk.data.len());
        }
        Ok(chunk)
    }
}

/// Chunks being compressed, in their order.
struct Jobs {
    gzip: Gzip,
    running: VecDeque<Job<Result<(Part, Reservation)>>>,
    /// Where the next chunk's matches may reach.
    window: Bytes,
}

impl Jobs {
    fn new(pipeline: &Pipeline) -> Self {
        Self {
            gzip: pipeline.gzip.clone(),
            running: VecDeque::new(),
            window: Bytes::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.gzip.threads()
    }

    async fn start(&mut self, chunk: Chunk) -> Result<()> {
        // A copy: a slice would keep the whole chunk, which the budget no longer counts.
        let next = Bytes::copy_from_slice(&gzip::window(&chunk.data));
        let window = std::mem::replace(&mut self.window, next);
        let worker = self.gzip.worker().await;
        let gzip = self.gzip.clone();
        let job = blocking::spawn(Step::Compress, move || {
            let Chunk {
                data,
                mut held,
                spare,
                _moving,
            } = chunk;
            let part = compressed(gzip.encode(&window, &data));
            drop(worker);
            if let Some(spare) = spare {
                spare.put_shared(data);
            }
            let part = part?;
            held.shrink_to(part.data.len());
            Ok((part, held))
        })?;
        self.running.push_back(job);
        Ok(())
    }

    /// The oldest one's result, once it is ready; pending while the queue is empty.
    async fn next(&mut self) -> Result<(Part, Reservation)> {
        let Some(oldest) = self.running.front_mut() else {
            return std::future::pending().await;
        };
        let done = oldest.await;
        self.running.pop_front();
        done.unwrap_or_else(|_| Err(internal("a compressor panicked")))
    }
}

/// The output: framing, checksum, and the blocks that are ready.
struct Output {
    buffer: BlockBuffer,
    /// Of the source's bytes, when they are compressed.
    crc: Option<Crc>,
    blocks: VecDeque<Block>,
}

impl Output {
    /// `size` is that of the source, if it is known.
    fn new(pipeline: &Pipeline, work: Work, size: Option<u64>) -> Self {
        let block = pipeline.shape.block;
        // A small source must stay one block.
        let block = size.and_then(bound).map_or(block, |bound| block.min(bound));
        let mut output = Self {
            buffer: BlockBuffer::new(pipeline.budget.clone(), block),
            crc: work.gzip.then(Crc::new),
            blocks: VecDeque::new(),
        };
        if work.gzip {
            output.push(&gzip::HEADER, None);
        }
        output
    }

    fn compressed(&mut self, part: &Part, held: Reservation) {
        if let Some(crc) = &mut self.crc {
            crc.combine(&part.crc);
        }
        self.push(&part.data, Some(held));
    }

    fn plain(&mut self, chunk: Chunk) {
        self.push(&chunk.data, Some(chunk.held));
        if let Some(spare) = chunk.spare {
            spare.put_shared(chunk.data);
        }
    }

    /// After the last chunk, of a source of this many bytes.
    fn end(&mut self, read: u64) -> Totals {
        if let Some(crc) = self.crc.take() {
            self.push(&gzip::trailer(&crc), None);
        }
        self.cut();
        Totals {
            read,
            produced: self.buffer.produced(),
        }
    }

    fn push(&mut self, data: &[u8], held: Option<Reservation>) {
        self.blocks.extend(self.buffer.push(data, held));
    }

    fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Makes a block of the buffered data.
    fn cut(&mut self) {
        self.blocks.extend(self.buffer.take());
    }

    /// Hands over the blocks that are ready, waiting while the channel is full.
    async fn send(&mut self, sender: &mpsc::Sender<Block>) -> Result<()> {
        while let Some(block) = self.blocks.pop_front() {
            sender.send(block).await.map_err(|_| abandoned())?;
        }
        Ok(())
    }
}

/// The maximum size that a source of this size can reach: a little more than the growth of
/// incompressible data.
pub(super) fn bound(size: u64) -> Option<usize> {
    usize::try_from(size.saturating_add(size / 8 + 1024)).ok()
}

fn compressed<T>(result: std::io::Result<T>) -> Result<T> {
    result.map_err(|error| internal(&format!("gzip failed: {error}")))
}

fn internal(what: &str) -> Error {
    Error::new(ErrorKind::Internal, Step::Compress, what)
}

/// The blocks are no longer consumed: then this error is never seen.
fn abandoned() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        Step::Compress,
        "the blocks are no longer consumed",
    )
}
