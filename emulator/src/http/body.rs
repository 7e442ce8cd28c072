//! Bodies of replies.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::gzip::Gzip;

/// What a reply carries: bytes at hand, plain or to be compressed, or the stream of another server's reply.
pub(crate) enum Body {
    Pieces(VecDeque<Bytes>),
    Gzip(Box<Gzip>),
    Forwarded(reqwest::Body),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Body {
    pub(crate) fn empty() -> Self {
        Self::Pieces(VecDeque::new())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(vec![Bytes::from(bytes)])
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Vec<Bytes>> for Body {
    fn from(pieces: Vec<Bytes>) -> Self {
        Self::Pieces(
            pieces
                .into_iter()
                .filter(|piece| !piece.is_empty())
                .collect(),
        )
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Pieces(pieces) => {
                Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece))))
            }
            Self::Gzip(body) => Poll::Ready(
                body.next()
                    .map_err(Into::into)
                    .transpose()
                    .map(|piece| piece.map(Frame::data)),
            ),
            Self::Forwarded(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Pieces(pieces) => pieces.is_empty(),
            Self::Gzip(body) => body.is_at_end(),
            Self::Forwarded(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Pieces(pieces) => {
                SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum())
            }
            Self::Gzip(_) => SizeHint::default(),
            Self::Forwarded(body) => body.size_hint(),
        }
    }
}
