//! `catalog/keywords.toml`: the keywords of connection strings.

use std::fmt::Write as _;

use serde::Deserialize;

use super::lists::{Style, styled};
use super::rust::comment;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keywords {
    ignored: Vec<String>,
    #[serde(rename = "keyword")]
    pub(super) keywords: Vec<Keyword>,
    unsupported: Vec<Unsupported>,
}

/// A keyword that has an effect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keyword {
    id: String,
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    #[serde(default)]
    pub(super) secret: bool,
    #[serde(default)]
    pub(super) boolean: bool,
    pub(super) text: String,
}

/// One that is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unsupported {
    name: String,
    aliases: Vec<String>,
}

impl Keyword {
    fn variant(&self) -> String {
        styled(&self.id, Style::Camel)
    }
}

impl Keywords {
    /// The enum and the tables of the core.
    pub(super) fn rust(&self) -> String {
        let mut text = String::from(
            "/// A keyword of a connection string that has an effect.\n\
             #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n\
             #[non_exhaustive]\npub enum Keyword {\n",
        );
        for keyword in &self.keywords {
            text.push_str(&comment("    ", &keyword.text));
            _ = writeln!(text, "    {},", keyword.variant());
        }
        let count = self.keywords.len();
        _ = write!(
            text,
            "}}\n\nimpl Keyword {{\n    /// Every keyword, in the order in which they are printed.\n    \
             pub const ALL: [Keyword; {count}] = [\n"
        );
        for keyword in &self.keywords {
            _ = writeln!(text, "        Keyword::{},", keyword.variant());
        }
        text.push_str(
            "    ];\n\n    /// The canonical name, such as `Data Source`.\n    \
             pub const fn name(self) -> &'static str {\n        match self {\n",
        );
        for keyword in &self.keywords {
            _ = writeln!(
                text,
                "            Keyword::{} => {:?},",
                keyword.variant(),
                keyword.name
            );
        }
        text.push_str(
            "        }\n    }\n\n    /// Other names, in small letters without spaces.\n    \
             pub(super) const fn aliases(self) -> &'static [&'static str] {\n        match self {\n",
        );
        for keyword in &self.keywords {
            _ = writeln!(
                text,
                "            Keyword::{} => &{:?},",
                keyword.variant(),
                keyword.aliases
            );
        }
        text.push_str("        }\n    }\n\n");
        text.push_str(&self.those(
            "Whether the value must not be printed.",
            "pub const fn is_secret",
            |keyword| keyword.secret,
        ));
        text.push('\n');
        text.push_str(&self.those(
            "Whether the value is true or false.",
            "pub(super) const fn is_boolean",
            |keyword| keyword.boolean,
        ));
        _ = write!(
            text,
            "}}\n\n/// Settings of .NET clients that change nothing about ingestion: portable strings have them.\n\
             pub(super) const IGNORED: &[&str] = &{:?};\n\n\
             /// Settings that would change what happens and that this library cannot follow: the name and \
             the\n/// aliases of each.\npub(super) const UNSUPPORTED: &[(&str, &[&str])] = &[\n",
            self.ignored
        );
        for each in &self.unsupported {
            _ = writeln!(text, "    ({:?}, &{:?}),", each.name, each.aliases);
        }
        text.push_str("];\n");
        text
    }

    fn those(&self, about: &str, function: &str, which: fn(&Keyword) -> bool) -> String {
        let variants: Vec<_> = self
            .keywords
            .iter()
            .filter(|keyword| which(keyword))
            .map(|keyword| format!("Keyword::{}", keyword.variant()))
            .collect();
        format!(
            "    /// {about}\n    {function}(self) -> bool {{\n        matches!(self, {})\n    }}\n",
            variants.join(" | ")
        )
    }
}
