//! Values from text and JSON as ingestion reads them, and to text and JSON as responses write them.

use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use super::value::{ColumnType, ConversionError, Value, is_json};
use super::{datetime, timespan};

impl Value {
    /// The text of a delimited file, or of a mapping's constant, as a value of this type. Empty
    /// text is null (for string: empty). Text that is no JSON is a dynamic string.
    ///
    /// # Errors
    /// When the text is none of the type, or is JSON that the emulator cannot hold.
    pub fn from_text(ty: ColumnType, text: &str) -> Result<Self, ConversionError> {
        let trimmed = text.trim();
        if ty == ColumnType::String {
            return Ok(Self::String(text.to_owned()));
        }
        if trimmed.is_empty() {
            return Ok(Self::Null);
        }
        match ty {
            ColumnType::String => None,
            ColumnType::Bool => parse_bool(trimmed).map(Self::Bool),
            ColumnType::DateTime => datetime::parse(trimmed).map(Self::DateTime),
            ColumnType::Decimal => parse_decimal(trimmed).map(Self::Decimal),
            ColumnType::Dynamic => parse_dynamic(text),
            ColumnType::Guid => Uuid::parse_str(trimmed).ok().map(Self::Guid),
            ColumnType::Int => trimmed.parse().ok().map(Self::Int),
            ColumnType::Long => trimmed.parse().ok().map(Self::Long),
            ColumnType::Real => trimmed.parse().ok().map(Self::Real),
            ColumnType::TimeSpan => timespan::parse(trimmed).map(Self::TimeSpan),
        }
        .ok_or_else(|| ConversionError::new(ty, text))
    }

    /// A JSON value as a value of this type, as leniently as the service: `"5"` is a long, 5 is a
    /// string, an object is a string of its JSON.
    ///
    /// # Errors
    /// When the value is none of the type.
    pub fn from_json(ty: ColumnType, json: &Json) -> Result<Self, ConversionError> {
        match (ty, json) {
            (_, Json::Null) => return Ok(Self::absent(ty)),
            (ColumnType::Dynamic, other) => return Ok(Self::Dynamic(other.clone())),
            (_, Json::String(text)) => return Self::from_text(ty, text),
            (ColumnType::String, other) => return Ok(Self::String(other.to_string())),
            (ColumnType::Bool, Json::Bool(value)) => return Ok(Self::Bool(*value)),
            (ColumnType::Int | ColumnType::Long, Json::Bool(value)) => {
                return Self::from_text(ty, if *value { "1" } else { "0" });
            }
            (_, Json::Number(number)) => Self::from_number(ty, number),
            _ => None,
        }
        .ok_or_else(|| ConversionError::new(ty, &json.to_string()))
    }

    fn from_number(ty: ColumnType, number: &serde_json::Number) -> Option<Self> {
        let whole = number.as_i64().or_else(|| whole_number(number.as_f64()?));
        match ty {
            ColumnType::Bool => Some(Self::Bool(number.as_f64()? != 0.0)),
            ColumnType::Int => whole?.try_into().ok().map(Self::Int),
            ColumnType::Long => whole.map(Self::Long),
            ColumnType::Real => number.as_f64().map(Self::Real),
            ColumnType::Decimal => parse_decimal(&number.to_string()).map(Self::Decimal),
            _ => None,
        }
    }

    /// The form of responses: longs as numbers, decimals and times as text, what JSON has no
    /// number for (`NaN`, `Infinity`) as text.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Long(value) => Json::from(*value),
            Self::Real(value) => match serde_json::Number::from_f64(*value) {
                Some(number) => Json::Number(number),
                None => Json::String(real_text(*value)),
            },
            Self::Dynamic(json) => json.clone(),
            other => Json::String(other.to_text()),
        }
    }

    /// `tostring()` of the value; null is the empty string.
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::DateTime(ticks) => datetime::print(*ticks),
            Self::Decimal(value) => value.to_string(),
            Self::Dynamic(Json::String(text)) => text.clone(),
            Self::Dynamic(json) => json.to_string(),
            Self::Guid(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Long(value) => value.to_string(),
            Self::Real(value) => real_text(*value),
            Self::String(value) => value.clone(),
            Self::TimeSpan(ticks) => timespan::print(*ticks),
        }
    }
}

/// An integral double inside the range in which doubles are exact integers or fit 64 bits.
pub(super) fn whole_number(value: f64) -> Option<i64> {
    // 2^63 as f64; the negative end is exact, the positive one is the first that does not fit.
    let limit = 9_223_372_036_854_775_808.0;
    let fits = value.fract() == 0.0 && (-limit..limit).contains(&value);
    #[allow(clippy::cast_possible_truncation)]
    fits.then_some(value as i64)
}

fn real_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "Infinity".to_owned()
        } else {
            "-Infinity".to_owned()
        }
    } else {
        format!("{value:?}")
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        number => number.parse::<i64>().ok().map(|number| number != 0),
    }
}

/// A decimal of exactly this value. The emulator's decimals hold 28 digits, the service's 34: a longer one is
/// none rather than another one.
pub(super) fn parse_decimal(text: &str) -> Option<Decimal> {
    let Some((digits, exponent)) = text.split_once(['e', 'E']) else {
        return Decimal::from_str_exact(text).ok();
    };
    let mantissa = Decimal::from_str_exact(digits).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let scale = i32::try_from(mantissa.scale())
        .ok()?
        .checked_sub(exponent)?;
    let shifted =
        |number: i128, by: i32| number.checked_mul(10_i128.checked_pow(by.unsigned_abs())?);
    let exact = match scale {
        0.. => Decimal::try_from_i128_with_scale(mantissa.mantissa(), scale.unsigned_abs()),
        _ => Decimal::try_from_i128_with_scale(shifted(mantissa.mantissa(), scale)?, 0),
    };
    exact.ok()
}

fn parse_dynamic(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(Json::Null) => Some(Value::Null),
        Ok(json) => Some(Value::Dynamic(json)),
        Err(_) if is_json(text) => None,
        Err(_) => Some(Value::Dynamic(Json::String(text.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(ty: ColumnType, input: &str) -> Option<Value> {
        Value::from_text(ty, input).ok()
    }

    #[test]
    fn types_are_known_by_every_name() {
        for (name, ty) in [
            ("int32", ColumnType::Int),
            ("System.Int64", ColumnType::Long),
            ("double", ColumnType::Real),
            ("date", ColumnType::DateTime),
            ("time", ColumnType::TimeSpan),
            ("uniqueid", ColumnType::Guid),
            ("System.Data.SqlTypes.SqlDecimal", ColumnType::Decimal),
            ("Boolean", ColumnType::Bool),
        ] {
            assert_eq!(ColumnType::parse(name), Some(ty), "{name}");
        }
        assert_eq!(ColumnType::parse("varchar"), None);
    }

    #[test]
    fn empty_text_is_null_and_an_empty_string_for_string() {
        assert_eq!(text(ColumnType::Long, ""), Some(Value::Null));
        assert_eq!(text(ColumnType::Dynamic, "  "), Some(Value::Null));
        assert_eq!(
            text(ColumnType::String, ""),
            Some(Value::String(String::new()))
        );
    }

    #[test]
    fn text_becomes_every_type() {
        assert_eq!(text(ColumnType::Bool, "TRUE"), Some(Value::Bool(true)));
        assert_eq!(text(ColumnType::Bool, "0"), Some(Value::Bool(false)));
        assert_eq!(text(ColumnType::Int, "-7"), Some(Value::Int(-7)));
        assert_eq!(text(ColumnType::Int, "3000000000"), None);
        assert_eq!(
            text(ColumnType::Long, "9223372036854775807"),
            Some(Value::Long(i64::MAX))
        );
        assert_eq!(text(ColumnType::Real, "1e3"), Some(Value::Real(1000.0)));
        assert_eq!(
            text(ColumnType::Decimal, "1.50")
                .map(|v| v.to_text())
                .as_deref(),
            Some("1.50")
        );
        assert_eq!(
            text(ColumnType::TimeSpan, "00:00:01"),
            Some(Value::TimeSpan(10_000_000))
        );
        assert_eq!(text(ColumnType::Guid, "no"), None);
        assert_eq!(
            text(ColumnType::Dynamic, r#"{"a":1}"#),
            Some(Value::Dynamic(json!({"a": 1})))
        );
        assert_eq!(
            text(ColumnType::Dynamic, "plain"),
            Some(Value::Dynamic(json!("plain")))
        );
    }

    #[test]
    fn json_that_cannot_be_held_is_beyond_the_limit() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for input in [nested(128), "[1e400]".to_owned(), r#""\ud800""#.to_owned()] {
            let error = Value::from_text(ColumnType::Dynamic, &input).expect_err(&input);
            assert!(error.is_limit, "{error}");
        }
        let deepest = text(ColumnType::Dynamic, &nested(127));
        assert!(matches!(deepest, Some(Value::Dynamic(Json::Array(_)))));
        for input in ["[1e400", "{'a':1}", r#""\ud80""#] {
            let expected = Some(Value::Dynamic(json!(input)));
            assert_eq!(text(ColumnType::Dynamic, input), expected);
        }
    }

    #[test]
    fn a_decimal_is_exact_or_beyond_the_limit() {
        for (input, expected) in [
            ("1.50", "1.50"),
            ("-0.5e-2", "-0.005"),
            ("12.5E+3", "12500"),
            ("+7", "7"),
            (
                "0.1234567890123456789012345678",
                "0.1234567890123456789012345678",
            ),
        ] {
            let found = text(ColumnType::Decimal, input).map(|value| value.to_text());
            assert_eq!(found.as_deref(), Some(expected), "{input}");
        }
        for input in [
            "0.12345678901234567890123456789",
            "123456789012345678901234567890.1234",
            "1e-40",
            "1e40",
        ] {
            let error = Value::from_text(ColumnType::Decimal, input).expect_err(input);
            assert!(error.is_limit, "{input}");
        }
        for input in ["x", "1e", "1e99999999999", "inf", "1,5"] {
            let error = Value::from_text(ColumnType::Decimal, input).expect_err(input);
            assert!(!error.is_limit, "{input}");
        }
    }

    #[test]
    fn json_is_read_leniently() {
        let read = |ty, json| Value::from_json(ty, &json).ok();
        assert_eq!(read(ColumnType::Long, json!("5")), Some(Value::Long(5)));
        assert_eq!(read(ColumnType::Long, json!(5.0)), Some(Value::Long(5)));
        assert_eq!(read(ColumnType::Long, json!(5.5)), None);
        assert_eq!(
            read(ColumnType::String, json!(5)),
            Some(Value::String("5".into()))
        );
        assert_eq!(
            read(ColumnType::String, json!({"a": [1]})),
            Some(Value::String(r#"{"a":[1]}"#.into()))
        );
        assert_eq!(
            read(ColumnType::String, Json::Null),
            Some(Value::String(String::new()))
        );
        assert_eq!(read(ColumnType::Int, Json::Null), Some(Value::Null));
        assert_eq!(read(ColumnType::Int, json!([1])), None);
        assert_eq!(read(ColumnType::Bool, json!(1)), Some(Value::Bool(true)));
    }

    #[test]
    fn responses_keep_what_json_numbers_cannot() {
        assert_eq!(Value::Real(f64::NAN).to_json(), json!("NaN"));
        assert_eq!(Value::Real(f64::NEG_INFINITY).to_json(), json!("-Infinity"));
        assert_eq!(Value::Long(i64::MAX).to_json(), json!(i64::MAX));
        assert_eq!(Value::Decimal(Decimal::new(15, 1)).to_json(), json!("1.5"));
        assert_eq!(
            Value::DateTime(0).to_json(),
            json!("0001-01-01T00:00:00.0000000Z")
        );
        assert_eq!(Value::TimeSpan(1).to_json(), json!("00:00:00.0000001"));
    }

    #[test]
    fn an_error_shows_only_the_start_of_a_huge_text() {
        let error =
            Value::from_text(ColumnType::Long, &"x".repeat(1_000_000)).expect_err("no long");
        assert!(error.to_string().len() < 200);
    }
}
