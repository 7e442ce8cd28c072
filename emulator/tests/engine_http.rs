//! The engine as a client sees it: a request's body in, a reply's body out.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use kusto_emulator::engine::database::{DataManagement, Engine};
use kusto_emulator::engine::datetime;
use kusto_emulator::engine::http::{Endpoint, Reply, Role, respond};
use kusto_emulator::engine::records::{IngestionFailureRecord, OperationRecord};
use kusto_emulator::engine::value::Value;
use serde_json::{Value as Json, json};
use uuid::Uuid;

struct Storage;

impl DataManagement for Storage {
    fn ingestion_resources(&self) -> Vec<(String, String)> {
        vec![(
            "TempStorage".to_owned(),
            "http://127.0.0.1:1/c?sig=x".to_owned(),
        )]
    }

    fn identity_token(&self) -> String {
        "identity".to_owned()
    }
}

fn engine() -> Engine {
    Engine::new(
        &["TestDatabase".to_owned(), "Datenbänke 1".to_owned()],
        Duration::from_secs(1),
        Arc::new(Storage),
    )
}

fn send(engine: &Engine, role: Role, endpoint: Endpoint, body: &Json) -> (u16, Json) {
    let reply = respond(
        engine,
        role,
        endpoint,
        &HeaderMap::new(),
        body.to_string().as_bytes(),
    );
    (
        reply.status,
        serde_json::from_slice(&reply.body).expect("a reply is JSON"),
    )
}

fn ask(engine: &Engine, endpoint: Endpoint, text: &str) -> (u16, Json) {
    send(
        engine,
        Role::Both,
        endpoint,
        &json!({"db": "TestDatabase", "csl": text}),
    )
}

/// Runs a command that must succeed and gives its table.
fn command(engine: &Engine, text: &str) -> Json {
    let (status, body) = ask(engine, Endpoint::Mgmt, text);
    assert_eq!(status, 200, "{text}: {body}");
    body["Tables"][0].clone()
}

fn columns(table: &Json) -> Vec<(&str, &str)> {
    let text =
        |column: &'_ Json, name: &str| column[name].as_str().map(str::len).unwrap_or_default();
    let listed = table["Columns"].as_array().expect("columns");
    assert!(listed.iter().all(|column| text(column, "DataType") > 0));
    listed
        .iter()
        .map(|c| {
            (
                c["ColumnName"].as_str().unwrap_or(""),
                c["ColumnType"].as_str().unwrap_or(""),
            )
        })
        .collect()
}

/// Runs a command or query that must fail and gives the error.
fn failure(engine: &Engine, endpoint: Endpoint, text: &str) -> Json {
    let (status, body) = ask(engine, endpoint, text);
    assert_eq!(status, 400, "{text}: {body}");
    body["error"].clone()
}

fn message(error: &Json) -> &str {
    error["@message"]
        .as_str()
        .expect("every error has a message")
}

fn primary(engine: &Engine, text: &str) -> Json {
    let (status, body) = ask(engine, Endpoint::QueryV2, text);
    assert_eq!(status, 200, "{text}: {body}");
    body[2].clone()
}

fn with_table() -> Engine {
    let engine = engine();
    command(&engine, ".create table T (a:long, s:string)");
    command(&engine, ".ingest inline into table T <| 1,one\n2,two");
    engine
}

#[test]
fn a_v2_query_has_the_frames_of_the_service() {
    let (_, body) = ask(&with_table(), Endpoint::QueryV2, "T | where a == 2");
    let kinds: Vec<_> = body
        .as_array()
        .expect("frames")
        .iter()
        .map(|frame| &frame["FrameType"])
        .collect();
    assert_eq!(
        kinds,
        [
            "DataSetHeader",
            "DataTable",
            "DataTable",
            "DataTable",
            "DataSetCompletion"
        ]
    );
    let tables: Vec<_> = (1..4).map(|at| body[at]["TableKind"].as_str()).collect();
    assert_eq!(
        tables,
        [
            Some("QueryProperties"),
            Some("PrimaryResult"),
            Some("QueryCompletionInformation")
        ]
    );
    assert_eq!(
        body[0],
        json!({"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0", "IsFragmented": false, "ErrorReportingPlacement": "InData"})
    );
    assert_eq!(
        body[2]["Columns"],
        json!([{"ColumnName": "a", "ColumnType": "long"}, {"ColumnName": "s", "ColumnType": "string"}])
    );
    assert_eq!(body[2]["Rows"], json!([[2, "two"]]));
    assert_eq!(
        body[4],
        json!({"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false})
    );
    for table in 1..4 {
        let width = body[table]["Columns"].as_array().map(Vec::len);
        assert!(
            body[table]["Rows"]
                .as_array()
                .expect("rows")
                .iter()
                .all(|row| row.as_array().map(Vec::len) == width)
        );
    }
}

#[test]
fn a_v1_query_ends_with_its_table_of_contents() {
    let (_, body) = ask(&with_table(), Endpoint::QueryV1, "T | project s | take 1");
    let tables = body["Tables"].as_array().expect("tables");
    assert_eq!(tables.len(), 4);
    assert_eq!(
        tables[0]["Columns"],
        json!([{"ColumnName": "s", "DataType": "String", "ColumnType": "string"}])
    );
    assert_eq!(tables[0]["Rows"], json!([["one"]]));
    let contents: Vec<_> = tables[3]["Rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (&row[0], &row[1]))
        .collect();
    assert_eq!(
        contents,
        [
            (&json!(0), &json!("QueryResult")),
            (&json!(1), &json!("QueryProperties")),
            (&json!(2), &json!("QueryStatus"))
        ]
    );
    assert_eq!(tables[2]["Rows"][0][1], json!(4));
}

#[test]
fn every_type_has_its_form_on_the_wire() {
    let text = "print bool(true), datetime(2024-01-01), decimal(1.5), dynamic([1]), \
        guid(74be27de-1e4e-49d9-b579-fe0b331d3642), int(1), 9223372036854775807, real(nan), 'ä', 1d, long(null)";
    let table = primary(&engine(), text);
    let expected = json!([[
        true,
        "2024-01-01T00:00:00.0000000Z",
        "1.5",
        [1],
        "74be27de-1e4e-49d9-b579-fe0b331d3642",
        1,
        9_223_372_036_854_775_807_i64,
        "NaN",
        "ä",
        "1.00:00:00",
        null
    ]]);
    assert_eq!(table["Rows"], expected);
    let types: Vec<_> = table["Columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|c| c["ColumnType"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(
        types,
        [
            "bool", "datetime", "decimal", "dynamic", "guid", "int", "long", "real", "string",
            "timespan", "long"
        ]
    );
}

#[test]
fn an_error_has_every_field() {
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-ms-client-request-id",
        "MyApp;1".parse().expect("a value"),
    );
    let body = json!({"db": "TestDatabase", "csl": "T | where"}).to_string();
    let Reply {
        status,
        headers,
        body,
    } = respond(
        &engine(),
        Role::Both,
        Endpoint::QueryV2,
        &headers,
        body.as_bytes(),
    );
    let header = |name: &str| {
        headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    };
    let error = serde_json::from_slice::<Json>(&body).expect("JSON")["error"].clone();
    assert_eq!(
        (status, header("content-type")),
        (400, Some("application/json; charset=utf-8"))
    );
    assert_eq!(header("x-ms-client-request-id"), Some("MyApp;1"));
    assert_eq!(error["@context"]["clientRequestId"], json!("MyApp;1"));
    assert_eq!(
        error["@context"]["activityId"].as_str(),
        header("x-ms-activity-id")
    );
    assert_eq!(error["code"], json!("General_BadRequest"));
    assert_eq!(error["@permanent"], json!(true));
    assert_eq!(
        (&error["@database"], &error["@text"]),
        (&json!("TestDatabase"), &json!("T | where"))
    );
    assert_eq!(error["innererror"]["code"], json!("SYN0002"));
    assert!(message(&error).contains("[line:position=1:9]"), "{error}");
}

#[test]
fn bodies_that_make_no_sense_are_refused() {
    let engine = engine();
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"csl\":5}",
        "{\"db\":\"TestDatabase\"}",
    ] {
        let reply = respond(
            &engine,
            Role::Both,
            Endpoint::Mgmt,
            &HeaderMap::new(),
            body.as_bytes(),
        );
        let error: Json = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(
            (reply.status, &error["error"]["code"]),
            (400, &json!("General_BadRequest")),
            "{body}"
        );
    }
    let reply = respond(
        &engine,
        Role::Both,
        Endpoint::Mgmt,
        &HeaderMap::new(),
        b"{\"csl\":\"\xff\"}",
    );
    assert_eq!(reply.status, 400);
}

#[test]
fn obfuscated_literals_stay_out_of_errors() {
    for text in [
        ".ingest into table T (h'http://x/?sig=SECRET')",
        ".show h@'SECRET'",
        ".show table T h\"SECRET\"",
    ] {
        let error = failure(&engine(), Endpoint::Mgmt, text);
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
}

#[test]
fn databases_are_found_in_any_case_and_missing_ones_are_named() {
    let engine = with_table();
    let (status, _) = send(
        &engine,
        Role::Both,
        Endpoint::QueryV2,
        &json!({"db": "TESTDATABASE", "csl": "T"}),
    );
    assert_eq!(status, 200);
    let (status, _) = send(
        &engine,
        Role::Both,
        Endpoint::QueryV2,
        &json!({"db": "datenbÄnke 1", "csl": "print 1"}),
    );
    assert_eq!(status, 200);
    let (status, body) = send(
        &engine,
        Role::Both,
        Endpoint::QueryV2,
        &json!({"db": "Nope", "csl": "T"}),
    );
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &json!("BadRequest_EntityNotFound"))
    );
    assert!(message(&body["error"]).contains("'Nope'"));
    assert!(message(&failure(&engine, Endpoint::QueryV2, "t | count")).contains("'t'"));
}

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
fn request_options_and_parameters_count() {
    let engine = with_table();
    let ask = |text: &str, properties: Json| {
        send(
            &engine,
            Role::Both,
            Endpoint::QueryV2,
            &json!({"db": "TestDatabase", "csl": text, "properties": properties}),
        )
        .1
    };
    let body = ask(
        "print now()",
        json!({"Options": {"query_now": "2024-01-01T00:00:00Z", "unknown": []}}),
    );
    assert_eq!(body[2]["Rows"], json!([["2024-01-01T00:00:00.0000000Z"]]));
    let parameters = json!({"Parameters": {"n": 2, "who": "it's"}}).to_string();
    let body = ask(
        "declare query_parameters(n:long, who:string); T | where a == n | project who",
        json!(parameters),
    );
    assert_eq!(body[2]["Rows"], json!([["it's"]]));
    assert_eq!(
        ask("T", json!({"Options": {"query_take_max_records": 1}}))[2]["Rows"],
        json!([[1, "one"]])
    );
}

#[test]
fn too_many_rows_are_cut_with_an_error_in_the_data() {
    let engine = with_table();
    let body = json!({"db": "TestDatabase", "csl": "T", "properties": {"Options": {"truncationmaxrecords": 1}}});
    let (status, v2) = send(&engine, Role::Both, Endpoint::QueryV2, &body);
    assert_eq!(
        (status, v2[2]["Rows"].as_array().map(Vec::len)),
        (200, Some(2))
    );
    assert!(
        v2[2]["Rows"][1]["OneApiErrors"][0]["error"]["@message"]
            .as_str()
            .expect("text")
            .contains("80DA0003")
    );
    assert_eq!(
        (&v2[4]["HasErrors"], &v2[3]["Rows"][0][5]),
        (&json!(true), &json!(2))
    );
    let (_, v1) = send(&engine, Role::Both, Endpoint::QueryV1, &body);
    assert!(
        v1["Tables"][0]["Rows"][1]["Exceptions"][0]
            .as_str()
            .expect("text")
            .contains("80DA0003")
    );
    assert_eq!(v1["Tables"][2]["Rows"][0][1], json!(2));
    let lifted = json!({"db": "TestDatabase", "csl": "set notruncation; T", "properties": body["properties"]});
    assert_eq!(
        send(&engine, Role::Both, Endpoint::QueryV2, &lifted).1[4]["HasErrors"],
        json!(false)
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

#[test]
fn sixty_thousand_wide_rows_are_counted() {
    let engine = engine();
    let columns: Vec<String> = (0..22).map(|at| format!("c{at}:string")).collect();
    command(
        &engine,
        &format!(".create table Wide ({})", columns.join(", ")),
    );
    let row = || vec![Value::String("x".to_owned()); 22];
    engine
        .append(
            "TestDatabase",
            "Wide",
            (0..60_000).map(|_| row()).collect(),
            &[],
            None,
        )
        .expect("fits");
    assert_eq!(primary(&engine, "Wide | count")["Rows"], json!([[60_000]]));
}

#[test]
fn frames_come_in_fragments_and_lines_when_asked_for() {
    let engine = with_table();
    let options = json!({
        "results_v2_fragment_primary_tables": true,
        "results_v2_newlines_between_frames": true,
        "results_error_reporting_placement": "end_of_table",
        "truncationmaxrecords": 2500,
    });
    let body = json!({"db": "TestDatabase", "csl": "range x from 1 to 3000 step 1", "properties": {"Options": options}});
    let reply = respond(
        &engine,
        Role::Both,
        Endpoint::QueryV2,
        &HeaderMap::new(),
        body.to_string().as_bytes(),
    );
    let text = String::from_utf8(reply.body).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("[{\"FrameType\":\"DataSetHeader\"") && lines.last() == Some(&"]"),
        "{text}"
    );
    assert!(
        lines[1..lines.len() - 1]
            .iter()
            .all(|line| line.starts_with(",{\"FrameType\":")),
        "{text}"
    );
    let frames: Json = serde_json::from_str(&text).expect("JSON");
    let of = |kind: &str| -> Vec<Json> {
        let frames = frames.as_array().expect("frames").iter();
        frames
            .filter(|frame| frame["FrameType"] == kind)
            .cloned()
            .collect()
    };
    let sizes: Vec<_> = of("TableFragment")
        .iter()
        .map(|frame| frame["Rows"].as_array().map(Vec::len))
        .collect();
    assert_eq!(sizes, [Some(1000), Some(1000), Some(500)]);
    assert_eq!(of("TableCompletion")[0]["RowCount"], json!(2500));
    assert_eq!(
        of("TableCompletion")[0]["OneApiErrors"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(
        of("DataSetHeader")[0]["ErrorReportingPlacement"],
        json!("EndOfTable")
    );
}
