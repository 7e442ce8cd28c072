//! The bytes of blobs and blocks.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::error::StorageError;
use crate::http::RequestBody;

/// Bodies are gathered into pieces of this size. A frame of the connection cannot be kept as it
/// is: it holds on to the whole read buffer, which may be many times larger.
const PIECE: usize = 1 << 20;

/// Bytes in pieces that are shared, never copied, when blocks become blobs and blobs are read.
#[derive(Clone, Default)]
pub(crate) struct Content {
    pieces: Vec<Bytes>,
    len: u64,
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len() as u64;
            self.pieces.push(piece);
        }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        self.pieces.extend(other.pieces.iter().cloned());
        self.len += other.len;
    }

    /// The bytes from `start` up to `end`, which must lie inside.
    pub(crate) fn slice(&self, start: u64, end: u64) -> Vec<Bytes> {
        let mut slices = Vec::new();
        let mut offset = 0;
        for piece in &self.pieces {
            let next = offset + piece.len() as u64;
            if next > start && offset < end {
                // Both differences are at most the piece's length.
                let from = start.saturating_sub(offset) as usize;
                let to = (end.min(next) - offset) as usize;
                slices.push(piece.slice(from..to));
            }
            offset = next;
        }
        slices
    }

    /// Reads a request's body to its end.
    pub(crate) async fn read(body: &mut RequestBody) -> Result<Self, StorageError> {
        let mut content = Self::default();
        let mut piece = BytesMut::with_capacity(next_piece(body));
        while let Some(mut data) = next_data(body).await? {
            while !data.is_empty() {
                let part = data.split_to(data.len().min(PIECE - piece.len()));
                piece.extend_from_slice(&part);
                if piece.len() == PIECE {
                    let still = data.len() + next_piece(body);
                    content.push(std::mem::take(&mut piece).freeze());
                    piece.reserve(still.min(PIECE));
                }
            }
        }
        // A body of known length fills its last piece; otherwise that is copied into one that fits.
        content.push(if piece.len() == piece.capacity() {
            piece.freeze()
        } else {
            Bytes::copy_from_slice(&piece)
        });
        Ok(content)
    }
}

/// The size of the next piece by what the body says is still to come.
fn next_piece(body: &RequestBody) -> usize {
    usize::try_from(body.size_hint().lower()).map_or(PIECE, |expected| expected.min(PIECE))
}

/// Reads a body of at most `limit` bytes into one piece.
pub(crate) async fn read_limited(
    body: &mut RequestBody,
    limit: usize,
) -> Result<Vec<u8>, StorageError> {
    let mut whole = Vec::new();
    while let Some(data) = next_data(body).await? {
        if whole.len() + data.len() > limit {
            return Err(StorageError::body_too_large(limit as u64));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

async fn next_data(body: &mut RequestBody) -> Result<Option<Bytes>, StorageError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StorageError::body_cut_short())?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn slices_equal_those_of_the_joined_bytes(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
            a in 0_usize..120,
            b in 0_usize..120,
        ) {
            let mut content = Content::default();
            for piece in &pieces {
                content.push(Bytes::copy_from_slice(piece));
            }
            let whole = pieces.concat();
            let (start, end) = (a.min(b).min(whole.len()), a.max(b).min(whole.len()));
            let slice = content.slice(start as u64, end as u64).concat();
            prop_assert_eq!(&slice, &whole[start..end]);
            prop_assert_eq!(content.len(), whole.len() as u64);
        }
    }
}
