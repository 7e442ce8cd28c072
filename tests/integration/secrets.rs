//! Nothing secret in any output: logs at every level, errors, debug forms, receipts.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kusto_emulator::Options;
use kusto_ingest::auth::StaticToken;
use kusto_ingest::prelude::*;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::sync::Semaphore;

use crate::bed::{Bed, client_of, props, props_for, quick, soon};
use crate::fake::{Answer, Fake, IDENTITY_TOKEN, SIGNATURE};

const TOKEN: &str = "bearer-token-that-must-not-be-seen";

/// Everything that all tests of this process log from now on.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log_everything() {
    // For the whole process: a subscriber of one thread misses call sites that other threads
    // reached first.
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(|| Log)
            .init();
    });
}

#[tokio::test]
async fn no_token_and_no_signature_in_any_output() {
    log_everything();
    let bed = Bed::start(Options {
        required_token: Some(TOKEN.into()),
        ..quick()
    })
    .await;
    let builder = client_of(&bed.emulator).credential(Arc::new(StaticToken::new(TOKEN)));
    let client = builder.build().unwrap();
    let mut printed = format!("{builder:?} {client:?}");
    let none = RequestProperties::new();
    let create = ".create table T (a:long, b:string)";
    client
        .execute("NetDefaultDB", create, &none, soon())
        .await
        .unwrap();
    let blob = bed.put_blob("b.csv", b"1,x\n").await;
    let sources = [
        (Source::bytes("1,x\n"), props()),
        (Source::bytes("1,x\n"), props_for("Nope")),
        (
            Source::blobs([BlobSource::new(blob.as_str()).unwrap()]),
            props(),
        ),
        (
            Source::blobs([BlobSource::new(&format!("{blob}x")).unwrap()]),
            props(),
        ),
    ];
    for (source, props) in sources {
        printed += &format!("{source:?} {props:?}");
        let receipt = client.ingest(source, &props, soon()).await.unwrap();
        let poll = std::time::Duration::from_millis(20);
        let report = client
            .track_until_final(receipt.tracking_token(), poll, soon())
            .await
            .unwrap();
        printed += &format!(
            "{receipt:?} {} {report:?} {}",
            receipt.tracking_token(),
            report.to_json()
        );
    }
    let get = ".get kusto identity token";
    let answer = client
        .execute("NetDefaultDB", get, &none, soon())
        .await
        .unwrap();
    let identity_token = answer.primary().unwrap().rows[0][0].to_text().unwrap();
    bed.emulator.shutdown().await;
    for _ in 0..2 {
        let options = CallOptions::new().with_timeout(std::time::Duration::from_millis(200));
        let error = client
            .ingest(Source::bytes("1,x\n"), &props(), options)
            .await
            .unwrap_err();
        printed += &format!("{error} {error:?}");
    }

    let logged = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    assert!(logged.contains("handed over"), "the log works");
    assert!(
        !logged.contains(&identity_token),
        "the log holds the identity token"
    );
    assert!(
        !printed.contains(&identity_token),
        "an output holds the identity token"
    );
    for (output, name) in [(&logged, "log"), (&printed, "printed")] {
        assert!(!output.contains(TOKEN), "{name} holds the bearer token");
        for line in output.lines() {
            assert!(
                !line.contains("sig=") || line.contains("sig=REDACTED"),
                "{name}: {line}"
            );
        }
    }
}

/// A row of the caller's: only it is allowed to see it, as data.
const ROW: &str = "row-of-the-caller-not-for-logs";

/// Every secret of a client of the fake as text, alone and together with what others may encode it
/// to, and the first of the `STAGES` at which the client knows it.
fn texts() -> Vec<(usize, String)> {
    let signature = percent_decode_str(SIGNATURE).decode_utf8().unwrap();
    let mut all = vec![(2, SIGNATURE.to_owned())];
    for (stage, secret) in [(0, TOKEN), (2, &signature), (3, IDENTITY_TOKEN)] {
        all.push((stage, secret.to_owned()));
        all.push((stage, encodings(secret).join(", ")));
    }
    all
}

fn encodings(secret: &str) -> [String; 3] {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    [
        utf8_percent_encode(&percent, NON_ALPHANUMERIC).to_string(),
        percent,
        STANDARD.encode(format!("user:{secret}")),
    ]
}

/// What must stand nowhere.
fn never() -> Vec<String> {
    let signature = percent_decode_str(SIGNATURE).decode_utf8().unwrap();
    let mut all = vec![ROW.to_owned(), SIGNATURE.to_owned()];
    for secret in [TOKEN, IDENTITY_TOKEN, &signature] {
        all.push(secret.to_owned());
        all.extend(encodings(secret));
    }
    all
}

/// Answers in which a service repeats `text` where an error has room for it.
fn hostile_answers(text: &str) -> Vec<Answer> {
    let headers = format!(
        "x-ms-request-id: {text}\r\nx-ms-activity-id: {text}\r\nx-ms-error-code: {text}\r\n"
    );
    let service = serde_json::json!({"error": {
        "code": text, "message": text, "@message": format!("no {text} here"), "@type": text,
        "@context": {"activityId": text}, "innererror": {"code": text}, "@permanent": true,
    }});
    let table = serde_json::json!({"odata.error": {
        "code": text, "message": {"lang": "en-us", "value": text},
    }});
    let xml = format!(
        "<?xml version=\"1.0\"?><Error><Code>{text}</Code><Message>no {text}</Message>\
         <AuthenticationErrorDetail>{text}</AuthenticationErrorDetail></Error>"
    );
    let long = serde_json::json!({"error": {"message": format!("{}{text}", "x".repeat(3980))}});
    [
        service.to_string(),
        table.to_string(),
        xml,
        long.to_string(),
    ]
    .into_iter()
    .map(|body| Answer::Whole(403, headers.clone(), body))
    .collect()
}

/// Successes of another form than the client expects, with a secret that it does not know yet.
fn foreign_answers(text: &str) -> Vec<Answer> {
    [
        text.to_owned(),
        format!("\"{text}\""),
        format!("[\"{text}\"]"),
        format!("<html><title>{text}</title></html>"),
        format!("{{\"message\":\"{text}\",\"code\":\"{text}\"}}"),
        format!("{{\"Tables\":\"{text}\",\"AzureAD\":\"{text}\"}}"),
        format!("{{\"Tables\":[{{\"Columns\":[],\"Rows\":[\"{text}\"]}}]}}"),
        format!("{{\"Tables\":[{{\"Columns\":[],\"Rows\":[{{\"a\":\"{text}\"}}]}}]}}"),
    ]
    .map(Answer::Body)
    .into()
}

/// The beginnings of the requests that a client of the fake makes, each answered by another kind of
/// service.
const STAGES: [&str; 7] = [
    "GET /v1/rest/auth/metadata",
    "POST /v1/rest/mgmt .get ingestion resources",
    "POST /v1/rest/mgmt .get kusto identity",
    "PUT /c",
    "POST /queue",
    "GET /failed",
    "POST /v2/rest/query",
];

/// All errors of a client whose requests of this kind are answered so.
async fn errors_of(stage: &'static str, answer: Answer) -> Vec<Error> {
    let answer = Mutex::new(answer);
    let fake = Fake::start(move |request| {
        if !request.starts_with(stage) {
            return match request.starts_with("GET /v1") {
                true => Answer::Status(404),
                false => Answer::Good,
            };
        }
        match &*answer.lock().unwrap() {
            Answer::Whole(status, headers, body) => {
                Answer::Whole(*status, headers.clone(), body.clone())
            }
            Answer::Body(body) => Answer::Body(body.clone()),
            _ => Answer::Cut,
        }
    })
    .await;
    let builder = Client::builder(&fake.url).unwrap();
    let builder = builder.credential(Arc::new(StaticToken::new(TOKEN)));
    let client = builder.retry_time(0).unwrap().build().unwrap();
    let failures = OutcomeQuery::new(Outcome::Failures);
    let peeked = client.peek_outcomes(&failures, soon()).await;
    let ingested = client
        .ingest(Source::bytes("1,x\n"), &props(), soon())
        .await;
    let none = RequestProperties::new();
    let queried = client.query("D", "T", &none, soon()).await;
    [peeked.err(), ingested.err(), queried.err()]
        .into_iter()
        .flatten()
        .collect()
}

async fn all_errors(
    answers: fn(&str) -> Vec<Answer>,
    texts: &[(usize, String)],
    limit: &Arc<Semaphore>,
) -> Vec<Error> {
    let mut cases = tokio::task::JoinSet::new();
    for (first, text) in texts {
        for stage in &STAGES[*first..] {
            for answer in answers(text) {
                let limit = limit.clone();
                cases.spawn(async move {
                    let _turn = limit.acquire().await;
                    errors_of(stage, answer).await
                });
            }
        }
    }
    cases.join_all().await.into_iter().flatten().collect()
}

fn texts_of(error: &Error) -> String {
    let mut texts = format!("{error} {error:?} {}", error.message());
    for text in [
        error.service_code(),
        error.activity_id(),
        error.host(),
        error.argument(),
        error.client_request_id(),
    ] {
        texts += text.unwrap_or_default();
    }
    texts + &error.attempts().iter().map(texts_of).collect::<String>()
}

#[tokio::test]
async fn a_service_that_repeats_secrets_does_not_get_them_into_errors_and_logs() {
    log_everything();
    // Each case has connections of its own.
    let limit = Arc::new(Semaphore::new(64));
    let mut errors = all_errors(hostile_answers, &texts(), &limit).await;
    assert!(errors.len() > 100, "{}", errors.len());
    let unknown = [(0, format!("{IDENTITY_TOKEN} {ROW}"))];
    errors.extend(all_errors(foreign_answers, &unknown, &limit).await);
    let mut outputs: Vec<String> = errors.iter().map(texts_of).collect();
    outputs.push(String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned());
    let never = never();
    for output in outputs {
        for line in output.lines() {
            let found = never.iter().find(|secret| line.contains(secret.as_str()));
            assert_eq!(found, None, "{line}");
        }
    }
}
