//! A request to a credential under way, in a task of its own: it outlives the call that started it, and others
//! join it. When all have left and it waits for a user, it goes on for a moment and is given up then. Whatever asks
//! no user ends by itself and is never given up: what a program was asked for would be asked twice, and a password
//! whose refusal nobody has read would be sent again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::AccessToken;
use crate::error::{Error, ErrorKind, Result, Step};

/// How long a login that nobody waits for goes on: a call that comes back finds it.
pub(super) const ABANDONED_AFTER: Duration = Duration::from_secs(10);

type Answer = Option<Result<AccessToken>>;

#[derive(Debug)]
pub(super) struct Flight {
    answer: watch::Receiver<Answer>,
    /// How many wait.
    waiting: watch::Sender<usize>,
    is_renewal: bool,
    task: AbortHandle,
}

impl Flight {
    /// Starts one. `land` takes the result before those who wait do. `asked` counts the users it waits for.
    /// `give_up` is asked when it seems to be abandoned: whether it still is, is told by the function that it is
    /// given.
    pub(super) fn start(
        asking: impl Future<Output = Result<AccessToken>> + Send + 'static,
        is_renewal: bool,
        asked: watch::Receiver<usize>,
        land: impl FnOnce(&Result<AccessToken>) + Send + 'static,
        give_up: impl Fn(&dyn Fn() -> bool) -> bool + Send + 'static,
    ) -> Self {
        let (sender, answer) = watch::channel(None);
        let waiting = watch::Sender::new(0);
        let left = waiting.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                result = asking => {
                    land(&result);
                    // Nobody waits any more when all were cancelled: the token is kept nevertheless.
                    let _ = sender.send(Some(result));
                }
                () = abandoned(&left, asked, give_up) => {}
            }
        });
        Self {
            answer,
            waiting,
            is_renewal,
            task: task.abort_handle(),
        }
    }

    pub(super) fn join(&self) -> Waiter {
        self.waiting.send_modify(|waiting| *waiting += 1);
        Waiter {
            answer: self.answer.clone(),
            waiting: self.waiting.clone(),
            is_renewal: self.is_renewal,
        }
    }

    /// The task ended without an answer: the credential panicked or the runtime was shut down.
    pub(super) fn is_dead(&self) -> bool {
        self.answer.has_changed().is_err() && self.answer.borrow().is_none()
    }

    pub(super) fn abort(&self) {
        self.task.abort();
    }
}

/// Ends when the last who waited has left long enough ago, and a user is asked. A renewal that nobody joined has
/// no end here: it asks no user.
async fn abandoned(
    waiting: &watch::Sender<usize>,
    mut asked: watch::Receiver<usize>,
    give_up: impl Fn(&dyn Fn() -> bool) -> bool,
) {
    let mut count = waiting.subscribe();
    // This wait cannot fail: this task holds a sender.
    let _ = count.wait_for(|waiting| *waiting > 0).await;
    loop {
        let _ = count.wait_for(|waiting| *waiting == 0).await;
        let joined = count.wait_for(|waiting| *waiting > 0);
        if tokio::time::timeout(ABANDONED_AFTER, joined).await.is_ok() {
            continue;
        }
        // Users may be asked later only, and no longer while this waited.
        if asked.wait_for(|asked| *asked > 0).await.is_err() {
            // Nothing is left that could ask one.
            return std::future::pending().await;
        }
        if give_up(&|| *waiting.borrow() == 0 && *asked.borrow() > 0) {
            return;
        }
    }
}

/// One call that waits.
pub(super) struct Waiter {
    answer: watch::Receiver<Answer>,
    waiting: watch::Sender<usize>,
    /// Whether it was begun ahead of time, and so may not ask the user.
    pub(super) is_renewal: bool,
}

impl Waiter {
    pub(super) async fn answer(mut self) -> Result<AccessToken> {
        let landed = self.answer.wait_for(Option::is_some).await;
        match landed.ok().and_then(|answer| answer.clone()) {
            Some(result) => result,
            None => Err(Error::new(
                ErrorKind::Auth,
                Step::AcquireToken,
                "the credential ended without an answer",
            )),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiting.send_modify(|waiting| *waiting -= 1);
    }
}
