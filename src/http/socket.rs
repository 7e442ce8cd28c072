//! A TCP connection's bytes, whoever watches for them: the runtime, or the thread that runs a call by
//! itself ([`here`](crate::op::here)). It changes with the thread that uses the connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[cfg(unix)]
mod own;

use crate::op::here::{self, Descriptor};

#[cfg(unix)]
type Link = own::Link;
#[cfg(not(unix))]
type Link = TcpStream;

#[cfg(unix)]
pub(super) use own::is_silent;
/// Whether nothing has arrived, not even the end: unknown.
#[cfg(not(unix))]
pub(super) fn is_silent(_: Descriptor) -> bool {
    false
}

/// How often in a row a connection has data at once. A peer that sends faster than its bytes are read would
/// otherwise keep those who read them, and the call's deadline would not be noticed meanwhile: a loop
/// within HTTP ends only where nothing has arrived (zeros before a chunk's size, interim answers).
const READS: u8 = 8;

/// A connection.
pub(super) struct Socket {
    link: Link,
    /// How often it had data since it last had none.
    reads: u8,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        #[cfg(unix)]
        let stream = own::Link::new(stream);
        Self {
            link: stream,
            reads: 0,
        }
    }

    /// Whether those who read have had enough for now: they are woken again at once.
    fn pauses(&mut self, context: &mut Context<'_>) -> bool {
        let pauses = self.reads == READS && !here::is_looking();
        if pauses {
            self.reads = 0;
            context.waker().wake_by_ref();
        }
        pauses
    }

    /// By which a thread that watches it knows it.
    #[cfg(unix)]
    pub(super) fn descriptor(&self) -> Descriptor {
        self.link.descriptor()
    }

    /// Only the runtime watches it.
    #[cfg(not(unix))]
    pub(super) fn descriptor(&self) -> Descriptor {}
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.pauses(context) {
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.link).poll_read(context, buffer);
        self.reads = match read.is_ready() {
            true => READS.min(self.reads + 1),
            false => 0,
        };
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(data)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(context)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        here::forget(self.descriptor());
    }
}

#[cfg(all(test, unix))]
mod tests;
