//! The bells that no call uses.
//!
//! They belong to a runtime, not to a thread, and are closed when it ends: a program that goes on
//! afterwards, as a daemon that closes every descriptor it does not know, never meets one. While the
//! runtime lives it has descriptors of its own, without which nothing here works. A child process has
//! copies of its parent's bells and leaves them alone.

use std::io::Result;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};

use super::Bell;
use crate::op::ids::forks;

/// How many a runtime keeps.
const KEPT: usize = 8;

static SHELVES: Mutex<Vec<Shelf>> = Mutex::new(Vec::new());

/// The bells of one runtime.
struct Shelf {
    runtime: Id,
    /// [`forks`] when it was made.
    forks: u64,
    bells: Vec<Arc<Bell>>,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if self.forks != forks() {
            // Their numbers may be other descriptors' by now.
            std::mem::take(&mut self.bells)
                .into_iter()
                .for_each(std::mem::forget);
        }
    }
}

/// A bell for one call.
pub(in super::super) struct Borrowed<'a> {
    bell: Arc<Bell>,
    runtime: &'a Handle,
    /// [`forks`] when it was borrowed.
    forks: u64,
}

impl<'a> Borrowed<'a> {
    /// # Errors
    /// When there are no descriptors left.
    pub(in super::super) fn new(runtime: &'a Handle) -> Result<Self> {
        let kept = shelves().and_then(|mut all| of(&mut all, runtime)?.bells.pop());
        let bell = match kept {
            Some(bell) => bell,
            None => Arc::new(Bell::new()?),
        };
        let forks = forks();
        Ok(Self {
            bell,
            runtime,
            forks,
        })
    }
}

impl Deref for Borrowed<'_> {
    type Target = Arc<Bell>;

    fn deref(&self) -> &Arc<Bell> {
        &self.bell
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if self.forks != forks() {
            std::mem::forget(self.bell.clone());
            return;
        }
        let Some(mut all) = shelves() else { return };
        if let Some(shelf) = of(&mut all, self.runtime) {
            if shelf.bells.len() < KEPT {
                shelf.bells.push(self.bell.clone());
            }
            return;
        }
        let runtime = self.runtime.id();
        all.retain(|other| other.runtime != runtime);
        all.push(Shelf {
            runtime,
            forks: self.forks,
            bells: vec![self.bell.clone()],
        });
        drop(all);
        let end = End(runtime);
        // A runtime that has ended drops it at once.
        self.runtime.spawn(async move {
            let _end = end;
            std::future::pending::<()>().await;
        });
    }
}

/// Of a runtime, which drops its tasks then.
struct End(Id);

impl Drop for End {
    fn drop(&mut self) {
        let mut all = SHELVES.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|shelf| shelf.runtime != self.0);
    }
}

/// `None` while another thread is at them: in a child process it may be one that does not exist.
fn shelves() -> Option<MutexGuard<'static, Vec<Shelf>>> {
    SHELVES.try_lock().ok()
}

fn of<'a>(all: &'a mut [Shelf], runtime: &Handle) -> Option<&'a mut Shelf> {
    let (runtime, forks) = (runtime.id(), forks());
    all.iter_mut()
        .find(|shelf| shelf.runtime == runtime && shelf.forks == forks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(runtime: Id) -> usize {
        let all = SHELVES.lock().unwrap();
        let mut own = all.iter().filter(|shelf| shelf.runtime == runtime);
        own.next().map_or(0, |shelf| shelf.bells.len())
    }

    #[test]
    fn bells_are_used_again_and_closed_with_their_runtime() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let (borrowed, id) = (|| Borrowed::new(&handle).unwrap(), handle.id());
        let two = [borrowed(), borrowed()];
        let own = two.each_ref().map(|bell| bell.descriptor());
        assert_ne!(own[0], own[1]);
        drop(two);
        // Another test may be at the shelves at that moment: then a bell is made or closed.
        while kept(id) == 0 {
            drop(borrowed());
        }
        assert!(kept(id) <= 2);
        runtime.shutdown_timeout(std::time::Duration::from_secs(60));
        assert_eq!(kept(id), 0);
    }
}
