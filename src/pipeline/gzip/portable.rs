//! The encoder of every build: zlib-rs, in Rust on every platform.

use std::io;

use flate2::{Compress, Compression, FlushCompress};

use super::Encoder;

pub(super) struct Portable(Compress);

impl Portable {
    pub(super) fn new(level: u32) -> Self {
        Self(Compress::new(Compression::new(level), false))
    }
}

impl Encoder for Portable {
    fn encode(&mut self, dictionary: &[u8], data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.0.reset();
        if !dictionary.is_empty() {
            self.0
                .set_dictionary(dictionary)
                .map_err(io::Error::other)?;
        }
        self.run(data, out, FlushCompress::Sync)
    }

    fn encode_all(&mut self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.0.reset();
        self.run(data, out, FlushCompress::Finish)
    }
}

impl Portable {
    /// Compresses everything, after `reset`, and ends with this flush.
    fn run(&mut self, data: &[u8], out: &mut Vec<u8>, flush: FlushCompress) -> io::Result<()> {
        loop {
            // `reset` set the count to 0. A chunk is far below 4 GiB.
            let rest = &data[self.0.total_in() as usize..];
            out.reserve(rest.len() / 4 + 64);
            let room = out.capacity() - out.len();
            let before = self.0.total_out();
            self.0
                .compress_vec(rest, out, flush)
                .map_err(io::Error::other)?;
            // Remaining room means that the flush is complete.
            if ((self.0.total_out() - before) as usize) < room {
                return Ok(());
            }
        }
    }
}
