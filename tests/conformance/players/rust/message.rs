//! One message between driver and player: a line with its kind, lines `key value`, an empty line.

use std::io::{BufRead, Write};

use crate::Defect;

pub(crate) struct Message {
    pub(crate) kind: String,
    pub(crate) fields: Vec<(String, String)>,
}

/// What a word of the driver stands for.
pub(crate) fn meaning<T: Copy>(words: &[(&str, T)], word: &str) -> Result<T, Defect> {
    let mut words = words.iter();
    let found = words.find(|(known, _)| *known == word);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| format!("unknown word {word}"))
}

impl Message {
    pub(crate) fn new(kind: &str, fields: Vec<(String, String)>) -> Self {
        Self {
            kind: kind.to_owned(),
            fields,
        }
    }

    /// The next message; `None` at the end of the input.
    pub(crate) fn read(input: &mut impl BufRead) -> Result<Option<Self>, Defect> {
        let Some(kind) = line(input)? else {
            return Ok(None);
        };
        let mut message = Self::new(&kind, Vec::new());
        loop {
            let line = line(input)?.ok_or("the input ends within a message")?;
            if line.is_empty() {
                return Ok(Some(message));
            }
            let (key, value) = line.split_once(' ').unwrap_or((&line, ""));
            message.fields.push((key.to_owned(), unescape(value)?));
        }
    }

    pub(crate) fn write(&self, output: &mut impl Write) -> Result<(), Defect> {
        let mut text = format!("{}\n", self.kind);
        for (key, value) in &self.fields {
            text += &format!("{key} {}\n", escape(value));
        }
        text.push('\n');
        let written = output.write_all(text.as_bytes());
        written
            .and_then(|()| output.flush())
            .map_err(|error| error.to_string())
    }

    /// Refuses keys that are not among these.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Defect> {
        match self
            .fields
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        {
            Some((key, _)) => Err(format!("{}: unknown key {key}", self.kind)),
            None => Ok(()),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    pub(crate) fn need(&self, key: &str) -> Result<&str, Defect> {
        self.get(key)
            .ok_or_else(|| format!("{}: no {key}", self.kind))
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, Defect> {
        self.get(key)
            .map(|text| parse(&self.kind, key, text))
            .transpose()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(move |(found, _)| found == key)
            .map(|(_, value)| value.as_str())
    }

    /// The values of a repeated `NAME=VALUE`.
    pub(crate) fn pairs(&self, key: &str) -> Result<Vec<(&str, &str)>, Defect> {
        let split = |text: &str| format!("{}: {key} {text} has no =", self.kind);
        self.all(key)
            .map(|text| text.split_once('=').ok_or_else(|| split(text)))
            .collect()
    }
}

pub(crate) fn parse<T: std::str::FromStr>(kind: &str, key: &str, text: &str) -> Result<T, Defect> {
    text.parse()
        .map_err(|_| format!("{kind}: {key} {text} is not a number that fits"))
}

fn line(input: &mut impl BufRead) -> Result<Option<String>, Defect> {
    let mut line = String::new();
    match input.read_line(&mut line) {
        Err(error) => Err(error.to_string()),
        Ok(0) => Ok(None),
        Ok(_) => {
            line.pop();
            Ok(Some(line))
        }
    }
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn unescape(text: &str) -> Result<String, Defect> {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        value.push(match character {
            '\\' => match characters.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('r') => '\r',
                other => return Err(format!("an unknown escape: {other:?}")),
            },
            plain => plain,
        });
    }
    Ok(value)
}
