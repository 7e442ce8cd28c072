//! Managed ingestion: streaming where it is possible, else the queue, with the same id and the same bytes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use kusto_emulator::{CutPoint, Fault, FaultRule, ServiceKind, StorageOperation, Streaming};
use kusto_ingest::auth::StaticToken;
use kusto_ingest::client::ClientBuilder;
use kusto_ingest::log::{Dispatch, LogLevel, LogRecord, receiver};
use kusto_ingest::prelude::*;
use kusto_ingest::props::{Fallback, InDoubt, IngestionMode};
use kusto_ingest::source::Compression;
use kusto_ingest::track::Route;

use crate::bed::{Bed, DATABASE, soon};
use crate::gzip::noise;
use crate::ingest::gzip;
use crate::streaming::{
    kusto, local_sources, members, of_mode, once, props, rule, sha256, throttled,
};

/// A client that manages, and the table `T(a:long, b:string)`, which can stream.
async fn managed(change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Bed {
    let bed = of_mode(IngestionMode::Managed, Streaming::Always, change).await;
    bed.table().await;
    bed
}

impl Bed {
    async fn manage(&self, source: Source) -> Receipt {
        self.client.ingest(source, &props(), soon()).await.unwrap()
    }

    /// Ingests `1,x`.
    async fn one(&self) -> Receipt {
        self.manage(Source::bytes("1,x\n")).await
    }

    fn requests(&self) -> (u64, u64) {
        (
            self.emulator.streams().requests,
            self.emulator.posted().posted,
        )
    }

    fn forget(&self) {
        self.emulator.disarm_all();
        self.emulator.reset_streams();
        self.emulator.reset_posted();
        self.client.forget_streaming_state(DATABASE, "T");
    }
}

/// Rows of csv of about this size.
fn rows(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 64);
    let mut n = 0;
    while text.len() < bytes {
        text.push_str(&format!("{n},row {n}\n"));
        n += 1;
    }
    text
}

#[tokio::test]
async fn small_data_of_every_source_is_streamed() {
    let bed = managed(|builder| builder).await;
    let directory = tempfile::tempdir().unwrap();
    let data = "1,x\n2,y\n";
    let sized = bed.put_blob("sized.csv", data.as_bytes()).await;
    let asked = bed.put_blob("asked.csv", data.as_bytes()).await;
    let mut sources = local_sources(directory.path(), data);
    sources.extend([
        Source::blobs([BlobSource::new(sized.as_str()).unwrap().with_raw_size(8)]),
        Source::blobs([BlobSource::new(asked.as_str()).unwrap()]),
    ]);
    let mut count = 0;
    for source in sources {
        let what = format!("{source:?}");
        let receipt = bed.manage(source).await;
        count += 2;
        assert_eq!(
            (receipt.route(), receipt.attempts()),
            (Route::Streamed, 1),
            "{what}"
        );
        assert_eq!(bed.count("T").await, count, "{what}");
    }
    assert_eq!(bed.requests(), (8, 0));
    let first = &bed.emulator.streams().last[0].headers["x-ms-client-request-id"];
    assert!(
        first.starts_with("KRC.executeManagedStreamingIngest;"),
        "{first}"
    );
}

/// S7: what is too large never meets the engine, whatever shows that it is.
#[tokio::test]
async fn large_data_is_queued_and_no_streaming_request_is_made() {
    let bed = managed(|builder| builder).await;
    let directory = tempfile::tempdir().unwrap();
    let data = rows(10 << 20);
    let file = directory.path().join("large.csv");
    std::fs::write(&file, &data).unwrap();
    // 100:1, of which only the caller knows what is in it.
    let dense = gzip(&vec![b'x'; 40 << 20]);
    let (mut writer, pushed) = Source::push();
    let chunks = data.clone();
    let pushing = tokio::spawn(async move {
        for chunk in chunks.as_bytes().chunks(1 << 20) {
            writer.write(chunk).await.unwrap();
        }
        writer.finish().await.unwrap();
    });
    let blob = bed.put_blob("large.csv", data.as_bytes()).await;
    let sources = [
        Source::bytes(data.clone()),
        Source::file(&file),
        Source::reader(std::io::Cursor::new(data.clone())),
        pushed,
        Source::bytes(dense)
            .with_compression(Compression::Gzip)
            .with_raw_size(40 << 20),
        Source::bytes(gzip(&noise(3 << 20))).with_compression(Compression::Gzip),
        Source::blobs([BlobSource::new(blob.as_str()).unwrap()]),
        Source::blobs([BlobSource::new(blob.as_str())
            .unwrap()
            .with_raw_size(4 << 30)]),
        // Nobody but the service can read it.
        Source::blobs([
            BlobSource::new("https://a.example/c/b.csv;managed_identity=system").unwrap(),
        ]),
    ];
    let count = sources.len() as u64;
    for source in sources {
        let what = format!("{source:?}");
        let receipt = bed.manage(source).await;
        assert_eq!(
            (receipt.route(), receipt.attempts()),
            (Route::Queued, 0),
            "{what}"
        );
        assert!(receipt.fallback_cause().is_none(), "{what}");
    }
    pushing.await.unwrap();
    assert_eq!(bed.requests(), (0, count));
}

/// S8: what a streaming request cannot carry is not lost.
#[tokio::test]
async fn properties_that_cannot_stream_are_queued() {
    let bed = managed(|builder| builder).await;
    let several = Source::bytes(members()).with_compression(Compression::Gzip);
    let with_status = props().with_report_method(ReportMethod::Table);
    let call = bed.client.ingest(several, &with_status, soon());
    bed.wait(&call.await.unwrap()).await;
    assert_eq!(bed.count("T").await, 2);
    let header = props().with_ignore_first_record(true);
    let receipt = bed
        .client
        .ingest(Source::bytes("a,b\n1,x\n"), &header, soon())
        .await
        .unwrap();
    assert_eq!(receipt.route(), Route::Queued);
    let tagged = props().with_once("k");
    bed.client
        .ingest(Source::bytes("1,x\n"), &tagged, soon())
        .await
        .unwrap();
    let zip = Source::bytes(&b"PK\x03\x04"[..]).with_compression(Compression::Zip);
    bed.client.ingest(zip, &props(), soon()).await.unwrap();
    let mut blobs = Vec::new();
    for n in 0..2 {
        let url = bed.put_blob(&format!("{n}.csv"), b"1,x\n").await;
        blobs.push(BlobSource::new(url.as_str()).unwrap());
    }
    let receipt = bed.manage(Source::blobs(blobs)).await;
    assert_eq!((receipt.route(), receipt.items().len()), (Route::Queued, 2));
    assert_eq!(bed.requests(), (0, 6));
}

/// S4: what the queue would not take either is an error now, not later.
#[tokio::test]
async fn errors_that_the_queue_cannot_mend_are_not_queued() {
    let bed = managed(|builder| builder).await;
    for fault in [
        kusto(400, "Stream_WrongNumberOfFields", true),
        kusto(400, "BadRequest_TableNotExist", true),
        kusto(400, "General_BadRequest", None),
        kusto(500, "General_InternalServerError", true),
        Fault::status(403),
    ] {
        bed.forget();
        bed.emulator.arm(rule(fault));
        let call = bed.client.ingest(Source::bytes("1,x\n"), &props(), soon());
        let error = call.await.unwrap_err();
        assert!(!error.is_in_doubt(), "{error:?}");
        assert_eq!(bed.requests(), (1, 0), "{error:?}");
    }
}

/// S5, S20: the queue takes the same data under the same id, and the receipt says why.
#[tokio::test]
async fn what_the_queue_may_take_is_queued_with_the_same_id_and_bytes() {
    let bed = managed(|builder| builder.streaming_attempts(2).unwrap()).await;
    let data = rows(1 << 20);
    for (fault, attempts) in [
        (
            kusto(404, "NotFound_StreamingIngestionDisabledForCluster", true),
            1,
        ),
        (kusto(400, "UpdatePolicyIncompatible", true), 1),
        (kusto(400, "Stream_InputStreamTooLarge", true), 1),
        (
            Fault::Status {
                status: 404,
                retry_after: None,
                code: None,
                body: Some(String::new()),
            },
            1,
        ),
        (throttled(11), 1),
        (kusto(503, "Stream_LowMemoryCondition", false), 2),
    ] {
        let what = format!("{fault:?}");
        bed.forget();
        bed.emulator.arm(rule(fault));
        let source = Source::reader(std::io::Cursor::new(data.clone()));
        let receipt = bed.manage(source).await;
        assert_eq!(
            (receipt.route(), receipt.attempts()),
            (Route::Queued, attempts),
            "{what}"
        );
        let cause = receipt.fallback_cause().unwrap();
        assert!(
            cause.http_status().is_some() && !cause.is_in_doubt(),
            "{what}: {cause:?}"
        );
        assert!(!receipt.possibly_duplicated());
        assert_eq!(bed.requests(), (u64::from(attempts), 1), "{what}");
        // The bytes of the blob are those of the request, compressed once.
        let streamed = &bed.emulator.streams().last[0];
        let stored = bed.stored(&receipt).await;
        assert_eq!(sha256(&stored), streamed.sha256, "{what}");
        let id = receipt.source_id().to_string();
        assert!(
            streamed.headers["x-ms-client-request-id"].contains(&id),
            "{what}"
        );
        assert!(receipt.items()[0].blob.contains(&id), "{what}");
    }
}

/// A body of several blocks, from sources that can be read once: the blob is what the request was, to the byte.
#[tokio::test]
async fn a_body_of_several_blocks_is_the_same_for_both() {
    let bed = managed(|builder| builder.streaming_size_factor(4.0).unwrap()).await;
    let data = Bytes::from(noise(9 << 20));
    let props = IngestionProperties::new(DATABASE, "T").with_format(DataFormat::Avro);
    let (mut writer, pushed) = Source::push();
    let chunks = data.clone();
    let pushing = tokio::spawn(async move {
        for chunk in chunks.chunks(1_000_003) {
            writer.write(chunk).await.unwrap();
        }
        writer.finish().await.unwrap();
    });
    for source in [Source::reader(std::io::Cursor::new(data.clone())), pushed] {
        bed.forget();
        bed.emulator
            .arm(rule(kusto(400, "Stream_InputStreamTooLarge", true)));
        // Its first container fails: what was read ahead is read once more.
        bed.emulator.arm(FaultRule {
            operation: Some(StorageOperation::PutBlock),
            skip: 1,
            times: Some(1),
            ..FaultRule::new(ServiceKind::Blob, Fault::status(403))
        });
        let receipt = bed.client.ingest(source, &props, soon()).await.unwrap();
        assert_eq!((receipt.route(), receipt.attempts()), (Route::Queued, 1));
        assert_eq!(bed.emulator.faults()[1].fired, 1);
        let streamed = &bed.emulator.streams().last[0];
        assert_eq!(streamed.sha256, sha256(&data));
        assert_eq!(sha256(&bed.stored(&receipt).await), streamed.sha256);
    }
    pushing.await.unwrap();
}

#[tokio::test]
async fn an_engine_that_cannot_be_reached_is_no_reason_to_lose_data() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for logs_in in [false, true] {
        let bed = of_mode(IngestionMode::Managed, Streaming::Always, |builder| {
            let engine = format!("http://127.0.0.1:{port}");
            let builder = builder.engine_endpoint(&engine).unwrap();
            let builder = builder.streaming_attempts(2).unwrap();
            match logs_in {
                true => builder.credential(Arc::new(StaticToken::new("token"))),
                false => builder,
            }
        })
        .await;
        let attempts = if logs_in { 0 } else { 2 };
        // It is not tried anew by each call.
        for attempts in [attempts, 0] {
            let receipt = bed.one().await;
            assert_eq!(
                (receipt.route(), receipt.attempts()),
                (Route::Queued, attempts),
                "{logs_in}"
            );
            let cause = receipt.fallback_cause().unwrap();
            assert_eq!(cause.kind(), ErrorKind::Network, "{logs_in}");
        }
        assert_eq!(bed.requests(), (0, 2), "{logs_in}");
    }
}

/// A table that is off is not asked again by each call.
#[tokio::test]
async fn a_table_without_a_policy_is_remembered_until_it_is_forgotten() {
    let bed = of_mode(IngestionMode::Managed, Streaming::ByPolicy, |builder| {
        builder
    })
    .await;
    bed.table().await;
    for attempts in [1, 0, 0] {
        let receipt = bed.one().await;
        assert_eq!(
            (receipt.route(), receipt.attempts()),
            (Route::Queued, attempts)
        );
        let code = receipt.fallback_cause().and_then(Error::service_code);
        assert_eq!(code, Some("BadRequest_StreamingIngestionPolicyNotEnabled"));
    }
    assert_eq!(bed.requests(), (1, 3));
    bed.command(".alter table T policy streamingingestion enable")
        .await;
    assert_eq!(bed.one().await.route(), Route::Queued);
    bed.client.forget_streaming_state(DATABASE, "T");
    assert_eq!(bed.one().await.route(), Route::Streamed);
}

/// The names of a client's events, and their receiver.
fn names_of_events(level: LogLevel) -> (Arc<Mutex<Vec<String>>>, Dispatch) {
    let names = Arc::<Mutex<Vec<String>>>::default();
    let kept = names.clone();
    let sink = move |record: &LogRecord<'_>| kept.lock().unwrap().push(record.event.to_owned());
    (names, receiver(level, Arc::new(sink)))
}

/// Once for each time in which it is not tried, not for each call.
#[tokio::test]
async fn the_log_says_once_that_a_table_is_queued() {
    let (names, log) = names_of_events(LogLevel::Info);
    let bed = of_mode(IngestionMode::Managed, Streaming::ByPolicy, |builder| {
        builder.log(log)
    })
    .await;
    bed.table().await;
    for _ in 0..3 {
        bed.one().await;
    }
    let names = names.lock().unwrap();
    let count = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
    assert_eq!(
        (count("streaming_fallback"), count("ingestion_queued")),
        (1, 3),
        "{names:?}"
    );
}

#[tokio::test]
async fn streaming_that_is_off_fails_each_call_where_that_is_asked_for() {
    let bed = of_mode(IngestionMode::Managed, Streaming::Disabled, |builder| {
        builder.streaming_unavailable(Fallback::Fail)
    })
    .await;
    bed.table().await;
    for requests in 1..3 {
        let call = bed.client.ingest(Source::bytes("1,x\n"), &props(), soon());
        let error = call.await.unwrap_err();
        assert_eq!(
            error.service_code(),
            Some("NotFound_StreamingIngestionDisabledForCluster")
        );
        assert_eq!(bed.requests(), (requests, 0));
    }
}

#[tokio::test]
async fn a_new_table_is_queued_where_that_is_asked_for() {
    let bed = managed(|builder| builder.schema_lag(Fallback::Queue)).await;
    bed.emulator
        .arm(once(kusto(400, "BadRequest_TableNotExist", true)));
    for attempts in [1, 0] {
        let receipt = bed.one().await;
        assert_eq!(
            (receipt.route(), receipt.attempts()),
            (Route::Queued, attempts)
        );
    }
}

#[tokio::test]
async fn calls_share_the_pause_of_a_throttled_table() {
    let bed = managed(|builder| builder).await;
    bed.emulator.arm(FaultRule {
        insist: true,
        ..once(throttled(11))
    });
    for _ in 0..5 {
        assert_eq!(bed.one().await.route(), Route::Queued);
    }
    assert_eq!(bed.emulator.faults()[0].fired, 1, "a call came back early");
    assert_eq!(bed.requests(), (1, 5));
}

/// While one call waits to come back, the others are queued: each would be throttled anew.
#[tokio::test]
async fn a_throttled_table_is_known_while_its_call_waits() {
    let (names, log) = names_of_events(LogLevel::Trace);
    let bed = managed(|builder| builder.log(log)).await;
    bed.emulator.arm(once(throttled(1)));
    let first = bed.one();
    let others = async {
        while !names.lock().unwrap().iter().any(|name| name == "retry") {
            tokio::task::yield_now().await;
        }
        let receipt = bed.one().await;
        assert_eq!((receipt.route(), receipt.attempts()), (Route::Queued, 0));
        let cause = receipt.fallback_cause().unwrap();
        assert_eq!(cause.http_status(), Some(429));
    };
    let (first, ()) = tokio::join!(first, others);
    assert_eq!((first.route(), first.attempts()), (Route::Streamed, 2));
    assert_eq!(bed.one().await.route(), Route::Streamed);
}

/// Requests that are not answered fill the places: there is still time for the queue.
#[tokio::test]
async fn a_place_is_waited_for_as_long_as_the_queue_has_time() {
    let bed = managed(|builder| builder.streaming_concurrency(1).unwrap()).await;
    bed.emulator.arm(rule(Fault::Hold));
    let slow = bed.one();
    let next = async {
        while bed.emulator.faults()[0].fired == 0 {
            tokio::task::yield_now().await;
        }
        // The queue needs six of them.
        let options = CallOptions::new().with_timeout(Duration::from_millis(6_500));
        let call = bed.client.ingest(Source::bytes("2,y\n"), &props(), options);
        let receipt = call.await.unwrap();
        bed.emulator.disarm_all();
        receipt
    };
    let (slow, queued) = tokio::join!(slow, next);
    assert_eq!(slow.route(), Route::Streamed);
    assert_eq!((queued.route(), queued.attempts()), (Route::Queued, 0));
    let cause = queued.fallback_cause().unwrap();
    assert_eq!(
        (cause.kind(), cause.is_in_doubt()),
        (ErrorKind::TimedOut, false)
    );
}

#[tokio::test]
async fn what_was_too_large_teaches_the_gate() {
    let bed = managed(|builder| builder).await;
    let data = rows(8 << 20);
    bed.emulator
        .arm(once(kusto(400, "Stream_InputStreamTooLarge", true)));
    assert_eq!(bed.manage(Source::bytes(data.clone())).await.attempts(), 1);
    assert_eq!(bed.manage(Source::bytes(data)).await.attempts(), 0);
    assert_eq!(bed.one().await.route(), Route::Streamed);
}

#[tokio::test]
async fn the_size_factor_moves_the_gate() {
    let bed = managed(|builder| builder.streaming_size_factor(0.1).unwrap()).await;
    assert_eq!(
        bed.manage(Source::bytes(rows(1 << 20))).await.route(),
        Route::Queued
    );
    assert_eq!(
        bed.manage(Source::bytes(rows(800 << 10))).await.route(),
        Route::Streamed
    );
}

/// S9, three ways: the default is that nothing is ingested twice.
#[tokio::test]
async fn doubt_ends_the_call_or_is_followed_as_it_is_asked_for() {
    for (then, route, rows) in [
        (InDoubt::Fail, None, 1),
        (InDoubt::Retry, Some(Route::Streamed), 2),
        (InDoubt::Queue, Some(Route::Queued), 2),
    ] {
        let bed = managed(|builder| builder.in_doubt(then)).await;
        bed.emulator.arm(once(Fault::Cut(CutPoint::After)));
        let with_status = props().with_report_method(ReportMethod::Table);
        let ended = bed
            .client
            .ingest(Source::bytes("1,x\n"), &with_status, soon())
            .await;
        match (route, ended) {
            (None, Err(error)) => assert!(error.is_in_doubt(), "{error:?}"),
            (Some(route), Ok(receipt)) => {
                assert_eq!(receipt.route(), route);
                assert!(receipt.possibly_duplicated());
                bed.wait(&receipt).await;
            }
            (_, ended) => panic!("{then:?}: {ended:?}"),
        }
        assert_eq!(bed.count("T").await, rows, "{then:?}");
    }
}

#[tokio::test]
async fn a_queue_that_fails_after_streaming_leaves_no_rows_and_says_both() {
    let bed = managed(|builder| builder).await;
    bed.emulator
        .arm(rule(kusto(400, "UpdatePolicyIncompatible", true)));
    bed.emulator
        .arm(FaultRule::new(ServiceKind::Queue, Fault::status(403)));
    let call = bed.client.ingest(Source::bytes("1,x\n"), &props(), soon());
    let error = call.await.unwrap_err();
    let first = error.attempts().first().and_then(Error::service_code);
    assert_eq!(first, Some("UpdatePolicyIncompatible"));
    assert!(!error.is_in_doubt(), "{error:?}");
    assert_eq!(bed.count("T").await, 0);
}

#[tokio::test]
async fn cancelling_between_the_two_routes_hands_nothing_over() {
    let bed = managed(|builder| builder).await;
    bed.emulator
        .arm(rule(kusto(400, "UpdatePolicyIncompatible", true)));
    bed.emulator.arm(FaultRule {
        operation: Some(StorageOperation::PutBlob),
        ..FaultRule::new(ServiceKind::Blob, Fault::Hold)
    });
    let cancel = CancelToken::new();
    let options = CallOptions::new().with_cancel(cancel.clone());
    let call = bed.client.ingest(Source::bytes("1,x\n"), &props(), options);
    let stopping = async {
        while bed.emulator.faults().iter().any(|report| report.fired == 0) {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(call, stopping);
    let error = ended.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_in_doubt()),
        (ErrorKind::Cancelled, false)
    );
    assert_eq!(bed.requests(), (1, 0));
}

/// A source that fails just where it is decided where its data goes.
#[tokio::test]
async fn a_source_that_fails_at_the_gate_fails_the_call() {
    struct Failing(usize);
    impl std::io::Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = buffer.len().min(self.0);
            if count == 0 {
                return Err(std::io::Error::other("the disk is gone"));
            }
            self.0 -= count;
            buffer[..count].fill(b'\n');
            Ok(count)
        }
    }
    let bed = managed(|builder| builder).await;
    let gate = (4 << 20) * 100 / 45;
    for bytes in [0, 1, gate, gate + 1, 2 * gate] {
        let source = Source::reader(Failing(bytes));
        let error = bed
            .client
            .ingest(source, &props(), soon())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.is_in_doubt()),
            (ErrorKind::SourceIo, false),
            "{bytes}"
        );
    }
    assert_eq!(bed.requests(), (0, 0));
}

#[tokio::test]
async fn many_sources_in_little_memory_all_arrive() {
    let bed = managed(|builder| builder.memory_budget(4 << 20).unwrap()).await;
    let letters = noise(2 << 20).into_iter();
    let text: String = letters.map(|byte| char::from(b'a' + byte % 26)).collect();
    let calls = (0..6).map(|_| {
        let (client, data) = (bed.client.clone(), format!("1,{text}\n"));
        tokio::spawn(async move {
            let source = Source::reader(std::io::Cursor::new(data));
            client.ingest(source, &props(), soon()).await.unwrap();
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}
