//! A program without shared libraries, on musl: what docs/DEPLOY.md says is typed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::tool::{self, Tool};
use crate::{needs, process, readme, workspace};

const TARGET: &str = "x86_64-unknown-linux-musl";
const MUSL_GCC: Tool = Tool::new("musl-gcc", "musl-tools");
const NAME: &str = "a program on musl without shared libraries";

/// Builds one by the commands of docs/DEPLOY.md and runs it, where its tools are.
pub(crate) fn check() -> Tally {
    match tools() {
        Ok(()) => Tally::check(NAME, works()),
        Err(reason) => Tally::skip(NAME, &reason),
    }
}

/// What is needed and cannot be installed here.
fn tools() -> Result<(), String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("it is built on Linux x86-64 only".to_owned());
    }
    tool::optional(&MUSL_GCC)?;
    if standard_library()?.is_dir() {
        return Ok(());
    }
    let add = process::capture(Command::new("rustup").args(["target", "add", TARGET]));
    add.map(drop).map_err(|reason| {
        let why = reason.lines().next_back().unwrap_or_default().to_owned();
        format!("the Rust target {TARGET} is not installed, and rustup cannot add it: {why}")
    })
}

fn standard_library() -> Result<PathBuf, String> {
    let mut ask = Command::new("rustc");
    let said = process::capture(ask.args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(PathBuf::from(said.trim()))
}

fn works() -> Result<(), String> {
    let scratch = workspace::scratch("musl")?;
    let app = scratch.join("app");
    process::run(
        process::outside_cargo(Command::new("bash"))
            .args(["-e", "-c", &commands()?])
            .env("SOURCE", workspace::root().join("examples/c/quickstart.c"))
            .env("PROGRAM", &app)
            .current_dir(workspace::root()),
    )?;
    is_static(&app)?;
    let emulator = Emulator::start(None)?;
    let mut run = Command::new(&app);
    run.envs(emulator.environment()?);
    let said = process::tee(&mut run, Duration::from_secs(60))?;
    emulator.stop()?;
    match said.success && said.text.contains("This is a test message 9") {
        true => Ok(()),
        false => Err("see above".to_owned()),
    }
}

/// Those of the page, with a build for tests: it takes a third of the time.
fn commands() -> Result<String, String> {
    let page = workspace::read(&workspace::root().join("docs/DEPLOY.md"))?;
    let (_, rest) = page.split_once("is built with musl").ok_or("no musl")?;
    let block = readme::first_block(rest, "sh").ok_or("no commands for musl")?;
    let target = workspace::target().display().to_string();
    let changed = block
        .replace("cargo build --release", "cargo build --quiet")
        .replace(
            &format!("target/{TARGET}/release"),
            &format!("{target}/{TARGET}/debug"),
        )
        .replace("app.c", "\"$SOURCE\"")
        .replace("-o app", "-o \"$PROGRAM\"");
    // What is there already needs no network.
    let lines = changed.lines().filter(|line| !line.starts_with("rustup"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// A program that names no library and no loader.
fn is_static(program: &Path) -> Result<(), String> {
    let headers = process::capture(Command::new("readelf").args(["-l", "-W"]).arg(program))?;
    match needs::needed(program)?.is_empty() && !headers.contains("INTERP") {
        true => Ok(()),
        false => Err(format!("it needs a loader or a library\n{headers}")),
    }
}

#[cfg(test)]
mod tests {
    /// A page that says something else would be tested by nothing.
    #[test]
    fn the_page_has_the_commands() {
        let commands = super::commands().unwrap();
        for wanted in [
            "cargo build --quiet -p kusto-ingest-c",
            "musl-gcc -static \"$SOURCE\"",
            "-o \"$PROGRAM\"",
        ] {
            assert!(commands.contains(wanted), "{commands}");
        }
    }
}
