use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::props::{ColumnMapping, Mapping};
use crate::values::DateTime;

/// Undoes the escapes of a literal or an identifier between these two ends; `None` if the text
/// ends before its closing quote or goes on behind it.
fn unescape(text: &str, open: &str, close: char, end: &str) -> Option<String> {
    let inner = text.strip_prefix(open)?.strip_suffix(end)?;
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == close {
            return None;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let code: String = chars.by_ref().take(4).collect();
                char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
            }
            c @ ('\\' | '\'' | '"') => c,
            _ => return None,
        });
    }
    Some(out)
}

#[test]
fn identifiers_are_always_quoted() {
    for (name, text) in [
        ("T", "['T']"),
        ("where", "['where']"),
        ("1day", "['1day']"),
        ("['x']", r"['[\'x\']']"),
        ("a'] | take 1", r"['a\'] | take 1']"),
        ("both ' and \"", r#"['both \' and \"']"#),
        ("back\\", r"['back\\']"),
        ("Ünï😀", "['Ünï😀']"),
    ] {
        assert_eq!(identifier(name).unwrap(), text);
    }
    assert!(identifier("").is_err());
    assert!(identifier(&"ü".repeat(1024)).is_ok());
    assert!(identifier(&"ü".repeat(1025)).is_err());
}

#[test]
fn literals() {
    assert_eq!(
        string_literal("a\"b\n\u{0}\u{2028}"),
        r#""a\"b\n\u0000\u2028""#
    );
    assert_eq!(
        obfuscated_literal("https://x?sig=1"),
        "h\"https://x?sig=1\""
    );
}

#[test]
fn values_as_literals_of_their_types() {
    let span = "1.02:03:04.0000005".parse().unwrap();
    let time: DateTime = "2024-01-01T00:00:00Z".parse().unwrap();
    let cases = [
        (
            Value::String("a'b".to_owned()),
            ColumnType::String,
            r#""a\'b""#,
        ),
        (Value::Null, ColumnType::String, "\"\""),
        (Value::Null, ColumnType::Long, "long(null)"),
        (Value::Null, ColumnType::Dynamic, "dynamic(null)"),
        (Value::Bool(true), ColumnType::Bool, "bool(true)"),
        (Value::Int(-1), ColumnType::Int, "int(-1)"),
        (Value::Long(1), ColumnType::Long, "long(1)"),
        (Value::Real(1.5), ColumnType::Real, "real(1.5)"),
        (Value::Real(f64::NAN), ColumnType::Real, "real(nan)"),
        (Value::Real(f64::INFINITY), ColumnType::Real, "real(+inf)"),
        (
            Value::Real(f64::NEG_INFINITY),
            ColumnType::Real,
            "real(-inf)",
        ),
        (
            Value::Decimal("1.50".to_owned()),
            ColumnType::Decimal,
            "decimal(1.50)",
        ),
        (
            Value::DateTime(time),
            ColumnType::DateTime,
            "datetime(2024-01-01T00:00:00.0000000Z)",
        ),
        (
            Value::TimeSpan(span),
            ColumnType::TimeSpan,
            "timespan(1.02:03:04.0000005)",
        ),
        (
            Value::Guid(uuid::Uuid::nil()),
            ColumnType::Guid,
            "guid(00000000-0000-0000-0000-000000000000)",
        ),
        (
            Value::Dynamic(json!(["a"]).into()),
            ColumnType::Dynamic,
            r#"dynamic(["a"])"#,
        ),
    ];
    for (value, ty, text) in cases {
        assert_eq!(value_literal(&value, ty).unwrap(), text);
    }
    let injected = Value::Decimal("1) | drop".to_owned());
    assert!(value_literal(&injected, ColumnType::Decimal).is_err());
}

#[test]
fn tables_from_kusto_and_dotnet_types() {
    let columns = [
        Column::with_type_name("Column1", "System.Int64").unwrap(),
        Column::with_type_name("Column 2", "datetime").unwrap(),
    ];
    assert_eq!(
        create_merge_table("Table1", &columns).unwrap(),
        ".create-merge table ['Table1'] (['Column1']:long, ['Column 2']:datetime)"
    );
    let error = |table: &str, columns: &[Column]| create_table(table, columns).unwrap_err();
    assert_eq!(error("", &columns).argument(), Some("table"));
    assert_eq!(error("T", &[]).argument(), Some("columns"));
    let twice = [columns[0].clone(), columns[0].clone()];
    assert_eq!(error("T", &twice).argument(), Some("columns"));
    let unnamed = [Column::new("", ColumnType::Int)];
    assert_eq!(error("T", &unnamed).argument(), Some("column"));
}

#[test]
fn mappings_of_every_kind_with_their_json_escaped() {
    for kind in MappingKind::ALL {
        let text = create_mapping("T", kind, "M", "[]").unwrap();
        let kind = kind.command_name();
        assert_eq!(
            text,
            format!(".create table ['T'] ingestion {kind} mapping \"M\" \"[]\"")
        );
    }
    let columns = vec![ColumnMapping::path("a", r"$['it\'s']")];
    let json = Mapping::new(MappingKind::Json, columns)
        .unwrap()
        .to_wire_json();
    let text = create_or_alter_mapping("T", MappingKind::Json, "it's", &json).unwrap();
    let prefix = r#".create-or-alter table ['T'] ingestion json mapping "it\'s" "#;
    let literal = text.strip_prefix(prefix).unwrap();
    assert_eq!(unescape(literal, "\"", '"', "\"").unwrap(), json);
    for (name, json) in [("", "[]"), ("M", "{}"), ("M", "")] {
        let error = create_mapping("T", MappingKind::Csv, name, json).unwrap_err();
        assert_eq!(error.argument(), Some("mapping"));
    }
}

#[test]
fn the_other_commands() {
    assert_eq!(drop_table("T", true).unwrap(), ".drop table ['T'] ifexists");
    assert_eq!(drop_table("T", false).unwrap(), ".drop table ['T']");
    assert_eq!(clear_table("T").unwrap(), ".clear table ['T'] data");
    assert_eq!(
        drop_mapping("T", MappingKind::Csv, "M").unwrap(),
        ".drop table ['T'] ingestion csv mapping \"M\""
    );
    assert_eq!(
        show_mappings("T", MappingKind::Json).unwrap(),
        ".show table ['T'] ingestion json mappings"
    );
    assert_eq!(
        refresh_batching_policy_cache("D", "T").unwrap(),
        ".refresh database \"D\" table \"T\" cache ingestionbatchingpolicy"
    );
    let policy = BatchingPolicy {
        time_span: Some(TimeSpan::from_ticks(300_000_000)),
        items: Some(500),
        raw_size_mb: None,
    };
    let text = alter_merge_batching_policy("T", policy).unwrap();
    let prefix = ".alter-merge table ['T'] policy ingestionbatching ";
    let literal = text.strip_prefix(prefix).unwrap();
    let sent: serde_json::Value =
        serde_json::from_str(&unescape(literal, "\"", '"', "\"").unwrap()).unwrap();
    assert_eq!(
        sent,
        json!({"MaximumBatchingTimeSpan": "00:00:30", "MaximumNumberOfItems": 500})
    );
    assert!(alter_merge_batching_policy("T", BatchingPolicy::default()).is_err());
}

proptest! {
    #[test]
    fn escaped_texts_are_one_literal_and_read_back(text in any::<String>()) {
        let literal = string_literal(&text);
        prop_assert_eq!(unescape(&literal, "\"", '"', "\""), Some(text.clone()));
        prop_assert!(!literal.contains(['\n', '\r']));
        if let Ok(name) = identifier(&text) {
            prop_assert_eq!(unescape(&name, "['", '\'', "']"), Some(text));
        }
    }
}
