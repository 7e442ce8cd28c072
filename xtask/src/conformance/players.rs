//! The players: how each is built and started.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{artifacts, compiler, csharp, go, isal, native, node, process, workspace};

/// A language's name, and the function that builds its player and returns its start command.
pub(crate) type Builder = (&'static str, fn() -> Result<Command, String>);

/// Every language that has a player, in the order of the table's columns.
pub(crate) const ALL: &[Builder] = &[
    ("rust", rust),
    ("c", c),
    ("cpp", cpp),
    ("csharp", csharp::player),
    ("go", golang),
    ("node", node::player),
];

/// The C player once more under valgrind, where it is installed: no leak, no invalid access.
pub(crate) const CHECKED: Builder = ("c-memcheck", || Ok(native::memcheck(c()?.get_program())));

/// Whose scenarios a player plays: `c-memcheck` plays those of `c`.
pub(crate) fn language(player: &str) -> &str {
    player.split('-').next().unwrap_or(player)
}

fn sources() -> PathBuf {
    workspace::root().join("tests/conformance/players")
}

fn binaries() -> Result<PathBuf, String> {
    workspace::scratch("conformance/players")
}

/// In the build that `cargo test` and the Rust examples use.
fn rust() -> Result<Command, String> {
    let mut build = process::cargo(["build", "--quiet", "--workspace", "--examples"]);
    process::run(build.args(isal::features()))?;
    Ok(Command::new(
        workspace::target().join("debug/examples/conformance_player"),
    ))
}

fn c() -> Result<Command, String> {
    compiled("c")
}

fn cpp() -> Result<Command, String> {
    compiled("cpp")
}

fn compiled(language: &str) -> Result<Command, String> {
    let files = workspace::files(&sources().join(language), language);
    if files.is_empty() {
        return Err("it has no player yet".to_owned());
    }
    let program = binaries()?.join(language);
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    compiler::program_of(&[], &files, &program, artifacts::release()?)?;
    Ok(Command::new(program))
}

fn golang() -> Result<Command, String> {
    let module = sources().join("go");
    if !module.join("go.mod").exists() {
        return Err("it has no player yet".to_owned());
    }
    go::stage()?;
    let program = binaries()?.join("go");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".");
    process::capture(build.current_dir(module))?;
    Ok(Command::new(program))
}
