//! A streaming request's body, of which is noted what came.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use hyper::HeaderMap;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::http::request::Parts;
use sha2::{Digest as _, Sha256};

use crate::control::Control;
use crate::http::RequestBody;
use crate::streams::Streamed;

/// The most bytes that are unpacked only to be noted.
const MAX_CONTENT: u64 = 64 << 20;

/// The body; when it is dropped, what was read of it goes to the controls.
pub(super) struct Noted {
    body: RequestBody,
    control: Arc<Control>,
    streamed: Streamed,
    sent: Sha256,
    content: Option<MultiGzDecoder<Content>>,
}

/// What was unpacked.
#[derive(Default)]
struct Content {
    bytes: u64,
    hash: Sha256,
}

impl Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_CONTENT {
            return Err(io::Error::other("more than is noted"));
        }
        self.hash.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Noted {
    pub(super) fn new(body: RequestBody, control: &Arc<Control>, parts: &Parts) -> Self {
        let encoding = parts.headers.get("content-encoding");
        let is_gzip = encoding.is_some_and(|encoding| encoding == "gzip");
        Self {
            body,
            control: control.clone(),
            streamed: Streamed {
                target: parts.uri.to_string(),
                headers: shown(&parts.headers),
                ..Streamed::default()
            },
            sent: Sha256::new(),
            content: is_gzip.then(|| MultiGzDecoder::new(Content::default())),
        }
    }

    fn note(&mut self, data: &[u8]) {
        self.streamed.bytes += data.len() as u64;
        self.sent.update(data);
        // What is no gzip is forgotten.
        self.content = self
            .content
            .take()
            .and_then(|mut content| content.write_all(data).ok().map(|()| content));
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let mut streamed = std::mem::take(&mut self.streamed);
        streamed.sha256 = hex(std::mem::take(&mut self.sent));
        let content = self.content.take().filter(|_| streamed.whole);
        let content = content.and_then(|content| content.finish().ok());
        streamed.content_sha256 = content.map(|content| hex(content.hash));
        self.control.streams.note(streamed);
    }
}

impl HttpBody for Noted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.note(data);
                }
            }
            Poll::Ready(None) => this.streamed.whole = true,
            _ => {}
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

/// The headers for people: nothing that gives access.
fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let show = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        let name = name.as_str();
        let is_secret = name.contains("authorization") || name == "cookie";
        let value = match is_secret {
            true => "***".to_owned(),
            false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        (name.to_owned(), value)
    };
    headers.iter().map(show).collect()
}

fn hex(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
