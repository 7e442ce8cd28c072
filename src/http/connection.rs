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

type Driver = http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>;

/// A connection for one request at a time.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<Driver>>,
    /// Whether the driver has come to its end.
    ended: bool,
}

impl Connection {
    pub(super) async fn new(stream: Box<dyn Stream>) -> Result<Self, Failure> {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(Failure::connect)?;
        Ok(Self {
            sender,
            driver: Box::pin(driver),
            ended: false,
        })
    }

    /// Sends the request, and gives the head of its answer. A request of which no byte was sent,
    /// because the connection was closed before, comes back in the failure.
    pub(super) async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<http::Response<Incoming>, (Failure, Option<http::Request<Full<Bytes>>>)> {
        let mut sent = pin!(self.sender.try_send_request(request));
        let (driver, ended) = (&mut self.driver, &mut self.ended);
        let answer = poll_fn(|context| {
            drive(driver, ended, context);
            sent.as_mut().poll(context)
        });
        answer.await.map_err(|mut failed| {
            let unsent = failed.take_message();
            (Failure::Exchange(failed.into_error()), unsent)
        })
    }

    /// The next piece of an answer's body; `None` at its end.
    pub(super) async fn next(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = poll_fn(|context| match Pin::new(&mut *body).poll_frame(context) {
                Poll::Pending => {
                    drive(&mut self.driver, &mut self.ended, context);
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

    /// Whether another request can be sent. An end, or bytes that nobody asked for, are noticed
    /// here if they have arrived.
    pub(super) fn is_open(&mut self) -> bool {
        let (driver, ended) = (&mut self.driver, &mut self.ended);
        let look = poll_fn(|context| {
            drive(driver, ended, context);
            Poll::Ready(())
        });
        // A task's budget must not hide what has arrived.
        let _ = pin!(unconstrained(look)).poll(&mut Context::from_waker(Waker::noop()));
        !self.ended && self.sender.is_ready()
    }
}

/// Reads and writes what is possible now. What ends the connection is seen by the request on it.
fn drive(driver: &mut Pin<Box<Driver>>, ended: &mut bool, context: &mut Context<'_>) {
    if !*ended {
        *ended = driver.as_mut().poll(context).is_ready();
    }
}
