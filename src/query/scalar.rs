//! One value of an answer: from the JSON it travels in to its type.

use serde_json::Value as Json;
use uuid::Uuid;

use crate::query::rows::{ColumnType, Value};
use crate::values::is_decimal;

/// Reads a value. A value that does not fit the type is kept unchanged as a dynamic value: nothing
/// is lost or converted, and one odd cell does not fail the whole answer.
pub(crate) fn read(ty: ColumnType, json: Json) -> Value {
    match (ty, json) {
        // Kusto has no null string: some commands write null for an empty one.
        (ColumnType::String, Json::Null) => Value::String(String::new()),
        (ColumnType::String, json) => Value::String(plain_text(json)),
        (_, Json::Null) => Value::Null,
        // For other types an empty text means null.
        (_, Json::String(text)) if text.is_empty() => Value::Null,
        (ColumnType::Dynamic, json) => dynamic(json),
        (ty, json) => of_type(ty, &json).unwrap_or(Value::Dynamic(json)),
    }
}

fn of_type(ty: ColumnType, json: &Json) -> Option<Value> {
    match ty {
        ColumnType::Bool => boolean(json).map(Value::Bool),
        ColumnType::Int => integer(json)
            .and_then(|n| n.try_into().ok())
            .map(Value::Int),
        ColumnType::Long => integer(json).map(Value::Long),
        ColumnType::Real => real(json).map(Value::Real),
        ColumnType::Decimal => decimal(json).map(Value::Decimal),
        ColumnType::Guid => Uuid::try_parse(json.as_str()?).ok().map(Value::Guid),
        ColumnType::DateTime => json.as_str()?.parse().ok().map(Value::DateTime),
        ColumnType::TimeSpan => json.as_str()?.parse().ok().map(Value::TimeSpan),
        ColumnType::String | ColumnType::Dynamic => None,
    }
}

/// A `string` column may contain anything in results of commands; its JSON text is then its value.
fn plain_text(json: Json) -> String {
    match json {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

/// A dynamic value is JSON, or JSON inside a string. A string is only parsed as the latter when it
/// is unambiguous: `12` may be a text.
fn dynamic(json: Json) -> Value {
    let Json::String(text) = json else {
        return Value::Dynamic(json);
    };
    let nested = match text.trim_start().bytes().next() {
        Some(b'{' | b'[' | b'"') => serde_json::from_str(&text).ok(),
        _ => None,
    };
    Value::Dynamic(nested.unwrap_or(Json::String(text)))
}

fn boolean(json: &Json) -> Option<bool> {
    match json {
        Json::Bool(flag) => Some(*flag),
        Json::Number(number) => match number.as_i64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Json::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn integer(json: &Json) -> Option<i64> {
    match json {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn real(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The text as the service wrote it, once it is known to be a number.
fn decimal(json: &Json) -> Option<String> {
    match json {
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) if is_decimal(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
