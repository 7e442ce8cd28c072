//! The result of a query or command: tables of typed values.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde_json::json;
use uuid::Uuid;

use super::Dynamic;
use crate::error::{Error, Result};
use crate::values::{DateTime, TimeSpan};

mod store;

pub(crate) use store::WireRows;
pub use store::{Rows, RowsIter};

/// A scalar type of Kusto.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `bool`
    Bool,
    /// `datetime`
    DateTime,
    /// `decimal`
    Decimal,
    /// `dynamic`
    Dynamic,
    /// `guid`
    Guid,
    /// `int`, 32 bits
    Int,
    /// `long`, 64 bits
    Long,
    /// `real`
    Real,
    /// `string`
    String,
    /// `timespan`
    TimeSpan,
}

impl ColumnType {
    /// Every type.
    pub const ALL: [ColumnType; 10] = [
        ColumnType::Bool,
        ColumnType::DateTime,
        ColumnType::Decimal,
        ColumnType::Dynamic,
        ColumnType::Guid,
        ColumnType::Int,
        ColumnType::Long,
        ColumnType::Real,
        ColumnType::String,
        ColumnType::TimeSpan,
    ];

    /// Kusto's name, such as `long`.
    pub const fn name(self) -> &'static str {
        match self {
            ColumnType::Bool => "bool",
            ColumnType::DateTime => "datetime",
            ColumnType::Decimal => "decimal",
            ColumnType::Dynamic => "dynamic",
            ColumnType::Guid => "guid",
            ColumnType::Int => "int",
            ColumnType::Long => "long",
            ColumnType::Real => "real",
            ColumnType::String => "string",
            ColumnType::TimeSpan => "timespan",
        }
    }

    /// The type by Kusto's name or one of its aliases, in any case.
    pub fn from_kusto_name(name: &str) -> Option<Self> {
        let ty = match name.trim().to_ascii_lowercase().as_str() {
            "bool" | "boolean" => ColumnType::Bool,
            "datetime" | "date" => ColumnType::DateTime,
            "decimal" => ColumnType::Decimal,
            "dynamic" => ColumnType::Dynamic,
            "guid" | "uuid" | "uniqueid" => ColumnType::Guid,
            "int" | "int32" => ColumnType::Int,
            "long" | "int64" => ColumnType::Long,
            "real" | "double" => ColumnType::Real,
            "string" => ColumnType::String,
            "timespan" | "time" => ColumnType::TimeSpan,
            _ => return None,
        };
        Some(ty)
    }

    /// The type for values of a .NET type, by any of its names: `System.Int64`, `Int64`, `long`,
    /// `System.Nullable<System.Int64>`, `long?`.
    pub fn from_dotnet_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        if let Some(inner) = nullable_inner(&name) {
            return Self::from_dotnet_name(inner);
        }
        let name = name.strip_prefix("system.").unwrap_or(&name);
        let name = name.strip_prefix("data.sqltypes.").unwrap_or(name);
        let ty = match name {
            "boolean" | "bool" | "sqlboolean" => ColumnType::Bool,
            "byte" | "sbyte" | "int16" | "uint16" | "int32" | "short" | "ushort" | "int" => {
                ColumnType::Int
            }
            "uint32" | "int64" | "uint" | "long" => ColumnType::Long,
            "single" | "double" | "float" => ColumnType::Real,
            "decimal" | "sqldecimal" | "uint64" | "ulong" => ColumnType::Decimal,
            "guid" => ColumnType::Guid,
            "datetime" => ColumnType::DateTime,
            "timespan" => ColumnType::TimeSpan,
            "string" => ColumnType::String,
            "object" => ColumnType::Dynamic,
            _ => return None,
        };
        Some(ty)
    }

    /// The type a column of an answer has by its `DataType`, a .NET name. In answers the service
    /// calls `bool` `SByte`.
    pub(crate) fn from_answer_data_type(name: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase();
        match lower.strip_prefix("system.").unwrap_or(&lower) {
            "sbyte" => Some(ColumnType::Bool),
            _ => Self::from_dotnet_name(name),
        }
    }
}

fn nullable_inner(name: &str) -> Option<&str> {
    if let Some(inner) = name.strip_suffix('?') {
        return Some(inner);
    }
    let inner = name
        .strip_prefix("system.nullable")
        .or_else(|| name.strip_prefix("nullable"))?;
    let inner = inner.strip_prefix("`1").unwrap_or(inner);
    inner
        .strip_prefix('<')
        .and_then(|inner| inner.strip_suffix('>'))
        .or_else(|| inner.strip_prefix('[').and_then(|i| i.strip_suffix(']')))
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ColumnType {
    type Err = Error;

    /// By Kusto's name first, then by a .NET name.
    fn from_str(name: &str) -> Result<Self> {
        Self::from_kusto_name(name)
            .or_else(|| Self::from_dotnet_name(name))
            .ok_or_else(|| {
                Error::invalid_argument(
                    "type",
                    format!("'{name}' is neither a Kusto type nor a .NET type that maps to one"),
                )
            })
    }
}

/// One value, with the precision the service has.
///
/// ```
/// use kusto_ingest::query::Value;
///
/// assert_eq!(Value::Real(f64::NAN).to_text().as_deref(), Some("NaN"));
/// assert_eq!(Value::Null.to_text(), None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value. A `string` is never null.
    Null,
    /// `bool`
    Bool(bool),
    /// `datetime`
    DateTime(DateTime),
    /// `decimal`, as the service wrote it: no binary number holds all of them.
    Decimal(String),
    /// `dynamic`
    Dynamic(Dynamic),
    /// `guid`
    Guid(Uuid),
    /// `int`
    Int(i32),
    /// `long`
    Long(i64),
    /// `real`
    Real(f64),
    /// `string`
    String(String),
    /// `timespan`
    TimeSpan(TimeSpan),
}

impl Value {
    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text, if this is a text: a `string`, a `dynamic` that holds one, or what came in place of a
    /// value of another type.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Dynamic(json) => json.as_str(),
            _ => None,
        }
    }

    /// The number, if this is a `long`, an `int`, or a `dynamic` that holds one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Long(number) => Some(*number),
            Value::Int(number) => Some(i64::from(*number)),
            Value::Dynamic(json) => json.to_json().as_i64(),
            _ => None,
        }
    }

    /// The number, if this is a `real`.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Real(number) => Some(*number),
            _ => None,
        }
    }

    /// The value, if this is a `bool`.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The value in the service's own notation; `None` for null. Of a `dynamic` it is the JSON, in
    /// which quotes distinguish a text from a number; no other value has quotes.
    pub fn to_text(&self) -> Option<String> {
        let text = match self {
            Value::Null => return None,
            Value::Bool(flag) => flag.to_string(),
            Value::DateTime(time) => time.to_string(),
            Value::Decimal(text) | Value::String(text) => text.clone(),
            Value::Dynamic(json) => json.to_string(),
            Value::Guid(id) => id.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Long(number) => number.to_string(),
            Value::Real(number) => real_text(*number),
            Value::TimeSpan(span) => span.to_string(),
        };
        Some(text)
    }

    /// Appends what [`Value::to_json`] is as text.
    pub(super) fn write_json(&self, out: &mut String) {
        let written = match self {
            Value::Null => write!(out, "null"),
            Value::Bool(flag) => write!(out, "{flag}"),
            Value::Int(number) => write!(out, "{number}"),
            Value::Long(number) => write!(out, "{number}"),
            // None of these has a character that JSON escapes.
            Value::DateTime(time) => write!(out, "\"{time}\""),
            Value::TimeSpan(span) => write!(out, "\"{span}\""),
            Value::Guid(id) => write!(out, "\"{id}\""),
            Value::Decimal(text) => write!(out, "\"{text}\""),
            Value::Dynamic(json) => write!(out, "{json}"),
            other => write!(out, "{}", other.to_json()),
        };
        debug_assert!(written.is_ok(), "a String takes everything");
    }

    /// The value as the service writes it in JSON: values without a JSON form are strings.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => json!(flag),
            Value::Int(number) => json!(number),
            Value::Long(number) => json!(number),
            Value::Real(number) if number.is_finite() => json!(number),
            Value::Dynamic(json) => json.to_json(),
            other => json!(other.to_text()),
        }
    }
}

/// A `real` in the service's notation: `NaN`, `Infinity`, `-Infinity`, else the shortest text.
fn real_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned()
    } else {
        json!(number).to_string()
    }
}

/// A column of a table: of an answer, or of a table to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ColumnType,
}

impl Column {
    /// A column of this type.
    pub fn new(name: impl Into<String>, ty: ColumnType) -> Self {
        Self {
            name: name.into(),
            ty,
        }
    }

    /// A column whose type is given by a Kusto or .NET name, such as `long` or `System.Int64`.
    pub fn with_type_name(name: impl Into<String>, type_name: &str) -> Result<Self> {
        let name = name.into();
        match type_name.parse() {
            Ok(ty) => Ok(Self { name, ty }),
            Err(error) => Err(Error::invalid_argument(
                format!("type of column '{name}'"),
                error.message(),
            )),
        }
    }
}

/// The purpose of a table of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TableKind {
    /// The requested rows.
    PrimaryResult,
    /// How to show them.
    QueryProperties,
    /// The completion status (`QueryStatus` in v1).
    QueryCompletionInformation,
    /// A trace.
    QueryTraceLog,
    /// Measurements.
    QueryPerfLog,
    /// The table of contents.
    TableOfContents,
    /// The plan of the query.
    QueryPlan,
    /// Anything else.
    Unknown,
}

impl TableKind {
    /// The name in a v2 answer.
    pub const fn name(self) -> &'static str {
        match self {
            TableKind::PrimaryResult => "PrimaryResult",
            TableKind::QueryProperties => "QueryProperties",
            TableKind::QueryCompletionInformation => "QueryCompletionInformation",
            TableKind::QueryTraceLog => "QueryTraceLog",
            TableKind::QueryPerfLog => "QueryPerfLog",
            TableKind::TableOfContents => "TableOfContents",
            TableKind::QueryPlan => "QueryPlan",
            TableKind::Unknown => "Unknown",
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "PrimaryResult" | "QueryResult" => TableKind::PrimaryResult,
            "QueryProperties" => TableKind::QueryProperties,
            "QueryCompletionInformation" | "QueryStatus" => TableKind::QueryCompletionInformation,
            "QueryTraceLog" => TableKind::QueryTraceLog,
            "QueryPerfLog" => TableKind::QueryPerfLog,
            "TableOfContents" => TableKind::TableOfContents,
            "QueryPlan" => TableKind::QueryPlan,
            _ => TableKind::Unknown,
        }
    }
}

/// A table of an answer. Every row has as many values as there are columns.
///
/// A value that is not of its column's type is kept: a text as [`Value::String`], other JSON as
/// [`Value::Dynamic`]. One that cannot be read at all does not fail the answer: half of a surrogate
/// pair in a text becomes U+FFFD, and what is not JSON is a text that holds it. (`NaN` without
/// quotes is read in a column of type `real`.)
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The service's name for it, such as `Table_0` or `PrimaryResult`.
    pub name: String,
    /// Its purpose.
    pub kind: TableKind,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Rows,
}

impl Table {
    /// The index of the first column with this name; names are case-sensitive.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The value in a row, counted from 0, by the name of its column.
    pub fn value(&self, row: usize, column: &str) -> Option<&Value> {
        self.rows.lend(row)?.get(self.column_index(column)?)
    }

    /// The table as JSON: `name`, `kind`, `columns` (`name`, `type`), `rows` (arrays).
    pub fn to_json(&self) -> serde_json::Value {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|column| json!({"name": column.name, "type": column.ty.name()}))
            .collect();
        let rows: Vec<Vec<_>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(Value::to_json).collect())
            .collect();
        json!({"name": self.name, "kind": self.kind.name(), "columns": columns, "rows": rows})
    }

    pub(super) fn write_json(&self, out: &mut String) {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        *out += &format!(
            r#"{{"name":{},"kind":{},"columns":["#,
            text(&self.name),
            text(self.kind.name())
        );
        for (index, column) in self.columns.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let (name, ty) = (text(&column.name), column.ty.name());
            *out += &format!(r#"{comma}{{"name":{name},"type":"{ty}"}}"#);
        }
        *out += "],\"rows\":[";
        self.rows.write_json(out);
        *out += "]}";
    }
}

/// A complete answer: all its tables, none of them with an error inside.
///
/// ```
/// use kusto_ingest::query::{Column, ColumnType, DataSet, Table, TableKind, Value};
///
/// let data = DataSet {
///     tables: vec![Table {
///         name: "PrimaryResult".to_owned(),
///         kind: TableKind::PrimaryResult,
///         columns: vec![Column::new("Count", ColumnType::Long)],
///         rows: vec![vec![Value::Long(59_066)]].into(),
///     }],
/// };
/// let count = data.primary().and_then(|table| table.value(0, "Count")).and_then(Value::as_i64);
/// assert_eq!(count, Some(59_066));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataSet {
    /// The tables in the service's order.
    pub tables: Vec<Table>,
}

impl DataSet {
    /// The first table of requested rows.
    pub fn primary(&self) -> Option<&Table> {
        self.primary_tables().next()
    }

    /// All tables of requested rows; a batch or a `fork` has several.
    pub fn primary_tables(&self) -> impl Iterator<Item = &Table> {
        self.tables
            .iter()
            .filter(|table| table.kind == TableKind::PrimaryResult)
    }

    /// All tables as JSON: `{"tables": [...]}`.
    pub fn to_json(&self) -> serde_json::Value {
        json!({"tables": self.tables.iter().map(Table::to_json).collect::<Vec<_>>()})
    }

    /// About how many bytes of memory the answer holds, for languages whose collectors do not see it.
    pub fn size_in_memory(&self) -> usize {
        // Tables that came in one answer share it.
        let mut answers = std::collections::HashMap::new();
        let tables = self.tables.iter().map(|table| {
            let (places, answer) = table.rows.size_in_memory();
            answers.extend(answer);
            places
        });
        let places: usize = tables.sum();
        places + answers.values().sum::<usize>()
    }

    /// As [`DataSet::to_json`], but as text, and without the memory of a tree.
    pub fn to_json_text(&self) -> String {
        let mut out = "{\"tables\":[".to_owned();
        for (index, table) in self.tables.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            table.write_json(&mut out);
        }
        out += "]}";
        out
    }
}

#[cfg(test)]
mod tests;
