//! Which requests a rule means, and how often it fires.

use kusto_emulator::{CutPoint, Fault, FaultRule, ServiceKind, StorageOperation as Op};
use reqwest::RequestBuilder;
use serde_json::json;
use url::Url;

use crate::common::{World, below, on_each_storage, with};
use crate::requests::{cut, on, once, send};

/// Every storage operation with a request for it.
fn operations(world: &World) -> Vec<(Op, RequestBuilder)> {
    let (container, queue) = (
        &world.resources.containers[0],
        &world.resources.failed_queue,
    );
    let table = world.resources.status_table.clone();
    let blob = || world.blob("blob");
    let message = || below(queue, "messages/id");
    let mut entity = table.clone();
    entity.set_path(&format!("{}(PartitionKey='p',RowKey='r')", table.path()));
    let list = [("restype", "container"), ("comp", "list")];
    let request = |method: &str, url: Url| world.request(method, url);
    let queued = below(queue, "messages");
    vec![
        (Op::PutBlob, world.put_blob("blob", "x")),
        (Op::PutBlock, world.put_block("blob", "AAAA")),
        (Op::PutBlockList, world.put_block_list("blob", "AAAA")),
        (Op::GetBlob, request("GET", blob())),
        (Op::GetBlobProperties, request("HEAD", blob())),
        (
            Op::GetBlockList,
            request("GET", with(&blob(), &[("comp", "blocklist")])),
        ),
        (Op::DeleteBlob, request("DELETE", blob())),
        (Op::ListBlobs, request("GET", with(container, &list))),
        (Op::PutMessage, world.put_message("x")),
        (Op::GetMessages, request("GET", queued.clone())),
        (Op::PeekMessages, world.peek_messages()),
        (Op::UpdateMessage, request("PUT", message())),
        (Op::DeleteMessage, request("DELETE", message())),
        (Op::ClearMessages, request("DELETE", queued)),
        (
            Op::GetQueueMetadata,
            request("GET", with(queue, &[("comp", "metadata")])),
        ),
        (Op::InsertEntity, world.insert_entity("r")),
        (Op::GetEntity, world.get_entity("r")),
        (Op::QueryEntities, request("GET", table.clone())),
        (Op::UpdateEntity, request("PUT", entity.clone())),
        (Op::MergeEntity, request("PATCH", entity.clone())),
        (
            Op::MergeEntity,
            request("POST", entity.clone()).header("x-http-method", "MERGE"),
        ),
        (Op::DeleteEntity, request("DELETE", entity)),
    ]
}

#[tokio::test]
async fn every_operation_is_told_apart() {
    on_each_storage(async |world| {
        for (operation, request) in operations(world) {
            world.emulator.disarm_all();
            // One rule per operation: exactly the right one must fire.
            for (wanted, _) in operations(world) {
                world.emulator.arm(on(wanted, Fault::status(418)));
            }
            assert_eq!(send(request).await.status(), 418, "{operation:?}");
            let fired: Vec<_> = world
                .emulator
                .faults()
                .into_iter()
                .filter(|report| report.matched > 0)
                .map(|report| report.rule.operation)
                .collect();
            assert_eq!(fired, [Some(operation)]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_is_told_apart_from_the_others() {
    on_each_storage(async |world| {
        for (armed, _) in world.one_of_each() {
            world.emulator.disarm_all();
            world
                .emulator
                .arm(FaultRule::new(armed, Fault::status(418)));
            for (service, request) in world.one_of_each() {
                let hit = send(request).await.status() == 418;
                assert_eq!(hit, service == armed, "{armed:?} and {service:?}");
            }
            assert_eq!(world.counts(), (1, 1));
        }
    })
    .await;
}

#[tokio::test]
async fn account_and_resource_narrow_a_rule() {
    on_each_storage(async |world| {
        let containers = &world.resources.containers;
        let name = |url: &Url| url.path().rsplit('/').next().unwrap().to_owned();
        let account = |name: &str, resource: Option<String>| FaultRule {
            account: Some(name.to_owned()),
            resource,
            ..on(Op::PutBlob, Fault::status(418))
        };
        // Two containers called the same, one in each account, and another one in the first account.
        let (first, second, other) = (&containers[0], &containers[1], &containers[2]);
        assert_eq!(name(first), name(second));
        for (rule, hits) in [
            (account("kustoemu1", None), [true, false, true]),
            (
                account("kustoemu2", Some(name(first))),
                [false, true, false],
            ),
            (account("kustoemu3", None), [false; 3]),
            (
                account("kustoemu1", Some(name(other).to_uppercase())),
                [false, false, true],
            ),
        ] {
            world.emulator.disarm_all();
            world.emulator.arm(rule.clone());
            for (container, hit) in [first, second, other].into_iter().zip(hits) {
                let put = world.request("PUT", below(container, "b"));
                let reply = send(put.header("x-ms-blob-type", "BlockBlob").body("x")).await;
                assert_eq!(
                    reply.status() == 418,
                    hit,
                    "{rule:?} at {}",
                    container.path()
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_path_style_address_is_matched_too() {
    on_each_storage(async |world| {
        world.emulator.arm(FaultRule {
            account: Some("kustoemu1".to_owned()),
            ..on(Op::PutBlob, Fault::status(418))
        });
        let mut url = world.blob("b");
        url.set_path(&format!("/kustoemu1{}", url.path()));
        assert_eq!(send(world.request("PUT", url)).await.status(), 418);
    })
    .await;
}

#[tokio::test]
async fn a_command_is_matched_by_its_beginning() {
    let world = World::start(Default::default()).await;
    let rule = |service, command: &str| FaultRule {
        command: Some(command.to_owned()),
        ..FaultRule::new(service, Fault::status(418))
    };
    let emulator = &world.emulator;
    emulator.arm(rule(ServiceKind::Mgmt, ".get Kusto identity token"));
    emulator.arm(rule(ServiceKind::Query, "print"));
    for (service, text, status) in [
        ("mgmt", "  .GET kusto IDENTITY token", 418),
        (
            "mgmt",
            ".get kusto identity token | project AuthorizationContext",
            418,
        ),
        ("mgmt", ".get ingestion resources", 200),
        ("mgmt", ".get", 400),
        ("query", "PRINT 1", 418),
        ("query", "datatable(a:int)[1] | count", 200),
    ] {
        assert_eq!(
            send(world.ask(service, text)).await.status(),
            status,
            "{text}"
        );
    }
    let fired: Vec<_> = emulator.faults().iter().map(|rule| rule.fired).collect();
    assert_eq!(fired, [2, 1]);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_rule_skips_and_then_fires_so_often() {
    on_each_storage(async |world| {
        world.emulator.arm(FaultRule {
            skip: 2,
            times: Some(3),
            ..on(Op::PutBlob, Fault::status(418))
        });
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(send(world.put_blob("b", "x")).await.status().as_u16());
            assert_eq!(world.stored("b").await.as_deref(), Some("x"));
        }
        assert_eq!(statuses, [201, 201, 418, 418, 418, 201, 201, 201]);
        assert_eq!(world.counts(), (8, 3));
    })
    .await;
}

#[tokio::test]
async fn rules_are_tried_in_the_order_of_their_arming() {
    on_each_storage(async |world| {
        let emulator = &world.emulator;
        let first = once(FaultRule {
            skip: 1,
            ..on(Op::PutBlob, Fault::status(418))
        });
        let first = emulator.arm(first);
        let second = emulator.arm(FaultRule {
            times: Some(2),
            ..FaultRule::new(ServiceKind::Blob, Fault::Cut(CutPoint::Before))
        });
        assert!(first < second);
        cut(world.put_blob("b", "x")).await;
        assert_eq!(send(world.put_blob("b", "x")).await.status(), 418);
        cut(world.put_blob("b", "x")).await;
        assert_eq!(send(world.put_blob("b", "x")).await.status(), 201);
        let reports = emulator.faults();
        let counts: Vec<_> = reports.iter().map(|r| (r.id, r.matched, r.fired)).collect();
        assert_eq!(counts, [(first, 4, 1), (second, 3, 2)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_meet_a_rule_exactly_so_often() {
    on_each_storage(async |world| {
        world.emulator.arm(FaultRule {
            skip: 5,
            times: Some(7),
            ..on(Op::PutBlob, Fault::status(418))
        });
        let requests: Vec<_> = (0..64)
            .map(|i| tokio::spawn(world.put_blob(&format!("b{i}"), "x").send()))
            .collect();
        let mut failed = 0;
        for request in requests {
            failed += u32::from(request.await.unwrap().unwrap().status() == 418);
        }
        assert_eq!(failed, 7);
        assert_eq!(world.counts(), (64, 7));
    })
    .await;
}

#[tokio::test]
async fn the_ingestor_is_never_hit_nor_counted() {
    on_each_storage(async |world| {
        send(world.ask("mgmt", ".create table T (a:long)")).await;
        assert_eq!(
            send(world.put_blob("source.csv", "1\n2\n")).await.status(),
            201
        );
        for service in [ServiceKind::Blob, ServiceKind::Queue, ServiceKind::Table] {
            // The one message that starts it all passes.
            world.emulator.arm(FaultRule {
                skip: u64::from(service == ServiceKind::Queue),
                ..FaultRule::new(service, Fault::status(500))
            });
        }
        world.emulator.reset_traffic();
        world.ingest("T", &world.blob("source.csv")).await;
        let count = json!([[2]]);
        while world.rows("T | count").await != count {
            assert!(
                world
                    .emulator
                    .faults()
                    .iter()
                    .all(|report| report.fired == 0)
            );
        }
        let counts: Vec<_> = world
            .emulator
            .faults()
            .iter()
            .map(|r| (r.matched, r.fired))
            .collect();
        assert_eq!(counts, [(0, 0), (1, 0), (0, 0)]);
        let services = world.emulator.traffic().services;
        assert_eq!((services.blob.requests, services.table.requests), (0, 0));
        assert_eq!(services.queue.requests, 1);
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_insists_fires_until_its_retry_after_has_passed() {
    let world = World::start(Default::default()).await;
    for (seconds, statuses, fired) in [(3600, [503, 503, 503], 3), (0, [503, 201, 201], 1)] {
        world.emulator.disarm_all();
        let mut busy = once(on(Op::PutBlob, Fault::status(503)));
        if let Fault::Status { retry_after, .. } = &mut busy.fault {
            *retry_after = Some(seconds);
        }
        busy.insist = true;
        world.emulator.arm(busy);
        for status in statuses {
            assert_eq!(send(world.put_blob("x", "x")).await.status(), status);
        }
        assert_eq!(world.emulator.faults()[0].fired, fired);
    }
    world.emulator.shutdown().await;
}
