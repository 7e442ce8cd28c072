//! A request before it is sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

/// The slowest line that is enough for a body, in bytes per second: a block of 4 MiB has five minutes.
const SLOWEST_LINE: usize = 14_000;

/// How long a body of this size takes on it.
pub(super) fn time_to_send(body: usize) -> Duration {
    Duration::from_secs((body / SLOWEST_LINE) as u64)
}

/// A request to one URL. It has no debug form: URL and headers hold signatures and tokens.
pub(crate) struct Request {
    pub(super) method: Method,
    pub(super) url: Arc<Url>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether it must not be carried out twice: see [`pool`](super::pool).
    pub(super) once: bool,
    /// How long a connection may take to send it and to receive its whole answer.
    pub(super) limit: Option<Duration>,
    /// Whether that time begins when the request has left; how long it may take to leave is then beside it.
    pub(super) leaves_first: bool,
    /// The first header whose value cannot be sent.
    pub(super) unsendable: Option<HeaderName>,
}

impl Request {
    /// A request without a body.
    pub(crate) fn new(method: Method, url: impl Into<Arc<Url>>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::with_capacity(12),
            body: Bytes::new(),
            once: false,
            limit: None,
            leaves_first: false,
            unsendable: None,
        }
    }

    /// Adds a header whose value never changes.
    pub(crate) fn fixed(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Adds a header. A value that no header can have (a line break) is an error when it is sent.
    pub(crate) fn header(self, name: HeaderName, value: &str) -> Self {
        self.with(name, HeaderValue::from_str(value).ok())
    }

    /// Logs in with this token.
    pub(crate) fn bearer_token(self, token: &str) -> Self {
        let value = HeaderValue::try_from(format!("Bearer {token}")).ok();
        let sensitive = value.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        self.with(AUTHORIZATION, sensitive)
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The request must not be carried out twice.
    pub(crate) fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Ends it, without an answer, this long after a connection began to send it. The time in which it
    /// waits for a connection does not count.
    pub(crate) fn limited(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Ends it, without an answer, this long after it has left; or when nothing of it leaves for this long, or not all of
    /// it in what its body takes on the slowest line besides.
    pub(crate) fn answered_within(self, limit: Duration) -> Self {
        Self {
            leaves_first: true,
            ..self.limited(limit)
        }
    }

    /// How long it may take to leave, where that is limited.
    pub(super) fn leaving(&self) -> Option<Duration> {
        let limit = self.limit.filter(|_| self.leaves_first)?;
        Some(limit + time_to_send(self.body.len()))
    }

    fn with(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        match value {
            Some(value) => {
                self.headers.insert(name, value);
            }
            None => {
                self.unsendable.get_or_insert(name);
            }
        }
        self
    }
}
