//! A dynamic value: any JSON, as the service wrote it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::error::{Error, Result};

/// A `dynamic` value. What is not a string keeps the text in which it came: numbers have all their
/// digits, and a key that stands twice in an object is there twice.
///
/// ```
/// use kusto_ingest::query::Dynamic;
///
/// let number: Dynamic = "12345678901234567890.10".parse()?;
/// assert_eq!(number.to_string(), "12345678901234567890.10");
/// let text = Dynamic::from("12");
/// assert_eq!((text.as_str(), text.to_string().as_str()), (Some("12"), "\"12\""));
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dynamic(Form);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Form {
    Text(String),
    /// Valid JSON, which is not a string.
    Json(Box<str>),
}

impl Dynamic {
    /// The text of a string; `None` for any other JSON.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Form::Text(text) => Some(text),
            Form::Json(_) => None,
        }
    }

    /// Reads the value into a type of the program, such as [`serde_json::Value`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::error::ErrorKind) when the JSON does not fit the type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        let read = match &self.0 {
            Form::Text(text) => serde_json::from_value(Json::String(text.clone())),
            Form::Json(json) => serde_json::from_str(json),
        };
        read.map_err(|error| Error::invalid_argument("dynamic", error.to_string()))
    }

    /// As a tree, in which a number has the digits of an `f64` and of keys that stand twice the last
    /// one counts. What serde_json does not read (a depth beyond 127, half of a surrogate pair) is a
    /// string that holds the JSON.
    pub fn to_json(&self) -> Json {
        self.parse()
            .unwrap_or_else(|_| Json::from(self.to_string()))
    }

    /// The text of JSON that was checked and is no string.
    pub(super) fn checked(json: &str) -> Self {
        Self(Form::Json(json.into()))
    }
}

/// The JSON text; a string has its quotes.
impl fmt::Display for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Text(text) => Json::from(text.as_str()).fmt(f),
            Form::Json(json) => f.write_str(json),
        }
    }
}

/// A string.
impl From<&str> for Dynamic {
    fn from(text: &str) -> Self {
        Self(Form::Text(text.to_owned()))
    }
}

/// A string.
impl From<String> for Dynamic {
    fn from(text: String) -> Self {
        Self(Form::Text(text))
    }
}

impl From<Json> for Dynamic {
    fn from(json: Json) -> Self {
        match json {
            Json::String(text) => Self(Form::Text(text)),
            other => Self(Form::Json(other.to_string().into())),
        }
    }
}

/// From JSON text.
impl std::str::FromStr for Dynamic {
    type Err = Error;

    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::error::ErrorKind) for what is not JSON.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let wrong =
            |error: serde_json::Error| Error::invalid_argument("dynamic", error.to_string());
        if text.starts_with('"') {
            return Ok(Self(Form::Text(serde_json::from_str(text).map_err(wrong)?)));
        }
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(wrong)?;
        Ok(Self::checked(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_is_kept() {
        for text in [
            "12345678901234567890123.10",
            r#"{"a":1,"a":0.100}"#,
            "[1, 2 ]",
            "true",
            "null",
            r#""a\n\"""#,
        ] {
            let read: Dynamic = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
        for text in ["", "{", "NaN", "1 2", "'a'"] {
            assert!(text.parse::<Dynamic>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_text_is_no_number() {
        assert_ne!(Dynamic::from("1"), Dynamic::from(json!(1)));
        assert_eq!(Dynamic::from("1"), Dynamic::from(json!("1")));
        assert_eq!(Dynamic::from("é\u{1}").to_string(), r#""é\u0001""#);
        assert_eq!(Dynamic::from(json!([1])).parse::<Vec<u8>>().unwrap(), [1]);
        assert!(Dynamic::from("x").parse::<u8>().is_err());
    }
}
