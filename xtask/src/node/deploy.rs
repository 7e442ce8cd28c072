//! What a user does: pack, install in an empty folder, run there; and what he reads when something is missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{HERE, NAME, as_common_js, copy_all, examples, node, npm, package, runs};
use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{process, readme, workspace};

const PATIENCE: Duration = Duration::from_secs(60);

/// Packs the package and that of this platform, installs both into an empty folder without a network,
/// and puts the examples beside them.
pub(super) fn installed() -> Result<PathBuf, String> {
    let scratch = workspace::scratch("node")?;
    let (packed, folder) = (scratch.join("packed"), scratch.join("installed"));
    for directory in [&packed, &folder] {
        workspace::remove_directory(directory)?;
        workspace::create_directory(directory)?;
    }
    for directory in [package(), package().join("native/npm").join(HERE)] {
        let mut pack = npm(&["pack", "--pack-destination"], &directory);
        process::capture(pack.arg(&packed))?;
    }
    install(&workspace::files(&packed, "tgz"), &folder)?;
    copy_all(&examples(), "mjs", &folder)?;
    let quickstart = workspace::read(&folder.join("quickstart.mjs"))?;
    workspace::write(&folder.join("quickstart.cjs"), &as_common_js(&quickstart))?;
    Ok(folder)
}

fn install(packages: &[PathBuf], folder: &Path) -> Result<(), String> {
    let offline = [
        "install",
        "--offline",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
    ];
    process::capture(npm(&offline, folder).args(packages)).map(drop)
}

/// The installed package runs; what lacks the native library says what to do.
pub(super) fn check(installed: &Path) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for (kind, ending) in [("ESM", "mjs"), ("CommonJS", "cjs")] {
        let quickstart = installed.join("quickstart").with_extension(ending);
        tally += Tally::check(
            &format!("the installed package, as {kind}"),
            runs(node(&[&quickstart])),
        );
    }
    tally += Tally::check("the streams of README.md", streams(installed));
    tally += Tally::check(
        "an installation without the platform's package says what to install",
        without_platform(),
    );
    tally += Tally::check(
        "a checkout that is not staged says what to run",
        without_staging(),
    );
    Ok(tally)
}

/// The program of the section, with a file that is whole, one that is cut off, and one that is missing.
fn streams(installed: &Path) -> Result<(), String> {
    let text = workspace::read(&package().join("README.md"))?;
    let (_, section) = text
        .split_once("## Streams")
        .ok_or("there is no such section")?;
    let program = installed.join("streams.mjs");
    workspace::write(
        &program,
        readme::first_block(section, "js").ok_or("it has no program")?,
    )?;
    let pack = "const packed = require('node:zlib').gzipSync('1,a\\n2,b\\n'.repeat(1000)); \
                const { writeFileSync } = require('node:fs'); writeFileSync('whole.gz', packed); \
                writeFileSync('half.gz', packed.subarray(0, 30));";
    let mut pack_both = Command::new("node");
    process::capture(pack_both.args(["-e", pack]).current_dir(installed))?;
    let emulator = Emulator::start(None)?;
    emulator.command(".create table Streams (Id: long, Text: string)")?;
    let result = [
        ("whole.gz", true, "ingested"),
        ("half.gz", false, "Z_BUF_ERROR: "),
        ("missing.gz", false, "ENOENT: "),
    ]
    .into_iter()
    .try_for_each(|(file, success, said)| {
        let mut command = node(&[&program]);
        command.args([file, "Streams"]).current_dir(installed);
        says(command.envs(emulator.environment()?), success, said)
    })
    .and_then(|()| emulator.wait_for_rows("Streams", 2000));
    emulator.stop()?;
    result
}

fn says(command: &mut Command, success: bool, text: &str) -> Result<(), String> {
    let said = process::tee(command, PATIENCE)?;
    match said.success == success && said.text.contains(text) {
        true => Ok(()),
        false => Err(format!("not {text:?}, but: {}", said.text)),
    }
}

fn loading(folder: &Path) -> Command {
    let mut command = Command::new("node");
    command.args(["-e", &format!("require('{NAME}')")]);
    command.current_dir(folder);
    command
}

/// Only the package itself, as with `--omit=optional`.
fn without_platform() -> Result<(), String> {
    let scratch = workspace::scratch("node")?;
    let folder = scratch.join("without-platform");
    workspace::remove_directory(&folder)?;
    workspace::create_directory(&folder)?;
    let packages = workspace::files(&scratch.join("packed"), "tgz");
    let only: Vec<PathBuf> = packages
        .into_iter()
        .filter(|file| !file.to_string_lossy().contains(HERE))
        .collect();
    install(&only, &folder)?;
    let version = workspace::VERSION;
    let advice = format!("npm install {NAME}-{HERE}@{version}");
    says(&mut loading(&folder), false, &advice)
}

/// The package's files as they are in a fresh checkout.
fn without_staging() -> Result<(), String> {
    let folder = workspace::scratch("node")?.join("without-staging");
    workspace::remove_directory(&folder)?;
    let copy = folder.join("node_modules").join(NAME);
    for (directory, endings) in [("", &["cjs", "mjs", "json", "toml"][..]), ("lib", &["js"])] {
        for ending in endings {
            copy_all(&package().join(directory), ending, &copy.join(directory))?;
        }
    }
    says(&mut loading(&folder), false, "cargo xtask stage node")
}
