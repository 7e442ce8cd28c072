//! The readers of txt (a line is a record of one field) and raw (the text is one record).

use std::borrow::Cow;

use memchr::memchr;

use super::FieldReader;
use crate::ingestor::failure::Failure;

/// txt: one field per line; empty lines are skipped.
pub(crate) struct LineReader<'a> {
    rest: &'a str,
    line: u64,
}

impl<'a> LineReader<'a> {
    /// A reader of `text`, which carries no byte order mark.
    pub(crate) fn new(text: &'a str) -> Self {
        LineReader {
            rest: text,
            line: 0,
        }
    }

    /// The next line that is not empty, without its end, and its number from 1.
    pub(crate) fn next_line(&mut self) -> Option<(u64, &'a str)> {
        while !self.rest.is_empty() {
            let (line, rest) = match memchr(b'\n', self.rest.as_bytes()) {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
                None => (self.rest, ""),
            };
            self.rest = rest;
            self.line += 1;
            let line = line.strip_suffix('\r').unwrap_or(line);
            if !line.is_empty() {
                return Some((self.line, line));
            }
        }
        None
    }
}

impl<'a> FieldReader<'a> for LineReader<'a> {
    fn next_record(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Result<Option<u64>, Failure> {
        fields.clear();
        Ok(self.next_line().map(|(number, line)| {
            fields.push(Cow::Borrowed(line));
            number
        }))
    }
}

/// raw: the whole text is one field of one record.
pub(crate) struct RawReader<'a> {
    text: Option<&'a str>,
}

impl<'a> RawReader<'a> {
    /// A reader of `text`; an empty text holds no record.
    pub(crate) fn new(text: &'a str) -> Self {
        RawReader {
            text: Some(text).filter(|text| !text.is_empty()),
        }
    }
}

impl<'a> FieldReader<'a> for RawReader<'a> {
    fn next_record(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Result<Option<u64>, Failure> {
        fields.clear();
        Ok(self.text.take().map(|text| {
            fields.push(Cow::Borrowed(text));
            1
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn txt_skips_empty_lines_and_counts_them() {
        let mut reader = LineReader::new("a,\"b\r\n\n\nc");
        assert_eq!(reader.next_line(), Some((1, "a,\"b")));
        assert_eq!(reader.next_line(), Some((4, "c")));
        assert_eq!(reader.next_line(), None);
    }

    #[test]
    fn raw_is_one_record() {
        let mut fields = Vec::new();
        let mut reader = RawReader::new("a\nb,c\n");
        assert_eq!(reader.next_record(&mut fields).unwrap(), Some(1));
        assert_eq!(fields, ["a\nb,c\n"]);
        assert_eq!(reader.next_record(&mut fields).unwrap(), None);
        assert_eq!(RawReader::new("").next_record(&mut fields).unwrap(), None);
    }
}
