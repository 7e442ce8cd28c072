//! The ids of the requests of an ingestion.

use std::collections::HashSet;

use kusto_ingest::prelude::*;

use crate::server::{Act, Request, Server, healthy, props, reply, row};

/// The ids of the requests that a client made, with or without a failure on the way.
async fn ids(props: IngestionProperties) -> Vec<String> {
    let server = Server::start(|request, base| match request.is_behind_another {
        false if request.is_upload() => Act::Send(reply(503, "", "")),
        _ => Act::Send(healthy(request, base)),
    })
    .await;
    let client = server.builder().build().unwrap();
    let ingested = client.ingest(row(), &props, CallOptions::new()).await;
    ingested.unwrap();
    let requests = server.requests();
    let id = |request: &Request| request.header("x-ms-client-request-id").to_owned();
    requests.iter().map(id).collect()
}

#[tokio::test]
async fn the_requests_of_an_ingestion_are_found_by_its_id_and_none_has_that_of_another() {
    let given = props().with_client_request_id("agent-7");
    let mut seen = HashSet::new();
    // The same id twice: answers of storage are known by the ids of the requests.
    for _ in 0..2 {
        let ids = ids(given.clone()).await;
        assert!(ids.len() >= 4, "{ids:?}");
        for id in ids {
            assert!(id.starts_with("agent-7;"), "{id}");
            assert!(seen.insert(id));
        }
    }
    for id in ids(props()).await {
        assert!(id.starts_with("KRC.ingest;"), "{id}");
    }
}

#[tokio::test]
async fn a_failed_ingestion_says_its_id() {
    let server = Server::start(|request, base| match request.is_post_of_message() {
        true => Act::Send(reply(400, "", "")),
        false => Act::Send(healthy(request, base)),
    })
    .await;
    let client = server.builder().build().unwrap();
    let given = props().with_client_request_id("agent-7");
    for source in [row(), Source::bytes("")] {
        let error = client.ingest(source, &given, CallOptions::new()).await;
        let error = error.unwrap_err();
        let id = error.client_request_id().unwrap_or_default();
        assert!(id.starts_with("agent-7"), "{error}: {id}");
    }
}

#[tokio::test]
async fn an_id_that_no_header_can_carry_is_named() {
    let client = Client::builder("http://127.0.0.1:1").unwrap().build();
    let client = client.unwrap();
    for wrong in ["", "a b", "ä", &"x".repeat(257)] {
        let given = props().with_client_request_id(wrong);
        let error = client.ingest(row(), &given, CallOptions::new()).await;
        assert_eq!(error.unwrap_err().argument(), Some("clientRequestId"));
        assert!(props().set("clientRequestId", wrong).is_err());
    }
}
