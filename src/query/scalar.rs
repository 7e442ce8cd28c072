//! One value of an answer: from the JSON it travels in to its type.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use uuid::Uuid;

use crate::query::Dynamic;
use crate::query::rows::{ColumnType, Value};
use crate::values::is_decimal;

/// How dynamic values travel. A query answers with their JSON, so that a string is one (Azure Data
/// Explorer; Log Analytics answers with strings that hold JSON, which stay strings here, since a
/// string may be such a one itself). A command, and the tables beside the rows of a query, may have
/// objects and arrays in strings, and an empty string for null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dynamics {
    Native,
    Encoded,
}

/// Reads a value. One that does not fit the type is kept unchanged: a text as a string, other JSON
/// as a dynamic value, and what is not valid JSON as a string that holds it. Nothing is lost or
/// converted, and one odd cell does not fail the whole answer.
pub(crate) fn read(ty: ColumnType, dynamics: Dynamics, raw: &[u8]) -> Value {
    match (ty, Cell::of(raw)) {
        // Kusto has no null string: some commands write null for an empty one.
        (ColumnType::String, Cell::Null) => Value::String(String::new()),
        // It may contain anything in results of commands; its JSON text is then its value.
        (ColumnType::String, cell) => Value::String(cell.into_text()),
        (_, Cell::Null) => Value::Null,
        (ColumnType::Dynamic, cell) => dynamic(cell, dynamics),
        // For other types an empty text means null.
        (_, Cell::Text(text)) if text.is_empty() => Value::Null,
        (ty, cell) => of_type(ty, &cell).unwrap_or_else(|| other(cell)),
    }
}

/// The text of a `string`, if it stands in the answer as it is: nothing in it is escaped.
pub(crate) fn plain_text(raw: &[u8]) -> Option<&str> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    match inner.iter().any(|&byte| byte == b'\\' || byte < b' ') {
        true => None,
        false => std::str::from_utf8(inner).ok(),
    }
}

/// A value by its form in JSON.
enum Cell<'a> {
    Null,
    Bool(bool),
    /// As it is written: no binary number holds all of them.
    Number(&'a str),
    Text(Cow<'a, str>),
    /// An object or an array.
    Nested(&'a str),
    /// Not JSON (`NaN`), or nested deeper than [`serde_json`] reads.
    Unreadable(String),
}

impl<'a> Cell<'a> {
    fn of(raw: &'a [u8]) -> Self {
        if let Some(text) = plain_text(raw) {
            return Cell::Text(Cow::Borrowed(text));
        }
        match raw {
            b"null" => Cell::Null,
            b"true" => Cell::Bool(true),
            b"false" => Cell::Bool(false),
            [b'"', ..] => Cell::Text(Cow::Owned(escaped_text(raw))),
            [b'-' | b'0'..=b'9', ..] => match std::str::from_utf8(raw) {
                Ok(text) if is_decimal(text) => Cell::Number(text),
                _ => Cell::unreadable(raw),
            },
            _ => match std::str::from_utf8(raw) {
                Ok(text) if is_json(text) => Cell::Nested(text),
                _ => Cell::unreadable(raw),
            },
        }
    }

    fn unreadable(raw: &[u8]) -> Self {
        Cell::Unreadable(String::from_utf8_lossy(raw).into_owned())
    }

    fn into_text(self) -> String {
        match self {
            Cell::Null => "null".to_owned(),
            Cell::Bool(flag) => flag.to_string(),
            Cell::Number(text) | Cell::Nested(text) => text.to_owned(),
            Cell::Text(text) => text.into_owned(),
            Cell::Unreadable(text) => text,
        }
    }

    /// The text of a string, and of a word that JSON does not know.
    fn as_str(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            Cell::Unreadable(text) => Some(text),
            _ => None,
        }
    }
}

/// A text with escapes. What is not Unicode (half of a surrogate pair, bytes that are not UTF-8)
/// becomes U+FFFD.
fn escaped_text(raw: &[u8]) -> String {
    serde_json::from_slice(raw).unwrap_or_else(|_| lossy_text(raw))
}

fn lossy_text(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let inner = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let mut rest = inner.unwrap_or_default();
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (read, length) = escape(rest);
        out.push_str(&read);
        rest = &rest[length..];
    }
    out + rest
}

/// What the escape at the start stands for, and its length. A pair of surrogates is one escape.
fn escape(text: &str) -> (String, usize) {
    for length in [12, 6, 2] {
        let read = text.get(..length).map(|escape| format!("\"{escape}\""));
        if let Some(Ok(read)) = read.map(|json| serde_json::from_str(&json)) {
            return (read, length);
        }
    }
    let is_surrogate = text
        .get(2..6)
        .is_some_and(|digits| text.starts_with("\\u") && u16::from_str_radix(digits, 16).is_ok());
    let next = text.chars().nth(1).map_or(0, char::len_utf8);
    let length = if is_surrogate { 6 } else { 1 + next };
    (char::REPLACEMENT_CHARACTER.to_string(), length)
}

fn of_type(ty: ColumnType, cell: &Cell<'_>) -> Option<Value> {
    match ty {
        ColumnType::Bool => boolean(cell).map(Value::Bool),
        ColumnType::Int => integer(cell)
            .and_then(|n| n.try_into().ok())
            .map(Value::Int),
        ColumnType::Long => integer(cell).map(Value::Long),
        ColumnType::Real => real(cell).map(Value::Real),
        ColumnType::Decimal => decimal(cell).map(Value::Decimal),
        ColumnType::Guid => Uuid::try_parse(cell.as_str()?).ok().map(Value::Guid),
        ColumnType::DateTime => cell.as_str()?.parse().ok().map(Value::DateTime),
        ColumnType::TimeSpan => cell.as_str()?.parse().ok().map(Value::TimeSpan),
        ColumnType::String | ColumnType::Dynamic => None,
    }
}

fn dynamic(cell: Cell<'_>, dynamics: Dynamics) -> Value {
    match (dynamics, cell) {
        (Dynamics::Encoded, Cell::Text(text)) if text.is_empty() => Value::Null,
        (Dynamics::Encoded, Cell::Text(text)) if is_nested(&text) => {
            Value::Dynamic(Dynamic::checked(&text))
        }
        (_, Cell::Text(text)) => Value::Dynamic(text.into_owned().into()),
        (_, Cell::Number(text)) if !is_json(text) => Value::Dynamic(text.into()),
        (_, Cell::Unreadable(text)) => Value::Dynamic(text.into()),
        (_, cell) => Value::Dynamic(Dynamic::checked(&cell.into_text())),
    }
}

/// A value that is not of its column's type.
fn other(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Text(text) => Value::String(text.into_owned()),
        Cell::Unreadable(text) => Value::String(text),
        cell => dynamic(cell, Dynamics::Native),
    }
}

/// Whether the text is an object or an array.
fn is_nested(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && is_json(text)
}

/// Up to the depth that serde_json reads.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn boolean(cell: &Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Bool(flag) => Some(*flag),
        Cell::Number("0") => Some(false),
        Cell::Number("1") => Some(true),
        Cell::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Cell::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn integer(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Number(text) => text.parse().ok(),
        Cell::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// Also the words `NaN` and `Infinity` without quotes, which JSON does not know.
fn real(cell: &Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Number(text) => text.parse().ok(),
        other => other.as_str()?.parse().ok(),
    }
}

/// The text as the service wrote it, once it is known to be a number.
fn decimal(cell: &Cell<'_>) -> Option<String> {
    match cell {
        Cell::Number(text) => Some((*text).to_owned()),
        Cell::Text(text) if is_decimal(text) => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
