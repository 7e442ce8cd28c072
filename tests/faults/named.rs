//! The three defects of other clients that this library must not have (docs/FAULTS.md), by name.

use std::io::Read;

use kusto_ingest::prelude::*;
use kusto_ingest::source::Compression;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bed::{Bed, Rows, props, soon};
use crate::data::{Data, Kind, NOISE, SMALL, gzipped, hand};
use crate::reader::{Broken, Way};

fn refused(operation: &str) -> Value {
    json!({
        "service": "blob", "operation": operation, "times": 1, "fault": {"kind": "expiredSas"},
    })
}

/// Ingests while the first container rejects requests; everything must arrive, and no other blob
/// may be left.
async fn fails_over(source: Source, data: &Data, rule: Value) {
    let bed = Bed::built_in().await;
    bed.table("T").await;
    let fault = bed.arm(&rule);
    let id = Uuid::new_v4();
    let source = source.with_id(&id.to_string()).unwrap();
    let result = bed.client().ingest(source, &props("T"), soon()).await;
    assert_eq!(bed.report(fault).fired, 1);
    result.unwrap();
    bed.settle().await;
    assert_eq!(bed.rows("T"), data.rows);
    let left = bed.left("T", id).await;
    assert_eq!(left.committed.len(), 1);
    assert!(bed.content(&left.committed[0]).await == data.text);
}

/// A client that passes the exhausted stream to the next container uploads an empty blob there and
/// reports success.
#[tokio::test(flavor = "multi_thread")]
async fn no_empty_blob_after_a_failover() {
    for kind in [Kind::Bytes, Kind::File, Kind::Reader] {
        fails_over(hand(kind, &SMALL).source, &SMALL, refused("PutBlob")).await;
        for operation in ["PutBlock", "PutBlockList"] {
            let handed = hand(kind, &NOISE);
            fails_over(handed.source, &NOISE, refused(operation)).await;
        }
    }
}

/// A client that announces the length of an exhausted stream waits for ever for its bytes.
#[tokio::test(flavor = "multi_thread")]
async fn no_hang_after_a_failover() {
    let packed = gzipped(&SMALL.text);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.csv.gz");
    std::fs::write(&path, &packed).unwrap();
    let open = std::fs::File::open(&path).unwrap();
    let named = |source: Source| source.with_name("data.csv.gz");
    for source in [
        Source::file(&path),
        named(Source::open_file(open)),
        named(Source::bytes(packed.clone())).with_compression(Compression::Gzip),
        named(Source::reader(std::io::Cursor::new(packed))),
    ] {
        fails_over(source, &SMALL, refused("PutBlob")).await;
    }
}

/// A client that takes its source's error for the end ingests less and reports success.
#[tokio::test(flavor = "multi_thread")]
async fn no_short_success_after_an_error_of_the_source() {
    let bed = Bed::built_in().await;
    bed.table("T").await;
    let client = bed.client();
    let small = (0..SMALL.text.len()).step_by(97).map(|good| (&SMALL, good));
    let block = 4 * 1024 * 1024;
    let large = [block, 2 * block, NOISE.text.len() - 1].map(|good| (&NOISE, good));
    for (data, good) in small.chain(large) {
        let id = Uuid::new_v4();
        let reader = Broken::new(data.text.clone(), good, Way::Fails);
        let source = Source::reader(reader).with_name("data.csv");
        let source = source.with_id(&id.to_string()).unwrap();
        let error = client
            .ingest(source, &props("T"), soon())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceIo, "{good}: {error}");
        assert!(!error.is_in_doubt());
        assert!(bed.left("T", id).await.committed.is_empty(), "{good}");
    }
    bed.settle().await;
    assert_eq!(bed.rows("T"), Rows::default());
}

#[test]
fn the_broken_reader_gives_what_it_says() {
    let mut reader = Broken::new(SMALL.text.clone(), 10, Way::Fails);
    let mut all = Vec::new();
    assert!(reader.read_to_end(&mut all).is_err());
    assert_eq!(all, SMALL.text[..10]);
}
