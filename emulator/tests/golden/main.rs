//! Queries and commands with their answers, as text files: `README.md` in this directory says how to add a case.

mod answer;
mod diff;
mod script;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kusto_emulator::engine::commands;
use kusto_emulator::engine::database::{DataManagement, Engine};
use kusto_emulator::engine::datetime;
use kusto_emulator::engine::kql::run::{Context, ResultTable, run_query};

use script::Entry;

/// What `now()` gives in every file.
const NOW: &str = "2024-03-01T12:00:00Z";
/// The environment variable that has the answers rewritten when it is `write`.
const MODE: &str = "KUSTO_GOLDEN";

struct Storage;

impl DataManagement for Storage {
    fn ingestion_resources(&self) -> Vec<(String, String)> {
        vec![(
            "TempStorage".to_owned(),
            "http://127.0.0.1:1/c?sig=x".to_owned(),
        )]
    }

    fn identity_token(&self) -> String {
        "identity".to_owned()
    }
}

#[test]
fn every_answer_is_the_golden_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = files(&root.join("tests/golden"));
    assert!(!files.is_empty(), "there is no golden file");
    let write = std::env::var(MODE).is_ok_and(|mode| mode == "write");
    let mut complaints = Vec::new();
    for file in files {
        let shown = file.strip_prefix(root.parent().unwrap_or(root)).unwrap();
        complaints.extend(check(&file, &shown.display().to_string(), write));
    }
    let count = complaints.len();
    assert!(
        complaints.is_empty(),
        "{}\n\n{count} golden entries differ. If the new answers are right: {MODE}=write",
        complaints.join("\n\n")
    );
}

/// All `.txt` files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Runs a file's entries against an engine of its own and says what is wrong with them.
fn check(file: &Path, shown: &str, write: bool) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let entries = match script::parse(&text) {
        Ok(entries) => entries,
        Err((line, problem)) => return vec![format!("{shown}:{line}: {problem}")],
    };
    let engine = Engine::new(
        &["TestDatabase".to_owned()],
        Duration::from_secs(1),
        Arc::new(Storage),
    );
    let answers: Vec<_> = entries.iter().map(|entry| run(&engine, entry)).collect();
    if write {
        std::fs::write(file, script::rewritten(&text, &entries, &answers)).unwrap();
        return Vec::new();
    }
    entries
        .iter()
        .zip(answers)
        .filter_map(|(entry, actual)| {
            let at = format!("{shown}:{}", entry.line);
            if entry.answer.is_empty() {
                return Some(format!("{at}: the entry has no answer"));
            }
            (entry.answer != actual).then(|| {
                let difference = diff::lines(&entry.answer, &actual);
                format!("{at}:\n{}\n---\n{difference}", entry.text)
            })
        })
        .collect()
}

fn run(engine: &Engine, entry: &Entry) -> Vec<String> {
    let settings = &entry.settings;
    let context = Context {
        engine,
        database: &settings.database,
        now: datetime::parse(NOW).unwrap(),
        parameters: &settings.parameters,
        host: "localhost",
    };
    let result = if script::is_command(&entry.text) {
        commands::run(&context, settings.role, &entry.text).map(|relation| {
            vec![ResultTable {
                relation,
                ..ResultTable::default()
            }]
        })
    } else {
        run_query(&context, &entry.text).map(|outcome| outcome.tables)
    };
    match result {
        Ok(tables) => answer::tables(&tables, &settings.vary),
        Err(error) => vec![answer::error(&error)],
    }
}
