use serde_json::{Value as Json, json};

use super::*;

fn read(ty: ColumnType, json: Json) -> Value {
    super::read(ty, Dynamics::Native, json.to_string().as_bytes())
}

fn text_of(ty: ColumnType, json: Json) -> Option<String> {
    read(ty, json).to_text()
}

#[test]
fn every_type_in_every_spelling_of_the_service() {
    for (ty, json, text) in [
        (ColumnType::Bool, json!(true), "true"),
        (ColumnType::Bool, json!(0), "false"),
        (ColumnType::Bool, json!(1), "true"),
        (ColumnType::Bool, json!("False"), "false"),
        (ColumnType::Int, json!(-5), "-5"),
        (
            ColumnType::Long,
            json!(9_007_199_254_740_993_i64),
            "9007199254740993",
        ),
        (ColumnType::Long, json!(i64::MIN), "-9223372036854775808"),
        (ColumnType::Long, json!("12"), "12"),
        (ColumnType::Real, json!(3), "3.0"),
        (ColumnType::Real, json!("NaN"), "NaN"),
        (ColumnType::Real, json!("Infinity"), "Infinity"),
        (ColumnType::Real, json!("-Infinity"), "-Infinity"),
        (
            ColumnType::Decimal,
            json!("1234567890123456789012345678901.234"),
            "1234567890123456789012345678901.234",
        ),
        (ColumnType::Decimal, json!(2), "2"),
        (ColumnType::Decimal, json!("-1E+5"), "-1E+5"),
        (
            ColumnType::Guid,
            json!("74BE27DE-1E4E-49D9-B579-FE0B331D3642"),
            "74be27de-1e4e-49d9-b579-fe0b331d3642",
        ),
        (
            ColumnType::DateTime,
            json!("2016-06-06T15:35:00Z"),
            "2016-06-06T15:35:00.0000000Z",
        ),
        (ColumnType::TimeSpan, json!("-3.00:00:00"), "-3.00:00:00"),
        (ColumnType::String, json!("12"), "12"),
        (ColumnType::String, json!({"a": 1}), r#"{"a":1}"#),
        (ColumnType::Dynamic, json!([1, "a"]), r#"[1,"a"]"#),
        (ColumnType::Dynamic, json!(12), "12"),
        (ColumnType::Dynamic, json!("12"), r#""12""#),
        (ColumnType::Dynamic, json!("[1]"), r#""[1]""#),
        (ColumnType::Dynamic, json!(""), r#""""#),
    ] {
        let shown = format!("{ty} {json}");
        assert_eq!(text_of(ty, json).as_deref(), Some(text), "{shown}");
    }
}

#[test]
fn nulls() {
    for ty in ColumnType::ALL {
        let expected = match ty {
            ColumnType::String => Some(""),
            _ => None,
        };
        assert_eq!(text_of(ty, Json::Null).as_deref(), expected, "{ty}");
        let empty = match ty {
            ColumnType::Dynamic => Some("\"\""),
            _ => expected,
        };
        assert_eq!(text_of(ty, json!("")).as_deref(), empty, "{ty}");
    }
}

#[test]
fn a_value_of_another_type_is_kept_as_it_came() {
    for (ty, json) in [
        (ColumnType::Bool, json!(2)),
        (ColumnType::Bool, json!("yes")),
        (ColumnType::Int, json!(3_000_000_000_i64)),
        (ColumnType::Long, json!(1.5)),
        (ColumnType::Long, json!(u64::MAX)),
        (ColumnType::Real, json!("many")),
        (ColumnType::Decimal, json!("1.2.3")),
        (ColumnType::Decimal, json!("e5")),
        (ColumnType::Guid, json!("not a guid")),
        (ColumnType::DateTime, json!(5)),
        (ColumnType::TimeSpan, json!("long")),
    ] {
        let kept = match &json {
            Json::String(text) => Value::String(text.clone()),
            other => Value::Dynamic(other.clone().into()),
        };
        assert_eq!(read(ty, json.clone()), kept, "{ty} {json}");
    }
}

proptest::proptest! {
    #[test]
    fn reals_lose_nothing(bits in proptest::num::u64::ANY) {
        let number = f64::from_bits(bits);
        if number.is_finite() {
            let text = format!("{number:?}");
            let json: Json = serde_json::from_str(&text).unwrap();
            proptest::prop_assert_eq!(read(ColumnType::Real, json), Value::Real(number));
        }
    }
}

#[test]
fn numbers_keep_their_digits_where_no_binary_number_holds_them() {
    for text in [
        "1.0000000000000000000000000001",
        "0.10",
        "-12345678901234567890123456789.01",
        "1E+5",
    ] {
        for ty in [ColumnType::Decimal, ColumnType::String] {
            let value = super::read(ty, Dynamics::Native, text.as_bytes());
            assert_eq!(value.to_text().as_deref(), Some(text), "{ty}");
        }
    }
}

#[test]
fn an_unreadable_value_is_a_text() {
    for raw in ["NaN", "-Infinity", "nonsense", "1.2.3", "[1}"] {
        for ty in [ColumnType::Long, ColumnType::Decimal] {
            let value = super::read(ty, Dynamics::Native, raw.as_bytes());
            assert_eq!(value, Value::String(raw.to_owned()), "{ty}");
        }
        let value = super::read(ColumnType::Dynamic, Dynamics::Native, raw.as_bytes());
        assert_eq!(value, Value::Dynamic(raw.into()));
        let text = super::read(ColumnType::String, Dynamics::Native, raw.as_bytes());
        assert_eq!(text, Value::String(raw.to_owned()));
    }
    for (raw, number) in [
        ("Infinity", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
    ] {
        let value = super::read(ColumnType::Real, Dynamics::Native, raw.as_bytes());
        assert_eq!(value, Value::Real(number));
    }
}

#[test]
fn what_is_not_unicode_becomes_the_replacement_character() {
    for (raw, text) in [
        (&b"\"a\\ud800b\""[..], "a\u{fffd}b"),
        (b"\"\\ud83d\\ude00\\udc00\\n\\\"\"", "\u{1f600}\u{fffd}\n\""),
        (b"\"\\udc00\\\\u0041\"", "\u{fffd}\\u0041"),
        (b"\"\xff\\t\"", "\u{fffd}\t"),
        (b"\"\xff\"", "\u{fffd}"),
        (b"\"a\nb\"", "a\nb"),
        (b"\"\\x \\u12\"", "\u{fffd} \u{fffd}12"),
    ] {
        let value = super::read(ColumnType::String, Dynamics::Native, raw);
        assert_eq!(value, Value::String(text.to_owned()));
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_break_a_value(raw in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
        for ty in ColumnType::ALL {
            let _ = super::read(ty, Dynamics::Encoded, &raw);
            let _ = super::read(
                ty,
                Dynamics::Encoded,
                &[b"\"".as_slice(), &raw, b"\""].concat(),
            );
        }
    }

    #[test]
    fn escaped_texts_are_read_whole(text in proptest::string::string_regex("(\\\\|u|[0-9a-f\"é\\x00-\\x1f\u{1f600}]){0,20}").unwrap()) {
        let value = read(ColumnType::String, Json::from(text.clone()));
        proptest::prop_assert_eq!(value, Value::String(text));
    }
}

#[test]
fn a_dynamic_value_is_as_it_was_written() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for raw in [
        "0.100",
        "12345678901234567890123",
        r#"{"a":1,"a":[1.50]}"#,
        r#"["\ud800"]"#,
        "false",
        &deep,
    ] {
        let value = super::read(ColumnType::Dynamic, Dynamics::Native, raw.as_bytes());
        assert_eq!(value.to_text().as_deref(), Some(raw));
        let mut json = String::new();
        value.write_json(&mut json);
        assert_eq!(json, raw);
    }
}

#[test]
fn a_command_may_answer_with_json_in_a_string() {
    for (raw, text) in [
        (r#""{\"a\": 0.10}""#, Some(r#"{"a": 0.10}"#)),
        (r#""[1]""#, Some("[1]")),
        (r#""{not json""#, Some(r#""{not json""#)),
        (r#""12""#, Some(r#""12""#)),
        (r#""""#, None),
    ] {
        let value = super::read(ColumnType::Dynamic, Dynamics::Encoded, raw.as_bytes());
        assert_eq!(value.to_text().as_deref(), text, "{raw}");
    }
}
