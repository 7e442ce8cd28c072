//! Thousands of ingestions on one client under changing faults: the promises are kept, and memory,
//! threads and descriptors do not grow. `cargo xtask soak` runs it for minutes; among the tests it
//! runs for seconds, without the comparison that takes time.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kusto_emulator::engine::value::Value as Cell;
use kusto_ingest::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use crate::bed::{Bed, DATABASE, WATCHDOG, props};
use crate::child::{self, Child, Possessions};
use crate::data::gzipped;
use crate::fault::{Cut, Done, Fault};
use crate::random::Random;
use crate::target::{Position, Target};

const SECONDS: &str = "KUSTO_SOAK_SECONDS";
/// In the test run.
const SHORT: u64 = 5;
/// From here on there is something to compare.
const LONG_ENOUGH: u64 = 60;
/// Ingestions at a time.
const PARALLEL: usize = 8;
/// A fault that is met by silence ends here.
const CALL: Duration = Duration::from_secs(10);
const KEEP_THREADS: Duration = Duration::from_secs(1);
/// How often the faults change.
const SPELL: Duration = Duration::from_millis(250);
/// Where the child writes how each ingestion ended.
const ENDINGS: &str = "endings";
/// How much the last third may exceed the first, by its median.
const MORE_KIB: usize = 16 * 1024;
const MORE_DESCRIPTORS: usize = 4;
/// A runtime keeps as many threads as were ever needed at a time: one for each source that is read.
const MORE_THREADS: usize = PARALLEL;

#[test]
fn ingesting_continues_under_any_fault() {
    match Child::of_environment() {
        Some(child) => {
            let mut builder = Builder::new_multi_thread();
            // Idle threads end while the soak continues.
            let builder = builder.enable_all().thread_keep_alive(KEEP_THREADS);
            let runtime = builder.build().unwrap();
            let base = Possessions::now().threads;
            runtime.block_on(soak(Arc::new(child)));
            assert_threads_go(base);
        }
        None => serve(),
    }
}

/// Resources of the peak stay for a moment; those that stay longer were leaked.
fn assert_threads_go(base: usize) {
    let begun = Instant::now();
    while Possessions::now().threads > base {
        assert!(
            begun.elapsed() < WATCHDOG,
            "{} threads are left, {base} were there at first",
            Possessions::now().threads
        );
        std::thread::sleep(SPELL);
    }
}

fn seconds() -> u64 {
    std::env::var(SECONDS).map_or(SHORT, |text| text.parse().unwrap())
}

/// The parent: the service, and the count of the rows that arrived.
fn serve() {
    let runtime = Runtime::new().unwrap();
    let bed = runtime.block_on(async {
        let bed = Bed::built_in().await;
        bed.table("T").await;
        bed
    });
    let scratch = tempfile::tempdir().unwrap();
    let (mut arrived, mut failed) = (HashMap::new(), false);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let count = scope.spawn(|| {
            let mut arrived = HashMap::new();
            while !over.load(Ordering::Acquire) {
                collect(&bed, &mut arrived);
                std::thread::sleep(SPELL);
            }
            arrived
        });
        let test = "soak::ingesting_continues_under_any_fault";
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            child::run(test, &bed.emulator, scratch.path());
        }));
        over.store(true, Ordering::Release);
        arrived = count.join().unwrap();
        failed = ran.is_err();
    });
    bed.emulator.disarm_all();
    runtime.block_on(bed.settle());
    collect(&bed, &mut arrived);
    account(&scratch.path().join(ENDINGS), &arrived);
    assert!(!failed, "the soak failed: see above");
}

/// Takes the rows out of the table, so that the service does not grow, and counts them by their
/// ingestion.
fn collect(bed: &Bed, arrived: &mut HashMap<i64, u64>) {
    let engine = bed.emulator.engine();
    let taken = engine.with_table_mut(DATABASE, "T", |table| std::mem::take(&mut table.extents));
    for row in taken.unwrap().iter().flat_map(|extent| &extent.rows) {
        match row.first() {
            Some(Cell::Long(number)) => *arrived.entry(*number).or_default() += 1,
            other => panic!("not a row of ours: {other:?}"),
        }
    }
}

/// Compares the client's results with the rows that arrived.
fn account(endings: &Path, arrived: &HashMap<i64, u64>) {
    let (mut ok, mut failed, mut doubt, mut doubt_whole) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for line in std::fs::read_to_string(endings).unwrap().lines() {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap();
        let number: i64 = next().parse().unwrap();
        let rows: u64 = next().parse().unwrap();
        let came = arrived.get(&number).copied().unwrap_or(0);
        let fits = match next() {
            "ok" => {
                ok += 1;
                came == rows
            }
            "failed" => {
                failed += 1;
                came == 0
            }
            _ => {
                doubt += 1;
                doubt_whole += u64::from(came == rows);
                came == rows || came == 0
            }
        };
        if !fits {
            wrong.push(format!("{line}: {came} rows arrived"));
        }
    }
    println!("| ingestions | ok, every row once | failed, no row | in doubt (of those all rows) |");
    println!("|---|---|---|---|");
    println!(
        "| {} | {ok} | {failed} | {doubt} ({doubt_whole}) |",
        ok + failed + doubt
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ok > 0, "nothing was ingested");
}

/// The child: one client, several ingestions at a time.
async fn soak(child: Arc<Child>) {
    let end = Instant::now() + Duration::from_secs(seconds());
    let client = child.client();
    let file = std::fs::File::create(child.scratch.join(ENDINGS)).unwrap();
    let endings = Arc::new(Mutex::new(BufWriter::new(file)));
    let weather = tokio::spawn(weather(child.clone(), end));
    let samples = tokio::spawn(sample(end));
    let workers: Vec<_> = (0..PARALLEL)
        .map(|worker| tokio::spawn(work(client.clone(), worker, end, endings.clone())))
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    weather.await.unwrap();
    endings.lock().unwrap().flush().unwrap();
    compare(&samples.await.unwrap());
}

async fn work(
    client: Client,
    worker: usize,
    end: Instant,
    endings: Arc<Mutex<BufWriter<std::fs::File>>>,
) {
    let mut random = Random::new(worker as u64 + 1);
    let mut number = worker as i64;
    while Instant::now() < end {
        let rows = random.below(200) + 1;
        let result = one(&client, &mut random, number, rows).await;
        let word = match &result {
            Ok(_) => "ok",
            Err(error) if error.is_in_doubt() => "doubt",
            Err(_) => "failed",
        };
        writeln!(endings.lock().unwrap(), "{number} {rows} {word}").unwrap();
        number += PARALLEL as i64;
    }
}

async fn one(
    client: &Client,
    random: &mut Random,
    number: i64,
    rows: u64,
) -> Result<Receipt, Error> {
    // One in fifty takes several blocks: one at a time, so that this program's own data is not
    // counted as the library's.
    static LARGE: Semaphore = Semaphore::const_new(1);
    let large = match random.below(50) {
        0 => Some(LARGE.acquire().await),
        _ => None,
    };
    let is_large = large.is_some();
    let filler = "x".repeat(match is_large {
        true => (9 << 20) / rows as usize,
        false => 40,
    });
    let mut text = Vec::new();
    for row in 0..rows {
        writeln!(text, "{number},{row} {filler}").unwrap();
    }
    let (name, content) = match is_large {
        true => ("data.csv.gz", gzipped(&text)),
        false => ("data.csv", text.into()),
    };
    let source = match random.below(2) {
        0 => Source::bytes(content),
        _ => Source::reader(std::io::Cursor::new(content)),
    };
    let props = props("T").with_retain_blob_on_success(false);
    let options = CallOptions::new().with_timeout(CALL);
    let operation = client.start_ingest(source.with_name(name), &props, options);
    if random.below(50) == 0 {
        tokio::time::sleep(Duration::from_millis(random.below(50))).await;
        operation.cancel();
    }
    operation.wait().await
}

/// Arms up to three rules that fire a few times, and others a moment later.
async fn weather(child: Arc<Child>, end: Instant) {
    let mut random = Random::new(4711);
    let targets = [
        Target::Resources,
        Target::IdentityToken,
        Target::PutBlob,
        Target::PutBlock(Position::First),
        Target::Commit,
        Target::StatusEntity,
        Target::PostMessage,
    ];
    let faults: Vec<Fault> = Fault::all()
        .into_iter()
        .filter(|fault| !matches!(fault, Fault::InvalidBlockList | Fault::Cancel))
        .collect();
    while Instant::now() < end {
        child.disarm_all().await;
        for _ in 0..random.below(4) {
            let target = targets[random.below(targets.len() as u64) as usize];
            let fault = faults[random.below(faults.len() as u64) as usize];
            let of_storage = matches!(fault, Fault::ExpiredSas | Fault::WrongSas);
            if of_storage && !target.is_storage() {
                continue;
            }
            let mut rule = target.wire(0);
            rule["fault"] = match fault {
                // A message that is done and not answered is the harder of the two.
                Fault::Cut(Cut::Before) if target.is_unsafe() => Fault::Cut(Cut::After).wire(),
                Fault::Deadline(Done::No) if target.is_unsafe() => {
                    Fault::Deadline(Done::Yes).wire()
                }
                fault => fault.wire(),
            };
            rule["times"] = (random.below(5) + 1).into();
            child.arm(&rule).await;
        }
        tokio::time::sleep(SPELL).await;
    }
    child.disarm_all().await;
}

async fn sample(end: Instant) -> Vec<Possessions> {
    let mut samples = Vec::new();
    while Instant::now() < end {
        tokio::time::sleep(SPELL).await;
        samples.push(Possessions::now());
    }
    samples
}

/// The first third of the time against the last: the typical values, since the load at one moment
/// is random.
fn compare(samples: &[Possessions]) {
    let third = samples.len() / 3;
    let (first, last) = (&samples[..third], &samples[samples.len() - third..]);
    let sorted = |part: &[Possessions], of: fn(&Possessions) -> usize| {
        let mut values: Vec<usize> = part.iter().map(of).collect();
        values.sort_unstable();
        [values[0], values[third / 2], values[third - 1]]
    };
    println!("| least, median, most | first third | last third |");
    println!("|---|---|---|");
    let mut more = Vec::new();
    for (name, allowed, of) in [
        (
            "resident KiB",
            MORE_KIB,
            (|p| p.resident) as fn(&Possessions) -> usize,
        ),
        ("threads", MORE_THREADS, |p| p.threads),
        ("descriptors", MORE_DESCRIPTORS, |p| p.descriptors),
    ] {
        let (before, after) = (sorted(first, of), sorted(last, of));
        println!("| {name} | {before:?} | {after:?} |");
        if after[1] > before[1] + allowed {
            more.push(name);
        }
    }
    println!();
    assert!(
        more.is_empty() || seconds() < LONG_ENOUGH,
        "these grew: {more:?}"
    );
}
