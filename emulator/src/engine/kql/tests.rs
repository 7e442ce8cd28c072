//! Queries that are generated, being too many or too long for a text file. Those of `tests/golden/kql` are text files.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::super::database::tests::engine_with_table;
use super::super::error::KustoError;
use super::super::value::Value;
use super::relation::Relation;
use super::run::{Context, run_query};

fn query(text: &str) -> Result<Relation, KustoError> {
    let engine = engine_with_table();
    let rows = [(1, "one"), (2, "two"), (3, "Two words"), (4, "")];
    let rows = rows.map(|(a, s)| vec![Value::Long(a), Value::String(s.to_owned())]);
    engine
        .append("Db", "T", rows.to_vec(), &[], None)
        .expect("fits");
    let parameters = Map::new();
    let context = Context {
        engine: &engine,
        database: "db",
        now: 0,
        parameters: &parameters,
    };
    run_query(&context, text).map(|outcome| outcome.relation)
}

fn rows(text: &str) -> Json {
    query(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .rows
        .iter()
        .map(|row| row.iter().map(Value::to_json).collect::<Json>())
        .collect()
}

/// The value of one expression.
fn value(expression: &str) -> Json {
    rows(&format!("print {expression}"))[0][0].clone()
}

fn failure(text: &str) -> String {
    match query(text) {
        Ok(relation) => panic!("{text} gave {relation:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let deep =
        |open: &str, close: &str| format!("print {}1{}", open.repeat(50_000), close.repeat(50_000));
    assert!(failure(&deep("(", ")")).contains("nested"));
    assert!(failure(&deep("-", "")).contains("nested"));
    assert!(failure(&deep("abs(", ")")).contains("nested"));
    for repeated in ["1 + ", "1 * ", "true or ", "true and "] {
        assert!(failure(&deep(repeated, "")).contains("nested"));
    }
    assert!(failure(&format!("print x{}", ".y".repeat(50_000))).contains("nested"));
    let many = vec!["a == 1"; 300].join(" or ");
    assert_eq!(rows(&format!("T | where {many} | count")), json!([[1]]));
    let inner = format!("print {}1{}", "iff(true, ".repeat(40), ", 0)".repeat(40));
    assert_eq!(rows(&inner), json!([[1]]));
}

#[test]
fn a_million_rows_are_counted_and_grouped() {
    let engine = engine_with_table();
    let made = (0..1_000_000)
        .map(|a| vec![Value::Long(a), Value::String(String::new())])
        .collect();
    engine.append("Db", "T", made, &[], None).expect("fits");
    let parameters = Map::new();
    let context = Context {
        engine: &engine,
        database: "Db",
        now: 0,
        parameters: &parameters,
    };
    let run = |text: &str| {
        run_query(&context, text)
            .expect("valid")
            .relation
            .rows
            .into_vec()
    };
    assert_eq!(run("T | count"), [[Value::Long(1_000_000)]]);
    assert_eq!(
        run("T | summarize n = count() by x = a % 2 | where n == 500000 | count"),
        [[Value::Long(2)]]
    );
}

proptest! {
    #[test]
    fn no_query_panics(text in r#"(T|print|where|\||a|s|1|'x'|==|\(|\)|\[|\]|,|count|summarize|by|-|\.|in|between| ){0,20}"#) {
        let _ = query(&text);
    }

    #[test]
    fn long_literals_come_back(number: i64) {
        prop_assume!(number != i64::MIN);
        prop_assert_eq!(value(&number.to_string()), json!(number));
    }

    #[test]
    fn quoted_text_comes_back(text in "\\PC{0,30}") {
        let verbatim = format!("@'{}'", text.replace('\'', "''"));
        let escaped = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        prop_assert_eq!(value(&verbatim), json!(text.clone()));
        prop_assert_eq!(value(&escaped), json!(text));
    }
}
