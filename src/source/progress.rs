//! The progress of a transfer.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The progress of a transfer, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Read from the source.
    pub read: u64,
    /// Acknowledged by storage, or by the engine where it was streamed, after compression.
    pub sent: u64,
    /// The source's size, when it is known before the end.
    pub total: Option<u64>,
}

type Report = Arc<dyn Fn(Progress) + Send + Sync>;

/// Counts a transfer and reports it. The lock makes the calls come one at a time and in order.
#[derive(Clone)]
pub(crate) struct Meter {
    shared: Arc<Shared>,
    report: Option<Report>,
    /// Which reading of the source this handle counts.
    reading: u32,
}

struct Shared {
    state: Mutex<State>,
    /// For who waits until more was read.
    grown: Notify,
}

struct State {
    progress: Progress,
    /// The reading that counts: an abandoned one may still be at its last chunk.
    reading: u32,
}

impl Meter {
    pub(crate) fn new(report: Option<Report>, total: Option<u64>) -> Self {
        let progress = Progress {
            total,
            ..Progress::default()
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    progress,
                    reading: 0,
                }),
                grown: Notify::new(),
            }),
            report,
            reading: 0,
        }
    }

    pub(crate) fn add_read(&self, bytes: usize) {
        let mut state = self.lock();
        if state.reading == self.reading {
            state.progress.read += bytes as u64;
            self.tell(&state);
            self.shared.grown.notify_waiters();
        }
    }

    /// Returns when more was read than when it was called.
    pub(crate) fn grown(&self) -> Notified<'_> {
        self.shared.grown.notified()
    }

    pub(crate) fn add_sent(&self, bytes: usize) {
        let mut state = self.lock();
        state.progress.sent += bytes as u64;
        self.tell(&state);
    }

    /// For another attempt to send the data that was read.
    pub(crate) fn restart_sent(&self) {
        let mut state = self.lock();
        state.progress.sent = 0;
        self.tell(&state);
    }

    /// As it is now.
    pub(crate) fn progress(&self) -> Progress {
        self.lock().progress
    }

    /// As it was before an attempt that was given up: its reading no longer counts.
    pub(crate) fn restore(&self, progress: Progress) {
        let mut state = self.lock();
        state.progress = progress;
        state.reading += 1;
        self.tell(&state);
    }

    /// A handle for a reading of the source from its start: earlier readings no longer count.
    pub(crate) fn restart_read(&self) -> Self {
        let mut state = self.lock();
        state.progress.read = 0;
        state.reading += 1;
        Self {
            reading: state.reading,
            ..self.clone()
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panicking report poisons the lock; the numbers behind it are still consistent.
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, state: &State) {
        if let Some(report) = &self.report {
            report(state.progress);
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}
