//! Answers of storage that belong to no request, or to another one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kusto_ingest::prelude::*;

use crate::server::{Act, Request, Server, healthy, props, reply, row, stored, stored_as};

fn once() -> CallOptions {
    CallOptions::new()
}

/// A proxy that sends an answer which nobody asked for behind each of its answers, and takes every
/// second message without passing it on: its success is all that the client sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_success_that_nobody_asked_for_is_no_success() {
    const EARLY: &str = "x-ms-client-request-id: early\r\n";
    let posts = AtomicUsize::new(0);
    let server = Server::start(move |request, base| {
        let swallowed =
            request.is_post_of_message() && posts.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        match (request.is_storage(), swallowed) {
            (true, true) => Act::Send(stored_as(request, EARLY)),
            (true, false) => Act::Send(stored(request, "") + &stored_as(request, EARLY)),
            _ => Act::Send(healthy(request, base)),
        }
    })
    .await;
    let client = server.builder().build().unwrap();
    let mut doubts = 0;
    for _ in 0..1500 {
        match client.ingest(row(), &props(), once()).await {
            Ok(_) => {}
            Err(error) if error.is_in_doubt() => doubts += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(server.count(Request::is_post_of_message), 1500);
    assert_eq!(doubts, 750);
}

/// The answer to Put Message holds the message.
#[tokio::test]
async fn a_post_without_a_stored_message_is_in_doubt() {
    for body in [
        "",
        "<QueueMessagesList/>",
        "{}",
        "<QueueMessagesList><QueueMessage>",
        "<QueueMessagesList><QueueMessage><MessageId> </MessageId></QueueMessage></QueueMessagesList>",
        "<html><QueueMessage><MessageId>m</MessageId></QueueMessage></html>",
    ] {
        let server = Server::start(move |request, base| match request.is_post_of_message() {
            true => {
                let id = request.header("x-ms-client-request-id");
                let headers = format!("x-ms-client-request-id: {id}\r\n");
                Act::Send(reply(201, &headers, body))
            }
            false => Act::Send(healthy(request, base)),
        })
        .await;
        let client = server.builder().build().unwrap();
        let error = client.ingest(row(), &props(), once()).await.unwrap_err();
        assert!(error.is_in_doubt(), "{body}: {error}");
        assert_eq!(error.step().name(), "post message");
        assert_eq!(server.count(Request::is_post_of_message), 1);
    }
}

/// A refusal that is another request's shows nothing about this one; a gateway's, which knows no
/// such id, is what its status says.
#[tokio::test]
async fn a_refusal_of_another_request_is_in_doubt() {
    for (headers, in_doubt) in [("x-ms-client-request-id: other\r\n", true), ("", false)] {
        let server = Server::start(move |request, base| match request.is_post_of_message() {
            true => Act::Send(reply(400, headers, "")),
            false => Act::Send(healthy(request, base)),
        })
        .await;
        let client = server.builder().build().unwrap();
        let error = client.ingest(row(), &props(), once()).await.unwrap_err();
        assert_eq!(error.is_in_doubt(), in_doubt, "{error}");
    }
}

/// On a connection that was used before, a refusal of nobody may be left of an earlier request: a
/// message that was stored must not be posted again.
#[tokio::test]
async fn a_refusal_of_nobody_on_a_used_connection_is_in_doubt() {
    for status in [400, 403, 404, 429, 503] {
        let server = Server::start(move |request, base| {
            match request.is_post_of_message() && request.is_behind_another {
                true => Act::Send(reply(status, "", "")),
                false => Act::Send(healthy(request, base)),
            }
        })
        .await;
        let client = server.builder().build().unwrap();
        // A connection rests for a moment before it is used again.
        let mut error = None;
        let mut calls = 0;
        while error.is_none() && calls < 1000 {
            error = client.ingest(row(), &props(), once()).await.err();
            calls += 1;
        }
        let error = error.expect("no connection was used again");
        assert!(error.is_in_doubt(), "{status}: {error}");
        let posts = server.count(Request::is_post_of_message);
        assert_eq!(posts, calls, "{status}: {error}");
    }
}

/// Once an answer was out of step, the connections of that moment are left: the next ingestion
/// does not meet what is still on its way.
#[tokio::test]
async fn connections_out_of_step_are_not_used_again() {
    let wrong = Mutex::new(true);
    let server = Server::start(move |request, base| {
        let first = request.is_upload() && std::mem::take(&mut *wrong.lock().unwrap());
        match first {
            true => Act::Send(stored_as(request, "x-ms-client-request-id: other\r\n")),
            false => Act::Send(healthy(request, base)),
        }
    })
    .await;
    let client = server.builder().build().unwrap();
    client.ingest(row(), &props(), once()).await.unwrap();
    assert_eq!(
        server.count(Request::is_upload),
        2,
        "the upload is repeated"
    );
    assert_eq!(server.count(Request::is_post_of_message), 1);
}

/// Gateways have statuses of their own for a request that they passed on.
#[tokio::test]
async fn a_status_that_denies_nothing_leaves_a_post_in_doubt() {
    for status in [101, 500, 502, 504, 520, 524, 599, 999] {
        let server = Server::start(move |request, base| match request.is_post_of_message() {
            true => Act::SendAndClose(reply(status, "", "")),
            false => Act::Send(healthy(request, base)),
        })
        .await;
        let client = server.builder().build().unwrap();
        let error = client.ingest(row(), &props(), once()).await.unwrap_err();
        assert!(error.is_in_doubt(), "{status}: {error}");
        assert_eq!(server.count(Request::is_post_of_message), 1, "{status}");
    }
}

/// The status of another request's answer is not this request's: a message that may have been
/// posted is not posted again because somebody else's signature was refused.
#[tokio::test]
async fn the_status_of_another_requests_answer_is_no_reason_to_post_again() {
    for status in [400, 401, 403, 404, 413, 429, 500, 503] {
        let server = Server::start(move |request, base| match request.is_post_of_message() {
            true => Act::Send(reply(status, "x-ms-client-request-id: other\r\n", "")),
            false => Act::Send(healthy(request, base)),
        })
        .await;
        let client = server.builder().build().unwrap();
        let error = client.ingest(row(), &props(), once()).await.unwrap_err();
        assert!(error.is_in_doubt(), "{status}: {error}");
        let posts = server.count(Request::is_post_of_message);
        assert_eq!(posts, 1, "{status}: {error}");
    }
}
