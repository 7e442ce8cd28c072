//! Ids that nobody else has. An ingestion takes about nine.
//!
//! Their randomness comes from the system, taken for many ids at once: a call for each costs more than
//! all else that is done with it.

use std::cell::RefCell;

use uuid::{Builder, Uuid};

const LENGTH: usize = size_of::<uuid::Bytes>();
/// How many ids' randomness a thread takes at once.
const AT_ONCE: usize = 64;

thread_local! {
    static TAKEN: RefCell<Taken> = const {
        RefCell::new(Taken { bytes: [0; AT_ONCE * LENGTH], left: 0, forks: 0 })
    };
}

/// Randomness of one thread that no id has used yet: what is behind `left` is used.
struct Taken {
    bytes: [u8; AT_ONCE * LENGTH],
    left: usize,
    /// [`forks`] when it was taken: a child process has a copy, whose ids would be those of its parent.
    forks: u64,
}

/// A random id (UUID version 4).
pub(crate) fn new_id() -> Uuid {
    let forks = forks();
    match TAKEN.with_borrow_mut(|taken| taken.next(forks)) {
        Some(bytes) => Builder::from_random_bytes(bytes).into_uuid(),
        // The system gave nothing; another attempt that fails as well is a panic of its library.
        None => Uuid::new_v4(),
    }
}

/// Chance for one decision: a pause, an order; nothing that must not be guessed. Not fastrand's own of
/// each thread: it allocates a name for a thread of the program's, which nobody frees on its first one.
pub(crate) fn chance() -> fastrand::Rng {
    let (seed, _) = new_id().as_u64_pair();
    fastrand::Rng::with_seed(seed)
}

impl Taken {
    fn next(&mut self, forks: u64) -> Option<uuid::Bytes> {
        if self.left == 0 || self.forks != forks {
            self.left = 0;
            getrandom::fill(&mut self.bytes).ok()?;
            (self.left, self.forks) = (AT_ONCE, forks);
        }
        self.left -= 1;
        let id = self.bytes.chunks_exact(LENGTH).nth(self.left)?;
        id.try_into().ok()
    }
}

/// How often a process became another one on the way to this one, as far as this library saw it.
#[cfg(unix)]
pub(super) fn forks() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};

    static FORKS: AtomicU64 = AtomicU64::new(0);
    static WATCHED: std::sync::Once = std::sync::Once::new();

    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    WATCHED.call_once(|| {
        // SAFETY: the handler is a function without arguments that lives as long as the program, and
        // does nothing but to count, which a child of a process with threads may do.
        let watched = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        debug_assert_eq!(watched, 0, "it fails without memory only");
    });
    FORKS.load(Ordering::Relaxed)
}

#[cfg(not(unix))]
pub(super) fn forks() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_random_ones_and_differ_across_threads() {
        let of_thread = || (0..3 * AT_ONCE).map(|_| new_id()).collect::<Vec<_>>();
        let threads = [(); 4].map(|()| std::thread::spawn(of_thread));
        let ids = threads.into_iter().flat_map(|it| it.join().unwrap());
        let ids: Vec<Uuid> = ids.collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
        let different: HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }

    #[test]
    fn a_copy_in_a_child_process_is_not_used() {
        let mut taken = Taken {
            bytes: [0; AT_ONCE * LENGTH],
            left: 0,
            forks: 0,
        };
        let first = taken.next(0);
        assert_eq!(taken.left, AT_ONCE - 1);
        taken.next(1);
        assert_eq!((taken.left, taken.forks), (AT_ONCE - 1, 1));
        assert_ne!(taken.next(1), first);
    }

    #[cfg(unix)]
    #[test]
    fn a_child_process_has_ids_of_its_own() {
        new_id();
        let mut pipe = [0; 2];
        // SAFETY: the child writes its id to the pipe and ends, without running anything of its parent.
        let theirs = unsafe {
            assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
            let child = libc::fork();
            if child == 0 {
                let id = new_id();
                libc::write(pipe[1], id.as_bytes().as_ptr().cast(), LENGTH);
                libc::_exit(0);
            }
            let mut theirs = [0u8; LENGTH];
            let read = libc::read(pipe[0], theirs.as_mut_ptr().cast(), LENGTH);
            assert_eq!(usize::try_from(read).ok(), Some(LENGTH));
            libc::waitpid(child, std::ptr::null_mut(), 0);
            Uuid::from_bytes(theirs)
        };
        let ours: Vec<Uuid> = (0..AT_ONCE).map(|_| new_id()).collect();
        assert!(!ours.contains(&theirs));
    }
}
