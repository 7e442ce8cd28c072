//! docs/SETTINGS.md, docs/ERRORS.md, docs/LOGGING.md and the table of properties in tests/conformance/README.md.

use serde::Deserialize;

use super::lists::Language;
use super::properties::{Kind, Place, Property};
use super::{Catalog, ORIGIN, Output, regions};

/// `catalog/errors.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Details {
    #[serde(rename = "detail")]
    details: Vec<Detail>,
}

/// What an error says beside its message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    json: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    rust: Option<String>,
    c: Option<String>,
    cpp: Option<String>,
    csharp: Option<String>,
    go: Option<String>,
    node: Option<String>,
    text: String,
}

/// The pages.
pub(super) fn write(catalog: &Catalog) -> Result<Vec<Output>, String> {
    let suite = "tests/conformance/README.md";
    let table = conformance(catalog);
    Ok(vec![
        Output::new("docs/SETTINGS.md", settings(catalog)?),
        Output::new("docs/ERRORS.md", errors(catalog)?),
        catalog.events.page(catalog)?,
        Output::new(suite, regions::replace(suite, "properties", &table)?),
    ])
}

/// A row of a table; `|` in a cell is no border.
pub(super) fn row(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn settings(catalog: &Catalog) -> Result<String, String> {
    let mut text = format!(
        "<!-- {ORIGIN} -->\n# Settings, keywords, ingestion properties and request options\n\n\
         ## Settings of a client\n\n\
         Set by name, with `kusto_config_set` in C, `config::set` in C++, `WithSetting` in C# (constants in `KustoSettings`), \
         `WithSetting` in Go, the option `settings` in Node, and `ClientBuilder::set` in Rust, where most have a method of their own \
         too. Case and spaces in names do not count. Any keyword of the connection string can be set in the same way.\n\n"
    );
    text.push_str(&row(&[
        "setting",
        "type",
        "values",
        "default",
        "what it does",
    ]));
    text.push_str("|---|---|---|---|---|\n");
    for setting in catalog.settings.listed() {
        text.push_str(&row(&[
            &format!("`{}`", setting.key),
            &format!("{:?}", setting.kind).to_lowercase(),
            &setting.range(),
            &setting.default(),
            &setting.text,
        ]));
    }
    text.push_str(
        "\n## Keywords of connection strings\n\n\
         `Keyword=Value;Keyword=Value`, or the cluster's address first. Case and spaces in keywords do not count. An unknown keyword \
         is an error that names it. Secret values are never printed.\n\n",
    );
    text.push_str(&row(&["keyword", "aliases", "value", "what it does"]));
    text.push_str("|---|---|---|---|\n");
    for keyword in &catalog.keywords.keywords {
        let aliases: Vec<_> = keyword
            .aliases
            .iter()
            .map(|alias| format!("`{alias}`"))
            .collect();
        let value = match (keyword.secret, keyword.boolean) {
            (true, _) => "secret",
            (_, true) => "true or false",
            _ => "text",
        };
        text.push_str(&row(&[
            &format!("`{}`", keyword.name),
            &aliases.join(", "),
            value,
            &keyword.text,
        ]));
    }
    text.push_str(
        "\nSome keywords of .NET clients are accepted and have no effect, because they change nothing about ingestion; others would \
         change what happens and are an error that says so: catalog/keywords.toml lists both.\n\n\
         ## Ingestion properties\n\n\
         By their names in the service's documentation; case does not count. Every language can set all of them by name; most have \
         setters of their own ([how each language calls them](../tests/conformance/README.md)). A name that is not listed is an error \
         that names the nearest one. `kusto_props_set_additional` in C, `set_additional` in C++ and Rust, `AdditionalProperties` in C#, \
         `AdditionalProperty` in Go and `additionalProperties` in Node set a listed name in the same way, with the same checks, and pass any other on \
         to the service unchecked; so does Rust's `with_additional_property`, whose errors the ingestion reports.\n\n",
    );
    text.push_str(&row(&[
        "property",
        "type",
        "travels in",
        "with streaming",
        "other names",
        "what it does",
    ]));
    text.push_str("|---|---|---|---|---|---|\n");
    for property in &catalog.properties.properties {
        let synonyms: Vec<_> = property
            .synonyms
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let kind = match property.kind {
            Kind::Flag => format!("flag, default {}", property.default),
            kind => format!("{kind:?}").to_lowercase(),
        };
        text.push_str(&row(&[
            &format!("`{}`", property.name),
            &kind,
            match property.goes {
                Place::Message => "the message",
                Place::Bag => "its `AdditionalProperties`",
                Place::Requests => "the ids of its requests",
            },
            if property.streaming { "yes" } else { "no" },
            &synonyms.join(", "),
            &property.text,
        ]));
    }
    text.push_str("\nFormats, under the service's names:\n\n");
    text.push_str(&lists(catalog, "format")?);
    text.push_str(
        "\n## Request options\n\n\
         What a command or a query is sent with, by the service's own names; case does not count. They are set by \
         `kusto_request_options_set` in C, `request_options::set` in C++, `SetOption` in C#, `RequestOption` in Go, `setOption` in \
         Node and `with_option` or `set_option` in Rust. A name that is not listed is an error that names the nearest one; \
         `kusto_request_options_set_additional`, `set_additional`, `SetAdditionalOption`, `AdditionalRequestOption`, \
         `setAdditionalOption` and `with_additional_option` pass it on to the service unchecked, for options newer than this list.\n\n",
    );
    let names = catalog.options.names.iter();
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    text.push_str(&format!("{}.\n", names.join(", ")));
    Ok(text)
}

/// A table of a list's items.
fn lists(catalog: &Catalog, id: &str) -> Result<String, String> {
    let mut text = row(&["name", "number in C", "what it is"]);
    text.push_str("|---|---|---|\n");
    for item in catalog.list(id)?.items(Language::Rust) {
        let number = item.number.map(|number| number.to_string());
        text.push_str(&row(&[
            &format!("`{}`", item.id),
            &number.unwrap_or_default(),
            &item.text,
        ]));
    }
    Ok(text)
}

fn errors(catalog: &Catalog) -> Result<String, String> {
    let codes = catalog.list("error_code")?;
    let mut text = format!(
        "<!-- {ORIGIN} -->\n# Errors\n\n\
         Every call that fails gives one error, the same in each language: its class (below), the step and the host at which it failed, \
         a message for people, and the details at the end of this page. Programs should branch on the class and the details, never \
         on the message.\n\n\
         Three questions, in this order:\n\n\
         1. **Is the outcome in doubt?** Then the service may have done what was asked. Calling again can double the data, unless the \
         data has an `ingest-by:` tag whose value is also in `ingestIfNotExists`. If it is not in doubt, nothing was handed over, except \
         what a `PARTIAL` error lists as handed over.\n\
         2. **Is it permanent?** Then the same call fails again: something must be changed first.\n\
         3. **Does the service say how long to wait?** Then wait that long before calling again; otherwise back off.\n\n\
         ## Classes\n\n\
         `SOURCE_IO` is `KUSTO_E_SOURCE_IO` in C, `errc::source_io` in C++, `KustoErrorCode.SourceIo` in C#, `CodeSourceIO` in Go, \
         `ErrorCode.SourceIo` in Node and `ErrorKind::SourceIo` in Rust; the others likewise. \
         The number is `kusto_status` in C. The list only grows: treat a class that you do not know by whether it is permanent. \"Usually\" \
         is what holds when the service says nothing else; each error has its own answer.\n\n"
    );
    text.push_str(&row(&[
        "class",
        "number",
        "usually calling again",
        "what it means",
        "what to do",
    ]));
    text.push_str("|---|---|---|---|---|\n");
    for item in codes.items(Language::Rust) {
        let usually = match codes.text_of(item, "retry")?.as_str() {
            "never" => "fails again",
            "later" => "can succeed later",
            _ => "depends",
        };
        text.push_str(&row(&[
            &format!("`{}`", codes.text_of(item, "name")?),
            &item.value()?.to_string(),
            usually,
            &item.text,
            &codes.text_of(item, "advice")?,
        ]));
    }
    text.push_str("\n## Steps\n\n");
    let steps = catalog.list("step")?;
    text.push_str(&row(&["step", "what it is"]));
    text.push_str("|---|---|\n");
    for item in steps.items(Language::Rust) {
        let name = steps.text_of(item, "name")?;
        text.push_str(&row(&[&format!("`{name}`"), &item.text]));
    }
    text.push_str(
        "\nIn Node, `wait()` of a result also rejects with the step `ingest`: the data was handed over, and the service did not ingest all of \
         it; `statuses` says what it reported.\n",
    );
    text.push_str("\n## Details\n\n");
    text.push_str(&row(&[
        "JSON in C and C++",
        "type",
        "Rust",
        "C",
        "C++",
        "C#",
        "Go",
        "Node",
        "what it says",
    ]));
    text.push_str("|---|---|---|---|---|---|---|---|---|\n");
    let quoted = |name: &Option<String>| {
        name.as_ref()
            .map_or(String::new(), |name| format!("`{name}`"))
    };
    for detail in &catalog.details.details {
        text.push_str(&row(&[
            &quoted(&detail.json),
            &detail.kind,
            &quoted(&detail.rust),
            &quoted(&detail.c),
            &quoted(&detail.cpp),
            &quoted(&detail.csharp),
            &quoted(&detail.go),
            &quoted(&detail.node),
            &detail.text,
        ]));
    }
    Ok(text)
}

/// How each language sets each property.
fn conformance(catalog: &Catalog) -> String {
    let mut text = row(&["property", "Rust", "C", "C++", "C#", "Go", "Node"]);
    text.push_str("|---|---|---|---|---|---|---|\n");
    let by_name = |name: Option<String>| name.map_or("by name".into(), |name| format!("`{name}`"));
    for property in &catalog.properties.properties {
        let name = property.member.as_ref().unwrap_or(&property.name);
        text.push_str(&row(&[
            &format!("`{name}`"),
            &by_name(property.rust_name()),
            &by_name(property.setter(&property.c, None)),
            &by_name(property.setter(&property.cpp, None)),
            &by_name(property.csharp_name()),
            &go(property),
            &by_name(property.node_name()),
        ]));
    }
    text.push_str(&row(&[
        "any other",
        "by name",
        "by name",
        "by name",
        "by name",
        "by name",
        "by name",
    ]));
    text
}

/// An option of Go can only turn a flag from its default.
fn go(property: &Property) -> String {
    match property.go_name() {
        None => "by name".into(),
        Some(name) if property.kind == Kind::Flag => {
            format!("`{name}` (`{}` by name)", property.default)
        }
        Some(name) => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    /// The text in which a language has the details, and how a member stands there.
    fn members(language: &str) -> (String, fn(&str) -> String) {
        let read = |path: &str| workspace::read(&workspace::root().join(path)).unwrap();
        match language {
            "rust" => (read("src/error.rs"), |name| format!("pub fn {name}(&self)")),
            "c" => {
                let text = read("include/kusto_ingest.h").replace('*', " ");
                (text, |name| format!(" {name}("))
            }
            "cpp" => {
                let text = read("include/kusto_ingest.hpp").replace('*', " ");
                (text, |name| format!(" {name}() const"))
            }
            // `Message` is that of every exception.
            "csharp" => {
                let directory = workspace::root().join("bindings/csharp/src/Errors");
                let files = workspace::files(&directory, "cs");
                let files = files.iter().map(|file| workspace::read(file).unwrap());
                let text: String = files.collect();
                (text + "string Message =>", |name| format!(" {name} =>"))
            }
            "go" => {
                let text = read("bindings/go/error.go");
                let text = text.replace(") Permanent()", "\n\tPermanent ");
                (text, |name| format!("\n\t{name} "))
            }
            // `message` is that of every error.
            "node" => {
                let text = read("bindings/node/index.d.ts");
                let (_, class) = text.split_once("class KustoError extends Error {").unwrap();
                let (class, _) = class.split_once("\n}").unwrap();
                let text = format!("{class}readonly message:");
                (text, |name| format!("readonly {name}:"))
            }
            _ => {
                let text = read("capi/src/error.rs");
                let (_, object) = text.split_once("json!({").unwrap();
                let (object, _) = object.split_once("})").unwrap();
                (object.to_owned(), |name| format!("\"{name}\":"))
            }
        }
    }

    #[test]
    fn every_detail_of_an_error_is_in_every_language() {
        let catalog = Catalog::read().unwrap();
        for language in ["rust", "c", "cpp", "csharp", "go", "node", "json"] {
            let (text, form) = members(language);
            for detail in &catalog.details.details {
                let name = match language {
                    "rust" => &detail.rust,
                    "c" => &detail.c,
                    "cpp" => &detail.cpp,
                    "csharp" => &detail.csharp,
                    "go" => &detail.go,
                    "node" => &detail.node,
                    _ => &detail.json,
                };
                if let Some(name) = name {
                    assert!(text.contains(&form(name)), "{language} has no {name}");
                }
            }
        }
    }

    #[test]
    fn the_json_of_an_error_has_no_member_that_the_catalog_lacks() {
        let catalog = Catalog::read().unwrap();
        let (object, _) = members("json");
        for line in object.lines().filter_map(|line| line.split_once(':')) {
            let name = line.0.trim().trim_matches('"').to_owned();
            let mut details = catalog.details.details.iter();
            assert!(
                details.any(|detail| detail.json.as_ref() == Some(&name)),
                "catalog/errors.toml has no {name}"
            );
        }
    }

    #[test]
    fn a_bar_in_a_cell_is_no_border() {
        assert_eq!(row(&["a|b"]), "| a\\|b |\n");
    }
}
