//! Values of the service, and panics of the caller, that no arithmetic and no claim of doubt may
//! follow from.

use kusto_ingest::prelude::*;

use crate::server::{Act, Request, Server, healthy, healthy_with, props, row};

#[tokio::test]
async fn no_expiry_of_a_signature_breaks_an_ingestion() {
    for expiry in [
        "-009999-01-01T00:00:00Z",
        "%2B009999-12-31T23:59:59Z",
        "-009999-01-01T00:00:00%2B14:00",
        "9999-12-31T23:59:59-14:00",
        "99999999999999999999",
        "",
    ] {
        let signature = format!("se={expiry}&sig=s");
        let server = Server::start(move |request, base| {
            Act::Send(healthy_with(request, base, &signature, ""))
        })
        .await;
        let client = server.builder().build().unwrap();
        let ingesting = client.start_ingest(row(), &props(), CallOptions::new());
        ingesting.wait().await.expect(expiry);
        assert_eq!(server.count(Request::is_post_of_message), 1, "{expiry}");
    }
}

#[tokio::test]
async fn a_panic_before_the_hand_over_is_not_in_doubt() {
    let server = Server::start(|request, base| Act::Send(healthy(request, base))).await;
    let client = server.builder().build().unwrap();
    let source = row().with_progress(|_| std::panic::resume_unwind(Box::new("boom")));
    let ingesting = client.start_ingest(source, &props(), CallOptions::new());
    let error = ingesting.wait().await.unwrap_err();
    assert!(
        error.to_string().contains("boom") && !error.is_in_doubt(),
        "{error}"
    );
    assert_eq!(server.count(Request::is_post_of_message), 0);
}
