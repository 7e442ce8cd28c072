//! What a storage client sees of each fault, and what was done.

use std::time::Duration;

use kusto_emulator::{CutPoint, Fault, FaultRule, ServiceKind, StallPoint, StorageOperation as Op};

use crate::common::{World, on_each_storage};
use crate::requests::{cut, json_of, on, once, send};

#[tokio::test]
async fn a_status_has_the_form_of_its_service() {
    on_each_storage(async |world| {
        for (service, request) in world.one_of_each().into_iter().take(3) {
            world.emulator.disarm_all();
            world
                .emulator
                .arm(FaultRule::new(service, Fault::status(503)));
            let reply = send(request).await;
            assert_eq!(reply.status(), 503, "{service:?}");
            assert_eq!(reply.headers()["x-ms-error-code"], "ServerBusy");
            assert!(reply.headers().contains_key("x-ms-request-id"));
            assert!(!reply.headers().contains_key("retry-after"));
            if service == ServiceKind::Table {
                assert_eq!(json_of(reply).await["odata.error"]["code"], "ServerBusy");
            } else {
                assert_eq!(reply.headers()["content-type"], "application/xml");
                let body = reply.text().await.unwrap();
                assert!(body.contains("<Code>ServerBusy</Code>"), "{body}");
            }
            assert_eq!(world.counts(), (1, 1));
        }
        world.emulator.disarm_all();
        assert_eq!(world.stored("each").await, None);
        assert!(world.queued().await.is_empty());
        assert_eq!(send(world.get_entity("each")).await.status(), 404);
    })
    .await;
}

#[tokio::test]
async fn a_status_says_what_the_rule_says() {
    on_each_storage(async |world| {
        world.emulator.arm(on(
            Op::PutMessage,
            Fault::Status {
                status: 429,
                retry_after: Some(7),
                code: Some("TooManyRequests".to_owned()),
                body: Some("slow down".to_owned()),
            },
        ));
        let reply = send(world.put_message("x")).await;
        assert_eq!(reply.status(), 429);
        assert_eq!(reply.headers()["retry-after"], "7");
        assert_eq!(reply.headers()["x-ms-error-code"], "TooManyRequests");
        assert_eq!(reply.text().await.unwrap(), "slow down");
    })
    .await;
}

#[tokio::test]
async fn a_large_body_is_taken_in_before_the_answer() {
    let world = World::start(Default::default()).await;
    world.emulator.arm(on(Op::PutBlob, Fault::status(500)));
    let reply = send(world.put_blob("large", vec![1; 32 << 20])).await;
    assert_eq!(reply.status(), 500);
    assert_eq!(reply.headers()["x-ms-error-code"], "InternalError");
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_cut_before_or_during_the_request_does_nothing() {
    on_each_storage(async |world| {
        for point in [
            CutPoint::Before,
            CutPoint::During { bytes: 0 },
            CutPoint::During { bytes: 100_000 },
            CutPoint::During { bytes: u64::MAX },
        ] {
            for (service, request) in world.one_of_each().into_iter().take(3) {
                world
                    .emulator
                    .arm(once(FaultRule::new(service, Fault::Cut(point))));
                cut(request).await;
            }
            world.emulator.arm(once(on(Op::PutBlob, Fault::Cut(point))));
            cut(world.put_blob("large", vec![1; 8 << 20])).await;
        }
        assert_eq!(world.stored("each").await, None);
        assert_eq!(world.stored("large").await, None);
        assert!(world.queued().await.is_empty());
        assert_eq!(send(world.get_entity("each")).await.status(), 404);
    })
    .await;
}

#[tokio::test]
async fn a_cut_after_the_request_has_done_it() {
    on_each_storage(async |world| {
        for (service, request) in world.one_of_each().into_iter().take(3) {
            world
                .emulator
                .arm(once(FaultRule::new(service, Fault::Cut(CutPoint::After))));
            cut(request).await;
        }
        assert_eq!(world.stored("each").await.as_deref(), Some("x"));
        assert_eq!(world.queued().await, ["x"]);
        assert_eq!(send(world.get_entity("each")).await.status(), 200);
    })
    .await;
}

#[tokio::test]
async fn a_late_answer_is_the_answer() {
    on_each_storage(async |world| {
        world
            .emulator
            .arm(on(Op::PutBlob, Fault::Late { millis: 20 }));
        assert_eq!(send(world.put_blob("late", "x")).await.status(), 201);
        assert_eq!(world.stored("late").await.as_deref(), Some("x"));
    })
    .await;
}

/// A client that gives up when the rule has fired, which is when its request has arrived.
async fn give_up(world: &World, request: reqwest::RequestBuilder) {
    let fired = async {
        while world.counts().1 == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        reply = request.send() => panic!("{reply:?}"),
        () = fired => {}
    }
}

#[tokio::test]
async fn a_late_answer_comes_after_the_request_was_done() {
    on_each_storage(async |world| {
        world
            .emulator
            .arm(once(on(Op::PutBlob, Fault::Late { millis: 3_600_000 })));
        let late = world.put_blob("late", "x").send();
        let done = async { while world.stored("late").await.is_none() {} };
        tokio::select! {
            reply = late => panic!("{reply:?}"),
            () = done => {}
        }
    })
    .await;
}

#[tokio::test]
async fn a_held_answer_comes_when_its_rule_is_disarmed() {
    on_each_storage(async |world| {
        let first = world.emulator.arm(once(on(Op::PutBlob, Fault::Hold)));
        let second = world.emulator.arm(once(on(Op::PutBlob, Fault::Hold)));
        let disarm = async |id: u64| {
            let rule = world.service(&format!("/emulator/v1/faults/{id}"));
            send(world.http.delete(rule)).await.status()
        };
        let mut held = Box::pin(world.put_blob("first", "x").send());
        let done = async { while world.stored("first").await.is_none() {} };
        tokio::select! {
            reply = &mut held => panic!("{reply:?}"),
            () = done => {}
        }
        let mut later = Box::pin(world.put_blob("second", "y").send());
        let done = async { while world.stored("second").await.is_none() {} };
        tokio::select! {
            reply = &mut held => panic!("{reply:?}"),
            reply = &mut later => panic!("{reply:?}"),
            () = done => {}
        }
        assert_eq!(disarm(first).await, 204);
        tokio::select! {
            reply = &mut later => panic!("{reply:?}"),
            reply = &mut held => assert_eq!(reply.unwrap().status(), 201),
        }
        assert_eq!(disarm(second).await, 204);
        assert_eq!(later.await.unwrap().status(), 201);
    })
    .await;
}

#[tokio::test]
async fn a_stalled_request_is_done_only_when_the_rule_says_so() {
    on_each_storage(async |world| {
        world.emulator.arm(on(
            Op::PutBlob,
            Fault::Stall {
                when: StallPoint::Before,
            },
        ));
        give_up(world, world.put_blob("stalled", "x")).await;
        world.emulator.disarm_all();
        assert_eq!(world.stored("stalled").await, None);
        world.emulator.arm(on(
            Op::PutBlob,
            Fault::Stall {
                when: StallPoint::After,
            },
        ));
        let stalled = world.put_blob("stalled", "x").send();
        let done = async { while world.stored("stalled").await.is_none() {} };
        tokio::select! {
            reply = stalled => panic!("{reply:?}"),
            () = done => {}
        }
    })
    .await;
}

#[tokio::test]
async fn stalled_and_late_requests_do_not_hold_the_end() {
    let world = World::start(Default::default()).await;
    let rules = [
        Fault::Stall {
            when: StallPoint::Before,
        },
        Fault::Stall {
            when: StallPoint::After,
        },
        Fault::Late { millis: 3_600_000 },
        Fault::Hold,
    ];
    let mut requests = Vec::new();
    for fault in rules {
        world.emulator.arm(once(on(Op::PutBlob, fault)));
        let request = world.put_blob("x", "x").timeout(Duration::from_secs(600));
        requests.push(tokio::spawn(request.send()));
    }
    while world.emulator.faults().iter().any(|rule| rule.fired == 0) {
        tokio::task::yield_now().await;
    }
    world.emulator.shutdown().await;
    let mut answered = 0;
    for request in requests {
        answered += u32::from(
            request
                .await
                .unwrap()
                .is_ok_and(|reply| reply.status() == 201),
        );
    }
    assert_eq!(answered, 2, "the late one and the held one");
}

#[tokio::test]
async fn garbage_is_a_success_without_sense() {
    on_each_storage(async |world| {
        for (service, request) in world.one_of_each().into_iter().take(3) {
            world
                .emulator
                .arm(once(FaultRule::new(service, Fault::Garbage)));
            let reply = send(request).await;
            assert_eq!(reply.status(), 201, "{service:?}");
            assert!(!reply.headers().contains_key("x-ms-request-id"));
            assert!(!reply.headers().contains_key("etag"));
            assert!(reply.text().await.unwrap().starts_with("<html>"));
        }
        assert_eq!(world.stored("each").await, None);
        assert!(world.queued().await.is_empty());
        world.emulator.arm(once(on(Op::GetBlob, Fault::Garbage)));
        assert_eq!(send(world.get_blob("each")).await.status(), 200);
    })
    .await;
}

/// Without what depends on the time of the request.
fn timeless(body: &str) -> String {
    body.replace(|c: char| c.is_ascii_digit(), "0")
}

#[tokio::test]
async fn signatures_are_refused_as_wrong_ones_are() {
    on_each_storage(async |world| {
        for (fault, detail) in [
            (
                Fault::ExpiredSas,
                "Signature not valid in the specified time frame",
            ),
            (Fault::WrongSas, "Signature did not match"),
        ] {
            for (service, request) in world.one_of_each().into_iter().take(3) {
                world
                    .emulator
                    .arm(once(FaultRule::new(service, fault.clone())));
                let reply = send(request).await;
                assert_eq!(reply.status(), 403, "{service:?}");
                assert_eq!(reply.headers()["x-ms-error-code"], "AuthenticationFailed");
                let body = reply.text().await.unwrap();
                assert!(body.contains(detail), "{body}");
            }
        }
        assert_eq!(world.stored("each").await, None);
    })
    .await;
}

#[tokio::test]
async fn an_expired_signature_reads_as_a_really_expired_one() {
    on_each_storage(async |world| {
        world.emulator.arm(once(on(Op::GetBlob, Fault::ExpiredSas)));
        let played = send(world.get_blob("b")).await.text().await.unwrap();
        world
            .refused(send(world.get_blob("b")).await, 404, "BlobNotFound")
            .await;
        if world.built_in {
            // The signatures of these tests are valid for ten years.
            world
                .clock
                .advance(Duration::from_secs(11 * 366 * 24 * 3600));
            let real = send(world.get_blob("b")).await.text().await.unwrap();
            assert_eq!(timeless(&played), timeless(&real));
        }
    })
    .await;
}

#[tokio::test]
async fn a_block_list_is_refused_and_commits_nothing() {
    on_each_storage(async |world| {
        world
            .emulator
            .arm(once(on(Op::PutBlockList, Fault::InvalidBlockList)));
        assert_eq!(send(world.put_block("b", "AAAA")).await.status(), 201);
        let refused = send(world.put_block_list("b", "AAAA")).await;
        assert_eq!(refused.status(), 400);
        assert_eq!(refused.headers()["x-ms-error-code"], "InvalidBlockList");
        assert!(refused.text().await.unwrap().contains("InvalidBlockList"));
        assert_eq!(world.stored("b").await, None);
        assert_eq!(send(world.put_block_list("b", "AAAA")).await.status(), 201);
        assert_eq!(world.stored("b").await.as_deref(), Some("block"));
    })
    .await;
}
