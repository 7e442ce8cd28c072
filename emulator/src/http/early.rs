//! Answers that do not wait for the body of their request.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body as HttpBody;
use hyper::http::request::Parts;
use hyper::{Response, header};

use super::body::Body;
use super::response::set;

/// How long a client may go on sending what nobody wants.
const PATIENCE: Duration = Duration::from_secs(30);

/// The answer to a request whose body nobody wants: it goes out at once and is the connection's last. What the
/// client still sends is read and thrown away for a while: a connection that ends with unread bytes is reset, and
/// a reset takes the answer away from a client that has not read it yet.
pub(crate) fn early<B>(mut reply: Response<Body>, parts: &Parts, mut body: B) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    if body.is_end_stream() {
        return reply;
    }
    set(&mut reply, "connection", "close");
    // A client that waits for `100 Continue` has sent nothing yet, and reading would ask for it.
    if !parts.headers.contains_key(header::EXPECT) {
        // It ends with the connection, which the body belongs to.
        tokio::spawn(tokio::time::timeout(PATIENCE, async move {
            while let Some(Ok(_)) = body.frame().await {}
        }));
    }
    reply
}
