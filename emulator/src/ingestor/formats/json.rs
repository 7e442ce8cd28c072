//! The readers of json (one object a line), singlejson (one value) and multijson (an array of
//! records, or records one after the other).

use memchr::memchr_iter;
use serde_json::Value as Json;

use super::DataFormat;
use super::lines::LineReader;
use crate::ingestor::failure::{ErrorCode, Failure};

/// Calls `record` with every record of `text` and the line it is on (from 1), in order. A record of an
/// array counts as being on the line of the array.
pub(crate) fn for_each_record(
    format: DataFormat,
    text: &str,
    record: &mut dyn FnMut(u64, Json) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match format {
        DataFormat::Json => json_lines(text, record),
        DataFormat::SingleJson => single(text, record),
        _ => multi(text, record),
    }
}

type Sink<'s> = &'s mut dyn FnMut(u64, Json) -> Result<(), Failure>;

fn json_lines(text: &str, record: Sink<'_>) -> Result<(), Failure> {
    let mut lines = LineReader::new(text);
    while let Some((number, line)) = lines.next_line() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let value = serde_json::from_str(line).map_err(|e| malformed(&e, number - 1))?;
        record(number, value)?;
    }
    Ok(())
}

fn single(text: &str, record: Sink<'_>) -> Result<(), Failure> {
    if text.trim_ascii().is_empty() {
        return Ok(());
    }
    let value = serde_json::from_str(text).map_err(|e| malformed(&e, 0))?;
    record(1, value)
}

fn multi(text: &str, record: Sink<'_>) -> Result<(), Failure> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    let (mut line, mut counted) = (1, 0);
    loop {
        let start = values.byte_offset();
        let start = start + leading_whitespace(&text[start..]);
        line += memchr_iter(b'\n', &text.as_bytes()[counted..start]).count() as u64;
        counted = start;
        match values.next() {
            None => return Ok(()),
            Some(Err(e)) => return Err(malformed(&e, 0)),
            Some(Ok(Json::Array(items))) => {
                for item in items {
                    record(line, item)?;
                }
            }
            Some(Ok(value)) => record(line, value)?,
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
        ErrorCode::UnexpectedCharacter,
        format!(
            "Malformed JSON at line {line}, column {}: {what}.",
            error.column()
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(format: DataFormat, text: &str) -> Result<Vec<(u64, Json)>, Failure> {
        let mut records = Vec::new();
        for_each_record(format, text, &mut |line, value| {
            records.push((line, value));
            Ok(())
        })?;
        Ok(records)
    }

    #[test]
    fn json_is_one_value_a_line() {
        assert_eq!(
            read(DataFormat::Json, "{\"a\":1}\r\n\n  \n{\"a\":2}").unwrap(),
            vec![(1, json!({"a": 1})), (4, json!({"a": 2}))]
        );
        let failure = read(DataFormat::Json, "{\"a\":1}\n{\n\"a\":2}").unwrap_err();
        assert_eq!(failure.code, ErrorCode::UnexpectedCharacter);
        assert!(failure.details.contains("line 2"), "{failure}");
    }

    #[test]
    fn singlejson_is_one_value() {
        assert_eq!(
            read(DataFormat::SingleJson, "\n{\n\"a\":\n1}\n").unwrap(),
            vec![(1, json!({"a": 1}))]
        );
        assert_eq!(
            read(DataFormat::SingleJson, "[1]").unwrap(),
            vec![(1, json!([1]))]
        );
        assert!(read(DataFormat::SingleJson, "{} {}").is_err());
        assert!(read(DataFormat::SingleJson, " ").unwrap().is_empty());
    }

    #[test]
    fn multijson_is_an_array_or_a_sequence() {
        assert_eq!(
            read(DataFormat::MultiJson, "[{\"a\":1},\n{\"a\":2}]").unwrap(),
            vec![(1, json!({"a": 1})), (1, json!({"a": 2}))]
        );
        assert_eq!(
            read(DataFormat::MultiJson, "{\"a\":\n1}{\"a\":2}\n\n {\"a\":3}").unwrap(),
            vec![
                (1, json!({"a": 1})),
                (2, json!({"a": 2})),
                (4, json!({"a": 3}))
            ]
        );
        assert!(read(DataFormat::MultiJson, "\n").unwrap().is_empty());
        assert!(read(DataFormat::MultiJson, "{} x").is_err());
    }
}
