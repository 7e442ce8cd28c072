//! The ten scalar types and their values.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

/// A Kusto scalar type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `bool`
    Bool,
    /// `datetime`: 100 ns ticks since 0001-01-01 UTC.
    DateTime,
    /// `decimal`
    Decimal,
    /// `dynamic`: any JSON.
    Dynamic,
    /// `guid`
    Guid,
    /// `int`: 32 bits.
    Int,
    /// `long`: 64 bits.
    Long,
    /// `real`: IEEE 754 double.
    Real,
    /// `string`: never null, an absent one is empty.
    String,
    /// `timespan`: 100 ns ticks.
    TimeSpan,
}

/// A value or its absence. A [`ColumnType::String`] column never holds [`Value::Null`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The null of every type but string.
    Null,
    /// `bool`
    Bool(bool),
    /// `datetime`: 100 ns ticks since 0001-01-01 UTC.
    DateTime(i64),
    /// `decimal`
    Decimal(Decimal),
    /// `dynamic`
    Dynamic(Json),
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
    /// `timespan`: 100 ns ticks.
    TimeSpan(i64),
}

/// A text or JSON value that is none of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionError {
    /// The type that was wanted.
    pub ty: ColumnType,
    /// The start of the offending text.
    pub text: String,
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a {}", self.text, self.ty.kusto_name())
    }
}

impl std::error::Error for ConversionError {}

impl ColumnType {
    /// A type by its Kusto name, alias or .NET name; `None` when there is no such type.
    pub fn parse(name: &str) -> Option<Self> {
        let _ = name;
        None
    }

    /// The Kusto name, for example `datetime`.
    pub fn kusto_name(self) -> &'static str {
        ""
    }

    /// The .NET name without its namespace as v1 results give it, for example `DateTime`.
    pub fn dotnet_name(self) -> &'static str {
        ""
    }
}

impl Value {
    /// The value of a column that got none: null, or the empty string.
    pub fn absent(ty: ColumnType) -> Self {
        match ty {
            ColumnType::String => Self::String(String::new()),
            _ => Self::Null,
        }
    }

    /// The text of a delimited file, or of a mapping's constant, as a value of this type. Empty
    /// text is null (for string: empty).
    ///
    /// # Errors
    /// When the text is none of the type.
    pub fn from_text(ty: ColumnType, text: &str) -> Result<Self, ConversionError> {
        Err(ConversionError {
            ty,
            text: text.to_owned(),
        })
    }

    /// A JSON value as a value of this type, as leniently as the service: `"5"` is a long, 5 is a
    /// string, an object is a string of its JSON.
    ///
    /// # Errors
    /// When the value is none of the type.
    pub fn from_json(ty: ColumnType, json: &Json) -> Result<Self, ConversionError> {
        Err(ConversionError {
            ty,
            text: json.to_string(),
        })
    }
}
