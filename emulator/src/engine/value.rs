//! The ten scalar types and their values.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::Value as Json;
use serde_json::value::RawValue;
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
    /// Whether the service could take it and only the emulator cannot.
    pub is_limit: bool,
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, ty) = (&self.text, self.ty.kusto_name());
        match (self.is_limit, self.ty) {
            (false, _) => write!(f, "'{text}' is not a {ty}"),
            (true, ColumnType::Dynamic) => {
                write!(
                    f,
                    "'{text}' is JSON that the emulator cannot hold: {BEYOND}"
                )
            }
            (true, _) => write!(f, "'{text}' has more digits than a {ty} of the emulator"),
        }
    }
}

impl std::error::Error for ConversionError {}

impl ConversionError {
    /// Says that `text` is no `ty`. Keeps only the text's start: it may be megabytes.
    pub fn new(ty: ColumnType, text: &str) -> Self {
        Self {
            ty,
            text: text.chars().take(80).collect(),
            is_limit: match ty {
                ColumnType::Decimal => is_finite_number(text),
                ColumnType::Dynamic => is_json(text),
                _ => false,
            },
        }
    }
}

/// What JSON may have that no dynamic of the emulator has.
pub(crate) const BEYOND: &str =
    "more than 127 levels, a number beyond those of 64 bits, or half of a surrogate pair";

/// Whether a text is JSON, though the emulator may be unable to hold it. What the service does with such a text is not
/// documented, but that it is no JSON would be wrong.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Whether it is a number at all: one that does not become a decimal has too many digits for it.
fn is_finite_number(text: &str) -> bool {
    text.trim().parse().is_ok_and(f64::is_finite)
}

impl ColumnType {
    /// A type by its Kusto name, alias or .NET name (with or without `System.`), in any case;
    /// `None` when there is no such type.
    pub fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let short = lower.strip_prefix("system.").unwrap_or(&lower);
        let short = short.strip_prefix("data.sqltypes.").unwrap_or(short);
        Some(match short {
            "bool" | "boolean" => Self::Bool,
            "datetime" | "date" => Self::DateTime,
            "decimal" | "sqldecimal" | "uint64" | "ulong" => Self::Decimal,
            "dynamic" | "object" => Self::Dynamic,
            "guid" | "uuid" | "uniqueid" => Self::Guid,
            "int" | "int32" | "byte" | "sbyte" | "int16" | "uint16" | "short" | "ushort" => {
                Self::Int
            }
            "long" | "int64" | "uint32" | "uint" => Self::Long,
            "real" | "double" | "single" | "float" => Self::Real,
            "string" => Self::String,
            "timespan" | "time" => Self::TimeSpan,
            _ => return None,
        })
    }

    /// The Kusto name, for example `datetime`.
    pub fn kusto_name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::DateTime => "datetime",
            Self::Decimal => "decimal",
            Self::Dynamic => "dynamic",
            Self::Guid => "guid",
            Self::Int => "int",
            Self::Long => "long",
            Self::Real => "real",
            Self::String => "string",
            Self::TimeSpan => "timespan",
        }
    }

    /// The .NET name without its namespace as v1 results give it, for example `DateTime`. A bool
    /// is `SByte` there.
    pub fn dotnet_name(self) -> &'static str {
        match self {
            Self::Bool => "SByte",
            Self::DateTime => "DateTime",
            Self::Decimal => "SqlDecimal",
            Self::Dynamic => "Object",
            Self::Guid => "Guid",
            Self::Int => "Int32",
            Self::Long => "Int64",
            Self::Real => "Double",
            Self::String => "String",
            Self::TimeSpan => "TimeSpan",
        }
    }

    /// The full .NET name as schema commands give it, for example `System.DateTime`.
    pub fn dotnet_full_name(self) -> String {
        match self {
            Self::Decimal => "System.Data.SqlTypes.SqlDecimal".to_owned(),
            other => format!("System.{}", other.dotnet_name()),
        }
    }

    /// Whether arithmetic works on it.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Int | Self::Long | Self::Real | Self::Decimal)
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

    /// Whether a column of this type may hold it.
    pub fn fits(&self, ty: ColumnType) -> bool {
        match self {
            Self::Null => ty != ColumnType::String,
            other => other.column_type() == Some(ty),
        }
    }

    /// Its type; `None` for null, which every type but string has.
    pub fn column_type(&self) -> Option<ColumnType> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => ColumnType::Bool,
            Self::DateTime(_) => ColumnType::DateTime,
            Self::Decimal(_) => ColumnType::Decimal,
            Self::Dynamic(_) => ColumnType::Dynamic,
            Self::Guid(_) => ColumnType::Guid,
            Self::Int(_) => ColumnType::Int,
            Self::Long(_) => ColumnType::Long,
            Self::Real(_) => ColumnType::Real,
            Self::String(_) => ColumnType::String,
            Self::TimeSpan(_) => ColumnType::TimeSpan,
        })
    }

    /// Whether it is the null of its type.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}
