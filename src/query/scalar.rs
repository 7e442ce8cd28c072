//! One value of an answer: from the JSON it travels in to its type.

use std::borrow::Cow;

use serde_json::Value as Json;
use uuid::Uuid;

use crate::query::rows::{ColumnType, Value};
use crate::values::is_decimal;

/// Reads a value. One that does not fit the type is kept unchanged as a dynamic value, and one that
/// is not valid JSON as a dynamic value that holds its text: nothing is lost or converted, and one
/// odd cell does not fail the whole answer.
pub(crate) fn read(ty: ColumnType, raw: &[u8]) -> Value {
    match (ty, Cell::of(raw)) {
        // Kusto has no null string: some commands write null for an empty one.
        (ColumnType::String, Cell::Null) => Value::String(String::new()),
        // It may contain anything in results of commands; its JSON text is then its value.
        (ColumnType::String, cell) => Value::String(cell.into_text()),
        (_, Cell::Null) => Value::Null,
        // For other types an empty text means null.
        (_, Cell::Text(text)) if text.is_empty() => Value::Null,
        (ColumnType::Dynamic, cell) => dynamic(cell),
        (ty, cell) => of_type(ty, &cell).unwrap_or_else(|| Value::Dynamic(cell.into_json())),
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
    Nested(Json),
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
            _ => serde_json::from_slice(raw).map_or_else(|_| Cell::unreadable(raw), Cell::Nested),
        }
    }

    fn unreadable(raw: &[u8]) -> Self {
        Cell::Unreadable(String::from_utf8_lossy(raw).into_owned())
    }

    fn into_json(self) -> Json {
        match self {
            Cell::Null => Json::Null,
            Cell::Bool(flag) => flag.into(),
            Cell::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            Cell::Text(text) => text.into(),
            Cell::Nested(json) => json,
            Cell::Unreadable(text) => text.into(),
        }
    }

    fn into_text(self) -> String {
        match self {
            Cell::Number(text) => text.to_owned(),
            Cell::Text(text) => text.into_owned(),
            Cell::Unreadable(text) => text,
            other => other.into_json().to_string(),
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

/// A dynamic value is JSON, or JSON inside a string. A string is only parsed as the latter when it
/// is unambiguous: `12` may be a text.
fn dynamic(cell: Cell<'_>) -> Value {
    let Cell::Text(text) = cell else {
        return Value::Dynamic(cell.into_json());
    };
    let nested = match text.trim_start().bytes().next() {
        Some(b'{' | b'[' | b'"') => serde_json::from_str(&text).ok(),
        _ => None,
    };
    Value::Dynamic(nested.unwrap_or_else(|| text.into()))
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
