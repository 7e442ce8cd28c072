//! Collecting encoded bytes into blocks of one size.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

/// Cuts what is written into blocks and hands each over, waiting while the channel is full.
pub(crate) struct BlockWriter {
    sender: mpsc::Sender<Bytes>,
    size: usize,
    current: BytesMut,
    produced: u64,
}

impl BlockWriter {
    pub(crate) fn new(sender: mpsc::Sender<Bytes>, size: usize) -> Self {
        Self {
            sender,
            size,
            current: BytesMut::new(),
            produced: 0,
        }
    }

    /// Hands over the last, shorter block; returns the bytes of all blocks.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        if !self.current.is_empty() {
            self.hand_over()?;
        }
        Ok(self.produced)
    }

    fn hand_over(&mut self) -> io::Result<()> {
        let block = self.current.split().freeze();
        self.produced += block.len() as u64;
        self.sender
            .blocking_send(block)
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the blocks"))
    }
}

impl Write for BlockWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = data.len().min(self.size - self.current.len());
        self.current.extend_from_slice(&data[..length]);
        if self.current.len() == self.size {
            self.hand_over()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
