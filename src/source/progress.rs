//! How far a transfer is.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How far a transfer is, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Read from the source.
    pub read: u64,
    /// Acknowledged by storage, after compression.
    pub sent: u64,
    /// The source's size, when it is known before the end.
    pub total: Option<u64>,
}

type Report = Arc<dyn Fn(Progress) + Send + Sync>;

/// Counts a transfer and reports it. The lock makes the calls come one at a time and in order.
#[derive(Clone)]
pub(crate) struct Meter {
    state: Arc<Mutex<Progress>>,
    report: Option<Report>,
}

impl Meter {
    pub(crate) fn new(report: Option<Report>, total: Option<u64>) -> Self {
        let state = Progress {
            total,
            ..Progress::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            report,
        }
    }

    pub(crate) fn add_read(&self, bytes: usize) {
        self.update(|progress| progress.read += bytes as u64);
    }

    pub(crate) fn add_sent(&self, bytes: usize) {
        self.update(|progress| progress.sent += bytes as u64);
    }

    /// Back to zero, for another attempt from the start of the source.
    pub(crate) fn restart(&self) {
        self.update(|progress| {
            *progress = Progress {
                total: progress.total,
                ..Progress::default()
            }
        });
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        // A panicking report poisons the lock; the numbers behind it are still whole.
        let mut progress = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut progress);
        if let Some(report) = &self.report {
            report(*progress);
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}
