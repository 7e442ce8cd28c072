//! Streaming ingestion: rows are in the table when the call returns, or nothing is, or the error is in doubt.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use kusto_emulator::{
    CutPoint, Fault, FaultRule, KustoAnswer, Options, ServiceKind, StallPoint, Streamed, Streaming,
};
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use kusto_ingest::props::{ColumnMapping, InDoubt, IngestionMode, Mapping, MappingKind};
use kusto_ingest::source::Compression;
use kusto_ingest::track::Route;
use tokio::task::JoinSet;

use crate::bed::{Bed, DATABASE, client_of, quick, soon};
use crate::gzip::noise;
use crate::ingest::gzip;

/// An emulator whose tables can stream, a client that does, and the table `T(a:long, b:string)`.
pub(crate) async fn streaming(change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Bed {
    let bed = of_mode(IngestionMode::Streaming, Streaming::Always, change).await;
    bed.table().await;
    bed
}

pub(crate) async fn of_mode(
    mode: IngestionMode,
    streaming: Streaming,
    change: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Bed {
    let options = Options {
        streaming,
        ..quick()
    };
    let mut bed = Bed::start(options).await;
    let builder = client_of(&bed.emulator).mode(mode);
    bed.client = change(builder).build().unwrap();
    bed
}

pub(crate) fn props() -> IngestionProperties {
    IngestionProperties::new(DATABASE, "T").with_format(DataFormat::Csv)
}

/// A rule for streaming requests.
pub(crate) fn rule(fault: Fault) -> FaultRule {
    FaultRule::new(ServiceKind::Ingest, fault)
}

/// The same for the first of them.
pub(crate) fn once(fault: Fault) -> FaultRule {
    FaultRule {
        times: Some(1),
        ..rule(fault)
    }
}

/// An error of the service's form.
pub(crate) fn kusto(status: u16, code: &str, permanent: impl Into<Option<bool>>) -> Fault {
    Fault::Kusto(KustoAnswer {
        status,
        code: Some(code.to_owned()),
        message: Some("it failed".to_owned()),
        permanent: permanent.into(),
        ..KustoAnswer::default()
    })
}

/// Throttling that asks for a pause.
pub(crate) fn throttled(seconds: u32) -> Fault {
    Fault::Status {
        status: 429,
        retry_after: Some(seconds),
        code: None,
        body: None,
    }
}

impl Bed {
    pub(crate) fn streamed(&self) -> Vec<Streamed> {
        self.emulator.streams().last.into()
    }

    pub(crate) fn posted(&self) -> u64 {
        self.emulator.posted().posted
    }

    async fn ingest(&self, source: Source) -> Result<Receipt, Error> {
        self.client.ingest(source, &props(), soon()).await
    }

    /// Streams `1,x` and expects an error.
    async fn refused(&self) -> Error {
        self.ingest(Source::bytes("1,x\n")).await.unwrap_err()
    }
}

/// The data as every kind of source but a blob; its files lie in the directory.
pub(crate) fn local_sources(directory: &Path, data: &'static str) -> Vec<Source> {
    let (plain, gz) = (directory.join("a.csv"), directory.join("a.csv.gz"));
    std::fs::write(&plain, data).unwrap();
    std::fs::write(&gz, gzip(data.as_bytes())).unwrap();
    let (mut writer, pushed) = Source::push();
    tokio::spawn(async move {
        for byte in data.as_bytes().chunks(1) {
            writer.write(byte).await.unwrap();
        }
        writer.finish().await.unwrap();
    });
    vec![
        Source::bytes(data),
        Source::file(&plain),
        Source::file(&gz),
        Source::open_file(std::fs::File::open(&plain).unwrap()),
        Source::reader(std::io::Cursor::new(data)),
        pushed,
    ]
}

#[tokio::test]
async fn every_kind_of_source_is_in_the_table_when_the_call_returns() {
    let bed = streaming(|builder| builder).await;
    let directory = tempfile::tempdir().unwrap();
    let data = "1,x\n2,y\n";
    let blob = bed.put_blob("a.csv", data.as_bytes()).await;
    let mut sources = local_sources(directory.path(), data);
    sources.push(Source::blobs([BlobSource::new(blob.as_str()).unwrap()]));
    let mut count = 0;
    for source in sources {
        let what = format!("{source:?}");
        let receipt = bed.ingest(source).await.unwrap();
        count += 2;
        assert_eq!(bed.count("T").await, count, "{what}");
        assert_eq!((receipt.route(), receipt.attempts()), (Route::Streamed, 1));
        assert!(!receipt.possibly_duplicated() && receipt.fallback_cause().is_none());
        assert!(
            receipt
                .update_policy()
                .is_some_and(|policy| !policy.is_failure())
        );
        // Its status is known, here and elsewhere, without a request.
        let token: TrackingToken = receipt.tracking_token().to_string().parse().unwrap();
        let poll = Duration::from_secs(60);
        let report = bed
            .client
            .track_until_final(&token, poll, soon())
            .await
            .unwrap();
        assert_eq!(report.items()[0].state, ItemState::Succeeded);
        assert_eq!(report.items()[0].source_id, Some(receipt.source_id()));
    }
    assert_eq!(bed.posted(), 0);
}

#[tokio::test]
async fn a_request_says_what_its_body_is() {
    let bed = streaming(|builder| builder).await;
    bed.command(".create table ['My T-1'] (a:long, b:string)")
        .await;
    bed.command(
        r#".create table ['My T-1'] ingestion csv mapping 'm n' '[{"Column":"a","Properties":{"Ordinal":0}}]'"#,
    )
    .await;
    let props = IngestionProperties::new(DATABASE, "My T-1")
        .with_format(DataFormat::Csv)
        .with_mapping_reference("m n");
    let source = Source::bytes("1,x\n")
        .with_id("7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001")
        .unwrap();
    let receipt = bed.client.ingest(source, &props, soon()).await.unwrap();
    let streamed = bed.streamed().pop().unwrap();
    assert_eq!(
        streamed.target,
        format!("/v1/rest/ingest/{DATABASE}/My%20T-1?streamFormat=csv&mappingName=m%20n")
    );
    let header = |name: &str| streamed.headers.get(name).map(String::as_str);
    assert_eq!(header("content-encoding"), Some("gzip"));
    assert_eq!(header("content-type"), Some("application/octet-stream"));
    assert_eq!(
        header("content-length"),
        Some(&*receipt.bytes_sent().to_string())
    );
    assert_eq!(
        header("x-ms-client-request-id"),
        Some("KRC.executeStreamingIngest;7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001;0")
    );
    assert_eq!(bed.count("My T-1").await, 1);
}

/// S1: a header of gzip on bytes that are none is an error for some services and lost data for others.
#[tokio::test]
async fn the_encoding_is_that_of_the_bytes() {
    let bed = streaming(|builder| builder).await;
    let parquet = IngestionProperties::new(DATABASE, "T").with_format(DataFormat::Parquet);
    for (source, props, encoding) in [
        (Source::bytes("1,x\n"), props(), Some("gzip")),
        (
            Source::bytes(gzip(b"1,x\n")).with_compression(Compression::Gzip),
            props(),
            Some("gzip"),
        ),
        (Source::bytes("PAR1 as far as anybody sees"), parquet, None),
    ] {
        let ended = bed.client.ingest(source, &props, soon()).await;
        let streamed = bed.streamed().pop().unwrap();
        let sent = streamed.headers.get("content-encoding").map(String::as_str);
        assert_eq!(sent, encoding, "{ended:?}");
    }
}

/// As the emulator writes it.
pub(crate) fn sha256(data: &[u8]) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, data);
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Two rows, as `cat a.gz b.gz` puts them together.
pub(crate) fn members() -> Vec<u8> {
    [gzip(b"1,x\n"), gzip(b"2,y\n")].concat()
}

#[tokio::test]
async fn what_cannot_stream_is_refused_by_name_and_nothing_is_sent() {
    let bed = streaming(|builder| builder).await;
    let column = ColumnMapping::ordinal("a", 0);
    let mapping = Mapping::new(MappingKind::Csv, vec![column]).unwrap();
    let zip = Source::bytes(&b"PK\x03\x04"[..]).with_compression(Compression::Zip);
    // Rows that a reader of one member would lose in silence.
    let members = Source::bytes(members()).with_compression(Compression::Gzip);
    for (source, props, argument) in [
        (
            Source::bytes("1,x\n"),
            props().with_mapping(mapping),
            "ingestionMapping",
        ),
        (
            Source::bytes("1,x\n"),
            props().with_drop_by_tag("t"),
            "tags",
        ),
        (Source::bytes("1,x\n"), props().with_once("k"), "once"),
        (
            Source::bytes("1,x\n"),
            props().with_ignore_first_record(true),
            "ignoreFirstRecord",
        ),
        (zip, props(), "compression"),
        (members, props(), "compression"),
        (
            Source::blobs([BlobSource::new("https://a.example/c/b.csv.zip").unwrap()]),
            props(),
            "compression",
        ),
        (Source::bytes(""), props(), "source"),
        (Source::blobs([]), props(), "source"),
    ] {
        let error = bed.client.ingest(source, &props, soon()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert_eq!(error.argument(), Some(argument), "{error}");
        assert!(!error.is_in_doubt());
    }
    // Bytes that gzip does not make smaller.
    let error = bed
        .ingest(Source::bytes(noise(11 << 20)))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.argument()),
        (ErrorKind::TooLarge, Some("source"))
    );
    assert_eq!((bed.emulator.streams().requests, bed.posted()), (0, 0));
}

#[tokio::test]
async fn a_mode_of_one_call_overrides_the_clients() {
    let bed = of_mode(IngestionMode::Queued, Streaming::Always, |builder| builder).await;
    bed.table().await;
    let streaming = props().with_mode(IngestionMode::Streaming);
    let receipt = bed
        .client
        .ingest(Source::bytes("1,x\n"), &streaming, soon())
        .await;
    assert_eq!(receipt.unwrap().route(), Route::Streamed);
    let receipt = bed.ingest(Source::bytes("1,x\n")).await.unwrap();
    assert_eq!((receipt.route(), receipt.attempts()), (Route::Queued, 0));
    assert_eq!((bed.emulator.streams().requests, bed.posted()), (1, 1));
}

#[tokio::test]
async fn a_table_without_a_policy_and_a_wrong_host_are_explained() {
    let bed = of_mode(IngestionMode::Streaming, Streaming::ByPolicy, |builder| {
        builder
    })
    .await;
    bed.table().await;
    let error = bed.refused().await;
    assert_eq!(
        error.service_code(),
        Some("BadRequest_StreamingIngestionPolicyNotEnabled")
    );
    assert!(error.to_string().contains(".alter table"), "{error}");
    assert!(error.is_permanent() && !error.is_in_doubt(), "{error:?}");
    bed.emulator.arm(rule(Fault::Status {
        status: 404,
        retry_after: None,
        code: None,
        body: Some(String::new()),
    }));
    let error = bed.refused().await;
    assert_eq!(
        (error.http_status(), error.is_in_doubt()),
        (Some(404), false)
    );
    assert!(error.to_string().contains("its engine"), "{error}");
    assert_eq!(bed.emulator.streams().requests, 2);
}

/// S3: what fails for good is tried once.
#[tokio::test]
async fn a_permanent_error_is_tried_once() {
    let bed = streaming(|builder| builder).await;
    for (fault, kind) in [
        (
            kusto(400, "Stream_WrongNumberOfFields", true),
            ErrorKind::Service,
        ),
        (
            kusto(400, "BadRequest_TableNotExist", true),
            ErrorKind::NotFound,
        ),
        (
            kusto(400, "Stream_InputStreamTooLarge", true),
            ErrorKind::TooLarge,
        ),
        (kusto(403, "Forbidden", true), ErrorKind::Auth),
        (
            kusto(413, "BadRequest_FileTooLarge", true),
            ErrorKind::TooLarge,
        ),
        (
            kusto(500, "General_InternalServerError", true),
            ErrorKind::Service,
        ),
        (Fault::status(403), ErrorKind::Auth),
    ] {
        let what = format!("{fault:?}");
        bed.emulator.reset_streams();
        bed.emulator.arm(rule(fault));
        let error = bed.refused().await;
        bed.emulator.disarm_all();
        assert_eq!(error.step(), Step::StreamData, "{what}");
        assert_eq!(bed.emulator.streams().requests, 1, "{what}");
        assert!(
            !error.is_in_doubt() && !error.is_retryable(),
            "{what}: {error:?}"
        );
        assert_eq!(error.kind(), kind, "{what}");
    }
    assert_eq!(bed.count("T").await, 0);
}

/// S6: a source that can be read once is sent again as it was.
#[tokio::test]
async fn a_transient_error_is_tried_again_with_the_same_bytes() {
    let bed = streaming(|builder| builder).await;
    let passing = [
        kusto(503, "Stream_LowMemoryCondition", false),
        kusto(400, "General_TransientSchemaMismatch", false),
        Fault::status(503),
        throttled(0),
    ];
    for (n, fault) in (1..).zip(passing) {
        let what = format!("{fault:?}");
        bed.emulator.reset_streams();
        bed.emulator.arm(once(fault));
        let rows: String = (0..1000).map(|n| format!("{n},row {n}\n")).collect();
        let reader = Source::reader(std::io::Cursor::new(rows));
        let receipt = bed.ingest(reader).await.unwrap();
        assert_eq!(
            (receipt.attempts(), receipt.possibly_duplicated()),
            (2, false),
            "{what}"
        );
        let streamed = bed.streamed();
        assert_eq!(streamed.len(), 2, "{what}");
        assert_eq!(streamed[0].sha256, streamed[1].sha256);
        let ids: Vec<_> = streamed
            .iter()
            .map(|it| &it.headers["x-ms-client-request-id"])
            .collect();
        assert!(ids[0].ends_with(";0") && ids[1].ends_with(";1"), "{ids:?}");
        assert_eq!(bed.count("T").await, n * 1000, "{what}");
    }
}

#[tokio::test]
async fn attempts_end_and_all_of_them_are_in_the_error() {
    let bed = streaming(|builder| builder.streaming_attempts(2).unwrap()).await;
    bed.emulator
        .arm(rule(kusto(503, "Stream_LowMemoryCondition", false)));
    let error = bed.refused().await;
    assert_eq!(
        (error.attempts().len(), error.is_retryable()),
        (2, true),
        "{error}"
    );
    assert_eq!(bed.emulator.streams().requests, 2);
    // A pause that is longer than a call waits for ends them as well; the error says how long it is.
    bed.emulator.disarm_all();
    bed.emulator.reset_streams();
    bed.emulator.arm(rule(throttled(31)));
    let error = bed.refused().await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(31)));
    assert_eq!(bed.emulator.streams().requests, 1);
}

/// A token that the service rejects is replaced once, within the same attempt.
#[tokio::test]
async fn a_rejected_token_is_replaced_once() {
    let tokens = Arc::new(AtomicU64::new(0));
    let count = tokens.clone();
    let login = Credential::from_fn(async move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let hour = Duration::from_secs(3600);
        Ok(AccessToken::valid_for(format!("token-{number}"), hour))
    });
    let bed = streaming(|builder| builder.credential(login)).await;
    let before = tokens.load(Ordering::Relaxed);
    bed.emulator.arm(once(Fault::status(401)));
    let receipt = bed.ingest(Source::bytes("1,x\n")).await.unwrap();
    assert_eq!(receipt.attempts(), 1);
    assert_eq!(bed.emulator.streams().requests, 2);
    assert_eq!(tokens.load(Ordering::Relaxed), before + 1);
    bed.emulator.disarm_all();
    bed.emulator.arm(rule(Fault::status(401)));
    let error = bed.refused().await;
    assert_eq!(
        (error.kind(), error.is_in_doubt()),
        (ErrorKind::Auth, false)
    );
    assert_eq!(bed.count("T").await, 1);
}

/// S10: the service says when to come back.
#[tokio::test]
async fn a_throttled_call_does_not_come_back_early() {
    let bed = streaming(|builder| builder).await;
    bed.emulator.arm(FaultRule {
        insist: true,
        ..once(throttled(1))
    });
    let receipt = bed.ingest(Source::bytes("1,x\n")).await.unwrap();
    assert_eq!(receipt.attempts(), 2);
    assert_eq!(bed.emulator.faults()[0].fired, 1, "it came back early");
}

/// S9: what may have been ingested is not sent again.
#[tokio::test]
async fn an_unknown_outcome_is_an_error_in_doubt() {
    let bed = streaming(|builder| builder).await;
    let mut in_table = 0;
    for (fault, ingests) in [
        (Fault::Cut(CutPoint::After), true),
        (Fault::Cut(CutPoint::During { bytes: 1 << 20 }), false),
        (Fault::Garbage, false),
        (Fault::status(504), false),
        (Fault::status(408), false),
        (
            Fault::Status {
                status: 500,
                retry_after: None,
                code: None,
                body: Some("<html>".to_owned()),
            },
            false,
        ),
    ] {
        let what = format!("{fault:?}");
        bed.emulator.reset_streams();
        bed.emulator.arm(rule(fault));
        let error = bed.refused().await;
        bed.emulator.disarm_all();
        assert!(error.is_in_doubt(), "{what}: {error:?}");
        assert!(
            !error.is_permanent() && !error.is_retryable(),
            "{what}: {error:?}"
        );
        assert!(error.to_string().contains("look there"), "{what}: {error}");
        assert!(bed.emulator.streams().requests <= 1, "{what}");
        in_table += i64::from(ingests);
        assert_eq!(bed.count("T").await, in_table, "{what}");
    }
    assert_eq!(bed.posted(), 0);
}

/// More than systems take in before anybody reads it: a connection that breaks within it leaves no doubt.
#[tokio::test]
async fn a_body_that_was_not_taken_as_a_whole_is_sent_again() {
    let bed = streaming(|builder| builder.streaming_attempts(2).unwrap()).await;
    let raw = props().with_format(DataFormat::SStream);
    for fault in [
        Fault::Cut(CutPoint::Before),
        Fault::Cut(CutPoint::During { bytes: 1 }),
    ] {
        let what = format!("{fault:?}");
        bed.emulator.reset_streams();
        bed.emulator.arm(rule(fault));
        let source = Source::bytes(noise(9 << 20));
        let error = bed.client.ingest(source, &raw, soon()).await.unwrap_err();
        bed.emulator.disarm_all();
        assert!(
            !error.is_in_doubt() && error.is_retryable(),
            "{what}: {error:?}"
        );
        assert_eq!(error.attempts().len(), 2, "{what}");
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_tried_again_where_that_is_asked_for() {
    let bed = streaming(|builder| builder.in_doubt(InDoubt::Retry)).await;
    bed.emulator.arm(once(Fault::Cut(CutPoint::After)));
    let receipt = bed.ingest(Source::bytes("1,x\n")).await.unwrap();
    assert!(receipt.possibly_duplicated());
    assert_eq!((receipt.attempts(), bed.count("T").await), (2, 2));
    // Doubt about one attempt is not forgotten because another one says more.
    bed.emulator.disarm_all();
    bed.emulator.arm(FaultRule {
        skip: 1,
        ..rule(kusto(400, "General_BadRequest", true))
    });
    bed.emulator.arm(once(Fault::Cut(CutPoint::After)));
    let error = bed.refused().await;
    assert!(error.is_in_doubt(), "{error:?}");
}

#[tokio::test]
async fn cancelling_and_the_deadline_leave_the_outcome_in_doubt() {
    let bed = streaming(|builder| builder).await;
    bed.emulator.arm(rule(Fault::Stall {
        when: StallPoint::After,
    }));
    let second = CallOptions::new().with_timeout(Duration::from_secs(1));
    let late = bed
        .client
        .ingest(Source::bytes("1,x\n"), &props(), second)
        .await;
    let error = late.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_in_doubt()),
        (ErrorKind::TimedOut, true)
    );
    let cancel = CancelToken::new();
    let options = CallOptions::new().with_cancel(cancel.clone());
    let call = bed.client.ingest(Source::bytes("1,x\n"), &props(), options);
    let stopping = async {
        while bed.count("T").await < 2 {}
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(call, stopping);
    let error = ended.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_in_doubt()),
        (ErrorKind::Cancelled, true)
    );
}

#[tokio::test]
async fn blobs_are_streamed_one_by_one_until_one_fails() {
    let bed = streaming(|builder| builder).await;
    let mut blobs = Vec::new();
    for n in 0..3 {
        let url = bed.put_blob(&format!("{n}.csv"), b"1,x\n").await;
        blobs.push(BlobSource::new(url.as_str()).unwrap());
    }
    let receipt = bed.ingest(Source::blobs(blobs.clone())).await.unwrap();
    assert_eq!((receipt.items().len(), receipt.attempts()), (3, 3));
    assert!(!receipt.items()[0].blob.contains("sig="), "{receipt:?}");
    bed.emulator.arm(FaultRule {
        skip: 1,
        ..rule(kusto(400, "General_BadRequest", true))
    });
    let error = bed.ingest(Source::blobs(blobs)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.handed_over().len()),
        (ErrorKind::Partial, 1)
    );
    assert_eq!(bed.count("T").await, 4);
    // The address has a signature: it is nowhere but in the request.
    assert!(!format!("{error:?}").contains("sig="));
}

/// The doubt of a blob that was sent again is not forgotten because a later one is refused.
#[tokio::test]
async fn a_blob_that_may_be_there_twice_leaves_the_call_in_doubt() {
    let bed = streaming(|builder| builder.in_doubt(InDoubt::Retry)).await;
    let url = bed.put_blob("a.csv", b"1,x\n").await;
    let blob = BlobSource::new(url.as_str()).unwrap();
    bed.emulator.arm(FaultRule {
        skip: 2,
        ..rule(kusto(400, "General_BadRequest", true))
    });
    bed.emulator.arm(once(Fault::Cut(CutPoint::After)));
    let source = Source::blobs([blob.clone(), blob]);
    let error = bed.ingest(source).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_in_doubt()),
        (ErrorKind::Partial, true)
    );
    assert_eq!(bed.count("T").await, 2);
}

/// Calls that stream one row each.
fn rows_at_once(bed: &Bed, count: usize) -> JoinSet<Receipt> {
    let mut calls = JoinSet::new();
    for n in 0..count {
        let client = bed.client.clone();
        calls.spawn(async move {
            let source = Source::bytes(format!("{n},x\n"));
            client.ingest(source, &props(), soon()).await.unwrap()
        });
    }
    calls
}

#[tokio::test]
async fn many_calls_at_once_keep_to_the_places() {
    let bed = streaming(|builder| builder.streaming_concurrency(2).unwrap()).await;
    bed.emulator.arm(rule(Fault::Hold));
    let calls = rows_at_once(&bed, 20);
    let under_way = || bed.emulator.faults()[0].fired;
    while under_way() < 2 {
        tokio::task::yield_now().await;
    }
    // Any of the others would have come meanwhile.
    for _ in 0..20 {
        bed.count("T").await;
    }
    assert_eq!(under_way(), 2);
    bed.emulator.disarm_all();
    calls.join_all().await;
    assert_eq!(bed.count("T").await, 20);
}

/// A deadline that is passed, or nearly, before anything is sent leaves no doubt.
#[tokio::test]
async fn no_request_is_begun_that_would_be_cut_off_at_once() {
    let bed = streaming(|builder| builder).await;
    bed.ingest(Source::bytes("1,x\n")).await.unwrap();
    bed.emulator.arm(rule(Fault::Stall {
        when: StallPoint::After,
    }));
    let options = CallOptions::new().with_timeout(Duration::from_millis(90));
    let call = bed.client.ingest(Source::bytes("1,x\n"), &props(), options);
    let error = call.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_in_doubt()),
        (ErrorKind::TimedOut, false)
    );
    assert_eq!(bed.emulator.streams().requests, 1);
}

/// Of three calls each body is larger than the budget, and none can be sent in parts: they wait for each other.
#[tokio::test]
async fn bodies_that_the_memory_cannot_hold_wait_for_each_other() {
    let bed = streaming(|builder| builder.memory_budget(4 << 20).unwrap()).await;
    // One field of letters that hardly compress.
    let letters = noise(8 << 20).into_iter();
    let text: String = letters.map(|byte| char::from(b'a' + byte % 26)).collect();
    let data = Bytes::from(format!("1,{text}\n"));
    let reader = |data: &Bytes| Source::reader(std::io::Cursor::new(data.clone()));
    let mut calls = JoinSet::new();
    for source in [
        Source::bytes(data.clone()),
        reader(&data),
        Source::bytes(data.clone()),
        reader(&data),
    ] {
        let client = bed.client.clone();
        calls.spawn(async move { client.ingest(source, &props(), soon()).await.unwrap() });
    }
    calls.join_all().await;
    assert_eq!(bed.count("T").await, 4);
    // In several blocks, and whole.
    let sent = sha256(&data);
    for streamed in bed.streamed() {
        assert!(streamed.bytes > 4 << 20, "{streamed:?}");
        assert_eq!(streamed.content_sha256.as_ref(), Some(&sent));
    }
}
