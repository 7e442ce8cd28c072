//! The paths of JSON mappings: `$`, `$.a.b`, `$['a b']`, `$.['a b']`, `$["a"]`, `$.a[0]`.

use std::collections::HashMap;

use serde_json::Value as Json;
use serde_json::value::RawValue;

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl JsonPath {
    /// The path of a property of the root.
    pub(crate) fn property(name: &str) -> JsonPath {
        JsonPath(vec![Step::Key(name.to_owned())])
    }

    /// Parses a path that starts with `$`; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<JsonPath, String> {
        let error = |what: &str| format!("JSON path '{text}' {what}");
        let mut rest = text
            .strip_prefix('$')
            .ok_or_else(|| error("does not start with '$'"))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix('.') {
                Some(after_dot) if after_dot.starts_with('[') => bracket(after_dot),
                Some(after_dot) => name(after_dot),
                None => bracket(rest),
            }
            .map_err(error)?;
            steps.push(step);
            rest = after;
        }
        Ok(JsonPath(steps))
    }

    /// What the path leads to, if it leads anywhere.
    pub(crate) fn find<'j>(&self, root: &'j Json) -> Option<&'j Json> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// What the path leads to as it is written in the text of the root.
    pub(crate) fn find_text<'t>(&self, root: &'t str) -> Option<&'t str> {
        self.0.iter().try_fold(root, |text, step| match step {
            Step::Key(key) => {
                let members: HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
                members.get(key).map(|value| value.get())
            }
            Step::Index(index) => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                elements.get(*index).map(|value| value.get())
            }
        })
    }
}

type Parsed<'t> = Result<(Step, &'t str), &'static str>;

fn name(text: &str) -> Parsed<'_> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name {
        "" => Err("has an empty step"),
        "*" => Err("has a wildcard, which mappings do not take"),
        _ => Ok((Step::Key(name.to_owned()), rest)),
    }
}

fn bracket(text: &str) -> Parsed<'_> {
    let inner = text
        .strip_prefix('[')
        .ok_or("has something other than '.' or '[' after a step")?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = inner.strip_prefix(quote) {
            let end = quoted.find([quote]).ok_or("has an unclosed quote")?;
            let rest = quoted[end + 1..]
                .strip_prefix(']')
                .ok_or("has an unclosed bracket")?;
            return Ok((Step::Key(quoted[..end].to_owned()), rest));
        }
    }
    let (index, rest) = inner.split_once(']').ok_or("has an unclosed bracket")?;
    let index = index
        .trim()
        .parse()
        .map_err(|_| "has a bracket with neither a quoted name nor an index")?;
    Ok((Step::Index(index), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_path_or_an_error(text in "\\$?[.\\['\"\\]a0é*-]{0,10}") {
            let _ = JsonPath::parse(&text);
        }

        #[test]
        fn a_quoted_name_finds_its_property(name in "[^']{0,10}") {
            let root = json!({name.clone(): 1});
            let path = JsonPath::parse(&format!("$['{name}']")).unwrap();
            prop_assert_eq!(path.find(&root), Some(&json!(1)));
        }
    }

    #[test]
    fn paths_lead_where_they_say() {
        let root = json!({"a": {"b": [10, {"c d": 1}]}, "x.y": 2, "it": {"": 3}});
        let find = |path| JsonPath::parse(path).unwrap().find(&root).cloned();
        assert_eq!(find("$"), Some(root.clone()));
        assert_eq!(find("$.a.b[0]"), Some(json!(10)));
        assert_eq!(find("$.a.b[1]['c d']"), Some(json!(1)));
        assert_eq!(find("$['a'][\"b\"][1].['c d']"), Some(json!(1)));
        assert_eq!(find("$['x.y']"), Some(json!(2)));
        assert_eq!(find("$.it['']"), Some(json!(3)));
        assert_eq!(find("$.a.missing"), None);
        assert_eq!(find("$.a[0]"), None);
        assert_eq!(find("$.A"), None);
        assert_eq!(JsonPath::property("x.y").find(&root), Some(&json!(2)));
    }

    #[test]
    fn what_is_found_can_be_had_as_it_is_written() {
        let root = r#" {"a": {"b\u0020c": [1.0, {"n" : 1E2 }]}, "a": [0.100], "b": -0 } "#;
        let find = |path| JsonPath::parse(path).unwrap().find_text(root);
        assert_eq!(find("$.a[0]"), Some("0.100"));
        assert_eq!(find("$.b"), Some("-0"));
        assert_eq!(find("$.c"), None);
        assert_eq!(find("$.b[0]"), None);
        let root = r#"{"a": {"b\u0020c": [1.0, {"n" : 1E2 }]}}"#;
        let find = |path| JsonPath::parse(path).unwrap().find_text(root);
        assert_eq!(find("$.a['b c'][1].n"), Some("1E2"));
        assert_eq!(find("$.a['b c'][1]"), Some("{\"n\" : 1E2 }"));
    }

    #[test]
    fn bad_paths_are_named() {
        for path in [
            "a", "$a", "$.", "$..a", "$.*", "$.a[*]", "$.a[-1]", "$['a", "$['a'", "$.a.", "$[",
        ] {
            let error = JsonPath::parse(path).unwrap_err();
            assert!(error.contains(path), "{error}");
        }
    }
}
