//! The control endpoints, as a program in any language uses them.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::common::World;
use crate::requests::{cut, json_of, send};

impl World {
    async fn control(&self, method: Method, path: &str, body: Option<Json>) -> (u16, Json) {
        let url = self.service(&format!("/emulator/v1/{path}"));
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = send(request).await;
        let status = reply.status().as_u16();
        let text = reply.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Json::Null))
    }

    async fn arm(&self, rule: Json) -> (u16, Json) {
        self.control(Method::POST, "faults", Some(rule)).await
    }
}

#[tokio::test]
async fn rules_are_armed_shown_and_disarmed() {
    let world = World::start(Default::default()).await;
    let busy = json!({
        "service": "blob", "operation": "PutBlob", "account": "kustoemu1", "resource": "landing", "skip": 0, "times": 1,
        "fault": { "kind": "status", "status": 503, "retryAfter": 1, "code": "ServerBusy", "body": "busy" },
    });
    let cut_off =
        json!({ "service": "queue", "fault": { "kind": "cut", "when": "during", "bytes": 9 } });
    assert_eq!(world.arm(busy.clone()).await, (201, json!({ "id": 1 })));
    assert_eq!(world.arm(cut_off).await, (201, json!({ "id": 2 })));
    assert_eq!(send(world.put_blob("a", "x")).await.status(), 503);
    assert_eq!(send(world.put_blob("a", "x")).await.status(), 201);
    cut(world.put_message("x")).await;
    let (status, shown) = world.control(Method::GET, "faults", None).await;
    assert_eq!(status, 200);
    let shown_cut = json!({
        "service": "queue", "skip": 0, "times": null,
        "fault": { "kind": "cut", "when": "during", "bytes": 9 },
    });
    assert_eq!(
        shown,
        json!([
            { "id": 1, "rule": busy, "matched": 2, "fired": 1 },
            { "id": 2, "rule": shown_cut, "matched": 1, "fired": 1 },
        ])
    );
    let delete = |path: &'static str| world.control(Method::DELETE, path, None);
    assert_eq!(delete("faults/2").await.0, 204);
    assert_eq!(delete("faults/2").await.0, 404);
    assert_eq!(send(world.put_message("x")).await.status(), 201);
    assert_eq!(delete("faults").await.0, 204);
    let (_, shown) = world.control(Method::GET, "faults", None).await;
    assert_eq!(shown, json!([]));
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn every_fault_is_shown_as_it_was_armed() {
    let world = World::start(Default::default()).await;
    for fault in [
        json!({ "kind": "status", "status": 500 }),
        json!({ "kind": "cut", "when": "before" }),
        json!({ "kind": "cut", "when": "during", "bytes": 1 }),
        json!({ "kind": "cut", "when": "after" }),
        json!({ "kind": "late", "millis": 5 }),
        json!({ "kind": "hold" }),
        json!({ "kind": "stall", "when": "before" }),
        json!({ "kind": "stall", "when": "after" }),
        json!({ "kind": "garbage" }),
        json!({ "kind": "expiredSas" }),
        json!({ "kind": "wrongSas" }),
        json!({ "kind": "invalidBlockList" }),
    ] {
        let rule = json!({
            "service": "blob", "operation": "PutBlockList", "skip": 3, "times": null, "fault": fault,
        });
        assert_eq!(world.arm(rule.clone()).await.0, 201, "{fault}");
        let (_, shown) = world.control(Method::GET, "faults", None).await;
        assert_eq!(shown[0]["rule"], rule);
        world.emulator.disarm_all();
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn wrong_rules_are_refused_by_the_name_of_the_field() {
    let world = World::start(Default::default()).await;
    let rule = |field: &str, value: Json| {
        let mut rule = json!({ "service": "blob", "fault": { "kind": "garbage" } });
        rule[field] = value;
        rule
    };
    let fault = |fault: Json| rule("fault", fault);
    let of = |service: &str, field: &str, value: &str| json!({ "service": service, field: value, "fault": { "kind": "garbage" } });
    for (wrong, field) in [
        (json!([]), "rule"),
        (json!({ "fault": { "kind": "garbage" } }), "service"),
        (json!({ "service": "blob" }), "fault"),
        (rule("service", json!("disk")), "service"),
        (rule("service", json!(1)), "service"),
        (rule("operation", json!("PutPage")), "operation"),
        (rule("operation", json!("PutMessage")), "operation"),
        (rule("command", json!(".show")), "command"),
        (rule("account", json!(1)), "account"),
        (rule("resource", json!([])), "resource"),
        (rule("skip", json!(-1)), "skip"),
        (rule("skip", json!("1")), "skip"),
        (rule("times", json!(0)), "times"),
        (rule("times", json!(1.5)), "times"),
        (rule("time", json!(1)), "time"),
        (of("mgmt", "operation", "PutBlob"), "operation"),
        (of("query", "account", "a"), "account"),
        (of("metadata", "resource", "r"), "resource"),
        (of("metadata", "command", ".show"), "command"),
        (fault(json!("cut")), "fault"),
        (fault(json!({})), "fault.kind"),
        (fault(json!({ "kind": "explode" })), "fault.kind"),
        (fault(json!({ "kind": "status" })), "fault.status"),
        (
            fault(json!({ "kind": "status", "status": 200 })),
            "fault.status",
        ),
        (
            fault(json!({ "kind": "status", "status": 600 })),
            "fault.status",
        ),
        (
            fault(json!({ "kind": "status", "status": 500, "retryAfter": -1 })),
            "fault.retryAfter",
        ),
        (
            fault(json!({ "kind": "status", "status": 500, "code": "a\nb" })),
            "fault.code",
        ),
        (
            fault(json!({ "kind": "status", "status": 500, "body": {} })),
            "fault.body",
        ),
        (
            fault(json!({ "kind": "status", "status": 500, "when": "after" })),
            "fault.when",
        ),
        (fault(json!({ "kind": "cut" })), "fault.when"),
        (
            fault(json!({ "kind": "cut", "when": "never" })),
            "fault.when",
        ),
        (
            fault(json!({ "kind": "cut", "when": "during" })),
            "fault.bytes",
        ),
        (
            fault(json!({ "kind": "cut", "when": "after", "bytes": 1 })),
            "fault.bytes",
        ),
        (fault(json!({ "kind": "late" })), "fault.millis"),
        (rule("insist", json!(true)), "insist"),
        (rule("insist", json!("often")), "insist"),
        (
            fault(json!({ "kind": "hold", "millis": 1 })),
            "fault.millis",
        ),
        (
            fault(json!({ "kind": "stall", "when": "during" })),
            "fault.when",
        ),
        (fault(json!({ "kind": "invalidBlockList" })), "operation"),
        (
            json!({ "service": "mgmt", "fault": { "kind": "wrongSas" } }),
            "fault.kind",
        ),
        (
            fault(json!({ "kind": "kusto", "status": 400 })),
            "fault.kind",
        ),
        (
            json!({ "service": "ingest", "fault": { "kind": "kusto", "status": 200 } }),
            "fault.status",
        ),
        (
            json!({ "service": "ingest", "fault": { "kind": "kusto", "status": 400, "failureCode": true } }),
            "fault.failureCode",
        ),
        (of("blob", "database", "D"), "database"),
        (of("mgmt", "table", "T"), "table"),
        (
            json!({ "service": "query", "attempt": 1, "fault": { "kind": "garbage" } }),
            "attempt",
        ),
    ] {
        let (status, reply) = world.arm(wrong.clone()).await;
        assert_eq!(status, 400, "{wrong}");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("{field}: ")),
            "{wrong}: {message}"
        );
    }
    let no_json = world.http.post(world.service("/emulator/v1/faults"));
    assert_eq!(send(no_json.body("{")).await.status(), 400);
    assert!(world.emulator.faults().is_empty());
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let world = World::start(Default::default()).await;
    for (method, path, status) in [
        (Method::PUT, "faults", 405),
        (Method::GET, "faults/1", 405),
        (Method::POST, "traffic", 405),
        (Method::POST, "messages", 405),
        (Method::DELETE, "faults/one", 404),
        (Method::GET, "rules", 404),
    ] {
        let (answered, _) = world.control(method.clone(), path, None).await;
        assert_eq!(answered, status, "{method} {path}");
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn the_demanded_token_guards_the_rules() {
    let world = World::start(kusto_emulator::Options {
        required_token: Some("secret".into()),
        ..Default::default()
    })
    .await;
    let rule = json!({ "service": "blob", "fault": { "kind": "garbage" } });
    assert_eq!(world.arm(rule.clone()).await.0, 401);
    let url = world.service("/emulator/v1/faults");
    let allowed = world.http.post(url).bearer_auth("secret").json(&rule);
    assert_eq!(json_of(send(allowed).await).await, json!({ "id": 1 }));
    world.emulator.shutdown().await;
}
