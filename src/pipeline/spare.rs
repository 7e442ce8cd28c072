//! Buffers that are not needed just now, for whoever needs the next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

/// A few buffers of one kind. Buffers of some hundred kilobytes that are allocated anew each time
/// leave holes in the heaps of many threads: with them a process held a third more than it used.
#[derive(Clone, Debug, Default)]
pub(super) struct Spare<B>(Arc<Mutex<Vec<B>>>);

/// More than this is returned to the system.
const MOST: usize = 8;

impl<B: Default> Spare<B> {
    /// One of them, with any content, or a new one.
    pub(super) fn take(&self) -> B {
        self.lock().pop().unwrap_or_default()
    }

    pub(super) fn put(&self, buffer: B) {
        let mut spare = self.lock();
        if spare.len() < MOST {
            spare.push(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spare<BytesMut> {
    /// Takes the buffer unless somebody else has a part of it.
    pub(super) fn put_shared(&self, data: Bytes) {
        if let Ok(buffer) = data.try_into_mut() {
            self.put(buffer);
        }
    }
}
