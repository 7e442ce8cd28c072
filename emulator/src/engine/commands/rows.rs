//! Building commands' results, and reading their properties.

use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::schema::Column;
use super::super::table::Row;
use super::super::value::{ColumnType, Value};

/// Names and types of a result's columns, as `Name: type, Name: type`.
pub(super) fn header(columns: &str) -> Vec<Column> {
    let pairs = columns.split(", ").filter_map(|pair| pair.split_once(": "));
    pairs
        .filter_map(|(name, ty)| Some(Column::new(name, ColumnType::parse(ty)?)))
        .collect()
}

/// A result with these columns and rows.
pub(super) fn table(columns: &str, rows: Vec<Row>) -> Relation {
    Relation::new(header(columns), rows)
}

/// A string value.
pub(super) fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

/// A whole number.
pub(super) fn long(number: usize) -> Value {
    Value::Long(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A property that is true or false.
///
/// # Errors
/// A bad request when it is neither.
pub(super) fn flag(name: &str, value: &Value) -> Parsed<bool> {
    match value.to_text().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(KustoError::bad_request(format!(
            "'{name}' is neither true nor false."
        ))),
    }
}
