//! How many requests are under way at once: as many as the setting says, fewer after the service has throttled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How long after a halving no other one follows: requests that were sent together fail together.
const SETTLING: Duration = Duration::from_secs(10);
/// After so many successes one place comes back.
const SUCCESSES: u32 = 50;

/// The places of one client.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// As many as there should be.
    wanted: usize,
    /// As many as there are, in use or not.
    there: usize,
    most: usize,
    successes: u32,
    halved: Option<Instant>,
}

/// One request's place.
#[derive(Debug)]
pub(super) struct Place<'a> {
    places: &'a Places,
    permit: Option<OwnedSemaphorePermit>,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            state: Mutex::new(State {
                wanted: most,
                there: most,
                most,
                successes: 0,
                halved: None,
            }),
        }
    }

    /// A place, in turn.
    pub(super) async fn take(&self) -> Place<'_> {
        // The semaphore is never closed: without a permit there would be no bound, which harms nobody.
        let permit = self.free.clone().acquire_owned().await.ok();
        Place {
            places: self,
            permit,
        }
    }

    /// The service throttles.
    pub(super) fn throttled(&self, now: Instant) {
        let mut state = self.lock();
        let settles = |halved: Instant| now.saturating_duration_since(halved) < SETTLING;
        state.successes = 0;
        if state.halved.is_some_and(settles) {
            return;
        }
        state.halved = Some(now);
        state.wanted = (state.wanted / 2).max(1);
        let excess = state.there.saturating_sub(state.wanted);
        state.there -= self.free.forget_permits(excess);
    }

    /// A request succeeded.
    pub(super) fn succeeded(&self) {
        let mut state = self.lock();
        if state.wanted == state.most {
            return;
        }
        state.successes += 1;
        if state.successes >= SUCCESSES {
            state.successes = 0;
            state.wanted += 1;
            if state.there < state.wanted {
                state.there += 1;
                self.free.add_permits(1);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        // One that there should not be any more was in use.
        if state.there > state.wanted
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
            state.there -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(places: &Places) -> usize {
        places.lock().there
    }

    #[tokio::test]
    async fn throttling_halves_them_once_at_a_time_and_success_brings_them_back() {
        let places = Places::new(8);
        let now = Instant::now();
        let held = [places.take().await, places.take().await];
        places.throttled(now);
        places.throttled(now + SETTLING / 2);
        assert_eq!((there(&places), places.free.available_permits()), (4, 2));
        for n in 1..5 {
            places.throttled(now + SETTLING * n);
        }
        // What is in use goes when it is given back.
        assert_eq!((there(&places), places.free.available_permits()), (2, 0));
        drop(held);
        assert_eq!((there(&places), places.free.available_permits()), (1, 1));
        for _ in 0..SUCCESSES * 7 {
            places.succeeded();
        }
        assert_eq!((there(&places), places.free.available_permits()), (8, 8));
        places.succeeded();
        assert_eq!(there(&places), 8);
    }
}
