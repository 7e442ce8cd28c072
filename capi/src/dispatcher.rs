//! The thread on which callbacks run, so that a slow one does not delay a transfer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::JoinHandle;

use crate::runtime;
use crate::signals::{self, Mask};

type Job = Box<dyn FnOnce() + Send>;

enum Message {
    Run(Job),
    Stop,
}

/// Posts callbacks, which run in the order in which they were posted.
#[derive(Clone)]
pub(crate) struct Poster(mpsc::Sender<Message>);

impl Poster {
    /// Runs `job` on the dispatcher thread; drops it when that thread has ended.
    pub(crate) fn post(&self, job: impl FnOnce() + Send + 'static) {
        let _ = self.0.send(Message::Run(Box::new(job)));
    }
}

/// The thread itself.
pub(crate) struct Dispatcher {
    poster: Poster,
    thread: JoinHandle<()>,
}

impl Dispatcher {
    /// The thread takes no signals; `host` is the mask of the callbacks.
    pub(crate) fn start(stack_size: usize, host: Mask) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let thread = signals::blocked(|| {
            std::thread::Builder::new()
                .name("kusto-callback".to_owned())
                .stack_size(stack_size)
                .spawn(move || {
                    runtime::become_library_thread(host);
                    run(&receiver);
                })
        })?;
        Ok(Self {
            poster: Poster(sender),
            thread,
        })
    }

    pub(crate) fn poster(&self) -> Poster {
        self.poster.clone()
    }

    /// Runs the jobs posted so far and ends the thread.
    pub(crate) fn stop(self) {
        let _ = self.poster.0.send(Message::Stop);
        // The thread's body does not panic: jobs are caught.
        let _ = self.thread.join();
    }

    /// As [`Dispatcher::stop`], without waiting.
    pub(crate) fn leave(self) {
        let _ = self.poster.0.send(Message::Stop);
    }
}

fn run(receiver: &mpsc::Receiver<Message>) {
    while let Ok(Message::Run(job)) = receiver.recv() {
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_run_in_order_and_outlive_a_panic() {
        let dispatcher = Dispatcher::start(256 * 1024, signals::mask()).unwrap();
        let (sender, receiver) = mpsc::channel();
        for number in 0..10 {
            let sender = sender.clone();
            dispatcher.poster().post(move || {
                let _ = sender.send(number);
                if number == 3 {
                    std::panic::resume_unwind(Box::new("a job's panic"));
                }
            });
        }
        let late = dispatcher.poster();
        dispatcher.stop();
        drop(sender);
        assert_eq!(
            receiver.iter().collect::<Vec<_>>(),
            (0..10).collect::<Vec<_>>()
        );
        late.post(|| unreachable!("the thread has ended"));
    }
}
