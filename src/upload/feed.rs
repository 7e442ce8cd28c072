//! The blocks of successive attempts: read again, or kept while there is memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, ErrorKind, Result, Step};
use crate::pipeline::{Block, Blocks, Budget, Keeper, Totals};

/// The source of the blocks, and whether it can be read again.
pub(crate) enum BlockSource {
    /// Bytes or a file: each attempt reads from the start, nothing is kept.
    Rewindable(Box<dyn FnMut() -> Blocks + Send>),
    /// A reader: its data is kept, while the budget allows, until the blob is committed.
    OneShot(Blocks, Budget),
}

/// The blocks of the current attempt: those kept from an earlier one first, then fresh ones.
pub(crate) struct Feed {
    /// Opens a rewindable source again.
    reopen: Option<Box<dyn FnMut() -> Blocks + Send>>,
    blocks: Blocks,
    kept: Option<Arc<Kept>>,
    /// How many blocks this attempt has received.
    given: usize,
    /// Blocks that were read ahead: this attempt receives them first.
    ahead: VecDeque<Block>,
}

impl Feed {
    pub(crate) fn new(source: BlockSource) -> Self {
        match source {
            BlockSource::Rewindable(mut open) => Self {
                blocks: open(),
                reopen: Some(open),
                kept: None,
                given: 0,
                ahead: VecDeque::new(),
            },
            BlockSource::OneShot(blocks, budget) => Self {
                blocks,
                reopen: None,
                kept: Some(Kept::new(budget)),
                given: 0,
                ahead: VecDeque::new(),
            },
        }
    }

    /// The next block of this attempt. The future may be dropped and the call repeated.
    ///
    /// # Errors
    /// Those of the source; and when a block that an earlier attempt received is no longer kept.
    pub(crate) async fn next(&mut self) -> Result<Option<Block>> {
        if let Some(kept) = &self.kept
            && let Some(block) = kept.get(self.given)?
        {
            self.given += 1;
            return Ok(Some(block));
        }
        let block = match self.ahead.pop_front() {
            Some(block) => Some(block),
            None => self.blocks.next().await?,
        };
        if let Some(block) = &block {
            self.given += 1;
            if let Some(kept) = &self.kept {
                kept.keep(block.clone());
            }
        }
        Ok(block)
    }

    /// Reads one more block ahead, which [`next`](Self::next) gives later: `false` when there is none. The future may be
    /// dropped and the call repeated. Only before the first `next`.
    pub(crate) async fn look_ahead(&mut self) -> Result<bool> {
        let block = self.blocks.next().await?;
        let is_block = block.is_some();
        self.ahead.extend(block);
        Ok(is_block)
    }

    /// The blocks that were read ahead.
    pub(crate) fn ahead(&self) -> &VecDeque<Block> {
        &self.ahead
    }

    /// Gives back the part of the budget that they have.
    pub(crate) fn uncount_ahead(&mut self) {
        self.ahead.iter_mut().for_each(Block::uncount);
    }

    /// The totals of the source, once it was read to its end.
    pub(crate) fn totals(&self) -> Option<Totals> {
        self.blocks.totals()
    }

    /// Whether [`rewind`](Self::rewind) is possible now.
    ///
    /// # Errors
    /// As `rewind`.
    pub(crate) fn check(&self) -> Result<()> {
        match (&self.reopen, &self.kept) {
            (None, Some(kept)) => kept.check(),
            _ => Ok(()),
        }
    }

    /// Back to the first block.
    ///
    /// # Errors
    /// When the source cannot be read again and its data is no longer kept.
    pub(crate) fn rewind(&mut self) -> Result<()> {
        self.check()?;
        if let Some(open) = &mut self.reopen {
            self.blocks = open();
            self.ahead.clear();
        }
        self.given = 0;
        Ok(())
    }

    /// The totals of the run, if every byte that was produced is among those that this step has.
    pub(crate) fn checked_totals(&self, step: Step, bytes: u64) -> Result<Totals> {
        match self.blocks.totals() {
            Some(totals) if totals.produced == bytes => Ok(totals),
            totals => Err(Error::new(
                ErrorKind::Internal,
                step,
                format!("{bytes} bytes are there of {totals:?}"),
            )),
        }
    }
}

/// Blocks of a one-shot source for another attempt. They are released when their memory is needed.
#[derive(Debug)]
struct Kept {
    budget: Budget,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    blocks: Vec<Block>,
    bytes: usize,
    /// How many blocks the source has produced, kept or not.
    seen: usize,
    lost: bool,
}

impl State {
    fn give_up(&mut self) {
        self.lost = true;
        self.bytes = 0;
        self.blocks = Vec::new();
    }
}

impl Kept {
    fn new(budget: Budget) -> Arc<Self> {
        let kept = Arc::new(Self {
            budget,
            state: Mutex::default(),
        });
        kept.budget.register(&kept);
        kept
    }

    fn keep(&self, block: Block) {
        let mut state = self.lock();
        state.seen += 1;
        if self.budget.is_scarce() {
            state.give_up();
        }
        if !state.lost {
            state.bytes += block.data().len();
            state.blocks.push(block);
        }
    }

    /// The block of this index, `None` if the source has not produced it yet.
    fn get(&self, index: usize) -> Result<Option<Block>> {
        let state = self.lock();
        match index < state.seen {
            true if state.lost => Err(self.lost()),
            true => Ok(state.blocks.get(index).cloned()),
            false => Ok(None),
        }
    }

    fn check(&self) -> Result<()> {
        if self.lock().lost {
            return Err(self.lost());
        }
        Ok(())
    }

    fn lost(&self) -> Error {
        // Not a storage step: another container cannot help.
        Error::new(
            ErrorKind::Network,
            Step::ReadSource,
            format!(
                "the container failed, and the source cannot be read again: the memory budget of \
                 {} bytes had no room left to keep what it had given; nothing was posted",
                self.budget.total()
            ),
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper for Kept {
    fn kept(&self) -> usize {
        self.lock().bytes
    }

    fn give_up(&self) {
        self.lock().give_up();
    }
}
