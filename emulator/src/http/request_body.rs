//! Bodies of requests, counted while they are read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use crate::traffic::ServiceMeter;

/// What a client sends. The meter, if any, learns of every byte that is read.
pub(crate) struct RequestBody {
    body: Incoming,
    meter: Option<Arc<ServiceMeter>>,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, meter: Option<Arc<ServiceMeter>>) -> Self {
        Self { body, meter }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let (Some(meter), Poll::Ready(Some(Ok(frame)))) = (&this.meter, &polled)
            && let Some(data) = frame.data_ref()
        {
            meter.add_bytes(data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
