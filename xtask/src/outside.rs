//! A package outside of this repository that uses the crate: tests/outside.

use std::time::Duration;

use crate::{process, workspace};

/// With these dependencies and no others, as README.md says.
const MANIFEST: &str = r#"[package]
name = "outside"
version = "0.1.0"
edition = "2024"

[dependencies]
kusto-ingest = { path = "ROOT" }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }

[workspace]
"#;

/// Builds the program in a package of its own, and runs it.
pub(crate) fn works() -> Result<(), String> {
    let root = workspace::root();
    let package = workspace::scratch("outside")?;
    let manifest = MANIFEST.replace("ROOT", &root.display().to_string());
    workspace::write(&package.join("Cargo.toml"), &manifest)?;
    // The versions that are tested here; cargo leaves out what is not needed.
    workspace::copy(&root.join("Cargo.lock"), &package.join("Cargo.lock"))?;
    workspace::copy(
        &root.join("tests/outside/main.rs"),
        &package.join("src/main.rs"),
    )?;
    let mut run = process::cargo(["run", "--quiet"]);
    // Built there by the first program of README.md as well.
    run.current_dir(&package)
        .env("CARGO_TARGET_DIR", workspace::target());
    let said = process::tee(&mut run, Duration::from_secs(20 * 60))?;
    match said.success && said.text.contains("every type has a name") {
        true => Ok(()),
        false => Err("see above".to_owned()),
    }
}
