//! What clients put into queues, kept for a look: the ingestor soon takes it out of them again.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// As many texts are kept, so that an emulator that runs for days keeps few.
const KEPT: usize = 64;

/// What clients put into queues since the start or the last reset. The emulator's ingestor is no client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// How many messages, whatever their senders were told.
    pub posted: u64,
    /// The texts of the last 64, as they were sent, oldest first. They hold signatures.
    pub last: VecDeque<String>,
}

/// The messages of one emulator.
#[derive(Default)]
pub(crate) struct Messages(Mutex<Posted>);

impl Messages {
    pub(crate) fn note(&self, text: &str) {
        let mut posted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        posted.posted += 1;
        if posted.last.len() == KEPT {
            posted.last.pop_front();
        }
        posted.last.push_back(text.to_owned());
    }

    pub(crate) fn read(&self) -> Posted {
        let posted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        posted.clone()
    }

    pub(crate) fn reset(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Posted::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_last_are_kept() {
        let messages = Messages::default();
        (0..KEPT + 2).for_each(|n| messages.note(&n.to_string()));
        let read = messages.read();
        assert_eq!((read.posted, read.last.len()), (66, KEPT));
        assert_eq!(read.last.front().map(String::as_str), Some("2"));
        messages.reset();
        assert_eq!(messages.read(), Posted::default());
    }
}
