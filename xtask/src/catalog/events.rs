//! `catalog/events.toml`: the events of the log, as a type each in the core and as the page docs/LOGGING.md.

use std::fmt::Write as _;

use serde::Deserialize;

use super::lists::{Style, styled};
use super::pages::row;
use super::rust::{comment, formatted};
use super::{Catalog, ORIGIN, Output};

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Events {
    #[serde(rename = "field")]
    fields: Vec<Field>,
    #[serde(rename = "event")]
    events: Vec<Event>,
}

/// A field, of the same meaning in every event that has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    text: String,
}

/// What the value of a field is.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Text,
    Number,
    Milliseconds,
    Step,
    Error,
}

/// An event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    name: String,
    level: Level,
    /// The level in the later rounds of a step, where it is another one.
    repeated: Option<Level>,
    part: String,
    message: String,
    fields: Vec<String>,
    text: String,
}

/// How important it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The fields that every event of an ingestion has.
const OF_INGESTIONS: [&str; 2] = ["client_request_id", "source_id"];

impl Kind {
    /// The type of a member.
    fn rust(self) -> &'static str {
        match self {
            Kind::Text => "&'a str",
            Kind::Number => "u64",
            Kind::Milliseconds => "Duration",
            Kind::Step => "Step",
            Kind::Error => "&'a Error",
        }
    }

    /// The value as it is recorded.
    fn value(self, name: &str) -> String {
        match self {
            Kind::Text => format!("filled(self.{name})"),
            Kind::Number => format!("self.{name}"),
            Kind::Milliseconds => format!("milliseconds(self.{name})"),
            Kind::Step => format!("self.{name}.name()"),
            Kind::Error => format!("%self.{name}"),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Kind::Text | Kind::Step | Kind::Error => "text",
            Kind::Number | Kind::Milliseconds => "number",
        }
    }
}

impl Event {
    /// Its level, or both.
    fn levels(&self) -> String {
        let name = |level: Level| format!("{level:?}").to_lowercase();
        match self.repeated {
            None => name(self.level),
            Some(level) => format!("{}, repeated {}", name(self.level), name(level)),
        }
    }
}

impl Events {
    fn field(&self, name: &str) -> Result<&Field, String> {
        let found = self.fields.iter().find(|field| field.name == name);
        found.ok_or_else(|| format!("catalog/events.toml has no field {name}"))
    }

    /// The types of the core.
    pub(super) fn rust(&self) -> Result<Output, String> {
        let mut text = format!(
            "//! {ORIGIN}\n//!\n//! The events of the log, a type for each.\n\n\
             use std::time::Duration;\n\nuse tracing::Level;\n\n\
             use crate::error::{{Error, Step}};\nuse crate::op::context::{{client_request_id, source_id}};\n\n"
        );
        for event in &self.events {
            text.push_str(&self.type_of(event)?);
        }
        text.push_str(
            "/// A text, unless it is empty.\nfn filled(text: &str) -> Option<&str> {\n    \
             Some(text).filter(|text| !text.is_empty())\n}\n\n\
             fn milliseconds(duration: Duration) -> u64 {\n    \
             u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)\n}\n",
        );
        Ok(Output::new("src/log/events.rs", formatted(&text)?))
    }

    fn type_of(&self, event: &Event) -> Result<String, String> {
        let name = styled(&event.name, Style::Camel);
        let mut members = String::new();
        let mut values = String::new();
        for name in &event.fields {
            let field = self.field(name)?;
            members.push_str(&comment("    ", &field.text));
            _ = writeln!(members, "    pub(crate) {name}: {},", field.kind.rust());
            _ = writeln!(values, "            {name} = {},", field.kind.value(name));
        }
        let (lifetime, of) = match members.contains("&'a") {
            true => ("<'a>", "<'_>"),
            false => ("", ""),
        };
        let written = |level: Level| {
            format!(
                "tracing::event!(\n            name: {:?},\n            target: \"kusto_ingest::{}\",\n            \
                 Level::{},\n            client_request_id = client_request_id().as_deref(),\n            \
                 source_id = source_id().map(display),\n{values}            {:?}\n        )",
                event.name,
                event.part,
                format!("{level:?}").to_uppercase(),
                event.message
            )
        };
        let first = written(event.level);
        let (what, argument, body) = match event.repeated {
            None => ("", "", format!("{first};")),
            Some(level) => (
                ". `repeated` says that this is a later round of its step",
                ", repeated: bool",
                format!(
                    "match repeated {{ false => {first}, true => {} }}",
                    written(level)
                ),
            ),
        };
        Ok(format!(
            "{}pub(crate) struct {name}{lifetime} {{\n{members}}}\n\n\
             impl {name}{of} {{\n    /// Writes it to the log{what}.\n    \
             pub(crate) fn emit(&self{argument}) {{\n        {body}\n    }}\n}}\n\n",
            comment("", &event.text),
        ))
    }

    /// docs/LOGGING.md.
    pub(super) fn page(&self, catalog: &Catalog) -> Result<Output, String> {
        let mut text = format!("<!-- {ORIGIN} -->\n{PAGE}");
        let levels = catalog.list("log_level")?;
        text.push_str(&row(&["level", "what it is for"]));
        text.push_str("|---|---|\n");
        for item in levels.items(super::lists::Language::Rust) {
            text.push_str(&row(&[&item.id, &item.text]));
        }
        text.push_str(
            "\n## Events\n\nA name never changes its meaning; later versions add events and fields. ",
        );
        text.push_str("Messages are for people and may change.\n\n");
        text.push_str(&row(&[
            "event", "level", "part", "message", "fields", "when",
        ]));
        text.push_str("|---|---|---|---|---|---|\n");
        for event in &self.events {
            let fields: Vec<_> = event
                .fields
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            text.push_str(&row(&[
                &format!("`{}`", event.name),
                &event.levels(),
                &format!("`kusto_ingest::{}`", event.part),
                &event.message,
                &fields.join(", "),
                &event.text,
            ]));
        }
        let always: Vec<_> = OF_INGESTIONS.map(|name| format!("`{name}`")).into();
        _ = write!(
            text,
            "\nEach event of an ingestion has the fields {} as well, also those of its retries, its steps and its requests. \
             A text that is empty is left out.\n\n## Fields\n\n",
            always.join(" and ")
        );
        text.push_str(&row(&["field", "type", "what it is"]));
        text.push_str("|---|---|---|\n");
        for field in &self.fields {
            text.push_str(&row(&[
                &format!("`{}`", field.name),
                field.kind.words(),
                &field.text,
            ]));
        }
        Ok(Output::new("docs/LOGGING.md", text))
    }
}

const PAGE: &str = "\
# The log

The library writes nothing to the terminal or to files. Its log goes to a receiver of the program:

| | for one client | for every client that has none of its own |
|---|---|---|
| C | `kusto_config_set_log`: events with their fields | `kusto_log_set`: lines of text |
| Rust | `ClientBuilder::log`: a `tracing::Dispatch` | the program's `tracing` subscriber |

The other languages hand both on in the way of their own loggers: see the page of each binding.

All events of a client's calls go to its receiver, from whichever thread they come. No event contains a token, a key or a \
signature; addresses are shown without their query. A receiver is called on the library's threads, and on one \
that waits in a blocking call: it must be quick, and must \
not call the library.

A line of text is the message, then `name=value` for each field; values with spaces, quotes or `=` in them are quoted:

```text
an attempt failed, will try again client_request_id=KRC.ingest;0a1b... step=\"upload blob\" host=127.0.0.1:10000 attempt=1 ...
```

To find an ingestion at the service, take the field `client_request_id`: the ids of its requests begin with it. The \
ingestion property `clientRequestId` sets it. Without that property it is `KRC.ingest;` and the source id; streaming requests then \
begin with `KRC.executeStreamingIngest;` or `KRC.executeManagedStreamingIngest;`, as those of the official clients, and the same id.

## Levels

";
