//! `catalog/lists.toml`: the closed lists, and how each language names their items.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A language that has lists.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Language {
    Rust,
    C,
    Cpp,
    Csharp,
    Go,
    Node,
}

impl Language {
    /// Every language.
    const ALL: [Language; 6] = [
        Language::Rust,
        Language::C,
        Language::Cpp,
        Language::Csharp,
        Language::Go,
        Language::Node,
    ];

    /// Its key in the files.
    fn key(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lists {
    #[serde(rename = "list")]
    pub(super) lists: Vec<List>,
}

/// A closed list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    pub(super) id: String,
    /// What it is: a sentence.
    pub(super) text: String,
    /// Further sentences for the documentation of the type.
    #[serde(default)]
    note: String,
    pub(super) rust: Option<RustForm>,
    pub(super) c: Option<CForm>,
    pub(super) cpp: Option<CppForm>,
    pub(super) csharp: Option<Form>,
    pub(super) go: Option<Form>,
    pub(super) node: Option<Form>,
    /// Whether the conformance players read its items from texts.
    #[serde(default)]
    pub(super) players: bool,
    #[serde(default, rename = "column")]
    pub(super) columns: Vec<Column>,
    #[serde(rename = "item")]
    items: Vec<Item>,
}

/// How Rust has a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RustForm {
    #[serde(rename = "type")]
    pub(super) name: String,
    pub(super) file: String,
    /// Whether the items have numbers.
    #[serde(default = "yes")]
    pub(super) numbers: bool,
    /// The id of the default item.
    pub(super) default: Option<String>,
    /// Further traits to derive.
    #[serde(default)]
    pub(super) derive: Vec<String>,
    /// Whether users must expect further items.
    #[serde(default)]
    pub(super) open: bool,
}

/// How C has a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CForm {
    pub(super) prefix: String,
    /// The function that gives the name of a value; every list of constants has one.
    pub(super) names: Option<String>,
    /// The functions that take or give the values.
    pub(super) subject: Option<String>,
    /// Its own type, where constants are not enough.
    #[serde(rename = "enum")]
    pub(super) name: Option<String>,
}

/// How C++ has a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CppForm {
    #[serde(rename = "type")]
    pub(super) name: String,
    /// The constants of C that the items are, as the documentation calls them.
    pub(super) refers: Option<String>,
}

/// How C#, Go and Node have a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    #[serde(rename = "type")]
    pub(super) name: String,
    pub(super) style: Style,
    #[serde(default)]
    pub(super) prefix: String,
    /// Go: the comment of the constants.
    #[serde(default)]
    pub(super) about: String,
    /// Go: the integer below the type.
    #[serde(default = "int32")]
    pub(super) integer: String,
    /// Go: the column that `String` gives; without it the id.
    pub(super) string: Option<String>,
    /// Node: what an item is: `number`, or the name of a column.
    #[serde(default)]
    pub(super) value: String,
}

/// How a language makes a name of an id.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Style {
    /// As it is.
    Id,
    /// `INVALID_ARGUMENT`.
    Upper,
    /// `InvalidArgument`.
    Camel,
    /// `invalid argument`.
    Words,
}

/// Something that each item of a list has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub(super) id: String,
    /// `str`, `strs`, `bool`, or an enum of Rust.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// What an item has that does not say.
    pub(super) rule: Option<Style>,
    /// The function in Rust that gives it.
    pub(super) rust: Option<String>,
    #[serde(default = "public")]
    pub(super) visibility: String,
    #[serde(default)]
    pub(super) text: String,
}

/// An item of a list.
#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) number: Option<i32>,
    /// What it is: a sentence.
    pub(super) text: String,
    #[serde(rename = "in")]
    languages: Option<Vec<Language>>,
    /// Names in languages, and the columns.
    #[serde(flatten)]
    others: BTreeMap<String, toml::Value>,
}

fn yes() -> bool {
    true
}

fn int32() -> String {
    "int32".into()
}

fn public() -> String {
    "pub".into()
}

/// A name in this style.
pub(super) fn styled(id: &str, style: Style) -> String {
    match style {
        Style::Id => id.to_owned(),
        Style::Upper => id.to_uppercase(),
        Style::Words => id.replace('_', " "),
        Style::Camel => id.split('_').map(capitalised).collect(),
    }
}

/// With a small letter at its start.
pub(super) fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

/// With a capital at its start.
pub(super) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

impl List {
    /// The whole documentation of the type, as sentences.
    pub(super) fn documentation(&self) -> String {
        match self.note.is_empty() {
            true => self.text.clone(),
            false => format!("{} {}", self.text, self.note),
        }
    }

    /// The items that a language has.
    pub(super) fn items(&self, language: Language) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.is_in(language))
    }

    /// What an item has in a column: its own value, or what the column's rule gives.
    pub(super) fn cell(&self, item: &Item, column: &str) -> Result<toml::Value, String> {
        if let Some(value) = item.others.get(column) {
            return Ok(value.clone());
        }
        let found = self.columns.iter().find(|each| each.id == column);
        let found = found.ok_or_else(|| format!("{}: no column {column}", self.id))?;
        match (found.rule, found.kind.as_str()) {
            (Some(style), _) => Ok(styled(&item.id, style).into()),
            (None, "strs") => Ok(toml::Value::Array(Vec::new())),
            (None, _) => Err(format!("{}.{}: without {column}", self.id, item.id)),
        }
    }

    /// As [`List::cell`], for texts.
    pub(super) fn text_of(&self, item: &Item, column: &str) -> Result<String, String> {
        let cell = self.cell(item, column)?;
        let text = cell.as_str().map(str::to_owned);
        text.ok_or_else(|| format!("{}.{}.{column}: is no text", self.id, item.id))
    }

    /// Numbers and ids are unique, and nothing has a key that means nothing.
    pub(super) fn check(&self) -> Result<(), String> {
        for (index, item) in self.items.iter().enumerate() {
            let before = &self.items[..index];
            if before.iter().any(|other| other.id == item.id) {
                return Err(format!("{}.{}: stands twice", self.id, item.id));
            }
            let number = item.number;
            if number.is_some() && before.iter().any(|other| other.number == number) {
                return Err(format!("{}.{}: its number is taken", self.id, item.id));
            }
            for key in item.others.keys() {
                let known = self.columns.iter().any(|column| column.id == *key)
                    || ["player", "node_value", "go_official"].contains(&key.as_str())
                    || Language::ALL.iter().any(|language| language.key() == *key);
                if !known {
                    return Err(format!("{}.{}: unknown key {key}", self.id, item.id));
                }
            }
        }
        Ok(())
    }
}

impl Item {
    fn is_in(&self, language: Language) -> bool {
        let all = self.languages.as_ref();
        all.is_none_or(|languages| languages.contains(&language))
    }

    /// The name of its own that it has under a key: a language, `player`, `node_value`, `go_official`.
    pub(super) fn own(&self, key: &str) -> Option<String> {
        self.others.get(key)?.as_str().map(str::to_owned)
    }

    /// The name in a language: its own, or the id in the style behind the prefix.
    pub(super) fn name(&self, language: Language, prefix: &str, style: Style) -> String {
        let own = self.own(&language.key());
        own.unwrap_or_else(|| format!("{prefix}{}", styled(&self.id, style)))
    }

    /// The name in Rust.
    pub(super) fn rust(&self) -> String {
        self.name(Language::Rust, "", Style::Camel)
    }

    /// The constant of C.
    pub(super) fn constant(&self, form: &CForm) -> String {
        self.name(Language::C, &form.prefix, Style::Upper)
    }

    /// The number, which all languages but Rust need.
    pub(super) fn value(&self) -> Result<i32, String> {
        self.number
            .ok_or_else(|| format!("{}: without number", self.id))
    }
}
