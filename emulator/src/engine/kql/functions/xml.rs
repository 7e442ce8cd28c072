//! `parse_xml`: elements become properties, as the table of its page has them.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value as Json};

use super::super::super::value::ColumnType;
use super::conversions::whole_numbers;
use super::record::{Function, Kind, Naming, Returns};
use super::values::{dynamic, text};

/// Of longer texts the page says that they give null.
const MOST_BYTES: usize = 1 << 20;
/// How deep elements may be in each other; that of JSON.
const MAX_DEPTH: usize = 128;

pub(super) const FUNCTIONS: &[Function] = &[Function::new(
    "parse_xml",
    &[Kind::Text],
    Returns::Type(ColumnType::Dynamic),
    |v| dynamic(parsed(text(v, 0))?),
)
.named(Naming::First)];

/// An element that is not closed yet.
struct Open {
    name: String,
    members: Map<String, Json>,
    /// The text since the last tag.
    text: String,
}

impl Open {
    fn new(start: &BytesStart<'_>) -> Option<Self> {
        let mut open = Self {
            name: start.name().as_ref().to_owned(),
            members: Map::new(),
            text: String::new(),
        };
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .ok()?
                .into_owned();
            let name = format!("@{}", attribute.key.as_ref());
            open.members.insert(name, Json::String(value));
        }
        Some(open)
    }

    /// What has a name that is there already makes an array of both.
    fn add(&mut self, name: String, value: Json) {
        match self.members.get_mut(&name) {
            None => {
                self.members.insert(name, value);
            }
            Some(Json::Array(values)) => values.push(value),
            Some(first) => *first = Json::Array(vec![first.take(), value]),
        }
    }

    /// Space around a text is none of it.
    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            self.add("#text".to_owned(), scalar(text.trim()));
        }
    }

    fn value(mut self) -> (String, Json) {
        self.end_text();
        let is_text = self.members.len() == 1 && self.members.contains_key("#text");
        let value = match self.members.len() {
            0 => Json::Null,
            _ if is_text => self.members.remove("#text").unwrap_or_default(),
            _ => Json::Object(self.members),
        };
        (self.name, value)
    }
}

/// A number of JSON as a number, as the page's example has it.
fn scalar(text: &str) -> Json {
    match serde_json::from_str(text) {
        Ok(number @ Json::Number(_)) => whole_numbers(number),
        _ => Json::from(text),
    }
}

/// `None` of what is not well formed.
fn parsed(text: &str) -> Option<Json> {
    (text.len() <= MOST_BYTES).then_some(())?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    // The document is the first: its one member is the root.
    let mut open = vec![Open::new(&BytesStart::new(""))?];
    loop {
        let event = reader.read_event().ok()?;
        let is_inside = open.len() > 1;
        let top = open.last_mut()?;
        match event {
            Event::Start(start) => {
                top.end_text();
                open.push(Open::new(&start)?);
                (open.len() <= MAX_DEPTH).then_some(())?;
            }
            Event::Empty(start) => {
                top.end_text();
                let (name, value) = Open::new(&start)?.value();
                top.add(name, value);
            }
            Event::End(_) => {
                let (name, value) = open.pop()?.value();
                open.last_mut()?.add(name, value);
            }
            Event::Text(part) => top.text.push_str(&part),
            Event::GeneralRef(reference) if is_inside => top.text.push_str(&character(&reference)?),
            Event::Eof => break,
            _ => {}
        }
    }
    let document = open.pop().filter(|document| {
        // One root, and no text beside it.
        let has_root = document.members.values().all(|root| !root.is_array());
        open.is_empty() && has_root && document.members.len() == 1
    })?;
    document.text.trim().is_empty().then_some(())?;
    Some(Json::Object(document.members))
}

fn character(reference: &BytesRef<'_>) -> Option<String> {
    match reference.resolve_char_ref().ok()? {
        Some(character) => Some(character.to_string()),
        None => resolve_predefined_entity(reference).map(str::to_owned),
    }
}
