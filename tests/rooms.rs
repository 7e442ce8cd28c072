//! Dependencies between modules: the rooms (modules) of `src` import only what the architecture
//! allows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that every room may use: they use only each other.
const COMMON: [&str; 4] = ["clock", "error", "op", "secret"];

/// Each room and the rooms it may use besides itself and [`COMMON`]. The lists are transitive over
/// public types, so each list is written out.
const ALLOWED: [(&str, &[&str]); 18] = [
    ("clock", &[]),
    ("error", &[]),
    ("log", &[]),
    ("op", &[]),
    ("secret", &[]),
    ("http", &[]),
    ("connection", &[]),
    ("auth", &["connection", "http"]),
    ("values", &[]),
    ("query", &["auth", "connection", "http", "values"]),
    ("props", &["values"]),
    // The text of commands; running them belongs elsewhere.
    ("command", &["props", "query", "values"]),
    ("source", &["props"]),
    // No network and no properties.
    ("pipeline", &["source"]),
    ("resources", &["http", "query"]),
    // No properties.
    ("upload", &["http", "pipeline", "resources", "source"]),
    // No sources.
    ("post", &["http", "resources"]),
    ("track", &["http", "post", "resources", "values"]),
];

/// The rooms that combine the others.
const ASSEMBLY: [(&str, &[&str]); 3] = [
    // For the measurements only; not in a normal build.
    ("bench", &["http", "pipeline", "post", "source"]),
    (
        "ingest",
        &[
            "http",
            "pipeline",
            "post",
            "props",
            "query",
            "resources",
            "source",
            "track",
            "upload",
            "values",
        ],
    ),
    (
        "client",
        &[
            "auth",
            "connection",
            "http",
            "ingest",
            "pipeline",
            "props",
            "query",
            "resources",
            "source",
            "track",
        ],
    ),
];

fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn room_of(file: &Path, src: &Path) -> String {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    first
        .as_os_str()
        .to_str()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned()
}

/// The rooms that the text names behind `crate::`, also inside braces.
fn used(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or("").split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let name: String = name
                .trim()
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            rooms.insert(name);
        }
    }
    rooms
}

#[test]
fn rooms_import_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rules: Vec<(&str, &[&str])> = ALLOWED.iter().chain(&ASSEMBLY).copied().collect();
    let mut seen = BTreeSet::new();
    for file in files(&src) {
        let room = room_of(&file, &src);
        if room == "lib" {
            continue;
        }
        let (_, allowed) = rules
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{}: no rule for the room {room}", file.display()));
        for other in used(&fs::read_to_string(&file).unwrap()) {
            let fine = other.is_empty()
                || other == room
                || COMMON.contains(&other.as_str())
                || allowed.contains(&other.as_str());
            assert!(
                fine,
                "{} uses {other}, which {room} may not know",
                file.display()
            );
        }
        seen.insert(room);
    }
    assert!(
        rules.iter().all(|(room, _)| seen.contains(*room)),
        "a rule without room"
    );
}

/// Each table names the lower rooms first.
#[test]
fn no_room_uses_one_above_it() {
    let mut below = BTreeSet::new();
    for (room, allowed) in ALLOWED.iter().chain(&ASSEMBLY) {
        for other in *allowed {
            assert!(
                below.contains(other),
                "{room} uses {other}, which is above it"
            );
        }
        below.insert(*room);
    }
}

#[test]
fn the_check_sees_what_is_used() {
    let text = "use crate::http::storage;\nuse crate::{error::Error, op::Scope};\nlet x = crate::post::y();";
    let expected: BTreeSet<String> = ["error", "http", "op", "post"].map(String::from).into();
    assert_eq!(used(text), expected);
}
