//! Data arrives unchanged, or not at all.

use std::io::{Read, Write};

use kusto_emulator::{CutPoint, Fault, FaultRule, ServiceKind, StorageOperation};
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use kusto_ingest::props::{ColumnMapping, Mapping, MappingKind};
use kusto_ingest::query::Value;
use kusto_ingest::source::Compression;

use crate::bed::{Bed, on_each_storage, props, props_for, soon};

/// `count` rows `n,text`.
fn csv(count: usize) -> String {
    (0..count).map(|n| format!("{n},row {n}\n")).collect()
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn every_kind_of_source_arrives_whole() {
    on_each_storage(async |bed: Bed| {
        bed.table().await;
        let directory = tempfile::tempdir().unwrap();
        let data = csv(100);
        let plain = directory.path().join("plain.csv");
        let packed = directory.path().join("packed.CSV.GZ");
        std::fs::write(&plain, &data).unwrap();
        std::fs::write(&packed, gzip(data.as_bytes())).unwrap();
        let blob = bed.put_blob("some blob é.csv", data.as_bytes()).await;
        let (mut writer, pushed) = Source::push();
        let chunks = data.clone();
        let pushing = tokio::spawn(async move {
            for chunk in chunks.as_bytes().chunks(7) {
                writer.write(chunk).await.unwrap();
            }
            writer.finish().await.unwrap();
        });
        let sources = [
            Source::bytes(data.clone()),
            Source::reader(std::io::Cursor::new(data.clone().into_bytes())),
            Source::file(&plain),
            Source::file(&packed),
            Source::open_file(std::fs::File::open(&plain).unwrap()),
            Source::bytes(gzip(data.as_bytes())).with_compression(Compression::Gzip),
            pushed,
            Source::blobs([BlobSource::new(blob.as_str())
                .unwrap()
                .with_raw_size(data.len() as u64)]),
        ];
        let count = sources.len() as i64;
        for source in sources {
            let what = format!("{source:?}");
            let item = bed.outcome(source, &props()).await;
            assert_eq!(item.state, ItemState::Succeeded, "{what}: {item:?}");
        }
        pushing.await.unwrap();
        assert_eq!(bed.count("T").await, 100 * count);
        let sums = bed.query("T | summarize sum(a), dcount(b)").await;
        assert_eq!(
            sums.primary().unwrap().rows[0],
            [Value::Long(4950 * count), Value::Long(100)]
        );
    })
    .await;
}

#[tokio::test]
async fn receipts_tell_sizes_and_ids() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let data = csv(1000);
    let id = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001";
    let source = Source::bytes(data.clone())
        .with_id(id)
        .unwrap()
        .with_name("my data.csv");
    let receipt = bed.client.ingest(source, &props(), soon()).await.unwrap();
    let item = &receipt.items()[0];
    assert_eq!(item.source_id.to_string(), id);
    assert_eq!(item.bytes_raw, Some(data.len() as u64));
    assert!(item.bytes_sent > 0 && item.bytes_sent < data.len() as u64 / 2);
    assert!(
        item.blob
            .ends_with(&format!("NetDefaultDB__T__{id}__my_data.csv.gz")),
        "{}",
        item.blob
    );
    let packed = gzip(data.as_bytes());
    let source = Source::bytes(packed.clone()).with_compression(Compression::Gzip);
    let receipt = bed.client.ingest(source, &props(), soon()).await.unwrap();
    let raw = receipt.items()[0].bytes_raw;
    assert_eq!(raw, None, "never what its end says");
    assert_eq!(receipt.bytes_sent(), packed.len() as u64);
    let source = Source::bytes(packed)
        .with_compression(Compression::Gzip)
        .with_raw_size(data.len() as u64);
    let receipt = bed.client.ingest(source, &props(), soon()).await.unwrap();
    assert_eq!(receipt.items()[0].bytes_raw, Some(data.len() as u64));
}

/// A reader of more rows than are ever in memory.
struct Rows {
    left: usize,
    line: Vec<u8>,
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.line.is_empty() && self.left > 0 {
            self.left -= 1;
            // Poorly compressible, so that the data takes several blocks.
            self.line = format!("{},{}\n", self.left, uuid::Uuid::new_v4()).into_bytes();
        }
        let length = self.line.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.line[..length]);
        self.line.drain(..length);
        Ok(length)
    }
}

#[tokio::test]
async fn many_blocks_arrive_in_order() {
    on_each_storage(async |bed: Bed| {
        bed.table().await;
        let rows = 400_000;
        let source = Source::reader(Rows {
            left: rows,
            line: Vec::new(),
        });
        let receipt = bed.client.ingest(source, &props(), soon()).await.unwrap();
        assert!(
            receipt.bytes_sent() > 2 * 4 * 1024 * 1024,
            "{}",
            receipt.bytes_sent()
        );
        assert_eq!(bed.wait(&receipt).await.state, ItemState::Succeeded);
        let data = bed
            .query("T | summarize count(), min(a), max(a), sum(a)")
            .await;
        let rows = rows as i64;
        let expected = [rows, 0, rows - 1, rows * (rows - 1) / 2].map(Value::Long);
        assert_eq!(data.primary().unwrap().rows[0], expected);
    })
    .await;
}

#[tokio::test]
async fn one_and_five_million_bytes() {
    let bed = Bed::built_in().await;
    bed.command(".create table L (line:string)").await;
    for size in [1, 5_000_000] {
        let props = props_for("L").with_format(DataFormat::Txt);
        // Lines of a hundred characters with their ends.
        let data: Vec<u8> = (1..=size)
            .map(|n| if n % 100 == 0 { b'\n' } else { b'x' })
            .collect();
        let item = bed.outcome(Source::bytes(data), &props).await;
        assert_eq!(item.state, ItemState::Succeeded, "{size}: {item:?}");
    }
    assert_eq!(bed.count("L").await, 1 + 50_000);
}

#[tokio::test]
async fn an_empty_source_is_refused_and_nothing_is_posted() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let (writer, pushed) = Source::push();
    writer.finish().await.unwrap();
    for source in [
        Source::bytes(""),
        Source::reader(std::io::empty()),
        Source::file(file.path()),
        pushed,
        Source::blobs([]),
    ] {
        let what = format!("{source:?}");
        let error = bed
            .client
            .ingest(source, &props(), soon())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{what}: {error}");
        assert_eq!(error.argument(), Some("source"), "{what}");
    }
    assert_nothing_arrived(&bed).await;
}

#[tokio::test]
async fn a_failing_source_posts_nothing() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let failing = Rows {
        left: 200_000,
        line: Vec::new(),
    }
    .chain(Broken);
    let (mut writer, dropped) = Source::push();
    writer.write(b"1,half of it\n").await.unwrap();
    drop(writer);
    for source in [
        Source::reader(Broken),
        Source::reader(failing),
        dropped,
        Source::file("/nowhere"),
    ] {
        let what = format!("{source:?}");
        let error = bed
            .client
            .ingest(source, &props(), soon())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceIo, "{what}: {error}");
        assert_eq!(error.step(), Step::ReadSource);
        assert!(!error.is_in_doubt());
    }
    assert_nothing_arrived(&bed).await;
}

/// A file that this process may not open, even as root: no system file that only takes writes is
/// opened for reading, while root reads any other.
#[cfg(target_os = "linux")]
fn without_permission(directory: &std::path::Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.join("secret.csv");
    std::fs::write(&path, "1,a\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_err() {
        return path;
    }
    let buses = std::fs::read_dir("/sys/bus").unwrap();
    let mut files = buses.map(|bus| bus.unwrap().path().join("uevent"));
    files
        .find(|file| file.exists())
        .expect("a file for writes only")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_without_permission_is_named_with_the_cause() {
    const EACCES: i32 = 13;
    let bed = Bed::built_in().await;
    let directory = tempfile::tempdir().unwrap();
    let path = without_permission(directory.path());
    let ingesting = bed.client.ingest(Source::file(&path), &props(), soon());
    let error = ingesting.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceIo, "{error}");
    assert_eq!(error.system_code(), Some(EACCES));
    assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    assert!(!error.is_in_doubt());
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the cable is cut"))
    }
}

/// A marker ingested afterwards is the only thing in the table: what was posted before it in the
/// same table would have been ingested with it or before it.
async fn assert_nothing_arrived(bed: &Bed) {
    let item = bed.outcome(Source::bytes("7,marker\n"), &props()).await;
    assert_eq!(item.state, ItemState::Succeeded);
    assert_eq!(bed.count("T").await, 1);
}

#[tokio::test]
async fn properties_reach_the_service() {
    on_each_storage(async |bed: Bed| {
        bed.table().await;
        let props = props()
            .with_ignore_first_record(true)
            .with_drop_by_tag("day1")
            .with_ingest_by_tag("k1")
            .with_ingest_if_not_exists(["k1"]);
        let data = "a,b\n1,\"x, \"\"y\"\"\nz\"\n2,\n";
        let item = bed.outcome(Source::bytes(data), &props).await;
        assert_eq!(item.state, ItemState::Succeeded, "{item:?}");
        let again = bed.outcome(Source::bytes(data), &props).await;
        assert_eq!(again.state, ItemState::Skipped, "{again:?}");
        let rows = bed.query("T | order by a asc").await;
        let string = |text: &str| Value::String(text.to_owned());
        assert_eq!(
            rows.primary().unwrap().rows,
            [
                vec![Value::Long(1), string("x, \"y\"\nz")],
                vec![Value::Long(2), string("")]
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn mappings_inline_and_by_name() {
    let bed = Bed::built_in().await;
    bed.table().await;
    bed.command(
        ".create table T ingestion json mapping 'M' \
         '[{\"column\":\"a\",\"path\":\"$.n\"},{\"column\":\"b\",\"path\":\"$.t\"}]'",
    )
    .await;
    let json = Source::bytes("{\"n\":1,\"t\":\"named\"}\n").with_name("x.json");
    let item = bed
        .outcome(json, &props().with_mapping_reference("M"))
        .await;
    assert_eq!(item.state, ItemState::Succeeded, "{item:?}");
    let inline = Mapping::new(
        MappingKind::Csv,
        vec![
            ColumnMapping::ordinal("a", 1),
            ColumnMapping::constant("b", "constant"),
        ],
    )
    .unwrap();
    let item = bed
        .outcome(Source::bytes("x,2\n"), &props().with_mapping(inline))
        .await;
    assert_eq!(item.state, ItemState::Succeeded, "{item:?}");
    let rows = bed.query("T | order by a asc | project b").await;
    let texts: Vec<_> = rows
        .primary()
        .unwrap()
        .rows
        .iter()
        .map(|row| row[0].to_text())
        .collect();
    assert_eq!(
        texts,
        [Some("named".to_owned()), Some("constant".to_owned())]
    );
}

#[tokio::test]
async fn unicode_names_of_database_table_and_mapping() {
    let options = kusto_emulator::Options {
        databases: vec!["База данных".to_owned()],
        ..crate::bed::quick()
    };
    let bed = Bed::start(options).await;
    let (database, table, mapping) = ("База данных", "表 größer.x-y", "Zuordnung é");
    let none = RequestProperties::new();
    let run = async |text: String| {
        bed.client
            .execute(database, &text, &none, soon())
            .await
            .unwrap()
    };
    let name = kusto_ingest::command::identifier(table).unwrap();
    run(format!(".create table {name} (['spalte ä']:string)")).await;
    let mapping_name = kusto_ingest::command::string_literal(mapping);
    run(format!(
        ".create table {name} ingestion csv mapping {mapping_name} \
         '[{{\"Column\":\"spalte ä\",\"Properties\":{{\"Ordinal\":\"0\"}}}}]'"
    ))
    .await;
    let props = IngestionProperties::new(database, table)
        .with_mapping_reference(mapping)
        .with_report_level(ReportLevel::FailuresAndSuccesses)
        .with_report_method(ReportMethod::QueueAndTable);
    let item = bed.outcome(Source::bytes("grüße,語\n"), &props).await;
    assert_eq!(item.state, ItemState::Succeeded, "{item:?}");
    assert_eq!(item.table.as_deref(), Some(table));
    let rows = run(name).await;
    assert_eq!(
        rows.primary().unwrap().rows[0][0].to_text().as_deref(),
        Some("grüße")
    );
}

#[tokio::test]
async fn several_blobs_are_one_call_with_many_items() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let mut blobs = Vec::new();
    for n in 0..3 {
        let url = bed.put_blob(&format!("b{n}.csv"), csv(10).as_bytes()).await;
        blobs.push(BlobSource::new(url.as_str()).unwrap());
    }
    let receipt = bed
        .client
        .ingest(Source::blobs(blobs), &props(), soon())
        .await
        .unwrap();
    assert_eq!(receipt.items().len(), 3);
    let poll = std::time::Duration::from_millis(20);
    let token = receipt.tracking_token();
    let report = bed
        .client
        .track_until_final(token, poll, soon())
        .await
        .unwrap();
    assert_eq!(report.count(ItemState::Succeeded), 3);
    assert_eq!(bed.count("T").await, 30);
}

#[tokio::test]
async fn a_message_too_large_for_the_queue_uploads_nothing() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let columns = (0..2000)
        .map(|n| ColumnMapping::ordinal(format!("column{n}"), n))
        .collect();
    let props = props().with_mapping(Mapping::new(MappingKind::Csv, columns).unwrap());
    let error = bed
        .client
        .ingest(Source::bytes("1,x\n"), &props, soon())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.argument(), Some("ingestion properties"));
    assert_nothing_arrived(&bed).await;
}

#[tokio::test]
async fn wrong_arguments_are_named_before_anything_is_sent() {
    // Nothing listens: an attempt to send would be a network error.
    let client = Client::builder("http://127.0.0.1:9")
        .unwrap()
        .build()
        .unwrap();
    let csv_with_json_mapping = IngestionProperties::new("d", "t")
        .with_format(DataFormat::Csv)
        .with_mapping(
            Mapping::new(MappingKind::Json, vec![ColumnMapping::path("a", "$.a")]).unwrap(),
        );
    for (props, argument) in [
        (IngestionProperties::new("", "t"), "database"),
        (IngestionProperties::new("d", " "), "table"),
        (csv_with_json_mapping, "mapping"),
    ] {
        let error = client
            .ingest(Source::bytes("x"), &props, soon())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(
            error.argument().unwrap().to_lowercase().contains(argument),
            "{error}"
        );
    }
    let blob = BlobSource::new("https://account.example/c/b.csv").unwrap();
    let id = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001";
    let source = Source::blobs([blob]).with_id(id).unwrap();
    let error = client.ingest(source, &props(), soon()).await.unwrap_err();
    assert_eq!(error.argument(), Some("source"), "never ignored: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_a_second_call_double_nothing_under_one_key() {
    on_each_storage(async |bed: Bed| {
        bed.table().await;
        bed.emulator.arm(FaultRule {
            operation: Some(StorageOperation::PutMessage),
            times: Some(1),
            ..FaultRule::new(ServiceKind::Queue, Fault::Cut(CutPoint::After))
        });
        let props = props().with_once("a.csv:0-8");
        let first = bed
            .client
            .ingest(Source::bytes("1,a\n2,b\n"), &props, soon());
        let first = first.await.unwrap();
        assert_eq!(bed.emulator.faults()[0].fired, 1);
        let item = bed.wait(&first).await;
        assert!(
            matches!(item.state, ItemState::Succeeded | ItemState::Skipped),
            "{item:?}"
        );
        let again = bed.outcome(Source::bytes("1,a\n2,b\n"), &props).await;
        assert_eq!(again.state, ItemState::Skipped, "{again:?}");
        let other = bed
            .outcome(Source::bytes("3,c\n"), &props.with_once("a.csv:8-12"))
            .await;
        assert_eq!(other.state, ItemState::Succeeded, "{other:?}");
        bed.settle().await;
        assert_eq!(bed.count("T").await, 3);
    })
    .await;
}

#[tokio::test]
async fn one_key_for_several_blobs_is_refused() {
    let bed = Bed::built_in().await;
    let blobs = ["a.csv", "b.csv"].map(|name| BlobSource::new(bed.landing(name).as_str()).unwrap());
    let by_hand = props()
        .with_ingest_by_tag("k")
        .with_ingest_if_not_exists(["k", "other"]);
    for (props, argument) in [
        (props().with_once("k"), "once"),
        (by_hand, "ingestIfNotExists"),
    ] {
        let call = bed
            .client
            .ingest(Source::blobs(blobs.clone()), &props, soon());
        let error = call.await.unwrap_err();
        assert_eq!(error.argument(), Some(argument), "{error}");
        assert!(error.message().contains("2 blobs"), "{error}");
    }
}
