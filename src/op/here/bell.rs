//! What wakes a thread that watches sockets, and only while the thread sleeps.
//!
//! Those that no call uses are kept while their runtime lives ([`shelf`]): to make one and to close it
//! would be two of the dozen system calls of a small ingestion.

use std::io::{ErrorKind, Result};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Wake;

use line::Line;
pub(super) use shelf::Borrowed;

mod shelf;

/// The thread runs its call.
const AWAKE: u8 = 0;
/// It runs, and must look at its call again.
const RUNG: u8 = 1;
/// It watches its sockets.
const ASLEEP: u8 = 2;

/// What wakes one thread.
pub(super) struct Bell {
    state: AtomicU8,
    line: Line,
}

impl Bell {
    /// # Errors
    /// When there are no descriptors left.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            state: AtomicU8::new(AWAKE),
            line: Line::new()?,
        })
    }

    /// What is readable after a ring.
    pub(super) fn descriptor(&self) -> RawFd {
        self.line.descriptor()
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

    /// Forgets rings that are answered.
    pub(super) fn quiet(&self) {
        // That there is none is all that can fail.
        let _ = self.line.quiet();
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RUNG, Ordering::SeqCst) == ASLEEP {
            // A full line wakes as well; a signal may interrupt.
            while self
                .line
                .ring()
                .is_err_and(|error| error.kind() == ErrorKind::Interrupted)
            {}
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod line {
    use std::fs::File;
    use std::io::{Error, Read, Result, Write};
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

    /// A counter of the system, readable while it is not 0.
    pub(super) struct Line(File);

    impl Line {
        pub(super) fn new() -> Result<Self> {
            // SAFETY: no memory is passed.
            let made = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
            if made < 0 {
                return Err(Error::last_os_error());
            }
            // SAFETY: it was just made, and nobody else closes it.
            Ok(Self(unsafe { OwnedFd::from_raw_fd(made) }.into()))
        }

        pub(super) fn descriptor(&self) -> RawFd {
            self.0.as_raw_fd()
        }

        pub(super) fn ring(&self) -> Result<()> {
            (&self.0).write(&1u64.to_ne_bytes()).map(drop)
        }

        pub(super) fn quiet(&self) -> Result<()> {
            (&self.0).read(&mut [0; 8]).map(drop)
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod line {
    use std::io::{Read, Result, Write};
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::UnixStream;

    /// A pair of sockets, one of which is readable after a byte was written to the other. Neither is closed
    /// before the other, so that writing raises no SIGPIPE.
    pub(super) struct Line {
        outside: UnixStream,
        inside: UnixStream,
    }

    impl Line {
        pub(super) fn new() -> Result<Self> {
            let (outside, inside) = UnixStream::pair()?;
            outside.set_nonblocking(true)?;
            inside.set_nonblocking(true)?;
            Ok(Self { outside, inside })
        }

        pub(super) fn descriptor(&self) -> RawFd {
            self.inside.as_raw_fd()
        }

        pub(super) fn ring(&self) -> Result<()> {
            (&self.outside).write(&[1]).map(drop)
        }

        pub(super) fn quiet(&self) -> Result<()> {
            // A byte that is left wakes once too often.
            (&self.inside).read(&mut [0; 64]).map(drop)
        }
    }
}
