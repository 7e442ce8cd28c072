//! Readers that misbehave.

use std::io::Read;
use std::sync::mpsc;

use bytes::{Buf, Bytes};

/// The behaviour of a reader after its good bytes.
pub(crate) enum Way {
    Fails,
    Panics,
    /// Reports more bytes than requested.
    Boasts,
    /// Returns nothing until the other end is dropped, which then is its end.
    Blocks(mpsc::Receiver<()>),
}

/// Returns the first bytes of its data correctly, a few at a time.
pub(crate) struct Broken {
    good: Bytes,
    way: Way,
}

impl Broken {
    pub(crate) fn new(data: Bytes, good: usize, way: Way) -> Self {
        Self {
            good: data.slice(..good),
            way,
        }
    }
}

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.good.is_empty() {
            return match &self.way {
                Way::Fails => Err(std::io::Error::other("the cable is cut")),
                Way::Panics => panic!("the reader panics"),
                Way::Boasts => Ok(buffer.len() + 1),
                Way::Blocks(until) => {
                    // Nothing is ever sent.
                    let _ = until.recv();
                    Ok(0)
                }
            };
        }
        let length = self.good.len().min(buffer.len()).min(100_000);
        self.good.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// Returns its data one to seven bytes at a time.
pub(crate) struct Short(pub(crate) Bytes);

impl Read for Short {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = (self.0.len() % 7 + 1).min(self.0.len()).min(buffer.len());
        self.0.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
