//! The ends that a request may come to before its answer is computed: its time is over, nobody waits for it any
//! more, or it needs too much memory.
//!
//! A request is computed on one thread, and its rows pass through closures and iterators that cannot fail. So
//! what watches it belongs to the thread: loops ask `goes_on` for each row and are left when it says no, and
//! `verdict` makes an error of whatever they have made by then, before anybody sees it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::error::{ErrorKind, KustoError};
use super::timespan;

/// How many rows pass between two looks at the clock.
const ROWS: u32 = 64;
/// Most calls of functions that one call may lead to: each takes memory, and their number can double with every
/// function.
const MOST_CALLS: u32 = 250_000;

/// Ends a request from outside; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Stopping>);

#[derive(Debug, Default)]
struct Stopping {
    is_stopped: AtomicBool,
    /// What whoever canceled it said.
    canceled: OnceLock<String>,
}

impl Stop {
    /// Ends the request at its next row.
    pub fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Ends the request at its next row with an error that has the reason.
    pub(super) fn cancel(&self, reason: &str) {
        let _ = self.0.canceled.set(reason.to_owned());
        self.stop();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.is_stopped.load(Ordering::Relaxed)
    }

    /// Whether both end one request.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The error of a request that was ended. How the service answers one that was canceled is not documented, but that
    /// the answer has the reason.
    fn error(&self) -> KustoError {
        match self.0.canceled.get() {
            Some(reason) => KustoError::bad_request(format!("The query was canceled: {reason}")),
            None => KustoError::new(
                ErrorKind::TimedOut,
                "The request was given up: its client has left, or the emulator ends.",
            ),
        }
    }
}

#[derive(Clone, Debug)]
enum End {
    TimedOut,
    Stopped,
    TooMuch(String),
    Unknown(String),
}

/// The request that a thread computes.
#[derive(Default)]
struct Watch {
    stop: Stop,
    limit: Duration,
    /// None: its time is not limited.
    deadline: Option<Instant>,
    rows: u32,
    calls: u32,
    end: Option<End>,
}

impl Watch {
    /// Notices an end that has come from outside.
    fn look(&mut self) {
        if self.end.is_none() {
            let is_late = self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline);
            self.end = match self.stop.is_stopped() {
                true => Some(End::Stopped),
                false => is_late.then_some(End::TimedOut),
            };
        }
    }
}

thread_local! {
    static WATCH: RefCell<Watch> = RefCell::default();
}

/// Leaves no trace of a request on its thread, also when it panics.
struct Watched;

impl Drop for Watched {
    fn drop(&mut self) {
        WATCH.take();
    }
}

/// Computes until `stop`, for at most `limit`.
pub(crate) fn watched<T>(stop: &Stop, limit: Duration, compute: impl FnOnce() -> T) -> T {
    WATCH.set(Watch {
        stop: stop.clone(),
        limit,
        deadline: Instant::now().checked_add(limit),
        // The first row looks at the clock.
        rows: ROWS - 1,
        ..Watch::default()
    });
    let _watched = Watched;
    compute()
}

/// Whether there is a reason to compute the next row. Cheap enough to be asked for each.
pub(super) fn goes_on() -> bool {
    WATCH.with_borrow_mut(|watch| {
        watch.rows = (watch.rows + 1) % ROWS;
        if watch.rows == 0 || watch.stop.is_stopped() {
            watch.look();
        }
        watch.end.is_none()
    })
}

/// Ends the request because of what it would have made.
pub(super) fn too_much(what: &str) {
    WATCH.with_borrow_mut(|watch| {
        watch
            .end
            .get_or_insert_with(|| End::TooMuch(what.to_owned()));
    });
}

/// Ends the request because it needs a value of which nothing says what it is.
pub(super) fn unknown(what: &str) {
    WATCH.with_borrow_mut(|watch| {
        watch
            .end
            .get_or_insert_with(|| End::Unknown(what.to_owned()));
    });
}

/// A function of the query is called, by itself or by another one.
///
/// # Errors
/// When that has happened too often, or the request has come to its end.
pub(super) fn called(by_itself: bool) -> Result<(), KustoError> {
    let calls = WATCH.with_borrow_mut(|watch| {
        watch.calls = if by_itself { 1 } else { watch.calls + 1 };
        watch.calls
    });
    if calls > MOST_CALLS {
        too_much(&format!(
            "A function leads to more than {MOST_CALLS} calls."
        ));
    }
    verdict()
}

/// An error when the request has come to its end: what it made is not whole.
///
/// # Errors
/// Says which end.
pub(super) fn verdict() -> Result<(), KustoError> {
    WATCH.with_borrow_mut(|watch| {
        watch.look();
        match &watch.end {
            None => Ok(()),
            Some(End::Stopped) => Err(watch.stop.error()),
            Some(End::TimedOut) => {
                let ticks = watch.limit.as_nanos() / 100;
                let limit = timespan::print(i64::try_from(ticks).unwrap_or(i64::MAX));
                Err(KustoError::new(
                    ErrorKind::TimedOut,
                    format!(
                        "Request has timed out: it ran for longer than {limit} (servertimeout)."
                    ),
                ))
            }
            Some(End::TooMuch(what)) => {
                let error = runaway(what);
                watch.end = None;
                Err(error)
            }
            Some(End::Unknown(what)) => {
                let error = KustoError::new(
                    ErrorKind::BadRequest,
                    format!("The emulator does not know {what}: the reference does not show it."),
                );
                watch.end = None;
                Err(error)
            }
        }
    })
}

/// The error of a query that needs too much.
pub(super) fn runaway(what: &str) -> KustoError {
    KustoError::new(
        ErrorKind::LimitsExceeded,
        format!("Runaway query (E_RUNAWAY_QUERY). {what}"),
    )
}
