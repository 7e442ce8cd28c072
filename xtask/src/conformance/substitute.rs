//! The names that a run fills in: `{table}` and its like.

use serde_json::Value;

/// Placeholders and their values. Texts contain JSON with braces, so only these exact words are
/// replaced.
#[derive(Default)]
pub(crate) struct Names(Vec<(String, String)>);

impl Names {
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((format!("{{{name}}}"), value.into()));
    }

    pub(crate) fn fill_text(&self, text: &str) -> String {
        let names = self.0.iter();
        names.fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
    }

    /// The same in every text of a value, keys too.
    pub(crate) fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill_text(text).into(),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(key, member)| (self.fill_text(key), self.fill(member)))
                .collect(),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_known_is_replaced() {
        let mut names = Names::default();
        names.set("table", "T1");
        names.set("blob:b", "http://x/b?sig=1");
        let filled =
            names.fill(&json!({"{table}": ["{table} | count", {"a": "{\"x\":1}{blob:b}"}, 7]}));
        assert_eq!(
            filled,
            json!({"T1": ["T1 | count", {"a": "{\"x\":1}http://x/b?sig=1"}, 7]})
        );
    }
}
