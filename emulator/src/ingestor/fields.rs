//! A JSON object whose member names ignore case, as the service reads its messages.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::failure::{ErrorCode, Failure};

/// The members by lower-case name; null counts as absent.
pub(crate) struct Fields<'j>(HashMap<String, &'j Json>);

impl<'j> Fields<'j> {
    pub(crate) fn new(object: &'j Map<String, Json>) -> Fields<'j> {
        let members = object.iter().filter(|(_, value)| !value.is_null());
        Fields(
            members
                .map(|(name, value)| (name.to_ascii_lowercase(), value))
                .collect(),
        )
    }

    /// The member of this name, which is given as documented.
    pub(crate) fn get(&self, name: &str) -> Option<&'j Json> {
        self.0.get(&name.to_ascii_lowercase()).copied()
    }

    /// The member as an object; anything else is as good as none.
    pub(crate) fn object(&self, name: &str) -> Option<Fields<'j>> {
        self.get(name).and_then(Json::as_object).map(Fields::new)
    }

    /// The member as text. Numbers and booleans have one; arrays and objects are malformed, because the
    /// service's bags hold strings.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Json::Number(_) | Json::Bool(_))) => Ok(Some(value.to_string())),
            Some(_) => Err(malformed(name, "must be a string")),
        }
    }

    /// The member as a boolean, also from the text of one; false when absent or empty.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Failure> {
        let text = self.text(name)?.unwrap_or_default().to_ascii_lowercase();
        match text.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" | "" => Ok(false),
            _ => Err(malformed(name, "must be true or false")),
        }
    }

    /// The member as the position of its name in `names` (any case), also from that number or its text.
    pub(crate) fn choice(&self, name: &str, names: &[&[&str]]) -> Result<Option<usize>, Failure> {
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let number = text.parse().ok().filter(|number| *number < names.len());
        let is_name = |synonyms: &&[&str]| synonyms.iter().any(|s| s.eq_ignore_ascii_case(&text));
        number
            .or_else(|| names.iter().position(is_name))
            .map(Some)
            .ok_or_else(|| malformed(name, "has an unknown value"))
    }
}

/// The failure of a member that cannot be understood; its value is not repeated.
pub(crate) fn malformed(name: &str, what: &str) -> Failure {
    Failure::new(
        ErrorCode::MalformedIngestionProperty,
        format!("Ingestion property '{name}' {what}."),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_read_leniently() {
        let json = json!({"TEXT": "x", "n": 5, "Yes": "True", "no": false, "nil": null, "o": {"A": 1},
            "list": [], "level": "second", "number": 2, "numberText": "1"});
        let fields = Fields::new(json.as_object().unwrap());
        assert_eq!(fields.text("text").unwrap().as_deref(), Some("x"));
        assert_eq!(fields.text("N").unwrap().as_deref(), Some("5"));
        assert_eq!(fields.text("nil").unwrap(), None);
        assert!(fields.flag("yes").unwrap());
        assert!(!fields.flag("no").unwrap());
        assert!(!fields.flag("missing").unwrap());
        assert!(fields.object("O").unwrap().get("a").is_some());
        let names: &[&[&str]] = &[&["First"], &["Second", "Other"], &["Third"]];
        assert_eq!(fields.choice("level", names).unwrap(), Some(1));
        assert_eq!(fields.choice("number", names).unwrap(), Some(2));
        assert_eq!(fields.choice("numberText", names).unwrap(), Some(1));
        assert_eq!(fields.choice("missing", names).unwrap(), None);
        assert!(fields.choice("n", names).is_err());
        assert!(fields.text("list").is_err());
        assert!(fields.flag("text").is_err());
    }
}
