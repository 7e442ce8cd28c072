//! What the service checks in CSV data, and what happens when the check fails.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::props::catalog::{ValidationImplications, ValidationOptions};

/// A check and its consequence. The default checks nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValidationPolicy {
    /// What is checked.
    pub options: ValidationOptions,
    /// What a failed check does.
    pub implications: ValidationImplications,
}

impl ValidationPolicy {
    /// The policy as the text the service takes: numbers, not names.
    pub fn to_wire(self) -> String {
        json!({
            "ValidationOptions": self.options as i32,
            "ValidationImplications": self.implications as i32,
        })
        .to_string()
    }

    /// Reads the JSON form, with numbers or names. A missing member has its default.
    pub fn parse(json: &str) -> Result<Self> {
        let wrong = |what: String| Error::invalid_argument("validationPolicy", what);
        let value: Value =
            serde_json::from_str(json).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        let members = value
            .as_object()
            .ok_or_else(|| wrong("must be a JSON object".to_owned()))?;
        let mut policy = Self::default();
        for (name, value) in members {
            match name.to_ascii_lowercase().as_str() {
                "validationoptions" => {
                    policy.options = member(
                        name,
                        value,
                        &ValidationOptions::ALL
                            .map(|option| (option as i64, option.name(), option)),
                    )?;
                }
                "validationimplications" => {
                    policy.implications = member(
                        name,
                        value,
                        &ValidationImplications::ALL
                            .map(|option| (option as i64, option.name(), option)),
                    )?;
                }
                _ => return Err(wrong(format!("has no member '{name}'"))),
            }
        }
        Ok(policy)
    }
}

fn member<T: Copy>(name: &str, value: &Value, known: &[(i64, &str, T)]) -> Result<T> {
    known
        .iter()
        .find(|(number, text, _)| {
            value.as_i64() == Some(*number)
                || value.as_str().is_some_and(|v| v.eq_ignore_ascii_case(text))
        })
        .map(|(_, _, known)| *known)
        .ok_or_else(|| {
            Error::invalid_argument("validationPolicy", format!("{name} cannot be {value}"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_has_numbers_and_is_read_back() {
        let policy = ValidationPolicy {
            options: ValidationOptions::ValidateCsvInputConstantColumns,
            implications: ValidationImplications::BestEffort,
        };
        let wire: Value = serde_json::from_str(&policy.to_wire()).unwrap();
        assert_eq!(
            wire,
            json!({"ValidationOptions": 1, "ValidationImplications": 1})
        );
        assert_eq!(ValidationPolicy::parse(&policy.to_wire()).unwrap(), policy);
    }

    #[test]
    fn names_are_read_and_nonsense_is_refused() {
        let policy = ValidationPolicy::parse(
            r#"{"validationOptions":"validatecsvinputcolumnlevelonly","ValidationImplications":"Fail"}"#,
        )
        .unwrap();
        assert_eq!(
            policy.options,
            ValidationOptions::ValidateCsvInputColumnLevelOnly
        );
        assert_eq!(policy.implications, ValidationImplications::Fail);
        for wrong in ["", "1", "{\"ValidationOptions\":9}", "{\"x\":1}"] {
            let error = ValidationPolicy::parse(wrong).unwrap_err();
            assert_eq!(error.argument(), Some("validationPolicy"), "{wrong}");
        }
    }
}
