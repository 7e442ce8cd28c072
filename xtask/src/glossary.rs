//! A test: what docs/GLOSSARY.md says each language calls a thing is a name in that language's public files.
//!
//! Of a word in back quotes each part counts: `client::warm_up` is two names. A name that ends with `*` or holds `...`
//! stands for several: one must begin, or begin and end, like that.

use std::path::Path;

use crate::workspace;

/// A column of the tables, and where its names are declared: files, or directories with an ending.
const LANGUAGES: [(&str, &[(&str, &str)]); 5] = [
    (
        "C and C++",
        &[
            ("include/kusto_ingest.h", ""),
            ("include/kusto_ingest.hpp", ""),
            // Properties and the members of an error's JSON have names, not functions.
            ("catalog", "toml"),
        ],
    ),
    ("C#", &[("bindings/csharp/src", "cs")]),
    ("Go", &[("bindings/go", "go")]),
    (
        "Node",
        &[
            ("bindings/node/index.d.ts", ""),
            ("bindings/node/catalog.d.ts", ""),
        ],
    ),
    ("Rust", &[("src", "rs")]),
];

/// What is a part of a language itself.
const OF_THE_LANGUAGE: [&str; 2] = ["Promise", "AbortSignal"];

/// The names of a column, with the line's first cell.
fn named(text: &str, column: usize) -> Vec<(String, String)> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let mut found = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        // Other tables have fewer.
        if cells.len() != LANGUAGES.len() + 2 {
            continue;
        }
        let words = cells[column + 2].split('`').skip(1).step_by(2);
        let names = words.flat_map(parts).map(str::to_owned);
        found.extend(names.map(|name| (cells[0].trim().to_owned(), name)));
    }
    found
}

/// `a::b`, `A.B` and `[]A` are made of names; three dots belong to one.
fn parts(word: &str) -> Vec<&str> {
    let word = word.trim_start_matches("[]");
    let word = match word.contains("...") {
        true => vec![word],
        false => word.split('.').collect(),
    };
    word.into_iter().flat_map(|part| part.split("::")).collect()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether one of the names in a text is this one, or begins and ends like it.
fn declares<'a>(mut names: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    let (start, end) = match wanted.split_once("...") {
        Some((start, end)) => (start, Some(end)),
        None => (wanted.strip_suffix('*').unwrap_or(wanted), None),
    };
    let many = start != wanted;
    names.any(|name| match (many, end) {
        (false, _) => name == wanted,
        (true, None) => name.starts_with(start),
        (true, Some(end)) => name.starts_with(start) && name.ends_with(end),
    })
}

/// Every file below a directory with this ending; with none, the file itself.
fn texts(path: &Path, ending: &str) -> Vec<String> {
    if ending.is_empty() {
        return vec![workspace::read(path).unwrap()];
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(texts(&path, ending));
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(workspace::read(&path).unwrap());
        }
    }
    found
}

/// Without what a comment says about things that are no longer there.
fn code(text: &str) -> String {
    let lines = text.lines().filter(|line| {
        let line = line.trim_start();
        !line.starts_with("//") && !line.starts_with("* ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_language_has_the_names_of_the_glossary() {
    let glossary = workspace::read(&workspace::root().join("docs/GLOSSARY.md")).unwrap();
    let mut missing = Vec::new();
    for (column, (language, places)) in LANGUAGES.iter().enumerate() {
        let header = glossary.lines().find(|line| line.starts_with("| word |"));
        assert!(header.unwrap().contains(&format!("| {language} |")));
        let texts = places
            .iter()
            .flat_map(|(place, ending)| texts(&workspace::root().join(place), ending));
        let all = texts.map(|text| code(&text)).collect::<String>();
        let names: Vec<&str> = all.split(|c| !is_name(c)).collect();
        let wanted = named(&glossary, column);
        assert!(wanted.len() > 20, "{language}: {}", wanted.len());
        let unknown = wanted.iter().filter(|(_, name)| {
            !OF_THE_LANGUAGE.contains(&&**name) && !declares(names.iter().copied(), name)
        });
        missing.extend(unknown.map(|(word, name)| format!("{language}, {word}: {name}")));
    }
    assert!(missing.is_empty(), "no such names:\n{}", missing.join("\n"));
}

#[test]
fn a_name_is_whole_unless_it_stands_for_several() {
    let names = || ["kusto_ingest_bytes", "IngestFromStreamAsync"].into_iter();
    for wanted in ["kusto_ingest_bytes", "kusto_ingest*", "IngestFrom...Async"] {
        assert!(declares(names(), wanted), "{wanted}");
    }
    for wanted in ["kusto_ingest", "track*", "IngestFrom...Sync"] {
        assert!(!declares(names(), wanted), "{wanted}");
    }
    let row = "| a | b | `x::y`, *`[]Z`* | `KustoRetry.Later` | - | - | - |";
    let first: Vec<String> = named(row, 0).into_iter().map(|(_, name)| name).collect();
    assert_eq!(first, ["x", "y", "Z"]);
    assert_eq!(named(row, 1)[1], ("a".to_owned(), "Later".to_owned()));
}
