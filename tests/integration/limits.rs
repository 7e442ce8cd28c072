//! Every kind of answer has a limit of decoded bytes: reading stops there, with an error that names it.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use kusto_ingest::track::{Outcome, OutcomeQuery};

use crate::bed::{props, soon};
use crate::fake::{Answer, Fake};

const LIMIT: usize = 1024 * 1024;

/// A fake whose answers to requests that begin with `start` have no end.
async fn endless(start: &'static str, status: u16) -> Fake {
    Fake::start(move |request| match request.starts_with(start) {
        true => Answer::Endless(status),
        false => Answer::Good,
    })
    .await
}

fn client(connection: &str) -> Client {
    let builder = Client::builder(connection).unwrap();
    let builder = builder.query_answer_limit(LIMIT).unwrap();
    builder.retry_time(0).unwrap().build().unwrap()
}

async fn run(connection: &str, text: &str) -> Error {
    let client = client(connection);
    let properties = RequestProperties::new();
    client
        .execute("D", text, &properties, soon())
        .await
        .unwrap_err()
}

async fn ingest(connection: &str, props: &IngestionProperties) -> Error {
    let source = Source::bytes("1,x\n");
    client(connection)
        .ingest(source, props, soon())
        .await
        .unwrap_err()
}

fn assert_names(error: &Error, step: Step, limit: &str) {
    assert_eq!(error.step(), step, "{error}");
    assert!(error.message().contains(limit), "{error}");
}

#[tokio::test]
async fn an_endless_answer_stops_at_the_limit_of_its_kind() {
    for (start, text, step) in [
        ("POST /v2", "T", Step::RunQuery),
        ("POST /v1", ".show tables", Step::RunCommand),
    ] {
        let fake = endless(start, 200).await;
        let error = run(&fake.url, text).await;
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        let limit = "limit of 1048576 bytes for query answers (setting `query answer limit`)";
        assert_names(&error, step, limit);
        assert_eq!(error.is_in_doubt(), step == Step::RunCommand);
        assert_eq!(fake.count("POST"), 1);
    }
    let fake = endless("POST /v1", 200).await;
    let error = ingest(&fake.url, &props()).await;
    // Both `.get` commands are sent at once; either may be the first to fail.
    let steps = [Step::FetchIngestionResources, Step::FetchIdentityToken];
    assert!(steps.contains(&error.step()), "{error}");
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert!(!error.is_in_doubt(), "{error}");
    assert_names(&error, error.step(), "4194304 bytes for `.get` commands");
    let fake = endless("GET /v1/rest/auth", 200).await;
    let with_token = format!("{};Fed=true;UserToken=t", fake.url);
    let error = run(&with_token, "T").await;
    let step = Step::FetchCloudMetadata;
    assert_names(&error, step, "1048576 bytes for cloud metadata");
}

#[tokio::test]
async fn an_endless_answer_of_storage_stops_at_its_limit() {
    let limit = "4194304 bytes for storage answers";
    let with_table = || props().with_report_method(ReportMethod::Table);
    for (start, props, step) in [
        ("PUT /c", props(), Step::UploadBlob),
        ("POST /queue", props(), Step::PostMessage),
        ("PUT /table", with_table(), Step::WriteStatusEntity),
    ] {
        let fake = endless(start, 201).await;
        let error = ingest(&fake.url, &props).await;
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert_names(&error, step, limit);
    }
    let fake = endless("GET /failed", 200).await;
    let query = OutcomeQuery::new(Outcome::Failures);
    let peeked = client(&fake.url).peek_outcomes(&query, soon()).await;
    assert_names(&peeked.unwrap_err(), Step::ReadOutcomes, limit);
}

#[tokio::test]
async fn an_endless_error_keeps_its_status() {
    let fake = endless("POST", 400).await;
    let error = run(&fake.url, "T").await;
    assert_eq!(error.http_status(), Some(400));
    assert_eq!(error.kind(), ErrorKind::Service);
    assert_names(&error, Step::RunQuery, "limit of 1048576 bytes for errors");
    let fake = endless("PUT /c", 403).await;
    let error = ingest(&fake.url, &props()).await;
    assert_eq!(error.http_status(), Some(403), "{error}");
    assert_eq!(error.kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn compressed_bytes_count_as_what_they_become() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![b' '; LIMIT];
    (0..64).for_each(|_| gzip.write_all(&piece).unwrap());
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < LIMIT);
    for text in ["T", ".show tables"] {
        let bomb = bomb.clone();
        let fake = Fake::start(move |_| Answer::Gzip(bomb.clone())).await;
        let error = run(&fake.url, text).await;
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    }
    // Nobody asked for this one to be compressed.
    let fake = Fake::start(move |_| Answer::Gzip(bomb.clone())).await;
    let error = ingest(&fake.url, &props()).await;
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
}

#[tokio::test]
async fn only_queries_ask_for_compressed_answers() {
    let fake = Fake::start(|request| match request.starts_with("GET /v1/rest/auth") {
        true => Answer::Body("{}".to_owned()),
        false => Answer::Good,
    })
    .await;
    let connection = format!("{};Fed=true;UserToken=t", fake.url);
    let client = client(&connection);
    let source = Source::bytes("1,x\n");
    let props = props().with_report_method(ReportMethod::Table);
    client.ingest(source, &props, soon()).await.unwrap();
    assert_eq!(fake.compressible(), Vec::<String>::new());
    let properties = RequestProperties::new();
    // The fake answers a query with nothing, which is an error.
    let _ = client.query("D", "T", &properties, soon()).await;
    assert_eq!(fake.compressible(), ["POST /v2/rest/query T"]);
}

#[test]
fn the_limit_has_a_range() {
    let builder = || Client::builder("http://127.0.0.1:1").unwrap();
    for (value, accepted) in [
        ("65535", false),
        ("65536", true),
        ("4294967295", true),
        ("4294967296", false),
        ("much", false),
    ] {
        let result = builder().set("Query Answer Limit", value);
        assert_eq!(result.is_ok(), accepted, "{value}");
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}
