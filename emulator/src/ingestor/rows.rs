//! From a source's text to typed rows.
//!
//! Conversion is best effort as in the service: a value that is none of its column's type becomes
//! null, missing fields become null, fields beyond the mapping are dropped.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::failure::{ErrorCode, Failure};
use super::formats::{DataFormat, MappingKind, field_reader, json};
use super::mapping::{ColumnSource, Source, Transform, UnixUnit};
use super::message::ValidationPolicy;
use crate::engine::value::{ColumnType, Value};

/// A longer string is cut, silently as in the service.
const MAX_STRING: usize = 1 << 20;
/// A longer value fails its source.
const MAX_VALUE: usize = 64 << 20;
/// Ticks (100 ns) from 0001-01-01 to 1970-01-01.
const UNIX_EPOCH_TICKS: i128 = 621_355_968_000_000_000;
/// Ticks of 9999-12-31 23:59:59.9999999.
const MAX_TICKS: i128 = 3_155_378_975_999_999_999;

/// How to read a source; the same for all files of an archive.
pub(crate) struct Plan {
    /// How the text is split into records.
    pub(crate) format: DataFormat,
    /// What goes into which column.
    pub(crate) columns: Vec<ColumnSource>,
    /// How many columns the table has.
    pub(crate) width: usize,
    /// The row of a record that has nothing.
    pub(crate) blank: Vec<Value>,
    /// Whether `columns` is the identity mapping, which takes nothing but objects from JSON.
    pub(crate) is_identity: bool,
    /// Skip the first record of every file (formats of the csv family).
    pub(crate) ignore_first_record: bool,
    /// What to demand of the records.
    pub(crate) validation: ValidationPolicy,
    /// The blob's address, without its SAS.
    pub(crate) location: String,
}

impl Plan {
    /// Appends the rows of one file's text; the count is that of its records, skipped ones included.
    pub(crate) fn read(&self, text: &str, rows: &mut Vec<Vec<Value>>) -> Result<usize, Failure> {
        match self.format.mapping_kind() {
            MappingKind::Csv => self.read_fields(text, rows),
            MappingKind::Json => self.read_json(text, rows),
        }
    }

    fn read_fields(&self, text: &str, rows: &mut Vec<Vec<Value>>) -> Result<usize, Failure> {
        let Some(mut reader) = field_reader(self.format, text) else {
            return Ok(0);
        };
        let mut fields: Vec<Cow<'_, str>> = Vec::new();
        let mut records = 0;
        let mut expected = None;
        while let Some(line) = reader.next_record(&mut fields)? {
            records += 1;
            if self.validation.demands_constant_width() {
                check_width(*expected.get_or_insert(fields.len()), fields.len(), line)?;
            }
            if records > 1 || !self.skips_first() {
                rows.push(self.row_of_fields(&fields, line)?);
            }
        }
        Ok(records)
    }

    fn skips_first(&self) -> bool {
        self.ignore_first_record && self.format != DataFormat::Raw
    }

    fn row_of_fields(&self, fields: &[Cow<'_, str>], line: u64) -> Result<Vec<Value>, Failure> {
        let mut row = self.blank.clone();
        for column in &self.columns {
            let value = match &column.source {
                Source::Field(ordinal) => match fields.get(*ordinal) {
                    Some(field) => Some(text_value(column, field, line)?),
                    None => None,
                },
                other => self.common_value(column.ty, other, line),
            };
            if let Some(value) = value {
                row[column.target] = value;
            }
        }
        Ok(row)
    }

    fn read_json(&self, text: &str, rows: &mut Vec<Vec<Value>>) -> Result<usize, Failure> {
        let mut records = 0;
        json::for_each_record(self.format, text, &mut |line, record| {
            if self.is_identity && !record.is_object() {
                return Err(Failure::new(
                    ErrorCode::UnexpectedCharacter,
                    format!("The record at line {line} is not a JSON object."),
                ));
            }
            records += 1;
            rows.push(self.row_of_json(&record, line)?);
            Ok(())
        })?;
        Ok(records)
    }

    fn row_of_json(&self, record: &Json, line: u64) -> Result<Vec<Value>, Failure> {
        let mut row = self.blank.clone();
        for column in &self.columns {
            let value = match &column.source {
                Source::Path(path) => match path.find(record) {
                    Some(found) => Some(json_value(column, found, line)?),
                    None => None,
                },
                other => self.common_value(column.ty, other, line),
            };
            if let Some(value) = value {
                row[column.target] = value;
            }
        }
        Ok(row)
    }

    /// A value that does not depend on the record's content; `None` for one that does.
    fn common_value(&self, ty: ColumnType, source: &Source, line: u64) -> Option<Value> {
        match source {
            Source::Constant(value) => Some(value.clone()),
            Source::Location => Some(converted(ty, &self.location)),
            Source::LineNumber => Some(converted(ty, &line.to_string())),
            Source::Field(_) | Source::Path(_) => None,
        }
    }
}

fn check_width(expected: usize, found: usize, line: u64) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::WrongNumberOfFields,
        format!("The record at line {line} has {found} fields, the first one has {expected}."),
    ))
}

fn converted(ty: ColumnType, text: &str) -> Value {
    Value::from_text(ty, text).unwrap_or_else(|_| Value::absent(ty))
}

fn text_value(column: &ColumnSource, text: &str, line: u64) -> Result<Value, Failure> {
    if text.len() > MAX_VALUE {
        return Err(too_large(line));
    }
    Ok(match column.transform {
        Transform::None => converted(column.ty, shortened(column.ty, text)),
        Transform::UnixTime(unit) => unix_time(text, unit),
        Transform::ArrayToDictionary => Value::absent(column.ty),
    })
}

fn json_value(column: &ColumnSource, json: &Json, line: u64) -> Result<Value, Failure> {
    let value = match (column.transform, json) {
        (_, Json::Null) => Value::absent(column.ty),
        (Transform::UnixTime(unit), Json::Number(number)) => unix_time(&number.to_string(), unit),
        (Transform::UnixTime(unit), Json::String(text)) => unix_time(text, unit),
        (Transform::UnixTime(_), _) => Value::Null,
        (Transform::ArrayToDictionary, Json::Array(items)) => from_json(column.ty, &merged(items)),
        (Transform::None | Transform::ArrayToDictionary, _) => from_json(column.ty, json),
    };
    match value {
        Value::String(text) if text.len() > MAX_VALUE => Err(too_large(line)),
        Value::String(text) if text.len() > MAX_STRING => {
            Ok(Value::String(shortened(column.ty, &text).to_owned()))
        }
        other => Ok(other),
    }
}

fn from_json(ty: ColumnType, json: &Json) -> Value {
    Value::from_json(ty, json).unwrap_or_else(|_| Value::absent(ty))
}

/// The members of all objects in the array; of equal names the last one stays.
fn merged(items: &[Json]) -> Json {
    let objects = items.iter().filter_map(Json::as_object);
    let members = objects.flat_map(|object| object.iter().map(|(k, v)| (k.clone(), v.clone())));
    Json::Object(members.collect::<Map<_, _>>())
}

fn shortened(ty: ColumnType, text: &str) -> &str {
    if ty != ColumnType::String || text.len() <= MAX_STRING {
        return text;
    }
    &text[..text.floor_char_boundary(MAX_STRING)]
}

fn too_large(line: u64) -> Failure {
    Failure::new(
        ErrorCode::InputStreamTooLarge,
        format!("A value of the record at line {line} is larger than 64 MB."),
    )
}

/// A datetime of a count since 1970; null when it is no number or out of the range of datetime.
fn unix_time(text: &str, unit: UnixUnit) -> Value {
    let (multiply, divide): (i128, i128) = match unit {
        UnixUnit::Seconds => (10_000_000, 1),
        UnixUnit::Milliseconds => (10_000, 1),
        UnixUnit::Microseconds => (10, 1),
        UnixUnit::Nanoseconds => (1, 100),
    };
    let text = text.trim();
    let since_1970 = match text.parse::<i64>() {
        Ok(count) => i128::from(count) * multiply / divide,
        // Out-of-range floats saturate in the cast, NaN becomes 0: refuse what is not finite.
        Err(_) => match text.parse::<f64>() {
            Ok(count) if count.is_finite() => (count * multiply as f64 / divide as f64) as i128,
            _ => return Value::Null,
        },
    };
    match since_1970.checked_add(UNIX_EPOCH_TICKS) {
        Some(ticks) if (0..=MAX_TICKS).contains(&ticks) => Value::DateTime(ticks as i64),
        _ => Value::Null,
    }
}
