//! Queries that are generated, being too many or too long for a text file. Those of `tests/golden/kql` are text files.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::super::database::Function;
use super::super::database::tests::engine_with_table;
use super::super::error::KustoError;
use super::super::value::Value;
use super::relation::{Relation, Rows};
use super::run::{Context, Outcome, run_query};

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
        host: "localhost",
    };
    run_query(&context, text).map(Outcome::into_relation)
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
    for query in [
        "print toscalar(",
        "print a in (T | where a in (",
        "print a in (",
        "T | join (",
        "T | join (T | where a in (",
        "union (",
        "let f = () { ",
        "T | where toscalar(T | where (",
    ] {
        assert!(failure(&query.repeat(20_000)).contains("nested"), "{query}");
    }
    let inner = format!(
        "{}T{} | count",
        "T | join kind=leftsemi (".repeat(15),
        ") on a".repeat(15)
    );
    assert_eq!(rows(&inner), json!([[4]]));
    let many = vec!["a == 1"; 300].join(" or ");
    assert_eq!(rows(&format!("T | where {many} | count")), json!([[1]]));
    let inner = format!("print {}1{}", "iff(true, ".repeat(40), ", 0)".repeat(40));
    assert_eq!(rows(&inner), json!([[1]]));
}

#[test]
fn stored_functions_are_called_and_never_by_themselves() {
    let engine = engine_with_table();
    let store = |name: &str, parameters: &str, body: &str| {
        let function = Function {
            name: name.to_owned(),
            parameters: parameters.to_owned(),
            body: body.to_owned(),
            folder: String::new(),
            doc_string: String::new(),
            view: false,
        };
        let stored = engine.with_database_mut("Db", |database| {
            database.functions.insert(name.to_owned(), function);
        });
        stored.expect("the database is there");
    };
    store("Twice", "(x:long)", "{ 2 * x }");
    store(
        "Some",
        "(n:long = 1)",
        "{ range x from 1 to n step 1 | extend y = Twice(x) }",
    );
    store("Wrong", "()", "{ Missing | count }");
    store("Endless", "(x:long)", "{ Endless(x) + 1 }");
    let parameters = Map::new();
    let context = Context {
        engine: &engine,
        database: "Db",
        now: 0,
        parameters: &parameters,
        host: "localhost",
    };
    let run = |text: &str| {
        run_query(&context, text).map(|outcome| outcome.into_relation().rows.into_vec())
    };
    assert_eq!(run("print Twice(21)"), Ok(vec![vec![Value::Long(42)]]));
    assert_eq!(run("Some | project y"), Ok(vec![vec![Value::Long(2)]]));
    assert_eq!(
        run("Some(3) | summarize max(y)"),
        Ok(vec![vec![Value::Long(6)]])
    );
    assert_eq!(
        run("let Twice = (x:long) { x }; print Twice(1)"),
        Ok(vec![vec![Value::Long(1)]])
    );
    let failed = |text: &str| run(text).expect_err(text).to_string();
    assert!(failed("Wrong").contains("'Missing'"));
    assert!(failed("print Endless(1)").contains("calls itself"));
}

#[test]
fn long_chains_of_statements_and_steps_are_no_depth() {
    let steps = format!("T{} | count", " | where a > 0".repeat(20_000));
    assert_eq!(rows(&steps), json!([[4]]));
    let lets: String = (1..5_000)
        .map(|at| format!("let v{at} = v{} + 1;", at - 1))
        .collect();
    assert_eq!(
        rows(&format!("let v0 = 0;{lets} print v4999")),
        json!([[4999]])
    );
    let functions: String = (1..5_000)
        .map(|at| format!("let f{at} = () {{ f{}() }};", at - 1))
        .collect();
    let failed = query(&format!("let f0 = () {{ 1 }};{functions} print f4999()"));
    assert!(failed.expect_err("too deep").to_string().contains("nested"));
    let doubled: String = (1..40)
        .map(|at| format!("let g{at} = (x:long) {{ g{0}(x) + g{0}(x) }};", at - 1))
        .collect();
    let failed = query(&format!(
        "let g0 = (x:long) {{ x }};{doubled} T | extend y = g39(a)"
    ));
    assert!(failed.is_err());
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
        host: "localhost",
    };
    let run = |text: &str| {
        run_query(&context, text)
            .expect("valid")
            .into_relation()
            .rows
            .into_vec()
    };
    assert_eq!(run("T | count"), [[Value::Long(1_000_000)]]);
    assert_eq!(
        run("T | summarize n = count() by x = a % 2 | where n == 500000 | count"),
        [[Value::Long(2)]]
    );
    // A filter copies no row: it keeps where they are, in a fraction of the bytes that they take.
    let filtered = run_query(&context, "T | where a % 2 == 0").expect("valid");
    let Rows::Picked(_, places) = filtered.into_relation().rows else {
        panic!("the rows are copied");
    };
    let place = std::mem::size_of_val(places.as_slice()) / places.len();
    assert_eq!(places.len(), 500_000);
    assert!(place < std::mem::size_of::<Vec<Value>>() + 2 * std::mem::size_of::<Value>());
    assert_eq!(
        run("T | where a % 2 == 0 | summarize n = count() by x = a % 5 | count"),
        [[Value::Long(5)]]
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
