//! The sockets that a thread watches for its call.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::os::fd::RawFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;

use super::bell::Bell;
use super::stack;
use crate::op::ids::forks;

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
    kept: Option<Kept>,
}

/// What a thread keeps from call to call.
#[derive(Clone)]
struct Kept {
    bell: Arc<Bell>,
    /// [`forks`] when it was made: a child process shares the descriptors of its parent.
    forks: u64,
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
            kept: None,
        }
    }

    fn find(&self, socket: RawFd, interest: Interest) -> Option<usize> {
        let same = |it: &Watched| it.socket == socket && it.interest == interest;
        self.sockets.iter().position(same)
    }

    /// The bell of this thread; `None` where a call cannot wait.
    fn bell(&mut self) -> Option<Arc<Bell>> {
        let forks = forks();
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.forks == forks) {
            return Some(kept.bell.clone());
        }
        if !stack::suffices() {
            return None;
        }
        let bell = Arc::new(Bell::new().ok()?);
        let kept = Kept { bell, forks };
        Some(self.kept.insert(kept).bell.clone())
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
            // A signal, or no memory: the call is looked at, and asked again.
            if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                std::thread::sleep(Duration::from_millis(1));
            }
            return Vec::new();
        }
        let mut answers = self.asked.iter();
        if answers.next().is_some_and(|it| it.revents != 0) {
            bell.quiet();
        }
        let mut others = Vec::new();
        let waits = self.sockets.iter_mut().filter(|it| !it.is_ready);
        for (watched, answer) in waits.zip(answers) {
            watched.is_ready = answer.revents != 0;
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
            .then_some(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNS.set(false);
        WATCH.with_borrow_mut(|watch| watch.sockets.clear());
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
    let bell = WATCH.try_with(|watch| watch.try_borrow_mut().ok()?.bell());
    let (Some(bell), Some(_running)) = (bell.ok().flatten(), Running::begin()) else {
        return Err(call);
    };
    let _entered = runtime.enter();
    let own = Waker::from(bell.clone());
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
