//! Ingestion mappings: from their JSON to "which value goes into which column".
//!
//! Read in the current shape (`Column`, `DataType`, `Properties`), in the spelling of the Java SDK
//! (`columnName`, `columnType`) and in the legacy flat shapes (`Name`/`Ordinal`/`ConstValue`,
//! `column`/`path`/`transform`); the case of member names does not matter anywhere.
//!
//! A column that the table does not have is added to it with the first data when the mapping gives its
//! type, as the service does for queued ingestion; without a type it is an error. For a column that is
//! there the table's own type decides, whatever `DataType` says.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::failure::{ErrorCode, Failure};
use super::formats::MappingKind;
use super::json_path::JsonPath;
use crate::engine::commands::check_name;
use crate::engine::schema::{Column, TableSchema};
use crate::engine::value::{ColumnType, Value};

/// Where a column's values come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// The field at this position, from 0.
    Field(usize),
    /// What the path leads to in the record.
    Path(JsonPath),
    /// The same value for every row.
    Constant(Value),
    /// The blob's address, without its SAS.
    Location,
    /// The line on which the record starts, from 1.
    LineNumber,
}

/// What happens to a value on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    /// Nothing.
    None,
    /// A number since 1970 to a datetime.
    UnixTime(UnixUnit),
    /// `[{"a":1},{"b":2}]` to `{"a":1,"b":2}`.
    ArrayToDictionary,
}

/// The unit of a number since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnixUnit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

/// One column's part of a mapping, bound to the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColumnSource {
    /// The column's position in the table.
    pub(crate) target: usize,
    /// The column's type.
    pub(crate) ty: ColumnType,
    /// Where its values come from.
    pub(crate) source: Source,
    /// What happens to them.
    pub(crate) transform: Transform,
}

/// The mapping that holds when none is given: csv by position, json by case-sensitive name.
pub(crate) fn identity(kind: MappingKind, schema: &TableSchema) -> Vec<ColumnSource> {
    let columns = schema.columns.iter().enumerate();
    columns
        .map(|(target, column)| ColumnSource {
            target,
            ty: column.ty,
            source: match kind {
                MappingKind::Csv => Source::Field(target),
                MappingKind::Json => Source::Path(JsonPath::property(&column.name)),
            },
            transform: Transform::None,
        })
        .collect()
}

/// Reads a mapping's JSON and binds it to the table; columns that are to be added are added to `schema`.
pub(crate) fn parse(
    json: &str,
    kind: MappingKind,
    schema: &mut TableSchema,
) -> Result<Vec<ColumnSource>, Failure> {
    let elements: Vec<Map<String, Json>> = serde_json::from_str(json)
        .map_err(|e| invalid(format!("The mapping is not a JSON array of objects: {e}.")))?;
    if elements.is_empty() {
        return Err(invalid("The mapping has no columns.".to_owned()));
    }
    let mut seen = HashSet::new();
    let mut columns = Vec::with_capacity(elements.len());
    for element in &elements {
        let element = Element::new(element);
        let column = element.bind(kind, schema)?;
        if !seen.insert(column.target) {
            let name = &schema.columns[column.target].name;
            return Err(invalid(format!("Column '{name}' is mapped twice.")));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// Refuses positions that formats with a single field do not have.
pub(crate) fn check_single_field(columns: &[ColumnSource]) -> Result<(), Failure> {
    let beyond = |column: &ColumnSource| matches!(column.source, Source::Field(1..));
    if columns.iter().any(beyond) {
        return Err(invalid(
            "The format has a single field: Ordinal must be 0.".to_owned(),
        ));
    }
    Ok(())
}

fn invalid(details: String) -> Failure {
    Failure::new(ErrorCode::InvalidMapping, details)
}

/// An element's members by lower-case name, those of `Properties` among them.
struct Element(Map<String, Json>);

impl Element {
    fn new(raw: &Map<String, Json>) -> Element {
        let mut members = Map::new();
        for (name, value) in raw {
            match (name.to_ascii_lowercase().as_str(), value) {
                ("properties", Json::Object(properties)) => {
                    for (name, value) in properties {
                        members.insert(name.to_ascii_lowercase(), value.clone());
                    }
                }
                (lower, _) => {
                    members.entry(lower).or_insert_with(|| value.clone());
                }
            }
        }
        Element(members)
    }

    /// A member's text; absent, null and empty are the same.
    fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) if text.is_empty() => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(Json::Number(number)) => Ok(Some(number.to_string())),
            Some(Json::Bool(flag)) => Ok(Some(flag.to_string())),
            Some(_) => Err(invalid(format!(
                "Member '{name}' of a column is not a text."
            ))),
        }
    }

    fn column_name(&self) -> Result<String, Failure> {
        for name in ["column", "columnname", "name"] {
            if let Some(column) = self.text(name)? {
                return Ok(column);
            }
        }
        Err(invalid("A column of the mapping has no name.".to_owned()))
    }

    /// Where the column stands in the table, at its end when it is new.
    fn target(&self, name: &str, schema: &mut TableSchema) -> Result<usize, Failure> {
        if let Some(target) = schema.position(name) {
            return Ok(target);
        }
        let given = match self.text("datatype")? {
            None => self.text("columntype")?,
            some => some,
        };
        let given = given.ok_or_else(|| {
            invalid(format!(
                "Table '{}' has no column '{name}', and the mapping gives no type to add it with.",
                schema.name
            ))
        })?;
        let ty = ColumnType::parse(&given)
            .ok_or_else(|| invalid(format!("Column '{name}': '{given}' is not a type.")))?;
        check_name("column", name).map_err(|error| invalid(error.to_string()))?;
        schema.columns.push(Column::new(name, ty));
        Ok(schema.columns.len() - 1)
    }

    fn bind(&self, kind: MappingKind, schema: &mut TableSchema) -> Result<ColumnSource, Failure> {
        let name = self.column_name()?;
        let target = self.target(&name, schema)?;
        let ty = schema.columns[target].ty;
        let in_column = |failure: Failure| invalid(format!("Column '{name}': {}", failure.details));
        let transform = self.text("transform").map_err(in_column)?;
        let (source, transform) = match transform.as_deref().map(str::to_ascii_lowercase).as_deref()
        {
            Some("sourcelocation") => (Source::Location, Transform::None),
            Some("sourcelinenumber") => (Source::LineNumber, Transform::None),
            other => {
                let transform = value_transform(other, kind, ty).map_err(in_column)?;
                (self.source(kind, ty).map_err(in_column)?, transform)
            }
        };
        Ok(ColumnSource {
            target,
            ty,
            source,
            transform,
        })
    }

    /// The source of an element without a place to read from: the constant, if there is one, is empty.
    fn empty_constant(&self, place: &str, ty: ColumnType) -> Result<Source, Failure> {
        match self.0.get("constvalue") {
            Some(Json::String(_)) => constant("", ty),
            _ => Err(invalid(format!("neither {place} nor ConstValue is given."))),
        }
    }

    /// A constant wins over a position, which legacy csv mappings carry beside it.
    fn source(&self, kind: MappingKind, ty: ColumnType) -> Result<Source, Failure> {
        if let Some(text) = self.text("constvalue")? {
            return constant(&text, ty);
        }
        match kind {
            MappingKind::Csv => {
                let Some(ordinal) = self.text("ordinal")? else {
                    return self.empty_constant("Ordinal", ty);
                };
                let ordinal = ordinal.parse().map_err(|_| {
                    invalid(format!("Ordinal '{ordinal}' is not a whole number from 0."))
                })?;
                Ok(Source::Field(ordinal))
            }
            MappingKind::Json => {
                let Some(path) = self.text("path")? else {
                    return self.empty_constant("Path", ty);
                };
                if !path.starts_with('$') {
                    return constant(&path, ty);
                }
                let path = JsonPath::parse(&path).map_err(|e| invalid(format!("{e}.")))?;
                Ok(Source::Path(path))
            }
        }
    }
}

fn constant(text: &str, ty: ColumnType) -> Result<Source, Failure> {
    Value::from_text(ty, text)
        .map(Source::Constant)
        .map_err(|e| invalid(format!("the constant does not fit: {e}.")))
}

/// The transforms of a mapped value, by lower-case name.
fn value_transform(
    name: Option<&str>,
    kind: MappingKind,
    ty: ColumnType,
) -> Result<Transform, Failure> {
    let unit = match name {
        None | Some("none") => return Ok(Transform::None),
        Some("propertybagarraytodictionary") if kind == MappingKind::Json => {
            return Ok(Transform::ArrayToDictionary);
        }
        Some("datetimefromunixseconds") => UnixUnit::Seconds,
        Some("datetimefromunixmilliseconds") => UnixUnit::Milliseconds,
        Some("datetimefromunixmicroseconds") => UnixUnit::Microseconds,
        Some("datetimefromunixnanoseconds") => UnixUnit::Nanoseconds,
        Some(other) => {
            return Err(invalid(format!(
                "transform '{other}' is not available for {} mappings in the emulator.",
                kind.name()
            )));
        }
    };
    if ty != ColumnType::DateTime {
        return Err(invalid(
            "a transform to datetime needs a column of type datetime.".to_owned(),
        ));
    }
    Ok(Transform::UnixTime(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> TableSchema {
        TableSchema {
            name: "T".to_owned(),
            columns: vec![
                Column::new("a", ColumnType::Long),
                Column::new("b", ColumnType::String),
                Column::new("t", ColumnType::DateTime),
            ],
        }
    }

    fn csv(json: &str) -> Vec<(usize, Source)> {
        sources(json, MappingKind::Csv)
    }

    fn sources(json: &str, kind: MappingKind) -> Vec<(usize, Source)> {
        let columns = parse(json, kind, &mut schema()).unwrap();
        columns.into_iter().map(|c| (c.target, c.source)).collect()
    }

    fn text(value: &str) -> Source {
        Source::Constant(Value::String(value.to_owned()))
    }

    #[test]
    fn csv_in_all_shapes_is_one() {
        let expected = vec![(0, Source::Field(2)), (1, text("k"))];
        for json in [
            r#"[{"Column":"a","DataType":"long","Properties":{"Ordinal":"2"}},{"Column":"b","Properties":{"ConstValue":"k"}}]"#,
            r#"[{"column":"a","datatype":"long","properties":{"ordinal":2}},{"column":"b","Properties":{"constValue":"k"}}]"#,
            r#"[{"columnName":"a","columnType":"long","properties":{"Ordinal":"2"}},{"columnName":"b","properties":{"ConstValue":"k"}}]"#,
            r#"[{"Name":"a","DataType":"long","CsvDataType":null,"Ordinal":2,"ConstValue":null},{"Name":"b","Ordinal":-1,"ConstValue":"k"}]"#,
        ] {
            assert_eq!(csv(json), expected, "{json}");
        }
    }

    #[test]
    fn a_constant_may_be_empty() {
        let expected = vec![(1, text(""))];
        let json = r#"[{"Column":"b","Properties":{"ConstValue":""}}]"#;
        assert_eq!(csv(json), expected);
        let json = r#"[{"Column":"b","Properties":{"Ordinal":"1","ConstValue":""}}]"#;
        assert_eq!(csv(json), [(1, Source::Field(1))]);
    }

    #[test]
    fn json_in_all_shapes_is_one() {
        let path = Source::Path(JsonPath::parse("$.x").unwrap());
        for json in [
            r#"[{"Column":"a","Properties":{"Path":"$.x"}},{"Column":"b","Properties":{"Path":"k"}}]"#,
            r#"[{"column":"a","path":"$.x","datatype":"","transform":null},{"column":"b","path":"k"}]"#,
            r#"[{"columnName":"a","properties":{"path":"$.x","transform":"None"}},{"columnName":"b","properties":{"constvalue":"k"}}]"#,
        ] {
            assert_eq!(
                sources(json, MappingKind::Json),
                vec![(0, path.clone()), (1, text("k"))],
                "{json}"
            );
        }
    }

    #[test]
    fn transforms() {
        let columns = parse(
            r#"[{"Column":"t","Properties":{"Path":"$.t","Transform":"DateTimeFromUnixMilliseconds"}},
                {"Column":"b","Properties":{"Transform":"SourceLocation"}},
                {"column":"a","transform":"SourceLineNumber"}]"#,
            MappingKind::Json,
            &mut schema(),
        )
        .unwrap();
        assert_eq!(
            columns[0].transform,
            Transform::UnixTime(UnixUnit::Milliseconds)
        );
        assert_eq!(columns[1].source, Source::Location);
        assert_eq!(columns[2].source, Source::LineNumber);
    }

    #[test]
    fn identity_is_by_position_or_name() {
        let csv = identity(MappingKind::Csv, &schema());
        assert_eq!(csv[1].source, Source::Field(1));
        let json = identity(MappingKind::Json, &schema());
        assert_eq!(json[1].source, Source::Path(JsonPath::property("b")));
    }

    #[test]
    fn a_column_with_a_type_is_added_once() {
        let mut widened = schema();
        let json = r#"[{"Column":"new","DataType":"System.Int32","Properties":{"Ordinal":"0"}},
                       {"columnName":"neü","columnType":"real","properties":{"Ordinal":"1"}},
                       {"Column":"a","DataType":"string","Properties":{"Ordinal":"2"}}]"#;
        let columns = parse(json, MappingKind::Csv, &mut widened).unwrap();
        let targets: Vec<_> = columns.iter().map(|c| (c.target, c.ty)).collect();
        let expected = [
            (3, ColumnType::Int),
            (4, ColumnType::Real),
            (0, ColumnType::Long),
        ];
        assert_eq!(targets, expected);
        assert_eq!(widened.columns.len(), 5);
        parse(json, MappingKind::Csv, &mut widened).unwrap();
        assert_eq!(widened.columns.len(), 5);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let csv = MappingKind::Csv;
        let json = MappingKind::Json;
        for (kind, text, expected) in [
            (csv, "{}", "JSON array"),
            (csv, "[]", "no columns"),
            (csv, r#"[{"Properties":{"Ordinal":"0"}}]"#, "no name"),
            (
                csv,
                r#"[{"Column":"A","Properties":{"Ordinal":"0"}}]"#,
                "no column 'A'",
            ),
            (
                csv,
                r#"[{"Column":"A","DataType":"varchar","Properties":{"Ordinal":"0"}}]"#,
                "'varchar' is not a type",
            ),
            (
                csv,
                r#"[{"Column":"A/B","DataType":"long","Properties":{"Ordinal":"0"}}]"#,
                "not a valid column name",
            ),
            (csv, r#"[{"Column":"a"}]"#, "Column 'a': neither Ordinal"),
            (
                csv,
                r#"[{"Column":"a","Properties":{"Ordinal":"x"}}]"#,
                "Ordinal 'x'",
            ),
            (csv, r#"[{"Name":"a","Ordinal":-1}]"#, "Ordinal '-1'"),
            (
                csv,
                r#"[{"Name":"a","Ordinal":0},{"Name":"a","Ordinal":1}]"#,
                "twice",
            ),
            (
                csv,
                r#"[{"Column":"a","Properties":{"ConstValue":"x"}}]"#,
                "constant",
            ),
            (json, r#"[{"Column":"a","Properties":{}}]"#, "neither Path"),
            (
                json,
                r#"[{"Column":"a","Properties":{"Path":"$..x"}}]"#,
                "empty step",
            ),
            (
                json,
                r#"[{"Column":"a","Path":"$.x","Transform":"GetPathElement"}]"#,
                "getpathelement",
            ),
            (
                json,
                r#"[{"Column":"a","Path":"$.x","Transform":["None"]}]"#,
                "not a text",
            ),
            (
                json,
                r#"[{"Column":"a","Path":"$.x","Transform":"DateTimeFromUnixSeconds"}]"#,
                "datetime",
            ),
            (
                csv,
                r#"[{"Name":"a","Ordinal":0,"Transform":"PropertyBagArrayToDictionary"}]"#,
                "csv",
            ),
        ] {
            let failure = parse(text, kind, &mut schema()).unwrap_err();
            assert_eq!(failure.code, ErrorCode::InvalidMapping, "{text}");
            assert!(failure.details.contains(expected), "{text}: {failure}");
        }
    }
}
