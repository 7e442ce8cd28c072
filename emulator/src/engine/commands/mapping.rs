//! Ingestion mappings: what `.create ... mapping` accepts.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::super::error::KustoError;
use super::super::value::ColumnType;

/// Kinds of mappings, as commands name them.
pub const KINDS: [&str; 9] = [
    "csv",
    "json",
    "avro",
    "apacheavro",
    "parquet",
    "sstream",
    "orc",
    "w3clogfile",
    "azmonstream",
];

/// Checks a mapping's JSON in the current shape (`Column`, `DataType`, `Properties`) and the legacy
/// one (`Name`, `DataType`, `Ordinal`; `column`, `path`). Keys' case does not matter.
///
/// # Errors
/// A bad request that names the element and what is wrong with it.
pub fn validate(kind: &str, json: &str) -> Result<(), KustoError> {
    let parsed: Json =
        serde_json::from_str(json).map_err(|error| invalid(format!("it is not JSON: {error}")))?;
    let elements = parsed
        .as_array()
        .ok_or_else(|| invalid("it is not a JSON array"))?;
    if elements.is_empty() {
        return Err(invalid("it maps no column"));
    }
    let mut seen = HashSet::new();
    for (at, element) in elements.iter().enumerate() {
        let element = element
            .as_object()
            .ok_or_else(|| invalid(format!("element {at} is not an object")))?;
        let column =
            check_element(kind, element).map_err(|why| invalid(format!("element {at}: {why}")))?;
        if kind == "json" && !seen.insert(column.clone()) {
            return Err(invalid(format!("column '{column}' is mapped twice")));
        }
    }
    Ok(())
}

fn invalid(why: impl Into<String>) -> KustoError {
    KustoError::bad_request(format!("The ingestion mapping is invalid: {}.", why.into()))
}

/// A member by any of these names, in any case.
fn member<'e>(element: &'e Map<String, Json>, names: &[&str]) -> Option<&'e Json> {
    let found = element
        .iter()
        .find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    found
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

/// The element's column, when the element is well formed.
fn check_element(kind: &str, element: &Map<String, Json>) -> Result<String, String> {
    let column = member(element, &["column", "columnname", "name"])
        .and_then(Json::as_str)
        .unwrap_or("");
    if column.is_empty() {
        return Err("it names no column".to_owned());
    }
    let data_type = member(element, &["datatype", "columntype"])
        .and_then(Json::as_str)
        .unwrap_or("");
    if !data_type.is_empty() && ColumnType::parse(data_type).is_none() {
        return Err(format!("'{data_type}' is not a type"));
    }
    let empty = Map::new();
    let properties = match member(element, &["properties"]) {
        Some(properties) => properties
            .as_object()
            .ok_or("its properties are not an object")?,
        None => &empty,
    };
    let property = |name| member(properties, &[name]).or_else(|| member(element, &[name]));
    if property("constvalue").is_some() || property("transform").is_some_and(is_source_transform) {
        return Ok(column.to_owned());
    }
    match kind {
        "csv" => check_ordinal(property("ordinal")),
        "json" => check_path(property("path")),
        _ => Ok(()),
    }?;
    Ok(column.to_owned())
}

/// Transforms that take nothing from the record.
fn is_source_transform(transform: &Json) -> bool {
    transform.as_str().is_some_and(|name| {
        ["SourceLocation", "SourceLineNumber"]
            .iter()
            .any(|source| source.eq_ignore_ascii_case(name))
    })
}

fn check_ordinal(ordinal: Option<&Json>) -> Result<(), String> {
    let number = match ordinal {
        None => return Err("it has neither an ordinal nor a constant value".to_owned()),
        Some(Json::String(text)) => text.trim().parse::<u32>().ok(),
        Some(other) => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    number
        .map(|_| ())
        .ok_or_else(|| "its ordinal is not a non-negative number".to_owned())
}

fn check_path(path: Option<&Json>) -> Result<(), String> {
    match path.and_then(Json::as_str) {
        Some(path) if !path.is_empty() => Ok(()),
        _ => Err("it has neither a path nor a constant value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::validate;

    #[test]
    fn both_shapes_pass() {
        for (kind, json) in [
            (
                "csv",
                r#"[{"Column":"a","DataType":"long","Properties":{"Ordinal":"0"}}]"#,
            ),
            ("csv", r#"[{"column":"a","datatype":"string","Ordinal":0}]"#),
            (
                "csv",
                r#"[{"Name":"a","DataType":"int","CsvDataType":null,"Ordinal":3,"ConstValue":null}]"#,
            ),
            (
                "csv",
                r#"[{"columnName":"a","properties":{"ConstValue":"x"}}]"#,
            ),
            (
                "json",
                r#"[{"column":"a","path":"$.a","datatype":"","transform":null}]"#,
            ),
            (
                "json",
                r#"[{"Column":"a","Properties":{"Path":"$['x y']"}},{"Column":"b","Properties":{"Transform":"SourceLocation"}}]"#,
            ),
            ("parquet", r#"[{"Column":"a","Properties":{"Field":"f"}}]"#),
        ] {
            assert_eq!(validate(kind, json), Ok(()), "{json}");
        }
    }

    #[test]
    fn faults_are_named() {
        for (kind, json, why) in [
            ("csv", "not json", "not JSON"),
            ("csv", "{}", "not a JSON array"),
            ("csv", "[]", "no column"),
            ("csv", "[1]", "element 0 is not an object"),
            (
                "csv",
                r#"[{"Properties":{"Ordinal":"0"}}]"#,
                "names no column",
            ),
            ("csv", r#"[{"Column":"a"}]"#, "neither an ordinal"),
            (
                "csv",
                r#"[{"Column":"a","Properties":{"Ordinal":"-1"}}]"#,
                "ordinal",
            ),
            (
                "csv",
                r#"[{"Column":"a","DataType":"blob","Properties":{"Ordinal":"1"}}]"#,
                "'blob' is not a type",
            ),
            (
                "json",
                r#"[{"Column":"a","Properties":{}}]"#,
                "neither a path",
            ),
            (
                "json",
                r#"[{"column":"a","path":"$.a"},{"column":"a","path":"$.b"}]"#,
                "mapped twice",
            ),
        ] {
            let error = validate(kind, json).expect_err(json).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
