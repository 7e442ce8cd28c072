//! Who may know whom: the rooms of `emulator/src` import only what the architecture allows.

use std::path::Path;

#[path = "../../tests/support/rooms.rs"]
mod rooms;

use rooms::Rule;

/// Each room and what it may use besides itself, the lower rooms first.
const RULES: [Rule; 21] = [
    ("clock", &[]),
    ("ingestions", &[]),
    ("messages", &[]),
    ("services", &[]),
    ("streams", &[]),
    // No network, no storage.
    ("engine", &[]),
    ("faults", &["services"]),
    ("traffic", &["services"]),
    (
        "control",
        &["faults", "ingestions", "messages", "streams", "traffic"],
    ),
    // Plumbing: it knows no address.
    ("http", &["faults", "traffic"]),
    ("page", &["http"]),
    ("entra", &["clock", "http"]),
    (
        "storage",
        &[
            "clock",
            "control",
            // What storage answers to the engine; nothing of the engine itself.
            "engine::database::DataManagement",
            "faults",
            "http",
            "messages",
            "services",
            "traffic",
        ],
    ),
    // It reaches storage over HTTP alone.
    (
        "ingestor",
        &["engine", "ingestions", "storage::StorageResources"],
    ),
    (
        "options",
        &[
            "clock",
            "engine::streaming::Streaming",
            "storage::AccountKey",
            "storage::AzuriteOptions",
        ],
    ),
    ("start_error", &["storage::AzuriteError"]),
    (
        "server",
        &[
            "control",
            "engine",
            "entra",
            "faults",
            "http",
            "ingestions",
            "options::Secret",
            "page",
            "services",
            "storage::Resources",
            "streams",
            "traffic",
        ],
    ),
    (
        "addresses",
        &["http", "options", "services", "start_error", "storage"],
    ),
    (
        "emulator",
        &[
            "addresses",
            "control",
            "engine",
            "entra",
            "faults",
            "http",
            "ingestions",
            "ingestor",
            "messages",
            "options",
            "server",
            "services",
            "start_error",
            "storage",
            "streams",
            "traffic",
        ],
    ),
    // The command: it uses the crate's face as any program does.
    ("cli", &[]),
    ("main", &[]),
];

#[test]
fn rooms_import_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    rooms::check(&src, &[], &RULES);
}

#[test]
fn no_room_uses_one_above_it() {
    rooms::check_order(&RULES);
}
