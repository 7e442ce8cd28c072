//! A message between driver and player: a line with its kind, lines `key value`, an empty line.

use std::io::{BufRead, Write};

/// A message, in either direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Message {
    pub(crate) fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            fields: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.fields.push((key.to_owned(), value.to_string()));
        self
    }

    /// Absent values are omitted.
    #[must_use]
    pub(crate) fn maybe(self, key: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    #[must_use]
    pub(crate) fn each(self, key: &str, values: impl IntoIterator<Item = impl ToString>) -> Self {
        let add = |message: Self, value| message.with(key, value);
        values.into_iter().fold(self, add)
    }

    pub(crate) fn write(&self, output: &mut impl Write) -> std::io::Result<()> {
        let mut text = format!("{}\n", self.kind);
        for (key, value) in &self.fields {
            text += &format!("{key} {}\n", escape(value));
        }
        text.push('\n');
        output.write_all(text.as_bytes())?;
        output.flush()
    }

    /// The next message; `None` at the end of the input.
    pub(crate) fn read(input: &mut impl BufRead) -> Result<Option<Self>, String> {
        let Some(kind) = line(input)? else {
            return Ok(None);
        };
        let mut message = Self::new(&kind);
        loop {
            let line = line(input)?.ok_or("the output ends within a message")?;
            if line.is_empty() {
                return Ok(Some(message));
            }
            let (key, value) = line.split_once(' ').unwrap_or((&line, ""));
            message.fields.push((key.to_owned(), unescape(value)?));
        }
    }
}

fn line(input: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut line = String::new();
    match input.read_line(&mut line) {
        Err(error) => Err(error.to_string()),
        Ok(0) => Ok(None),
        Ok(_) if line.ends_with('\n') => {
            line.pop();
            Ok(Some(line))
        }
        Ok(_) => Err(format!("the output ends within the line {line:?}")),
    }
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn unescape(text: &str) -> Result<String, String> {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        value.push(match character {
            '\\' => match characters.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('r') => '\r',
                _ => return Err(format!("an unknown escape in {text:?}")),
            },
            plain => plain,
        });
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let message = Message::new("start")
            .with("table", "größe 表")
            .with("text", "a\\n\nb\r\\")
            .with("empty", "")
            .with("blank", " x ")
            .each("tag", ["1", "2"])
            .maybe("none", None::<u8>);
        let mut bytes = Vec::new();
        message.write(&mut bytes).unwrap();
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 8);
        let mut input = &bytes[..];
        assert_eq!(Message::read(&mut input).unwrap(), Some(message));
        assert_eq!(Message::read(&mut input).unwrap(), None);
    }

    #[test]
    fn what_is_cut_or_escaped_wrongly_is_an_error() {
        for wrong in ["ok\n", "ok\nkey value", "ok\nkey \\x\n\n", "ok\nkey \\\n\n"] {
            assert!(Message::read(&mut wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }
}
