//! Files that tests need from package registries, kept in the git-ignored `.toolchain/`.
//!
//! Each directory has a stamp with everything that determines its content; while the stamp matches,
//! nothing is fetched.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::workspace;

/// The directory `.toolchain/name`, filled by `fill` unless it already has this stamp.
pub(crate) fn ensure(
    name: &str,
    stamp: &str,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let directory = workspace::root().join(".toolchain").join(name);
    let stamp_file = directory.join("stamp");
    let _alone = lock(name)?;
    if std::fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
        return Ok(directory);
    }
    println!("setting up .toolchain/{name}");
    workspace::remove_directory(&directory)?;
    workspace::create_directory(&directory)?;
    fill(&directory)?;
    // Last, so that an interrupted setup is repeated.
    workspace::write(&stamp_file, stamp)?;
    Ok(directory)
}

/// Until it is dropped, other processes wait here: two lanes of the tests may require the same files.
fn lock(name: &str) -> Result<File, String> {
    let directory = workspace::root().join(".toolchain");
    workspace::create_directory(&directory)?;
    let path = directory.join(format!("{name}.lock"));
    let file = File::create(&path).and_then(|file| file.lock().map(|()| file));
    file.map_err(|error| format!("cannot lock {}: {error}", path.display()))
}
