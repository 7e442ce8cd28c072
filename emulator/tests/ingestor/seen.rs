//! What the control endpoints show of ingestions, and the end of their waiting.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::bench::{DATABASE, NEVER, QUICKLY, on_each_storage};

fn state(work: &Json) -> &str {
    work["ingestions"][0]["state"].as_str().unwrap_or_default()
}

/// How many messages the queues hold together.
fn queued(work: &Json) -> u64 {
    let queues = work["queues"].as_array().unwrap();
    queues
        .iter()
        .map(|queue| queue["messages"].as_u64().unwrap())
        .sum()
}

#[tokio::test]
async fn an_ingestion_is_seen_waiting_and_flushed() {
    on_each_storage(NEVER, async |bench| {
        bench.table("T", "n:long, s:string");
        bench.mapping("T", "csv", "m", r#"[{"Column":"n","Ordinal":0}]"#);
        let source = bench.source("T", "rows.csv", "1,a\n2,b\n").await;
        let source = source.property("ingestionMappingReference", "m");
        bench.post(&source.with("RawDataSize", 8)).await;
        let waits = |work: &Json| work["batches"][0]["sources"] == 1;
        let work = bench.seen("ingestions", waits).await;
        assert_eq!((state(&work), queued(&work)), ("Waiting", 1));
        let batch = &work["batches"][0];
        assert_eq!(batch["table"], "T");
        assert_eq!(
            (&batch["format"], &batch["mapping"]),
            (&json!("csv"), &json!("m"))
        );
        assert_eq!(batch["rawDataSize"], 8);
        assert!(batch["dueInMillis"].as_u64().unwrap() > 60_000);

        assert_eq!(bench.control(Method::POST, "flush").await.0, 204);
        let news = format!("ingestions?after={}", work["changed"]);
        let work = bench.seen(&news, |work| state(work) == "Succeeded").await;
        assert_eq!(work["ingestions"][0]["rows"], 2);
        assert_eq!(work["batches"], json!([]));
        bench.seen("ingestions", |work| queued(work) == 0).await;
        let nothing_new = format!("ingestions?after={}", work["changed"]);
        let (_, work) = bench.control(Method::GET, &nothing_new).await;
        assert_eq!(work["ingestions"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_seen_with_its_reason_and_no_secret() {
    on_each_storage(QUICKLY, async |bench| {
        bench
            .post(&bench.source("Nowhere", "a.csv", "1").await)
            .await;
        let failed = |work: &Json| state(work) == "Failed";
        let work = bench.seen("ingestions", failed).await;
        let failure = &work["ingestions"][0];
        assert_eq!(failure["errorCode"], "BadRequest_TableNotExist");
        assert!(failure["details"].as_str().unwrap().contains("Nowhere"));
        assert_eq!(failure["rows"], Json::Null);
        assert!(failure.get("message").is_none());

        let path = format!("ingestions/{}", failure["number"]);
        let (status, whole) = bench.control(Method::GET, &path).await;
        assert_eq!((status, &whole["state"]), (200, &failure["state"]));
        assert_eq!(whole["message"]["TableName"], "Nowhere");
        let token = bench.engine().data_management().identity_token();
        let text = whole.to_string();
        assert!(!text.contains("sig=") && !text.contains(&token), "{text}");
    })
    .await;
}

#[tokio::test]
async fn tables_are_shown_with_rows_and_columns() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long, s:string");
        bench.mapping("T", "csv", "m", "[]");
        let source = bench.source("T", "rows.csv", "1,a\n2,b\n").await;
        bench.ingest(&source).await;
        let (_, shown) = bench.control(Method::GET, "tables").await;
        assert_eq!(
            shown,
            json!({ "databases": [{ "name": DATABASE, "tables": [{
                "name": "T", "rows": 2, "folder": "", "docString": "",
                "columns": [{ "name": "n", "type": "long" }, { "name": "s", "type": "string" }],
                "mappings": [{ "kind": "csv", "name": "m" }],
            }] }] })
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    on_each_storage(QUICKLY, async |bench| {
        for (path, status) in [
            ("ingestions/1", 404),
            ("ingestions/x", 404),
            ("ingestions?after=x", 400),
            ("ingestions?before=1", 400),
            ("flush", 405),
        ] {
            assert_eq!(bench.control(Method::GET, path).await.0, status, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_streamed_and_what_a_command_names_are_seen_too() {
    on_each_storage(NEVER, async |bench| {
        bench.table("T", "n:long, s:string");
        bench
            .command(".alter table T policy streamingingestion enable")
            .await;
        let target = format!("{DATABASE}/T?streamFormat=Csv");
        bench.stream(&target, None, "1,a\n2,b\n").await;
        bench
            .stream(&format!("{target}&mappingName=m"), None, "1,a")
            .await;
        let blob = bench.source("T", "rows.csv", "3,c\n").await.blob;
        for table in ["T", "Nope"] {
            let text = format!(".ingest into table {table} ('{blob}') with (format='csv')");
            bench.answer(&text).await;
        }
        let (_, work) = bench.control(Method::GET, "ingestions").await;
        let shown = |one: &Json| {
            ["table", "format", "state", "rows", "errorCode"].map(|member| one[member].clone())
        };
        let all: Vec<_> = work["ingestions"].as_array().unwrap().iter().collect();
        let found: Vec<_> = all.iter().map(|one| shown(one)).collect();
        let missing = "BadRequest_MappingReferenceWasNotFound";
        assert_eq!(
            json!(found),
            json!([
                ["T", "csv", "Succeeded", 2, null],
                ["T", "csv", "Failed", null, missing],
                ["T", "csv", "Succeeded", 1, null],
                ["Nope", "csv", "Failed", null, "BadRequest_TableNotExist"],
            ])
        );
        assert_eq!(all[0]["source"], "(streamed)");
        assert_eq!(all[2]["source"], blob.as_str().split('?').next().unwrap());
        let (_, whole) = bench.control(Method::GET, "ingestions/3").await;
        assert_eq!(whole["message"]["format"], "csv");
        assert!(!whole.to_string().contains("sig="), "{whole}");
    })
    .await;
}
