//! The sockets that a thread watches for its call.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::ops::Range;
use std::os::fd::RawFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;

use super::bell::{Bell, Borrowed};
use super::stack::{self, Uncancelled};

/// By which the system knows a socket.
pub(crate) type Descriptor = RawFd;

/// For what a socket is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
}

impl Interest {
    fn events(self) -> i16 {
        match self {
            Self::Read => libc::POLLIN,
            Self::Write => libc::POLLOUT,
        }
    }
}

thread_local! {
    /// Whether this thread runs a call.
    static RUNS: Cell<bool> = const { Cell::new(false) };
    /// Whether sockets only say what has arrived.
    static LOOKS: Cell<bool> = const { Cell::new(false) };
    static WATCH: RefCell<Watch> = const { RefCell::new(Watch::none()) };
}

/// What a thread watches.
struct Watch {
    sockets: Vec<Watched>,
    /// What the system is asked about.
    asked: Vec<libc::pollfd>,
    /// Where the thread's own stack is, once it was asked.
    stack: Option<Range<usize>>,
}

struct Watched {
    socket: RawFd,
    interest: Interest,
    waker: Waker,
    is_ready: bool,
}

impl Watch {
    const fn none() -> Self {
        Self {
            sockets: Vec::new(),
            asked: Vec::new(),
            stack: None,
        }
    }

    fn find(&self, socket: RawFd, interest: Interest) -> Option<usize> {
        let same = |it: &Watched| it.socket == socket && it.interest == interest;
        self.sockets.iter().position(same)
    }

    /// Whether a call can run on the stack in use.
    fn has_room(&mut self) -> bool {
        if self.stack.is_none() {
            self.stack = stack::bounds();
        }
        self.stack.as_ref().is_some_and(stack::suffices)
    }

    /// Waits for one of the sockets or the bell. Returns the wakers, other than the call's own, of
    /// what is ready.
    fn sleep(&mut self, bell: &Bell, own: &Waker) -> Vec<Waker> {
        let of = |fd, events| libc::pollfd {
            fd,
            events,
            revents: 0,
        };
        self.asked.clear();
        self.asked.push(of(bell.descriptor(), libc::POLLIN));
        let waits = self.sockets.iter().filter(|it| !it.is_ready);
        let waits = waits.map(|it| of(it.socket, it.interest.events()));
        self.asked.extend(waits);
        // SAFETY: the list is valid for its length, and the call writes only into it.
        let found = unsafe { libc::poll(self.asked.as_mut_ptr(), self.asked.len() as _, -1) };
        if found < 0 {
            // After a signal the call is looked at, and the system asked again.
            if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted {
                return Vec::new();
            }
            // No memory, or more descriptors than are allowed by now: reading and writing show what is wrong.
            std::thread::sleep(Duration::from_millis(1));
            bell.quiet();
            return self.settle(own, |_| true);
        }
        let mut answers = std::mem::take(&mut self.asked);
        let mut found = answers.iter().map(|it| it.revents != 0);
        if found.next() == Some(true) {
            bell.quiet();
        }
        let others = self.settle(own, |_| found.next() == Some(true));
        answers.clear();
        self.asked = answers;
        others
    }

    /// Notes which of the sockets that were asked about are ready, in their order. Returns the wakers of
    /// those, other than the call's own.
    fn settle(&mut self, own: &Waker, mut is_ready: impl FnMut(RawFd) -> bool) -> Vec<Waker> {
        let mut others = Vec::new();
        for watched in self.sockets.iter_mut().filter(|it| !it.is_ready) {
            watched.is_ready = is_ready(watched.socket);
            if watched.is_ready && !watched.waker.will_wake(own) {
                others.push(watched.waker.clone());
            }
        }
        others
    }
}

/// The thread while it runs a call.
struct Running;

impl Running {
    /// `None` in a call, and while the thread ends.
    fn begin() -> Option<Self> {
        RUNS.try_with(|runs| !runs.replace(true))
            .is_ok_and(|began| began)
            .then(|| Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The thread may be ending.
        let _ = RUNS.try_with(|runs| runs.set(false));
        let _ = WATCH.try_with(|watch| watch.borrow_mut().sockets.clear());
    }
}

/// Whether this thread runs a call.
pub(crate) fn is_here() -> bool {
    RUNS.try_with(Cell::get).unwrap_or(false)
}

/// Starts a thread. Where the current one is the program's, a new one has all signals blocked, which
/// it would otherwise take for the program.
pub(crate) fn starting<T>(start: impl FnOnce() -> T) -> T {
    match is_here() {
        true => stack::without_signals(start),
        false => start(),
    }
}

/// Runs a call to its end; gives it back where this thread cannot.
pub(super) fn run<F: Future>(runtime: &Handle, call: F) -> Result<F::Output, F> {
    // First, as closing a descriptor is a point of cancellation, too.
    let _uncancelled = Uncancelled::begin();
    if !WATCH
        .try_with(|watch| watch.borrow_mut().has_room())
        .unwrap_or(false)
    {
        return Err(call);
    }
    let Ok(bell) = Borrowed::new(runtime) else {
        return Err(call);
    };
    let Some(_running) = Running::begin() else {
        return Err(call);
    };
    let _entered = runtime.enter();
    let own = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&own);
    let mut call = pin!(call);
    loop {
        bell.awake();
        if let Poll::Ready(result) = call.as_mut().poll(&mut context) {
            return Ok(result);
        }
        if bell.sleep() {
            let others = WATCH.with_borrow_mut(|watch| watch.sleep(&bell, &own));
            bell.awake();
            others.into_iter().for_each(Waker::wake);
        }
    }
}

/// Ready once the socket is, or seems to be; watches it until then.
pub(crate) fn poll_ready(socket: RawFd, interest: Interest, context: &mut Context<'_>) -> Poll<()> {
    WATCH.with_borrow_mut(|watch| match watch.find(socket, interest) {
        Some(found) if watch.sockets[found].is_ready => {
            watch.sockets.swap_remove(found);
            Poll::Ready(())
        }
        Some(found) => {
            watch.sockets[found].waker.clone_from(context.waker());
            Poll::Pending
        }
        None => {
            watch.sockets.push(Watched {
                socket,
                interest,
                waker: context.waker().clone(),
                is_ready: false,
            });
            Poll::Pending
        }
    })
}

/// Stops watching a socket: it rests, or is closed.
pub(crate) fn forget(socket: RawFd) {
    if is_here() {
        WATCH.with_borrow_mut(|watch| watch.sockets.retain(|it| it.socket != socket));
    }
}

/// Runs `look`, in which sockets ask the system what has arrived and watch nothing.
pub(crate) fn look<T>(look: impl FnOnce() -> T) -> T {
    struct Restored(bool);
    impl Drop for Restored {
        fn drop(&mut self) {
            LOOKS.set(self.0);
        }
    }
    let _restored = Restored(LOOKS.replace(true));
    look()
}

/// Whether this is within [`look`].
pub(crate) fn is_looking() -> bool {
    LOOKS.get()
}
