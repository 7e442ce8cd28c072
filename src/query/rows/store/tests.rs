use serde_json::{Value as Json, json};

use super::*;
use crate::query::{Column, DataSet, Table, TableKind};

const TYPES: [(&str, ColumnType); 10] = [
    ("a", ColumnType::Bool),
    ("b", ColumnType::DateTime),
    ("c", ColumnType::Decimal),
    ("d \"q\"", ColumnType::Dynamic),
    ("e", ColumnType::Guid),
    ("f", ColumnType::Int),
    ("g", ColumnType::Long),
    ("h", ColumnType::Real),
    ("i", ColumnType::String),
    ("j", ColumnType::TimeSpan),
];

/// Rows as an answer has them, with white space and escapes.
const ANSWER: &str = r#" [ [true, "2026-01-02T03:04:05Z", "1.10", {"a": [1, "]"]},
    "74be27de-1e4e-49d9-b579-fe0b331d3642", -1, 9007199254740993, 1.5, "pl\u00e4in \"q\" \\ ]", "01:00:00"],
    [null,null,null,null,null,null,null,null,null,null],
    [2, 5, "x", "[1]", "-", 1.5, "12", "Infinity", "<é\t>", "-"],["","","","","","","","","",""] ] "#;

fn wire() -> Rows {
    let mut scanner = Scanner::new(ANSWER.as_bytes());
    scanner.open(b'[').unwrap();
    let mut starts = Vec::new();
    while scanner.next(b']', starts.is_empty()).unwrap() {
        starts.push(scanner.position().unwrap() as u32);
        scanner.value().unwrap();
    }
    scanner.end().unwrap();
    Rows::from_wire(WireRows {
        dynamics: crate::query::scalar::Dynamics::Native,
        answer: Bytes::from_static(ANSWER.as_bytes()),
        types: TYPES.iter().map(|(_, ty)| *ty).collect(),
        starts,
    })
}

fn table(rows: Rows) -> Table {
    Table {
        name: "T \"q\"".to_owned(),
        kind: TableKind::PrimaryResult,
        columns: TYPES.map(|(name, ty)| Column::new(name, ty)).into(),
        rows,
    }
}

#[test]
fn rows_of_an_answer_are_the_rows_of_their_values() {
    let (wire, values): (_, Rows) = (wire(), wire().iter().collect());
    assert_eq!(wire, values);
    assert_eq!(wire.clone(), wire.iter().collect::<Vec<_>>());
    assert_eq!(format!("{wire:?}"), format!("{values:?}"));
    for rows in [&wire, &values] {
        assert_eq!(
            (rows.len(), rows.iter().len(), rows.is_empty()),
            (4, 4, false)
        );
        assert_eq!(rows[0][6], Value::Long(9_007_199_254_740_993));
        assert_eq!(rows[0][8].as_str(), Some("pläin \"q\" \\ ]"));
        assert_eq!(rows[2][5], Value::Dynamic(json!(1.5).into()));
        assert!(rows[1][..8].iter().all(Value::is_null));
        assert_eq!(rows.first().as_ref(), Some(&rows[0]));
        assert_eq!(rows.get(4), None);
    }
}

#[test]
fn the_size_of_an_answer_counts_its_bytes_once() {
    let data = DataSet {
        tables: vec![table(wire()), table(wire())],
    };
    assert_eq!(data.size_in_memory(), ANSWER.len() + 2 * 4 * 4);
    assert_eq!(DataSet::default().size_in_memory(), 0);
}

#[test]
fn the_text_of_an_answer_is_that_of_its_tree() {
    let values: Rows = wire().iter().collect();
    let odd = vec![Value::Real(f64::NAN), Value::String("\u{1}\"".to_owned())];
    let data = DataSet {
        tables: vec![table(wire()), table(values), table(Rows::default())],
    };
    let spaces = data
        .to_json_text()
        .replace(r#"{"a": [1, "]"]}"#, r#"{"a":[1,"]"]}"#);
    assert_eq!(spaces, data.to_json().to_string());
    let parsed: Json = serde_json::from_str(&data.to_json_text()).unwrap();
    assert_eq!(parsed["tables"][0]["rows"][2][8], "<é\t>");
    let mut text = String::new();
    write_values(&odd, &mut text);
    assert_eq!(text, r#""NaN","\u0001\"""#);
    assert_eq!(DataSet::default().to_json_text(), r#"{"tables":[]}"#);
}
