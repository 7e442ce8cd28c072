//! Faults of storage must not lose or duplicate data, or be reported wrongly.

use std::sync::Mutex;

use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use kusto_ingest::source::Progress;

use crate::bed::{props, soon};
use crate::fake::{Answer, Fake};

fn client(fake: &Fake) -> Client {
    let builder = Client::builder(&fake.url).unwrap();
    builder.retry_time(0).unwrap().build().unwrap()
}

async fn ingest(
    fake: &Fake,
    source: Source,
    props: &IngestionProperties,
) -> Result<Receipt, Error> {
    client(fake).ingest(source, props, soon()).await
}

fn posts(fake: &Fake) -> usize {
    fake.count("POST /queue")
}

#[tokio::test]
async fn a_post_that_may_have_been_done_is_not_repeated() {
    for answer in [
        || Answer::Status(500),
        || Answer::Status(504),
        || Answer::Cut,
    ] {
        let fake = Fake::start(move |request| match request.starts_with("POST /queue") {
            true => answer(),
            false => Answer::Good,
        })
        .await;
        let error = ingest(&fake, Source::bytes("1,x\n"), &props())
            .await
            .unwrap_err();
        assert_eq!(error.step(), Step::PostMessage, "{error}");
        assert!(error.is_in_doubt(), "{error}");
        assert_eq!(posts(&fake), 1, "{error}");
        assert_eq!(
            fake.count("DELETE /table"),
            0,
            "its status may still be written"
        );
    }
}

#[tokio::test]
async fn a_refused_post_leaves_its_connection_for_the_next() {
    let fake = Fake::start(|request| match request.starts_with("POST /queue") {
        true => Answer::Status(400),
        false => Answer::Good,
    })
    .await;
    let client = client(&fake);
    let mut connections = Vec::new();
    for _ in 0..4 {
        let ingested = client.ingest(Source::bytes("1,x\n"), &props(), soon());
        assert_eq!(ingested.await.unwrap_err().http_status(), Some(400));
        connections.push(fake.connections());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(connections[3], connections[0], "{connections:?}");
}

#[tokio::test]
async fn an_idempotent_post_is_repeated_and_its_doubt_is_told() {
    let fake = Fake::start(|request| match request.starts_with("POST /queue") {
        true => Answer::Status(500),
        false => Answer::Good,
    })
    .await;
    let props = props()
        .with_ingest_by_tag("k")
        .with_ingest_if_not_exists(["k"]);
    let error = ingest(&fake, Source::bytes("1,x\n"), &props)
        .await
        .unwrap_err();
    assert!(error.is_in_doubt(), "{error}");
    assert_eq!(posts(&fake), 6, "three times to each queue");
    assert_eq!(fake.count("DELETE /table"), 0);
}

#[tokio::test]
async fn a_post_that_was_refused_goes_to_the_next_queue_or_leaves_nothing() {
    let fake = Fake::start(|request| match request.starts_with("POST /queue") {
        true => Answer::Status(400),
        false => Answer::Good,
    })
    .await;
    let error = ingest(&fake, Source::bytes("1,x\n"), &props())
        .await
        .unwrap_err();
    assert!(!error.is_in_doubt(), "{error}");
    assert_eq!((posts(&fake), error.attempts().len()), (2, 2), "{error}");
    assert_eq!(
        fake.count("DELETE /table"),
        1,
        "nothing is pending for ever"
    );
}

#[tokio::test]
async fn of_several_blobs_it_is_told_which_were_handed_over() {
    let seen = Mutex::new(0);
    let fake = Fake::start(move |request| {
        if !request.starts_with("POST /queue") {
            return Answer::Good;
        }
        let mut seen = seen.lock().unwrap();
        *seen += 1;
        match *seen {
            1 | 2 => Answer::Good,
            _ => Answer::Status(400),
        }
    })
    .await;
    let ids: Vec<_> = (0..4).map(|_| uuid::Uuid::new_v4()).collect();
    let blobs = ids.iter().map(|id| {
        let blob = BlobSource::new(&format!("{}/landing/b.csv", fake.url)).unwrap();
        blob.with_id(&id.to_string()).unwrap()
    });
    let error = ingest(&fake, Source::blobs(blobs), &props())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Partial, "{error}");
    assert_eq!(error.handed_over(), &ids[..2]);
    assert!(error.message().contains(&ids[2].to_string()), "{error}");
    assert_eq!(posts(&fake), 4, "two that went, one refused by both queues");
}

#[tokio::test]
async fn progress_of_a_second_attempt_counts_every_byte_once() {
    let data: Vec<u8> = (0..9_000_000u32).map(|n| (n % 251) as u8).collect();
    for kind in ["bytes", "reader"] {
        // The first container takes blocks and never commits.
        let first = Mutex::new(None::<String>);
        let fake = Fake::start(move |request| {
            if !request.starts_with("PUT /c") || !request.contains("comp=blocklist") {
                return Answer::Good;
            }
            let container = request["PUT /".len()..][..2].to_owned();
            let mut first = first.lock().unwrap();
            match *first.get_or_insert_with(|| container.clone()) == container {
                true => Answer::Status(404),
                false => Answer::Good,
            }
        })
        .await;
        let source = match kind {
            "bytes" => Source::bytes(data.clone()),
            _ => Source::reader(std::io::Cursor::new(data.clone())),
        };
        let last = std::sync::Arc::new(Mutex::new(Progress::default()));
        let seen = last.clone();
        let source = source.with_progress(move |progress| *seen.lock().unwrap() = progress);
        let props = IngestionProperties::new("d", "t").with_format(DataFormat::Parquet);
        let receipt = ingest(&fake, source, &props).await.unwrap();
        let length = data.len() as u64;
        assert_eq!(
            (receipt.bytes_raw(), receipt.bytes_sent()),
            (length, length)
        );
        let last = *last.lock().unwrap();
        assert_eq!((last.read, last.sent), (length, length), "{kind}");
    }
}

#[tokio::test]
async fn a_message_that_only_the_status_table_makes_too_large_uploads_nothing() {
    let fake = Fake::start(|_| Answer::Good).await;
    // As many tags as fit without the table's part of the message.
    let with_tag = |length: usize, method| {
        IngestionProperties::new("d", "t")
            .with_tag("x".repeat(length))
            .with_report_method(method)
    };
    let fits = async |length, method| {
        let result = ingest(&fake, Source::bytes("1,x\n"), &with_tag(length, method)).await;
        result.map_err(|error| error.kind())
    };
    let (mut fit, mut large) = (40_000, 60_000);
    while large - fit > 1 {
        let middle = (fit + large) / 2;
        match fits(middle, ReportMethod::Queue).await {
            Ok(_) => fit = middle,
            Err(kind) => {
                assert_eq!(kind, ErrorKind::TooLarge);
                large = middle;
            }
        }
    }
    let uploads = fake.count("PUT /c");
    let error = fits(fit, ReportMethod::Table).await.unwrap_err();
    assert_eq!(error, ErrorKind::TooLarge);
    assert_eq!(fake.count("PUT /c"), uploads, "refused before the upload");
}

/// The answer of a queue with one message of another client.
fn one_message() -> Answer {
    Answer::Body(
        "<QueueMessagesList><QueueMessage><MessageId>m</MessageId>\
         <InsertionTime>Fri, 02 Jan 2026 00:00:00 GMT</InsertionTime>\
         <ExpirationTime>Fri, 09 Jan 2026 00:00:00 GMT</ExpirationTime>\
         <PopReceipt>r</PopReceipt><TimeNextVisible>Fri, 02 Jan 2026 00:00:30 GMT</TimeNextVisible>\
         <DequeueCount>1</DequeueCount><MessageText>{}</MessageText>\
         </QueueMessage></QueueMessagesList>"
            .to_owned(),
    )
}

#[tokio::test]
async fn looking_for_an_outcome_ends_when_the_messages_of_others_come_again() {
    let fake = Fake::start(|request| match request.starts_with("GET /failed") {
        true => one_message(),
        false => Answer::Good,
    })
    .await;
    let mine = OutcomeQuery::new(Outcome::Failures).only([uuid::Uuid::nil()]);
    let taken = client(&fake).take_outcomes(&mine, soon()).await.unwrap();
    assert!(taken.items().is_empty());
    assert_eq!(
        (fake.count("GET /failed"), fake.count("DELETE /failed")),
        (2, 0)
    );
}

#[tokio::test]
async fn an_outcome_that_may_be_deleted_is_given_and_one_that_is_not_is_an_error() {
    let cases: [(fn() -> Answer, bool); 5] = [
        (|| Answer::Cut, true),
        (|| Answer::Status(500), true),
        (|| Answer::Endless(200), true),
        // Not from the storage service.
        (|| Answer::Whole(204, String::new(), String::new()), true),
        (|| Answer::Status(400), false),
    ];
    for (answer, given) in cases {
        let fake = Fake::start(move |request| match request {
            _ if request.starts_with("GET /failed") => one_message(),
            _ if request.starts_with("DELETE /failed") => answer(),
            _ => Answer::Good,
        })
        .await;
        let query = OutcomeQuery::new(Outcome::Failures);
        let taken = client(&fake).take_outcomes(&query, soon()).await;
        assert_eq!(taken.is_ok_and(|report| report.items().len() == 1), given);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_named_pipe_cannot_be_read_again_and_loses_nothing_on_failover() {
    // The first container rejects everything, long before the pipe is at its end.
    let first = Mutex::new(None::<String>);
    let fake = Fake::start(move |request| {
        if !request.starts_with("PUT /c") {
            return Answer::Good;
        }
        let container = request["PUT /".len()..][..2].to_owned();
        let mut first = first.lock().unwrap();
        match *first.get_or_insert_with(|| container.clone()) == container {
            true => Answer::Status(404),
            false => Answer::Good,
        }
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe.parquet");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    const LENGTH: usize = 30_000_000;
    let writing = std::thread::spawn({
        let path = path.clone();
        move || std::fs::write(path, vec![7; LENGTH])
    });
    let parquet = IngestionProperties::new("Db", "T");
    let receipt = ingest(&fake, Source::file(&path), &parquet).await.unwrap();
    assert_eq!(receipt.bytes_raw(), LENGTH as u64);
    writing.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_refusal_of_storage_is_reported_with_its_id_and_its_reason() {
    let xml = "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>No.\n\
        RequestId:i\nTime:t</Message><AuthenticationErrorDetail>Start [s]</AuthenticationErrorDetail>\
        </Error>";
    let json = r#"{"odata.error":{"code":"AuthenticationFailed","message":
        {"lang":"en-us","value":"No.\nRequestId:i\nTime:t"}}}"#;
    let detail = "No. Time:t; AuthenticationErrorDetail: Start [s]";
    for (stage, body, text) in [
        ("PUT /c", xml, detail),
        ("POST /queue", xml, detail),
        ("PUT /table", json, "No. Time:t"),
        ("GET /failed", xml, detail),
    ] {
        let fake = Fake::start(move |request| match request.starts_with(stage) {
            true => Answer::Whole(
                403,
                "x-ms-request-id: an-id\r\n".to_owned(),
                body.to_owned(),
            ),
            false => Answer::Good,
        })
        .await;
        let failures = OutcomeQuery::new(Outcome::Failures);
        let error = match stage {
            "GET /failed" => {
                let peeked = client(&fake).peek_outcomes(&failures, soon()).await;
                peeked.unwrap_err()
            }
            _ => {
                let source = Source::bytes("1,x\n");
                ingest(&fake, source, &props()).await.unwrap_err()
            }
        };
        assert!(error.attempts().len() > 1, "{error}");
        for error in error.attempts().iter().chain([&error]) {
            assert_eq!(error.activity_id(), Some("an-id"), "{stage}: {error}");
            assert_eq!(error.service_code(), Some("AuthenticationFailed"));
            assert!(error.message().ends_with(text), "{stage}: {error}");
        }
    }
}
