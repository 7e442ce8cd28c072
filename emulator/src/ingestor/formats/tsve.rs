//! The reader of tsve: tab-separated values in which a backslash escapes the next character.
//!
//! `\t`, `\n`, `\r`, `\0` and `\\` stand for what they name; a backslash before anything else
//! (also before a real tab or line end) yields that character. Quotes are text.

use std::borrow::Cow;

use memchr::memchr3;

use super::FieldReader;
use crate::ingestor::failure::Failure;

/// Reads records whose fields borrow from the text unless they contain an escape.
pub(crate) struct TsveReader<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl<'a> TsveReader<'a> {
    /// A reader of `text`, which carries no byte order mark.
    pub(crate) fn new(text: &'a str) -> Self {
        TsveReader {
            text,
            at: 0,
            line: 1,
        }
    }

    /// Takes the character after a backslash; a backslash at the very end stands for itself.
    fn escaped(&mut self) -> char {
        let Some(character) = self.text[self.at..].chars().next() else {
            return '\\';
        };
        self.at += character.len_utf8();
        match character {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            '0' => '\0',
            '\n' => {
                self.line += 1;
                '\n'
            }
            other => other,
        }
    }

    /// The next field and whether it is the record's last.
    fn field(&mut self) -> (Cow<'a, str>, bool) {
        let mut value = Cow::Borrowed("");
        loop {
            let start = self.at;
            let rest = &self.text.as_bytes()[start..];
            let found = memchr3(b'\\', b'\t', b'\n', rest);
            let length = found.unwrap_or(rest.len());
            self.at = start + length;
            let part = &self.text[start..self.at];
            let stop = found.map(|at| rest[at]);
            let part = match stop {
                Some(b'\n') => part.strip_suffix('\r').unwrap_or(part),
                _ => part,
            };
            value += part;
            match stop {
                None => return (value, true),
                Some(b'\t') => {
                    self.at += 1;
                    return (value, false);
                }
                Some(b'\n') => {
                    self.at += 1;
                    self.line += 1;
                    return (value, true);
                }
                Some(_) => {
                    self.at += 1;
                    let character = self.escaped();
                    value.to_mut().push(character);
                }
            }
        }
    }
}

impl<'a> FieldReader<'a> for TsveReader<'a> {
    fn next_record(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Result<Option<u64>, Failure> {
        loop {
            fields.clear();
            if self.at == self.text.len() {
                return Ok(None);
            }
            let line = self.line;
            let start = self.at;
            loop {
                let (field, last) = self.field();
                fields.push(field);
                if last {
                    break;
                }
            }
            let is_blank = matches!(
                &self.text.as_bytes()[start..self.at],
                [b'\n'] | [b'\r', b'\n']
            );
            if !is_blank {
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

    fn records(text: &str) -> Vec<Vec<String>> {
        let mut reader = TsveReader::new(text);
        let mut fields = Vec::new();
        let mut records = Vec::new();
        while reader.next_record(&mut fields).unwrap().is_some() {
            records.push(fields.iter().map(|f| f.to_string()).collect());
        }
        records
    }

    #[test]
    fn escapes() {
        assert_eq!(
            records("a\\tb\tc\\nd\t\\\\\t\"q\"\r\n\ne\\\tf\\\ng"),
            vec![vec!["a\tb", "c\nd", "\\", "\"q\""], vec!["e\tf\ng"]]
        );
        assert_eq!(records("a\\"), vec![vec!["a\\"]]);
        assert!(records("\r\n\n").is_empty());
    }

    fn write(records: &[Vec<String>]) -> String {
        let escape = |field: &String| {
            field
                .replace('\\', "\\\\")
                .replace('\t', "\\t")
                .replace('\n', "\\n")
                .replace('\r', "\\r")
        };
        records
            .iter()
            .map(|record| record.iter().map(escape).collect::<Vec<_>>().join("\t") + "\n")
            .collect()
    }

    proptest! {
        #[test]
        fn reading_is_the_inverse_of_writing(
            written in vec(vec("[a\\\\\t\r\n\"é]{0,8}", 2..5), 0..6)
        ) {
            prop_assert_eq!(records(&write(&written)), written);
        }
    }
}
