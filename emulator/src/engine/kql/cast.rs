//! One value as another type, as `tolong()` and its kin do it, and the order of values.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;

use super::super::convert::whole_number;
use super::super::value::{BEYOND, ColumnType, Value, is_json};
use super::super::watch;

/// The value as this type; null (string: empty) when it has no such form.
pub fn cast(value: &Value, ty: ColumnType) -> Value {
    if value.is_null() {
        return Value::absent(ty);
    }
    if value.column_type() == Some(ty) {
        return value.clone();
    }
    let converted = match (ty, value) {
        (ColumnType::String, other) => Some(Value::String(other.to_text())),
        (ColumnType::Guid, Value::String(text)) => super::functions::guid(text),
        (ColumnType::Dynamic, Value::String(text)) => dynamic_of(text),
        (_, Value::String(text)) => Value::from_text(ty, text).ok(),
        (_, Value::Dynamic(json)) => Value::from_json(ty, json).ok(),
        (ColumnType::Dynamic, other) => Some(Value::Dynamic(other.to_json())),
        (ColumnType::Int, other) => as_long(other)
            .and_then(|long| long.try_into().ok())
            .map(Value::Int),
        (ColumnType::Long, other) => as_long(other).map(Value::Long),
        (ColumnType::Real, other) => as_real(other).map(Value::Real),
        (ColumnType::Decimal, other) => as_decimal(other).map(Value::Decimal),
        (ColumnType::Bool, other) => as_real(other).map(|number| Value::Bool(number != 0.0)),
        _ => None,
    };
    converted.unwrap_or_else(|| Value::absent(ty))
}

/// A text as JSON; the query ends where that cannot be held.
fn dynamic_of(text: &str) -> Option<Value> {
    let read = Value::from_text(ColumnType::Dynamic, text);
    read.map_err(|_| beyond()).ok()
}

/// A text that is JSON; the query ends where it cannot be held.
pub(super) fn json_of(text: &str) -> Option<Json> {
    let read = serde_json::from_str(text).ok();
    if read.is_none() && is_json(text) {
        beyond();
    }
    read
}

fn beyond() {
    watch::unknown(&format!("the dynamic of JSON with {BEYOND}"));
}

/// A whole number: reals and decimals are cut, times are their ticks.
pub fn as_long(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Int(value) => Some(i64::from(*value)),
        Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => Some(*value),
        Value::Real(value) => whole_number(value.trunc()),
        Value::Decimal(value) => value.trunc().to_i64(),
        _ => None,
    }
}

/// A number as a double.
#[allow(clippy::cast_precision_loss)]
pub fn as_real(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(f64::from(*value)),
        Value::Long(value) => Some(*value as f64),
        Value::Real(value) => Some(*value),
        Value::Decimal(value) => value.to_f64(),
        _ => None,
    }
}

/// A number as a decimal.
pub fn as_decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Bool(value) => Some(Decimal::from(u8::from(*value))),
        Value::Int(value) => Some(Decimal::from(*value)),
        Value::Long(value) => Some(Decimal::from(*value)),
        // A double has fewer digits than a decimal: what is rounded off was never there.
        Value::Real(value) => value.to_string().parse().ok(),
        Value::Decimal(value) => Some(*value),
        _ => None,
    }
}

/// A dynamic's scalar, so that it can be compared with one of type `with`; others as they are.
pub fn scalar(value: &Value, with: ColumnType) -> Value {
    match value {
        Value::Dynamic(Json::Null) => Value::Null,
        Value::Dynamic(Json::Bool(value)) => Value::Bool(*value),
        Value::Dynamic(Json::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(long), _) => Value::Long(long),
            (None, Some(real)) => Value::Real(real),
            (None, None) => Value::Null,
        },
        // JSON has texts for what it has no type for; a text that looks like a number is none.
        Value::Dynamic(Json::String(text)) => match with {
            ColumnType::Bool
            | ColumnType::Int
            | ColumnType::Long
            | ColumnType::Real
            | ColumnType::Decimal => Value::String(text.clone()),
            _ => Value::from_text(with, text).unwrap_or(Value::Null),
        },
        other => other.clone(),
    }
}

/// The order of two values of comparable types; `None` with a null, a NaN or types that have no
/// common order.
pub fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(l), Value::Bool(r)) => Some(l.cmp(r)),
        (Value::DateTime(l), Value::DateTime(r)) | (Value::TimeSpan(l), Value::TimeSpan(r)) => {
            Some(l.cmp(r))
        }
        (Value::Guid(l), Value::Guid(r)) => Some(l.cmp(r)),
        (Value::String(l), Value::String(r)) => Some(l.cmp(r)),
        (Value::Dynamic(l), Value::Dynamic(r)) => Some(l.to_string().cmp(&r.to_string())),
        _ => compare_numbers(left, right),
    }
}

fn compare_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    let is_whole = |value: &Value| matches!(value, Value::Int(_) | Value::Long(_));
    let is_number =
        |value: &Value| is_whole(value) || matches!(value, Value::Real(_) | Value::Decimal(_));
    if !is_number(left) || !is_number(right) {
        return None;
    }
    if is_whole(left) && is_whole(right) {
        return Some(as_long(left)?.cmp(&as_long(right)?));
    }
    let any_real = matches!(left, Value::Real(_)) || matches!(right, Value::Real(_));
    match any_real {
        true => as_real(left)?.partial_cmp(&as_real(right)?),
        false => Some(as_decimal(left)?.cmp(&as_decimal(right)?)),
    }
}

/// Equality as `==` answers it: null of two nulls, false of a null and a value.
pub fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left.is_null(), right.is_null()) {
        (true, true) => None,
        (true, false) | (false, true) => Some(false),
        (false, false) => Some(compare(left, right) == Some(Ordering::Equal)),
    }
}

/// A text that two values share exactly when a group or `distinct` holds them for the same.
pub fn push_key(value: &Value, key: &mut Vec<u8>) {
    let (tag, text) = match value {
        Value::Null => (0_u8, String::new()),
        Value::String(text) => {
            key.push(1);
            key.extend(text.len().to_le_bytes());
            return key.extend(text.as_bytes());
        }
        Value::Decimal(number) => (2, number.normalize().to_string()),
        // 0.0 and -0.0 are one group.
        Value::Real(number) => (3, (number + 0.0).to_string()),
        other => (4, other.to_text()),
    };
    key.push(tag);
    key.extend(text.len().to_le_bytes());
    key.extend(text.as_bytes());
}
