//! A socket that two kinds of threads can watch.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::op::here::{self, Interest};

/// Sends without SIGPIPE, which would end the program whose thread this is. Where the flag does not
/// exist the socket has been made so.
#[cfg(target_vendor = "apple")]
const SEND: i32 = 0;
#[cfg(not(target_vendor = "apple"))]
const SEND: i32 = libc::MSG_NOSIGNAL;

/// A socket, and who watches it.
pub(super) enum Link {
    /// The runtime.
    Runtime(TcpStream),
    /// The thread that runs the call.
    Thread(Own),
    /// Nobody: it could not be handed over.
    Broken,
}

pub(super) struct Own {
    stream: std::net::TcpStream,
    /// Whether more may have arrived than was read.
    has_more: bool,
}

impl Link {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self::Runtime(stream)
    }

    pub(super) fn descriptor(&self) -> RawFd {
        match self {
            Self::Runtime(stream) => stream.as_raw_fd(),
            Self::Thread(own) => own.stream.as_raw_fd(),
            Self::Broken => -1,
        }
    }

    /// The socket, watched as the current thread watches.
    fn here(&mut self) -> io::Result<&mut Self> {
        match (&*self, here::is_here()) {
            (Self::Runtime(_), true) | (Self::Thread(_), false) => self.hand_over()?,
            (Self::Broken, _) => return Err(ErrorKind::NotConnected.into()),
            _ => {}
        }
        Ok(self)
    }

    fn hand_over(&mut self) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Broken) {
            Self::Runtime(stream) => Self::Thread(Own {
                stream: stream.into_std()?,
                has_more: false,
            }),
            Self::Thread(own) => Self::Runtime(TcpStream::from_std(own.stream)?),
            Self::Broken => Self::Broken,
        };
        Ok(())
    }

    /// What has arrived, as the system knows it: the runtime may not have asked yet.
    fn look(&self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let received = match self {
            Self::Runtime(stream) => receive(SockRef::from(stream), buffer),
            Self::Thread(own) => receive(SockRef::from(&own.stream), buffer),
            Self::Broken => Ok(0),
        };
        match received {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            received => Poll::Ready(received.map(drop)),
        }
    }
}

/// Whether nothing has arrived on a connection, not even its end. Takes nothing from it.
pub(in super::super) fn is_silent(socket: RawFd) -> bool {
    let mut byte = 0u8;
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: the place is valid for the one byte that may be written to it.
    let arrived = unsafe { libc::recv(socket, (&raw mut byte).cast(), 1, flags) };
    arrived < 0 && io::Error::last_os_error().kind() == ErrorKind::WouldBlock
}

fn receive(socket: SockRef<'_>, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
    let received = loop {
        // SAFETY: nothing is written into the rest of the buffer but by the system.
        match socket.recv(unsafe { buffer.unfilled_mut() }) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            received => break received?,
        }
    };
    // SAFETY: the system has written so many bytes. Clearing the whole buffer before, for an answer of a
    // few hundred bytes, would cost more than to receive it.
    unsafe { buffer.assume_init(received) };
    buffer.advance(received);
    Ok(received)
}

/// What `attempt` gives once the socket is ready for it.
fn once_ready<T>(
    socket: RawFd,
    interest: Interest,
    context: &mut Context<'_>,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if here::is_looking() {
                    return Poll::Pending;
                }
                ready!(here::poll_ready(socket, interest, context));
            }
            result => return Poll::Ready(result),
        }
    }
}

impl Own {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = self.stream.as_raw_fd();
        if !self.has_more {
            // An answer takes its time: asking for it at once would be in vain.
            ready!(here::poll_ready(socket, Interest::Read, context));
            self.has_more = true;
        }
        let stream = &self.stream;
        let reading = || receive(SockRef::from(stream), buffer);
        let read = ready!(once_ready(socket, Interest::Read, context, reading))?;
        self.has_more = read > 0 && buffer.remaining() == 0;
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = self.stream.as_raw_fd();
        let stream = SockRef::from(&self.stream);
        let sending = || stream.send_vectored_with_flags(data, SEND);
        once_ready(socket, Interest::Write, context, sending)
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if here::is_looking() {
            return self.look(buffer);
        }
        match self.here()? {
            Self::Runtime(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Thread(own) => own.poll_read(context, buffer),
            Self::Broken => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.here()? {
            Self::Runtime(stream) => Pin::new(stream).poll_write_vectored(context, data),
            Self::Thread(own) => own.poll_write(context, data),
            Self::Broken => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Runtime(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Thread(own) => Poll::Ready(own.stream.shutdown(Shutdown::Write)),
            Self::Broken => Poll::Ready(Ok(())),
        }
    }
}
