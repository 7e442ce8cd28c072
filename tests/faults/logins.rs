//! Faults of logins: every one at every step, of the first login and of a renewal.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use kusto_emulator::{FaultRule, Options};
use kusto_ingest::auth::{ApplicationKey, DeviceCode, Prompted, TokenCredential};
use kusto_ingest::prelude::*;
use serde_json::{Value, json};

use crate::bed::{Bed, DATABASE};
use crate::support;

const APP: &str = "22222222-2222-2222-2222-222222222222";
const SECRET: &str = "secret1";
/// Of calls that only it can end.
const DEADLINE: Duration = Duration::from_secs(2);

/// The steps: their names, and the requests that a rule hits.
const STEPS: [(&str, &str, Option<&str>); 3] = [
    ("metadata", "metadata", None),
    ("token", "entra", Some("client_credentials")),
    ("device code", "entra", Some("devicecode")),
];

fn faults() -> Vec<(&'static str, Value)> {
    vec![
        ("cut before", json!({"kind": "cut", "when": "before"})),
        ("cut after", json!({"kind": "cut", "when": "after"})),
        ("silent", json!({"kind": "stall", "when": "before"})),
        (
            "429+",
            json!({"kind": "status", "status": 429, "retryAfter": 1}),
        ),
        ("503", json!({"kind": "status", "status": 503})),
        (
            "HTML",
            json!({"kind": "status", "status": 502, "body": "<html>Bad Gateway</html>"}),
        ),
        ("garbage", json!({"kind": "garbage"})),
        ("late", json!({"kind": "late", "millis": 50})),
    ]
}

fn rule(step: (&str, &str, Option<&str>), fault: &Value, times: Option<u32>) -> FaultRule {
    let mut rule = json!({"service": step.1, "fault": fault});
    if let Some(command) = step.2 {
        rule["command"] = command.into();
    }
    if let Some(times) = times {
        rule["times"] = times.into();
    }
    serde_json::from_value(rule).unwrap()
}

async fn bed() -> Bed {
    let options = Options {
        entra: true,
        ..support::quick()
    };
    Bed::with(options).await
}

fn client(bed: &Bed, step: &str) -> Client {
    let login: Arc<dyn TokenCredential> = match step {
        "device code" => {
            Arc::new(DeviceCode::new(|_| Ok(Prompted::Shown)).with_tenant("contoso.test"))
        }
        _ => Arc::new(ApplicationKey::new(APP, SECRET).with_tenant("contoso.test")),
    };
    support::client_of(&bed.emulator)
        .credential(login)
        .build()
        .unwrap()
}

async fn ask(client: &Client, deadline: Duration) -> Result<(), Error> {
    let none = RequestProperties::new();
    let options = CallOptions::new().with_timeout(deadline);
    let answer = client.query(DATABASE, "print 1", &none, options).await;
    answer.map(drop)
}

/// How the first call ends whose login meets the fault, once or for ever.
async fn first(
    step: (&str, &str, Option<&str>),
    fault: &(&str, Value),
    times: Option<u32>,
) -> String {
    let bed = bed().await;
    let id = bed.emulator.arm(rule(step, &fault.1, times));
    let client = client(&bed, step.0);
    let deadline = match fault.0 {
        "silent" => DEADLINE,
        _ => crate::bed::WATCHDOG,
    };
    let approved = approve(&bed, step.0);
    let ended = tokio::select! {
        ended = ask(&client, deadline) => ended,
        () = approved => unreachable!("it never ends"),
    };
    assert!(bed.report(id).fired > 0, "{} {}: not met", step.0, fault.0);
    let Err(error) = ended else {
        return "ok".to_owned();
    };
    let text = format!("{error} {error:?}");
    assert!(!text.contains(SECRET), "{text}");
    assert!(!error.is_in_doubt(), "{text}");
    assert!(!error.is_permanent(), "{} {}: {text}", step.0, fault.0);
    format!("`{}`", error.kind().name())
}

/// The user of a device, who approves whatever waits.
async fn approve(bed: &Bed, step: &str) {
    if step == "device code" {
        bed.approve_devices().await;
    }
    std::future::pending::<()>().await;
}

/// A renewal meets the fault while the token is still good: no call shows it.
async fn renewal(step: (&str, &str, Option<&str>), fault: &(&str, Value)) {
    let bed = bed().await;
    bed.change_tokens(json!({"refreshSeconds": 1})).await;
    let client = client(&bed, step.0);
    ask(&client, crate::bed::WATCHDOG).await.unwrap();
    let id = bed.emulator.arm(rule(step, &fault.1, None));
    // One of these begins the renewal, and none waits for it.
    let met = async {
        while bed.report(id).fired == 0 {
            ask(&client, crate::bed::WATCHDOG).await.unwrap();
        }
    };
    let met = tokio::time::timeout(crate::bed::WATCHDOG, met).await;
    assert!(met.is_ok(), "{} {}: not renewed", step.0, fault.0);
    ask(&client, crate::bed::WATCHDOG).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_login_is_told_or_survived() {
    let mut cases = Vec::new();
    for step in STEPS {
        for fault in faults() {
            let name = format!("| {} | {} |", step.0, fault.0);
            let ended = tokio::spawn(async move {
                tokio::join!(first(step, &fault, Some(1)), first(step, &fault, None))
            });
            cases.push((name, ended));
        }
    }
    let mut table = String::from("| Step | Fault | once | everywhere |\n|---|---|---|---|\n");
    for (name, ended) in cases {
        let (once, always) = ended.await.unwrap();
        writeln!(table, "{name} {once} | {always} |").unwrap();
    }
    println!("{table}");
    match std::env::var_os("KUSTO_FAULTS_LOGINS") {
        Some(file) => std::fs::write(file, table).unwrap(),
        None => assert!(
            crate::matrix::committed_table().contains(&table),
            "docs/FAULTS.md is not current: run `cargo xtask faults`"
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_is_invisible_while_the_token_is_good() {
    let renewals = faults()
        .into_iter()
        .map(|fault| tokio::spawn(async move { renewal(STEPS[1], &fault).await }));
    for renewed in renewals.collect::<Vec<_>>() {
        renewed.await.unwrap();
    }
}
