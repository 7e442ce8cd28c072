//! A call that is cancelled, timed out or forgotten at any step leaves no task, thread, file or
//! connection behind.

use std::time::{Duration, Instant};

use kusto_ingest::prelude::*;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::bed::{Bed, WATCHDOG, props, soon};
use crate::child::{self, Child, Possessions};
use crate::data::{BLOCKS, Kind, SMALL, hand};
use crate::fault::{Done, Fault};
use crate::target::{Position, Target};

/// How a call ends before its time.
#[derive(Clone, Copy, Debug)]
enum End {
    Cancel,
    Deadline,
    /// The last handle of the client is dropped.
    Forget,
}

const STEPS: [Target; 8] = [
    Target::Metadata,
    Target::Resources,
    Target::IdentityToken,
    Target::PutBlob,
    Target::PutBlock(Position::First),
    Target::Commit,
    Target::StatusEntity,
    Target::PostMessage,
];

#[test]
fn nothing_is_left_of_a_call_that_ends_early() {
    match Child::of_environment() {
        Some(child) => look(&child),
        None => {
            let runtime = Runtime::new().unwrap();
            let bed = runtime.block_on(async {
                let bed = Bed::built_in().await;
                bed.table("T").await;
                bed
            });
            let scratch = tempfile::tempdir().unwrap();
            let test = "leftovers::nothing_is_left_of_a_call_that_ends_early";
            child::run(test, &bed.emulator, scratch.path());
        }
    }
}

fn look(child: &Child) {
    let mut builder = Builder::new_multi_thread();
    // Threads of blocking work end when they are idle, not ten seconds later.
    let builder = builder
        .worker_threads(2)
        .thread_keep_alive(Duration::from_millis(20));
    let runtime = builder.enable_all().build().unwrap();
    let rule = |target: Target| {
        let mut rule = target.wire(3);
        rule["fault"] = Fault::Deadline(Done::No).wire();
        rule
    };
    // The first round is not counted: it creates the resources that a process needs once.
    let mut base = None;
    for target in std::iter::once(Target::PutBlob).chain(STEPS) {
        for end in [End::Cancel, End::Deadline, End::Forget] {
            runtime.block_on(end_early(child, target, &rule(target), end));
            let base = *base.get_or_insert_with(|| settled(&runtime));
            let what = format!("{} ended by {end:?}", target.name());
            assert_no_more(&runtime, base, &what);
        }
    }
}

async fn end_early(child: &Child, target: Target, rule: &Value, end: End) {
    let fault = child.arm(rule).await;
    let data = match target.is_of_blocks() {
        true => &BLOCKS,
        false => &SMALL,
    };
    let options = match end {
        End::Deadline => CallOptions::new().with_timeout(Duration::from_secs(1)),
        _ => soon(),
    };
    let client = child.client();
    let source = hand(Kind::Reader, data).source;
    let operation = client.start_ingest(source, &props("T"), options);
    let begun = Instant::now();
    while child.fired(fault).await == 0 && operation.state() == OperationState::Running {
        assert!(
            begun.elapsed() < WATCHDOG,
            "{} is not reached",
            target.name()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    match end {
        End::Cancel => operation.cancel(),
        End::Deadline => {}
        End::Forget => drop(client),
    }
    let error = operation.wait().await.unwrap_err();
    let expected = match end {
        End::Deadline => ErrorKind::TimedOut,
        _ => ErrorKind::Cancelled,
    };
    assert_eq!(error.kind(), expected, "{error}");
    child.disarm_all().await;
}

/// The resources of an idle process: the smallest numbers that are seen while everything ends.
fn settled(runtime: &Runtime) -> (Possessions, usize) {
    let mut least = count(runtime);
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(10));
        let now = count(runtime);
        least.0.threads = least.0.threads.min(now.0.threads);
        least.0.descriptors = least.0.descriptors.min(now.0.descriptors);
        least.1 = least.1.min(now.1);
    }
    least
}

/// Threads and descriptors, and tasks.
fn count(runtime: &Runtime) -> (Possessions, usize) {
    (Possessions::now(), runtime.metrics().num_alive_tasks())
}

/// Waits until there is no more than at first.
fn assert_no_more(runtime: &Runtime, base: (Possessions, usize), what: &str) {
    let begun = Instant::now();
    loop {
        let now = count(runtime);
        if now.0.threads <= base.0.threads
            && now.0.descriptors <= base.0.descriptors
            && now.1 <= base.1
        {
            return;
        }
        assert!(
            begun.elapsed() < WATCHDOG,
            "{what}: {now:?}, at first {base:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
