//! What a call needs to know about the program's own thread: its stack, its signals, its cancellation.

use std::ops::Range;

/// What a call needs, with room to spare.
const NEEDED: usize = if cfg!(debug_assertions) {
    1024 * 1024
} else {
    256 * 1024
};

/// Where the current thread's own stack is, from its lowest address on.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn bounds() -> Option<Range<usize>> {
    let (mut low, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes are plain data that the first call fills in and the last one releases; the
    // places for the results outlive the calls.
    let known = unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return None;
        }
        let known = libc::pthread_attr_getstack(&attributes, &mut low, &mut size) == 0;
        libc::pthread_attr_destroy(&mut attributes);
        known
    };
    let low = low as usize;
    known.then(|| low..low.saturating_add(size))
}

/// Where the current thread's own stack is, from its lowest address on.
#[cfg(target_vendor = "apple")]
pub(super) fn bounds() -> Option<Range<usize>> {
    // SAFETY: both are about the calling thread and cannot fail.
    let (high, size) = unsafe {
        let this = libc::pthread_self();
        (
            libc::pthread_get_stackaddr_np(this) as usize,
            libc::pthread_get_stacksize_np(this),
        )
    };
    Some(high.saturating_sub(size)..high)
}

/// Where the current thread's own stack is: unknown.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn bounds() -> Option<Range<usize>> {
    None
}

/// Whether the stack in use is the thread's own, and enough of it is left. A coroutine has another one,
/// of a size that nobody knows.
#[inline(never)]
pub(super) fn suffices(own: &Range<usize>) -> bool {
    let here = 0u8;
    let now = std::ptr::from_ref(&here) as usize;
    own.contains(&now) && now - own.start >= NEEDED
}

/// What a thread raises by a fault of its own stays with the program's crash handler.
const FAULTS: [i32; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// Runs `start` while the current thread takes no signals, so that a thread it starts never does.
pub(super) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    let _restored = Masked::begin();
    start()
}

/// The mask that the thread has again when this is dropped.
struct Masked(libc::sigset_t);

impl Masked {
    fn begin() -> Self {
        // SAFETY: sets of signals are plain data that the calls fill in; they cannot fail with these
        // arguments.
        unsafe {
            let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&mut all);
            for fault in FAULTS {
                libc::sigdelset(&mut all, fault);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &all, &mut before);
            Self(before)
        }
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        // SAFETY: a set that the system filled in.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}

/// While it lives, `pthread_cancel` does not end the thread: it would unwind through frames of Rust from
/// within a call of the system, which aborts the process. A request stays pending until then.
pub(super) struct Uncancelled(#[cfg(not(target_os = "android"))] i32);

#[cfg(not(target_os = "android"))]
unsafe extern "C" {
    fn pthread_setcancelstate(state: i32, before: *mut i32) -> i32;
}

impl Uncancelled {
    #[cfg(not(target_os = "android"))]
    pub(super) fn begin() -> Self {
        const DISABLE: i32 = if cfg!(target_vendor = "apple") { 0 } else { 1 };
        let mut before = DISABLE;
        // SAFETY: about the calling thread; the place for the result outlives the call.
        unsafe { pthread_setcancelstate(DISABLE, &mut before) };
        Self(before)
    }

    /// There is no such thing.
    #[cfg(target_os = "android")]
    pub(super) fn begin() -> Self {
        Self()
    }
}

#[cfg(not(target_os = "android"))]
impl Drop for Uncancelled {
    fn drop(&mut self) {
        // SAFETY: as above; the state is one that the system gave.
        unsafe { pthread_setcancelstate(self.0, &mut 0) };
    }
}
