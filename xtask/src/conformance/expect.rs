//! The expected result of a step, and the comparison with the actual one.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::Answer;

/// The condition on a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Want {
    Text(String),
    /// Any text but an empty one.
    Some,
    Least(u64),
    Most(u64),
    Holds(String),
    Any(Vec<Want>),
}

impl TryFrom<Value> for Want {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) if text == "*" => Want::Some,
            Value::Object(members) => return Self::of_object(&members),
            other => Want::Text(text_of(&other).ok_or("must be a text, a number or a flag")?),
        })
    }
}

impl<'de> Deserialize<'de> for Want {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Want::try_from(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A value as players write it.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

impl Want {
    fn of_object(members: &Map<String, Value>) -> Result<Self, String> {
        let wrong = || {
            "must be {\"least\": N}, {\"most\": N}, {\"holds\": TEXT} or {\"any\": [..]}".to_owned()
        };
        let mut members = members.iter();
        let (Some((name, value)), None) = (members.next(), members.next()) else {
            return Err(wrong());
        };
        match (name.as_str(), value) {
            ("least", Value::Number(number)) => number.as_u64().map(Want::Least).ok_or_else(wrong),
            ("most", Value::Number(number)) => number.as_u64().map(Want::Most).ok_or_else(wrong),
            ("holds", Value::String(text)) => Ok(Want::Holds(text.clone())),
            ("any", Value::Array(choices)) => choices
                .iter()
                .cloned()
                .map(Want::try_from)
                .collect::<Result<_, _>>()
                .map(Want::Any),
            _ => Err(wrong()),
        }
    }

    pub(crate) fn fits(&self, text: &str) -> bool {
        match self {
            Want::Text(wanted) => wanted == text,
            Want::Some => !text.is_empty(),
            Want::Least(least) => text.parse::<u64>().is_ok_and(|number| number >= *least),
            Want::Most(most) => text.parse::<u64>().is_ok_and(|number| number <= *most),
            Want::Holds(part) => text.contains(part),
            Want::Any(choices) => choices.iter().any(|choice| choice.fits(text)),
        }
    }
}

impl std::fmt::Display for Want {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Want::Text(text) => write!(f, "{text}"),
            Want::Some => write!(f, "any text"),
            Want::Least(least) => write!(f, "{least} or more"),
            Want::Most(most) => write!(f, "{most} or fewer"),
            Want::Holds(part) => write!(f, "a text that contains {part:?}"),
            Want::Any(choices) => {
                let choices: Vec<String> = choices.iter().map(Want::to_string).collect();
                write!(f, "one of {}", choices.join(", "))
            }
        }
    }
}

/// The expected result of a step.
#[derive(Debug, PartialEq)]
pub(crate) struct Expect {
    ok: bool,
    fields: Vec<(String, Fields)>,
}

/// The expectation of a member of `expect` for the values of one key.
#[derive(Debug, PartialEq)]
enum Fields {
    One(Want),
    List(Vec<Want>),
    /// State, source id and code of each, in the order of source ids.
    Items(Vec<[Want; 3]>),
    /// Texts or nulls.
    Rows(Vec<Value>),
}

const ERROR: [&str; 11] = [
    "code",
    "message",
    "step",
    "host",
    "argument",
    "http_status",
    "service_code",
    "retry",
    "in_doubt",
    "attempts",
    "handed_over",
];
const RECEIPT: [&str; 14] = [
    "source_id",
    "items",
    "format",
    "format_assumed",
    "bytes_raw",
    "bytes_sent",
    "route",
    "attempts",
    "fallback",
    "policy_failed",
    "duplicated",
    "progress_read",
    "progress_sent",
    "progress_total",
];
/// A player may omit these when they are 0.
const NUMBERS: [&str; 4] = ["http_status", "in_doubt", "attempts", "handed_over"];

impl Expect {
    pub(crate) fn fine() -> Self {
        Expect {
            ok: true,
            fields: Vec::new(),
        }
    }

    pub(crate) fn read(verb: &str, value: &Value) -> Result<Self, String> {
        let wrong = "must be {\"ok\": true}, {\"ok\": {..}} or {\"error\": {..}}";
        let members = value.as_object().ok_or(wrong)?;
        let mut members = members.iter();
        let (Some((kind, value)), None) = (members.next(), members.next()) else {
            return Err(wrong.to_owned());
        };
        match (kind.as_str(), value) {
            ("ok", Value::Bool(true)) => Ok(Self::fine()),
            ("ok", Value::Object(fields)) => Self::of_fields(true, fields, |name, value| {
                Fields::of_answer(verb, name, value)
            }),
            ("error", Value::Object(fields)) => Self::of_fields(false, fields, Fields::of_error),
            _ => Err(wrong.to_owned()),
        }
    }

    fn of_fields(
        ok: bool,
        fields: &Map<String, Value>,
        read: impl Fn(&str, &Value) -> Result<Fields, String>,
    ) -> Result<Self, String> {
        let read = |(name, value): (&String, &Value)| {
            let field = read(name, value).map_err(|error| format!("{name}: {error}"))?;
            Ok((name.clone(), field))
        };
        Ok(Expect {
            ok,
            fields: fields.iter().map(read).collect::<Result<_, String>>()?,
        })
    }

    /// The difference of the answer from the expectation.
    pub(crate) fn judge(&self, answer: &Answer) -> Result<(), String> {
        if self.ok != answer.ok {
            let expected = if self.ok { "success" } else { "an error" };
            return Err(format!("expected {expected}, got {answer}"));
        }
        for (name, field) in &self.fields {
            field
                .judge(name, answer)
                .map_err(|reason| format!("{name}: {reason}, in {answer}"))?;
        }
        Ok(())
    }
}

impl Fields {
    fn of_error(name: &str, value: &Value) -> Result<Self, String> {
        if !ERROR.contains(&name) {
            return Err("errors do not have it".to_owned());
        }
        // Flags of errors are numbers on the wire.
        let value = match value {
            Value::Bool(flag) => Value::from(u8::from(*flag)),
            other => other.clone(),
        };
        Ok(Fields::One(value.try_into()?))
    }

    fn of_answer(verb: &str, name: &str, value: &Value) -> Result<Self, String> {
        Ok(match (verb, name) {
            ("wait" | "ingest", "ids") | ("execute", "columns") => Fields::List(list(value)?),
            ("wait" | "ingest", name) if RECEIPT.contains(&name) => {
                Fields::One(value.clone().try_into()?)
            }
            ("track" | "outcomes", "items") => {
                let items = value.as_array().ok_or("must be a list")?;
                Fields::Items(items.iter().map(item).collect::<Result<_, String>>()?)
            }
            ("execute", "rows") => {
                let rows = value.as_array().ok_or("must be a list")?;
                Fields::Rows(rows.iter().map(texts).collect::<Result<_, String>>()?)
            }
            _ => return Err(format!("{verb} does not answer it")),
        })
    }

    fn judge(&self, name: &str, answer: &Answer) -> Result<(), String> {
        match self {
            Fields::One(want) => {
                let text = match answer.get(name) {
                    Some("") | None if NUMBERS.contains(&name) => "0",
                    Some(text) => text,
                    None => "",
                };
                expect(want.fits(text), want, text)
            }
            Fields::List(wanted) => {
                let key = if name == "ids" { "item" } else { "column" };
                each(wanted, &answer.all(key), |want, text| want.fits(text))
            }
            Fields::Items(wanted) => each(wanted, &answer.items()?, |wanted, item| {
                let texts = [&item.state, &item.id, &item.code];
                wanted.iter().zip(texts).all(|(want, text)| want.fits(text))
            }),
            Fields::Rows(wanted) => each(wanted, &answer.rows()?, |wanted, row| wanted == row),
        }
    }
}

fn expect(fits: bool, wanted: impl std::fmt::Display, got: &str) -> Result<(), String> {
    match fits {
        true => Ok(()),
        false => Err(format!("expected {wanted}, got {got:?}")),
    }
}

fn each<W: std::fmt::Debug, T>(
    wanted: &[W],
    got: &[T],
    fits: impl Fn(&W, &T) -> bool,
) -> Result<(), String> {
    if wanted.len() != got.len() {
        return Err(format!(
            "expected {} of them, got {}",
            wanted.len(),
            got.len()
        ));
    }
    match wanted.iter().zip(got).position(|(w, t)| !fits(w, t)) {
        None => Ok(()),
        Some(n) => Err(format!("number {}: expected {:?}", n + 1, wanted[n])),
    }
}

fn list(value: &Value) -> Result<Vec<Want>, String> {
    let values = value.as_array().ok_or("must be a list")?;
    values.iter().cloned().map(Want::try_from).collect()
}

/// A state alone, or an object of state, id and code.
fn item(value: &Value) -> Result<[Want; 3], String> {
    let any = || Want::Holds(String::new());
    let mut item = [any(), any(), any()];
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let place = ["state", "id", "code"]
                    .iter()
                    .position(|known| known == name);
                let place = place.ok_or_else(|| format!("unknown member {name:?}"))?;
                item[place] = value.clone().try_into()?;
            }
        }
        state => item[0] = state.clone().try_into()?,
    }
    Ok(item)
}

fn texts(row: &Value) -> Result<Value, String> {
    let row = row.as_array().ok_or("a row must be a list")?;
    Ok(row
        .iter()
        .map(|value| text_of(value).map_or(Value::Null, Value::from))
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(
        verb: &str,
        expected: Value,
        kind: &str,
        fields: &[(&str, &str)],
    ) -> Result<(), String> {
        let expect = Expect::read(verb, &expected).unwrap();
        expect.judge(&Answer::new(kind, fields).unwrap())
    }

    #[test]
    fn texts_numbers_and_flags_are_compared_as_texts() {
        let error = json!({"error": {
            "code": {"any": ["AUTH", "CONFIG"]}, "in_doubt": true, "attempts": {"least": 2}, "handed_over": 0,
            "message": {"holds": "login"}, "host": "*", "argument": ""}});
        let said = [
            ("code", "AUTH"),
            ("in_doubt", "1"),
            ("attempts", "3"),
            ("message", "no login"),
            ("host", "h:1"),
        ];
        judge("wait", error.clone(), "error", &said).unwrap();
        for (key, value) in [
            ("code", "NETWORK"),
            ("in_doubt", "0"),
            ("attempts", "1"),
            ("message", "logout"),
            ("host", ""),
            ("argument", "x"),
        ] {
            let changed: Vec<_> = said
                .iter()
                .filter(|(k, _)| *k != key)
                .copied()
                .chain([(key, value)])
                .collect();
            let reason = judge("wait", error.clone(), "error", &changed).unwrap_err();
            assert!(reason.starts_with(key), "{reason}");
        }
    }

    #[test]
    fn success_and_error_are_told_apart() {
        let reason = judge("wait", json!({"ok": true}), "error", &[("code", "AUTH")]).unwrap_err();
        assert!(
            reason.contains("expected success") && reason.contains("AUTH"),
            "{reason}"
        );
        let reason = judge("wait", json!({"error": {}}), "ok", &[]).unwrap_err();
        assert!(reason.contains("expected an error"), "{reason}");
    }

    #[test]
    fn items_are_compared_in_the_order_of_their_ids() {
        let said = [("item", "succeeded b -"), ("item", "failed a Code")];
        let as_given = json!({"ok": {"items": [{"state": "failed", "code": "Code"}, "succeeded"]}});
        judge("track", as_given, "ok", &said).unwrap();
        for wrong in [
            json!(["succeeded", "failed"]),
            json!(["failed"]),
            json!([{"id": "b"}, {"id": "a"}]),
        ] {
            judge("track", json!({"ok": {"items": wrong}}), "ok", &said).unwrap_err();
        }
        judge(
            "track",
            json!({"ok": {"items": ["failed"]}}),
            "ok",
            &[("item", "failed")],
        )
        .unwrap_err();
    }

    #[test]
    fn rows_know_null_from_an_empty_text() {
        let said = [("column", "n long"), ("row", r#"["1",null,"true"]"#)];
        let wanted = |row: Value| json!({"ok": {"columns": ["n long"], "rows": [row]}});
        judge("execute", wanted(json!([1, null, true])), "ok", &said).unwrap();
        judge("execute", wanted(json!([1, "", true])), "ok", &said).unwrap_err();
        judge("execute", wanted(json!([1, null])), "ok", &said).unwrap_err();
    }
}
