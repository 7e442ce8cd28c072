//! Collecting what was produced into blocks of one size.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::budget::{Budget, Moving, Reservation};

/// What one Put Block carries. Clones share the bytes, whose part of the budget is returned with
/// the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    data: Bytes,
    budget: Budget,
    _held: Option<Arc<Reservation>>,
}

impl Block {
    /// The bytes, never none.
    pub(crate) fn data(&self) -> &Bytes {
        &self.data
    }

    /// Returns when others wait for memory and nothing moves; see [`Budget::pressed`].
    pub(crate) async fn pressed(&self) {
        self.budget.pressed().await;
    }

    /// To be held while the block is being sent.
    pub(crate) fn moving(&self) -> Moving {
        self.budget.moving()
    }
}

/// Smaller than this a block is not made on purpose: each costs a request.
const LEAST: usize = 512 * 1024;

/// The block that is being filled. Its memory is taken at once and counted at once. When there is
/// not enough for a whole block it is a smaller one, and when there is none at all it grows with
/// the reservations of what is pushed: it never waits.
pub(super) struct BlockBuffer {
    budget: Budget,
    /// What a block should have.
    size: usize,
    /// What this one has.
    room: usize,
    data: BytesMut,
    held: Option<Reservation>,
    produced: u64,
}

impl BlockBuffer {
    pub(super) fn new(budget: Budget, size: usize) -> Self {
        Self {
            budget,
            size,
            room: 0,
            data: BytesMut::new(),
            held: None,
            produced: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Bytes of all that was pushed.
    pub(super) fn produced(&self) -> u64 {
        self.produced
    }

    /// Adds `data`, for which `held` was reserved; gives the blocks that are full with it.
    pub(super) fn push(&mut self, mut data: &[u8], mut held: Option<Reservation>) -> Vec<Block> {
        self.produced += data.len() as u64;
        let mut full = Vec::new();
        while !data.is_empty() {
            if self.data.is_empty() {
                self.begin(data.len());
            }
            let (now, later) = data.split_at(data.len().min(self.room - self.data.len()));
            self.data.extend_from_slice(now);
            self.count(held.as_mut().and_then(|held| held.split(now.len())));
            if self.data.len() == self.room {
                full.extend(self.take());
            }
            data = later;
        }
        full
    }

    /// The block as far as it is filled.
    pub(super) fn take(&mut self) -> Option<Block> {
        if self.data.is_empty() {
            return None;
        }
        let data = self.data.split().freeze();
        let mut held = self.held.take();
        if let Some(held) = &mut held {
            held.shrink_to(data.len());
        }
        Some(Block {
            data,
            budget: self.budget.clone(),
            _held: held.map(Arc::new),
        })
    }

    /// Chooses the size of the next block, whose first piece has `first` bytes.
    fn begin(&mut self, first: usize) {
        let mut room = self.size;
        loop {
            self.held = self.budget.if_free(room);
            if self.held.is_some() || room / 2 < LEAST.max(first) {
                break;
            }
            room /= 2;
        }
        self.room = room;
        if self.held.is_some() {
            self.data.reserve(room);
        }
    }

    /// Counts what came with a piece, unless the whole block is counted already.
    fn count(&mut self, more: Option<Reservation>) {
        let Some(more) = more else { return };
        match &mut self.held {
            None => self.held = Some(more),
            Some(held) if held.bytes() < self.data.len() => held.merge(more),
            Some(_) => {}
        }
    }
}
