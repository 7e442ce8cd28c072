//! Sources that misbehave: nothing partial is ever posted, and every call returns.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::mpsc;
use std::time::Duration;

use kusto_ingest::prelude::*;
use uuid::Uuid;

use crate::bed::{Bed, Rows, props, soon};
use crate::data::{NOISE, SMALL};
use crate::reader::{Broken, Short, Way};

/// A bed with the table `T` and a client.
async fn bed() -> (Bed, Client) {
    let bed = Bed::built_in().await;
    bed.table("T").await;
    let client = bed.client();
    (bed, client)
}

/// Ingests data that must fail, and checks that nothing was left.
async fn fails(bed: &Bed, client: &Client, source: Source, options: CallOptions) -> Error {
    let id = Uuid::new_v4();
    let source = source.with_name("data.csv").with_id(&id.to_string());
    let error = client
        .ingest(source.unwrap(), &props("T"), options)
        .await
        .unwrap_err();
    assert!(!error.is_in_doubt(), "{error}");
    assert!(bed.left("T", id).await.committed.is_empty(), "{error}");
    bed.settle().await;
    assert_eq!(bed.rows("T"), Rows::default(), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_break_at_any_offset() {
    let (bed, client) = bed().await;
    let offsets = [0, 1, SMALL.text.len() / 2, SMALL.text.len()];
    let small = offsets.map(|good| (&SMALL, good));
    let large = [256 * 1024, 5_000_000, NOISE.text.len()].map(|good| (&NOISE, good));
    for (data, good) in small.into_iter().chain(large) {
        for (way, kind) in [
            (Way::Fails, ErrorKind::SourceIo),
            (Way::Boasts, ErrorKind::SourceIo),
            (Way::Panics, ErrorKind::Callback),
        ] {
            let source = Source::reader(Broken::new(data.text.clone(), good, way));
            let error = fails(&bed, &client, source, soon()).await;
            assert_eq!(error.kind(), kind, "{good}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_reads_lose_nothing() {
    let (bed, client) = bed().await;
    let source = Source::reader(Short(SMALL.text.clone())).with_name("data.csv");
    client.ingest(source, &props("T"), soon()).await.unwrap();
    bed.settle().await;
    assert_eq!(bed.rows("T"), SMALL.rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_blocks_does_not_hold_the_call() {
    let (bed, client) = bed().await;
    for good in [0, SMALL.text.len()] {
        let (release, until) = mpsc::channel();
        let source = Source::reader(Broken::new(SMALL.text.clone(), good, Way::Blocks(until)));
        let options = CallOptions::new().with_timeout(Duration::from_millis(300));
        let error = fails(&bed, &client, source, options).await;
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        drop(release);
        let (release, until) = mpsc::channel();
        let source = Source::reader(Broken::new(SMALL.text.clone(), good, Way::Blocks(until)));
        let source = source.with_name("data.csv");
        let operation = client.start_ingest(source, &props("T"), soon());
        operation.cancel();
        let error = operation.wait().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        drop(release);
    }
}

/// What happens to a file while it is read.
type Change = fn(&Path);

fn shrink(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(SPARSE / 2).unwrap();
}

fn grow(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(SPARSE * 2).unwrap();
}

/// Far more than is read ahead while the first report of progress is being made.
const SPARSE: u64 = 200 * 1024 * 1024;

/// Changes the file at the first report of progress, which waits for it.
fn changing(path: PathBuf, change: Change) -> Source {
    let once = Once::new();
    Source::file(&path).with_progress(move |_| once.call_once(|| change(&path)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_its_size_while_it_is_read() {
    let (bed, client) = bed().await;
    let directory = tempfile::tempdir().unwrap();
    for (name, change) in [("shrinks", shrink as Change), ("grows", grow)] {
        let path = directory.path().join(name);
        File::create(&path).unwrap().set_len(SPARSE).unwrap();
        let error = fails(&bed, &client, changing(path, change), soon()).await;
        assert_eq!(error.kind(), ErrorKind::SourceIo, "{name}: {error}");
        assert!(error.message().contains("changed"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_disappears() {
    let (bed, client) = bed().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.csv");
    let error = fails(&bed, &client, Source::file(&path), soon()).await;
    assert_eq!(error.kind(), ErrorKind::SourceIo, "never there: {error}");
    // Data that is gone when the second container needs it cannot be sent there.
    std::fs::write(&path, &SMALL.text).unwrap();
    bed.arm(&serde_json::json!({
        "service": "blob", "operation": "PutBlob", "times": 1, "fault": {"kind": "wrongSas"},
    }));
    let vanishing = changing(path.clone(), |path| std::fs::remove_file(path).unwrap());
    let error = fails(&bed, &client, vanishing, soon()).await;
    assert_eq!(error.kind(), ErrorKind::SourceIo, "gone: {error}");
    assert_eq!(error.attempts().len(), 2, "{error}");
    // An open file stays readable without its name.
    let open = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut &open, &SMALL.text).unwrap();
    std::io::Seek::rewind(&mut &open).unwrap();
    let source = Source::open_file(open).with_name("data.csv");
    client.ingest(source, &props("T"), soon()).await.unwrap();
    bed.settle().await;
    assert_eq!(bed.rows("T"), SMALL.rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_source_that_is_dropped_or_never_ends() {
    let (bed, client) = bed().await;
    let (mut writer, source) = Source::push();
    writer.write(b"1,half").await.unwrap();
    drop(writer);
    let error = fails(&bed, &client, source, soon()).await;
    assert_eq!(error.kind(), ErrorKind::SourceIo, "{error}");
    let (_writer, source) = Source::push();
    let options = CallOptions::new().with_timeout(Duration::from_millis(300));
    let error = fails(&bed, &client, source, options).await;
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
}
