//! What is in the blobs, and what of it comes into the tables.

use kusto_emulator::Options;
use kusto_emulator::engine::value::Value;
use serde_json::json;

use crate::bench::{Bench, DATABASE, QUICKLY, on_each_storage};
use crate::{assert_failed, assert_succeeded, gzip, row, zip};

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
async fn malformed_records_of_json_are_ignored() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long, s:string");
        let content = "{\"n\":1,\"s\":\"a\"}\n{\"n\":2\n[3]\n{\"n\":4,\"s\":\"d\"}\n";
        let source = bench.source("T", "a.json", content).await;
        assert_succeeded(&bench.ingest(&source).await);
        assert_eq!(bench.rows("T"), [row(1, "a"), row(4, "d")]);
    })
    .await;
}

#[tokio::test]
async fn records_of_any_width_are_taken_under_best_effort() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("T", "n:long, s:string");
        let source = bench.source("T", "a.csv", "1,a\n2\n3,c,d\n").await;
        let policy = "{\"ValidationOptions\":1,\"ValidationImplications\":1}";
        let source = source.property("validationPolicy", policy);
        assert_succeeded(&bench.ingest(&source).await);
        assert_eq!(bench.rows("T"), [row(1, "a"), row(2, ""), row(3, "c")]);
    })
    .await;
}

#[tokio::test]
async fn update_policies_run_on_what_is_ingested() {
    on_each_storage(QUICKLY, async |mut bench| {
        bench.table("Raw", "n:long, s:string");
        bench.table("Derived", "twice:long");
        let policy = |transactional: bool| {
            let entry = json!([{"IsEnabled": true, "Source": "Raw", "Query": "Raw | project twice = n * 2",
                "IsTransactional": transactional, "PropagateIngestionProperties": true}]);
            format!(".alter table Derived policy update '{entry}'")
        };
        bench.command(&policy(true)).await;
        let source = bench.source("Raw", "a.csv", "1,a\n2,b\n").await;
        let source = source.property("tags", "[\"drop-by:x\"]");
        assert_succeeded(&bench.ingest(&source).await);
        assert_eq!(bench.rows("Derived"), [[Value::Long(2)], [Value::Long(4)]]);
        assert!(bench.engine().has_extent_tag(DATABASE, "Derived", "drop-by:x"));

        // The target changes under the policy: now the query's columns are not the table's.
        bench.command(".alter-merge table Derived (more:string)").await;
        let source = bench.source("Raw", "b.csv", "3,c").await;
        let outcome = bench.ingest(&source).await;
        assert_failed(&outcome, "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema");
        assert_eq!(outcome["OriginatesFromUpdatePolicy"], true, "{outcome}");
        assert_eq!(bench.rows("Raw").len(), 2);

        // Without a transaction the source's rows stay, and the failure is listed.
        bench.command(".delete table Derived policy update").await;
        bench.command(".drop column Derived.more").await;
        bench.command(&policy(false)).await;
        bench.command(".alter-merge table Derived (more:string)").await;
        let source = bench.source("Raw", "c.csv", "4,d").await;
        assert_succeeded(&bench.ingest(&source).await);
        assert_eq!(bench.rows("Raw").len(), 3);
        let failures = bench.engine().failures();
        let of_update = failures.iter().filter(|failure| failure.originates_from_update_policy);
        assert_eq!(of_update.count(), 2);
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
async fn gzip_without_the_suffix_is_unpacked_on_demand() {
    for sniff_gzip in [false, true] {
        let options = Options {
            sniff_gzip,
            batching: QUICKLY,
            ..Options::default()
        };
        let mut bench = Bench::with(options).await;
        bench.table("unsaid", "n:long, s:string");
        let source = bench.source("unsaid", "x.csv", gzip(b"1,a\n")).await;
        let outcome = bench.ingest(&source).await;
        if sniff_gzip {
            assert_succeeded(&outcome);
            assert_eq!(bench.rows("unsaid"), vec![row(1, "a")]);
        } else {
            assert_failed(&outcome, "BadRequest_InvalidBlob");
            assert_eq!(bench.rows("unsaid"), Vec::<Vec<Value>>::new());
        }
    }
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
async fn a_blob_is_ingested_through_the_names_of_a_storage_domain() {
    let mut bench = Bench::with(Options {
        batching: QUICKLY,
        storage_domain: Some("core.example.test".to_owned()),
        ..Options::default()
    })
    .await;
    bench.table("T", "n:long, s:string");
    let source = bench.source("T", "rows.csv", "1,a\n").await;
    assert!(
        source
            .blob
            .host_str()
            .unwrap()
            .ends_with(".blob.core.example.test")
    );
    bench.ingest(&source).await;
    assert_eq!(bench.rows("T"), [row(1, "a")]);
    bench.emulator.shutdown().await;
}
