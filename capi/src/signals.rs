//! Signals belong to the host program: this library's threads take none, and yet its callbacks run as
//! on a thread of its own.

use std::cell::Cell;

/// Which signals a thread does not take.
#[cfg(unix)]
pub(crate) type Mask = libc::sigset_t;
/// Windows has no signals that threads take.
#[cfg(not(unix))]
pub(crate) type Mask = ();

thread_local! {
    /// On a thread of the library: the host's.
    static HOST: Cell<Option<Mask>> = const { Cell::new(None) };
}

/// The mask of the calling thread.
#[cfg(unix)]
pub(crate) fn mask() -> Mask {
    // SAFETY: plain data that the call fills; it cannot fail with these arguments.
    unsafe {
        let mut now = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut now);
        now
    }
}

#[cfg(unix)]
fn set_mask(mask: &Mask) {
    // SAFETY: a set that the system made; it cannot fail with these arguments.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

/// All but those that a thread raises by a fault of its own: blocking them would only take the host's
/// crash handler away.
#[cfg(unix)]
fn all() -> Mask {
    let faults = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
    ];
    // SAFETY: sets of signals are plain data that sigfillset initialises; neither call can fail with
    // these arguments.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&mut all);
        for fault in faults {
            libc::sigdelset(&mut all, fault);
        }
        all
    }
}

#[cfg(not(unix))]
pub(crate) fn mask() -> Mask {}

#[cfg(not(unix))]
fn set_mask(_: &Mask) {}

#[cfg(not(unix))]
fn all() -> Mask {}

/// Runs `start` with signals blocked, so that a thread it starts has them blocked from its first
/// instruction on.
pub(crate) fn blocked<T>(start: impl FnOnce() -> T) -> T {
    with_mask(&all(), start)
}

/// Makes the calling thread one that takes no signals. `host` is the mask of its callbacks.
pub(crate) fn serve(host: Mask) {
    set_mask(&all());
    HOST.set(Some(host));
}

/// Runs a callback. Threads inherit the mask, and child processes do: what a callback starts would
/// take no signal for ever, with which runtimes stop their threads and people their programs.
pub(crate) fn as_host<T>(callback: impl FnOnce() -> T) -> T {
    // The thread may be ending.
    match HOST.try_with(Cell::get) {
        Ok(Some(host)) => with_mask(&host, callback),
        _ => callback(),
    }
}

fn with_mask<T>(during: &Mask, call: impl FnOnce() -> T) -> T {
    let before = mask();
    set_mask(during);
    let result = call();
    set_mask(&before);
    result
}
