//! The time of day as a dependency, so that expiry can be tested without waiting.

use std::fmt::Debug;

use time::OffsetDateTime;

/// A source of the current time, for expiry and back-off.
pub(crate) trait Clock: Send + Sync + Debug {
    /// The current time, UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// A clock that only advances when it is moved.
    #[derive(Debug)]
    pub(crate) struct ManualClock(Mutex<OffsetDateTime>);

    impl ManualClock {
        pub(crate) fn new(now: OffsetDateTime) -> Self {
            Self(Mutex::new(now))
        }

        pub(crate) fn advance(&self, by: time::Duration) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }

    impl Default for ManualClock {
        /// Begins at 2024-05-01T10:00:00Z.
        fn default() -> Self {
            Self::new(time::macros::datetime!(2024-05-01 10:00:00 UTC))
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> OffsetDateTime {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
