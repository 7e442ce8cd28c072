//! The query language as a whole: text in, rows out.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::super::database::tests::{engine, engine_with_table};
use super::super::datetime;
use super::super::error::KustoError;
use super::super::value::Value;
use super::relation::Relation;
use super::run::{Context, run_query};

const NOW: &str = "2024-03-01T12:00:00Z";

fn query_with(text: &str, parameters: &Json) -> Result<Relation, KustoError> {
    let engine = engine_with_table();
    let rows = [(1, "one"), (2, "two"), (3, "Two words"), (4, "")];
    let rows = rows.map(|(a, s)| vec![Value::Long(a), Value::String(s.to_owned())]);
    engine
        .append("Db", "T", rows.to_vec(), &[], None)
        .expect("fits");
    let parameters: Map<String, Json> = parameters.as_object().cloned().unwrap_or_default();
    let now = datetime::parse(NOW).expect("a date");
    let context = Context {
        engine: &engine,
        database: "db",
        now,
        parameters: &parameters,
    };
    run_query(&context, text).map(|outcome| outcome.relation)
}

fn query(text: &str) -> Relation {
    query_with(text, &json!({})).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn rows(text: &str) -> Json {
    query(text)
        .rows
        .iter()
        .map(|row| row.iter().map(Value::to_json).collect::<Json>())
        .collect()
}

fn names(text: &str) -> Vec<String> {
    query(text)
        .columns
        .into_iter()
        .map(|column| column.name)
        .collect()
}

/// The value of one expression.
fn value(expression: &str) -> Json {
    rows(&format!("print {expression}"))[0][0].clone()
}

fn failure(text: &str) -> String {
    match query_with(text, &json!({})) {
        Ok(relation) => panic!("{text} gave {relation:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn counting_taking_and_filtering() {
    assert_eq!(rows("T | count"), json!([[4]]));
    assert_eq!(names("T | count"), ["Count"]);
    assert_eq!(rows("T | take 2 | count"), json!([[2]]));
    assert_eq!(rows("T | limit 0 | count"), json!([[0]]));
    assert_eq!(
        rows("['T'] | where a > 1 and a <= 3 | project a"),
        json!([[2], [3]])
    );
    assert_eq!(
        rows("T | where a == 1 or s == 'two' | project a // the end"),
        json!([[1], [2]])
    );
    assert_eq!(
        rows("T | where not(a between (2 .. 3)) | project a"),
        json!([[1], [4]])
    );
    assert_eq!(
        rows("T | where a !between (2 .. 3) | project a"),
        json!([[1], [4]])
    );
    assert_eq!(
        rows("T | where a in (1, 4) and s !in ('one') | project a"),
        json!([[4]])
    );
    assert_eq!(rows("T | where s in~ ('TWO') | project a"), json!([[2]]));
    assert_eq!(
        rows("T | where a in (dynamic([1, 2])) | project a"),
        json!([[1], [2]])
    );
    assert_eq!(rows("T | where isempty(s) | project a"), json!([[4]]));
}

#[test]
fn text_operators_know_terms_and_case() {
    for (test, expected) in [
        ("'Two words' has 'two'", true),
        ("'Two words' has 'wor'", false),
        ("'Two words' has_cs 'two'", false),
        ("'a_b' has 'a'", true),
        ("'Two words' !has 'three'", true),
        ("'Two words' contains 'O W'", true),
        ("'Two words' contains_cs 'o W'", false),
        ("'abc' startswith 'AB'", true),
        ("'abc' !startswith_cs 'AB'", true),
        ("'abc' endswith 'BC'", true),
        ("'abc' =~ 'ABC'", true),
        ("'abc' !~ 'ABC'", false),
        ("'abc' == 'ABC'", false),
        ("'Two words' hasprefix 'wor'", true),
        ("'Two words' hassuffix 'rds'", true),
        ("'abc1' matches regex '[a-c]+[0-9]'", true),
    ] {
        assert_eq!(value(test), json!(expected), "{test}");
    }
}

#[test]
fn nulls_are_neither_equal_nor_ordered() {
    assert_eq!(value("int(null) == 1"), json!(false));
    assert_eq!(value("int(null) != 1"), json!(true));
    assert_eq!(value("int(null) == int(null)"), Json::Null);
    assert_eq!(value("int(null) < 1"), Json::Null);
    assert_eq!(value("not(int(null) < 1)"), Json::Null);
    assert_eq!(value("int(null) < 1 or true"), json!(true));
    assert_eq!(value("int(null) < 1 and false"), json!(false));
    assert_eq!(
        rows("datatable(v:int)[5, int(null)] | where v > 3 | count"),
        json!([[1]])
    );
    assert_eq!(
        rows("datatable(v:int)[5, int(null)] | where not(v > 3) | count"),
        json!([[0]])
    );
    assert_eq!(value("isnull(long(null))"), json!(true));
    assert_eq!(value("isnull('')"), json!(false));
    assert_eq!(value("isnotempty('')"), json!(false));
}

#[test]
fn arithmetic_follows_the_types() {
    for (expression, expected) in [
        ("7 / 2", json!(3)),
        ("7 / 2.0", json!(3.5)),
        ("-7 % 3", json!(2)),
        ("1 + 2 * 3 - 4", json!(3)),
        ("(1 + 2) * 3", json!(9)),
        ("1 / 0", Json::Null),
        ("9223372036854775807 + 1", Json::Null),
        ("1.0 / 0", json!("Infinity")),
        ("decimal(0.1) + decimal(0.2)", json!("0.3")),
        (
            "datetime(2024-01-02) - datetime(2024-01-01)",
            json!("1.00:00:00"),
        ),
        (
            "datetime(2024-01-01) + 1h",
            json!("2024-01-01T01:00:00.0000000Z"),
        ),
        ("1d / 1h", json!(24.0)),
        ("2 * 1h", json!("02:00:00")),
        ("-1h", json!("-01:00:00")),
        ("now() - ago(1d)", json!("1.00:00:00")),
        ("ago(12h)", json!("2024-03-01T00:00:00.0000000Z")),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn functions_and_conversions() {
    for (expression, expected) in [
        ("tolong('42')", json!(42)),
        ("tolong('x')", Json::Null),
        ("toint(3.9)", json!(3)),
        ("toint(3000000000)", Json::Null),
        ("todouble('1.5')", json!(1.5)),
        (
            "tostring(datetime(2024-01-01))",
            json!("2024-01-01T00:00:00.0000000Z"),
        ),
        ("tobool('true')", json!(true)),
        (
            "todatetime('2024-01-01 10:00')",
            json!("2024-01-01T10:00:00.0000000Z"),
        ),
        ("totimespan('01:00:00')", json!("01:00:00")),
        (
            "toguid('74be27de-1e4e-49d9-b579-fe0b331d3642')",
            json!("74be27de-1e4e-49d9-b579-fe0b331d3642"),
        ),
        ("todynamic('{\"a\":[1,2]}').a[1]", json!(2)),
        ("dynamic({\"x y\":{\"b\":5}})['x y'].b", json!(5)),
        ("dynamic([1,2,3])[-1]", json!(3)),
        ("dynamic({\"a\":1}).b", Json::Null),
        ("dynamic({\"a\":5}).a > 4", json!(true)),
        ("dynamic({\"a\":\"5\"}).a == 5", json!(false)),
        ("dynamic({\"a\":5}).a == '5'", json!(false)),
        (
            "dynamic({\"a\":\"2024-01-01\"}).a == datetime(2024-01-01)",
            json!(true),
        ),
        ("isempty(dynamic({\"a\":\"\"}).a)", json!(true)),
        ("dynamic({\"a\":\"x\"}).a == 'x'", json!(true)),
        ("array_length(dynamic([1,2]))", json!(2)),
        ("strlen('äö')", json!(2)),
        ("tolower('ÄB')", json!("äb")),
        ("strcat('a', 1, 'b')", json!("a1b")),
        ("substring('abcdef', 2, 3)", json!("cde")),
        ("substring('abc', -2)", json!("bc")),
        ("bin(17, 5)", json!(15)),
        ("bin(-1, 5)", json!(-5)),
        (
            "bin(datetime(2024-01-01 10:30), 1h)",
            json!("2024-01-01T10:00:00.0000000Z"),
        ),
        ("floor(2.7, 1)", json!(2.0)),
        ("round(2.345, 2)", json!(2.35)),
        ("abs(-3)", json!(3)),
        ("iff(1 > 2, 'a', 'b')", json!("b")),
        ("iif(int(null) > 2, 1, 2.5)", json!(2.5)),
        ("case(1 > 2, 'a', 2 > 1, 'b', 'c')", json!("b")),
        ("coalesce(long(null), 5)", json!(5)),
        ("coalesce('', 'x')", json!("x")),
        (
            "datetime(2024-03-01) between (ago(1d) .. now())",
            json!(true),
        ),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn projections_name_their_columns() {
    assert_eq!(
        names("T | project a, x = s, a + 1, strlen(s), tostring(a)"),
        ["a", "x", "Column1", "strlen_s", "a1"]
    );
    assert_eq!(names("T | project-away s"), ["a"]);
    assert_eq!(names("T | project-away s*"), ["a"]);
    assert_eq!(names("T | project-keep s"), ["s"]);
    assert_eq!(names("T | project-rename b = a"), ["b", "s"]);
    assert_eq!(names("T | extend b = a, a = s"), ["a", "s", "b"]);
    assert_eq!(
        rows("T | take 1 | extend b = a * 2, a = s"),
        json!([["one", "one", 2]])
    );
    assert_eq!(
        names("T | extend d = dynamic({\"x\":1}) | project d.x"),
        ["d_x"]
    );
    assert_eq!(
        rows("T | getschema | project ColumnName, ColumnType"),
        json!([["a", "long"], ["s", "string"]])
    );
    assert_eq!(names("print 1, b = 2, 'c'"), ["print_0", "b", "print_2"]);
}

#[test]
fn summarizing() {
    const DATA: &str = "datatable(g:string, v:long)['x', 1, 'y', 2, 'x', 3, 'y', long(null)]";
    let over = |rest: &str| rows(&format!("{DATA} | summarize {rest}"));
    assert_eq!(
        over("count(), sum(v), min(v), max(v), avg(v) by g"),
        json!([["x", 2, 4, 1, 3, 2.0], ["y", 2, 2, 2, 2, 2.0]])
    );
    assert_eq!(
        over("n = countif(v > 1), dcount(g), make_list(v), make_set(g)"),
        json!([[2, 2, [1, 2, 3], ["x", "y"]]])
    );
    assert_eq!(over("by g"), json!([["x"], ["y"]]));
    assert_eq!(over("x = max(v) - min(v) + count()"), json!([[6]]));
    assert_eq!(
        over("count() by b = bin(v, 2)"),
        json!([[0, 1], [2, 2], [null, 1]])
    );
    assert_eq!(
        rows(&format!(
            "{DATA} | where v > 9 | summarize count(), sum(v), max(v), avg(v)"
        )),
        json!([[0, 0, null, "NaN"]])
    );
    assert_eq!(
        rows(&format!("{DATA} | where v > 9 | summarize count() by g")),
        json!([])
    );
    assert_eq!(
        names(&format!(
            "{DATA} | summarize count(), sum(v), avg(v), dcount(g), countif(v > 1), make_set(g)"
        )),
        ["count_", "sum_v", "avg_v", "dcount_g", "countif_", "set_g"]
    );
    assert_eq!(
        over("dcountif(g, v > 1), sumif(v, g == 'x')"),
        json!([[2, 4]])
    );
}

#[test]
fn the_row_of_an_extreme() {
    const DATA: &str = "datatable(id:long, t:datetime, s:string)[1, datetime(2024-01-01), 'old', 1, datetime(2024-01-02), 'new', 2, datetime(null), 'only']";
    let text = format!("{DATA} | summarize arg_max(t, *) by id");
    assert_eq!(names(&text), ["id", "t", "s"]);
    assert_eq!(
        rows(&text),
        json!([
            [1, "2024-01-02T00:00:00.0000000Z", "new"],
            [2, null, "only"]
        ])
    );
    assert_eq!(
        rows(&format!("{DATA} | summarize arg_min(t, s)")),
        json!([["2024-01-01T00:00:00.0000000Z", "old"]])
    );
}

#[test]
fn sorting_top_and_distinct() {
    assert_eq!(
        rows("T | sort by a | project a"),
        json!([[4], [3], [2], [1]])
    );
    assert_eq!(
        rows("T | order by a asc | take 1 | project a"),
        json!([[1]])
    );
    assert_eq!(rows("T | top 2 by a desc | project a"), json!([[4], [3]]));
    const NULLS: &str = "datatable(v:int)[2, int(null), 1]";
    assert_eq!(
        rows(&format!("{NULLS} | sort by v")),
        json!([[2], [1], [null]])
    );
    assert_eq!(
        rows(&format!("{NULLS} | sort by v asc")),
        json!([[null], [1], [2]])
    );
    assert_eq!(
        rows(&format!("{NULLS} | sort by v asc nulls last")),
        json!([[1], [2], [null]])
    );
    assert_eq!(
        rows(&format!("{NULLS} | sort by v desc nulls first")),
        json!([[null], [2], [1]])
    );
    assert_eq!(
        rows("datatable(a:int, b:int)[1, 2, 1, 1, 2, 1] | sort by a asc, b asc"),
        json!([[1, 1], [1, 2], [2, 1]])
    );
    assert_eq!(
        rows("datatable(a:int)[1, 1, 2] | distinct a"),
        json!([[1], [2]])
    );
    assert_eq!(
        rows("datatable(a:int, b:int)[1, 1, 1, 1] | distinct *"),
        json!([[1, 1]])
    );
}

#[test]
fn statements_before_the_query() {
    assert_eq!(
        rows("let n = 2; let U = T | where a > n; U | count"),
        json!([[2]])
    );
    assert_eq!(rows("let U = T; U | count;"), json!([[4]]));
    assert_eq!(rows("set notruncation; T | count"), json!([[4]]));
    assert_eq!(rows("range x from 1 to 5 step 2"), json!([[1], [3], [5]]));
    let declared = "declare query_parameters(n:long, t:datetime = datetime(2024-01-01), d:dynamic = dynamic(null)); print n, t, d";
    let parameters = json!({"n": 7, "d": "dynamic([1])", "t": "datetime(2024-02-01)"});
    let relation = query_with(declared, &parameters).expect("valid");
    let row: Json = relation.rows.iter().flatten().map(Value::to_json).collect();
    assert_eq!(row, json!([7, "2024-02-01T00:00:00.0000000Z", [1]]));
    assert!(failure("declare query_parameters(n:long); print n").contains("'n'"));
}

#[test]
fn what_does_not_parse_says_where() {
    for (text, place) in [
        ("T | ", "1:4"),
        ("T | wherre a", "1:4"),
        ("T | where a ==", "1:14"),
        ("T | count count", "1:10"),
        ("T\n| where a = 1", "2:10"),
        ("T | join U on a", "1:4"),
        ("union T, U", "1:6"),
        ("T | where s has", "1:15"),
        ("print 'open", "1:6"),
        ("T; T", "1:3"),
        ("", "1:0"),
    ] {
        let message = failure(text);
        assert!(
            message.contains("SYN0002") && message.contains(&format!("[line:position={place}]")),
            "{text}: {message}"
        );
    }
}

#[test]
fn what_does_not_resolve_is_named() {
    for (text, code, what) in [
        ("Nope | count", "SEM0100", "'Nope'"),
        ("T | where nope == 1", "SEM0100", "'nope'"),
        ("T | project-away nope", "SEM0100", "'nope'"),
        ("T | project-rename x = nope", "SEM0100", "'nope'"),
        ("T | extend x = frobnicate(a)", "SEM0260", "'frobnicate'"),
        ("T | where s == 1", "SEM0064", "string and long"),
        ("T | where a", "SEM0079", "long"),
        ("T | extend x = s + 1", "SEM0064", "string"),
        ("T | summarize a", "SEM0022", "aggregation"),
        ("T | take -1", "SEM0028", "number of rows"),
        ("T | where a has 'x'", "SEM0064", "long"),
        ("T | extend x = strlen()", "SEM0219", "strlen"),
        (
            "T | where s matches regex '('",
            "SEM0420",
            "regular expression",
        ),
        ("print todatetime(5)", "SEM0005", "long"),
        ("T | extend x = s.y", "SEM0086", "string"),
        (
            "range x from 1 to 1000000000000 step 1",
            "SEM0046",
            "too many",
        ),
        ("range x from 1 to 2 step 0", "SEM0046", "zero"),
    ] {
        let message = failure(text);
        assert!(
            message.contains(code) && message.contains(what),
            "{text}: {message}"
        );
        assert!(message.contains("[line:position=1:"), "{message}");
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

#[test]
fn an_unknown_database_is_named() {
    let (engine, parameters) = (engine(), Map::new());
    let context = Context {
        engine: &engine,
        database: "Nope",
        now: 0,
        parameters: &parameters,
    };
    let error = run_query(&context, "print 1")
        .err()
        .expect("no such database");
    assert_eq!(error, KustoError::not_found("Database", "Nope"));
}

proptest! {
    #[test]
    fn no_query_panics(text in r#"(T|print|where|\||a|s|1|'x'|==|\(|\)|\[|\]|,|count|summarize|by|-|\.|in|between| ){0,20}"#) {
        let _ = query_with(&text, &json!({}));
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
