//! Reading ahead: how much data there is, before it is decided where it goes. What was read stays the beginning of the
//! data, as the blocks that it was made into: nothing is read or compressed twice.

use tokio::sync::{Semaphore, SemaphorePermit};

use super::data::{Data, Unopened};
use super::policy::size::{MAX_WIRE, Size};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::op::Scope;
use crate::pipeline::Block;
use crate::source::Content;

/// What a reading ahead has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    /// All of the data, of this size.
    Whole(Size),
    /// More than asked for: there is data that was not read.
    Beyond,
    /// Others wait for the memory that the blocks hold, and nothing moves: they must go somewhere, or be uncounted.
    Pressed,
}

impl Ahead {
    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

/// Reads until the end, or until `is_beyond` says that it is enough.
pub(super) async fn read(
    scope: &Scope,
    data: &mut Data,
    is_beyond: impl Fn(Size) -> bool,
) -> Result<Ahead> {
    // It moves before a block of it is there: what compresses well is long in one.
    let meter = data.meter.clone();
    loop {
        let grown = meter.grown();
        if is_beyond(data.size_ahead()) {
            return Ok(Ahead::Beyond);
        }
        let mut ahead = data.feed.ahead().iter();
        let counted = ahead.find(|block| block.is_counted()).cloned();
        let looking = scope.run(Step::ReadSource, "", data.feed.look_ahead());
        tokio::select! {
            biased;
            looked = looking => if !looked? {
                return Ok(match is_beyond(data.size_ahead()) {
                    true => Ahead::Beyond,
                    false => Ahead::Whole(data.size_ahead()),
                });
            },
            () = pressed(counted.as_ref()) => return Ok(Ahead::Pressed),
            () = grown => {}
        }
    }
}

async fn pressed(block: Option<&Block>) {
    match block {
        Some(block) => block.pressed().await,
        None => std::future::pending().await,
    }
}

impl Data {
    /// What is counted of the blocks that were read ahead. Until the end more may have been read than is in them.
    fn size_ahead(&self) -> Size {
        let blocks = self.feed.ahead().iter();
        let read = match self.feed.totals() {
            Some(totals) => totals.read,
            None => self.meter.progress().read,
        };
        Size {
            raw: self.encoding.raw_size(read, None),
            wire: match self.encoding.gzip {
                true => blocks.map(|block| block.data().len() as u64).sum(),
                false => read,
            },
        }
    }
}

/// Data of this size is read in one piece: it holds no memory while it waits for more.
const ONE_PIECE: u64 = 256 * 1024;

impl Unopened {
    /// How much memory its body may take that has to be there until all of it is read; `None` for a pushed stream, which may
    /// stay open for as long as its writer likes, so that none is set aside for it.
    pub(super) fn need(&self) -> Option<usize> {
        let most = match self.content() {
            Content::Push(_) => return None,
            _ => self.known_bytes().unwrap_or(MAX_WIRE),
        };
        match most <= ONE_PIECE {
            true => Some(0),
            // A little more for what does not compress.
            false => usize::try_from((most + most / 8).min(MAX_WIRE)).ok(),
        }
    }
}

/// The memory of bodies that the budget does not count. A body has to be held as a whole, so that it cannot wait for
/// memory which others hold for theirs: where the budget is spent, it goes beside it, up to as much again, and at least
/// one body. So as not to meet others half-way, a call whose size can be known sets its part aside before it reads.
#[derive(Debug)]
pub(super) struct Uncounted {
    free: Semaphore,
    most: usize,
}

/// A part of it, given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    of: &'a Uncounted,
    held: Option<SemaphorePermit<'a>>,
    used: usize,
}

impl Uncounted {
    pub(super) fn new(budget: usize) -> Self {
        let most = budget.max(MAX_WIRE as usize).min(u32::MAX as usize);
        Self {
            free: Semaphore::new(most),
            most,
        }
    }

    /// A part of this size, in turn.
    pub(super) async fn share(&self, scope: &Scope, bytes: usize) -> Result<Share<'_>> {
        let mut share = Share {
            of: self,
            held: None,
            used: 0,
        };
        if bytes > 0 {
            let permits = self.free.acquire_many(bytes.min(self.most) as u32);
            // The semaphore is never closed.
            let waiting = async { Ok(permits.await.ok()) };
            share.held = scope.run(Step::ReadSource, "", waiting).await?;
        }
        Ok(share)
    }
}

impl Share<'_> {
    /// Moves the blocks that were read ahead beside the budget.
    ///
    /// # Errors
    /// When there is no room either.
    pub(super) fn take_ahead(&mut self, data: &mut Data) -> Result<()> {
        let counted = data.feed.ahead().iter().filter(|block| block.is_counted());
        let used = self.used + counted.map(|block| block.data().len()).sum::<usize>();
        self.grow_to(used)?;
        self.used = used;
        data.feed.uncount_ahead();
        Ok(())
    }

    fn grow_to(&mut self, bytes: usize) -> Result<()> {
        let held = self.held.as_ref().map_or(0, SemaphorePermit::num_permits);
        let more = u32::try_from(bytes.saturating_sub(held)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let permit = self.of.free.try_acquire_many(more);
        let permit = permit.map_err(|_| no_room(self.of.most))?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            held => *held = Some(permit),
        }
        Ok(())
    }

    /// All was read: what is set aside and not used goes back.
    pub(super) fn settle(&mut self) {
        if let Some(held) = &mut self.held {
            let excess = held.num_permits().saturating_sub(self.used);
            drop(held.split(excess));
        }
    }
}

fn no_room(most: usize) -> Error {
    let message = format!(
        "the client's calls hold more bodies at once than the memory budget, and {most} bytes beside it, have room for: \
         make fewer calls at once, or raise the setting `memory budget`"
    );
    Error::new(ErrorKind::TooLarge, Step::ReadSource, message).with_retry(RetryClass::Later)
}

#[cfg(test)]
mod tests;
