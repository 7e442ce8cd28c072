//! What errors of connections say: the cause in plain words first, and nothing of the libraries below.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kusto_ingest::log::{LogLevel, receiver};
use kusto_ingest::prelude::*;

use kusto_ingest::track::{Outcome, OutcomeQuery};

use crate::server::{Act, Server, healthy, of_storage, props, row};

/// Words of libraries that mean nothing to a user, and names of those below the dependencies.
const FOREIGN: [&str; 11] = [
    "reqwest",
    "h2",
    "webpki",
    "typespec",
    "error sending",
    "client error",
    "os error",
    "BoxError",
    "expected value at line",
    "invalid type",
    "ErrorKind",
];

/// Dependencies whose names are words of the language, or of what is spoken on the wire.
const WORDS: [&str; 7] = ["base64", "bytes", "http", "time", "url", "uuid", "tracing"];

/// [`FOREIGN`], and the names of all dependencies, as they are written in Cargo.toml and in code.
fn foreign() -> Vec<String> {
    let manifest = include_str!("../../Cargo.toml");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
    let (dependencies, _) = dependencies.split_once("\n[dev-dependencies]").unwrap();
    let lines = dependencies.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split([' ', '.', '=']).next());
    let names: Vec<&str> = names
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter(|name| !WORDS.contains(name))
        .collect();
    for known in [
        "hyper",
        "rustls",
        "tokio",
        "azure_core",
        "quick-xml",
        "serde_json",
    ] {
        assert!(names.contains(&known), "{known}: {names:?}");
    }
    let both = names
        .iter()
        .flat_map(|name| [name.replace('-', "_"), name.replace('_', "-")]);
    FOREIGN.into_iter().map(str::to_owned).chain(both).collect()
}

/// Nothing that a user reads may name what this library is made of.
fn assert_own_words(error: &Error, lines: Vec<String>) {
    let mut texts = lines;
    texts.extend([error.to_string(), error.message().to_owned()]);
    texts.extend(error.attempts().iter().map(ToString::to_string));
    let foreign = foreign();
    for text in texts {
        let separators = |c: char| !c.is_alphanumeric() && !matches!(c, ' ' | '_' | '-');
        for part in text.split(separators) {
            let found = foreign.iter().find(|name| part.contains(name.as_str()));
            assert_eq!(found, None, "{text}");
        }
    }
}

/// The error of a query there, checked together with the log.
async fn failing(address: &str) -> Error {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let kept = lines.clone();
    let log = receiver(
        LogLevel::Trace,
        Arc::new(move |record| kept.lock().unwrap().push(record.to_string())),
    );
    let builder = Client::builder(address).unwrap();
    let builder = builder.engine_endpoint(address).unwrap().log(log);
    let client = builder.build().unwrap();
    let options = CallOptions::new().with_timeout(Duration::from_secs(60));
    let query = client.query("D", "T", &RequestProperties::new(), options);
    let error = query.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert_own_words(&error, std::mem::take(&mut *lines.lock().unwrap()));
    error
}

/// An address of this machine where nobody listens.
fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn emulator(tls: bool) -> kusto_emulator::Emulator {
    let options = kusto_emulator::Options {
        tls,
        ..Default::default()
    };
    kusto_emulator::Emulator::start(options).await.unwrap()
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_named_with_the_cause() {
    let host = dead();
    assert_eq!(
        failing(&format!("http://{host}")).await.to_string(),
        format!("cannot connect to {host}: connection refused (while running the query)")
    );
    let error = failing("http://no-such-host.invalid").await;
    let message = error.message();
    assert!(
        message.starts_with("cannot connect to no-such-host.invalid: "),
        "{message}"
    );
    assert!(message.contains("host name"), "{message}");
}

#[tokio::test]
async fn the_wrong_scheme_has_a_hint() {
    let plain = emulator(false).await;
    let secure = plain.engine_url().replace("http:", "https:");
    let error = failing(&secure).await;
    let message = error.message().to_owned();
    assert!(
        message.ends_with("is its address one of http?"),
        "{message}"
    );
    assert_eq!(error.retry(), RetryClass::Never);
    let secure = emulator(true).await;
    let plain = secure.engine_url().replace("https:", "http:");
    let error = failing(&plain).await;
    let message = error.message().to_owned();
    assert!(
        message.ends_with("is the address one of https?"),
        "{message}"
    );
    assert_eq!(error.retry(), RetryClass::Never);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_says_why() {
    let emulator = emulator(true).await;
    let message = failing(emulator.engine_url()).await.message().to_owned();
    let host = emulator.engine_url().trim_start_matches("https://");
    let expected = format!(
        "cannot connect to {}: the server's certificate, issued by 'kusto-emulator local CA', is not \
         accepted: its issuer is not trusted here; if that is a proxy which reads along, or a CA of \
         your own, give its certificate in the setting `ca certificates`",
        host.trim_end_matches('/')
    );
    assert_eq!(message, expected);
}

#[tokio::test]
async fn answers_that_end_too_early_or_are_none_say_so() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(200));
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(1 << 20));
    let too_large = "the answer has more headers, or longer ones, than are read of an answer";
    let no_header = "the answer has a header that HTTP does not allow";
    let cases = [
        (many.as_str(), too_large),
        (long.as_str(), too_large),
        ("HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", no_header),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", no_header),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "the answer's lengths (Content-Length) are no number, or contradict each other",
        ),
        ("", "the connection was closed before the answer"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
            "the connection was closed before the end of the answer",
        ),
        (
            "\x15\x03\x03 no\r\n\r\n",
            "the answer is not HTTP; is the address one of https?",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
            "the answer is not the gzip that it says to be",
        ),
    ];
    for (answer, cause) in cases {
        let answer = answer.to_owned();
        let server = Server::start(move |_, _| Act::SendAndClose(answer.clone())).await;
        let message = failing(&server.url).await.message().to_owned();
        let host = server.url.trim_start_matches("http://");
        assert_eq!(message, format!("no answer from {host}: {cause}"));
    }
}

/// What no part of the service would say: cut off, of another form, or of none.
const UNREADABLE: [&str; 7] = [
    "",
    "{",
    "<html><p>welcome</html>",
    "<QueueMessagesList><QueueMessage>",
    r#"{"Tables": 7, "Status": 7}"#,
    r#"[{"FrameType": 7}]"#,
    "\u{1}\\",
];

/// The errors of all calls to a service that answers so to the requests whose line holds `place`.
async fn unreadable(place: &'static str, answer: &'static str) -> Vec<Error> {
    let server = Server::start(move |request, base| {
        Act::Send(match request.line.contains(place) {
            true => of_storage(request, 200, answer),
            false => healthy(request, base),
        })
    })
    .await;
    let client = server.builder().retry_time(0).unwrap().build().unwrap();
    let (options, request) = (CallOptions::new(), RequestProperties::new());
    let query = OutcomeQuery::new(Outcome::Failures);
    let props = props().with_report_method(ReportMethod::Table);
    let mut errors = Vec::new();
    errors.extend(client.warm_up(options.clone()).await.err());
    errors.extend(
        client
            .query("D", "T", &request, options.clone())
            .await
            .err(),
    );
    errors.extend(client.peek_outcomes(&query, options.clone()).await.err());
    match client.ingest(row(), &props, options.clone()).await {
        Ok(receipt) => errors.extend(client.track(receipt.tracking_token(), options).await.err()),
        Err(error) => errors.push(error),
    }
    errors
}

#[tokio::test]
async fn answers_that_cannot_be_read_say_so_in_our_words() {
    for place in [
        "/auth/metadata",
        "/rest/mgmt",
        "/rest/query",
        "/failed/",
        "/table",
    ] {
        let asked = UNREADABLE.map(|answer| tokio::spawn(unreadable(place, answer)));
        let mut count = 0;
        for errors in asked {
            for error in errors.await.unwrap() {
                assert_own_words(&error, Vec::new());
                count += 1;
            }
        }
        assert!(count >= UNREADABLE.len() - 2, "{place}: {count} errors");
    }
}

#[tokio::test]
async fn attempts_are_counted_and_the_metadata_is_asked_for_in_one_loop() {
    let server = Server::start(
        |request, base| match request.line.contains("/auth/metadata") {
            true => Act::SendAndClose(String::new()),
            false => Act::Send(healthy(request, base)),
        },
    )
    .await;
    let token = Arc::new(kusto_ingest::auth::StaticToken::new("a-token"));
    let builder = server.builder().credential(token);
    let client = builder.retry_time(0).unwrap().build().unwrap();
    let error = client.warm_up(CallOptions::new()).await.unwrap_err();
    assert_eq!(server.requests().len(), 4, "{error}");
    let (host, text) = (server.url.trim_start_matches("http://"), error.to_string());
    let cause = format!(
        "no answer from {host}: the connection was closed before the answer (4 attempts in "
    );
    assert!(text.starts_with(&cause), "{text}");
    assert!(
        text.ends_with(" s, while asking the cluster where to log in)"),
        "{text}"
    );
}

#[tokio::test]
async fn an_error_of_the_content_names_the_file_or_the_blob() {
    let server = Server::start(|request, base| Act::Send(healthy(request, base))).await;
    let client = server.builder().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let of = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    for path in [
        of("empty.csv", b""),
        of("packed.csv", b"\x1f\x8b\x08\x00rest"),
        of("a.csv.xz", b"1\n"),
    ] {
        let ingesting = client.ingest(Source::file(&path), &props(), CallOptions::new());
        let error = ingesting.await.unwrap_err();
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    }
    let blob = BlobSource::new("http://127.0.0.1:1/c/a.csv.xz?sig=secret").unwrap();
    let ingesting = client.ingest(Source::blobs([blob]), &props(), CallOptions::new());
    let error = ingesting.await.unwrap_err();
    assert!(
        error.message().contains("http://127.0.0.1:1/c/a.csv.xz"),
        "{error}"
    );
    assert!(!error.to_string().contains("secret"), "{error}");
}
