//! The lists, settings, keywords and flags in the core.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::lists::{Column, Language, List, RustForm};
use super::{Catalog, ORIGIN, Output};

/// The files of the core.
pub(super) fn write(catalog: &Catalog) -> Result<Vec<Output>, String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for list in &catalog.lists {
        if let Some(form) = &list.rust {
            let file = files.entry(&form.file).or_default();
            file.push_str(&type_of(catalog, list, form)?);
        }
    }
    let props = files.entry("src/props/catalog.rs").or_default();
    props.push_str(&catalog.properties.rust());
    let mut outputs = Vec::new();
    for (path, code) in files {
        let code = format!("//! {ORIGIN}\n\n{}{code}", imports(path));
        outputs.push(Output::new(path, formatted(&code)?));
    }
    let keywords = format!("//! {ORIGIN}\n\n{}", catalog.keywords.rust());
    outputs.push(Output::new(
        "src/connection/catalog.rs",
        formatted(&keywords)?,
    ));
    let settings = format!("//! {ORIGIN}\n\n{}", catalog.settings.rust());
    outputs.push(Output::new("src/client/catalog.rs", formatted(&settings)?));
    for (path, code) in [
        ("src/post/catalog.rs", catalog.properties.rust_message()),
        ("src/ingest/catalog.rs", catalog.properties.rust_ingest()),
        ("src/query/catalog.rs", catalog.options.rust()),
    ] {
        let code = format!("//! {ORIGIN}\n\n{code}");
        outputs.push(Output::new(path, formatted(&code)?));
    }
    outputs.push(catalog.settings.builder()?);
    outputs.push(catalog.events.rust()?);
    Ok(outputs)
}

/// What a file uses.
fn imports(path: &str) -> &'static str {
    match path {
        "src/props/catalog.rs" => "use crate::props::properties::IngestionProperties;\n\n",
        _ => "",
    }
}

fn type_of(catalog: &Catalog, list: &List, form: &RustForm) -> Result<String, String> {
    let name = &form.name;
    let mut text = comment("", &list.documentation());
    let mut derive = vec!["Clone", "Copy", "Debug"];
    derive.extend(form.default.as_ref().map(|_| "Default"));
    derive.extend(["PartialEq", "Eq"]);
    derive.extend(form.derive.iter().map(String::as_str));
    derive.push("Hash");
    _ = writeln!(text, "#[derive({})]", derive.join(", "));
    if form.numbers {
        text.push_str("#[repr(i32)]\n");
    }
    if form.open {
        text.push_str("#[non_exhaustive]\n");
    }
    _ = writeln!(text, "pub enum {name} {{");
    let items: Vec<_> = list.items(Language::Rust).collect();
    for item in &items {
        text.push_str(&comment("    ", &item.text));
        if form.default.as_ref() == Some(&item.id) {
            text.push_str("    #[default]\n");
        }
        let number = match form.numbers {
            true => format!(" = {}", item.value()?),
            false => String::new(),
        };
        _ = writeln!(text, "    {}{number},", item.rust());
    }
    _ = write!(text, "}}\n\nimpl {name} {{\n");
    let order = if form.numbers {
        ", in the order of its number"
    } else {
        ""
    };
    _ = writeln!(
        text,
        "    /// Every value{order}.\n    pub const ALL: [{name}; {}] = [",
        items.len()
    );
    for item in &items {
        _ = writeln!(text, "        {name}::{},", item.rust());
    }
    text.push_str("    ];\n");
    if list.c.is_some() && form.numbers {
        _ = write!(
            text,
            "\n    /// The value with this number; the numbers never change.\n    \
             pub fn from_number(number: i32) -> Option<Self> {{\n        \
             Self::ALL.into_iter().find(|value| *value as i32 == number)\n    }}\n"
        );
    }
    for column in &list.columns {
        if let Some(function) = &column.rust {
            text.push_str(&function_of(catalog, list, name, column, function)?);
        }
    }
    text.push_str("}\n\n");
    Ok(text)
}

fn function_of(
    catalog: &Catalog,
    list: &List,
    name: &str,
    column: &Column,
    function: &str,
) -> Result<String, String> {
    let kind = match column.kind.as_str() {
        "str" => "&'static str",
        "strs" => "&'static [&'static str]",
        other => other,
    };
    let mut text = format!("\n{}", comment("    ", &column.text));
    let visibility = &column.visibility;
    _ = writeln!(
        text,
        "    {visibility} const fn {function}(self) -> {kind} {{\n        match self {{"
    );
    for item in list.items(Language::Rust) {
        let cell = list.cell(item, &column.id)?;
        let value = match (column.kind.as_str(), &cell) {
            ("str", toml::Value::String(text)) => format!("{text:?}"),
            ("bool", toml::Value::Boolean(flag)) => flag.to_string(),
            ("strs", toml::Value::Array(texts)) => {
                let texts: Vec<_> = texts.iter().filter_map(toml::Value::as_str).collect();
                format!("&{texts:?}")
            }
            (other, toml::Value::String(id)) => variant(catalog, other, id)?,
            _ => {
                return Err(format!(
                    "{}.{}.{}: the value does not fit the type {}",
                    list.id, item.id, column.id, column.kind
                ));
            }
        };
        _ = writeln!(text, "            {name}::{} => {value},", item.rust());
    }
    text.push_str("        }\n    }\n");
    Ok(text)
}

/// The item of another list, by its id.
fn variant(catalog: &Catalog, kind: &str, id: &str) -> Result<String, String> {
    let mut lists = catalog.lists.iter();
    let list = lists.find(|list| list.rust.as_ref().is_some_and(|form| form.name == kind));
    let item = list.and_then(|list| list.items(Language::Rust).find(|item| item.id == id));
    let item = item.ok_or_else(|| format!("{kind} has no item {id}"))?;
    Ok(format!("{kind}::{}", item.rust()))
}

/// Sentences as a doc comment, in lines of at most a hundred characters.
pub(super) fn comment(indent: &str, text: &str) -> String {
    wrapped(text, 96 - indent.len())
        .iter()
        .map(|line| format!("{indent}/// {line}\n"))
        .collect()
}

/// A text in lines of at most `width` characters.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// As `cargo fmt` wants it.
pub(super) fn formatted(code: &str) -> Result<String, String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("rustfmt: {error}"))?;
    let mut input = rustfmt.stdin.take().ok_or("rustfmt has no input")?;
    let written = input.write_all(code.as_bytes());
    drop(input);
    let output = rustfmt.wait_with_output();
    written.map_err(|error| format!("rustfmt: {error}"))?;
    let output = output.map_err(|error| format!("rustfmt: {error}"))?;
    match output.status.success() {
        true => String::from_utf8(output.stdout).map_err(|error| error.to_string()),
        false => Err("rustfmt refused generated code".into()),
    }
}
