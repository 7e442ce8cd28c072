//! The answer of a player.

use std::fmt;

use serde_json::Value;

use super::message::Message;

/// `ok` or `error` with its fields.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) ok: bool,
    fields: Vec<(String, String)>,
}

/// One line `item STATE ID CODE`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) code: String,
}

impl TryFrom<Message> for Answer {
    type Error = String;

    fn try_from(message: Message) -> Result<Self, String> {
        let ok = match message.kind.as_str() {
            "ok" => true,
            "error" => false,
            other => return Err(format!("it answered {other:?}")),
        };
        Ok(Self {
            ok,
            fields: message.fields,
        })
    }
}

impl Answer {
    #[cfg(test)]
    pub(crate) fn new(kind: &str, fields: &[(&str, &str)]) -> Result<Self, String> {
        let add = |message: Message, (key, value): &(&str, &str)| message.with(key, value);
        fields.iter().fold(Message::new(kind), add).try_into()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.all(key).into_iter().next()
    }

    pub(crate) fn all(&self, key: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|(found, _)| found == key);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    /// The same with the items of an answer before it.
    pub(crate) fn with_items_of(mut self, before: Option<Answer>) -> Self {
        let before = before.map(|answer| answer.fields).unwrap_or_default();
        self.fields.splice(0..0, before);
        self
    }

    /// The items in the order of their ids.
    pub(crate) fn items(&self) -> Result<Vec<Item>, String> {
        let read = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
            [state, id, code] => Ok(Item {
                id: id.to_owned(),
                state: state.to_owned(),
                code: code.to_owned(),
            }),
            _ => Err(format!("{line:?} is no item")),
        };
        let mut items: Vec<Item> = self
            .all("item")
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()?;
        items.sort();
        Ok(items)
    }

    pub(crate) fn rows(&self) -> Result<Vec<Value>, String> {
        let read = |line: &str| {
            serde_json::from_str(line).map_err(|error| format!("{line:?} is no row: {error}"))
        };
        self.all("row").into_iter().map(read).collect()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.ok { "ok" } else { "error" };
        write!(f, "{kind}")?;
        let fields = self.fields.iter();
        for (key, value) in fields.filter(|(_, value)| !value.is_empty()) {
            write!(f, " {key}={value:?}")?;
        }
        Ok(())
    }
}
