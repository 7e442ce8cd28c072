//! Streaming or the queue: every decision, without a request, a clock or a lock of its own.
//!
//! [`decide`] says what is done before the first byte is read, [`size`] what fits in one request, [`classify`] what
//! came of a request, and [`follow`] what is done then. [`states`] remembers which tables cannot stream for a while.

mod follow;
pub(super) mod size;
pub(super) mod states;
mod verdict;

pub(crate) use follow::Rules;
pub(super) use follow::{Moment, Next, follow, is_in_time, time_to_wait};
pub(crate) use verdict::Content;
pub(super) use verdict::{Answer, Reason, Seen, Verdict, classify};

use crate::error::{Error, ErrorKind, Step};

/// What is known of a call before its data is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts<'a> {
    /// The first property that a streaming request cannot carry.
    pub(super) property: Option<&'a str>,
    /// Whether the data is a zip archive, which is no encoding of HTTP.
    pub(super) zipped: bool,
    /// Whether it is gzip with something behind its first member, where some readers end without an error.
    pub(super) has_more_members: bool,
    /// How many blobs the call lists; 1 for data.
    pub(super) sources: usize,
    /// Whether what is known of the size shows that it is beyond the gate. A size that is known before the data was
    /// read can be wrong: it never shows that the data is small.
    pub(super) is_large: bool,
    /// Whether it is a blob of which nobody knows the size.
    pub(super) is_of_unknown_size: bool,
}

/// Why a call cannot stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle<'a> {
    /// A property that the service would silently ignore.
    Property(&'a str),
    Zip,
    Members,
    /// Each blob would be a request of its own, and one call has one route.
    Blobs,
    Size,
    UnknownSize,
}

/// Why managed ingestion queues such a call; none when nothing is against streaming.
pub(super) fn decide<'a>(facts: &Facts<'a>) -> Option<Obstacle<'a>> {
    let obstacles = [
        facts.property.map(Obstacle::Property),
        facts.zipped.then_some(Obstacle::Zip),
        facts.has_more_members.then_some(Obstacle::Members),
        (facts.sources > 1).then_some(Obstacle::Blobs),
        facts.is_large.then_some(Obstacle::Size),
        facts.is_of_unknown_size.then_some(Obstacle::UnknownSize),
    ];
    obstacles.into_iter().flatten().next()
}

/// The error with which streaming ingestion refuses such a call; none when nothing is against it. It tries what may
/// be too large: only the service knows.
pub(super) fn refusal(facts: &Facts<'_>) -> Option<Error> {
    if let Some(property) = facts.property {
        let message =
            "is none that streaming ingestion takes: leave it out, or ingest queued or managed";
        return Some(Error::invalid_argument(property, message));
    }
    let message = match (facts.zipped, facts.has_more_members) {
        (true, _) => {
            "is a zip archive, which streaming ingestion does not take: ingest it queued or managed"
        }
        (_, true) => {
            "is gzip with something behind its first member, where a service may end without an error: ingest it \
             queued or managed, or compress it as one member"
        }
        (false, false) => return None,
    };
    Some(Error::invalid_argument("compression", message))
}

/// The error of data that is larger than any streaming request may be.
pub(super) fn too_large() -> Error {
    let message = format!(
        "the data is larger than {} bytes as it is sent, the most that one streaming request takes: ingest it queued \
         or managed, or in parts",
        size::MAX_WIRE
    );
    Error::new(ErrorKind::TooLarge, Step::StreamData, message).with_argument("source")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_stream_is_queued_or_refused_before_the_first_byte() {
        let facts = Facts {
            sources: 1,
            ..Facts::default()
        };
        assert_eq!(decide(&facts), None);
        assert!(refusal(&facts).is_none());
        for (facts, obstacle, argument) in [
            (
                Facts {
                    property: Some("tags"),
                    zipped: true,
                    ..facts
                },
                Obstacle::Property("tags"),
                Some("tags"),
            ),
            (
                Facts {
                    zipped: true,
                    is_large: true,
                    ..facts
                },
                Obstacle::Zip,
                Some("compression"),
            ),
            (
                Facts {
                    sources: 2,
                    ..facts
                },
                Obstacle::Blobs,
                None,
            ),
            (
                Facts {
                    is_large: true,
                    is_of_unknown_size: true,
                    ..facts
                },
                Obstacle::Size,
                None,
            ),
            (
                Facts {
                    is_of_unknown_size: true,
                    ..facts
                },
                Obstacle::UnknownSize,
                None,
            ),
        ] {
            assert_eq!(decide(&facts), Some(obstacle));
            let refused = refusal(&facts);
            let named = refused.as_ref().and_then(Error::argument);
            assert_eq!(named, argument, "{obstacle:?}");
        }
    }
}
