//! gzip on several threads, as one member.
//!
//! Each chunk becomes separate raw deflate blocks, whose matches may reach back into the 32 KiB
//! before it, and ends at a byte boundary (a sync flush). Put one after the other between one
//! header and one trailer the chunks are one gzip member: several members, which would be simpler,
//! are cut after the first without an error by some readers (Mono's GZipStream, for one).

#[cfg(feature = "isal")]
mod isal;
mod level;
mod portable;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use flate2::Crc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use level::CompressionLevel;

use super::SPARE;
use crate::source::spare::Spare;

/// No time, no name, unknown operating system: the same data gives the same bytes.
pub(super) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// A last, empty block with fixed codes, which ends the deflate stream after the last sync flush.
const LAST_BLOCK: [u8; 2] = [3, 0];
/// How far back a match may reach (RFC 1951).
const WINDOW: usize = 32 * 1024;

/// Compresses one chunk at a time; kept from chunk to chunk for its tables.
pub(super) trait Encoder: Send {
    /// Appends `data` to `out` as raw deflate blocks that end with a sync flush. The decoder has
    /// `dictionary`, at most 32 KiB, right before it.
    fn encode(&mut self, dictionary: &[u8], data: &[u8], out: &mut Vec<u8>) -> io::Result<()>;
    /// Appends `data`, which is all there is, to `out` as a complete raw deflate stream.
    fn encode_all(&mut self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()>;
}

/// The compressors of one client.
#[derive(Clone)]
pub(crate) struct Gzip {
    level: CompressionLevel,
    threads: usize,
    workers: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Box<dyn Encoder>>>>,
    outputs: Spare<Vec<u8>>,
}

/// The right to use one thread for compressing.
pub(super) type Worker = OwnedSemaphorePermit;

/// A chunk compressed: a part of the one member.
pub(super) struct Part {
    pub(super) data: Vec<u8>,
    pub(super) crc: Crc,
}

impl Gzip {
    pub(crate) fn new(level: CompressionLevel, threads: usize) -> Self {
        Self {
            level,
            threads,
            workers: Arc::new(Semaphore::new(threads)),
            idle: Arc::default(),
            outputs: Spare::of(SPARE),
        }
    }

    /// How many chunks may be compressed at the same time.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Waits until fewer than [`Gzip::threads`] chunks are being compressed.
    pub(super) async fn worker(&self) -> Worker {
        match self.workers.clone().acquire_owned().await {
            Ok(worker) => worker,
            // The semaphore is never closed.
            Err(_closed) => std::future::pending().await,
        }
    }

    /// Compresses one chunk on the current thread.
    pub(super) fn encode(&self, dictionary: &[u8], data: &[u8]) -> io::Result<Part> {
        let mut encoder = self.take();
        let mut out = self.outputs.take();
        out.clear();
        encoder.encode(dictionary, data, &mut out)?;
        // A failed compressor is not used again.
        self.give_back(encoder);
        let mut crc = Crc::new();
        crc.update(data);
        Ok(Part { data: out, crc })
    }

    /// A whole member of this data, on the current thread. For little data: without the flush and the
    /// last block, which joined chunks need, it is smaller.
    pub(super) fn member(&self, data: &[u8]) -> io::Result<Bytes> {
        let mut encoder = self.take();
        let mut out = self.outputs.take();
        out.clear();
        out.extend_from_slice(&HEADER);
        encoder.encode_all(data, &mut out)?;
        self.give_back(encoder);
        let mut crc = Crc::new();
        crc.update(data);
        out.extend_from_slice(&check(&crc));
        // A copy, as the encoder has needed far more room.
        let member = Bytes::copy_from_slice(&out);
        self.outputs.put(out);
        Ok(member)
    }

    /// Takes the buffer of a part that was copied.
    pub(super) fn put(&self, part: Part) {
        self.outputs.put(part.data);
    }

    fn take(&self) -> Box<dyn Encoder> {
        let idle = self.lock().pop();
        idle.unwrap_or_else(|| self.level.encoder())
    }

    fn give_back(&self, encoder: Box<dyn Encoder>) {
        let mut idle = self.lock();
        if idle.len() < self.threads {
            idle.push(encoder);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn Encoder>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Gzip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gzip({:?} on {} threads)", self.level, self.threads)
    }
}

/// The end of the chunk `data`, to which the next one's matches may reach.
pub(super) fn window(data: &Bytes) -> Bytes {
    data.slice(data.len().saturating_sub(WINDOW)..)
}

/// The end of the member after the last chunk, for this checksum and length.
pub(super) fn trailer(crc: &Crc) -> [u8; 10] {
    let mut trailer = [0; 10];
    trailer[..2].copy_from_slice(&LAST_BLOCK);
    trailer[2..].copy_from_slice(&check(crc));
    trailer
}

/// What follows a member's deflate stream.
fn check(crc: &Crc) -> [u8; 8] {
    let mut check = [0; 8];
    check[..4].copy_from_slice(&crc.sum().to_le_bytes());
    // Both are modulo 2^32: RFC 1952.
    check[4..].copy_from_slice(&crc.amount().to_le_bytes());
    check
}

#[cfg(test)]
mod tests;
