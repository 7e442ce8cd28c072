//! Buffers that are currently unused, for reuse.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

/// A few buffers of one kind. Buffers of some hundred kilobytes that are allocated anew each time
/// leave holes in the heaps of many threads: without reuse a process held a third more than it
/// used.
#[derive(Clone, Debug)]
pub(crate) struct Spare<B> {
    buffers: Arc<Mutex<Vec<B>>>,
    most: usize,
}

impl<B: Default> Spare<B> {
    /// Keeps up to this many; more are returned to the system.
    pub(crate) fn of(most: usize) -> Self {
        Self {
            buffers: Arc::default(),
            most,
        }
    }

    /// One of them, with any content, or a new one.
    pub(crate) fn take(&self) -> B {
        self.lock().pop().unwrap_or_default()
    }

    pub(crate) fn put(&self, buffer: B) {
        let mut spare = self.lock();
        if spare.len() < self.most {
            spare.push(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<B>> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spare<BytesMut> {
    /// Takes the buffer unless a part of it is still in use.
    pub(crate) fn put_shared(&self, data: Bytes) {
        if let Ok(buffer) = data.try_into_mut() {
            self.put(buffer);
        }
    }
}
