//! The reader of csv, tsv, psv, scsv and sohsv: RFC 4180 with another delimiter.
//!
//! Lenient where the RFC forbids and readers usually allow: a quote inside an unquoted field is
//! text, and so is what follows a closing quote up to the delimiter. Empty lines are no records
//! (an empty value alone on a line is written `""`); a lone carriage return is data.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2};

use super::FieldReader;
use crate::ingestor::failure::{ErrorCode, Failure};

/// Reads records of fields that borrow from the text; only a field with a doubled quote is copied.
pub(crate) struct DelimitedReader<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    delimiter: u8,
}

/// What ended a field.
#[derive(PartialEq, Eq)]
enum End {
    Field,
    Record,
}

impl<'a> DelimitedReader<'a> {
    /// A reader of `text`, which carries no byte order mark; `delimiter` is an ASCII character.
    pub(crate) fn new(text: &'a str, delimiter: u8) -> Self {
        DelimitedReader {
            text,
            at: 0,
            line: 1,
            delimiter,
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn skip_empty_lines(&mut self) {
        loop {
            let rest = self.rest();
            let width = match rest {
                [b'\n', ..] => 1,
                [b'\r', b'\n', ..] => 2,
                _ => return,
            };
            self.at += width;
            self.line += 1;
        }
    }

    /// The text up to the next delimiter or line end, which is consumed.
    fn plain_field(&mut self) -> (&'a str, End) {
        let start = self.at;
        let rest = self.rest();
        match memchr2(self.delimiter, b'\n', rest) {
            None => {
                self.at = self.text.len();
                (&self.text[start..], End::Record)
            }
            Some(length) if rest[length] == self.delimiter => {
                self.at += length + 1;
                (&self.text[start..start + length], End::Field)
            }
            Some(length) => {
                self.at += length + 1;
                self.line += 1;
                let field = &self.text[start..start + length];
                (field.strip_suffix('\r').unwrap_or(field), End::Record)
            }
        }
    }

    /// A field whose opening quote is at the current position.
    fn quoted_field(&mut self) -> Result<(Cow<'a, str>, End), Failure> {
        let opening_line = self.line;
        self.at += 1;
        let mut value = Cow::Borrowed("");
        loop {
            let start = self.at;
            let Some(length) = memchr(b'"', self.rest()) else {
                return Err(Failure::new(
                    ErrorCode::ClosingQuoteMissing,
                    format!(
                        "The quoted field that starts on line {opening_line} has no closing quote."
                    ),
                ));
            };
            self.line += memchr_iter(b'\n', &self.rest()[..length]).count() as u64;
            self.at += length + 1;
            value += &self.text[start..start + length];
            if self.rest().first() != Some(&b'"') {
                break;
            }
            self.at += 1;
            value += "\"";
        }
        let (tail, end) = self.plain_field();
        value += tail;
        Ok((value, end))
    }
}

impl<'a> FieldReader<'a> for DelimitedReader<'a> {
    fn next_record(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Result<Option<u64>, Failure> {
        fields.clear();
        self.skip_empty_lines();
        if self.at == self.text.len() {
            return Ok(None);
        }
        let line = self.line;
        loop {
            let (field, end) = if self.rest().first() == Some(&b'"') {
                self.quoted_field()?
            } else {
                let (field, end) = self.plain_field();
                (Cow::Borrowed(field), end)
            };
            fields.push(field);
            if end == End::Record {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn records(text: &str, delimiter: u8) -> Result<Vec<Vec<String>>, Failure> {
        let mut reader = DelimitedReader::new(text, delimiter);
        let mut fields = Vec::new();
        let mut records = Vec::new();
        while reader.next_record(&mut fields)?.is_some() {
            records.push(fields.iter().map(|f| f.to_string()).collect());
        }
        Ok(records)
    }

    fn csv(text: &str) -> Vec<Vec<String>> {
        records(text, b',').unwrap()
    }

    #[test]
    fn line_ends_and_the_last_line() {
        let expected = vec![vec!["a", "b"], vec!["c", ""]];
        for text in ["a,b\nc,\n", "a,b\r\nc,\r\n", "a,b\nc,", "a,b\r\n\r\n\nc,"] {
            assert_eq!(csv(text), expected, "{text:?}");
        }
        assert!(csv("").is_empty());
        assert!(csv("\r\n\n").is_empty());
    }

    #[test]
    fn quotes() {
        assert_eq!(
            csv("\"a,1\",\"say \"\"hi\"\"\",\"x\r\ny\"\n\"\",\"\"\"\"\n"),
            vec![vec!["a,1", "say \"hi\"", "x\r\ny"], vec!["", "\""]]
        );
        assert_eq!(csv("a\"b,\"c\"d,e"), vec![vec!["a\"b", "cd", "e"]]);
        assert_eq!(csv("\"\""), vec![vec![""]]);
    }

    #[test]
    fn an_unclosed_quote_names_its_line() {
        let failure = records("a\n\"b\nc\n", b',').unwrap_err();
        assert_eq!(failure.code, ErrorCode::ClosingQuoteMissing);
        assert!(failure.details.contains("line 2"), "{failure}");
    }

    #[test]
    fn a_record_knows_its_first_line() {
        let mut reader = DelimitedReader::new("\n\"a\nb\",c\nd\n", b',');
        let mut fields = Vec::new();
        assert_eq!(reader.next_record(&mut fields).unwrap(), Some(2));
        assert_eq!(reader.next_record(&mut fields).unwrap(), Some(4));
        assert_eq!(reader.next_record(&mut fields).unwrap(), None);
    }

    /// A writer that quotes exactly where the RFC demands it, and an empty field alone on its line.
    fn write(records: &[Vec<String>], delimiter: char, line_end: &str) -> String {
        let mut out = String::new();
        for record in records {
            for (i, field) in record.iter().enumerate() {
                if i > 0 {
                    out.push(delimiter);
                }
                let special = |c| c == delimiter || c == '"' || c == '\n' || c == '\r';
                if field.contains(special) || (record.len() == 1 && field.is_empty()) {
                    out.push('"');
                    out.push_str(&field.replace('"', "\"\""));
                    out.push('"');
                } else {
                    out.push_str(field);
                }
            }
            out.push_str(line_end);
        }
        out
    }

    fn field() -> impl Strategy<Value = String> {
        prop_oneof!["[a\",;|\t\r\n\u{1}é😀 ]{0,12}", any::<String>()]
    }

    proptest! {
        #[test]
        fn reading_is_the_inverse_of_writing(
            written in vec(vec(field(), 1..6), 0..8),
            delimiter in prop_oneof![Just(','), Just('\t'), Just('|'), Just(';'), Just('\u{1}')],
            crlf: bool,
        ) {
            let text = write(&written, delimiter, if crlf { "\r\n" } else { "\n" });
            prop_assert_eq!(records(&text, delimiter as u8).unwrap(), written);
        }

        #[test]
        fn any_text_is_read_or_lacks_a_quote(text in "[a,\"\r\n]{0,40}") {
            if let Err(failure) = records(&text, b',') {
                prop_assert_eq!(failure.code, ErrorCode::ClosingQuoteMissing);
            }
        }
    }
}
