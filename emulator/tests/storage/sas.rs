//! Signatures: wrong, expired, missing, and too weak ones.

use std::time::Duration;

use kusto_emulator::{Clock, Options};
use reqwest::Response;
use time::OffsetDateTime;
use url::Url;

use crate::common::{World, azurite, below, on_each_storage, with};

/// The URL with one parameter given another value, or removed.
fn changed(url: &Url, name: &str, value: Option<&str>) -> Url {
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(n, _)| n != name)
        .collect();
    let mut url = url.clone();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(pairs)
        .extend_pairs(value.map(|value| (name, value)));
    url
}

fn resource(world: &World, kind: &str) -> Url {
    let found = world
        .emulator
        .ingestion_resources()
        .into_iter()
        .find(|(k, _)| k == kind);
    Url::parse(&found.unwrap().1).unwrap()
}

async fn get(world: &World, url: Url) -> Response {
    world
        .request("GET", url)
        .header("accept", "application/json;odata=nometadata")
        .send()
        .await
        .unwrap()
}

async fn put(world: &World, url: Url) -> Response {
    world
        .request("PUT", url)
        .header("x-ms-blob-type", "BlockBlob")
        .body("x")
        .send()
        .await
        .unwrap()
}

/// A read of each service's object.
fn reads(world: &World) -> [Url; 3] {
    let peek = [("peekonly", "true")];
    [
        with(
            &world.resources.containers[0],
            &[("restype", "container"), ("comp", "list")],
        ),
        with(&below(&world.resources.failed_queue, "messages"), &peek),
        world.resources.status_table.clone(),
    ]
}

#[tokio::test]
async fn every_service_checks_the_signature() {
    on_each_storage(async |world| {
        for url in reads(world) {
            assert_eq!(
                get(world, url.clone()).await.status(),
                200,
                "{}",
                url.path()
            );
            let forged = changed(
                &url,
                "sig",
                Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            );
            world
                .refused(get(world, forged).await, 403, "AuthenticationFailed")
                .await;
            let stronger = changed(&url, "se", Some("2099-01-01T00:00:00Z"));
            world
                .refused(get(world, stronger).await, 403, "AuthenticationFailed")
                .await;
            let unsigned = get(world, changed(&url, "sig", None)).await;
            if world.built_in {
                world
                    .refused(unsigned, 401, "NoAuthenticationInformation")
                    .await;
            } else {
                assert_eq!(unsigned.status().as_u16() / 100, 4);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_order_of_parameters_does_not_matter() {
    on_each_storage(async |world| {
        for url in reads(world) {
            let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            pairs.sort();
            let mut sorted = url.clone();
            sorted.query_pairs_mut().clear().extend_pairs(pairs);
            assert_eq!(get(world, sorted).await.status(), 200, "{}", url.path());
        }
    })
    .await;
}

#[tokio::test]
async fn a_signature_opens_nothing_else() {
    on_each_storage(async |world| {
        let mut other = world.resources.containers[0].clone();
        let path = world.resources.containers[2].path().to_owned();
        other.set_path(&format!("{path}/blob"));
        world
            .refused(put(world, other).await, 403, "AuthenticationFailed")
            .await;
    })
    .await;
}

#[tokio::test]
async fn handed_out_resources_allow_only_what_clients_need() {
    on_each_storage(async |world| {
        let input = below(
            &resource(world, "SecuredReadyForAggregationQueue"),
            "messages",
        );
        let failed = below(&resource(world, "FailedIngestionsQueue"), "messages");
        let body = "<QueueMessage><MessageText>x</MessageText></QueueMessage>";
        let steal = get(world, input).await;
        let add = world
            .request("POST", failed.clone())
            .body(body)
            .send()
            .await
            .unwrap();
        for refused in [steal, add] {
            world
                .refused(refused, 403, "AuthorizationPermissionMismatch")
                .await;
        }
        assert_eq!(get(world, failed).await.status(), 200);
        let container = below(&resource(world, "TempStorage"), "blob");
        assert_eq!(put(world, container.clone()).await.status(), 201);
        assert_eq!(get(world, container).await.text().await.unwrap(), "x");
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_resource_is_handed_out_in_both_accounts() {
    on_each_storage(async |world| {
        let resources = world.emulator.ingestion_resources();
        for (kind, count) in [
            ("SecuredReadyForAggregationQueue", 4),
            ("TempStorage", 4),
            ("FailedIngestionsQueue", 1),
            ("SuccessfulIngestionsQueue", 1),
            ("IngestionsStatusTable", 1),
        ] {
            assert_eq!(
                resources.iter().filter(|(k, _)| k == kind).count(),
                count,
                "{kind}"
            );
        }
        let accounts = world.emulator.accounts();
        for account in accounts {
            assert!(
                resources
                    .iter()
                    .any(|(kind, url)| kind == "TempStorage" && url.starts_with(&account.blob))
            );
        }
        assert_eq!(
            accounts.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(),
            ["kustoemu1", "kustoemu2"]
        );
    })
    .await;
}

#[tokio::test]
async fn signatures_expire_with_the_clock() {
    let clock = Clock::manual(OffsetDateTime::now_utc());
    let lifetime = Duration::from_secs(600);
    let world = World::start(Options {
        clock: clock.clone(),
        sas_lifetime: lifetime,
        ..Options::default()
    })
    .await;
    let blob = below(&resource(&world, "TempStorage"), "blob");
    clock.advance(lifetime - Duration::from_secs(1));
    assert_eq!(put(&world, blob.clone()).await.status(), 201);
    clock.advance(Duration::from_secs(1));
    world
        .refused(put(&world, blob).await, 403, "AuthenticationFailed")
        .await;
    let fresh = below(&resource(&world, "TempStorage"), "blob");
    assert_eq!(put(&world, fresh).await.status(), 201);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn azurite_refuses_expired_signatures() {
    let Some(storage) = azurite() else { return };
    let clock = Clock::manual(OffsetDateTime::now_utc());
    let world = World::start(Options {
        storage,
        clock: clock.clone(),
        sas_lifetime: Duration::ZERO,
        ..Options::default()
    })
    .await;
    let blob = below(&resource(&world, "TempStorage"), "blob");
    assert_eq!(put(&world, blob).await.status(), 403);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_plus_in_a_signature_must_be_escaped() {
    let clock = Clock::manual(OffsetDateTime::now_utc());
    let world = World::start(Options {
        clock: clock.clone(),
        ..Options::default()
    })
    .await;
    // Every second has other signatures; about half of all hold a plus.
    let url = loop {
        let url = resource(&world, "TempStorage");
        if url.query().unwrap().contains("%2B") {
            break below(&url, "b");
        }
        clock.advance(Duration::from_secs(1));
    };
    assert_eq!(put(&world, url.clone()).await.status(), 201);
    let raw = Url::parse(&url.as_str().replace("%2B", "+")).unwrap();
    let refused = put(&world, raw).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.headers()["x-ms-error-code"], "AuthenticationFailed");
    world.emulator.shutdown().await;
}
