//! Storage that is elsewhere by now, and identity tokens that the service has forgotten.

use std::sync::atomic::{AtomicUsize, Ordering};

use kusto_ingest::prelude::*;

use crate::server::{Act, Request, Server, TOKEN_REFUSED, healthy, of_storage, props, row};

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

fn notification() -> String {
    let text = TOKEN_REFUSED.replace('"', "&quot;");
    format!(
        "<QueueMessagesList><QueueMessage><MessageId>m</MessageId><MessageText>{text}</MessageText>\
         </QueueMessage></QueueMessagesList>"
    )
}
