//! Commands that work with what the ingestor reads or records. Those that need only text are in `tests/golden/commands`.

use std::time::Duration;

use kusto_emulator::engine::database::Engine;
use kusto_emulator::engine::datetime;
use kusto_emulator::engine::endpoint::Endpoint;
use kusto_emulator::engine::records::{IngestionFailureRecord, OperationRecord};
use kusto_emulator::engine::role::Role;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{columns, command, engine, failure, send, with_table};

#[test]
fn the_tutorials_questions_about_failures_and_operations() {
    let engine = engine();
    let now = datetime::now();
    let (operation, other) = (Uuid::new_v4(), Uuid::new_v4());
    let failed = |database: &str, id| IngestionFailureRecord {
        operation_id: id,
        database: database.to_owned(),
        table: "StormEvents".to_owned(),
        failed_on: now,
        error_code: "BadRequest_TableNotExist".to_owned(),
        ..Default::default()
    };
    engine.record_failure(failed("TestDatabase", operation));
    engine.record_failure(failed("Elsewhere", other));
    let failures = command(
        &engine,
        ".show ingestion failures | where FailedOn > ago(4h) and Database == \"TestDatabase\"",
    );
    assert_eq!(failures["Rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&failures["Rows"][0][0], &failures["Rows"][0][10]),
        (
            &json!(operation.to_string()),
            &json!("BadRequest_TableNotExist")
        )
    );
    let by_id = command(
        &engine,
        &format!(".show ingestion failures with (OperationId = {other}) | project Database"),
    );
    assert_eq!(by_id["Rows"], json!([["Elsewhere"]]));

    for (state, seconds) in [("InProgress", 0), ("Completed", 1)] {
        engine.record_operation(OperationRecord {
            operation_id: operation,
            operation: "DataIngestPull".to_owned(),
            database: "TestDatabase".to_owned(),
            table: "StormEvents".to_owned(),
            started_on: now,
            last_updated_on: now + seconds * 10_000_000,
            state: state.to_owned(),
            ..Default::default()
        });
    }
    let text = ".show operations | where StartedOn > ago(4h) and Database == \"TestDatabase\" and Table == \"StormEvents\" \
        and Operation == \"DataIngestPull\" | summarize arg_max(LastUpdatedOn, *) by OperationId";
    let operations = command(&engine, text);
    let header = columns(&operations);
    assert_eq!(
        header[..3],
        [
            ("OperationId", "guid"),
            ("LastUpdatedOn", "datetime"),
            ("Operation", "string")
        ]
    );
    let state = header
        .iter()
        .position(|(name, _)| *name == "State")
        .expect("State");
    assert_eq!(
        (
            operations["Rows"].as_array().map(Vec::len),
            &operations["Rows"][0][state]
        ),
        (Some(1), &json!("Completed"))
    );
    for form in [format!("{operation}"), format!("({operation}, {other})")] {
        let latest = command(
            &engine,
            &format!(".show operations {form} | project State, Duration"),
        );
        assert_eq!(latest["Rows"], json!([["Completed", "00:00:01"]]));
    }
}

/// The types are those of the service's own grammar; the documentation calls ids strings.
#[test]
fn failures_and_operations_have_the_columns_of_the_service() {
    let engine = engine();
    engine.record_failure(IngestionFailureRecord::default());
    engine.record_operation(OperationRecord::default());
    for (text, expected) in [
        (
            ".show ingestion failures",
            "OperationId:guid Database:string Table:string FailedOn:datetime IngestionSourcePath:string \
             Details:string FailureKind:string RootActivityId:guid OperationKind:string \
             OriginatesFromUpdatePolicy:bool ErrorCode:string Principal:string ShouldRetry:bool User:string \
             IngestionProperties:string",
        ),
        (
            ".show operations",
            "OperationId:guid Operation:string NodeId:string StartedOn:datetime LastUpdatedOn:datetime \
             Duration:timespan State:string Status:string RootActivityId:guid ShouldRetry:bool Database:string \
             Principal:string User:string AdminEpochStartTime:datetime VirtualCluster:string Table:string",
        ),
    ] {
        let shown = command(&engine, text);
        let header = columns(&shown);
        let listed: Vec<_> = header
            .iter()
            .map(|(name, ty)| format!("{name}:{ty}"))
            .collect();
        assert_eq!(listed.join(" "), expected);
        assert_eq!(
            shown["Rows"][0].as_array().map(Vec::len),
            Some(header.len())
        );
    }
}

#[test]
fn a_name_has_an_end() {
    let text = format!(".create table {} (x:int)", "n".repeat(1025));
    failure(&engine(), Endpoint::Mgmt, &text);
}

#[test]
fn mappings_are_found_by_the_ingestor() {
    let engine = with_table();
    let csv = r#"[{"Name":"a","datatype":"long","Ordinal":0},{"Name":"s","datatype":"string","Ordinal":1}]"#;
    let json = r#"[{"Column":"s","Properties":{"Path":"$['x']"}}]"#;
    command(
        &engine,
        &format!(".create table T ingestion csv mapping 'M' '{csv}'"),
    );
    assert_eq!(
        engine.mapping("testdatabase", "T", "csv", "M").as_deref(),
        Some(csv)
    );
    command(
        &engine,
        &format!(".create-or-alter table T ingestion json mapping \"M\" ```{json}```"),
    );
    assert_eq!(
        engine.mapping("TestDatabase", "T", "json", "M").as_deref(),
        Some(json)
    );
    command(&engine, ".drop table T ingestion csv mapping \"M\"");
    assert_eq!(engine.mapping("TestDatabase", "T", "csv", "M"), None);
    command(
        &engine,
        &format!(".create database TestDatabase ingestion csv mapping 'D' '{csv}'"),
    );
    assert!(engine.mapping("TestDatabase", "T", "csv", "D").is_some());
}

#[test]
fn the_batching_policy_governs_the_ingestor() {
    let engine = with_table();
    let time_span = || engine.batching("TestDatabase", "T").time_span;
    let max_items = || engine.batching("TestDatabase", "T").max_items;
    assert_eq!(time_span(), Duration::from_secs(1));
    command(
        &engine,
        r#".alter table T policy ingestionbatching @'{"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":7}'"#,
    );
    command(
        &engine,
        r#".alter-merge table T policy ingestionbatching @'{"MaximumBatchingTimeSpan":"00:00:20"}'"#,
    );
    assert_eq!((time_span(), max_items()), (Duration::from_secs(20), 7));
    command(
        &engine,
        r#".alter table T policy ingestionbatching '{"MaximumNumberOfItems":9}'"#,
    );
    assert_eq!(time_span(), Duration::from_secs(1));
    command(&engine, ".delete table T policy ingestionbatching");
    assert_eq!(max_items(), 500);
    command(
        &engine,
        r#".alter database TestDatabase policy ingestionbatching '{"MaximumNumberOfItems":11}'"#,
    );
    assert_eq!(max_items(), 11);
}

#[test]
fn a_text_is_refused_where_it_does_not_belong() {
    let engine = engine();
    let error = failure(&engine, Endpoint::Mgmt, "T | count");
    assert_eq!(error["innererror"]["code"], json!("SYN0002"));
    failure(&engine, Endpoint::QueryV2, ".drop table T ifexists");
    for (endpoint, text) in [
        (Endpoint::Mgmt, ".show tables"),
        (Endpoint::QueryV2, "print 1"),
    ] {
        let (status, body) = send(
            &engine,
            Role::DataManagement,
            endpoint,
            &json!({"csl": text}),
        );
        assert_eq!(status, 400, "{body}");
    }
    let body = json!({"csl": ".get ingestion resources"});
    assert_eq!(send(&engine, Role::Engine, Endpoint::Mgmt, &body).0, 400);
}

#[test]
fn the_script_of_a_database_makes_it_again() {
    let made = [
        ".create table T (a:long, ['b c']:string) with (folder='f', docstring='say \"x\"')",
        ".alter table T column-docstrings (a: 'A')",
        ".create table T ingestion csv mapping 'm' '[{\"column\":\"a\",\"Properties\":{\"Ordinal\":\"0\"}}]'",
        ".alter table T policy caching hot = 3d, hot_window = datetime(2021-01-01) .. datetime(2021-02-01)",
        ".alter table T policy retention '{\"SoftDeletePeriod\":\"10.00:00:00\"}'",
        ".alter table T policy ingestionbatching '{\"MaximumNumberOfItems\":7}'",
        ".alter table T policy row_level_security disable 'T | where a == 1'",
        ".alter database TestDatabase policy streamingingestion enable",
        ".add table T ingestors ('aaduser=someone@example.com') 'note'",
        ".create table A (x:long)",
        ".create table Z (x:long)",
        ".create function F() { Z | project x }",
        ".alter table A policy update '[{\"IsEnabled\":true,\"Source\":\"Z\",\"Query\":\"F()\"}]'",
        ".create function Own() { Z | where x == 1 }",
        ".alter table Z policy row_level_security disable 'Own()'",
        ".alter database TestDatabase policy diagnostics '{\"IsEnabled\":true,\"Level\":1}'",
        ".create function with (view=true, folder='g') V() { T | where ['b c'] == \"x\" }",
    ];
    let script = |engine: &Engine, options: &str| {
        let text = format!(".show database schema as csl script {options}");
        command(engine, &text)["Rows"].clone()
    };
    let (first, second) = (engine(), engine());
    for text in made {
        command(&first, text);
    }
    let shown = script(&first, "");
    let lines = |rows: &Json| -> Vec<String> {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row[0].as_str().unwrap().to_owned())
            .collect()
    };
    let one = r#".alter database TestDatabase policy streamingingestion "{\"IsEnabled\":true}""#;
    assert!(lines(&shown).iter().any(|line| line == one), "{shown}");
    assert!(lines(&shown).len() >= made.len(), "{shown}");
    for line in lines(&shown) {
        command(&second, &line);
    }
    assert_eq!(script(&second, ""), shown);
    let less = script(
        &first,
        "with (IncludeSecuritySettings=false, IncludeIngestionMappings=false)",
    );
    for word in [" mapping ", "row_level_security", ".add "] {
        assert!(
            shown.to_string().contains(word) && !less.to_string().contains(word),
            "{word}"
        );
    }
}
