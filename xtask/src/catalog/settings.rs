//! `catalog/settings.toml`: the settings of a client.

use std::fmt::Write as _;

use serde::Deserialize;

use super::lists::{Style, styled};
use super::rust::wrapped;
use super::{Output, regions};

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    #[serde(rename = "setting")]
    pub(super) settings: Vec<Setting>,
}

/// A setting of a client.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    pub(super) key: String,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    min: Option<u64>,
    max: Option<u64>,
    default: Option<u64>,
    default_max: Option<u64>,
    #[serde(default)]
    range: String,
    #[serde(default)]
    default_text: String,
    example: String,
    /// Whether it is for users.
    #[serde(default = "yes")]
    pub(super) listed: bool,
    pub(super) text: String,
}

/// What the value of a setting is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Bytes,
    Choice,
    Hosts,
    Integer,
    Pem,
    Text,
    Url,
}

fn yes() -> bool {
    true
}

impl Setting {
    /// What a value may be, in words; empty for any text.
    pub(super) fn range(&self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{} to {}", self.amount(min), self.amount(max)),
            (Some(min), None) => format!("at least {}", self.amount(min)),
            _ => self.range.clone(),
        }
    }

    /// What is used without it, in words.
    pub(super) fn default(&self) -> String {
        match (self.default, self.default_max) {
            (Some(number), _) => self.amount(number),
            (None, Some(most)) => format!("{}, at most {most}", self.default_text),
            _ => self.default_text.clone(),
        }
    }

    /// A number with its unit; bytes in MiB as well.
    fn amount(&self, number: u64) -> String {
        const MIB: u64 = 1024 * 1024;
        match self.kind {
            Kind::Bytes if number.is_multiple_of(MIB) => {
                format!("{number} bytes ({} MiB)", number / MIB)
            }
            Kind::Bytes => format!("{number} bytes"),
            _ => number.to_string(),
        }
    }

    /// Everything in sentences.
    pub(super) fn sentences(&self) -> String {
        let mut text = self.text.clone();
        if !self.range().is_empty() {
            _ = write!(text, " Value: {}.", self.range());
        }
        _ = write!(text, " Default: {}.", self.default());
        text
    }

    /// Its name as a constant of C#.
    pub(super) fn camel(&self) -> String {
        styled(&self.key.replace(' ', "_"), Style::Camel)
    }
}

impl Settings {
    /// Those for users.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(|setting| setting.listed)
    }

    /// The numbers of the core, and what its tests try.
    pub(super) fn rust(&self) -> String {
        let mut text = String::new();
        for setting in &self.settings {
            let name = styled(&setting.key.replace(' ', "_"), Style::Upper);
            for (suffix, about, number) in [
                ("MIN", "The least value", setting.min),
                ("MAX", "The greatest value", setting.max),
                ("DEFAULT", "The default", setting.default),
                ("DEFAULT_MAX", "The greatest default", setting.default_max),
            ] {
                if let Some(number) = number {
                    _ = writeln!(
                        text,
                        "/// {about} of the setting `{}`.\npub(super) const {name}_{suffix}: usize = {number};\n",
                        setting.key
                    );
                }
            }
        }
        text.push_str(
            "/// Every setting with a value that it accepts.\n\
             pub(super) const EXAMPLES: &[(&str, &str)] = &[\n",
        );
        for setting in &self.settings {
            _ = writeln!(text, "    ({:?}, {:?}),", setting.key, setting.example);
        }
        text.push_str("];\n");
        text
    }

    /// The list in the documentation of `ClientBuilder::set`.
    pub(super) fn builder(&self) -> Result<Output, String> {
        let path = "src/client/builder.rs";
        Ok(Output::new(
            path,
            regions::replace(path, "settings", &self.bullets("    /// "))?,
        ))
    }

    /// One entry for each setting, in lines that begin with `prefix`.
    pub(super) fn bullets(&self, prefix: &str) -> String {
        let mut text = String::new();
        for setting in self.listed() {
            let entry = format!("`{}`: {}", setting.key, setting.sentences());
            for (index, line) in wrapped(&entry, 96 - prefix.len()).iter().enumerate() {
                let bullet = if index == 0 { "- " } else { "  " };
                _ = writeln!(text, "{prefix}{bullet}{line}");
            }
        }
        text
    }

    /// The class of C# with their names.
    pub(super) fn csharp(&self) -> String {
        let mut text = String::from(
            "/// <summary>\n/// Names for <see cref=\"KustoConnectionStringBuilder.WithSetting\"/>, besides the keywords of \
             connection strings.\n/// Case and spaces in names do not count.\n/// </summary>\n\
             public static class KustoSettings\n{\n",
        );
        for (index, setting) in self.listed().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            text.push_str(&super::csharp::summary("    ", &setting.sentences()));
            _ = writeln!(
                text,
                "    public const string {} = {:?};",
                setting.camel(),
                setting.key
            );
        }
        text.push_str("}\n");
        text
    }
}
