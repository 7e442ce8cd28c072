//! How much of a request has left: what went through a connection's bytes, counted below HTTP.
//!
//! Service and storage act on whole requests only. An answer that says that a request was carried out
//! before the request has left shows that whoever sent it never saw the request.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::Stream;

/// Where the head of a request ends.
const HEAD_END: &[u8; 4] = b"\r\n\r\n";

/// How far the request on a connection is. Clones are of the same connection.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// How many bytes of [`HEAD_END`] have been seen.
    of_head_end: usize,
    /// How many bytes of the body have not left.
    left: u64,
    /// Whether a layer below (TLS) may hold bytes back.
    is_held: bool,
}

impl Progress {
    /// A request whose body has this size comes next. The one before has left.
    pub(super) fn begin(&self, body: u64) {
        *self.state() = State {
            left: body,
            ..State::default()
        };
    }

    /// Whether the whole request has been handed to the system.
    pub(super) fn is_complete(&self) -> bool {
        let state = self.state();
        state.of_head_end == HEAD_END.len() && state.left == 0 && !state.is_held
    }

    /// How many bytes of the body have not left.
    pub(super) fn left(&self) -> u64 {
        self.state().left
    }

    /// Whether some of the request was not even handed over to be sent: then nobody can have all of it. Not the opposite
    /// of [`is_complete`](Self::is_complete): what a layer holds back may have left.
    pub(super) fn lacks_some(&self) -> bool {
        let state = self.state();
        state.of_head_end < HEAD_END.len() || state.left > 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first `count` bytes of these were taken.
    pub(super) fn add(&self, data: &[IoSlice<'_>], mut count: usize) {
        let mut state = self.state();
        state.is_held = true;
        for part in data {
            let taken = &part[..part.len().min(count)];
            count -= taken.len();
            state.add(taken);
        }
    }
}

impl State {
    fn add(&mut self, mut data: &[u8]) {
        while self.of_head_end < HEAD_END.len() {
            if self.of_head_end == 0 {
                // A head has hundreds of bytes, and a dozen line breaks.
                let Some(line_end) = memchr(HEAD_END[0], data) else {
                    return;
                };
                data = &data[line_end..];
            }
            let [byte, rest @ ..] = data else { return };
            self.of_head_end = match *byte == HEAD_END[self.of_head_end] {
                true => self.of_head_end + 1,
                false => usize::from(*byte == HEAD_END[0]),
            };
            data = rest;
        }
        self.left = self.left.saturating_sub(data.len() as u64);
    }
}

/// A connection's bytes, with the progress of what is written.
pub(super) struct Counted {
    stream: Box<dyn Stream>,
    progress: Progress,
}

impl Counted {
    pub(super) fn new(stream: Box<dyn Stream>, progress: Progress) -> Self {
        Self { stream, progress }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, data);
        if let Poll::Ready(Ok(count)) = written {
            self.progress.add(&[IoSlice::new(data)], count);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, data);
        if let Poll::Ready(Ok(count)) = written {
            self.progress.add(data, count);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if let Poll::Ready(Ok(())) = flushed {
            self.progress.state().is_held = false;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_counts_behind_the_head_wherever_writes_are_cut() {
        let request = b"PUT /\r HTTP/1.1\r\nA: b\r\n\r\nx\r\n\r\ny";
        for first in 0..request.len() {
            let progress = Progress::default();
            progress.begin(6);
            let (head, rest) = request.split_at(first);
            progress.add(&[IoSlice::new(head), IoSlice::new(rest)], first);
            assert!(!progress.is_complete() && progress.lacks_some(), "{first}");
            progress.add(&[IoSlice::new(rest)], rest.len());
            assert!(
                !progress.is_complete() && !progress.lacks_some(),
                "it is held"
            );
            progress.state().is_held = false;
            assert!(progress.is_complete(), "{first}");
        }
    }

    #[test]
    fn without_a_body_the_head_is_all() {
        let progress = Progress::default();
        progress.begin(0);
        assert!(!progress.is_complete());
        progress.state().add(b"GET / HTTP/1.1\r\n\r\n");
        assert!(progress.is_complete());
    }
}
