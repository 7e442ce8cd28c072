//! The queries that run, under the ids that their clients gave them, so that another request can cancel one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::watch::Stop;

/// Queries that run.
#[derive(Default)]
pub(super) struct Running(Mutex<Vec<(String, Stop)>>);

/// A query that runs until this is dropped.
pub(super) struct Runs<'r> {
    running: &'r Running,
    stop: Stop,
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        self.running.lock().retain(|(_, stop)| !stop.is(&self.stop));
    }
}

impl Running {
    pub(super) fn begin(&self, id: &str, stop: &Stop) -> Runs<'_> {
        self.lock().push((id.to_owned(), stop.clone()));
        Runs {
            running: self,
            stop: stop.clone(),
        }
    }

    /// Cancels the queries with the id. False when none runs.
    pub(super) fn cancel(&self, id: &str, reason: &str) -> bool {
        let all = self.lock();
        let of_id = all.iter().filter(|(own, _)| own == id);
        of_id.map(|(_, stop)| stop.cancel(reason)).count() > 0
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Stop)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
