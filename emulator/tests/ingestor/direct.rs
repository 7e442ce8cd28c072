//! `.ingest into`: blobs that a command names.

use kusto_emulator::Options;
use serde_json::{Value as Json, json};

use crate::bench::{Bench, NEVER, on_each_storage};
use crate::{gzip, row};

/// The rows of a command's answer.
fn rows(answer: &Json) -> &Vec<Json> {
    answer["Tables"][0]["Rows"].as_array().unwrap()
}

#[tokio::test]
async fn a_command_ingests_what_it_names() {
    on_each_storage(NEVER, async |bench| {
        bench.table("T", "n:long, s:string");
        bench.mapping("T", "json", "m", r#"[{"column":"n","path":"$.a"}]"#);
        let csv = bench.source("T", "one.csv", "n,s\n1,a\n").await;
        let packed = bench.source("T", "two.csv.gz", gzip(b"n,s\n2,b\n")).await;
        let (one, two) = (csv.blob.as_str(), packed.blob.as_str());
        let text = format!(
            ".ingest into table T (h'{one}', h'{two}') with (format='csv', ignoreFirstRecord=true, tags='[\"x\"]')"
        );
        let (status, answer) = bench.answer(&text).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(rows(&answer).len(), 2, "{answer}");
        assert!(!answer.to_string().contains("sig="), "{answer}");
        let json = bench.source("T", "three.json", r#"{"a":3}"#).await;
        let text = format!(
            ".ingest into table T '{}' with (ingestionMappingReference=\"m\")",
            json.blob
        );
        let (status, answer) = bench.answer(&text).await;
        assert_eq!((status, &rows(&answer)[0][3]), (200, &json!(false)), "{answer}");
        assert_eq!(bench.rows("T"), [row(1, "a"), row(2, "b"), row(3, "")]);
        // The blobs are not the emulator's to delete.
        assert!(bench.blob_exists(&csv).await);
    })
    .await;
}

#[tokio::test]
async fn a_command_says_why_it_ingests_nothing() {
    on_each_storage(NEVER, async |bench| {
        bench.table("T", "n:long");
        let good = bench.source("T", "good.csv", "1\n").await;
        let mut gone = good.blob.clone();
        gone.set_path(&format!("{}.gone", gone.path()));
        let cases = [
            (
                format!(".ingest into table T ('{gone}')"),
                "Download_SourceNotFound",
            ),
            (
                format!(".ingest into table Nope ('{}')", good.blob),
                "BadRequest_TableNotExist",
            ),
            (
                format!(
                    ".ingest into table T ('{}') with (ingestionMappingReference='m')",
                    good.blob
                ),
                "BadRequest_MappingReferenceWasNotFound",
            ),
            (
                ".ingest into table T ('file:///etc/passwd')".to_owned(),
                "BadRequest_InvalidBlobUri",
            ),
            (
                ".ingest into table T (h'abfss://c@a/x;key')".to_owned(),
                "BadRequest_InvalidBlobUri",
            ),
        ];
        for (text, code) in &cases {
            let (status, answer) = bench.answer(text).await;
            let shown = answer.to_string();
            assert!(status == 400 && shown.contains(code), "{text}: {shown}");
            assert!(
                !shown.contains("sig=") && !shown.contains(";key"),
                "{shown}"
            );
        }
        let (_, failures) = bench
            .answer(".show ingestion failures | summarize n = count()")
            .await;
        assert_eq!(rows(&failures)[0][0], cases.len());
        assert_eq!(bench.rows("T"), [] as [Vec<_>; 0]);
        // What fails leaves the others, and an operation that runs on says so itself.
        let text = format!(".ingest into table T ('{gone}', '{}')", good.blob);
        let (status, answer) = bench.answer(&text).await;
        let states: Vec<_> = rows(&answer).iter().map(|row| &row[3]).collect();
        assert_eq!(
            (status, states),
            (200, vec![&json!(true), &json!(false)]),
            "{answer}"
        );
        let (status, answer) = bench
            .answer(&format!(".ingest async into table T ('{gone}')"))
            .await;
        assert_eq!(status, 200, "{answer}");
        let id = rows(&answer)[0][0].as_str().unwrap();
        let (_, shown) = bench
            .answer(&format!(".show operations {id} | project State"))
            .await;
        assert_eq!(rows(&shown)[0][0], "Failed");
    })
    .await;
}

#[tokio::test]
async fn an_emulator_without_ingestion_says_so() {
    let bench = Bench::with(Options {
        ingestion: false,
        ..Options::default()
    })
    .await;
    bench.table("T", "n:long");
    let (status, answer) = bench
        .answer(".ingest into table T ('http://127.0.0.1:1/x.csv')")
        .await;
    assert!(
        status == 400 && answer.to_string().contains("BadRequest_NotSupported"),
        "{answer}"
    );
}
