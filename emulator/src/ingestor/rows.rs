//! From a source's text to typed rows.
//!
//! Conversion is best effort as in the service: a value that is none of its column's type becomes
//! null, missing fields become null, fields beyond the mapping are dropped. A value that the service
//! could hold and the emulator cannot fails its source.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::failure::{ErrorCode, Failure};
use super::formats::json::Record;
use super::formats::{DataFormat, MappingKind, field_reader, json};
use super::json_path::JsonPath;
use super::mapping::{ColumnSource, Source, Transform, UnixUnit};
use super::message::ValidationPolicy;
use crate::engine::schema::TableSchema;
use crate::engine::value::{ColumnType, ConversionError, Value};

/// A longer string is cut, and a longer dynamic becomes null, silently as in the service.
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
    /// The table's columns, followed by those that the mapping adds.
    pub(crate) schema: TableSchema,
    /// Whether the mapping adds columns.
    pub(crate) adds_columns: bool,
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
            // What is ignored is a title or a header, of any width.
            if records == 1 && self.skips_first() {
                continue;
            }
            if self.validation.demands_constant_width() {
                check_width(*expected.get_or_insert(fields.len()), fields.len(), line)?;
            }
            rows.push(self.row_of_fields(&fields, line)?);
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
                other => self.common_value(column.ty, other, line)?,
            };
            if let Some(value) = value {
                row[column.target] = value;
            }
        }
        Ok(row)
    }

    fn read_json(&self, text: &str, rows: &mut Vec<Vec<Value>>) -> Result<usize, Failure> {
        let mut records = 0;
        let malformed = json::for_each_record(self.format, text, &mut |record| {
            records += 1;
            match self.is_identity && !record.value.is_object() {
                false => rows.push(self.row_of_json(&record)?),
                // It is ignored as any malformed record of this format is.
                true if self.format == DataFormat::Json => {}
                true => {
                    return Err(Failure::new(
                        ErrorCode::InvalidBlob,
                        format!("The record at line {} is not a JSON object.", record.line),
                    ));
                }
            }
            Ok(())
        })?;
        Ok(records + malformed)
    }

    fn row_of_json(&self, record: &Record<'_>) -> Result<Vec<Value>, Failure> {
        let mut row = self.blank.clone();
        for column in &self.columns {
            let value = match &column.source {
                Source::Path(path) => path_value(column, path, record)?,
                other => self.common_value(column.ty, other, record.line)?,
            };
            if let Some(value) = value {
                row[column.target] = value;
            }
        }
        Ok(row)
    }

    /// A value that does not depend on the record's content; `None` for one that does.
    fn common_value(
        &self,
        ty: ColumnType,
        source: &Source,
        line: u64,
    ) -> Result<Option<Value>, Failure> {
        Ok(match source {
            Source::Constant(value) => Some(value.clone()),
            Source::Location => Some(converted(Value::from_text(ty, &self.location), line)?),
            Source::LineNumber => Some(converted(Value::from_text(ty, &line.to_string()), line)?),
            Source::Field(_) | Source::Path(_) => None,
        })
    }
}

fn check_width(expected: usize, found: usize, line: u64) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::WrongNumberOfFields,
        format!(
            "The record at line {line} has {found} {}, the first one has {expected}.",
            if found == 1 { "field" } else { "fields" }
        ),
    ))
}

/// The value, or the one of a column that got none.
fn converted(result: Result<Value, ConversionError>, line: u64) -> Result<Value, Failure> {
    result.or_else(|error| match error.is_limit {
        true => Err(Failure::new(
            ErrorCode::NotSupported,
            format!("The record at line {line}: {error} (a limit of the emulator)."),
        )),
        false => Ok(Value::absent(error.ty)),
    })
}

fn text_value(column: &ColumnSource, text: &str, line: u64) -> Result<Value, Failure> {
    if text.len() > MAX_VALUE {
        return Err(too_large(line));
    }
    if column.ty == ColumnType::Dynamic && text.len() > MAX_STRING {
        return Ok(Value::Null);
    }
    match column.transform {
        Transform::None => converted(
            Value::from_text(column.ty, shortened(column.ty, text)),
            line,
        ),
        Transform::UnixTime(unit) => Ok(unix_time(text, unit)),
        Transform::ArrayToDictionary => Ok(Value::absent(column.ty)),
    }
}

/// What the path leads to in the record.
fn path_value(
    column: &ColumnSource,
    path: &JsonPath,
    record: &Record<'_>,
) -> Result<Option<Value>, Failure> {
    let Some(found) = path.find(&record.value) else {
        return Ok(None);
    };
    let as_text = column.ty == ColumnType::String && column.transform == Transform::None;
    // Reals, objects and arrays print otherwise than they were written: `0.100` as `0.1`, `{"b": 1}` without the blank.
    let is_printed_anew = match found {
        Json::Number(number) => number.is_f64(),
        other => other.is_object() || other.is_array(),
    };
    let written = match as_text && is_printed_anew {
        true => path.find_text(&record.text),
        false => None,
    };
    let value = match written {
        Some(text) => text_value(column, text, record.line)?,
        None => json_value(column, found, record.line)?,
    };
    let may_be_long = record.text.len() > MAX_STRING;
    match value {
        Value::Dynamic(json) if may_be_long && printed_length(&json) > MAX_STRING => {
            Ok(Some(Value::Null))
        }
        value => Ok(Some(value)),
    }
}

/// The bytes of the value's text.
fn printed_length(json: &Json) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Neither a value nor a counter can fail.
    let _ = serde_json::to_writer(&mut count, json);
    count.0
}

fn json_value(column: &ColumnSource, json: &Json, line: u64) -> Result<Value, Failure> {
    let value = match (column.transform, json) {
        (_, Json::Null) => Value::absent(column.ty),
        (Transform::UnixTime(unit), Json::Number(number)) => unix_time(&number.to_string(), unit),
        (Transform::UnixTime(unit), Json::String(text)) => unix_time(text, unit),
        (Transform::UnixTime(_), _) => Value::Null,
        (Transform::ArrayToDictionary, Json::Array(items)) => {
            converted(Value::from_json(column.ty, &merged(items)), line)?
        }
        (Transform::None | Transform::ArrayToDictionary, _) => {
            converted(Value::from_json(column.ty, json), line)?
        }
    };
    match value {
        Value::String(text) if text.len() > MAX_VALUE => Err(too_large(line)),
        Value::String(text) if text.len() > MAX_STRING => {
            Ok(Value::String(shortened(column.ty, &text).to_owned()))
        }
        other => Ok(other),
    }
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
    let mut end = MAX_STRING;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::schema::Column;
    use crate::ingestor::mapping;

    fn schema(columns: &[(&str, ColumnType)]) -> TableSchema {
        TableSchema {
            name: "T".to_owned(),
            columns: columns
                .iter()
                .map(|(name, ty)| Column::new(*name, *ty))
                .collect(),
        }
    }

    fn plan(format: DataFormat, schema: &TableSchema, mapping: Option<Json>) -> Plan {
        let kind = format.mapping_kind();
        let mut schema = schema.clone();
        Plan {
            format,
            columns: match &mapping {
                None => mapping::identity(kind, &schema),
                Some(json) => mapping::parse(&json.to_string(), kind, &mut schema).unwrap(),
            },
            adds_columns: false,
            blank: schema.columns.iter().map(|c| Value::absent(c.ty)).collect(),
            schema,
            is_identity: mapping.is_none(),
            ignore_first_record: false,
            validation: ValidationPolicy::lax(),
            location: "http://h/c/b".to_owned(),
        }
    }

    fn read(plan: &Plan, text: &str) -> Result<Vec<Vec<Value>>, Failure> {
        let mut rows = Vec::new();
        plan.read(text, &mut rows)?;
        Ok(rows)
    }

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    const LONG_STRING: &[(&str, ColumnType)] =
        &[("a", ColumnType::Long), ("b", ColumnType::String)];

    #[test]
    fn missing_fields_are_absent_and_surplus_ones_are_dropped() {
        let plan = plan(DataFormat::Csv, &schema(LONG_STRING), None);
        assert_eq!(
            read(&plan, "1,x\n2\nno,y,z\n").unwrap(),
            vec![
                vec![Value::Long(1), text("x")],
                vec![Value::Long(2), text("")],
                vec![Value::Null, text("y")],
            ]
        );
    }

    #[test]
    fn a_decimal_with_too_many_digits_is_no_null() {
        let columns = schema(&[("d", ColumnType::Decimal)]);
        let long = "1234567890123456789012345678901234";
        let csv = plan(DataFormat::Csv, &columns, None);
        let json = plan(DataFormat::Json, &columns, None);
        for failure in [
            read(&csv, &format!("1\n{long}\n")).unwrap_err(),
            read(&json, &format!("{{}}\n{{\"d\":\"{long}\"}}")).unwrap_err(),
        ] {
            assert_eq!(failure.code, ErrorCode::NotSupported);
            assert!(failure.details.contains("line 2"), "{failure}");
        }
        assert_eq!(read(&csv, "x").unwrap(), [[Value::Null]]);
    }

    #[test]
    fn without_a_policy_all_records_have_one_width() {
        let mut plan = plan(DataFormat::Csv, &schema(LONG_STRING), None);
        plan.validation = ValidationPolicy::default();
        assert_eq!(read(&plan, "1,x,y\n2,y,z\n").unwrap().len(), 2);
        let failure = read(&plan, "1,x\n\n2\n").unwrap_err();
        assert_eq!(failure.code, ErrorCode::WrongNumberOfFields);
        assert!(failure.details.contains("line 3 has 1 field,"), "{failure}");
        plan.ignore_first_record = true;
        assert_eq!(read(&plan, "a title\n1,x\n2,y\n").unwrap().len(), 2);
    }

    #[test]
    fn the_first_record_can_be_skipped() {
        for (format, expected) in [(DataFormat::Csv, 1), (DataFormat::Raw, 1)] {
            let mut plan = plan(format, &schema(&[("b", ColumnType::String)]), None);
            plan.ignore_first_record = true;
            assert_eq!(read(&plan, "\"a\nb\"\nc\n").unwrap().len(), expected);
        }
        let mut json = plan(DataFormat::Json, &schema(LONG_STRING), None);
        json.ignore_first_record = true;
        assert_eq!(read(&json, "{}\n{}").unwrap().len(), 2);
    }

    #[test]
    fn csv_sources_other_than_fields() {
        let columns = schema(&[
            ("a", ColumnType::String),
            ("line", ColumnType::Long),
            ("from", ColumnType::String),
            ("t", ColumnType::DateTime),
            ("unmapped", ColumnType::String),
        ]);
        let mapping = json!([
            {"Column": "a", "Properties": {"ConstValue": "k"}},
            {"Column": "line", "Properties": {"Transform": "SourceLineNumber"}},
            {"Column": "from", "Properties": {"Transform": "SourceLocation"}},
            {"Column": "t", "Properties": {"Ordinal": "1", "Transform": "DateTimeFromUnixSeconds"}},
        ]);
        let plan = plan(DataFormat::Csv, &columns, Some(mapping));
        assert_eq!(
            read(&plan, "x,0\n\"y\nz\",no\nq").unwrap(),
            [
                (1, Value::DateTime(621_355_968_000_000_000)),
                (2, Value::Null),
                (4, Value::Null)
            ]
            .map(|(line, time)| vec![
                text("k"),
                Value::Long(line),
                text("http://h/c/b"),
                time,
                text("")
            ])
        );
    }

    #[test]
    fn json_by_name_and_by_path() {
        let by_name = plan(DataFormat::Json, &schema(LONG_STRING), None);
        assert_eq!(
            read(
                &by_name,
                "{\"a\":1,\"b\":\"x\",\"c\":0}\n{\"A\":1,\"b\":null}"
            )
            .unwrap(),
            vec![vec![Value::Long(1), text("x")], vec![Value::Null, text("")]]
        );
        assert_eq!(read(&by_name, "[1]\n{\"a\":2}").unwrap().len(), 1);
        let in_array = plan(DataFormat::MultiJson, &schema(LONG_STRING), None);
        let failure = read(&in_array, "[1]").unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidBlob);
        let mapping = json!([{"Column": "a", "Properties": {"Path": "$[0].x"}}]);
        let by_path = plan(DataFormat::SingleJson, &schema(LONG_STRING), Some(mapping));
        assert_eq!(
            read(&by_path, "[{\"x\":\n5}]").unwrap(),
            vec![vec![Value::Long(5), text("")]]
        );
    }

    #[test]
    fn an_array_of_bags_becomes_a_dictionary() {
        let mapping = json!([{"Column": "d", "Properties": {"Path": "$.e", "Transform": "PropertyBagArrayToDictionary"}}]);
        let columns = schema(&[("d", ColumnType::Dynamic)]);
        let plan = plan(DataFormat::Json, &columns, Some(mapping));
        let rows = read(&plan, "{\"e\":[{\"n1\":\"v1\"},{\"n2\":2}]}").unwrap();
        let Value::Dynamic(json) = &rows[0][0] else {
            panic!("{rows:?}");
        };
        assert_eq!(*json, json!({"n1": "v1", "n2": 2}));
    }

    #[test]
    fn unix_times() {
        let epoch = 621_355_968_000_000_000;
        let of = unix_time;
        assert_eq!(
            of("1", UnixUnit::Seconds),
            Value::DateTime(epoch + 10_000_000)
        );
        assert_eq!(
            of("1.5", UnixUnit::Seconds),
            Value::DateTime(epoch + 15_000_000)
        );
        assert_eq!(
            of("-1", UnixUnit::Milliseconds),
            Value::DateTime(epoch - 10_000)
        );
        assert_eq!(of("7", UnixUnit::Microseconds), Value::DateTime(epoch + 70));
        assert_eq!(of("199", UnixUnit::Nanoseconds), Value::DateTime(epoch + 1));
        for text in ["", "x", "NaN", "inf", "9223372036854775807", "1e300"] {
            assert_eq!(of(text, UnixUnit::Seconds), Value::Null, "{text}");
        }
    }

    #[test]
    fn long_strings_are_cut_between_characters() {
        let plan = plan(DataFormat::Raw, &schema(&[("b", ColumnType::String)]), None);
        let long = format!("a{}", "é".repeat(MAX_STRING / 2));
        let rows = read(&plan, &long).unwrap();
        assert_eq!(rows, vec![vec![text(&long[..MAX_STRING - 1])]]);
    }

    #[test]
    fn long_dynamics_are_null() {
        let columns = schema(&[("n", ColumnType::Long), ("d", ColumnType::Dynamic)]);
        let array = |elements: usize| format!("[{}1]", "1,".repeat(elements - 1));
        // Every element has two bytes, and one more is in the brackets.
        let (fits, too_long) = (array(MAX_STRING / 2 - 1), array(MAX_STRING / 2));
        let csv = plan(DataFormat::Csv, &columns, None);
        let json = plan(DataFormat::Json, &columns, None);
        let in_array = plan(DataFormat::MultiJson, &columns, None);
        for (plan, text) in [
            (&csv, format!("1,\"{fits}\"\n2,\"{too_long}\"\n3,[3]\n")),
            (
                &json,
                format!(
                    "{{\"n\":1,\"d\":{fits}}}\n{{\"n\":2,\"d\":{too_long}}}\n{{\"n\":3,\"d\":[3]}}"
                ),
            ),
            (
                &in_array,
                format!(
                    "[{{\"n\":1,\"d\":{fits}}},{{\"n\":2,\"d\":{too_long}}},{{\"n\":3,\"d\":[3]}}]"
                ),
            ),
        ] {
            let rows = read(plan, &text).unwrap();
            assert_eq!(rows.len(), 3, "{:?}", plan.format);
            assert!(
                matches!(&rows[0][1], Value::Dynamic(Json::Array(found)) if found.len() == MAX_STRING / 2 - 1)
            );
            assert_eq!(rows[1], [Value::Long(2), Value::Null]);
            assert_eq!(rows[2], [Value::Long(3), Value::Dynamic(json!([3]))]);
        }
        let text = format!("{{\"d\":\"{}\"}}", "x".repeat(MAX_STRING));
        assert_eq!(read(&json, &text).unwrap(), [[Value::Null, Value::Null]]);
    }

    #[test]
    fn numbers_in_string_columns_stay_as_they_are_written() {
        let columns = schema(&[("s", ColumnType::String), ("r", ColumnType::Real)]);
        for (format, around) in [
            (DataFormat::Json, ("", "")),
            (DataFormat::SingleJson, (" ", "\n")),
            (DataFormat::MultiJson, ("", "")),
            (DataFormat::MultiJson, ("[{}, ", "]")),
        ] {
            let by_name = plan(format, &columns, None);
            let mapping = json!([
                {"Column": "s", "Properties": {"Path": "$.o.a[1]"}},
                {"Column": "r", "Properties": {"Path": "$.o.a[1]"}},
            ]);
            let by_path = plan(format, &columns, Some(mapping));
            for number in [
                "0.100",
                "1.0",
                "1e3",
                "1E+3",
                "-0",
                "-0.0",
                "12",
                "123456789012345678901234567890",
                "0.1000000000000000055511151231257827",
            ] {
                let (before, after) = around;
                let real = number.parse().unwrap();
                for (plan, record) in [
                    (
                        &by_name,
                        format!("{before}{{\"s\": {number} , \"r\":{number}}}{after}"),
                    ),
                    (
                        &by_path,
                        format!("{before}{{\"o\": {{\"a\": [0, {number} ]}}}}{after}"),
                    ),
                ] {
                    let rows = read(plan, &record).unwrap();
                    assert_eq!(
                        rows.last().unwrap(),
                        &[text(number), Value::Real(real)],
                        "{record}"
                    );
                }
            }
        }
    }

    #[test]
    fn objects_in_string_columns_stay_as_they_are_written() {
        let columns = schema(&[("s", ColumnType::String), ("d", ColumnType::Dynamic)]);
        let plan = plan(DataFormat::Json, &columns, None);
        for written in [
            r#"{"b": 1.50, "a": [ 1 ], "b": "x"}"#,
            r#"[ {"z":"\u00e4"}, null ]"#,
            "{ }",
        ] {
            let rows = read(&plan, &format!("{{\"s\":  {written} ,\"d\":{written}}}")).unwrap();
            let json = serde_json::from_str(written).unwrap();
            assert_eq!(rows, [[text(written), Value::Dynamic(json)]]);
        }
    }

    #[test]
    fn too_large_a_value_fails() {
        let plan = plan(DataFormat::Raw, &schema(&[("b", ColumnType::String)]), None);
        let failure = read(&plan, &"a".repeat(MAX_VALUE + 1)).unwrap_err();
        assert_eq!(failure.code, ErrorCode::InputStreamTooLarge);
    }
}
