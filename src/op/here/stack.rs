//! What a call needs to know about the program's own thread: its stack, and its signals.

/// What a call needs, with room to spare. Some programs start threads with very small stacks.
const NEEDED: usize = 256 * 1024;

/// Whether the current thread's stack is large enough for a call.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn suffices() -> bool {
    let mut size = 0;
    // SAFETY: the attributes are plain data that the first call fills in and the last one releases;
    // `size` outlives the calls.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return false;
        }
        libc::pthread_attr_getstacksize(&attributes, &mut size);
        libc::pthread_attr_destroy(&mut attributes);
    }
    size >= NEEDED
}

/// Whether the current thread's stack is large enough for a call.
#[cfg(target_vendor = "apple")]
pub(super) fn suffices() -> bool {
    // SAFETY: about the calling thread.
    let size = unsafe { libc::pthread_get_stacksize_np(libc::pthread_self()) };
    size >= NEEDED
}

/// Whether the current thread's stack is large enough for a call: unknown.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn suffices() -> bool {
    const { assert!(NEEDED > 0) };
    false
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
