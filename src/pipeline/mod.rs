//! From the source's bytes to blocks ready for storage: chunks, gzip, blocks. No network here.
//!
//! Two tasks work for each source: one reads, the other hands the chunks to the compressors and
//! puts the results together in order. Blocking calls (readers, files, gzip) run on threads for
//! that. Everything is bounded: [`Budget`] counts the bytes that were read and are not
//! acknowledged, and the channels hold one item each, so that reading stops when the blocks are not
//! consumed.

mod block;
mod budget;
mod chunk;
mod file;
mod gzip;
mod member;
mod memory;
mod run;

use std::pin::Pin;

use bytes::BytesMut;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use block::Block;
pub(crate) use budget::{Budget, Keeper};
pub(crate) use chunk::Input;
pub(crate) use file::SameFile;
pub use gzip::CompressionLevel;
use gzip::Gzip;
pub(crate) use member::has_more_than_one;

use crate::error::{Error, ErrorKind, Result, Step, panic_text};
use crate::op::context;
use crate::source::form::Declared;
use crate::source::progress::Meter;
use crate::source::spare::Spare;

/// Size of a block: the content of one Put Block, and the maximum of one Put Blob.
pub(crate) const BLOCK_SIZE: usize = 4 * 1024 * 1024;
/// How much is read and compressed at once. Smaller costs compression (0.3 % of the bytes at 256 KiB,
/// with the dictionary; measured), larger costs memory.
const CHUNK_SIZE: usize = 256 * 1024;
/// Data in memory up to this size is compressed on the requesting task: handing it to another
/// thread would cost more.
const INLINE_SIZE: usize = 32 * 1024;
/// How many buffers of each kind are kept for the next chunks.
const SPARE: usize = 8;
/// The smallest budget: one block.
pub(crate) const MIN_BUDGET: usize = BLOCK_SIZE;

/// Shared by all sources of one client: the memory and the compressors.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    budget: Budget,
    gzip: Gzip,
    /// For chunks.
    spare: Spare<BytesMut>,
    shape: Shape,
}

/// The sizes; only tests use other values than the constants.
#[derive(Clone, Copy, Debug)]
struct Shape {
    chunk: usize,
    block: usize,
}

/// The pipeline's treatment of the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Compress them.
    pub(crate) gzip: bool,
    /// With what the first bytes must agree.
    pub(crate) declared: Declared,
    /// The most that may be read.
    pub(crate) limit: Option<u64>,
}

/// The totals, known at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Bytes read from the source.
    pub(crate) read: u64,
    /// Bytes in all blocks.
    pub(crate) produced: u64,
}

impl Pipeline {
    /// `budget` is in bytes, `threads` how many chunks may be compressed at the same time.
    pub(crate) fn new(level: CompressionLevel, threads: usize, budget: usize) -> Self {
        Self {
            budget: Budget::new(budget),
            gzip: Gzip::new(level, threads),
            spare: Spare::of(SPARE),
            shape: Shape {
                chunk: CHUNK_SIZE,
                block: BLOCK_SIZE,
            },
        }
    }

    /// The memory that its sources may hold.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Starts reading `input`.
    pub(crate) fn start(&self, input: Input, work: Work, meter: Meter) -> Blocks {
        let from = match input {
            Input::Bytes(data)
                if data.len() <= INLINE_SIZE.min(self.shape.chunk)
                    && run::bound(data.len() as u64).is_some_and(|all| all <= self.shape.block) =>
            {
                From::Small(Some(Box::pin(run::small(self.clone(), data, work, meter))))
            }
            input => {
                let (sender, receiver) = mpsc::channel(1);
                let run = run::large(self.clone(), input, work, meter, sender);
                let run = tokio::spawn(context::carried(run));
                From::Tasks(receiver, Some(AbortOnDropHandle::new(run)))
            }
        };
        Blocks { from, end: None }
    }
}

/// The blocks of one run through a source. Dropping it stops the run after its current read.
pub(crate) struct Blocks {
    from: From,
    /// The result of the run, kept: read again, a failed run must not look like an end of data.
    end: Option<Result<Totals>>,
}

type SmallRun = Pin<Box<dyn Future<Output = Result<(Block, Totals)>> + Send>>;

enum From {
    /// Little data in memory: nothing happens before the first read, and then all at once.
    Small(Option<SmallRun>),
    Tasks(
        mpsc::Receiver<Block>,
        Option<AbortOnDropHandle<Result<Totals>>>,
    ),
}

impl Blocks {
    /// The next block, or `None` at the end of a source that was read without an error. All blocks
    /// but the last have [`BLOCK_SIZE`] bytes, unless memory was short. The future may be dropped
    /// and the call repeated.
    pub(crate) async fn next(&mut self) -> Result<Option<Block>> {
        match &mut self.from {
            From::Small(run) => {
                if let Some(future) = run {
                    let outcome = future.await;
                    *run = None;
                    let (block, end) = match outcome {
                        Ok((block, totals)) => (Some(block), Ok(totals)),
                        Err(error) => (None, Err(error)),
                    };
                    self.end = Some(end);
                    if block.is_some() {
                        return Ok(block);
                    }
                }
            }
            From::Tasks(receiver, run) => {
                if let Some(block) = receiver.recv().await {
                    return Ok(Some(block));
                }
                if let Some(task) = run {
                    self.end = Some(task.await.unwrap_or_else(|error| Err(panicked(error))));
                    *run = None;
                }
            }
        }
        match &self.end {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(None),
        }
    }

    /// The totals, after [`Blocks::next`] returned `None`.
    pub(crate) fn totals(&self) -> Option<Totals> {
        self.end.as_ref()?.as_ref().ok().copied()
    }
}

fn panicked(error: tokio::task::JoinError) -> Error {
    let text = match error.try_into_panic() {
        Ok(panic) => panic_text(panic.as_ref()).to_owned(),
        Err(_) => "the runtime shut down".to_owned(),
    };
    Error::new(
        ErrorKind::Callback,
        Step::ReadSource,
        format!("the source panicked: {text}"),
    )
}

#[cfg(test)]
mod tests;
