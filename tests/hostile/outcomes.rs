//! Notification queues whose messages cannot be deleted by what they say.

use kusto_ingest::prelude::*;
use kusto_ingest::track::{Outcome, OutcomeQuery};

use crate::server::{Act, Request, Server, healthy, of_storage, reply};

fn is_of_messages(request: &Request) -> bool {
    request.line.contains("/failed/messages")
}

/// A queue whose messages have these elements.
async fn queue_of(elements: &'static str) -> Server {
    Server::start(move |request, base| {
        if !is_of_messages(request) {
            return Act::Send(healthy(request, base));
        }
        let id = request.header("x-ms-client-request-id");
        let headers = format!("x-ms-client-request-id: {id}\r\n");
        let body = format!(
            "<QueueMessagesList><QueueMessage>{elements}<MessageText>{{}}</MessageText>\
             </QueueMessage></QueueMessagesList>"
        );
        match request.line.starts_with("GET ") {
            true => Act::Send(reply(200, &headers, &body)),
            false => Act::Send(reply(204, &headers, "")),
        }
    })
    .await
}

/// `DELETE .../messages` empties the queue for all clients of the cluster: no id of a message may
/// lead there.
#[tokio::test]
async fn a_message_without_an_id_empties_no_queue() {
    for elements in [
        "",
        "<PopReceipt>p</PopReceipt>",
        "<MessageId/><PopReceipt>p</PopReceipt>",
        "<MessageId>.</MessageId><PopReceipt>p</PopReceipt>",
        "<MessageId>..</MessageId><PopReceipt>p</PopReceipt>",
        "<MessageId> </MessageId><PopReceipt>p</PopReceipt>",
        "<MessageId>&#9;</MessageId><PopReceipt>p</PopReceipt>",
        "<MessageId>.&#9;.</MessageId><PopReceipt>p</PopReceipt>",
        "<MessageId>m</MessageId>",
        "<MessageId>m</MessageId><PopReceipt/>",
    ] {
        let server = queue_of(elements).await;
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let query = OutcomeQuery::new(Outcome::Failures);
        let error = client.take_outcomes(&query, CallOptions::new()).await;
        let deletions = server.count(|request| request.line.starts_with("DELETE "));
        assert_eq!(deletions, 0, "{elements}: {:?}", server.requests().last());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Service, "{elements}");
        // They can be read all the same.
        let found = client.peek_outcomes(&query, CallOptions::new()).await;
        assert_eq!(found.unwrap().items().len(), 1, "{elements}");
    }
}

/// Only a list without messages says that a queue is empty.
#[tokio::test]
async fn what_is_no_list_of_messages_is_no_empty_queue() {
    for (body, is_empty) in [
        ("<QueueMessagesList />", true),
        (
            "<?xml version=\"1.0\"?><QueueMessagesList></QueueMessagesList>",
            true,
        ),
        ("", false),
        ("{}", false),
        ("<html/>", false),
        ("<Error><QueueMessagesList/></Error>", false),
        (
            "<QueueMessage><MessageId>m</MessageId></QueueMessage>",
            false,
        ),
    ] {
        let server = Server::start(move |request, base| {
            Act::Send(match is_of_messages(request) {
                true => of_storage(request, 200, body),
                false => healthy(request, base),
            })
        })
        .await;
        let client = server.builder().retry_time(0).unwrap().build().unwrap();
        let query = OutcomeQuery::new(Outcome::Failures);
        let peeked = client.peek_outcomes(&query, CallOptions::new()).await;
        let taken = client.take_outcomes(&query, CallOptions::new()).await;
        for found in [peeked, taken] {
            assert_eq!(found.is_ok(), is_empty, "{body}: {found:?}");
            let kind = found.err().map(|error| error.kind());
            assert!(kind.is_none_or(|kind| kind == ErrorKind::Service), "{body}");
        }
    }
}
