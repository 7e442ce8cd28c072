//! `cargo xtask fuzz`: the fuzzers of fuzz/, each for a while.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{process, toolchain, workspace};

/// cargo-fuzz builds the targets with coverage and runs libFuzzer.
const CARGO_FUZZ: &str = "0.13.1";
const DEFAULT_SECONDS: u64 = 60;
/// No input of a few kilobytes needs more: what does is a fault.
const LIMITS: [&str; 3] = ["-rss_limit_mb=1024", "-timeout=10", "-max_len=4096"];

/// `cargo xtask fuzz [target...] [--seconds N]`
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let (seconds, named) = match arguments {
        [rest @ .., flag, number] if flag == "--seconds" => {
            let seconds = number.parse();
            (
                seconds.map_err(|error| format!("--seconds {number}: {error}"))?,
                rest,
            )
        }
        _ => (DEFAULT_SECONDS, arguments),
    };
    let known = targets()?;
    if let Some(unknown) = named.iter().find(|name| !known.contains(name)) {
        return Err(format!(
            "no target {unknown:?}; there are {}",
            known.join(", ")
        ));
    }
    let cargo_fuzz = install()?;
    process::run(fuzz(&cargo_fuzz, "build").args(["--sanitizer", "none"]))?;
    let mut lines = Vec::new();
    for target in known
        .iter()
        .filter(|name| named.is_empty() || named.contains(name))
    {
        lines.push(run(&cargo_fuzz, target, seconds)?);
    }
    println!("{}", lines.join("\n"));
    Ok(())
}

/// The programs of fuzz/fuzz_targets, by name.
fn targets() -> Result<Vec<String>, String> {
    let directory = workspace::root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

fn install() -> Result<PathBuf, String> {
    let directory = toolchain::ensure("cargo-fuzz", CARGO_FUZZ, |directory| {
        let mut install = process::cargo(["install", "cargo-fuzz", "--locked", "--version"]);
        process::run(install.arg(CARGO_FUZZ).arg("--root").arg(directory))
    })?;
    Ok(directory.join("bin/cargo-fuzz"))
}

/// The targets are safe Rust: a sanitizer would find nothing more and halve the speed. The flags of
/// coverage are unstable ones, which stable compilers take with this variable.
fn fuzz(cargo_fuzz: &Path, command: &str) -> Command {
    let mut fuzz = process::outside_cargo(Command::new(cargo_fuzz));
    fuzz.arg(command).env("RUSTC_BOOTSTRAP", "1");
    fuzz.current_dir(workspace::root().join("fuzz"));
    fuzz
}

/// New inputs are kept below target/, beside those of the repository, and are used by the next run.
fn run(cargo_fuzz: &Path, target: &str, seconds: u64) -> Result<String, String> {
    let found = workspace::root().join("fuzz/target/corpus").join(target);
    workspace::create_directory(&found)?;
    let mut command = fuzz(cargo_fuzz, "run");
    command.args(["--sanitizer", "none", target]).arg(&found);
    command
        .arg(format!("corpus/{target}"))
        .arg("--")
        .args(LIMITS);
    command.arg(format!("-max_total_time={seconds}"));
    let patience = Duration::from_secs(seconds.saturating_add(600));
    let said = process::tee(&mut command, patience)?;
    if !said.success {
        return Err(format!(
            "{target} failed; the input is in fuzz/artifacts/{target}"
        ));
    }
    let done = said.text.lines().rev().find(|line| line.contains("DONE"));
    Ok(format!("{target}: {}", done.unwrap_or("no summary")))
}
