//! What wakes a thread that watches sockets: a byte in a pipe, and only while the thread sleeps.

use std::io::{ErrorKind, Read, Result, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Wake;

/// The thread runs its call.
const AWAKE: u8 = 0;
/// It runs, and must look at its call again.
const RUNG: u8 = 1;
/// It watches its sockets.
const ASLEEP: u8 = 2;

/// How many bells are kept for later calls: each has two descriptors.
const KEPT: usize = 16;

/// Bells that no call uses, with the process that made each: a child shares the descriptors of its
/// parent. Only ever tried: the lock of a child may have been held by a thread that it does not have.
static STOCK: Mutex<Vec<(u32, Arc<Bell>)>> = Mutex::new(Vec::new());

/// A bell for one call.
pub(super) struct Borrowed {
    pub(super) bell: Arc<Bell>,
    process: u32,
}

impl Borrowed {
    /// # Errors
    /// When there are no descriptors for another one.
    pub(super) fn take() -> Result<Self> {
        let process = std::process::id();
        let kept = STOCK.try_lock().ok().and_then(|mut stock| {
            stock.retain(|(maker, _)| *maker == process);
            stock.pop()
        });
        let bell = match kept {
            Some((_, bell)) => bell,
            None => Arc::new(Bell::new()?),
        };
        Ok(Self { bell, process })
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // A waker that somebody still holds rings for another call then: that looks once too often.
        if let Ok(mut stock) = STOCK.try_lock()
            && stock.len() < KEPT
        {
            stock.push((self.process, self.bell.clone()));
        }
    }
}

/// What wakes one thread.
pub(super) struct Bell {
    state: AtomicU8,
    /// Also sends without SIGPIPE: this end is never closed before the other.
    outside: UnixStream,
    inside: UnixStream,
}

impl Bell {
    pub(super) fn new() -> Result<Self> {
        let (outside, inside) = UnixStream::pair()?;
        outside.set_nonblocking(true)?;
        inside.set_nonblocking(true)?;
        Ok(Self {
            state: AtomicU8::new(AWAKE),
            outside,
            inside,
        })
    }

    /// What is readable after a ring.
    pub(super) fn descriptor(&self) -> RawFd {
        self.inside.as_raw_fd()
    }

    /// Before the call is run: earlier rings are answered by it.
    pub(super) fn awake(&self) {
        // Not a mere store: what was done before the ring must be seen by the call now.
        self.state.swap(AWAKE, Ordering::SeqCst);
    }

    /// Before the thread sleeps; false when it must not.
    pub(super) fn sleep(&self) -> bool {
        let order = Ordering::SeqCst;
        self.state
            .compare_exchange(AWAKE, ASLEEP, order, order)
            .is_ok()
    }

    /// Takes the bytes of rings that are answered.
    pub(super) fn quiet(&self) {
        let mut rings = [0; 16];
        loop {
            match (&self.inside).read(&mut rings) {
                Ok(length) if length == rings.len() => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RUNG, Ordering::SeqCst) == ASLEEP {
            // A full pipe wakes as well; a signal may interrupt.
            while (&self.outside)
                .write(&[1])
                .is_err_and(|error| error.kind() == ErrorKind::Interrupted)
            {}
        }
    }
}
