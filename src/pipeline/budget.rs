//! One limit, in bytes, for everything that a client has read and storage has not acknowledged.
//!
//! Three rules keep it free of deadlocks. Whoever waits for memory holds none that only it can
//! give back. What is merely kept, for the case that a container fails, is given up for a waiter.
//! And when somebody waits while nothing moves, everybody hands on what is half full:
//! [`Budget::pressed`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The budget of one client; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    free: Arc<Semaphore>,
    total: usize,
    traffic: Arc<Traffic>,
    keepers: Arc<Mutex<Vec<Weak<dyn Keeper>>>>,
}

/// Holds memory for convenience only and can give it up at any time.
pub(crate) trait Keeper: Send + Sync + std::fmt::Debug {
    /// Bytes that giving up would return.
    fn kept(&self) -> usize;
    /// Forgets everything, for good.
    fn give_up(&self);
}

/// A part of the budget, returned when dropped.
#[derive(Debug)]
pub(crate) struct Reservation(OwnedSemaphorePermit);

/// See [`Budget::moving`].
#[derive(Debug)]
pub(crate) struct Moving(#[expect(dead_code, reason = "held for its drop")] Counted);

/// Who waits, and whether anything is on its way to give memory back.
#[derive(Debug)]
struct Traffic {
    counts: Mutex<Counts>,
    pressed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting: usize,
    moving: usize,
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

    /// Part of the budget if there is enough without waiting; what others keep is given up for it.
    /// More than the whole budget counts as the whole.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut reclaimed = 0;
        loop {
            let permit = self.free.clone();
            if let Ok(permit) = permit.try_acquire_many_owned(self.permits(bytes)) {
                return Some(Reservation(permit));
            }
            // What is given up while it is under way comes back later: no more of it than needed.
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
        let permit = self.free.clone().acquire_many_owned(self.permits(bytes));
        match permit.await {
            Ok(permit) => Reservation(permit),
            // Nobody closes the semaphore.
            Err(_closed) => std::future::pending().await,
        }
    }

    /// Says, while the guard lives, that memory is on its way to be given back.
    pub(crate) fn moving(&self) -> Moving {
        Moving(self.traffic.count(|counts| &mut counts.moving))
    }

    /// Returns when somebody waits for memory and nothing moves: time to hand on what is half full.
    pub(crate) async fn pressed(&self) {
        let mut pressed = self.traffic.pressed.subscribe();
        // The sender lives as long as `self`.
        let _ = pressed.wait_for(|pressed| *pressed).await;
    }

    /// Makes a keeper known for as long as it lives.
    pub(crate) fn register(&self, keeper: &Arc<impl Keeper + 'static>) {
        let keeper: Arc<dyn Keeper> = keeper.clone();
        let mut keepers = self.keepers();
        keepers.retain(|known| known.strong_count() > 0);
        keepers.push(Arc::downgrade(&keeper));
    }

    /// Whether somebody waits: then nothing more should be kept.
    pub(crate) fn is_scarce(&self) -> bool {
        self.traffic.lock().waiting > 0
    }

    /// Lets the keeper that holds most give up; returns how much that was.
    fn reclaim(&self) -> usize {
        let keepers: Vec<_> = self.keepers().iter().filter_map(Weak::upgrade).collect();
        let largest = keepers.iter().max_by_key(|keeper| keeper.kept());
        largest.map_or(0, |keeper| {
            let kept = keeper.kept();
            keeper.give_up();
            kept
        })
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

    /// Takes `bytes` of it, or what there is, as a reservation of its own.
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
        // More than there is counts as all there is: it must not wait for ever.
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
    async fn pressure_is_on_while_somebody_waits_and_nothing_moves() {
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
}
