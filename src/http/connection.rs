//! One connection of HTTP/1.1, which the call that uses it drives itself.
//!
//! No task of its own reads and writes: an answer wakes the thread that waits for it, and no other
//! one in between. While a connection rests nobody drives it, and whether it is still open is looked
//! at before it is used again.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::coop::unconstrained;

use super::connect::Stream;
use super::failure::Failure;
use super::sent::{Counted, Progress};
use super::socket;
use crate::op::here::{self, Descriptor};

type Driver = http1::Connection<TokioIo<Counted>, Full<Bytes>>;

/// A connection for one request at a time.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has come to its end: only when it is dropped does hyper give back a request that
    /// it did not begin.
    driver: Option<Pin<Box<Driver>>>,
    /// Of the request that was sent last.
    progress: Progress,
    /// Of the socket below all layers.
    socket: Option<Descriptor>,
}

impl Connection {
    pub(super) async fn new(
        stream: Box<dyn Stream>,
        socket: Option<Descriptor>,
    ) -> Result<Self, Failure> {
        let progress = Progress::default();
        let counted = Counted::new(stream, progress.clone());
        let shaken = http1::handshake(TokioIo::new(counted)).await;
        let (sender, driver) = shaken.map_err(Failure::connect)?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            progress,
            socket,
        })
    }

    /// Sends the request, and gives the head of its answer. A request of which no byte was sent,
    /// because the connection was closed before, comes back in the failure.
    ///
    /// # Errors
    /// That of a success which came before the request had left as a whole, besides those of the
    /// connection. What else was answered meanwhile may be why nobody reads the rest.
    pub(super) async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<http::Response<Incoming>, (Failure, Option<http::Request<Full<Bytes>>>)> {
        self.progress
            .begin(request.body().size_hint().exact().unwrap_or_default());
        let mut sent = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        let answer = poll_fn(|context| {
            drive(driver, context);
            sent.as_mut().poll(context)
        });
        let answer = answer.await.map_err(|mut failed| {
            let unsent = failed.take_message();
            let failure = match self.progress.lacks_some() {
                true => Failure::Unfinished,
                false => Failure::Exchange,
            };
            (failure(failed.into_error()), unsent)
        })?;
        match answer.status().is_success() && !self.progress.is_complete() {
            true => Err((Failure::Early, None)),
            false => Ok(answer),
        }
    }

    /// How far the request on it is.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The next piece of an answer's body; `None` at its end.
    pub(super) async fn next(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = poll_fn(|context| match Pin::new(&mut *body).poll_frame(context) {
                Poll::Pending => {
                    drive(&mut self.driver, context);
                    Pin::new(&mut *body).poll_frame(context)
                }
                ready => ready,
            });
            match frame.await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::Exchange(error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// After an answer that was read to its end: whether the connection may be kept. Nobody watches
    /// it until it is used again.
    pub(super) fn rest(&mut self) -> bool {
        if let Some(socket) = self.socket {
            here::forget(socket);
        }
        self.is_ready() || self.is_open()
    }

    /// Whether it is in the state in which another request can be sent, as far as this side knows.
    fn is_ready(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Whether another request can be sent. An end, or bytes that nobody asked for, are noticed here
    /// once they have arrived.
    pub(super) fn is_open(&mut self) -> bool {
        // Most have nothing new. What has arrived earlier, and waits in a layer above, is noticed by
        // hyper before it sends anything.
        if self.is_ready() && self.socket.is_some_and(socket::is_silent) {
            return true;
        }
        let driver = &mut self.driver;
        let look = poll_fn(|context| {
            drive(driver, context);
            Poll::Ready(())
        });
        // A task's budget must not hide what has arrived.
        let mut look = pin!(unconstrained(look));
        let _ = here::look(|| look.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        self.is_ready()
    }
}

/// Reads and writes what is possible now. A driver that has come to its end is dropped: so the request
/// on it, or the body of its answer, learns of the end.
fn drive(driver: &mut Option<Pin<Box<Driver>>>, context: &mut Context<'_>) {
    if let Some(running) = driver
        && running.as_mut().poll(context).is_ready()
    {
        *driver = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn request() -> http::Request<Full<Bytes>> {
        let builder = http::Request::builder().uri("/").header("host", "h");
        builder.body(Full::new(Bytes::from_static(b"abc"))).unwrap()
    }

    /// A success and a refusal that come when a part of the body has left.
    #[tokio::test]
    async fn only_a_success_must_not_come_before_the_request_has_left() {
        for (status, is_early) in [(201, true), (409, false)] {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            let mut connection = Connection::new(Box::new(ours), None).await.ok().unwrap();
            let builder = http::Request::builder().method("PUT").uri("/");
            let body = Full::new(Bytes::from(vec![b'x'; 10_000]));
            let request = builder.body(body).unwrap();
            let answer = async {
                let mut part = [0; 2048];
                theirs.read_exact(&mut part).await.unwrap();
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                theirs.write_all(answer.as_bytes()).await.unwrap();
                theirs
            };
            let (sent, _theirs) = tokio::join!(connection.send(request), answer);
            match sent {
                Err((Failure::Early, None)) => assert!(is_early),
                Err((failure, _)) => panic!("{status}: {failure}"),
                Ok(answer) => assert!(!is_early && answer.status() == status),
            }
        }
    }

    #[tokio::test]
    async fn a_request_that_meets_the_end_of_a_used_connection_comes_back() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let mut connection = Connection::new(Box::new(ours), None).await.ok().unwrap();
        let answer = async {
            let mut asked = [0; 1024];
            assert!(theirs.read(&mut asked).await.unwrap() > 0);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
            theirs.write_all(answer).await.unwrap();
        };
        let (sent, ()) = tokio::join!(connection.send(request()), answer);
        let mut body = sent.ok().unwrap().into_body();
        while connection.next(&mut body).await.ok().unwrap().is_some() {}
        assert!(connection.is_open());
        // After it was looked at, and before the request is written.
        drop(theirs);
        let sending = connection.send(request());
        let sent = tokio::time::timeout(Duration::from_secs(60), sending).await;
        let (failure, unsent) = sent.expect("it hangs").err().unwrap();
        assert!(unsent.is_some() && !failure.may_have_been_sent());
        assert!(!connection.is_open());
    }
}
