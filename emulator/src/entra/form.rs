//! The fields of a request.

use std::collections::HashMap;

use url::form_urlencoded;

use super::error::Refusal;

/// Fields by their names; of a repeated one the first counts. It has no debug form: fields are secrets.
pub(crate) struct Form(HashMap<String, String>);

impl Form {
    /// Of a body or a query.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut fields = HashMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            fields
                .entry(name.into_owned())
                .or_insert_with(|| value.into_owned());
        }
        Self(fields)
    }

    /// The field, if it is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }
}
