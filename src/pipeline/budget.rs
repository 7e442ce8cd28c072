//! One limit, in bytes, for everything that a client has read and storage has not acknowledged.
//!
//! Three rules keep it free of deadlocks. A task that waits for memory holds none that only it can
//! return. Data that is merely kept, for the case that a container fails, is released for a waiter.
//! And when a task waits while nothing moves, or seems stuck, all pass on their half-full buffers:
//! [`Budget::pressed`].

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// When no waiter obtained memory for this long, requests under way count as stuck: one to a silent
/// host may take minutes.
const STUCK: Duration = Duration::from_secs(10);

/// The budget of one client; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    free: Arc<Semaphore>,
    total: usize,
    traffic: Arc<Traffic>,
    keepers: Arc<Mutex<Vec<Weak<dyn Keeper>>>>,
}

/// Holds memory for convenience only and can release it at any time.
pub(crate) trait Keeper: Send + Sync + std::fmt::Debug {
    /// Bytes that a release would return.
    fn kept(&self) -> usize;
    /// Releases everything, permanently.
    fn give_up(&self);
}

/// A part of the budget, returned when dropped.
#[derive(Debug)]
pub(crate) struct Reservation(OwnedSemaphorePermit);

/// See [`Budget::moving`].
#[derive(Debug)]
pub(crate) struct Moving(#[expect(dead_code, reason = "held for its drop")] Counted);

/// The waiters, and whether any memory is about to be returned.
#[derive(Debug)]
struct Traffic {
    counts: Mutex<Counts>,
    pressed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting: usize,
    moving: usize,
    /// How many waits ended with memory.
    served: u64,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let total = bytes.min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(total)),
            total,
            traffic: Arc::new(Traffic {
                counts: Mutex::default(),
                pressed: watch::Sender::new(false),
            }),
            keepers: Arc::default(),
        }
    }

    /// The limit as a whole.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Part of the budget if there is enough without waiting; kept data of others is released for
    /// it. More than the whole budget counts as the whole.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut reclaimed = 0;
        loop {
            let permit = self.free.clone();
            if let Ok(permit) = permit.try_acquire_many_owned(self.permits(bytes)) {
                return Some(Reservation(permit));
            }
            // Memory that is released while in use is returned later: release no more than needed.
            if reclaimed >= bytes {
                return None;
            }
            match self.reclaim() {
                0 => return None,
                more => reclaimed += more,
            }
        }
    }

    /// Part of the budget, waiting for it in turn.
    pub(crate) async fn reserve(&self, bytes: usize) -> Reservation {
        if let Some(reservation) = self.try_reserve(bytes) {
            return reservation;
        }
        let _waiting = self.traffic.count(|counts| &mut counts.waiting);
        let mut permit = pin!(self.free.clone().acquire_many_owned(self.permits(bytes)));
        let mut kept = true;
        loop {
            tokio::select! {
                biased;
                permit = &mut permit => match permit {
                    Ok(permit) => {
                        self.traffic.lock().served += 1;
                        return Reservation(permit);
                    }
                    // The semaphore is never closed.
                    Err(_closed) => return std::future::pending().await,
                },
                // Releases data that others kept before they could see this wait, and more where a
                // release returned less than expected. Nothing more is kept from now on.
                () = self.pressed(), if kept => kept = self.reclaim() > 0,
            }
        }
    }

    /// Declares, while the guard lives, that memory is about to be returned.
    pub(crate) fn moving(&self) -> Moving {
        Moving(self.traffic.count(|counts| &mut counts.moving))
    }

    /// Returns when a task waits for memory and nothing moves or makes progress: time to pass on
    /// half-full buffers.
    pub(crate) async fn pressed(&self) {
        let mut pressed = self.traffic.pressed.subscribe();
        tokio::select! {
            biased;
            // The sender lives as long as `self`.
            _ = pressed.wait_for(|pressed| *pressed) => {}
            () = self.stuck() => {}
        }
    }

    /// Returns when tasks wait and none was served for [`STUCK`].
    async fn stuck(&self) {
        loop {
            let before = self.traffic.lock().served;
            tokio::time::sleep(STUCK).await;
            let counts = self.traffic.lock();
            if counts.waiting > 0 && counts.served == before {
                return;
            }
        }
    }

    /// Registers a keeper for its lifetime.
    pub(crate) fn register(&self, keeper: &Arc<impl Keeper + 'static>) {
        let keeper: Arc<dyn Keeper> = keeper.clone();
        let mut keepers = self.keepers();
        keepers.retain(|known| known.strong_count() > 0);
        keepers.push(Arc::downgrade(&keeper));
    }

    /// Whether a task waits: then nothing more should be kept.
    pub(crate) fn is_scarce(&self) -> bool {
        self.traffic.lock().waiting > 0
    }

    /// Makes the keeper that holds most release its data; returns how much that was. One that holds
    /// nothing yet is skipped: it could not keep anything later.
    fn reclaim(&self) -> usize {
        let keepers: Vec<_> = self.keepers().iter().filter_map(Weak::upgrade).collect();
        let largest = keepers.iter().map(|keeper| (keeper.kept(), keeper));
        match largest.max_by_key(|(kept, _)| *kept) {
            Some((kept, keeper)) if kept > 0 => {
                keeper.give_up();
                kept
            }
            _ => 0,
        }
    }

    fn keepers(&self) -> MutexGuard<'_, Vec<Weak<dyn Keeper>>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn permits(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.total)).unwrap_or(u32::MAX)
    }
}

impl Reservation {
    fn bytes(&self) -> usize {
        self.0.num_permits()
    }

    /// Returns all but `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let excess = self.bytes().saturating_sub(bytes);
        drop(self.0.split(excess));
    }

    /// Splits off `bytes` of it, or all of it if there is less, as a separate reservation.
    pub(crate) fn split(&mut self, bytes: usize) -> Option<Self> {
        self.0.split(bytes.min(self.bytes())).map(Self)
    }

    /// Adds another part of the same budget.
    pub(crate) fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }
}

impl Traffic {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more until the guard is dropped.
    fn count(self: &Arc<Self>, which: fn(&mut Counts) -> &mut usize) -> Counted {
        self.change(which, |count| *count += 1);
        Counted {
            traffic: self.clone(),
            which,
        }
    }

    fn change(&self, which: fn(&mut Counts) -> &mut usize, how: fn(&mut usize)) {
        let mut counts = self.lock();
        how(which(&mut counts));
        let pressed = counts.waiting > 0 && counts.moving == 0;
        self.pressed
            .send_if_modified(|was| std::mem::replace(was, pressed) != pressed);
    }
}

#[derive(Debug)]
struct Counted {
    traffic: Arc<Traffic>,
    which: fn(&mut Counts) -> &mut usize,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.traffic.change(self.which, |count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Attic(Mutex<Vec<Reservation>>);

    impl Keeper for Attic {
        fn kept(&self) -> usize {
            let kept = self.0.lock().unwrap();
            kept.iter().map(|part| part.bytes()).sum()
        }
        fn give_up(&self) {
            self.0.lock().unwrap().clear();
        }
    }

    fn attic(budget: &Budget, bytes: usize) -> Arc<Attic> {
        let part = budget.try_reserve(bytes).unwrap();
        let attic = Arc::new(Attic(Mutex::new(vec![part])));
        budget.register(&attic);
        attic
    }

    #[tokio::test]
    async fn what_is_reserved_comes_back_and_can_be_split() {
        let budget = Budget::new(100);
        let mut part = budget.try_reserve(80).unwrap();
        assert!(budget.try_reserve(21).is_none());
        part.shrink_to(50);
        let half = part.split(20).unwrap();
        drop(half);
        part.merge(budget.try_reserve(70).unwrap());
        assert!(budget.try_reserve(1).is_none());
        drop(part);
        assert!(budget.try_reserve(100).is_some());
        // A request for more than the total counts as the total: it must not wait for ever.
        drop(budget.reserve(1000).await);
    }

    #[tokio::test]
    async fn the_largest_keeper_gives_up_first_and_only_when_needed() {
        let budget = Budget::new(100);
        let (small, large) = (attic(&budget, 20), attic(&budget, 60));
        let part = budget.reserve(20).await;
        assert_eq!((small.kept(), large.kept()), (20, 60));
        let more = budget.reserve(40).await;
        assert_eq!((small.kept(), large.kept()), (20, 0));
        drop((part, more, large));
        assert!(budget.try_reserve(100).is_some());
        assert_eq!(small.kept(), 0);
    }

    #[tokio::test]
    async fn pressure_is_on_while_a_task_waits_and_nothing_moves() {
        let budget = Budget::new(10);
        let all = budget.reserve(10).await;
        let moving = budget.moving();
        let waiter = tokio::spawn({
            let budget = budget.clone();
            async move { budget.reserve(5).await }
        });
        while !budget.is_scarce() {
            tokio::task::yield_now().await;
        }
        assert!(!*budget.traffic.pressed.borrow());
        drop(moving);
        budget.pressed().await;
        drop(all);
        waiter.await.unwrap();
        assert!(!*budget.traffic.pressed.borrow());
        assert!(!budget.is_scarce());
    }

    /// Keeps data between the moment when a waiter looked for it and the moment when the waiter is
    /// registered.
    #[derive(Debug)]
    struct Late(Budget, Attic);

    impl Keeper for Late {
        fn kept(&self) -> usize {
            if self.0.is_scarce() { self.1.kept() } else { 0 }
        }
        fn give_up(&self) {
            self.1.give_up();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_kept_while_a_waiter_came_is_given_up_too() {
        let budget = Budget::new(100);
        let part = budget.try_reserve(100).unwrap();
        let late = Arc::new(Late(budget.clone(), Attic(Mutex::new(vec![part]))));
        budget.register(&late);
        let other = Arc::new(Fresh::default());
        budget.register(&other);
        let patience = std::time::Duration::from_secs(3600);
        let waited = tokio::time::timeout(patience, budget.reserve(50)).await;
        assert_eq!(waited.unwrap().bytes(), 50);
    }

    #[tokio::test]
    async fn who_keeps_nothing_has_nothing_to_give_up() {
        let budget = Budget::new(100);
        let part = budget.reserve(100).await;
        let gave_up = Arc::new(Fresh::default());
        budget.register(&gave_up);
        assert!(budget.try_reserve(1).is_none());
        assert!(!gave_up.0.load(std::sync::atomic::Ordering::SeqCst));
        drop(part);
    }

    /// A source that has not returned anything yet.
    #[derive(Debug, Default)]
    struct Fresh(std::sync::atomic::AtomicBool);

    impl Keeper for Fresh {
        fn kept(&self) -> usize {
            0
        }
        fn give_up(&self) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stuck_on_its_way_does_not_hold_up_the_others_for_ever() {
        let budget = Budget::new(10);
        let all = budget.reserve(10).await;
        // An upload to a silent host.
        let _moving = budget.moving();
        let waiter = tokio::spawn({
            let budget = budget.clone();
            async move { budget.reserve(5).await }
        });
        let patience = std::time::Duration::from_secs(60);
        let pressed = tokio::time::timeout(patience, budget.pressed()).await;
        assert!(pressed.is_ok(), "a half-full buffer must be passed on");
        drop(all);
        waiter.await.unwrap();
    }
}
