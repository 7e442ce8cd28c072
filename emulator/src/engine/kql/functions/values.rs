//! Reading arguments and making results: what all families share.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::super::super::datetime::MAX_TICKS;
use super::super::super::value::{ColumnType, Value};
use super::super::super::watch;
use super::super::budget::may_be_made;
use super::super::cast::{as_long, as_real, compare};
use super::record::Values;

/// The argument at this position as text; a missing one is empty.
pub(super) fn text<'v>(values: &'v Values<'_>, at: usize) -> &'v str {
    match values.get(at).map(AsRef::as_ref) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

/// The argument as a whole number; none when it is null or missing.
pub(super) fn long(values: &Values<'_>, at: usize) -> Option<i64> {
    values.get(at).and_then(|value| as_long(value))
}

/// The argument as a real.
pub(super) fn real(values: &Values<'_>, at: usize) -> Option<f64> {
    values.get(at).and_then(|value| as_real(value))
}

/// The argument's JSON, of a dynamic that is not null.
pub(super) fn json<'v>(values: &'v Values<'_>, at: usize) -> Option<&'v Json> {
    match values.get(at)?.as_ref() {
        Value::Dynamic(json) => Some(json),
        _ => None,
    }
}

/// The argument's elements, of a dynamic array.
pub(super) fn array<'v>(values: &'v Values<'_>, at: usize) -> Option<&'v Vec<Json>> {
    json(values, at)?.as_array()
}

/// The argument's properties, of a property bag.
pub(super) fn bag<'v>(
    values: &'v Values<'_>,
    at: usize,
) -> Option<&'v serde_json::Map<String, Json>> {
    json(values, at)?.as_object()
}

/// A string.
pub(super) fn string(text: impl Into<String>) -> Option<Value> {
    Some(Value::String(text.into()))
}

/// A dynamic.
pub(super) fn dynamic(json: impl Into<Json>) -> Option<Value> {
    Some(Value::Dynamic(json.into()))
}

/// Nothing when a result of this size is too large to be made; the query ends then.
pub(super) fn fits(bytes: usize) -> Option<()> {
    may_be_made(bytes).then_some(())
}

/// What a function gives for a value of which the reference does not say it: of null nothing, of any other the request
/// ends.
pub(super) fn unknown(name: &str, value: &Value, ty: ColumnType) -> Option<Value> {
    if !value.is_null() {
        watch::unknown(&format!("{name}() of a {}", ty.kusto_name()));
    }
    None
}

/// A count as a long.
pub(super) fn count(number: usize) -> Option<Value> {
    i64::try_from(number).ok().map(Value::Long)
}

/// A datetime, if it is in range.
pub(super) fn moment(ticks: i64) -> Option<Value> {
    (0..=MAX_TICKS)
        .contains(&ticks)
        .then_some(Value::DateTime(ticks))
}

/// A real as a JSON number, whole ones without a fraction.
pub(super) fn real_json(number: f64) -> Json {
    Value::Real(number).to_json()
}

/// The text of an element: of a string its content, else its JSON.
pub(super) fn element_text(element: &Json) -> String {
    match element {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => Value::Dynamic(other.clone()).to_text(),
    }
}

/// The name `gettype()` has for a dynamic's content.
pub(super) fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "double",
        Json::Number(_) => "long",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "dictionary",
    }
}

/// The order of sorted elements: numbers, texts, then all others.
pub(super) fn order_of_elements(left: &Json, right: &Json) -> Ordering {
    let rank = |json: &Json| match json {
        Json::Number(_) => 0,
        Json::String(_) => 1,
        _ => 2,
    };
    let scalar =
        |json: &Json| super::super::cast::scalar(&Value::Dynamic(json.clone()), ColumnType::String);
    rank(left)
        .cmp(&rank(right))
        .then_with(|| match (left, right) {
            (Json::String(left), Json::String(right)) => left.cmp(right),
            _ => compare(&scalar(left), &scalar(right)).unwrap_or(Ordering::Equal),
        })
}

/// Whether two elements are the same value: 1 and 1.0 are.
pub(super) fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(l), Json::Number(r)) => match (l.as_i64(), r.as_i64()) {
            (Some(l), Some(r)) => l == r,
            _ => l.as_f64() == r.as_f64(),
        },
        _ => left == right,
    }
}
