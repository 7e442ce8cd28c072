//! Values of the service, and panics of the caller, that no arithmetic and no claim of doubt may
//! follow from.

use kusto_ingest::prelude::*;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

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

/// Several ingestions, by a service with this clock, or none, whose signatures are this long.
async fn fetches(clock: Option<Duration>, signed_for: Duration) -> usize {
    let service_time = OffsetDateTime::now_utc() + clock.unwrap_or_default();
    let date = service_time.format(format_description!(
        "Date: [weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT\r\n"
    ));
    let date = clock.map(|_| date.unwrap()).unwrap_or_default();
    let expiry = (service_time + signed_for).to_offset(time::UtcOffset::UTC);
    let signature = format!("se={}&sig=s", expiry.format(&Rfc3339).unwrap());
    let server = Server::start(move |request, base| {
        Act::Send(healthy_with(request, base, &signature, &date))
    })
    .await;
    let client = server.builder().build().unwrap();
    for _ in 0..5 {
        let ingesting = client.ingest(row(), &props(), CallOptions::new());
        ingesting.await.unwrap();
    }
    server.count(|request| request.body.contains("ingestion resources"))
}

#[tokio::test]
async fn short_signatures_and_wrong_clocks_do_not_multiply_the_fetches() {
    for clock in [
        None,
        Some(0),
        Some(-4),
        Some(4),
        Some(-24 * 365),
        Some(24 * 365),
    ] {
        for minutes in [5, 20, 34, 36, 60] {
            let count = fetches(clock.map(Duration::hours), Duration::minutes(minutes)).await;
            assert_eq!(count, 1, "{clock:?} h, {minutes} min");
        }
    }
    assert_eq!(
        fetches(None, Duration::hours(-4)).await,
        1,
        "expired by this clock"
    );
}
