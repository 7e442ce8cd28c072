use serde_json::json;

use super::*;

fn read(ty: ColumnType, json: Json) -> Value {
    super::read(ty, json.to_string().as_bytes())
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
        (ColumnType::Dynamic, json!("{\"a\": [1]}"), r#"{"a":[1]}"#),
        (ColumnType::Dynamic, json!("{not json"), "{not json"),
        (ColumnType::Dynamic, json!("12"), "12"),
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
        assert_eq!(text_of(ty, json!("")).as_deref(), expected, "{ty}");
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
        assert_eq!(
            read(ty, json.clone()),
            Value::Dynamic(json.clone()),
            "{ty} {json}"
        );
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
