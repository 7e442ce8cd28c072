//! A scanner of JSON: where the values of an answer begin and end, without reading them.
//!
//! It is exact about the arrays and objects that its caller walks through, and lenient about what
//! is inside the values it skips: whether one can be read shows when it is read.

use std::fmt;

use serde::de::DeserializeOwned;

/// What is not rows (columns, errors, names) is small; a larger one is not worth its memory.
const MAX_MEMBER: usize = 4 * 1024 * 1024;

/// Why an answer cannot be read. Contains nothing of the answer, which is the caller's data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    what: &'static str,
    at: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

pub(crate) type Scanned<T> = Result<T, Malformed>;

#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0 }
    }

    /// From an array or value that begins there.
    pub(crate) fn at(body: &'a [u8], start: usize) -> Self {
        Self { body, at: start }
    }

    /// The first byte of the next value or sign.
    pub(crate) fn peek(&mut self) -> Scanned<u8> {
        while let Some(byte) = self.body.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                byte => return Ok(*byte),
            }
        }
        Err(self.malformed("it ends"))
    }

    /// Where the next value begins.
    pub(crate) fn position(&mut self) -> Scanned<usize> {
        self.peek()?;
        Ok(self.at)
    }

    /// Enters an array or object.
    pub(crate) fn open(&mut self, sign: u8) -> Scanned<()> {
        if self.peek()? != sign {
            return Err(self.malformed("an array or object is missing"));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether another element or member follows; leaves the array or object after its last.
    pub(crate) fn next(&mut self, close: u8, first: bool) -> Scanned<bool> {
        let sign = self.peek()?;
        if sign == close {
            self.at += 1;
            return Ok(false);
        }
        if first {
            return Ok(true);
        }
        if sign != b',' {
            return Err(self.malformed("a comma is missing"));
        }
        self.at += 1;
        match self.peek()? == close {
            true => Err(self.malformed("a value is missing")),
            false => Ok(true),
        }
    }

    /// The name of the next member.
    pub(crate) fn name(&mut self) -> Scanned<&'a [u8]> {
        if self.peek()? != b'"' {
            return Err(self.malformed("a name is missing"));
        }
        let start = self.at + 1;
        self.string()?;
        let end = self.at - 1;
        if self.peek()? != b':' {
            return Err(self.malformed("a colon is missing"));
        }
        self.at += 1;
        Ok(&self.body[start..end])
    }

    /// The next value, as it is written.
    pub(crate) fn value(&mut self) -> Scanned<&'a [u8]> {
        self.peek()?;
        let start = self.at;
        // Iterative: a value may nest as deep as it likes.
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                }
                b']' | b'}' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                _ => self.word()?,
            }
            if depth == 0 {
                return Ok(&self.body[start..self.at]);
            }
        }
    }

    /// The next value as a type; for what is not rows.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Scanned<T> {
        let value = self.value()?;
        if value.len() > MAX_MEMBER {
            return Err(self.malformed("a member is too large"));
        }
        serde_json::from_slice(value).map_err(|_| self.malformed("a member is not as expected"))
    }

    /// Nothing may follow the answer.
    pub(crate) fn end(mut self) -> Scanned<()> {
        match self.peek() {
            Ok(_) => Err(self.malformed("something follows the end")),
            Err(_) => Ok(()),
        }
    }

    fn string(&mut self) -> Scanned<()> {
        self.at += 1;
        loop {
            let rest = self.body.get(self.at..).unwrap_or_default();
            let Some(found) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                self.at = self.body.len();
                return Err(self.malformed("a text does not end"));
            };
            if rest[found] == b'"' {
                self.at += found + 1;
                return Ok(());
            }
            self.at += found + 2;
        }
    }

    /// A number, `true`, `null`, or a word that JSON does not know, such as `NaN`.
    fn word(&mut self) -> Scanned<()> {
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_');
        let rest = &self.body[self.at..];
        match rest.iter().take_while(|byte| is_part(byte)).count() {
            0 => Err(self.malformed("a value is missing")),
            length => {
                self.at += length;
                Ok(())
            }
        }
    }

    pub(crate) fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }
}
