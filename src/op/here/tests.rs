use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread::ThreadId;

use super::*;
use crate::error::ErrorKind;
use crate::op::{CallOptions, CancelToken, Scope};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn this_thread() -> ThreadId {
    std::thread::current().id()
}

/// Ends with the bytes of a socket that this thread watches.
struct Readable(UnixStream);

impl Future for Readable {
    type Output = (Vec<u8>, ThreadId);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_ready(self.0.as_raw_fd(), Interest::Read, context));
        let mut bytes = vec![0; 16];
        let length = self.0.read(&mut bytes).unwrap();
        bytes.truncate(length);
        Poll::Ready((bytes, this_thread()))
    }
}

#[test]
fn a_call_watches_its_sockets_on_the_thread_that_waits() {
    let runtime = runtime();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let (begun, begin) = mpsc::channel();
    let sending = std::thread::spawn(move || {
        begin.recv().unwrap();
        theirs.write_all(b"late").unwrap();
        theirs
    });
    let call = async move {
        assert!(is_here());
        begun.send(()).unwrap();
        Ok(Readable(ours).await)
    };
    let got = run_here(runtime.handle(), call).unwrap();
    assert_eq!(got, (b"late".to_vec(), this_thread()));
    assert!(!is_here());
    sending.join().unwrap();
}

/// As in a set of futures: the one that waits for the socket is looked at only when its own waker says
/// so.
#[test]
fn a_socket_wakes_the_waker_that_waits_for_it() {
    struct Flag(AtomicBool, Waker);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
            self.1.wake_by_ref();
        }
    }
    let runtime = runtime();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"there").unwrap();
    let mut reading = Readable(ours);
    let mut flag: Option<Arc<Flag>> = None;
    let call = std::future::poll_fn(move |context| {
        if flag
            .as_ref()
            .is_some_and(|flag| !flag.0.load(Ordering::SeqCst))
        {
            return Poll::Pending;
        }
        let new = Arc::new(Flag(AtomicBool::new(false), context.waker().clone()));
        let waker = Waker::from(flag.insert(new).clone());
        let read = Pin::new(&mut reading).poll(&mut Context::from_waker(&waker));
        read.map(|(bytes, _)| Ok(bytes))
    });
    assert_eq!(run_here(runtime.handle(), call).unwrap(), b"there");
}

#[test]
fn timers_tasks_and_cancellations_end_a_wait() {
    let runtime = runtime();
    let cancel = CancelToken::new();
    let options = CallOptions::new().with_cancel(cancel.clone());
    let scope = Scope::new(&options, Default::default());
    let call = async move {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let on_runtime = tokio::spawn(async { (is_here(), this_thread()) });
        let (here, thread) = on_runtime.await.unwrap();
        assert!(!here && thread != this_thread());
        tokio::spawn(async move { cancel.cancel() });
        let never = std::future::pending::<Result<()>>();
        scope.run(crate::error::Step::UploadBlob, "", never).await
    };
    let error = run_here(runtime.handle(), call).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn a_panic_is_a_result_and_the_thread_is_free_again() {
    let runtime = runtime();
    let panicking = async { std::panic::resume_unwind(Box::new("boom")) };
    let error = run_here::<()>(runtime.handle(), panicking).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(!is_here());
    assert_eq!(run_here(runtime.handle(), async { Ok(7) }).unwrap(), 7);
}

#[test]
fn a_thread_with_a_small_stack_leaves_its_call_to_the_runtime() {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    let small = std::thread::Builder::new().stack_size(64 * 1024);
    let thread = small.spawn(move || run_here(&handle, async { Ok((is_here(), this_thread())) }));
    let thread = thread.unwrap();
    let own = thread.thread().id();
    let (here, ran) = thread.join().unwrap().unwrap();
    assert!(!here && ran != own);
}

#[test]
fn threads_that_a_call_starts_take_no_signals_and_the_caller_still_does() {
    fn blocked() -> bool {
        // SAFETY: the sets are plain data that the call fills in.
        unsafe {
            let mut mask = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut mask);
            libc::sigismember(&mask, libc::SIGTERM) == 1
        }
    }
    let runtime = runtime();
    // Its own thread has begun: it might take the work, and has the mask of this one.
    runtime.block_on(runtime.spawn(async {})).unwrap();
    let call = async {
        let job = crate::op::blocking::spawn(crate::error::Step::Compress, blocked)?;
        Ok(job.await.unwrap())
    };
    assert!(run_here(runtime.handle(), call).unwrap());
    assert!(!blocked());
}

#[test]
fn a_runtime_of_one_thread_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = run_here(runtime.handle(), async { Ok(()) }).unwrap_err();
    assert_eq!(error.argument(), Some("runtime"));
}

#[test]
fn a_task_and_a_call_may_not_wait_here() {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    let within = handle.clone();
    let task = runtime.block_on(async move { run_here(&within, async { Ok(()) }) }.catch());
    assert!(task.is_none(), "in a task");
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let within = handle.clone();
    let call = async move {
        let nested = async { run_here(&within, async { Ok(()) }) }.catch().await;
        assert!(nested.is_none() && is_here(), "the call goes on");
        theirs.write_all(b"on").unwrap();
        Ok(Readable(ours).await.0)
    };
    assert_eq!(run_here(&handle, call).unwrap(), b"on");
}

/// Its result; `None` after a panic.
trait Catch: Future + Sized {
    async fn catch(self) -> Option<Self::Output> {
        let mut future = Box::pin(self);
        let poll = std::panic::AssertUnwindSafe(move |context: &mut Context<'_>| {
            let poll = std::panic::AssertUnwindSafe(|| future.as_mut().poll(context));
            match std::panic::catch_unwind(poll) {
                Ok(polled) => polled.map(Some),
                Err(_) => Poll::Ready(None),
            }
        });
        let mut poll = poll;
        std::future::poll_fn(move |context| (poll.0)(context)).await
    }
}

impl<F: Future> Catch for F {}

#[test]
fn threads_that_have_waited_hold_no_descriptors() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let runtime = runtime();
    run_here(runtime.handle(), async { Ok(()) }).unwrap();
    let before = descriptors();
    let (leave, left) = std::sync::mpsc::channel::<()>();
    let left = Arc::new(std::sync::Mutex::new(left));
    let threads: Vec<_> = (0..200)
        .map(|_| {
            let (handle, left) = (runtime.handle().clone(), left.clone());
            let (done, waited) = mpsc::channel();
            let thread = std::thread::spawn(move || {
                run_here(&handle, async { Ok(()) }).unwrap();
                done.send(()).unwrap();
                let _ = left.lock().unwrap().recv();
            });
            waited.recv().unwrap();
            thread
        })
        .collect();
    let after = descriptors();
    drop(leave);
    threads.into_iter().for_each(|it| it.join().unwrap());
    // Other tests open some as well.
    assert!(after < before + 200, "{before} and then {after}");
}

/// A coroutine runs on memory that is not the thread's stack.
#[test]
fn only_the_stack_of_the_thread_itself_will_do() {
    let own = super::stack::bounds().unwrap();
    assert!(super::stack::suffices(&own));
    let elsewhere = vec![0u8; 4 << 20];
    let range = elsewhere.as_ptr_range();
    assert!(!super::stack::suffices(
        &(range.start as usize..range.end as usize)
    ));
    let here = std::ptr::from_ref(&own) as usize;
    assert!(
        !super::stack::suffices(&(here - 4096..own.end)),
        "little is left"
    );
}
