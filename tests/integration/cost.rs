//! The cost of an ingestion in requests and connections, and data that is sent unchanged.

use kusto_emulator::Options;
use kusto_ingest::prelude::*;
use kusto_ingest::source::Compression;

use crate::bed::{Bed, client_of, quick, soon};

/// Nothing but the client sends anything.
async fn bed() -> Bed {
    Bed::start(Options {
        ingestion: false,
        ..quick()
    })
    .await
}

/// Rows that hardly compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 9u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test]
async fn what_fits_in_one_block_is_one_blob_and_one_message() {
    let bed = bed().await;
    let props = IngestionProperties::new("Db", "T");
    let data = noise(3_000_000);
    let sources: [fn(Vec<u8>) -> Source; 2] = [Source::bytes, |data| {
        Source::reader(std::io::Cursor::new(data))
    }];
    // Resources and identity token are fetched once.
    bed.client
        .ingest(Source::bytes("1"), &props, soon())
        .await
        .unwrap();
    for source in sources {
        for length in [1, 40_000, data.len()] {
            bed.emulator.reset_traffic();
            let source = source(data[..length].to_vec());
            bed.client.ingest(source, &props, soon()).await.unwrap();
            let services = bed.emulator.traffic().services;
            let requests = (services.blob.requests, services.queue.requests);
            assert_eq!(requests, (1, 1), "{length}");
            assert_eq!(bed.emulator.traffic().requests, 2, "{length}");
        }
    }
    bed.emulator.reset_traffic();
    let source = Source::bytes(noise(9_000_000));
    bed.client.ingest(source, &props, soon()).await.unwrap();
    // Three blocks and their list.
    assert_eq!(bed.emulator.traffic().services.blob.requests, 4);
}

#[tokio::test]
async fn a_thousand_small_ones_use_a_handful_of_connections() {
    let bed = bed().await;
    let props = IngestionProperties::new("Db", "T");
    for _ in 0..1000 {
        let source = Source::bytes("1,x\n");
        bed.client.ingest(source, &props, soon()).await.unwrap();
    }
    let traffic = bed.emulator.traffic();
    assert_eq!(traffic.services.queue.requests, 1000);
    // One to the service, one to each storage account for blobs, and for the posts to each of the two
    // as many as are answered in the few milliseconds that a connection rests before its next post.
    assert!(
        traffic.connections <= 5 + 2 * 16,
        "{} connections",
        traffic.connections
    );
}

/// 640 small ingestions, 64 at a time, with this client; the connections that they took.
async fn connections_of_a_crowd(bed: &Bed, client: &Client) -> u64 {
    let mut crowd = tokio::task::JoinSet::new();
    bed.emulator.reset_traffic();
    for _ in 0..64 {
        let client = client.clone();
        crowd.spawn(async move {
            let props = IngestionProperties::new("Db", "T");
            for _ in 0..10 {
                let source = Source::bytes("1,x\n");
                client.ingest(source, &props, soon()).await.unwrap();
            }
        });
    }
    while let Some(ended) = crowd.join_next().await {
        ended.unwrap();
    }
    let traffic = bed.emulator.traffic();
    assert_eq!(traffic.services.queue.requests, 640);
    traffic.connections
}

#[tokio::test]
async fn a_crowd_uses_as_many_connections_as_it_has_requests_under_way() {
    let bed = bed().await;
    let connections = connections_of_a_crowd(&bed, &bed.client).await;
    // 64 to each of the two accounts for blobs, and for the posts of each of the two queues those that
    // are under way, rest, and rested.
    assert!(connections <= 2 * 64 + 2 * 3 * 64, "{connections}");
    let narrow = client_of(&bed.emulator).connections_per_host(4).unwrap();
    let narrow = narrow.build().unwrap();
    connections_of_a_crowd(&bed, &narrow).await;
}

#[tokio::test]
async fn what_is_compressed_already_passes_untouched() {
    let bed = bed().await;
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"1,x\n").unwrap();
        encoder.finish().unwrap()
    };
    let binary = noise(100_000);
    let zip = [b"PK\x03\x04".as_slice(), &binary].concat();
    let of_format = |format| IngestionProperties::new("Db", "T").with_format(format);
    let csv = || of_format(DataFormat::Csv);
    for (source, props, data, suffix, raw) in [
        (
            Source::bytes(gzip.clone()).with_name("a.csv.gz"),
            csv(),
            &gzip,
            ".csv.gz",
            0,
        ),
        (
            Source::bytes(gzip.clone())
                .with_compression(Compression::Gzip)
                .with_raw_size(5),
            csv(),
            &gzip,
            ".csv.gz",
            5,
        ),
        (
            Source::bytes(zip.clone()).with_name("a.csv.zip"),
            csv(),
            &zip,
            ".csv.zip",
            0,
        ),
        (
            Source::bytes(binary.clone()),
            of_format(DataFormat::Parquet),
            &binary,
            ".parquet",
            binary.len() as u64,
        ),
        (
            Source::bytes(binary.clone()),
            of_format(DataFormat::Avro),
            &binary,
            ".avro",
            binary.len() as u64,
        ),
        (
            Source::reader(std::io::Cursor::new(binary.clone())),
            of_format(DataFormat::Orc),
            &binary,
            ".orc",
            binary.len() as u64,
        ),
    ] {
        let receipt = bed.client.ingest(source, &props, soon()).await.unwrap();
        let blob = &receipt.items()[0].blob;
        assert!(blob.ends_with(suffix), "{blob}");
        assert!(!blob.ends_with(".gz.gz"), "{blob}");
        assert!(bed.stored(&receipt).await == *data, "{suffix}");
        // 0 stands for unknown: a raw size is never guessed.
        assert_eq!(receipt.bytes_raw(), raw, "{suffix}");
        assert_eq!(receipt.bytes_sent(), data.len() as u64);
    }
}
