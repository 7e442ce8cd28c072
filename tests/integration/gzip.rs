//! The stored blob is one gzip member with exactly the source's bytes, at every level.
//!
//! With `KUSTO_TEST_GZIP` naming a directory, each pair (`NAME` and `NAME.gz`) is also written
//! there, for the readers of other languages in tests/gzip.

use std::io::Read;
use std::path::PathBuf;

use kusto_emulator::Options;
use kusto_ingest::client::CompressionLevel;
use kusto_ingest::prelude::*;

use crate::bed::{Bed, client_of, quick, soon};

/// How much the client compresses at once, and how much without another thread.
const CHUNK: usize = 256 * 1024;
const INLINE: usize = 32 * 1024;
/// The content of one Put Block.
const BLOCK: usize = 4 * 1024 * 1024;

pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 5u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn text(length: usize) -> Vec<u8> {
    let lines =
        (0u64..).flat_map(|n| format!("{n},the quick brown fox,{}\n", n * 7919).into_bytes());
    lines.take(length).collect()
}

/// Names and contents: text around every boundary, and what cannot be compressed.
fn samples() -> Vec<(String, Vec<u8>)> {
    let around = |size: usize| [size - 1, size, size + 1];
    let mut lengths = vec![1, 2, 2 * CHUNK, 3 * BLOCK];
    lengths.extend([INLINE, CHUNK, BLOCK].into_iter().flat_map(around));
    let mut samples: Vec<(String, Vec<u8>)> = lengths
        .into_iter()
        .map(|length| (format!("text-{length}"), text(length)))
        .collect();
    for length in [1, INLINE, CHUNK + 1, BLOCK - 1000, BLOCK, 2 * BLOCK + 1] {
        samples.push((format!("noise-{length}"), noise(length)));
    }
    samples.push(("zeros".to_owned(), vec![0; 3 * BLOCK]));
    samples
}

/// Reads one member and nothing behind it, as some readers do.
fn first_member(data: &[u8]) -> (Vec<u8>, usize) {
    let mut decoder = flate2::bufread::GzDecoder::new(data);
    let mut back = Vec::new();
    decoder.read_to_end(&mut back).unwrap();
    (back, decoder.into_inner().len())
}

#[tokio::test]
async fn one_member_at_every_level_and_size() {
    let directory = std::env::var_os("KUSTO_TEST_GZIP").map(PathBuf::from);
    let bed = Bed::start(Options {
        ingestion: false,
        ..quick()
    })
    .await;
    for level in [
        CompressionLevel::Fast,
        CompressionLevel::Balanced,
        CompressionLevel::Small,
    ] {
        let client = client_of(&bed.emulator)
            .compression_level(level)
            .build()
            .unwrap();
        let props = IngestionProperties::new("Db", "T").with_format(DataFormat::Txt);
        for (name, data) in samples() {
            let source = Source::bytes(data.clone());
            let receipt = client.ingest(source, &props, soon()).await.unwrap();
            let compressed = bed.stored(&receipt).await;
            assert_eq!(receipt.bytes_sent(), compressed.len() as u64);
            assert_eq!(receipt.bytes_raw(), data.len() as u64);
            let (back, behind) = first_member(&compressed);
            assert!(back == data && behind == 0, "{level} {name}");
            // No flags, no time: the header of RFC 1952 up to the operating system.
            assert_eq!(compressed[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
            if let Some(directory) = &directory {
                std::fs::write(directory.join(format!("{level}-{name}")), &data).unwrap();
                std::fs::write(directory.join(format!("{level}-{name}.gz")), &compressed).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn the_settings_of_the_pipeline_are_checked_and_work_by_name() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let client = client_of(&bed.emulator)
        .set("Compression Level", "small")
        .and_then(|builder| builder.set("compression threads", "1"))
        .and_then(|builder| builder.set("memory budget", "4194304"))
        .unwrap()
        .build()
        .unwrap();
    // More than the budget, from a reader, in several blocks.
    let rows = 300_000;
    let lines = (0..rows).flat_map(|n: u64| {
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        format!(
            "{n},{mixed:016x}{:016x}\n",
            mixed.rotate_left(17).wrapping_mul(mixed | 1)
        )
        .into_bytes()
    });
    let data: Vec<u8> = lines.collect();
    let source = Source::reader(std::io::Cursor::new(data));
    let receipt = client
        .ingest(source, &crate::bed::props(), soon())
        .await
        .unwrap();
    assert!(receipt.bytes_sent() > 4_194_304);
    bed.wait(&receipt).await;
    assert_eq!(bed.count("T").await, rows as i64);
    for (name, value) in [
        ("compression level", "best"),
        ("compression threads", "0"),
        ("compression threads", "65"),
        ("compression threads", "two"),
        ("memory budget", "4194303"),
        ("memory budget", "-1"),
    ] {
        let error = client_of(&bed.emulator).set(name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{name} {value}");
        assert_eq!(error.argument(), Some(name));
    }
}
