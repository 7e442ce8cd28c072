//! The release build, built once.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::{isal, process, workspace};

/// Cargo's arguments for the one release build that everything here uses, except
/// [`isal::features`]. These packages are always named together: cargo merges the features of their
/// dependencies and the kinds of objects that their crate types require, and any other choice of
/// packages would compile most of the tree a second time.
pub(crate) const RELEASE: [&str; 8] = [
    "build",
    "--release",
    "--package",
    "kusto-ingest",
    "--package",
    "kusto-ingest-c",
    "--package",
    "kusto-emulator",
];

/// Where the release build is.
pub(crate) struct Artifacts {
    pub(crate) directory: PathBuf,
}

impl Artifacts {
    /// The shared library.
    pub(crate) fn shared(&self) -> PathBuf {
        self.directory.join(if cfg!(target_os = "macos") {
            "libkusto_ingest.dylib"
        } else {
            "libkusto_ingest.so"
        })
    }

    /// The static library.
    pub(crate) fn archive(&self) -> PathBuf {
        self.directory.join("libkusto_ingest.a")
    }

    /// The emulator's program.
    pub(crate) fn emulator(&self) -> PathBuf {
        self.directory.join("kusto-emulator")
    }
}

/// Builds the library alone in release: what a plain `cargo build --release` builds.
pub(crate) fn library() -> Result<Artifacts, String> {
    let library = &RELEASE[..RELEASE.len() - 2];
    process::run(process::cargo(library).args(isal::features()))?;
    Ok(built())
}

fn built() -> Artifacts {
    Artifacts {
        directory: workspace::target().join("release"),
    }
}

/// Builds the library and the emulator in release; only the first call in a process does work.
pub(crate) fn release() -> Result<&'static Artifacts, String> {
    static BUILT: OnceLock<Result<Artifacts, String>> = OnceLock::new();
    let result = BUILT.get_or_init(|| {
        process::run(process::cargo(RELEASE).args(isal::features()))?;
        Ok(built())
    });
    result.as_ref().map_err(Clone::clone)
}

#[test]
fn an_installation_builds_the_library_only() {
    assert!(RELEASE.ends_with(&["--package", "kusto-emulator"]));
}
