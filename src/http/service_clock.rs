//! The service's clock as its answers show it: this machine's may be hours off, and the expiry of a
//! signature is meant by the clock of the one who signed.

use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

use super::transport::Reply;

/// How far the service's clock is ahead of this machine's, in seconds.
#[derive(Debug, Default)]
pub(crate) struct ServiceClock(AtomicI64);

impl ServiceClock {
    /// Takes the date of an answer.
    pub(crate) fn note(&self, reply: &Reply) {
        if let Some(date) = reply.date() {
            let ahead = (date - reply.arrived).whole_seconds();
            self.0.store(ahead, Ordering::Relaxed);
        }
    }

    /// The service's time when it is `local` here.
    pub(crate) fn at(&self, local: OffsetDateTime) -> OffsetDateTime {
        local.saturating_add(Duration::seconds(self.0.load(Ordering::Relaxed)))
    }
}
