//! One run through a source: chunks in, blocks out, in order.

use std::collections::VecDeque;

use bytes::Bytes;
use flate2::Crc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::block::{Block, BlockBuffer};
use super::budget::Reservation;
use super::chunk::{Chunk, Chunks, Input, Reading, Spare};
use super::gzip::{self, Gzip, Member};
use super::{Pipeline, Totals, Work, panicked};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::source::progress::Meter;

/// A source that is one chunk in memory, on the task that asks.
pub(super) async fn small(
    pipeline: Pipeline,
    data: Bytes,
    work: Work,
    meter: Meter,
) -> Result<(Block, Totals)> {
    let input = Input::Bytes(data);
    let mut reader = Reader::open(&pipeline, input, work, meter, Spare::default()).await?;
    let mut output = Output::new(&pipeline, work);
    // At most one: nothing is held while it is waited for.
    while let Some(chunk) = reader.next().await? {
        if work.gzip {
            let member = encode(&pipeline.gzip, &[], &chunk.data)?;
            output.compressed(&member, chunk.held);
        } else {
            drop(output.plain(chunk));
        }
    }
    let totals = output.end(reader.chunks.read());
    match output.blocks.pop_front() {
        Some(block) => Ok((block, totals)),
        None => Err(internal("a source without a block")),
    }
}

/// Any other source. Its blocks go to `sender`.
pub(super) async fn large(
    pipeline: Pipeline,
    input: Input,
    work: Work,
    meter: Meter,
    sender: mpsc::Sender<Block>,
) -> Result<Totals> {
    let spare = Spare::default();
    let mut reader = Reader::open(&pipeline, input, work, meter, spare.clone()).await?;
    let (ahead, mut chunks) = mpsc::channel(1);
    let reading = AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(chunk) = reader.next().await? {
            if ahead.send(chunk).await.is_err() {
                return Err(abandoned());
            }
        }
        Ok(reader.chunks.read())
    }));
    let mut output = Output::new(&pipeline, work);
    let mut jobs = Jobs::new(&pipeline.gzip, spare);
    let mut reads = true;
    while reads || !jobs.is_empty() {
        tokio::select! {
            biased;
            done = jobs.next() => {
                let (member, held) = done?;
                output.compressed(&member, held);
            }
            chunk = chunks.recv(), if reads && jobs.has_room() => match chunk {
                None => reads = false,
                Some(chunk) if work.gzip => jobs.start(chunk).await,
                Some(chunk) => jobs.spare.give_back(output.plain(chunk)),
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
    async fn open(
        pipeline: &Pipeline,
        input: Input,
        work: Work,
        meter: Meter,
        spare: Spare,
    ) -> Result<Self> {
        let reading = Reading {
            chunk: pipeline.shape.chunk,
            transformed: work.gzip,
            limit: work.limit,
            magic: work.magic,
        };
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        Ok(Self {
            chunks: Chunks::open(input, reading, pipeline.budget.clone(), stop, spare).await?,
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
    running: VecDeque<JoinHandle<Result<(Member, Reservation)>>>,
    /// Where the next chunk's matches may reach.
    window: Bytes,
    spare: Spare,
}

impl Jobs {
    fn new(gzip: &Gzip, spare: Spare) -> Self {
        Self {
            spare,
            gzip: gzip.clone(),
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

    async fn start(&mut self, chunk: Chunk) {
        // A copy: a slice would keep the whole chunk, which the budget no longer counts.
        let next = Bytes::copy_from_slice(&gzip::window(&chunk.data));
        let window = std::mem::replace(&mut self.window, next);
        let worker = self.gzip.worker().await;
        let (gzip, spare) = (self.gzip.clone(), self.spare.clone());
        self.running.push_back(tokio::task::spawn_blocking(move || {
            let Chunk {
                data,
                mut held,
                _moving,
            } = chunk;
            let member = encode(&gzip, &window, &data);
            drop(worker);
            spare.give_back(data);
            let member = member?;
            held.shrink_to(member.data.len());
            Ok((member, held))
        }));
    }

    /// The oldest one's result, once it is there; never, while there is none.
    async fn next(&mut self) -> Result<(Member, Reservation)> {
        let Some(oldest) = self.running.front_mut() else {
            return std::future::pending().await;
        };
        let done = oldest.await;
        self.running.pop_front();
        done.unwrap_or_else(|_| Err(internal("a compressor panicked")))
    }
}

/// What was produced: framing, checksum, and the blocks that are ready.
struct Output {
    buffer: BlockBuffer,
    /// Of the source's bytes, when they are compressed.
    crc: Option<Crc>,
    blocks: VecDeque<Block>,
}

impl Output {
    fn new(pipeline: &Pipeline, work: Work) -> Self {
        let mut output = Self {
            buffer: BlockBuffer::new(pipeline.budget.clone(), pipeline.shape.block),
            crc: work.gzip.then(Crc::new),
            blocks: VecDeque::new(),
        };
        if work.gzip {
            output.push(&gzip::HEADER, None);
        }
        output
    }

    fn compressed(&mut self, member: &Member, held: Reservation) {
        if let Some(crc) = &mut self.crc {
            crc.combine(&member.crc);
        }
        self.push(&member.data, Some(held));
    }

    /// Returns the chunk's buffer, which is no longer needed.
    fn plain(&mut self, chunk: Chunk) -> Bytes {
        self.push(&chunk.data, Some(chunk.held));
        chunk.data
    }

    /// After the last chunk: `read` is how much all of them had.
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

    /// Makes a block of what there is.
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

fn encode(gzip: &Gzip, window: &[u8], data: &[u8]) -> Result<Member> {
    gzip.encode(window, data)
        .map_err(|error| internal(&format!("gzip failed: {error}")))
}

fn internal(what: &str) -> Error {
    Error::new(ErrorKind::Internal, Step::Compress, what)
}

/// Nobody takes the blocks any more: then nobody sees this error.
fn abandoned() -> Error {
    Error::new(
        ErrorKind::Cancelled,
        Step::Compress,
        "nobody takes the blocks",
    )
}
