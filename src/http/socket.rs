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

/// A connection.
pub(super) struct Socket(Link);

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        #[cfg(unix)]
        let stream = own::Link::new(stream);
        Self(stream)
    }

    /// By which a thread that watches it knows it.
    #[cfg(unix)]
    pub(super) fn descriptor(&self) -> Descriptor {
        self.0.descriptor()
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
        Pin::new(&mut self.0).poll_read(context, buffer)
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
        Pin::new(&mut self.0).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        here::forget(self.descriptor());
    }
}

#[cfg(all(test, unix))]
mod tests;
