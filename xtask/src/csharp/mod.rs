//! The C# binding: its native library, its tests and its examples.

mod build;
mod compilation;
mod toolchain;

use std::path::PathBuf;
use std::time::Duration;

use build::{Build, Program, TESTS};
use compilation::Framework;
use toolchain::Toolchain;

use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{artifacts, process, workspace};

fn binding() -> PathBuf {
    workspace::root().join("bindings/csharp")
}

/// `cargo xtask csharp build` and `cargo xtask csharp test [EXPRESSION]`.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let toolchain = Toolchain::ensure()?;
    match arguments.split_first() {
        Some((verb, [])) if verb == "build" => {
            for framework in Framework::ALL {
                Build::new(&toolchain, framework, &[])?;
            }
            Ok(())
        }
        Some((verb, expression)) if verb == "test" && expression.len() <= 1 => {
            match tests(&toolchain, Framework::Net8, expression)?.failed {
                0 => Ok(()),
                failed => Err(format!("{failed} tests failed")),
            }
        }
        _ => Err("csharp build | csharp test [EXPRESSION]".into()),
    }
}

/// What `cargo xtask stage csharp` does: the shared library where a package and a build look for it.
pub(crate) fn stage() -> Result<PathBuf, String> {
    let library = artifacts::release()?.shared();
    let name = library.file_name().ok_or("a library without a name")?;
    let staged = binding()
        .join("runtimes")
        .join(runtime_identifier())
        .join("native")
        .join(name);
    workspace::copy(&library, &staged)?;
    Ok(staged)
}

/// How .NET names this platform.
fn runtime_identifier() -> String {
    let system = match std::env::consts::OS {
        "macos" => "osx",
        "windows" => "win",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{processor}")
}

/// Compiles and runs the tests on the library for a framework.
fn tests(
    toolchain: &Toolchain,
    framework: Framework,
    expression: &[String],
) -> Result<Tally, String> {
    let build = Build::new(toolchain, framework, &[Program::tests(toolchain)?])?;
    let emulator = Emulator::start(None)?;
    let mut command = build.command(TESTS);
    command.args(expression).envs(emulator.environment()?);
    let said = process::tee(&mut command, Duration::from_secs(15 * 60))?;
    emulator.stop()?;
    Ok(match Tally::of_closing_line(&said.text) {
        Some(counted) => counted.or_failed(said.success),
        None => Tally::check(TESTS, Err("it ended without its closing line".into())),
    })
}
