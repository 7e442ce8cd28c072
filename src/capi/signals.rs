//! Signals belong to the host program: this library's threads take none.

/// Runs `start` with signals blocked, so that a thread it starts has them blocked from its first
/// instruction on.
#[cfg(unix)]
pub(super) fn blocked<T>(start: impl FnOnce() -> T) -> T {
    let before = block_all();
    let result = start();
    // SAFETY: a mask that the system gave.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    result
}

/// Blocks signals on this thread; returns the mask before. Those that a thread raises by a fault of
/// its own stay: blocking them would only take the host's crash handler away.
#[cfg(unix)]
pub(super) fn block_all() -> libc::sigset_t {
    let faults = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
    ];
    // SAFETY: sets of signals are plain data that sigfillset initialises; none of these calls can
    // fail with these arguments.
    unsafe {
        let mut all = std::mem::zeroed();
        let mut before = std::mem::zeroed();
        libc::sigfillset(&mut all);
        for fault in faults {
            libc::sigdelset(&mut all, fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        before
    }
}

/// Windows has no signals that threads take.
#[cfg(not(unix))]
pub(super) fn blocked<T>(start: impl FnOnce() -> T) -> T {
    start()
}

/// As above.
#[cfg(not(unix))]
pub(super) fn block_all() {}
