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

/// What is likely to be all there is.
const SMALL: usize = 64 * 1024;

/// The block that is being filled.
pub(super) struct BlockBuffer {
    budget: Budget,
    size: usize,
    data: BytesMut,
    held: Option<Reservation>,
    produced: u64,
}

impl BlockBuffer {
    pub(super) fn new(budget: Budget, size: usize) -> Self {
        Self {
            budget,
            size,
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
    pub(super) fn push(&mut self, mut data: &[u8], held: Option<Reservation>) -> Vec<Block> {
        self.produced += data.len() as u64;
        match (&mut self.held, held) {
            (Some(own), Some(more)) => own.merge(more),
            (own @ None, more) => *own = more,
            (Some(_), None) => {}
        }
        // One allocation for the whole block, not one for each doubling: pages that are not
        // reached cost nothing.
        let length = self.data.len() + data.len();
        if length > SMALL && self.data.capacity() < self.size {
            self.data.reserve(self.size - self.data.len());
        }
        let mut full = Vec::new();
        while self.data.len() + data.len() >= self.size {
            let (now, later) = data.split_at(self.size - self.data.len());
            self.data.extend_from_slice(now);
            full.extend(self.take());
            data = later;
        }
        self.data.extend_from_slice(data);
        full
    }

    /// The block as far as it is filled.
    pub(super) fn take(&mut self) -> Option<Block> {
        if self.data.is_empty() {
            return None;
        }
        let data = self.data.split().freeze();
        let held = self.held.as_mut().and_then(|held| held.split(data.len()));
        Some(Block {
            data,
            budget: self.budget.clone(),
            _held: held.map(Arc::new),
        })
    }
}
