//! Reading ahead: how much data there is, before it is decided where it goes. What was read stays the beginning of the
//! data, as the blocks that it was made into: nothing is read or compressed twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::data::Data;
use super::policy::size::Size;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::op::Scope;
use crate::pipeline::Block;

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
    loop {
        let size = data.size_ahead();
        if is_beyond(size) {
            return Ok(Ahead::Beyond);
        }
        let counted = data
            .feed
            .ahead()
            .iter()
            .find(|block| block.is_counted())
            .cloned();
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
            wire: blocks.map(|block| block.data().len() as u64).sum(),
        }
    }
}

/// The memory of bodies that the budget does not count. A body has to be held as a whole, so that it cannot wait for
/// memory which others hold for theirs: it goes beside the budget, up to as much again.
#[derive(Debug)]
pub(super) struct Uncounted {
    most: usize,
    used: AtomicUsize,
}

/// A part of it, given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    of: &'a Uncounted,
    bytes: usize,
}

impl Uncounted {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            used: AtomicUsize::new(0),
        }
    }

    pub(super) fn share(&self) -> Share<'_> {
        Share { of: self, bytes: 0 }
    }
}

impl Share<'_> {
    /// Moves the blocks that were read ahead beside the budget.
    ///
    /// # Errors
    /// When there is no room either.
    pub(super) fn take_ahead(&mut self, data: &mut Data) -> Result<()> {
        let counted = data.feed.ahead().iter().filter(|block| block.is_counted());
        let bytes: usize = counted.map(|block| block.data().len()).sum();
        let most = self.of.most;
        let room = |used: usize| used.checked_add(bytes).filter(|used| *used <= most);
        let used = &self.of.used;
        if used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_err()
        {
            return Err(no_room(most));
        }
        self.bytes += bytes;
        data.feed.uncount_ahead();
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.of.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn no_room(budget: usize) -> Error {
    let message = format!(
        "the client's calls hold more bodies at once than twice the memory budget of {budget} bytes: make fewer calls \
         at once, or raise the setting `memory budget`"
    );
    Error::new(ErrorKind::TooLarge, Step::ReadSource, message).with_retry(RetryClass::Later)
}
