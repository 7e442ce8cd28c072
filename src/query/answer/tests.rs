use tokio_util::sync::CancellationToken;

use super::*;
use crate::op::{CallOptions, CancelToken, Scope};
use crate::query::Value;

/// A v2 answer with one column and this many rows.
fn large(rows: usize) -> Bytes {
    let rows = vec!["[1]"; rows].join(",");
    let table = format!(
        r#"{{"FrameType":"DataTable","TableKind":"PrimaryResult","TableName":"T",
            "Rows":[{rows}],"Columns":[{{"ColumnName":"a","ColumnType":"long"}}]}}"#
    );
    let end = r#"{"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}"#;
    format!("[{table},{end}]").into()
}

#[tokio::test]
async fn a_large_answer_leaves_the_runtimes_thread_to_the_limits_of_the_call() {
    let body = large(1_000_000);
    assert!(body.len() > SMALL);
    let cancel = CancelToken::new();
    let options = CallOptions::new().with_cancel(cancel.clone());
    let scope = Scope::new(&options, CancellationToken::new());
    let reading = scope.run(
        Step::RunQuery,
        "h",
        read(Kind::Query, Step::RunQuery, body.clone()),
    );
    // The only thread of this runtime gets to the cancellation while the answer is read.
    let (result, ()) = tokio::join!(reading, async { cancel.cancel() });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    let data = read(Kind::Query, Step::RunQuery, body).await.unwrap();
    assert_eq!(data.primary().unwrap().rows.len(), 1_000_000);
}

#[test]
fn an_abandoned_answer_is_not_read_to_its_end() {
    let stop = Stop::default();
    let body = large(ROWS_BETWEEN_LOOKS + 1);
    assert!(v2::parse(&body, &stop).is_ok());
    drop(StopOnDrop(stop.clone()));
    let frames = Bytes::from_static(br#"[{"FrameType":"DataSetHeader"}]"#);
    let tables = Bytes::from_static(br#"{"Tables":[{}]}"#);
    for abandoned in [
        v2::parse(&body, &stop),
        v2::parse(&frames, &stop),
        v1::parse(&tables, &stop),
    ] {
        let error = abandoned.unwrap_err();
        assert!(error.message().contains("abandoned"), "{error}");
    }
}

#[test]
fn rows_are_kept_as_they_arrived() {
    let body = large(1000);
    let data = v2::parse(&body, &Stop::default()).unwrap();
    let rows = data.primary().unwrap().rows.wire().unwrap();
    assert_eq!(rows.answer.as_ptr(), body.as_ptr());
    assert_eq!(rows.starts.len(), 1000);
}

#[test]
fn one_unreadable_cell_leaves_the_other_cells_and_rows() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let columns = |wanted: &[&str]| {
        let column = |ty: &&str| format!(r#"{{"ColumnName":"c","ColumnType":"{ty}"}}"#);
        wanted.iter().map(column).collect::<Vec<_>>().join(",")
    };
    let columns = columns(&["string", "real", "dynamic", "long", "decimal"]);
    let rows = format!(
        r#"["a\ud800b",NaN,{deep},-Infinity,NaN],["x",1.5,[1],2,1.0000000000000000000000000001]"#
    );
    let table = format!(r#""Columns":[{columns}],"Rows":[{rows}]"#);
    let v1 = format!(r#"{{"Tables":[{{"TableName":"T",{table}}}]}}"#);
    let v2 = format!(
        r#"[{{"FrameType":"DataTable","TableKind":"PrimaryResult",{table}}},
            {{"FrameType":"DataSetCompletion"}}]"#
    );
    let answers = [
        v1::parse(&v1.into(), &Stop::default()).unwrap(),
        v2::parse(&v2.into(), &Stop::default()).unwrap(),
    ];
    for data in answers {
        let texts = |row: Vec<Value>| -> Vec<_> {
            row.iter().map(|value| value.to_text().unwrap()).collect()
        };
        let rows = &data.primary().unwrap().rows;
        assert_eq!(
            texts(rows.get(0).unwrap()),
            ["a\u{fffd}b", "NaN", deep.as_str(), "-Infinity", "NaN"]
        );
        assert_eq!(
            texts(rows.get(1).unwrap()),
            ["x", "1.5", "[1]", "2", "1.0000000000000000000000000001"]
        );
        // What cannot be read is a text in JSON; what serde_json cannot read is JSON all the same.
        let json = &data.to_json()["tables"][0]["rows"][0];
        assert_eq!(json[2], Json::from(deep.as_str()));
        assert_eq!(json[3], Json::from("-Infinity"));
        assert!(data.to_json_text().contains(&format!(",{deep},")));
    }
}

#[test]
fn what_is_not_rows_has_a_limit_of_its_own() {
    let errors = "{},".repeat(2 * 1024 * 1024);
    let body = format!(r#"{{"Tables":[],"Exceptions":[{errors}{{}}]}}"#);
    let error = v1::parse(&body.into(), &Stop::default()).unwrap_err();
    assert!(error.message().contains("a member is too large"), "{error}");
}

#[test]
fn a_thread_that_is_refused_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .thread_stack_size(isize::MAX as usize / 2)
        .build()
        .unwrap();
    let body = large(100_000);
    assert!(body.len() > SMALL);
    let error = runtime.block_on(read(Kind::Command, Step::RunCommand, body));
    let error = error.unwrap_err();
    assert!(error.message().contains("cannot start a thread"), "{error}");
    assert_eq!(error.step(), Step::RunCommand);
    assert!(error.is_in_doubt());
}

/// A hostile answer of a few bytes for each table or column must not take many times its memory.
#[test]
fn tables_and_columns_are_limited() {
    let list = |item: &str, count: usize| vec![item; count].join(",");
    let stop = Stop::default();
    let v1 = |tables: String| v1::parse(&format!(r#"{{"Tables":[{tables}]}}"#).into(), &stop);
    let v2 = |frames: String| v2::parse(&format!("[{frames}]").into(), &stop);
    let with_columns = |count: usize| format!(r#"{{"Columns":[{}],"Rows":[]}}"#, list("{}", count));
    let frame = r#"{"FrameType":"DataTable","Columns":[],"Rows":[]}"#;
    let (half, end) = (MAX_COLUMNS / 2, r#"{"FrameType":"DataSetCompletion"}"#);
    assert!(v1(list(&with_columns(0), MAX_TABLES)).is_ok());
    assert!(v1(list(&with_columns(half), 2)).is_ok());
    assert!(v2(list(frame, MAX_TABLES) + "," + end).is_ok());
    for (refused, what) in [
        (
            v1(list(&with_columns(0), MAX_TABLES + 1)),
            "too many tables",
        ),
        (v1(list(&with_columns(half + 1), 2)), "too many columns"),
        (v1("{},{".to_owned()), "no columns or rows"),
        (
            v2(list(frame, MAX_TABLES + 1) + "," + end),
            "too many tables",
        ),
    ] {
        let error = refused.unwrap_err();
        assert!(error.message().contains(what), "{error}");
    }
}
