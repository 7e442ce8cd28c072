//! Who may know whom: what `tests/rooms.rs` and `emulator/tests/rooms.rs` check, each with a table of its own.
//!
//! It reads what stands behind `crate::`, so it does not see what a room reaches through `super`, nor what a type brings
//! along. Rooms are the files and directories directly below `src`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and what it may use besides itself: a room, or a path into one, such as `storage::AccountKey`.
pub(crate) type Rule = (&'static str, &'static [&'static str]);

/// Panics when a file of `src` uses a room that neither its rule nor `common` allows, when a room has no rule, and
/// when a rule has no room. `lib.rs` may use everything.
pub(crate) fn check(src: &Path, common: &[&str], rules: &[Rule]) {
    let mut seen = BTreeSet::new();
    for file in files(src) {
        let room = room_of(&file, src);
        if room == "lib" {
            continue;
        }
        let (_, allowed) = rules
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("{}: no rule for the room {room}", file.display()));
        for path in used(&fs::read_to_string(&file).unwrap()) {
            let fine = first(&path) == room
                || common.contains(&first(&path))
                || allowed.iter().any(|entry| covers(entry, &path));
            assert!(
                fine,
                "{} uses {path}, which {room} may not know",
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

/// Panics when a rule allows a whole room that does not stand before it: a table names the lower rooms first. Paths
/// into rooms are exceptions and may lead anywhere.
pub(crate) fn check_order(rules: &[Rule]) {
    let mut below = BTreeSet::new();
    for (room, allowed) in rules {
        for other in allowed.iter().filter(|entry| !entry.contains("::")) {
            assert!(
                below.contains(other),
                "{room} uses {other}, which is above it"
            );
        }
        below.insert(*room);
    }
}

fn covers(entry: &str, path: &str) -> bool {
    path.strip_prefix(entry)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

/// The Rust files below a directory.
pub(crate) fn files(below: &Path) -> Vec<PathBuf> {
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

/// The paths behind `crate::`, each member of braces on its own. Those that begin with a capital are names that
/// `lib.rs` gives on; they have no room.
fn used(text: &str) -> BTreeSet<String> {
    let mut paths = Vec::new();
    for rest in text.split("crate::").skip(1) {
        read_path("", rest, &mut paths);
    }
    paths.retain(|path| path.starts_with(|c: char| c.is_ascii_lowercase()));
    paths.into_iter().collect()
}

/// Reads one path that goes on from `before`, and returns what stands behind it.
fn read_path<'a>(before: &str, text: &'a str, paths: &mut Vec<String>) -> &'a str {
    if let Some(group) = text.strip_prefix('{') {
        return read_group(before, group, paths);
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let path = format!("{before}{name}");
    match rest.strip_prefix("::") {
        Some(rest) => read_path(&format!("{path}::"), rest, paths),
        None => {
            paths.push(path);
            rest
        }
    }
}

fn read_group<'a>(before: &str, text: &'a str, paths: &mut Vec<String>) -> &'a str {
    let mut rest = text.trim_start();
    while !rest.is_empty() && !rest.starts_with('}') {
        rest = read_path(before, rest, paths);
        // An `as` and its name, if there is one.
        rest = rest.trim_start_matches(|c| c != ',' && c != '}');
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }
    rest.strip_prefix('}').unwrap_or(rest)
}

#[test]
fn the_check_sees_what_is_used() {
    let text = "use crate::http::storage;\nuse crate::{\n    error::{Error, Result as R},\n    op::Scope,\n};\n\
                let x = crate::post::y();\n/// [`crate::Emulator`]\nuse crate::track::*;";
    let expected = [
        "error::Error",
        "error::Result",
        "http::storage",
        "op::Scope",
        "post::y",
        "track::",
    ];
    assert_eq!(used(text), expected.map(String::from).into());
}

#[test]
fn a_rule_allows_a_room_or_a_path_into_it() {
    assert!(covers("http", "http::storage"));
    assert!(covers("http", "http"));
    assert!(!covers("http", "https::storage"));
    assert!(covers("storage::AccountKey", "storage::AccountKey"));
    assert!(!covers("storage::AccountKey", "storage::Account"));
}

#[test]
#[should_panic(expected = "which is above it")]
fn a_table_out_of_order_is_seen() {
    check_order(&[("low", &["high"]), ("high", &[])]);
}
