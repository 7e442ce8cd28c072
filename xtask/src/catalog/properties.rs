//! `catalog/properties.toml`: the ingestion properties. Flags are written whole; the others have types of their own.

use std::fmt::Write as _;

use serde::Deserialize;

use super::lists::{capitalised, lowered};
use super::rust::{comment, wrapped};

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Properties {
    #[serde(rename = "property")]
    pub(super) properties: Vec<Property>,
}

/// An ingestion property.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) goes: Place,
    pub(super) streaming: bool,
    #[serde(default)]
    pub(super) default: bool,
    /// C#: whether only queued ingestion has it.
    #[serde(default)]
    queued: bool,
    #[serde(default)]
    pub(super) synonyms: Vec<String>,
    pub(super) rust: Option<Name>,
    pub(super) c: Option<Name>,
    pub(super) cpp: Option<Name>,
    pub(super) csharp: Option<Name>,
    pub(super) go: Option<Name>,
    pub(super) node: Option<Name>,
    pub(super) member: Option<String>,
    pub(super) text: String,
}

/// What the value of a property is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Choice,
    Flag,
    Json,
    List,
    Policy,
    Text,
    Time,
}

/// Where a property goes.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    Message,
    Bag,
    Requests,
}

/// How a language sets a property: a name of its own, or `false` for one that is set by name only.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Name {
    Own(String),
    Several(Vec<String>),
    Has(bool),
}

/// `flushImmediately` as `flush_immediately`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

impl Property {
    fn is_flag(&self) -> bool {
        self.kind == Kind::Flag
    }

    /// How a language sets it, if not by name: its own way, or what flags have.
    pub(super) fn setter(&self, own: &Option<Name>, flag: Option<String>) -> Option<String> {
        match own {
            Some(Name::Own(name)) => Some(name.clone()),
            Some(Name::Several(names)) => Some(names.join("`, `")),
            Some(Name::Has(false)) => None,
            _ => flag.filter(|_| self.is_flag()),
        }
    }

    /// In C#.
    pub(super) fn csharp_name(&self) -> Option<String> {
        self.setter(&self.csharp, Some(capitalised(&self.name)))
    }

    /// In Go.
    pub(super) fn go_name(&self) -> Option<String> {
        self.setter(&self.go, Some(capitalised(&self.name)))
    }

    /// In Rust.
    pub(super) fn rust_name(&self) -> Option<String> {
        self.setter(&self.rust, Some(format!("with_{}", snake(&self.name))))
    }

    /// In Node.
    pub(super) fn node_name(&self) -> Option<String> {
        self.setter(&self.node, Some(self.name.clone()))
    }
}

impl Properties {
    /// The properties that are on or off.
    pub(super) fn flags(&self) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(|property| property.is_flag())
    }

    /// The flags of the core, with their setters.
    pub(super) fn rust(&self) -> String {
        let mut text = String::from(
            "/// The properties that are on or off.\n#[derive(Clone, Copy, Debug)]\npub(super) struct Flags {\n",
        );
        for flag in self.flags() {
            _ = writeln!(text, "    pub(super) {}: bool,", snake(&flag.name));
        }
        text.push_str(
            "}\n\nimpl Default for Flags {\n    fn default() -> Self {\n        Self {\n",
        );
        for flag in self.flags() {
            _ = writeln!(text, "            {}: {},", snake(&flag.name), flag.default);
        }
        text.push_str(
            "        }\n    }\n}\n\nimpl Flags {\n    \
             /// A flag by its name in small letters, and its name as the service writes it.\n    \
             pub(super) fn by_name(&mut self, name: &str) -> Option<(&'static str, &mut bool)> {\n        \
             match name {\n",
        );
        for flag in self.flags() {
            _ = writeln!(
                text,
                "            {:?} => Some(({:?}, &mut self.{})),",
                flag.name.to_lowercase(),
                flag.name,
                snake(&flag.name)
            );
        }
        text.push_str("            _ => None,\n        }\n    }\n\n");
        text.push_str(&self.bag());
        text.push_str("}\n\nimpl IngestionProperties {\n");
        for flag in self.flags() {
            let field = snake(&flag.name);
            let default = flag.default;
            text.push_str(&comment(
                "    ",
                &format!("{} Default: {default}.", flag.text),
            ));
            _ = write!(
                text,
                "    #[must_use]\n    pub fn with_{field}(mut self, on: bool) -> Self {{\n        \
                 self.flags.{field} = on;\n        self\n    }}\n\n    \
                 /// Whether [`IngestionProperties::with_{field}`] is on.\n    \
                 pub fn {field}(&self) -> bool {{\n        self.flags.{field}\n    }}\n\n"
            );
        }
        text.push_str("}\n\n");
        text.push_str(
            "/// Every name under which the library knows a property.\n\
             pub(super) const NAMES: &[&str] = &[\n",
        );
        for property in &self.properties {
            for name in [&property.name].into_iter().chain(&property.synonyms) {
                _ = writeln!(text, "    {name:?},");
            }
        }
        text.push_str("];\n");
        text
    }

    fn in_place(&self, place: Place) -> impl Iterator<Item = &Property> {
        self.flags().filter(move |flag| flag.goes == place)
    }

    fn bag(&self) -> String {
        let mut text = format!(
            "    /// The members of the message's additional properties.\n    \
             pub(super) fn in_bag(self) -> [(&'static str, bool); {}] {{\n        [\n",
            self.in_place(Place::Bag).count()
        );
        for flag in self.in_place(Place::Bag) {
            _ = writeln!(
                text,
                "            ({:?}, self.{}),",
                flag.name,
                snake(&flag.name)
            );
        }
        text.push_str("        ]\n    }\n");
        text
    }

    /// The flags of the queue message.
    pub(super) fn rust_message(&self) -> String {
        let mut text = String::from(
            "use serde::Serialize;\n\n\
             /// The ingestion properties that are on or off, as members of the queue message. All of them are\n\
             /// always there: without `RetainBlobOnSuccess` the service deletes the blob.\n\
             #[derive(Clone, Copy, Serialize)]\n#[serde(rename_all = \"PascalCase\")]\n\
             pub(crate) struct MessageFlags {\n",
        );
        for flag in self.in_place(Place::Message) {
            _ = writeln!(text, "    pub(crate) {}: bool,", snake(&flag.name));
        }
        text.push_str("}\n");
        text
    }

    /// The same made of the properties of an ingestion.
    pub(super) fn rust_ingest(&self) -> String {
        let mut text = String::from(
            "use crate::post::catalog::MessageFlags;\nuse crate::props::IngestionProperties;\n\n\
             /// The flags of the queue message.\n\
             pub(super) fn message_flags(properties: &IngestionProperties) -> MessageFlags {\n    MessageFlags {\n",
        );
        for flag in self.in_place(Place::Message) {
            let field = snake(&flag.name);
            _ = writeln!(text, "        {field}: properties.{field}(),");
        }
        text.push_str("    }\n}\n");
        text
    }

    /// The flags of C#, and how they are handed over.
    pub(super) fn csharp(&self) -> String {
        let mut text = String::new();
        for (class, queued) in [
            ("KustoIngestionProperties", false),
            ("KustoQueuedIngestionProperties", true),
        ] {
            let flags = self.csharp_flags(queued);
            _ = writeln!(text, "\npublic partial class {class}\n{{");
            for (index, (flag, name)) in flags.iter().enumerate() {
                if index > 0 {
                    text.push('\n');
                }
                text.push_str(&super::csharp::summary("    ", &flag.text));
                let value = if flag.default { " = true;" } else { "" };
                _ = writeln!(text, "    public bool {name} {{ get; set; }}{value}");
            }
            text.push_str("}\n");
        }
        text.push_str(
            "\ninternal static partial class NativeProperties\n{\n    \
             private static void SetFlags(PropsHandle props, KustoIngestionProperties properties)\n    {\n",
        );
        for queued in [false, true] {
            for (flag, name) in self.csharp_flags(queued) {
                let (condition, value) = match (queued, flag.default) {
                    (false, false) => (format!("properties.{name}"), "true"),
                    (false, true) => (format!("!properties.{name}"), "false"),
                    (true, default) => (
                        format!(
                            "properties is KustoQueuedIngestionProperties {{ {name}: {} }}",
                            !default
                        ),
                        if flag.default { "false" } else { "true" },
                    ),
                };
                _ = write!(
                    text,
                    "        if ({condition})\n        {{\n            \
                     Set(props, {:?}, {value:?});\n        }}\n",
                    flag.name
                );
            }
        }
        text.push_str("    }\n}\n");
        text
    }

    /// Those that C# has as members, with their names, of one of its two classes.
    pub(super) fn csharp_flags(&self, queued: bool) -> Vec<(&Property, String)> {
        self.flags()
            .filter(|flag| flag.queued == queued)
            .filter_map(|flag| Some((flag, flag.csharp_name()?)))
            .collect()
    }

    /// The flags of Go, each an option that turns it.
    pub(super) fn go(&self) -> String {
        let mut text = String::new();
        for flag in self.flags() {
            let Some(name) = flag.go_name() else {
                continue;
            };
            let about = format!("{name} {}", lowered(&flag.text));
            text.push('\n');
            for line in wrapped(&about, 110) {
                _ = writeln!(text, "// {line}");
            }
            _ = write!(
                text,
                "func {name}() FileOption {{\n\treturn func(i *ingestion) error {{ return i.property({:?}, {:?}) }}\n}}\n",
                flag.name,
                (!flag.default).to_string()
            );
        }
        text
    }

    /// The names of Node's flags.
    pub(super) fn node_script(&self) -> String {
        let mut text = String::from(
            "/** The ingestion properties that are on or off. */\nconst FLAGS = Object.freeze([\n",
        );
        for name in self.flags().filter_map(Property::node_name) {
            _ = writeln!(text, "    {name:?},");
        }
        text.push_str("]);\n");
        text
    }

    /// Their types.
    pub(super) fn node_types(&self) -> String {
        let mut text = String::from(
            "/** The ingestion properties that are on or off. */\nexport interface IngestionFlags {\n",
        );
        for flag in self.flags() {
            if let Some(name) = flag.node_name() {
                let default = flag.default;
                _ = writeln!(
                    text,
                    "    /** {} Default: {default}. */\n    {name}?: boolean | undefined;",
                    flag.text
                );
            }
        }
        text.push_str("}\n");
        text
    }
}
