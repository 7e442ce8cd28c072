//! The readers of json (one object a line), singlejson (one value) and multijson (an array of
//! records, or records one after the other).

use std::borrow::Cow;

use memchr::memchr_iter;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::DataFormat;
use super::lines::LineReader;
use super::relaxed::strict;
use crate::engine::value::is_json;
use crate::ingestor::failure::{ErrorCode, Failure};

/// One record.
#[derive(Debug, PartialEq)]
pub(crate) struct Record<'t> {
    /// The line it is on, from 1. A record of an array counts as being on the line of the array.
    pub(crate) line: u64,
    /// As it is written, in strict JSON.
    pub(crate) text: Cow<'t, str>,
    pub(crate) value: Json,
}

/// Calls `record` with every record of `text`, in order, and gives the number of those that are malformed.
///
/// Malformed records of json are ignored, and one of multijson fails its source, as
/// <https://learn.microsoft.com/azure/data-explorer/ingest-invalid-data> has it.
pub(crate) fn for_each_record(
    format: DataFormat,
    text: &str,
    record: Sink<'_>,
) -> Result<usize, Failure> {
    match format {
        DataFormat::Json => json_lines(text, record),
        DataFormat::SingleJson => single(text, record).map(|()| 0),
        _ => multi(text, record).map(|()| 0),
    }
}

type Sink<'s> = &'s mut dyn FnMut(Record<'_>) -> Result<(), Failure>;

fn json_lines(text: &str, record: Sink<'_>) -> Result<usize, Failure> {
    let mut lines = LineReader::new(text);
    let mut malformed = 0;
    while let Some((number, line)) = lines.next_line() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match read(line, number) {
            Ok(found) => record(found)?,
            // Malformed records alone are documented to be left out.
            Err(failure) if is_json(line) => return Err(failure),
            Err(_) => match relaxed(line, number)? {
                Some(found) => record(found)?,
                None => malformed += 1,
            },
        }
    }
    Ok(malformed)
}

/// The record in JSON that is not strict; `None` when it is malformed.
fn relaxed(text: &str, line: u64) -> Result<Option<Record<'_>>, Failure> {
    let Some(text) = strict(text) else {
        return Ok(None);
    };
    match serde_json::from_str(&text) {
        Ok(value) => {
            let text = Cow::Owned(text);
            Ok(Some(Record { line, text, value }))
        }
        Err(error) if is_json(&text) => Err(malformed(&error, line - 1)),
        Err(_) => Ok(None),
    }
}

fn single(text: &str, record: Sink<'_>) -> Result<(), Failure> {
    if text.trim_ascii().is_empty() {
        return Ok(());
    }
    record(read(text, 1)?)
}

/// The record that the text is, which begins on this line.
fn read(text: &str, line: u64) -> Result<Record<'_>, Failure> {
    let value = serde_json::from_str(text).map_err(|e| malformed(&e, line - 1))?;
    let text = Cow::Borrowed(text);
    Ok(Record { line, text, value })
}

fn multi(text: &str, record: Sink<'_>) -> Result<(), Failure> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let (mut line, mut counted) = (1, 0);
    loop {
        let start = values.byte_offset();
        let start = start + leading_whitespace(&text[start..]);
        line += memchr_iter(b'\n', &text.as_bytes()[counted..start]).count() as u64;
        counted = start;
        match values.next() {
            None => return Ok(()),
            Some(Err(e)) => return Err(malformed(&e, 0)),
            Some(Ok(array)) if array.get().starts_with('[') => {
                let items: Vec<&RawValue> =
                    serde_json::from_str(array.get()).map_err(|e| malformed(&e, line - 1))?;
                for item in items {
                    record(read(item.get(), line)?)?;
                }
            }
            Some(Ok(value)) => record(read(value.get(), line)?)?,
        }
    }
}

fn leading_whitespace(text: &str) -> usize {
    text.len() - text.trim_ascii_start().len()
}

/// serde_json's messages quote no more of the input than a single character.
fn malformed(error: &serde_json::Error, lines_before: u64) -> Failure {
    let line = lines_before + error.line() as u64;
    let mut what = error.to_string();
    if let Some(position) = what.rfind(" at line ") {
        what.truncate(position);
    }
    Failure::new(
        ErrorCode::InvalidBlob,
        format!(
            "JSON that cannot be read at line {line}, column {}: {what}.",
            error.column()
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn records(format: DataFormat, text: &str) -> Result<Vec<(u64, Json)>, Failure> {
        let mut records = Vec::new();
        for_each_record(format, text, &mut |record| {
            records.push((record.line, record.value));
            Ok(())
        })?;
        Ok(records)
    }

    #[test]
    fn json_is_one_value_a_line() {
        assert_eq!(
            records(DataFormat::Json, "{\"a\":1}\r\n\n  \n{\"a\":2}").unwrap(),
            vec![(1, json!({"a": 1})), (4, json!({"a": 2}))]
        );
    }

    #[test]
    fn malformed_records_of_json_are_ignored() {
        let text = "{\"a\":1}\n{\n\"a\":2}\n{\"a\":3\n{\"a\":\"4}\n{'a':5} // five\n";
        let mut found = Vec::new();
        let mut sink = |record: Record<'_>| {
            found.push((record.line, record.value));
            Ok(())
        };
        let malformed = for_each_record(DataFormat::Json, text, &mut sink).unwrap();
        assert_eq!(malformed, 4);
        assert_eq!(found, [(1, json!({"a": 1})), (6, json!({"a": 5}))]);
    }

    #[test]
    fn a_record_that_is_json_is_not_left_out_in_silence() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(129), "]".repeat(129));
        for record in ["{\"a\":1e400}", "{'a':1e400}", "{\"a\":\"\\ud83d\"}", &deep] {
            let text = format!("{{\"a\":1}}\n{record}\n");
            let failure = records(DataFormat::Json, &text).unwrap_err();
            assert_eq!(failure.code, ErrorCode::InvalidBlob);
            assert!(failure.details.contains("line 2"), "{failure}");
        }
    }

    #[test]
    fn singlejson_is_one_value() {
        assert_eq!(
            records(DataFormat::SingleJson, "\n{\n\"a\":\n1}\n").unwrap(),
            vec![(1, json!({"a": 1}))]
        );
        assert_eq!(
            records(DataFormat::SingleJson, "[1]").unwrap(),
            vec![(1, json!([1]))]
        );
        assert!(records(DataFormat::SingleJson, "{} {}").is_err());
        assert!(records(DataFormat::SingleJson, " ").unwrap().is_empty());
    }

    #[test]
    fn multijson_is_an_array_or_a_sequence() {
        assert_eq!(
            records(DataFormat::MultiJson, "[{\"a\":1},\n{\"a\":2}]").unwrap(),
            vec![(1, json!({"a": 1})), (1, json!({"a": 2}))]
        );
        assert_eq!(
            records(DataFormat::MultiJson, "{\"a\":\n1}{\"a\":2}\n\n {\"a\":3}").unwrap(),
            vec![
                (1, json!({"a": 1})),
                (2, json!({"a": 2})),
                (4, json!({"a": 3}))
            ]
        );
        assert!(records(DataFormat::MultiJson, "\n").unwrap().is_empty());
        let failure = records(DataFormat::MultiJson, "{}\n{\"a\":").unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidBlob);
        assert!(failure.details.contains("line 2"), "{failure}");
    }
}
