//! Management commands and their results.

use std::time::Duration;

use kusto_emulator::engine::datetime;
use kusto_emulator::engine::endpoint::Endpoint;
use kusto_emulator::engine::records::{IngestionFailureRecord, OperationRecord};
use kusto_emulator::engine::role::Role;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{columns, command, engine, failure, message, primary, send, with_table};

#[test]
fn tables_are_created_widened_and_dropped() {
    let engine = with_table();
    let same = command(&engine, ".create table T (other:string)");
    let schema: Json =
        serde_json::from_str(same["Rows"][0][1].as_str().expect("schema")).expect("JSON");
    assert_eq!(
        schema["OrderedColumns"][0],
        json!({"Name": "a", "Type": "System.Int64", "CslType": "long"})
    );
    let merged = command(
        &engine,
        ".create-merge table T (s:string, ['new one']:System.Double) with (docstring='d', folder='f')",
    );
    assert_eq!(
        (&merged["Rows"][0][3], &merged["Rows"][0][4]),
        (&json!("f"), &json!("d"))
    );
    assert_eq!(
        command(&engine, ".show table T cslschema")["Rows"][0][1],
        json!("a:long, s:string, ['new one']:real")
    );
    assert_eq!(
        primary(&engine, "T | where isnull(['new one']) | count")["Rows"],
        json!([[2]])
    );
    assert!(
        message(&failure(
            &engine,
            Endpoint::Mgmt,
            ".alter-merge table T (a:string)"
        ))
        .contains("'a'")
    );
    assert!(
        message(&failure(
            &engine,
            Endpoint::Mgmt,
            ".alter-merge table Nope (a:string)"
        ))
        .contains("'Nope'")
    );
    command(&engine, ".create-merge table U (x:int32, y:double, z:date)");
    assert_eq!(
        command(&engine, ".show table U cslschema")["Rows"][0][1],
        json!("x:int, y:real, z:datetime")
    );
    assert_eq!(
        command(
            &engine,
            "// how many
.show tables | count"
        )["Rows"],
        json!([[2]])
    );
    assert_eq!(
        command(&engine, ".drop table U")["Rows"],
        json!([["T", "TestDatabase"]])
    );
    assert!(message(&failure(&engine, Endpoint::Mgmt, ".drop table U")).contains("'U'"));
    assert_eq!(
        command(&engine, ".drop table U ifexists")["Rows"],
        json!([["T", "TestDatabase"]])
    );
    command(&engine, ".clear table T data");
    assert_eq!(primary(&engine, "T | count")["Rows"], json!([[0]]));
}

#[test]
fn names_may_be_unicode_and_odd_ones_are_refused() {
    let engine = engine();
    command(&engine, ".create table ['Größe 温度'] (['каф é']:string)");
    assert_eq!(
        primary(&engine, "['Größe 温度'] | project ['каф é'] | count")["Rows"],
        json!([[0]])
    );
    for text in [
        ".create table ['a/b'] (x:int)".to_owned(),
        ".create table [''] (x:int)".to_owned(),
        format!(".create table {} (x:int)", "n".repeat(1025)),
        ".create table D (x:int, x:long)".to_owned(),
        ".create table D ()".to_owned(),
        ".create table D (x:varchar)".to_owned(),
        ".create table D (x:int) extra".to_owned(),
        ".create table D (x:int) with (nope=1)".to_owned(),
    ] {
        failure(&engine, Endpoint::Mgmt, &text);
    }
    assert_eq!(
        command(&engine, ".show tables | count")["Rows"],
        json!([[1]])
    );
}

#[test]
fn mappings_are_created_shown_and_dropped() {
    let engine = with_table();
    let json_text = r#"[{"Name":"a","datatype":"long","Ordinal":0},{"Name":"s","datatype":"string","Ordinal":1}]"#;
    let created = command(
        &engine,
        &format!(".create table T ingestion csv mapping 'M' '{json_text}'"),
    );
    let kinds: Vec<_> = columns(&created)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        kinds,
        [
            "Name",
            "Kind",
            "Mapping",
            "LastUpdatedOn",
            "Database",
            "Table"
        ]
    );
    assert_eq!(
        (&created["Rows"][0][1], &created["Rows"][0][2]),
        (&json!("Csv"), &json!(json_text))
    );
    assert_eq!(
        engine.mapping("testdatabase", "T", "csv", "M").as_deref(),
        Some(json_text)
    );
    let again = failure(
        &engine,
        Endpoint::Mgmt,
        &format!(".create table T ingestion csv mapping 'M' '{json_text}'"),
    );
    assert!(message(&again).contains("already exists"));
    let other = r#"[{"Column":"s","Properties":{"Path":"$['x']"}}]"#;
    command(
        &engine,
        &format!(".create-or-alter table T ingestion json mapping \"M\" ```{other}```"),
    );
    assert_eq!(
        engine.mapping("TestDatabase", "T", "json", "M").as_deref(),
        Some(other)
    );
    assert_eq!(
        command(&engine, ".show table T ingestion mappings")["Rows"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(
        command(
            &engine,
            ".show table T ingestion csv mappings | project Name"
        )["Rows"],
        json!([["M"]])
    );
    assert_eq!(
        command(&engine, ".show table T ingestion csv mapping \"M\"")["Rows"][0][5],
        json!("T")
    );
    assert!(
        message(&failure(
            &engine,
            Endpoint::Mgmt,
            ".show table T ingestion csv mapping 'N'"
        ))
        .contains("'N'")
    );
    command(&engine, ".drop table T ingestion csv mapping \"M\"");
    assert_eq!(engine.mapping("TestDatabase", "T", "csv", "M"), None);
    command(
        &engine,
        &format!(".create database TestDatabase ingestion csv mapping 'D' '{json_text}'"),
    );
    assert!(engine.mapping("TestDatabase", "T", "csv", "D").is_some());
    for bad in [
        ".create table T ingestion csv mapping 'X' '[]'",
        ".create table T ingestion xml mapping 'X' '[{}]'",
        ".create table Nope ingestion csv mapping 'X' '[{\"Column\":\"a\",\"Properties\":{\"Ordinal\":\"0\"}}]'",
        ".create table T ingestion csv mapping 'X' 'nope'",
    ] {
        failure(&engine, Endpoint::Mgmt, bad);
    }
}

#[test]
fn the_batching_policy_governs_the_ingestor() {
    let engine = with_table();
    assert_eq!(
        engine.batching_time_span("TestDatabase", "T"),
        Duration::from_secs(1)
    );
    assert_eq!(
        command(&engine, ".show table T policy ingestionbatching")["Rows"][0][2],
        json!("null")
    );
    command(
        &engine,
        r#".alter table T policy ingestionbatching @'{"MaximumBatchingTimeSpan":"00:00:30","MaximumNumberOfItems":7}'"#,
    );
    command(
        &engine,
        r#".alter-merge table T policy ingestionbatching @'{"MaximumBatchingTimeSpan":"00:00:20"}'"#,
    );
    assert_eq!(
        engine.batching_time_span("TestDatabase", "T"),
        Duration::from_secs(20)
    );
    assert_eq!(engine.batching_max_items("TestDatabase", "T"), 7);
    command(
        &engine,
        r#".alter table T policy ingestionbatching '{"MaximumNumberOfItems":9}'"#,
    );
    assert_eq!(
        engine.batching_time_span("TestDatabase", "T"),
        Duration::from_secs(1)
    );
    failure(
        &engine,
        Endpoint::Mgmt,
        r#".alter table T policy ingestionbatching '{"MaximumNumberOfItems":0}'"#,
    );
    command(&engine, ".delete table T policy ingestionbatching");
    assert_eq!(engine.batching_max_items("TestDatabase", "T"), 500);
    command(
        &engine,
        ".alter table T policy streamingingestion '{\"IsEnabled\":true}'",
    );
    command(
        &engine,
        ".refresh database 'TestDatabase' table 'T' cache ingestionbatchingpolicy",
    );
}

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
fn each_service_answers_its_own_commands() {
    let engine = with_table();
    let run = |role, endpoint, text: &str| send(&engine, role, endpoint, &json!({"csl": text}));
    let service =
        |role| run(role, Endpoint::Mgmt, ".show version").1["Tables"][0]["Rows"][0][2].clone();
    assert_eq!(service(Role::Both), json!("Engine"));
    assert_eq!(service(Role::DataManagement), json!("DataManagement"));
    for text in [
        ".get ingestion resources ",
        ".show ingestion resources",
        ".get ingestion resources with (EnableBlobCors='true')",
    ] {
        for role in [Role::Both, Role::DataManagement] {
            let (status, body) = run(role, Endpoint::Mgmt, text);
            assert_eq!(
                (status, &body["Tables"][0]["Rows"]),
                (200, &json!([["TempStorage", "http://127.0.0.1:1/c?sig=x"]]))
            );
        }
    }
    let (_, body) = run(
        Role::DataManagement,
        Endpoint::Mgmt,
        ".get kusto identity token",
    );
    assert_eq!(body["Tables"][0]["Rows"], json!([["identity"]]));
    assert_eq!(
        columns(&body["Tables"][0]),
        [("AuthorizationContext", "string")]
    );
    for text in [".get ingestion resources", ".get kusto identity token"] {
        let (status, body) = run(Role::Engine, Endpoint::Mgmt, text);
        let expected = "Cannot get ingestion resources from this service endpoint. The appropriate endpoint is most likely ";
        assert_eq!(status, 400);
        assert!(message(&body["error"]).starts_with(expected), "{body}");
    }
    assert_eq!(
        run(Role::DataManagement, Endpoint::Mgmt, ".show tables").0,
        400
    );
    assert_eq!(
        run(Role::DataManagement, Endpoint::QueryV2, "print 1").0,
        400
    );
}

#[test]
fn commands_that_are_not_known_are_syntax_errors() {
    let engine = engine();
    for text in [
        ".foo",
        ".show",
        ".show clusters",
        ".create function f() {1}",
        ".show tables | frobnicate",
        ".drop",
        ".",
    ] {
        let error = failure(&engine, Endpoint::Mgmt, text);
        assert_eq!(error["innererror"]["code"], json!("SYN0002"), "{text}");
        assert!(message(&error).contains("[line:position="), "{error}");
    }
    failure(&engine, Endpoint::Mgmt, "T | count");
    failure(&engine, Endpoint::QueryV2, ".drop table T ifexists");
}
