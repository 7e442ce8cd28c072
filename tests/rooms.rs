//! Dependencies between modules: the rooms (modules) of `src` import only what the architecture
//! allows.

use std::path::Path;

#[path = "support/rooms.rs"]
mod rooms;

use rooms::Rule;

/// Rooms that every room may use: they use only each other.
const COMMON: [&str; 5] = ["clock", "error", "log", "op", "secret"];

/// Each room and the rooms it may use besides itself and [`COMMON`]. The lists are transitive over
/// public types, so each list is written out.
const ALLOWED: [Rule; 18] = [
    ("clock", &[]),
    ("error", &[]),
    ("log", &[]),
    ("op", &[]),
    ("secret", &[]),
    ("http", &[]),
    ("connection", &["http"]),
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
const ASSEMBLY: [Rule; 4] = [
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
    // For the fuzzers only, likewise.
    (
        "fuzz",
        &[
            "connection",
            "http",
            "ingest",
            "props",
            "query",
            "resources",
            "track",
            "values",
        ],
    ),
    (
        "client",
        &[
            "auth",
            "command",
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

fn rules() -> Vec<Rule> {
    ALLOWED.iter().chain(&ASSEMBLY).copied().collect()
}

#[test]
fn rooms_import_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    rooms::check(&src, &COMMON, &rules());
}

/// Each table names the lower rooms first.
#[test]
fn no_room_uses_one_above_it() {
    rooms::check_order(&rules());
}

/// Within `ingest`: what decides does nothing else, streaming knows no storage, and only managed ingestion knows both
/// ways in.
#[test]
fn the_ways_in_know_as_little_as_they_can() {
    let ingest = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ingest");
    let deciding = [
        "http",
        "log",
        "op",
        "pipeline",
        "post",
        "resources",
        "upload",
    ];
    let deciding = deciding.map(|room| format!("crate::{room}::"));
    let streaming = [
        "crate::post::",
        "crate::resources::",
        "crate::upload::",
        "queued::",
    ];
    let streaming = streaming.map(str::to_owned);
    for (room, unknown) in [
        ("policy", &deciding[..]),
        ("streaming", &streaming[..]),
        (
            "queued",
            &["streaming::".to_owned(), "policy::".to_owned()][..],
        ),
    ] {
        let files = rooms::files(&ingest).into_iter();
        let own = |file: &std::path::PathBuf| {
            let inside = file.strip_prefix(&ingest).unwrap();
            let is_own = inside.starts_with(room) || inside == Path::new(&format!("{room}.rs"));
            // Tests may read what the client reads.
            is_own && !file.ends_with("tests.rs")
        };
        let own: Vec<_> = files.filter(own).collect();
        assert!(!own.is_empty(), "{room}");
        for file in own {
            let text = std::fs::read_to_string(&file).unwrap();
            let known = unknown.iter().find(|path| text.contains(*path));
            assert_eq!(known, None, "{}", file.display());
        }
    }
}
