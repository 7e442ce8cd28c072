//! Paths of the workspace, and its version.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Version of the workspace; xtask shares it.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The three numbers of [`VERSION`].
pub(crate) fn version_numbers() -> Result<[u32; 3], String> {
    let plain = VERSION.split(['-', '+']).next().unwrap_or(VERSION);
    let numbers: Vec<u32> = plain
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    numbers
        .try_into()
        .map_err(|_| format!("{VERSION} is not a version of three numbers"))
}

/// Root of the workspace from which this was started: `cargo run` says where it is. What was compiled
/// in would be another one after a checkout was copied with its target directory.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let package = std::env::var_os("CARGO_MANIFEST_DIR");
        let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package).parent();
        root.unwrap_or(Path::new(".")).to_owned()
    })
}

/// Cargo's target directory, which may have been moved by the environment.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(moved) => root().join(moved),
        None => root().join("target"),
    }
}

/// A directory below `target/` for the files of a leg; created when missing.
pub(crate) fn scratch(name: &str) -> Result<PathBuf, String> {
    let directory = target().join("xtask").join(name);
    create_directory(&directory)?;
    Ok(directory)
}

/// Files of `directory` with this extension, sorted by name; empty when there is no directory.
pub(crate) fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    found.sort();
    found
}

pub(crate) fn create_directory(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path)
        .map_err(|error| format!("cannot create {}: {error}", path.display()))
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(parent) = path.parent() {
        create_directory(parent)?;
    }
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if let Some(parent) = to.parent() {
        create_directory(parent)?;
    }
    std::fs::copy(from, to).map(drop).map_err(|error| {
        format!(
            "cannot copy {} to {}: {error}",
            from.display(),
            to.display()
        )
    })
}

pub(crate) fn remove_directory(path: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

/// File name as text, for messages and for names of build output.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}
