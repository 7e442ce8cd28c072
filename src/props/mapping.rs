//! Ingestion mappings: which part of the data fills which column.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::props::catalog::{DataFormat, MappingKind};

impl MappingKind {
    /// Whether a mapping of this kind can be used for data in this format. The service's pages use
    /// Avro mappings for both Avro readers, so the two kinds stand in for each other.
    pub fn fits(self, format: DataFormat) -> bool {
        let is_avro = |kind| matches!(kind, MappingKind::Avro | MappingKind::ApacheAvro);
        let wanted = format.mapping_kind();
        self == wanted || (is_avro(self) && is_avro(wanted))
    }
}

impl fmt::Display for MappingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

impl FromStr for MappingKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let name = name.trim();
        Self::ALL
            .into_iter()
            .find(|kind| kind.wire_name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|k| k.wire_name()).collect();
                Error::invalid_argument(
                    "ingestionMappingType",
                    format!("'{name}' is not one of {}", known.join(", ")),
                )
            })
    }
}

/// The transformation of a value on its way into the column.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transform {
    /// An array of objects becomes one object with all their members: `[{"a":1},{"b":2}]` becomes
    /// `{"a":1,"b":2}`.
    PropertyBagArrayToDictionary,
    /// The name of the blob; takes no part of the data.
    SourceLocation,
    /// The line number in the blob; takes no part of the data.
    SourceLineNumber,
    /// Seconds since 1970 become a datetime.
    DateTimeFromUnixSeconds,
    /// Milliseconds since 1970 become a datetime.
    DateTimeFromUnixMilliseconds,
    /// Microseconds since 1970 become a datetime.
    DateTimeFromUnixMicroseconds,
    /// Nanoseconds since 1970 become a datetime.
    DateTimeFromUnixNanoseconds,
    /// The object without the members other columns take.
    DropMappedFields,
    /// Avro bytes become base64 text.
    BytesAsBase64,
    /// Any other name; the service decides.
    Other(String),
}

impl Transform {
    const KNOWN: [Transform; 9] = [
        Transform::PropertyBagArrayToDictionary,
        Transform::SourceLocation,
        Transform::SourceLineNumber,
        Transform::DateTimeFromUnixSeconds,
        Transform::DateTimeFromUnixMilliseconds,
        Transform::DateTimeFromUnixMicroseconds,
        Transform::DateTimeFromUnixNanoseconds,
        Transform::DropMappedFields,
        Transform::BytesAsBase64,
    ];

    /// The name on the wire.
    pub fn wire_name(&self) -> &str {
        match self {
            Transform::PropertyBagArrayToDictionary => "PropertyBagArrayToDictionary",
            Transform::SourceLocation => "SourceLocation",
            Transform::SourceLineNumber => "SourceLineNumber",
            Transform::DateTimeFromUnixSeconds => "DateTimeFromUnixSeconds",
            Transform::DateTimeFromUnixMilliseconds => "DateTimeFromUnixMilliseconds",
            Transform::DateTimeFromUnixMicroseconds => "DateTimeFromUnixMicroseconds",
            Transform::DateTimeFromUnixNanoseconds => "DateTimeFromUnixNanoseconds",
            Transform::DropMappedFields => "DropMappedFields",
            Transform::BytesAsBase64 => "BytesAsBase64",
            Transform::Other(name) => name,
        }
    }

    /// The transform with this name, in any case; `None` for an empty name and for `None`.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("none") {
            return None;
        }
        let known = Self::KNOWN
            .into_iter()
            .find(|transform| transform.wire_name().eq_ignore_ascii_case(name));
        Some(known.unwrap_or_else(|| Transform::Other(name.to_owned())))
    }

    /// Whether the value comes from the blob itself rather than from its data.
    fn is_about_the_source(&self) -> bool {
        matches!(
            self,
            Transform::SourceLocation | Transform::SourceLineNumber
        )
    }
}

/// One column of the table and where its value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMapping {
    column: String,
    data_type: Option<String>,
    ordinal: Option<u32>,
    path: Option<String>,
    field: Option<String>,
    const_value: Option<String>,
    transform: Option<Transform>,
    /// Properties that this version does not know, passed on unchanged.
    other: Vec<(String, String)>,
}

impl ColumnMapping {
    /// The value of the `ordinal`th field, counted from 0 (delimited formats).
    pub fn ordinal(column: impl Into<String>, ordinal: u32) -> Self {
        Self {
            ordinal: Some(ordinal),
            ..Self::named(column)
        }
    }

    /// The value at a JSON path, such as `$.a.b` or `$['odd name']`.
    pub fn path(column: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::named(column)
        }
    }

    /// The value of a field by name (Avro, Parquet, ORC, W3C).
    pub fn field(column: impl Into<String>, field: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::named(column)
        }
    }

    /// The same value in every row. An empty text is a value too.
    pub fn constant(column: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            const_value: Some(value.into()),
            ..Self::named(column)
        }
    }

    /// A value the service makes: [`Transform::SourceLocation`] or [`Transform::SourceLineNumber`].
    pub fn transform(column: impl Into<String>, transform: Transform) -> Self {
        Self {
            transform: Some(transform),
            ..Self::named(column)
        }
    }

    fn named(column: impl Into<String>) -> Self {
        Self {
            column: column.into(),
            ..Self::default()
        }
    }

    /// Declares the column's type, which lets the service create missing columns.
    #[must_use]
    pub fn with_data_type(mut self, data_type: impl Into<String>) -> Self {
        self.data_type = Some(data_type.into());
        self
    }

    /// Passes the value through a transform.
    #[must_use]
    pub fn with_transform(mut self, transform: Transform) -> Self {
        self.transform = Some(transform);
        self
    }

    /// The column of the table.
    pub fn column(&self) -> &str {
        &self.column
    }

    fn validate(&self, kind: MappingKind) -> Result<()> {
        if self.column.trim().is_empty() {
            return Err(wrong("a column has no name"));
        }
        self.validate_sources(kind)
            .map_err(|what| wrong(format!("column '{}' {what}", self.column)))
    }

    fn validate_sources(&self, kind: MappingKind) -> std::result::Result<(), String> {
        let takes_data = self.ordinal.is_some() || self.path.is_some() || self.field.is_some();
        let source_transform = self
            .transform
            .as_ref()
            .filter(|transform| transform.is_about_the_source());
        if let Some(transform) = source_transform {
            if takes_data {
                let name = transform.wire_name();
                return Err(format!("has {name}, which takes no ordinal, path or field"));
            }
            return Ok(());
        }
        if self.const_value.is_some() {
            if kind == MappingKind::Csv && self.ordinal.is_some() {
                return Err("has both a constant and an ordinal".to_owned());
            }
            return Ok(());
        }
        if self.path.is_some() && self.field.is_some() {
            return Err("has both a path and a field".to_owned());
        }
        let (has, needs) = match kind {
            MappingKind::Csv => (self.ordinal.is_some(), "an ordinal"),
            MappingKind::Json => (self.path.is_some(), "a path"),
            MappingKind::W3cLogFile => (self.field.is_some(), "a field"),
            _ => (
                self.path.is_some() || self.field.is_some(),
                "a field or a path",
            ),
        };
        if has {
            Ok(())
        } else {
            Err(format!("needs {needs} or a constant in a {kind} mapping"))
        }
    }

    fn to_wire(&self) -> Value {
        let mut properties = Map::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                properties.insert(name.to_owned(), Value::String(value));
            }
        };
        put("Ordinal", self.ordinal.map(|ordinal| ordinal.to_string()));
        put("Path", self.path.clone());
        put("Field", self.field.clone());
        put("ConstValue", self.const_value.clone());
        let transform = self.transform.as_ref();
        put("Transform", transform.map(|t| t.wire_name().to_owned()));
        for (name, value) in &self.other {
            put(name, Some(value.clone()));
        }
        let mut element = Map::new();
        element.insert("Column".to_owned(), json!(self.column));
        if let Some(data_type) = &self.data_type {
            element.insert("DataType".to_owned(), json!(data_type));
        }
        element.insert("Properties".to_owned(), Value::Object(properties));
        Value::Object(element)
    }

    /// Reads an element in the current or the legacy shape. They are distinguished member by
    /// member: the legacy one is flat.
    fn from_wire(element: &Value) -> Result<Self> {
        let members = element
            .as_object()
            .ok_or_else(|| wrong("every element must be a JSON object"))?;
        let mut mapping = Self::default();
        for (name, value) in members {
            match name.to_ascii_lowercase().as_str() {
                "column" | "columnname" | "name" => {
                    mapping.column = text(name, value)?.unwrap_or_default();
                }
                "datatype" | "columntype" => {
                    mapping.data_type = text(name, value)?.filter(|t| !t.is_empty());
                }
                // The legacy CSV shape's type of the data itself; the service ignores it.
                "csvdatatype" => {}
                "properties" => mapping.read_properties(value)?,
                _ => mapping.read_property(name, value)?,
            }
        }
        Ok(mapping)
    }

    fn read_properties(&mut self, value: &Value) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        let properties = value
            .as_object()
            .ok_or_else(|| wrong("Properties must be a JSON object"))?;
        for (name, value) in properties {
            self.read_property(name, value)?;
        }
        Ok(())
    }

    fn read_property(&mut self, name: &str, value: &Value) -> Result<()> {
        let Some(value) = text(name, value)? else {
            return Ok(());
        };
        match name.to_ascii_lowercase().as_str() {
            "ordinal" => {
                let ordinal = value.trim().parse();
                self.ordinal = Some(
                    ordinal
                        .map_err(|_| wrong(format!("Ordinal '{value}' is not a number from 0")))?,
                );
            }
            "path" => self.path = Some(value),
            "field" => self.field = Some(value),
            "constvalue" => self.const_value = Some(value),
            "transform" => self.transform = Transform::from_wire_name(&value),
            _ => self.other.push((name.to_owned(), value)),
        }
        Ok(())
    }
}

/// A mapping given with the data rather than created in the table beforehand.
///
/// ```
/// use kusto_ingest::props::{ColumnMapping, Mapping, MappingKind, Transform};
///
/// let mapping = Mapping::new(
///     MappingKind::Json,
///     vec![
///         ColumnMapping::path("Id", "$.Id"),
///         ColumnMapping::path("At", "$.t").with_transform(Transform::DateTimeFromUnixSeconds),
///         ColumnMapping::constant("Source", "sensor 7"),
///     ],
/// )?;
/// assert_eq!(Mapping::parse(MappingKind::Json, &mapping.to_wire_json())?, mapping);
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    kind: MappingKind,
    columns: Vec<ColumnMapping>,
}

impl Mapping {
    /// A mapping of these columns, checked: names present and unique, each with exactly the kind of
    /// source that `kind` requires.
    pub fn new(kind: MappingKind, columns: Vec<ColumnMapping>) -> Result<Self> {
        if columns.is_empty() {
            return Err(wrong("the mapping has no columns"));
        }
        let mut seen = std::collections::HashSet::new();
        for column in &columns {
            column.validate(kind)?;
            if !seen.insert(column.column.as_str()) {
                return Err(wrong(format!("column '{}' is mapped twice", column.column)));
            }
        }
        Ok(Self { kind, columns })
    }

    /// Reads a mapping's JSON in the current shape (`Column`, `Properties`) or the flat legacy one
    /// that `.show ingestion mappings` returns.
    pub fn parse(kind: MappingKind, json: &str) -> Result<Self> {
        Self::new(kind, parse_columns(json)?)
    }

    /// The family of formats this is for.
    pub fn kind(&self) -> MappingKind {
        self.kind
    }

    /// The columns, in the order given.
    pub fn columns(&self) -> &[ColumnMapping] {
        &self.columns
    }

    /// The JSON text in the current shape, for messages and commands.
    pub fn to_wire_json(&self) -> String {
        columns_to_wire_json(&self.columns)
    }

    /// Checks the mapping against the format of the data.
    pub(crate) fn check_format(&self, format: DataFormat) -> Result<()> {
        check_kind(self.kind, format)?;
        let one_column = matches!(format, DataFormat::Txt | DataFormat::Raw);
        let beyond = |column: &&ColumnMapping| column.ordinal.is_some_and(|ordinal| ordinal > 0);
        match self.columns.iter().find(beyond) {
            Some(column) if one_column => Err(wrong(format!(
                "column '{}' has an ordinal other than 0, but data in format {format} has one field",
                column.column
            ))),
            _ => Ok(()),
        }
    }
}

/// The JSON text of these columns in the current shape.
pub(crate) fn columns_to_wire_json(columns: &[ColumnMapping]) -> String {
    Value::Array(columns.iter().map(ColumnMapping::to_wire).collect()).to_string()
}

/// The columns of a mapping whose kind is not known yet.
pub(crate) fn parse_columns(json: &str) -> Result<Vec<ColumnMapping>> {
    let value: Value =
        serde_json::from_str(json).map_err(|error| wrong(format!("is not JSON: {error}")))?;
    let elements = value
        .as_array()
        .ok_or_else(|| wrong("must be a JSON array"))?;
    elements.iter().map(ColumnMapping::from_wire).collect()
}

/// The error of a mapping kind that cannot be used for the format.
pub(crate) fn check_kind(kind: MappingKind, format: DataFormat) -> Result<()> {
    if kind.fits(format) {
        return Ok(());
    }
    Err(wrong(format!(
        "a {kind} mapping cannot be used for data in format {format}"
    )))
}

fn wrong(what: impl Into<String>) -> Error {
    Error::invalid_argument("ingestionMapping", what)
}

/// A member as text: legacy mappings have numbers, and null for what is absent.
fn text(name: &str, value: &Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        _ => Err(wrong(format!("{name} must be text"))),
    }
}

/// The source of an ingestion's mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MappingSource {
    /// None: the service maps by position (delimited formats) or by name.
    #[default]
    None,
    /// A mapping that was created in the table or the database.
    Reference {
        /// Its name, case-sensitive.
        name: String,
        /// Its kind; the format's own kind when absent.
        kind: Option<MappingKind>,
    },
    /// A mapping given with the data.
    Inline(Mapping),
    /// A mapping given with the data as JSON without its kind, which is that of the format.
    InlineColumns(Vec<ColumnMapping>),
}

#[cfg(test)]
mod tests;
