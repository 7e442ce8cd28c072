//! The body of an answer as it arrives: decoded, and no more of it than its limit allows.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

use super::failure::Failure;

/// How much of a compressed body is decoded without a pause in between: a few bytes can stand for a
/// thousand times as many, and the call's deadline would not be noticed before their end.
const PIECE: usize = 16 * 1024;

/// A body that is being read.
pub(super) struct Decoder {
    body: Body,
    limit: usize,
    is_empty: bool,
}

enum Body {
    Plain(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Limited>>),
}

/// The decoded bytes, up to the first beyond the limit.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // What follows the limit is not kept, so that the memory stays bounded whatever it is.
        let room = self
            .limit
            .saturating_add(1)
            .saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    pub(super) fn new(is_gzip: bool, limit: usize) -> Self {
        let body = match is_gzip {
            false => Body::Plain(Vec::new()),
            true => {
                let bytes = Vec::new();
                Body::Gzip(Box::new(MultiGzDecoder::new(Limited { bytes, limit })))
            }
        };
        Self {
            body,
            limit,
            is_empty: true,
        }
    }

    /// Takes what has arrived. Whether the body may go on: beyond the limit it need not be read.
    pub(super) async fn take(&mut self, data: &[u8]) -> Result<bool, Failure> {
        self.is_empty &= data.is_empty();
        match &mut self.body {
            // The announced length is a claim: memory is taken for what has arrived.
            Body::Plain(bytes) => {
                tokio::task::coop::consume_budget().await;
                bytes.extend_from_slice(data);
                Ok(bytes.len() <= self.limit)
            }
            Body::Gzip(decoder) => {
                for (earlier, piece) in data.chunks(PIECE).enumerate() {
                    if earlier > 0 {
                        // Not by a task's budget: a thread that runs its call itself has none.
                        tokio::task::yield_now().await;
                    }
                    decoder.write_all(piece).map_err(|_| Failure::NotGzip)?;
                    if decoder.get_ref().bytes.len() > self.limit {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// The body, which is longer than the limit when it was cut off there.
    pub(super) fn end(self, is_whole: bool) -> Result<Bytes, Failure> {
        match self.body {
            Body::Plain(bytes) => Ok(bytes.into()),
            Body::Gzip(_) if self.is_empty => Ok(Bytes::new()),
            Body::Gzip(mut decoder) if !is_whole => {
                Ok(std::mem::take(&mut decoder.get_mut().bytes).into())
            }
            Body::Gzip(decoder) => match decoder.finish() {
                Ok(limited) => Ok(limited.bytes.into()),
                Err(_) => Err(Failure::NotGzip),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    async fn decoded(data: &[u8], limit: usize) -> Result<Bytes, Failure> {
        let mut decoder = Decoder::new(true, limit);
        let is_whole = decoder.take(data).await?;
        decoder.end(is_whole)
    }

    #[tokio::test]
    async fn members_are_one_body_and_a_cut_one_is_none() {
        let two = [gzip(b"one,"), gzip(b"two")].concat();
        assert_eq!(&decoded(&two, 7).await.unwrap()[..], b"one,two");
        assert!(decoded(&two[..two.len() - 1], 7).await.is_err());
        assert!(decoded(b"no gzip", 7).await.is_err());
    }

    /// Outside a task, too.
    #[test]
    fn pieces_are_decoded_with_pauses_in_between() {
        let empty = gzip(b"").repeat(10 * PIECE / gzip(b"").len());
        let mut decoder = Decoder::new(true, 1);
        let mut taking = std::pin::pin!(decoder.take(&empty));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let polls = (0..).take_while(|_| taking.as_mut().poll(&mut context).is_pending());
        assert_eq!(polls.count(), empty.len().div_ceil(PIECE) - 1);
    }

    #[tokio::test]
    async fn a_body_ends_at_its_limit() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let body = decoded(&bomb, 1000).await.unwrap();
        assert_eq!(body.len(), 1001);
    }
}
