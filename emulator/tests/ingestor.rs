//! Queued ingestion from end to end: blob and message in, rows and reports out. On the built-in storage, and on
//! Azurite as well when `KUSTO_TEST_AZURITE=blob_url,queue_url,table_url` names one that has the emulator's accounts.

mod bench;

use std::io::{Cursor, Write};
use std::task::Poll;

use bench::{DATABASE, NEVER, QUICKLY, Source, on_each_storage, rows};
use flate2::Compression;
use flate2::write::GzEncoder;
use kusto_emulator::engine::value::Value;
use serde_json::{Value as Json, json};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn row(number: i64, text: &str) -> Vec<Value> {
    vec![Value::Long(number), Value::String(text.to_owned())]
}

fn assert_succeeded(outcome: &Json) {
    assert!(outcome.get("SucceededOn").is_some(), "{outcome}");
}

fn assert_failed(outcome: &Json, code: &str) {
    assert_eq!(outcome["ErrorCode"], code, "{outcome}");
    assert!(!outcome.to_string().contains("sig="), "{outcome}");
}

#[tokio::test]
async fn every_format_is_read() {
    on_each_storage(QUICKLY, async |mut bench| {
        let two = vec![row(1, "a,b"), row(2, "c\nd")];
        let json_lines = "{\"n\":1,\"s\":\"a,b\"}\n{\"n\":2,\"s\":\"c\\nd\"}\n";
        let cases = [
            ("csv", "1,\"a,b\"\r\n2,\"c\nd\"\r\n", two.clone()),
            ("tsv", "1\ta,b\n2\t\"c\nd\"", two.clone()),
            ("tsve", "1\ta,b\n2\tc\\nd\n", two.clone()),
            ("psv", "1|a,b\n2|\"c\nd\"\n", two.clone()),
            ("scsv", "1;a,b\n2;\"c\nd\"\n", two.clone()),
            ("sohsv", "1\u{1}a,b\n2\u{1}\"c\nd\"\n", two.clone()),
            ("json", json_lines, two.clone()),
            (
                "multijson",
                "[{\"n\":1,\"s\":\"a,b\"},\n{\"n\":2,\"s\":\"c\\nd\"}]",
                two.clone(),
            ),
            (
                "singlejson",
                "{\"n\":\n1,\"s\":\"a,b\"}",
                vec![row(1, "a,b")],
            ),
        ];
        for (format, content, expected) in cases {
            bench.table(format, "n:long, s:string");
            let source = bench
                .source(format, "data", content)
                .await
                .property("format", format);
            assert_succeeded(&bench.ingest(&source).await);
            assert_eq!(bench.rows(format), expected, "{format}");
        }
        for (format, expected) in [("txt", vec!["1,\"a", "b"]), ("raw", vec!["1,\"a\n\nb\n"])] {
            bench.table(format, "s:string");
            let source = bench
                .source(format, "data", "1,\"a\n\nb\n")
                .await
                .property("format", format);
            assert_succeeded(&bench.ingest(&source).await);
            let expected: Vec<_> = expected
                .into_iter()
                .map(|t| vec![Value::String(t.to_owned())])
                .collect();
            assert_eq!(bench.rows(format), expected, "{format}");
        }
    })
    .await;
}

#[tokio::test]
async fn compressed_blobs_are_unpacked() {
    on_each_storage(QUICKLY, async |mut bench| {
        let members = [gzip(b"1,a\n2,"), gzip(b"b\n")].concat();
        let archive = zip(&[("a.csv", "n,s\n1,a\n"), ("b.csv", "n,s\n2,b\n")]);
        for (table, name, content, header) in [
            ("gz", "x.csv.gz", members, false),
            ("zip", "x.csv.zip", archive, true),
            ("unsaid", "x.csv", gzip(b"1,a\n2,b\n"), false),
        ] {
            bench.table(table, "n:long, s:string");
            let source = bench
                .source(table, name, content)
                .await
                .property("ignoreFirstRecord", header);
            assert_succeeded(&bench.ingest(&source).await);
            assert_eq!(bench.rows(table), vec![row(1, "a"), row(2, "b")], "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn mappings_are_applied() {
    on_each_storage(QUICKLY, async |mut bench| {
    let legacy = r#"[{"Name":"n","DataType":"long","Ordinal":2,"ConstValue":null},{"Name":"s","DataType":"string","Ordinal":0}]"#;
    let paths = r#"[{"column":"n","path":"$.Id","datatype":"","transform":null},{"column":"s","path":"$['the message']"}]"#;
    let inline = r#"[{"Column":"n","Properties":{"Ordinal":"1"}},{"Column":"s","Properties":{"Transform":"SourceLocation"}}]"#;
    bench.table("Émile", "n:long, s:string");
    bench.mapping("Émile", "csv", "名前", legacy);
    bench.mapping("Émile", "json", "名前", paths);
    let json = "{\"Id\":5,\"the message\":\"m\"}";
    let csv = bench.source("Émile", "a.csv", "x,y,4\n").await;
    let json = bench
        .source("Émile", "a.json", json)
        .await
        .property("ingestionMappingType", "Json");
    let inline = bench
        .source("Émile", "b.csv", "x,6")
        .await
        .property("ingestionMapping", inline);
    for source in [
        csv.property("ingestionMappingReference", "名前"),
        json.property("ingestionMappingReference", "名前"),
        inline,
    ] {
        let outcome = bench.ingest(&source).await;
        assert_succeeded(&outcome);
        assert_eq!(outcome["Table"], "Émile");
    }
    let mut rows = bench.rows("Émile");
    let Value::String(location) = rows.pop().unwrap().pop().unwrap() else {
        panic!("no location");
    };
    assert!(location.ends_with("b.csv"), "{location}");
    assert_eq!(rows, vec![row(4, "x"), row(5, "m")]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_a_mapping_has_a_type_for_are_added() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        let mapping = |column: &str| {
            json!([{"Column": "n", "Properties": {"Ordinal": "0"}},
                   {"Column": column, "DataType": "string", "Properties": {"Ordinal": "1"}}])
        };
        // Nothing comes of a source without data, not even columns.
        let empty = bench.source("T", "a.csv", "").await;
        let empty = empty.property("ingestionMapping", mapping("none").to_string());
        assert_failed(&bench.ingest(&empty).await, "BadRequest_EmptyBlob");
        let mut ids = Vec::new();
        for number in 0..16 {
            let mapping = mapping(&format!("c{}", number % 4)).to_string();
            let source = bench.source("T", "a.csv", format!("{number},x")).await;
            let source = source.property("ingestionMapping", mapping);
            bench.post(&source).await;
            ids.push(source.id);
        }
        for id in ids {
            assert_succeeded(&bench.outcome(id).await);
        }
        let schema = bench.engine().table_schema(DATABASE, "T").unwrap();
        let mut names: Vec<_> = schema.columns.iter().map(|c| c.name.as_str()).collect();
        names[1..].sort_unstable();
        assert_eq!(names, ["n", "c0", "c1", "c2", "c3"]);
        let rows = bench.rows("T");
        assert_eq!(rows.len(), 16);
        for row in rows {
            let Value::Long(number) = row[0] else {
                panic!("{row:?}")
            };
            let column = schema.position(&format!("c{}", number % 4)).unwrap();
            for (at, value) in row.iter().enumerate().skip(1) {
                let expected = if at == column { "x" } else { "" };
                assert_eq!(*value, Value::String(expected.to_owned()));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_failure_has_its_code() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long, s:string");
        bench.mapping(
            "T",
            "csv",
            "bad",
            "[{\"Column\":\"nowhere\",\"Properties\":{\"Ordinal\":\"0\"}}]",
        );
        let csv = async |content: &str| bench.source("T", "a.csv", content).await;
        let strict = "{\"ValidationOptions\":1,\"ValidationImplications\":0}";
        let mut forbidden = csv("1,a").await;
        let path = forbidden.message["BlobPath"]
            .as_str()
            .unwrap()
            .replace("sig=", "sig=A");
        forbidden.message["BlobPath"] = path.into();
        let mut missing = csv("1,a").await;
        let path = missing.message["BlobPath"]
            .as_str()
            .unwrap()
            .replace("a.csv", "b.csv");
        missing.message["BlobPath"] = path.into();
        let mut damaged = gzip(b"1,a\n");
        damaged.truncate(12);
        let gz = bench.source("T", "a.csv.gz", "1,a").await;
        let cut = bench.source("T", "a.csv.gz", damaged).await;
        let archive = bench.source("T", "a.zip", "PK").await;
        let no_files = bench.source("T", "a.zip", zip(&[])).await;
        let json = async |content: &str| bench.source("T", "a.json", content).await;

        let cases: Vec<(Source, &str)> = vec![
            (forbidden, "Download_Forbidden"),
            (missing, "Download_SourceNotFound"),
            (csv("").await, "BadRequest_EmptyBlob"),
            (csv("\n\n").await, "BadRequest_NoRecordsOrWrongFormat"),
            (
                csv("n,s\n").await.property("ignoreFirstRecord", "true"),
                "Stream_NoDataToIngest",
            ),
            (
                json("[").await,
                "BadRequest_UnexpectedCharacterInInputStream",
            ),
            (json(" \n").await, "Stream_NoDataToIngest"),
            (csv("1,\"a").await, "Stream_ClosingQuoteMissing"),
            (
                csv("1,a\n2").await.property("validationPolicy", strict),
                "Stream_WrongNumberOfFields",
            ),
            (gz, "BadRequest_InvalidBlob"),
            (cut, "BadRequest_InvalidBlob"),
            (archive, "BadRequest_InvalidArchive"),
            (no_files, "BadRequest_EmptyArchive"),
            (
                csv("1,a").await.with("DatabaseName", "nowhere"),
                "BadRequest_DatabaseNotExist",
            ),
            (
                csv("1,a").await.with("TableName", "t"),
                "BadRequest_TableNotExist",
            ),
            (
                csv("1,a").await.with("DatabaseName", ""),
                "BadRequest_EmptyDatabaseName",
            ),
            (
                csv("1,a").await.with("TableName", ""),
                "BadRequest_InvalidOrEmptyTableName",
            ),
            (
                csv("1,a").await.with("BlobPath", ""),
                "BadRequest_EmptyBlobUri",
            ),
            (
                csv("1,a").await.with("BlobPath", "nowhere"),
                "BadRequest_InvalidBlobUri",
            ),
            (
                csv("1,a")
                    .await
                    .with("BlobPath", "https://h/c/b;impersonate"),
                "BadRequest_NotSupported",
            ),
            (
                csv("1,a").await.with("RawDataSize", 7_000_000_000_u64),
                "BadRequest_FileTooLarge",
            ),
            (
                csv("1,a").await.with("RawDataSize", "much"),
                "BadRequest_CorruptedMessage",
            ),
            (
                csv("1,a").await.property("authorizationContext", "stale"),
                "BadRequest_InvalidKustoIdentityToken",
            ),
            (
                csv("1,a")
                    .await
                    .property("ingestionMappingReference", "none"),
                "BadRequest_MappingReferenceWasNotFound",
            ),
            (
                csv("1,a")
                    .await
                    .property("ingestionMappingReference", "bad"),
                "BadRequest_InvalidMapping",
            ),
            (
                csv("1,a").await.property("ingestionMappingReference", ""),
                "BadRequest_EmptyMappingReference",
            ),
            (
                csv("1,a").await.property("ingestionMapping", "{"),
                "BadRequest_InvalidMapping",
            ),
            (
                csv("1,a").await.property("jsonMapping", "[]"),
                "BadRequest_InconsistentMapping",
            ),
            (
                csv("1,a")
                    .await
                    .property("csvMapping", "[]")
                    .property("csvMappingReference", "bad"),
                "BadRequest_DuplicateMapping",
            ),
            (
                csv("1,a").await.property("format", "parquet"),
                "BadRequest_FormatNotSupported",
            ),
            (
                csv("1,a").await.property("format", "xml"),
                "BadRequest_FormatNotSupported",
            ),
            (
                csv("1,a").await.property("tags", json!(["a"])),
                "BadRequest_MalformedIngestionProperty",
            ),
            (
                csv("1,a").await.property("creationTime", "soon"),
                "BadRequest_MalformedIngestionProperty",
            ),
        ];
        for (source, code) in &cases {
            let outcome = bench.ingest(source).await;
            assert_failed(&outcome, code);
            assert_eq!(outcome["FailureStatus"], "Permanent", "{outcome}");
            assert_eq!(outcome["ShouldRetry"], false, "{outcome}");
            assert_ne!(outcome["Details"], "", "{outcome}");
            let failures = bench.engine().failures();
            let recorded = failures.last().unwrap();
            assert_eq!(recorded.error_code, *code);
            assert_eq!(outcome["OperationId"], recorded.operation_id.to_string());
            assert_eq!(outcome["Details"], recorded.details);
            assert!(!recorded.source_path.contains("sig="), "{recorded:?}");
        }
        assert_eq!(bench.engine().failures().len(), cases.len());
        assert!(bench.rows("T").is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_blob_is_worth_a_retry() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        let source = bench.source("T", "a.csv", "1").await;
        // The port is the discard service's, where nothing listens on a test machine.
        let outcome = bench
            .ingest(&source.with("BlobPath", "http://127.0.0.1:9/c/b?sig=secret"))
            .await;
        assert_failed(&outcome, "Download_UnknownError");
        assert_eq!(outcome["FailureStatus"], "Exhausted");
        assert_eq!(outcome["ShouldRetry"], true);
        let details = outcome["Details"].as_str().unwrap();
        assert!(details.contains("could not be reached"), "{details}");
        assert!(!outcome.to_string().contains("secret"), "{outcome}");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_message_is_recorded_and_removed() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        bench.post_text("bm8ganNvbg==").await;
        bench.post_text("not base64!").await;
        bench
            .until("two failures", |e| (e.failures().len() == 2).then_some(()))
            .await;
        for failure in bench.engine().failures() {
            assert_eq!(failure.error_code, "BadRequest_CorruptedMessage");
        }
        let source = bench.source("T", "a.csv", "1").await;
        assert_succeeded(&bench.ingest(&source).await);
        assert_eq!(bench.engine().failures().len(), 2);
    })
    .await;
}

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
async fn tags_creation_time_and_ingest_if_not_exists() {
    on_each_storage(QUICKLY, async |mut bench| {
    bench.table("T", "n:long");
    let tagged = bench.source("T", "a.csv", "1").await;
    let tagged = tagged
        .property("tags", "[\"drop-by:d\",\"ingest-by:k1\",\"free\"]")
        .property("ingestIfNotExists", "[\"k1\",\"k2\"]")
        .property("creationTime", "2017-02-17T00:00:00Z");
    assert_succeeded(&bench.ingest(&tagged).await);
    let extent = |table: &kusto_emulator::engine::table::Table| table.extents[0].clone();
    let extent = bench.engine().with_table(DATABASE, "T", extent).unwrap();
    assert_eq!(extent.tags, ["drop-by:d", "ingest-by:k1", "free"]);
    assert_eq!(extent.created, 636_228_864_000_000_000);

    let again = bench
        .source("T", "b.csv", "2")
        .await
        .with("ReportMethod", 2);
    let key = again.id.to_string();
    let row = json!({"TableConnectionString": bench.status_table().as_str(), "PartitionKey": key, "RowKey": key});
    let again = again
        .property("ingestIfNotExists", "k1")
        .with("IngestionStatusInTable", row);
    assert_failed(
        &bench.ingest(&again).await,
        "Skipped_IngestByTagAlreadyExists",
    );
    assert_eq!(bench.final_row(&key, &key).await["Status"], "Skipped");
    assert_eq!(bench.engine().operations().last().unwrap().state, "Skipped");

    // The Go SDK's zero time is none.
    let other = bench
        .source("T", "c.csv", "3")
        .await
        .property("ingestIfNotExists", "[\"k3\"]");
    assert_succeeded(
        &bench
            .ingest(&other.property("creationTime", "0001-01-01T00:00:00Z"))
            .await,
    );
    assert_eq!(bench.rows("T").len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_equal_tags_wins() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long");
        let mut ids = Vec::new();
        for number in 0..20 {
            let source = bench.source("T", "a.csv", number.to_string()).await;
            let source = source
                .property("tags", "[\"ingest-by:once\"]")
                .property("ingestIfNotExists", "[\"once\"]");
            bench.post(&source).await;
            ids.push(source.id);
        }
        let mut succeeded = 0;
        for id in ids {
            let outcome = bench.outcome(id).await;
            succeeded += usize::from(outcome.get("SucceededOn").is_some());
        }
        assert_eq!(succeeded, 1);
        assert_eq!(bench.rows("T").len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_small_sources_over_four_tables() {
    on_each_storage(QUICKLY, async |mut bench| {
        let mut ids = Vec::new();
        for table in 0..4 {
            bench.table(&format!("T{table}"), "n:long");
        }
        for number in 0..200 {
            let table = format!("T{}", number % 4);
            let source = bench.source(&table, "a.csv", number.to_string()).await;
            bench.post(&source).await;
            ids.push(source.id);
        }
        for id in ids {
            assert_succeeded(&bench.outcome(id).await);
        }
        for table in 0..4 {
            assert_eq!(bench.rows(&format!("T{table}")).len(), 50);
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
