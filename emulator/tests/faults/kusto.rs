//! What a client of the engine and of data management sees of each fault, and what was done.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use kusto_emulator::{CutPoint, Fault, FaultRule, Options, ServiceKind, StallPoint};
use reqwest::RequestBuilder;
use serde_json::{Value as Json, json};

use crate::common::World;
use crate::requests::{cut, json_of, once, send};

const SERVICES: [ServiceKind; 3] = [ServiceKind::Mgmt, ServiceKind::Query, ServiceKind::Metadata];

impl World {
    fn to_service(&self, service: ServiceKind) -> RequestBuilder {
        match service {
            ServiceKind::Mgmt => self.ask("mgmt", ".create table T (a:long)"),
            ServiceKind::Query => self.ask("query", "print 1"),
            _ => self.metadata(),
        }
    }

    async fn has_table(&self) -> bool {
        let reply = send(self.ask("mgmt", ".show tables")).await;
        json_of(reply).await["Tables"][0]["Rows"] != json!([])
    }
}

async fn start() -> World {
    World::start(Options {
        cluster_metadata: true,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn a_status_says_whether_it_is_permanent() {
    let world = start().await;
    for service in [ServiceKind::Mgmt, ServiceKind::Query] {
        for (status, permanent) in [
            (400, true),
            (401, true),
            (403, true),
            (404, true),
            (408, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            world
                .emulator
                .arm(once(FaultRule::new(service, Fault::status(status))));
            let reply = send(world.to_service(service)).await;
            assert_eq!(reply.status(), status);
            let error = &json_of(reply).await["error"];
            assert_eq!(error["@permanent"], permanent, "{status}");
            assert!(error["code"].is_string() && error["@message"].is_string());
        }
    }
    assert!(!world.has_table().await);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_status_says_what_the_rule_says() {
    let world = start().await;
    for service in SERVICES {
        let fault = |code: Option<&str>, body: Option<&str>| Fault::Status {
            status: 503,
            retry_after: Some(3),
            code: code.map(str::to_owned),
            body: body.map(str::to_owned),
        };
        world
            .emulator
            .arm(once(FaultRule::new(service, fault(Some("Busy"), None))));
        world
            .emulator
            .arm(once(FaultRule::new(service, fault(None, Some("busy")))));
        let coded = send(world.to_service(service)).await;
        assert_eq!(coded.headers()["retry-after"], "3");
        let text = coded.text().await.unwrap();
        if service == ServiceKind::Metadata {
            assert_eq!(text, "");
        } else {
            let error: Json = serde_json::from_str(&text).unwrap();
            assert_eq!(error["error"]["code"], "Busy");
        }
        assert_eq!(
            send(world.to_service(service)).await.text().await.unwrap(),
            "busy"
        );
        assert_eq!(send(world.to_service(service)).await.status(), 200);
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_cut_leaves_no_answer() {
    let world = start().await;
    for point in [CutPoint::Before, CutPoint::During { bytes: 5 }] {
        for service in SERVICES {
            world
                .emulator
                .arm(once(FaultRule::new(service, Fault::Cut(point))));
            cut(world.to_service(service)).await;
        }
        assert!(!world.has_table().await, "{point:?}");
    }
    for service in SERVICES {
        world
            .emulator
            .arm(once(FaultRule::new(service, Fault::Cut(CutPoint::After))));
        cut(world.to_service(service)).await;
    }
    assert!(world.has_table().await);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_late_answer_is_the_answer() {
    let world = start().await;
    for service in SERVICES {
        let late = FaultRule::new(service, Fault::Late { millis: 10 });
        world.emulator.arm(once(late));
        assert_eq!(send(world.to_service(service)).await.status(), 200);
    }
    assert!(world.emulator.faults().iter().all(|rule| rule.fired == 1));
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_held_answer_is_the_answer() {
    let world = start().await;
    for service in SERVICES {
        world
            .emulator
            .arm(once(FaultRule::new(service, Fault::Hold)));
        let fired = async {
            while world.counts().1 == 0 {
                tokio::task::yield_now().await;
            }
            world.emulator.disarm_all();
        };
        let (reply, ()) = tokio::join!(send(world.to_service(service)), fired);
        assert_eq!(reply.status(), 200);
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_stall_never_answers() {
    let world = start().await;
    for (when, done) in [(StallPoint::Before, false), (StallPoint::After, true)] {
        for service in SERVICES {
            world.emulator.disarm_all();
            world
                .emulator
                .arm(once(FaultRule::new(service, Fault::Stall { when })));
            let fired = async {
                while world.counts().1 == 0 || done && !world.has_table().await {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                reply = world.to_service(service).send() => panic!("{reply:?}"),
                () = fired => {}
            }
            assert_eq!(world.has_table().await, done, "{service:?}");
        }
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn garbage_is_a_success_without_sense() {
    let world = start().await;
    for service in SERVICES {
        world
            .emulator
            .arm(once(FaultRule::new(service, Fault::Garbage)));
        let reply = send(world.to_service(service)).await;
        assert_eq!(reply.status(), 200);
        assert!(reply.text().await.unwrap().starts_with("<html>"));
    }
    assert!(!world.has_table().await);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_compressed_command_is_matched_too() {
    let world = start().await;
    world.emulator.arm(FaultRule {
        command: Some(".show".to_owned()),
        ..FaultRule::new(ServiceKind::Mgmt, Fault::status(418))
    });
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(br#"{"db":"NetDefaultDB","csl":".show version"}"#)
        .unwrap();
    let request = world
        .http
        .post(world.service("/v1/rest/mgmt"))
        .header("content-encoding", "gzip")
        .body(encoder.finish().unwrap());
    assert_eq!(send(request).await.status(), 418);
    world.emulator.shutdown().await;
}
