//! Operations and reports, and what is left behind.

use std::task::Poll;

use serde_json::json;

use crate::bench::{self, DATABASE, NEVER, QUICKLY, on_each_storage, rows};
use crate::{assert_failed, assert_succeeded};

#[tokio::test]
async fn an_operation_is_recorded_for_a_batch() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        let source = bench.source("T", "a.csv", "1").await;
        let outcome = bench.ingest(&source).await;
        let operations = bench.engine().operations();
        let operation = operations.last().unwrap();
        assert_eq!(outcome["OperationId"], operation.operation_id.to_string());
        assert_eq!(operation.operation, "DataIngestPull");
        assert_eq!(operation.state, "Completed");
        assert_eq!(
            (operation.database.as_str(), operation.table.as_str()),
            (DATABASE, "T")
        );
        for member in [
            "Database",
            "Table",
            "SucceededOn",
            "IngestionSourcePath",
            "RootActivityId",
        ] {
            assert!(outcome[member].is_string(), "{outcome}");
        }
    })
    .await;
}

#[tokio::test]
async fn sources_of_one_batch_have_outcomes_of_their_own() {
    on_each_storage(NEVER, async |mut bench| {
        bench.table("T", "n:long");
        let good = bench.source("T", "a.csv", "1").await;
        let bad = bench.source("T", "b.csv", "\"1").await;
        let last = bench
            .source("T", "c.csv", "3")
            .await
            .with("FlushImmediately", true);
        for source in [&good, &bad, &last] {
            bench.post(source).await;
        }
        assert_succeeded(&bench.outcome(good.id).await);
        assert_failed(&bench.outcome(bad.id).await, "Stream_ClosingQuoteMissing");
        assert_succeeded(&bench.outcome(last.id).await);
        let operations = bench.engine().operations();
        assert_eq!(operations.len(), 1);
        assert_eq!(operations[0].state, "PartiallySucceeded");
        assert_eq!(bench.rows("T").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_batch_closes_when_the_tables_policy_says_so() {
    on_each_storage(NEVER, async |mut bench| {
        for (table, policy, sources) in [
            ("Items", "{\"MaximumNumberOfItems\":3}", 3),
            ("Time", "{\"MaximumBatchingTimeSpan\":\"00:00:00.05\"}", 1),
            ("Size", "{\"MaximumRawDataSizeMB\":100}", 1),
        ] {
            bench.table(table, "n:long");
            let command =
                format!(".alter-merge table {table} policy ingestionbatching @'{policy}'");
            bench.command(&command).await;
            let mut ids = Vec::new();
            for _ in 0..sources {
                let source = bench.source(table, "a.csv", "1").await;
                let source = source.with("RawDataSize", 100 << 20);
                bench.post(&source).await;
                ids.push(source.id);
            }
            for id in ids {
                assert_succeeded(&bench.outcome(id).await);
            }
            let operations = bench.engine().operations();
            assert_eq!(operations.iter().filter(|o| o.table == table).count(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn reports_follow_the_level() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        let silent_failure = bench.source("T", "a.csv", "").await.with("ReportLevel", 1);
        let silent_success = bench.source("T", "b.csv", "1").await.with("ReportLevel", 0);
        bench.post(&silent_failure).await;
        bench.post(&silent_success).await;
        bench
            .until("both", |e| {
                (e.failures().len() == 1 && rows(e, "T").len() == 1).then_some(())
            })
            .await;
        let loud = bench
            .source("T", "c.csv", "")
            .await
            .with("ReportLevel", "FailuresOnly");
        assert_failed(&bench.ingest(&loud).await, "BadRequest_EmptyBlob");
        assert!(!bench.has_seen_report(silent_failure.id));
        assert!(!bench.has_seen_report(silent_success.id));
    })
    .await;
}

#[tokio::test]
async fn the_status_row_is_merged() {
    on_each_storage(QUICKLY, async |bench| {
    bench.table("T", "n:long");
    let table = bench.status_table();
    let source = bench
        .source("T", "a.csv", "1")
        .await
        .with("ReportMethod", 1);
    let key = source.id.to_string();
    bench
        .insert_row(&json!({"PartitionKey": key, "RowKey": "r", "Status": "Pending", "Mine": "kept", "UpdatedOn": "1"}))
        .await;
    let row = json!({"TableConnectionString": table.as_str(), "PartitionKey": key, "RowKey": "r"});
    bench
        .post(&source.with("IngestionStatusInTable", row))
        .await;
    let row = bench.final_row(&key, "r").await;
    assert_eq!(row["Status"], "Succeeded");
    assert_eq!(row["Mine"], "kept");
    assert_eq!(row["IngestionSourceId"], key);
    for column in ["UpdatedOn", "OperationId", "ActivityId"] {
        assert!(row[column].is_string(), "{row}");
    }
    assert_eq!(row["OriginatesFromUpdatePolicy"], false);
    })
    .await;
}

#[tokio::test]
async fn a_missing_status_row_is_inserted() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        // The table's URL without its name, and the keys in the Java SDK's case.
        let mut account = bench.status_table();
        account.set_path("");
        let source = bench
            .source("T", "a.csv", "")
            .await
            .with("ReportMethod", "QueueAndTable");
        let (id, key) = (source.id, source.id.to_string());
        let row =
            json!({"tableConnectionString": account.as_str(), "partitionKey": key, "rowKey": key});
        bench
            .post(&source.with("ingestionStatusInTable", row))
            .await;
        let row = bench.final_row(&key, &key).await;
        assert_eq!(row["Status"], "Failed");
        assert_eq!(row["ErrorCode"], "BadRequest_EmptyBlob");
        assert_eq!(row["FailureStatus"], "Permanent");
        assert_eq!(row["Details"], "The blob is empty.");
        assert_eq!(row["Database"], DATABASE);
        assert_failed(&bench.outcome(id).await, "BadRequest_EmptyBlob");
    })
    .await;
}

#[tokio::test]
async fn blobs_are_deleted_only_after_success_and_only_when_not_retained() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        for (content, retain, stays) in
            [("1", true, true), ("1", false, false), ("\"", false, true)]
        {
            let source = bench
                .source("T", "a.csv", content)
                .await
                .with("RetainBlobOnSuccess", retain);
            bench.ingest(&source).await;
            assert_eq!(
                bench.blob_exists(&source).await,
                stays,
                "{content} {retain}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn shutting_down_finishes_what_was_taken() {
    on_each_storage(NEVER, async |mut bench| {
        bench.table("Waiting", "n:long");
        bench.table("Flushed", "n:long");
        let waiting = bench.source("Waiting", "a.csv", "1").await;
        let flushed = bench
            .source("Flushed", "a.csv", "1")
            .await
            .with("FlushImmediately", true);
        bench.post(&waiting).await;
        // From the same queue, so the message before it has been taken as well.
        assert_succeeded(&bench.ingest(&flushed).await);
        assert!(bench.rows("Waiting").is_empty());
        let engine = bench.engine().clone();
        bench.emulator.shutdown().await;
        assert_eq!(rows(&engine, "Waiting").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn shutting_down_gives_up_on_a_source_that_does_not_answer() {
    on_each_storage(QUICKLY, async |bench| {
        bench.table("T", "n:long");
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let blob = format!("http://{}/c/b?sig=x", silent.local_addr().unwrap());
        let source = bench.source("T", "a.csv", "1").await;
        bench.post(&source.with("BlobPath", blob)).await;
        let _asked = silent.accept().await.unwrap();
        bench.emulator.shutdown().await;
        // The ingestor has not gone through all its attempts before it ended.
        let again = std::future::poll_fn(|context| Poll::Ready(silent.poll_accept(context))).await;
        assert!(again.is_pending());
    })
    .await;
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        let good = bench.source("T", "a.csv", "1").await.with("RetainBlobOnSuccess", false);
        assert_succeeded(&bench.ingest(&good).await);
        let bad = bench.source("T", "a.csv", "1").await;
        let row = json!({"TableConnectionString": "http://127.0.0.1:9/t?sig=secret", "PartitionKey": "p", "RowKey": "r"});
        let bad = bad
            .with("BlobPath", "http://127.0.0.1:9/c/b?sig=secret")
            .with("ReportMethod", 2)
            .with("IngestionStatusInTable", row);
        assert_failed(&bench.ingest(&bad).await, "Download_UnknownError");
        let token = bench.engine().data_management().identity_token();
        bench.emulator.shutdown().await;
        let text = bench::logged();
        assert!(text.contains("ingested a batch"), "{text}");
        assert!(text.contains("status table"), "{text}");
        for secret in ["sig=", "secret", &token] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    })
    .await;
}
