//! What cannot be ingested, and how that is said.

use serde_json::json;

use crate::bench::{QUICKLY, Source, on_each_storage};
use crate::{assert_failed, assert_succeeded, gzip, zip};

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
        let nothing = bench.source("T", "a.csv.gz", gzip(b"")).await;
        let no_files = bench.source("T", "a.zip", zip(&[])).await;
        let json = async |content: &str| bench.source("T", "a.json", content).await;

        let cases: Vec<(Source, &str)> = vec![
            (forbidden, "Download_Forbidden"),
            (missing, "Download_SourceNotFound"),
            (csv("").await, "BadRequest_EmptyBlob"),
            (nothing, "Stream_NoDataToIngest"),
            (csv("\n\n").await, "BadRequest_NoRecordsOrWrongFormat"),
            (
                csv("n,s\n").await.property("ignoreFirstRecord", "true"),
                "Stream_NoDataToIngest",
            ),
            (json("[").await, "BadRequest_NoRecordsOrWrongFormat"),
            (
                json("{}\n{").await.property("format", "multijson"),
                "BadRequest_InvalidBlob",
            ),
            (json(" \n").await, "Stream_NoDataToIngest"),
            (csv("1,\"a").await, "Stream_ClosingQuoteMissing"),
            (csv("1,a\n2").await, "Stream_WrongNumberOfFields"),
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
