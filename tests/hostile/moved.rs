//! Storage that is elsewhere by now, and identity tokens that the service has forgotten.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kusto_ingest::prelude::*;
use kusto_ingest::source::Progress;
use serde_json::Value;

use crate::server::{
    Act, Request, Server, TOKEN_REFUSED, healthy, healthy_with, of_storage, props, reply, row,
};

fn once() -> CallOptions {
    CallOptions::new()
}

fn tabled() -> IngestionProperties {
    props().with_report_method(ReportMethod::Table)
}

fn is_of_resources(request: &Request) -> bool {
    request.body.contains("ingestion resources")
}

fn is_of_token(request: &Request) -> bool {
    request.body.contains("identity token")
}

/// Nobody listens there. As long as the address of a server, so that lengths stay right.
const NOWHERE: &str = "http://127.0.0.1:00001";

/// A service that lends these at an address where nobody is, for the first `times` times.
async fn lending_nowhere(names: &'static [&'static str], times: usize) -> Server {
    let lent = AtomicUsize::new(0);
    Server::start(move |request, base| {
        let mut answer = healthy(request, base);
        if is_of_resources(request) && lent.fetch_add(1, Ordering::SeqCst) < times {
            assert_eq!(base.len(), NOWHERE.len());
            for name in names {
                let moved = answer.replace(&format!("{base}/{name}"), &format!("{NOWHERE}/{name}"));
                assert_ne!(moved, answer);
                answer = moved;
            }
        }
        Act::Send(answer)
    })
    .await
}

const ALL: &[&str] = &["c1", "queue", "failed", "table"];

#[tokio::test]
async fn storage_that_moved_is_found_in_the_same_call() {
    for names in [ALL, &["c1"], &["queue"], &["table"]] {
        let server = lending_nowhere(names, 1).await;
        let client = server.builder().retry_time(600).unwrap().build().unwrap();
        for _ in 0..3 {
            let ingested = client.ingest(row(), &tabled(), once()).await;
            assert!(ingested.is_ok(), "{names:?}: {ingested:?}");
        }
        assert_eq!(server.count(Request::is_post_of_message), 3);
        assert_eq!(server.count(is_of_resources), 2, "{names:?}");
    }
}

#[tokio::test]
async fn storage_that_moved_is_found_by_later_calls_of_an_impatient_client() {
    for names in [ALL, &["c1"]] {
        let server = lending_nowhere(names, 1).await;
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let failed = client.ingest(row(), &tabled(), once()).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Network);
        client.ingest(row(), &tabled(), once()).await.unwrap();
        assert_eq!(server.count(is_of_resources), 2, "{names:?}");
    }
}

#[tokio::test]
async fn notifications_are_found_in_a_queue_that_moved() {
    let server = lending_nowhere(ALL, 1).await;
    let client = server.builder().build().unwrap();
    let query = OutcomeQuery::new(Outcome::Failures).with_limit(1);
    let peeked = client.peek_outcomes(&query, once()).await.unwrap();
    assert_eq!(peeked.items().len(), 1);
}

#[tokio::test]
async fn an_outage_of_storage_makes_no_storm_of_fetches() {
    for names in [&["c1"], &["queue"], &["table"]] {
        let server = lending_nowhere(names, usize::MAX).await;
        let client = server.builder().retry_time(3).unwrap().build().unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let client = client.clone();
            calls.spawn(async move { client.ingest(row(), &tabled(), once()).await });
        }
        while let Some(call) = calls.join_next().await {
            assert_eq!(call.unwrap().unwrap_err().kind(), ErrorKind::Network);
        }
        assert_eq!(server.count(is_of_resources), 2, "{names:?}");
    }
}

#[tokio::test]
async fn what_storage_does_not_find_is_fetched_again() {
    let steps: [fn(&Request) -> bool; 3] = [
        |request| request.line.starts_with("PUT /c1"),
        |request| request.line.starts_with("PUT /table"),
        Request::is_post_of_message,
    ];
    for step in steps {
        let lent = AtomicUsize::new(0);
        let server = Server::start(move |request, base| {
            lent.fetch_add(usize::from(is_of_resources(request)), Ordering::SeqCst);
            Act::Send(match step(request) && lent.load(Ordering::SeqCst) < 2 {
                true => of_storage(request, 404, ""),
                false => healthy(request, base),
            })
        })
        .await;
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let ingested = client.ingest(row(), &tabled(), once()).await;
        assert!(ingested.is_ok(), "{ingested:?}");
    }
}

/// By the status table and by a notification.
#[tokio::test]
async fn a_token_that_the_service_refused_is_fetched_again() {
    let server = Server::start(|request, base| {
        let is_read = request.line.starts_with("GET ");
        Act::Send(match (is_read, request.line.contains("/messages")) {
            (true, false) => of_storage(request, 200, TOKEN_REFUSED),
            (true, true) => of_storage(request, 200, &notification()),
            _ => healthy(request, base),
        })
    })
    .await;
    for by_table in [true, false] {
        let (tokens, resources) = (server.count(is_of_token), server.count(is_of_resources));
        let client = server.builder().build().unwrap();
        for times in [1, 2, 2] {
            let receipt = client.ingest(row(), &tabled(), once()).await.unwrap();
            let query = OutcomeQuery::new(Outcome::Failures);
            let report = match by_table {
                true => client.track(receipt.tracking_token(), once()).await,
                false => client.peek_outcomes(&query, once()).await,
            };
            // The same rows can be sent again.
            assert_eq!(report.unwrap().items()[0].retry(), RetryClass::Later);
            // Not again at once: messages with the first token are still on their way.
            assert_eq!(server.count(is_of_token) - tokens, times, "{by_table}");
            assert_eq!(server.count(is_of_resources) - resources, times);
        }
    }
}

/// The blob's address in the last message that was posted.
fn posted_blob(server: &Server) -> String {
    let requests = server.requests();
    let post = requests.iter().rfind(|it| it.is_post_of_message()).unwrap();
    let (_, text) = post.body.split_once("<MessageText>").unwrap();
    let (text, _) = text.split_once("</MessageText>").unwrap();
    let message: Value = serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap();
    message["BlobPath"].as_str().unwrap().to_owned()
}

/// A service whose signatures of the first time its queue refuses.
async fn signing_anew(second: fn(String) -> String) -> Server {
    refusing(Request::is_post_of_message, || (), second).await
}

/// A service whose signatures of the first time it refuses in these requests, and something happens
/// meanwhile.
async fn refusing(
    which: fn(&Request) -> bool,
    meanwhile: impl Fn() + Send + Sync + 'static,
    second: fn(String) -> String,
) -> Server {
    let lent = AtomicUsize::new(0);
    Server::start(move |request, base| {
        if is_of_resources(request) {
            return Act::Send(match lent.fetch_add(1, Ordering::SeqCst) {
                0 => healthy_with(request, base, "sig=old", ""),
                _ => second(healthy_with(request, base, "sig=new", "")),
            });
        }
        let is_refused = which(request) && request.line.contains("sig=old");
        Act::Send(match is_refused {
            true => {
                meanwhile();
                of_storage(request, 403, "")
            }
            false => healthy(request, base),
        })
    })
    .await
}

#[tokio::test]
async fn a_message_that_is_posted_again_has_the_blob_with_the_new_signature() {
    let server = signing_anew(|answer| answer).await;
    let client = server.builder().retry_time(0).unwrap().build().unwrap();
    client.ingest(row(), &tabled(), once()).await.unwrap();
    let blob = posted_blob(&server);
    assert!(blob.contains("/c1/") && blob.ends_with("sig=new"), "{blob}");
    assert_eq!(server.count(|it| it.line.starts_with("PUT /c1")), 1);
}

#[tokio::test]
async fn data_whose_container_is_lent_no_longer_is_uploaded_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.csv");
    std::fs::write(&path, "1,a\n").unwrap();
    let sources: [&dyn Fn() -> Source; 3] = [&row, &|| Source::reader(&b"1,a\n"[..]), &|| {
        Source::file(&path)
    }];
    for source in sources {
        let server = signing_anew(|answer| answer.replace("/c1?", "/c2?")).await;
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let receipt = client.ingest(source(), &tabled(), once()).await.unwrap();
        let blob = posted_blob(&server);
        assert!(blob.contains("/c2/") && blob.ends_with("sig=new"), "{blob}");
        assert!(receipt.items()[0].blob.contains("/c2/"), "{receipt:?}");
        let uploads = server.requests();
        let uploads = uploads.iter().filter(|it| it.line.starts_with("PUT /c"));
        let bodies: Vec<_> = uploads.map(|it| &it.body).collect();
        assert_eq!(bodies.len(), 2);
        assert_eq!(bodies[0], bodies[1]);
    }
}

type Change = fn(&Path) -> std::io::Result<()>;

/// What can happen to a file between two readings, the first one of `1,a`.
const CHANGES: [(&str, Change); 5] = [
    ("rotated", |path| {
        std::fs::rename(path, path.with_extension("1"))?;
        std::fs::write(path, "2,b\n")
    }),
    ("rewritten", |path| {
        std::fs::write(path, "2,b\n")?;
        let later = SystemTime::now() + Duration::from_secs(1);
        File::options().write(true).open(path)?.set_modified(later)
    }),
    ("grown", |path| std::fs::write(path, "1,a\n2,b\n")),
    ("cut", |path| std::fs::write(path, "1,")),
    ("deleted", |path| std::fs::remove_file(path)),
];

/// A service that lends other storage after it has refused these requests once, when the file has
/// been changed.
async fn changing(path: &Path, change: Change, which: fn(&Request) -> bool) -> Server {
    std::fs::write(path, "1,a\n").unwrap();
    let (path, changed) = (path.to_owned(), AtomicUsize::new(0));
    let meanwhile = move || {
        if changed.fetch_add(1, Ordering::SeqCst) == 0 {
            change(&path).unwrap();
        }
    };
    refusing(which, meanwhile, |answer| answer.replace("/c1?", "/c2?")).await
}

/// Another content must not be posted as the one that was read first.
#[tokio::test]
async fn a_file_that_is_another_by_now_stays_where_it_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.csv");
    for (name, change) in CHANGES {
        let server = changing(&path, change, Request::is_post_of_message).await;
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let last = Arc::<Mutex<Progress>>::default();
        let seen = last.clone();
        let source = Source::file(&path).with_progress(move |now| *seen.lock().unwrap() = now);
        let ingested = client.ingest(source, &props(), once()).await;
        let receipt = ingested.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(posted_blob(&server).contains("/c1/"), "{name}");
        assert!(receipt.items()[0].blob.contains("/c1/"), "{name}");
        let progress = *last.lock().unwrap();
        assert_eq!(
            (progress.read, progress.sent),
            (4, receipt.items()[0].bytes_sent)
        );
        let elsewhere = server.count(|it| it.line.starts_with("PUT /c2"));
        assert_eq!(elsewhere, 0, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_another_by_now_is_not_sent_to_another_container() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.csv");
    for (name, change) in CHANGES {
        let server = changing(&path, change, Request::is_upload).await;
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let ingested = client.ingest(Source::file(&path), &props(), once()).await;
        let error = ingested.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::SourceIo, "{name}: {error}");
        assert!(!error.is_in_doubt(), "{name}");
        let is_change = error.message().contains("changed after");
        assert_eq!(is_change, name != "deleted", "{error}");
        assert_eq!(server.count(Request::is_post_of_message), 0, "{name}");
    }
}

const SILENT: &str = "GET /faile";

/// Storage that is silent, and is lent under another name each time.
async fn wandering() -> Server {
    let lent = AtomicUsize::new(0);
    Server::start(move |request, base| {
        if request.line.starts_with(SILENT) {
            return Act::Send(String::new());
        }
        let answer = healthy(request, base);
        if !is_of_resources(request) {
            return Act::Send(answer);
        }
        // An end for a client that never gives up. One digit: lengths stay right.
        Act::Send(match lent.fetch_add(1, Ordering::SeqCst) {
            number @ ..10 => answer.replace("/failed?", &format!("/faile{number}?")),
            _ => reply(400, "", ""),
        })
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn storage_that_is_elsewhere_each_time_is_followed_at_once_only_once() {
    let server = wandering().await;
    let client = server.builder().retry_time(0).unwrap().build().unwrap();
    let query = OutcomeQuery::new(Outcome::Failures);
    let error = client.peek_outcomes(&query, once()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    let requests = server.requests();
    let asked = requests.iter().filter(|it| it.line.starts_with(SILENT));
    let names: BTreeSet<_> = asked.map(|it| &it.line[..SILENT.len() + 1]).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// A service whose status table was lent under another name at first.
async fn renaming_its_table(entity: u16) -> Server {
    let lent = AtomicUsize::new(0);
    Server::start(move |request, base| {
        let is_first = is_of_resources(request) && lent.fetch_add(1, Ordering::SeqCst) == 0;
        Act::Send(match request.line.starts_with("GET /table(") {
            true => of_storage(request, entity, r#"{"Status":"Succeeded"}"#),
            false if is_first => healthy(request, base).replace("/table?", "/other?"),
            false => healthy(request, base),
        })
    })
    .await
}

#[tokio::test]
async fn a_status_is_found_in_the_table_that_is_lent_now() {
    for by_waiting in [false, true] {
        let server = renaming_its_table(200).await;
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let receipt = client.ingest(row(), &tabled(), once()).await.unwrap();
        assert_eq!(server.count(|it| it.line.starts_with("PUT /other(")), 1);
        // A client of another process: it is lent the other table.
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let token = receipt.tracking_token();
        let report = match by_waiting {
            true => {
                let poll = Duration::from_millis(1);
                client.track_until_final(token, poll, once()).await
            }
            false => client.track(token, once()).await,
        };
        assert_eq!(report.unwrap().count(ItemState::Succeeded), 1);
    }
}

#[tokio::test]
async fn a_table_of_another_cluster_is_asked_for_once_more_only() {
    let server = renaming_its_table(404).await;
    let client = server.builder().retry_time(0).unwrap().build().unwrap();
    let receipt = client.ingest(row(), &tabled(), once()).await.unwrap();
    let client = server.builder().retry_time(0).unwrap().build().unwrap();
    for _ in 0..3 {
        let error = client.track(receipt.tracking_token(), once()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.message().contains("another cluster's"), "{error}");
    }
    assert_eq!(server.count(is_of_resources), 3);
}

/// It says nothing about storage that ingestions need.
#[tokio::test]
async fn a_token_of_another_cluster_does_not_use_up_the_fetch_of_an_outage() {
    let elsewhere = Server::start(|request, base| Act::Send(healthy(request, base))).await;
    let other = elsewhere.builder().build().unwrap();
    let receipt = other.ingest(row(), &tabled(), once()).await.unwrap();
    let server = lending_nowhere(&["queue"], 2).await;
    let client = server.builder().retry_time(0).unwrap().build().unwrap();
    client
        .track(receipt.tracking_token(), once())
        .await
        .unwrap();
    client.ingest(row(), &props(), once()).await.unwrap();
    assert_eq!(server.count(is_of_resources), 3);
}

/// Storage that gives the first `times` reads of a status or a notification this answer.
async fn failing(times: usize, status: Option<u16>) -> Server {
    let reads = AtomicUsize::new(0);
    Server::start(move |request, base| {
        let is_read = request.line.starts_with("GET ") && request.is_storage();
        match status {
            _ if !is_read || reads.fetch_add(1, Ordering::SeqCst) >= times => {
                Act::Send(healthy(request, base))
            }
            Some(status) => Act::Send(of_storage(request, status, "")),
            None => Act::SendAndClose(String::new()),
        }
    })
    .await
}

/// More than the quick attempts.
const OUTAGE: usize = 5;

#[tokio::test]
async fn an_outage_of_storage_is_waited_out_by_every_read() {
    let case = async |status, retry_time| {
        let query = &OutcomeQuery::new(Outcome::Failures).with_limit(1);
        let reads = async |which: &str| {
            let server = failing(OUTAGE, status).await;
            let builder = server.builder().retry_time(retry_time).unwrap();
            let client = builder.build().unwrap();
            let receipt = client.ingest(row(), &tabled(), once()).await.unwrap();
            let (token, poll) = (receipt.tracking_token(), Duration::from_millis(1));
            match which {
                "track" => client.track(token, once()).await,
                "wait" => client.track_until_final(token, poll, once()).await,
                "peek" => client.peek_outcomes(query, once()).await,
                _ => client.take_outcomes(query, once()).await,
            }
        };
        let reads = tokio::join!(reads("track"), reads("wait"), reads("peek"), reads("take"));
        <[_; 4]>::from(reads)
    };
    let (cut, busy, impatient) =
        tokio::join!(case(None, 600), case(Some(503), 600), case(Some(503), 0));
    for read in cut.into_iter().chain(busy) {
        assert_eq!(read.unwrap().items().len(), 1);
    }
    for read in impatient {
        assert!(read.unwrap_err().is_retryable());
    }
}

fn notification() -> String {
    let text = TOKEN_REFUSED.replace('"', "&quot;");
    format!(
        "<QueueMessagesList><QueueMessage><MessageId>m</MessageId><MessageText>{text}</MessageText>\
         </QueueMessage></QueueMessagesList>"
    )
}
