//! How answers are read: each kind has a limit of decoded bytes, which are counted as they arrive.

use http::{HeaderValue, StatusCode};

use crate::error::{Error, ErrorKind, Step};

const MIB: usize = 1024 * 1024;
/// An error is a few kilobytes, and a gateway's page not much more.
pub(crate) const ERROR_LIMIT: usize = MIB;

/// Whether an answer of this status that does not come from the service itself says that the request
/// was not carried out. A gateway that has passed the request on answers with 500 and more, also
/// with numbers of its own (520, 524, 599), and what is no known status says nothing.
pub(crate) fn denies(status: u16) -> bool {
    matches!(status, 300..=499 | 501 | 503 | 505 | 511)
}

/// What kind of answer a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnswerKind {
    name: &'static str,
    limit: usize,
    /// Whether compression is requested: it helps where there are many rows, and elsewhere lets a
    /// small answer become a large one.
    compressed: bool,
}

impl AnswerKind {
    /// The cluster's login settings: less than a kilobyte.
    pub(crate) const METADATA: Self = Self::small("cloud metadata", MIB);
    /// A token of Entra ID or of the machine around the program, or why there is none.
    pub(crate) const TOKEN: Self = Self::small("token answers", MIB);
    /// An answer to a `.get` command: some dozens of signed addresses, or a token.
    pub(crate) const RESOURCES: Self = Self::small("`.get` commands", 4 * MIB);
    /// An answer to streamed data: one row.
    pub(crate) const STREAMING: Self = Self::small("streaming answers", MIB);
    /// An answer of a storage service. The largest is that of 32 messages of 64 KiB.
    pub(crate) const STORAGE: Self = Self::small("storage answers", 4 * MIB);

    /// Rows that the caller requested; the limit is a setting.
    pub(crate) const fn query(limit: usize) -> Self {
        Self {
            name: "query answers (setting `query answer limit`)",
            limit,
            compressed: true,
        }
    }

    const fn small(name: &'static str, limit: usize) -> Self {
        Self {
            name,
            limit,
            compressed: false,
        }
    }

    /// The encodings that the answer may have.
    pub(super) fn accepted(self) -> HeaderValue {
        HeaderValue::from_static(match self.compressed {
            true => "gzip",
            false => "identity",
        })
    }

    /// The limit for the body of an answer of this status. One of an answer that is not a success is
    /// an explanation at most: beyond its limit it is cut off there, so that the status still decides
    /// what the error is; it is longer than the limit then, which [`super::body::describe`] says.
    pub(super) fn limit(self, status: StatusCode) -> usize {
        match status.is_success() {
            true => self.limit,
            false => ERROR_LIMIT,
        }
    }

    /// What an error says about an answer beyond the limit.
    fn excess(self) -> String {
        let Self { name, limit, .. } = self;
        format!("the answer is larger than the limit of {limit} bytes for {name}")
    }
}

/// The error of an answer beyond the limit of its kind. In doubt: the request was carried out.
pub(crate) fn too_large(step: Step, host: &str, kind: AnswerKind, status: u16) -> Error {
    Error::new(ErrorKind::TooLarge, step, kind.excess())
        .with_host(host)
        .with_http_status(status)
        .with_in_doubt(true)
}
