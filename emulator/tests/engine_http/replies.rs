//! The shapes of replies, of errors and of requests.

use hyper::HeaderMap;
use kusto_emulator::engine::endpoint::{Endpoint, Reply, respond};
use kusto_emulator::engine::role::Role;
use kusto_emulator::engine::value::Value;
use kusto_emulator::engine::watch::Stop;
use serde_json::{Value as Json, json};

use crate::{ask, command, engine, failure, message, primary, send, with_table};

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
fn several_results_come_in_order_with_their_names() {
    let text = "T | count; T | project a | as Named; T | fork (take 1) (count)";
    let (_, body) = ask(&with_table(), Endpoint::QueryV2, text);
    let frames = body.as_array().expect("frames");
    let primary: Vec<_> = frames
        .iter()
        .filter(|frame| frame["TableKind"] == "PrimaryResult")
        .map(|frame| (frame["TableId"].as_u64(), frame["TableName"].as_str()))
        .collect();
    let plain = Some("PrimaryResult");
    let expected = [(1, plain), (2, Some("Named")), (3, plain), (4, plain)];
    assert_eq!(primary, expected.map(|(id, name)| (Some(id), name)));
    let properties = body[1]["Rows"].as_array().map(Vec::len);
    assert_eq!(properties, Some(4));

    let (_, body) = ask(&with_table(), Endpoint::QueryV1, "T | count; T | take 1");
    let tables = body["Tables"].as_array().expect("tables");
    let contents = tables.last().expect("a table of contents");
    let kinds: Vec<_> = (0..4).map(|at| contents["Rows"][at][1].as_str()).collect();
    let result = Some("QueryResult");
    assert_eq!(
        kinds,
        [result, result, Some("QueryProperties"), Some("QueryStatus")]
    );
    assert_eq!(tables.len(), 5);
}

#[test]
fn a_rendered_result_says_how() {
    let text = "T | render timechart with (title = 'Rows', ycolumns = a)";
    let (_, body) = ask(&with_table(), Endpoint::QueryV2, text);
    let shown = body[1]["Rows"][0][2].as_str().expect("a text");
    let shown: Json = serde_json::from_str(shown).expect("JSON");
    assert_eq!(shown["Visualization"], "timechart");
    assert_eq!(shown["Title"], "Rows");
    assert_eq!(shown["YColumns"], json!(["a"]));
    assert_eq!(shown["XColumn"], Json::Null);
    let (_, body) = ask(&with_table(), Endpoint::QueryV1, text);
    let shown = body["Tables"][1]["Rows"][0][0].as_str().expect("a text");
    assert!(shown.contains("timechart"), "{shown}");
}

#[test]
fn results_behind_the_one_that_is_cut_off_are_left_out() {
    let text = "set truncationmaxrecords = 3; T | take 2; T | take 2; T | take 1";
    let (_, body) = ask(&with_table(), Endpoint::QueryV2, text);
    let frames = body.as_array().expect("frames");
    let rows: Vec<_> = frames
        .iter()
        .filter(|frame| frame["TableKind"] == "PrimaryResult")
        .map(|frame| frame["Rows"].as_array().map(Vec::len))
        .collect();
    // One row and the error.
    assert_eq!(rows, [Some(2), Some(2)]);
    assert_eq!(frames.last().expect("an end")["HasErrors"], true);
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
        &Stop::default(),
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
            &Stop::default(),
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
        &Stop::default(),
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
        &Stop::default(),
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
