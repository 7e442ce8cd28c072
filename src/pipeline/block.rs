//! Collecting the output into blocks of one size.

use std::sync::Arc;

use bytes::Bytes;

use super::budget::{Budget, Moving, Reservation};
use super::memory::Memory;

/// The content of one Put Block. Clones share the bytes, whose part of the budget is returned with
/// the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    data: Bytes,
    budget: Budget,
    held: Option<Arc<Reservation>>,
}

impl Block {
    /// `held` is its part of the budget.
    pub(super) fn new(data: Bytes, budget: Budget, held: Option<Reservation>) -> Self {
        Self {
            data,
            budget,
            held: held.map(Arc::new),
        }
    }

    /// The bytes, never empty.
    pub(crate) fn data(&self) -> &Bytes {
        &self.data
    }

    /// Gives its part of the budget back, once no other clone holds it.
    pub(crate) fn uncount(&mut self) {
        self.held = None;
    }

    /// Whether it has a part of the budget.
    pub(crate) fn is_counted(&self) -> bool {
        self.held.is_some()
    }

    /// Returns when others wait for memory and there is no progress; see [`Budget::pressed`].
    pub(crate) async fn pressed(&self) {
        self.budget.pressed().await;
    }

    /// To be held while the block is being sent.
    pub(crate) fn moving(&self) -> Moving {
        self.budget.moving()
    }
}

/// The block that is being filled.
pub(super) struct BlockBuffer {
    budget: Budget,
    size: usize,
    memory: Memory,
    held: Option<Reservation>,
    produced: u64,
}

impl BlockBuffer {
    pub(super) fn new(budget: Budget, size: usize) -> Self {
        Self {
            budget,
            size,
            memory: Memory::default(),
            held: None,
            produced: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.memory.is_empty()
    }

    /// Bytes of all that was pushed.
    pub(super) fn produced(&self) -> u64 {
        self.produced
    }

    /// Adds `data`, for which `held` was reserved; returns the blocks that it completes.
    pub(super) fn push(&mut self, mut data: &[u8], held: Option<Reservation>) -> Vec<Block> {
        self.produced += data.len() as u64;
        match (&mut self.held, held) {
            (Some(own), Some(more)) => own.merge(more),
            (own @ None, more) => *own = more,
            (Some(_), None) => {}
        }
        let mut full = Vec::new();
        while !data.is_empty() {
            if self.memory.is_empty() {
                self.memory = Memory::new(self.size);
            }
            let (now, later) = data.split_at(data.len().min(self.size - self.memory.len()));
            self.memory.extend(now);
            if self.memory.len() == self.size {
                full.extend(self.take());
            }
            data = later;
        }
        full
    }

    /// The partially filled block.
    pub(super) fn take(&mut self) -> Option<Block> {
        if self.memory.is_empty() {
            return None;
        }
        let data = std::mem::take(&mut self.memory).freeze();
        let held = self.held.as_mut().and_then(|held| held.split(data.len()));
        Some(Block::new(data, self.budget.clone(), held))
    }
}
