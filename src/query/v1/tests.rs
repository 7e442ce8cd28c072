use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::{ErrorKind, RetryClass};

fn parse(body: &[u8]) -> Result<DataSet> {
    super::parse(&Bytes::copy_from_slice(body), &Stop::default())
}

fn read(body: &Json) -> Result<DataSet> {
    parse(body.to_string().as_bytes())
}

fn column(name: &str, data_type: &str) -> Json {
    json!({"ColumnName": name, "DataType": data_type})
}

fn table(name: &str) -> Json {
    json!({"TableName": name, "Columns": [column("a", "Int64")], "Rows": [[1]]})
}

fn contents(rows: Json) -> Json {
    json!({
        "TableName": "Table_9",
        "Columns": [
            column("Ordinal", "Int64"), column("Kind", "String"), column("Name", "String"),
            column("Id", "String"), column("PrettyName", "String"),
        ],
        "Rows": rows,
    })
}

fn status(severity: i64) -> Json {
    json!({
        "TableName": "Table_2",
        "Columns": [
            column("Severity", "Int32"), column("StatusCode", "Int32"),
            column("StatusDescription", "String"), column("ActivityId", "Guid"),
        ],
        "Rows": [[4, 0, "Query completed successfully", null],
                 [severity, 7, "it broke", "74be27de-1e4e-49d9-b579-fe0b331d3642"]],
    })
}

fn kinds(data: &DataSet) -> Vec<&'static str> {
    data.tables.iter().map(|table| table.kind.name()).collect()
}

#[test]
fn types_come_from_column_type_first_and_sbyte_is_bool() {
    let data = read(&json!({"Tables": [{
        "TableName": "Table_0",
        "Columns": [
            {"ColumnName": "a", "DataType": "SByte", "ColumnType": "bool"},
            {"ColumnName": "b", "DataType": "System.SByte"},
            {"ColumnName": "c", "DataType": "Object", "ColumnType": "dynamic"},
            {"ColumnName": "d", "DataType": "SqlDecimal"},
            {"ColumnName": "e", "ColumnType": "long"},
            {"ColumnName": "f", "DataType": "FromTheFuture"},
            {"ColumnName": "g"},
        ],
        "Rows": [[1, 0, "{\"x\":1}", "1.0", 9_223_372_036_854_775_807_i64, "new", 5]],
    }]}))
    .unwrap();
    let table = data.primary().unwrap();
    let types: Vec<_> = table
        .columns
        .iter()
        .map(|column| column.ty.name())
        .collect();
    assert_eq!(
        types,
        [
            "bool", "bool", "dynamic", "decimal", "long", "dynamic", "dynamic"
        ]
    );
    let texts: Vec<_> = table.rows[0]
        .iter()
        .map(|value| value.to_text().unwrap())
        .collect();
    assert_eq!(
        texts,
        [
            "true",
            "false",
            r#"{"x":1}"#,
            "1.0",
            "9223372036854775807",
            "\"new\"",
            "5"
        ]
    );
}

#[test]
fn one_table_is_the_result_and_of_two_the_second_describes_it() {
    let one = read(&json!({"Tables": [table("Table_0")]})).unwrap();
    assert_eq!(kinds(&one), ["PrimaryResult"]);
    let two = read(&json!({"Tables": [table("Table_0"), table("Table_1")]})).unwrap();
    assert_eq!(kinds(&two), ["PrimaryResult", "QueryProperties"]);
    let none = read(&json!({"Tables": []})).unwrap();
    assert!(none.primary().is_none());
}

#[test]
fn a_table_of_contents_says_which_table_is_which_by_ordinal() {
    let rows = json!([
        [2, "QueryStatus", "QueryStatus", "", ""],
        [0, "QueryResult", "PrimaryResult", "", ""],
        [1, "SomethingNew", "X", "", ""],
        [17, "QueryResult", "Nowhere", "", ""],
    ]);
    let tables = json!([
        table("Table_0"),
        table("Table_1"),
        status(4),
        contents(rows)
    ]);
    let data = read(&json!({"Tables": tables})).unwrap();
    assert_eq!(
        kinds(&data),
        [
            "PrimaryResult",
            "Unknown",
            "QueryCompletionInformation",
            "TableOfContents"
        ]
    );
    assert_eq!(data.primary().unwrap().name, "PrimaryResult");
}

#[test]
fn three_tables_without_a_table_of_contents_are_three_results() {
    let data = read(&json!({"Tables": [table("a"), table("b"), table("c")]})).unwrap();
    assert_eq!(data.primary_tables().count(), 3);
}

#[test]
fn errors_hide_in_three_places() {
    let row = json!({"Tables": [{
        "TableName": "t", "Columns": [column("a", "Int64")],
        "Rows": [[1], {"Exceptions": ["it broke"]}],
    }]});
    let top = json!({"Tables": [table("t")], "Exceptions": ["it broke"]});
    let rows = json!([
        [0, "QueryResult", "", "", ""],
        [1, "QueryProperties", "", "", ""],
        [2, "QueryStatus", "", "", ""],
    ]);
    let tables = json!([table("a"), table("b"), status(2), contents(rows)]);
    for body in [row, top, json!({"Tables": tables})] {
        let error = read(&body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Service, "{body}");
        assert_eq!(error.message(), "it broke", "{body}");
    }
    let error = read(&json!({"Tables": tables})).unwrap_err();
    assert_eq!(
        error.activity_id(),
        Some("74be27de-1e4e-49d9-b579-fe0b331d3642")
    );
    assert_eq!(error.service_code(), Some("7"));
    assert!(read(&json!({"Tables": [], "Exceptions": []})).is_ok());
    assert!(read(&json!({"Tables": [], "Exceptions": null})).is_ok());
}

#[test]
fn an_error_in_the_place_of_the_tables_is_that_error() {
    let error =
        parse(br#"{"error":{"code":"LimitsExceeded","message":"too late","@permanent":true}}"#)
            .unwrap_err();
    assert_eq!(error.service_code(), Some("LimitsExceeded"));
    assert_eq!(error.retry(), RetryClass::Never);
}

#[test]
fn a_body_that_is_cut_off_or_foreign_is_an_error_without_the_data() {
    let whole = json!({"Tables": [{
        "TableName": "t", "Columns": [column("a", "String")], "Rows": [["s3cret data"]],
    }]})
    .to_string();
    for end in 0..whole.len() {
        let error = parse(&whole.as_bytes()[..end]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Service);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let error = parse(b"<html><head><TITLE>Bad\n gateway</TITLE></head>").unwrap_err();
    assert!(
        error.message().ends_with("an HTML page of 46 bytes"),
        "{error}"
    );
    for body in [
        r#""s3cret""#,
        r#"{"Tables":"s3cret"}"#,
        r#"{"s3cret":[],"Tables":[{"Columns":[],"Rows":["s3cret"]}]}"#,
        r#"{"Tables":[{"Columns":[],"Rows":[{"a":"s3cret"}]}]}"#,
        r#"{"Tables":[{"Columns":[],"Rows":[{"message":"s3cret"}]}]}"#,
        r#"{"Tables":[{"Columns":[],"Rows":[]}],"Exceptions":[{"a":"s3cret"}]}"#,
    ] {
        let error = parse(body.as_bytes()).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    assert!(parse(b"").is_err());
}

#[test]
fn rows_of_the_wrong_width_are_errors_and_odd_cells_are_not() {
    let body = |row: Json| json!({"Tables": [{"TableName": "t", "Columns": [column("a", "Int64")], "Rows": [row]}]});
    for row in [json!([]), json!([1, 2])] {
        assert!(read(&body(row.clone())).is_err(), "{row}");
    }
    let data = read(&body(json!(["odd"]))).unwrap();
    let odd = Value::String("odd".into());
    assert_eq!(data.primary().unwrap().rows, [[odd]]);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "[a-zA-Z{\\[\"0-9:.-]{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::hash_map("[a-zA-Z@]{0,8}", inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(body in any::<Vec<u8>>()) {
        prop_assert!(parse(&body).is_err());
    }

    #[test]
    fn no_cells_break_the_parser(
        types in proptest::collection::vec("(bool|datetime|decimal|dynamic|guid|int|long|real|string|timespan|x)", 3),
        rows in proptest::collection::vec(any_json(), 0..4),
        cells in proptest::collection::vec(any_json(), 3),
        exceptions in any_json(),
    ) {
        let columns: Vec<_> = types.iter().map(|ty| json!({"ColumnName": "c", "ColumnType": ty})).collect();
        let _ = read(&json!({"Tables": [{"TableName": "t", "Columns": columns, "Rows": [cells]}]}));
        let _ = read(&json!({
            "Tables": [{"TableName": "t", "Columns": columns, "Rows": rows}],
            "Exceptions": exceptions,
        }));
    }
}
