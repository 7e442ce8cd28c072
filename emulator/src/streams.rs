//! What clients streamed, kept for a look: a table shows neither how often its rows were sent nor how.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// As many requests are kept, so that an emulator that runs for days keeps few.
const KEPT: usize = 64;

/// The requests for streaming ingestion since the start or the last reset, whatever their senders were told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams {
    /// How many.
    pub requests: u64,
    /// The last 64, in the order in which their bodies ended.
    pub last: VecDeque<Streamed>,
}

/// One request for streaming ingestion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Streamed {
    /// Path and query as they were sent.
    pub target: String,
    /// The headers, with `***` for what gives access.
    pub headers: BTreeMap<String, String>,
    /// How many bytes of the body were read, as they were sent.
    pub bytes: u64,
    /// Whether that was all of it.
    pub whole: bool,
    /// SHA-256 of these bytes, in hexadecimal.
    pub sha256: String,
    /// The same of what was in the gzip that the header says it is; none when it is none, or has more than 64 MiB.
    pub content_sha256: Option<String>,
}

/// The requests of one emulator.
#[derive(Default)]
pub(crate) struct StreamLog(Mutex<Streams>);

impl StreamLog {
    pub(crate) fn note(&self, streamed: Streamed) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        streams.requests += 1;
        if streams.last.len() == KEPT {
            streams.last.pop_front();
        }
        streams.last.push_back(streamed);
    }

    pub(crate) fn read(&self) -> Streams {
        let streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        streams.clone()
    }

    pub(crate) fn reset(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Streams::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_last_are_kept() {
        let log = StreamLog::default();
        for n in 0..KEPT as u64 + 2 {
            log.note(Streamed {
                bytes: n,
                ..Streamed::default()
            });
        }
        let read = log.read();
        assert_eq!((read.requests, read.last.len()), (66, KEPT));
        assert_eq!(read.last.front().map(|streamed| streamed.bytes), Some(2));
        log.reset();
        assert_eq!(log.read(), Streams::default());
    }
}
