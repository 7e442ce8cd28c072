use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::{Error, ErrorKind, RetryClass};

fn parse(body: &[u8]) -> Result<DataSet> {
    super::parse(&Bytes::copy_from_slice(body), &Stop::default())
}

fn read(frames: &Json) -> Result<DataSet> {
    parse(frames.to_string().as_bytes())
}

fn header() -> Json {
    json!({"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0"})
}

fn completion() -> Json {
    json!({"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false})
}

fn columns() -> Json {
    json!([{"ColumnName": "a", "ColumnType": "long"}])
}

fn table(rows: Json) -> Json {
    json!({
        "FrameType": "DataTable", "TableId": 1, "TableKind": "PrimaryResult",
        "TableName": "PrimaryResult", "Columns": columns(), "Rows": rows,
    })
}

fn table_header(id: i64) -> Json {
    json!({
        "FrameType": "TableHeader", "TableId": id, "TableKind": "PrimaryResult",
        "TableName": "PrimaryResult", "Columns": columns(),
    })
}

fn fragment(id: i64, kind: &str, rows: Json) -> Json {
    json!({
        "FrameType": "TableFragment", "TableId": id, "FieldCount": 1,
        "TableFragmentType": kind, "Rows": rows,
    })
}

fn table_completion(id: i64, rows: i64) -> Json {
    json!({"FrameType": "TableCompletion", "TableId": id, "RowCount": rows})
}

fn information(level: i64) -> Json {
    json!({
        "FrameType": "DataTable", "TableId": 2, "TableKind": "QueryCompletionInformation",
        "TableName": "QueryCompletionInformation",
        "Columns": [
            {"ColumnName": "Level", "ColumnType": "int"},
            {"ColumnName": "StatusCodeName", "ColumnType": "string"},
            {"ColumnName": "Payload", "ColumnType": "string"},
            {"ColumnName": "ActivityId", "ColumnType": "guid"},
        ],
        "Rows": [[level, "E_FAIL", "{\"Count\":1,\"Text\":\"it broke\"}", "74be27de-1e4e-49d9-b579-fe0b331d3642"]],
    })
}

fn one_api_error() -> Json {
    json!([{"error": {
        "code": "LimitsExceeded", "message": "short", "@message": "it broke", "@permanent": false,
        "@context": {"activityId": "act"},
    }}])
}

fn error(frames: &Json) -> Error {
    read(frames).expect_err(&frames.to_string())
}

fn numbers(table: &Table) -> Vec<i64> {
    table
        .rows
        .iter()
        .filter_map(|row| row[0].as_i64())
        .collect()
}

#[test]
fn whole_tables_in_any_order_of_members() {
    let text = r#"[
        {"Version":"v2.0","IsProgressive":false,"FrameType":"DataSetHeader"},
        {"Rows":[[9007199254740993]],"Columns":[{"ColumnType":"long","ColumnName":"a"}],
         "TableName":"PrimaryResult","TableKind":"PrimaryResult","TableId":1,"FrameType":"DataTable"},
        {"FrameType":"SomethingNew","X":7}
        ,{"Cancelled":false,"HasErrors":false,"FrameType":"DataSetCompletion"}
    ]"#;
    let data = parse(text.as_bytes()).unwrap();
    assert_eq!(numbers(data.primary().unwrap()), [9_007_199_254_740_993]);
}

#[test]
fn several_primary_tables_keep_their_order() {
    let data = read(&json!([
        header(),
        table(json!([[1]])),
        information(4),
        table(json!([[2]])),
        completion()
    ]))
    .unwrap();
    let all: Vec<_> = data.primary_tables().flat_map(numbers).collect();
    assert_eq!(all, [1, 2]);
    assert_eq!(data.tables.len(), 3);
}

#[test]
fn fragments_append_or_replace() {
    let data = read(&json!([
        header(),
        table_header(1),
        fragment(1, "DataAppend", json!([[1], [2]])),
        {"FrameType": "TableProgress", "TableId": 1, "TableProgress": 50.5},
        fragment(1, "DataReplace", json!([[3]])),
        table_header(2),
        fragment(1, "DataAppend", json!([[4]])),
        fragment(2, "DataAppend", json!([[9]])),
        table_completion(1, 2),
        table_completion(2, 1),
        completion(),
    ]))
    .unwrap();
    let tables: Vec<_> = data.primary_tables().map(numbers).collect();
    assert_eq!(tables, [vec![3, 4], vec![9]]);
}

#[test]
fn errors_hide_in_four_places() {
    let in_row = table(json!([[1], {"OneApiErrors": one_api_error()}]));
    let mut at_table_end = table_completion(1, 0);
    at_table_end["OneApiErrors"] = one_api_error();
    let at_end = json!({
        "FrameType": "DataSetCompletion", "HasErrors": true, "Cancelled": false,
        "OneApiErrors": one_api_error(),
    });
    for frames in [
        json!([header(), in_row, completion()]),
        json!([header(), table_header(1), at_table_end, completion()]),
        json!([header(), table(json!([[1]])), at_end]),
    ] {
        let error = error(&frames);
        assert_eq!(error.kind(), ErrorKind::Service);
        assert_eq!(error.step(), Step::RunQuery);
        assert_eq!(error.message(), "it broke");
        assert_eq!(error.service_code(), Some("LimitsExceeded"));
        assert_eq!(error.activity_id(), Some("act"));
        assert_eq!(error.retry(), RetryClass::Later);
    }
    for level in [1, 2] {
        let error = error(&json!([
            header(),
            table(json!([[1]])),
            information(level),
            completion()
        ]));
        assert_eq!(error.message(), "it broke");
        assert_eq!(error.service_code(), Some("E_FAIL"));
        assert_eq!(
            error.activity_id(),
            Some("74be27de-1e4e-49d9-b579-fe0b331d3642")
        );
    }
    // A warning is not an error.
    assert!(
        read(&json!([
            header(),
            table(json!([[1]])),
            information(3),
            completion()
        ]))
        .is_ok()
    );
}

#[test]
fn a_completion_that_says_failed_or_cancelled_without_a_reason_is_an_error() {
    for members in [
        json!({"FrameType": "DataSetCompletion", "HasErrors": true, "OneApiErrors": []}),
        json!({"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": true}),
    ] {
        assert_eq!(
            error(&json!([header(), members])).kind(),
            ErrorKind::Service
        );
    }
}

#[test]
fn an_answer_that_ends_early_is_an_error() {
    let whole = json!([
        header(),
        table_header(1),
        fragment(1, "DataAppend", json!([[1], [2]])),
        table_completion(1, 2),
        table(json!([[3]])),
        completion(),
    ]);
    assert!(read(&whole).is_ok());
    let text = whole.to_string();
    for end in 0..text.len() {
        assert!(parse(&text.as_bytes()[..end]).is_err(), "{end}");
    }
    let frames = whole.as_array().unwrap();
    for missing in 1..frames.len() {
        // Header and whole tables apart, no frame can be missed.
        if missing == 4 {
            continue;
        }
        let mut fewer = frames.clone();
        fewer.remove(missing);
        assert!(read(&Json::from(fewer)).is_err(), "{missing}");
    }
}

#[test]
fn frames_that_make_no_sense_are_errors() {
    for frames in [
        json!([
            header(),
            fragment(1, "DataAppend", json!([[1]])),
            completion()
        ]),
        json!([header(), table_completion(1, 0), completion()]),
        json!([
            header(),
            table_header(1),
            fragment(1, "DataMerge", json!([])),
            completion()
        ]),
        json!([header(), table_header(1), completion()]),
        json!([header(), {"FrameType": "DataTable", "TableKind": "PrimaryResult"}, completion()]),
        json!([{"NoFrameType": 1}]),
        json!([]),
        json!("text"),
    ] {
        assert_eq!(error(&frames).kind(), ErrorKind::Service);
    }
}

#[test]
fn a_late_failure_as_an_object_or_as_text_is_shown() {
    let body =
        br#"{"error":{"code":"General_BadRequest","@message":"too late","@permanent":true}}"#;
    let error = parse(body).unwrap_err();
    assert_eq!(error.message(), "too late");
    assert!(error.is_permanent());
    let error = parse(b"upstream connect error, see https://x/y?sig=abc").unwrap_err();
    assert!(error.message().ends_with("text of 47 bytes"), "{error}");
    assert!(!error.message().contains("upstream"), "{error}");
}

fn any_frame() -> impl Strategy<Value = Json> {
    let rows = prop_oneof![
        Just(json!([[1]])),
        Just(json!([])),
        Just(json!([[1, 2]])),
        Just(json!([{"OneApiErrors": 5}])),
    ];
    prop_oneof![
        Just(header()),
        Just(completion()),
        rows.clone().prop_map(table),
        (0..3_i64).prop_map(table_header),
        (0..3_i64, "DataAppend|DataReplace|Other", rows)
            .prop_map(|(id, kind, rows)| fragment(id, &kind, rows)),
        (0..3_i64, 0..3_i64).prop_map(|(id, rows)| table_completion(id, rows)),
        (0..5_i64).prop_map(information),
    ]
}

proptest! {
    #[test]
    fn no_bytes_break_the_parser(body in any::<Vec<u8>>()) {
        prop_assert!(parse(&body).is_err());
    }

    #[test]
    fn no_order_of_frames_breaks_the_parser(frames in proptest::collection::vec(any_frame(), 0..8)) {
        let completes = frames.contains(&completion());
        if let Ok(data) = read(&Json::from(frames)) {
            prop_assert!(completes);
            for table in &data.tables {
                prop_assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
            }
        }
    }
}
