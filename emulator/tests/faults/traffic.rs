//! The counters of what clients send.

use kusto_emulator::{CutPoint, Fault, Posted, ServiceTraffic, StorageOperation as Op, Traffic};
use reqwest::Method;
use serde_json::json;

use crate::common::{World, client, on_each_storage};
use crate::requests::{cut, json_of, on, once, send};

fn sent(requests: u64, bytes_received: u64) -> ServiceTraffic {
    ServiceTraffic {
        requests,
        bytes_received,
    }
}

#[tokio::test]
async fn requests_and_bytes_are_counted_by_service() {
    on_each_storage(async |world| {
        world.emulator.reset_traffic();
        for (_, request) in world.one_of_each() {
            send(request).await;
        }
        send(world.put_blob("b", vec![1; 3 << 20])).await;
        send(world.get_blob("b")).await;
        let traffic = world.emulator.traffic();
        let services = traffic.services;
        assert_eq!(services.blob, sent(3, 1 + (3 << 20)));
        let message = "<QueueMessage><MessageText>x</MessageText></QueueMessage>";
        assert_eq!(services.queue, sent(1, message.len() as u64));
        let entity = json!({ "PartitionKey": "p", "RowKey": "each" }).to_string();
        assert_eq!(services.table, sent(1, entity.len() as u64));
        assert_eq!(services.mgmt.requests, 1);
        assert_eq!(services.query.requests, 1);
        assert_eq!(services.metadata, sent(1, 0));
        assert_eq!(traffic.requests, 8);
        let bytes = [
            services.blob,
            services.queue,
            services.table,
            services.mgmt,
            services.query,
        ];
        let bytes: u64 = bytes.iter().map(|service| service.bytes_received).sum();
        assert_eq!(traffic.bytes_received, bytes);
    })
    .await;
}

#[tokio::test]
async fn connections_are_counted_when_requests_come_on_them() {
    let world = World::start(Default::default()).await;
    for _ in 0..3 {
        send(world.put_blob("b", "x")).await;
    }
    assert_eq!(world.emulator.traffic().connections, 1);
    send(world.ask("mgmt", ".show version")).await;
    assert_eq!(world.emulator.traffic().connections, 2);
    let another = client().put(world.blob("b")).send().await.unwrap();
    assert_eq!(another.status(), 400);
    assert_eq!(world.emulator.traffic().connections, 3);
    // The old connection counts anew.
    world.emulator.reset_traffic();
    assert_eq!(world.emulator.traffic(), Traffic::default());
    send(world.put_blob("b", "x")).await;
    send(world.put_blob("b", "x")).await;
    assert_eq!(world.emulator.traffic().connections, 1);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn failed_requests_count_with_what_was_read_of_them() {
    let world = World::start(Default::default()).await;
    let arm = |fault| world.emulator.arm(once(on(Op::PutBlob, fault)));
    arm(Fault::Cut(CutPoint::Before));
    cut(world.put_blob("b", "0123456789")).await;
    assert_eq!(world.emulator.traffic().services.blob, sent(1, 0));
    arm(Fault::status(500));
    send(world.put_blob("b", "0123456789")).await;
    assert_eq!(world.emulator.traffic().services.blob, sent(2, 10));
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn any_program_can_read_and_reset_them() {
    let world = World::start(Default::default()).await;
    send(world.put_blob("b", "xyz")).await;
    let url = world.service("/emulator/v1/traffic");
    let (nothing, blob) = (
        json!({ "requests": 0, "bytesReceived": 0 }),
        json!({ "requests": 1, "bytesReceived": 3 }),
    );
    let expected = json!({
        "connections": 1, "requests": 1, "bytesReceived": 3,
        "services": {
            "blob": blob, "queue": nothing, "table": nothing, "mgmt": nothing, "query": nothing, "ingest": nothing,
            "metadata": nothing,
            "entra": nothing, "managedIdentity": nothing,
        },
    });
    assert_eq!(json_of(send(world.http.get(&url)).await).await, expected);
    let reset = send(world.http.request(Method::DELETE, &url)).await;
    assert_eq!(reset.status(), 204);
    let traffic = json_of(send(world.http.get(&url)).await).await;
    assert_eq!(traffic["requests"], 0);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn posted_messages_are_shown_whatever_their_sender_was_told() {
    let world = World::start(Default::default()).await;
    let arm = |fault| world.emulator.arm(once(on(Op::PutMessage, fault)));
    send(world.put_message("told")).await;
    arm(Fault::Cut(CutPoint::After));
    cut(world.put_message("cut after")).await;
    arm(Fault::Cut(CutPoint::Before));
    cut(world.put_message("cut before")).await;
    arm(Fault::status(503));
    assert_eq!(send(world.put_message("refused")).await.status(), 503);
    let url = world.service("/emulator/v1/messages");
    let expected = json!({ "posted": 2, "last": ["told", "cut after"] });
    assert_eq!(json_of(send(world.http.get(&url)).await).await, expected);
    let reset = send(world.http.request(Method::DELETE, &url)).await;
    assert_eq!(reset.status(), 204);
    assert_eq!(world.emulator.posted(), Posted::default());
    world.emulator.shutdown().await;
}
