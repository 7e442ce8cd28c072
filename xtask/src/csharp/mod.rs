//! The C# binding: its native library, its tests and its examples.

mod build;
mod compilation;
mod package;
mod packages;
mod proxies;
mod sdk;
mod toolchain;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use build::{Build, COMPAT_TESTS, Program, TESTS};
use compilation::Framework;
use toolchain::Toolchain;

use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{artifacts, demo, header, process, readme, tool, workspace};

fn binding() -> PathBuf {
    workspace::root().join("bindings/csharp")
}

/// `cargo xtask csharp build`, `cargo xtask csharp compat` and `cargo xtask csharp test [EXPRESSION]`.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let toolchain = Toolchain::ensure()?;
    match arguments.split_first() {
        Some((verb, [])) if verb == "build" => {
            for framework in Framework::ALL {
                Build::new(&toolchain, framework, &[])?;
            }
            Ok(())
        }
        Some((verb, [])) if verb == "compat" => match compat(&toolchain)?.failed {
            0 => Ok(()),
            failed => Err(format!("{failed} tests failed")),
        },
        Some((verb, expression)) if verb == "test" && expression.len() <= 1 => {
            let tests = [Program::tests(&toolchain)?];
            let build = Build::new(&toolchain, Framework::Net8, &tests)?;
            match run_tests(&build, TESTS, expression)?.failed {
                0 => Ok(()),
                failed => Err(format!("{failed} tests failed")),
            }
        }
        _ => Err("csharp build | csharp compat | csharp test [EXPRESSION]".into()),
    }
}

/// `cargo xtask stage csharp`: puts the shared library where a package and a build look for it.
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

/// Name and sources of a program.
const AGENT: (&str, &str) = ("agent", "examples/csharp/agent");
const PLAYER: (&str, &str) = ("player", "tests/conformance/players/csharp");
const BENCH: (&str, &str) = ("bench", "benches/clients/csharp");

/// C functions that the binding does not use.
const NOT_WRAPPED: &[&str] = &[
    // Every call starts in the background, and blocking ones wait for its end.
    "kusto_client_warm_up",
    "kusto_client_warm_up_table",
    "kusto_execute",
    "kusto_ingest",
    "kusto_ingest_bytes",
    "kusto_op_state",
    "kusto_outcomes_peek",
    "kusto_outcomes_take",
    "kusto_track",
    "kusto_track_until_final",
    // Streams are pushed, since .NET reads them asynchronously; open files are streams there.
    "kusto_source_fd",
    "kusto_source_reader",
    // A report is taken as one text, rows and receipts item by item.
    "kusto_report_count",
    "kusto_report_item_activity_id",
    "kusto_report_item_database",
    "kusto_report_item_details",
    "kusto_report_item_error_code",
    "kusto_report_item_operation_id",
    "kusto_report_item_source_id",
    "kusto_report_item_source_path",
    "kusto_report_item_table",
    "kusto_report_item_updated_on",
    "kusto_report_len",
    "kusto_result_source_id",
    "kusto_rows_int64",
    // Properties are a .NET object, copied by each call.
    "kusto_props_clone",
    // Status is an enumeration with names, and the version a text.
    "kusto_status_list",
    "kusto_status_name",
    "kusto_version_number",
    // A .NET process cannot fork.
    "kusto_after_fork_child",
    // AdditionalProperties may have any name, as those of the official client.
    "kusto_props_set",
    // Calls take a CancellationToken.
    "kusto_cancel_is_signalled",
    "kusto_cancel_new",
    "kusto_cancel_signal",
    "kusto_cancel_use",
    // What is borrowed is read at once.
    "kusto_error_copy",
    // Enumerations have names.
    "kusto_compression_name",
    "kusto_format_name",
    "kusto_identity_name",
    "kusto_ingestion_mode_name",
    "kusto_item_state_name",
    "kusto_log_level_name",
    "kusto_op_state_name",
    "kusto_outcome_name",
    "kusto_prompt_name",
    "kusto_prompted_name",
    "kusto_report_level_name",
    "kusto_report_method_name",
    "kusto_retry_name",
    "kusto_route_name",
];

/// Compiles everything, runs the tests on the library for each framework, the examples, and the package.
pub(crate) fn leg() -> Result<Tally, String> {
    let toolchain = Toolchain::ensure()?;
    let mut tally = Tally::check("every C function is used", wraps_all());
    let programs = [
        Program::tests(&toolchain)?,
        quickstart()?,
        first()?,
        Program::of("storm_events", "examples/csharp/storm_events")?,
        Program::of("ingest_file", "examples/csharp/ingest_file")?,
        Program::of(AGENT.0, AGENT.1)?,
        Program::of(PLAYER.0, PLAYER.1)?,
        Program::of(BENCH.0, BENCH.1)?,
    ];
    let build = Build::new(&toolchain, Framework::Net8, &programs)?;
    tally += run_tests(&build, TESTS, &[])?;
    tally += compat(&toolchain)?;
    tally += demo::says_what_c_says("csharp", &scripts(&build)?)?;
    tally += Tally::check(
        "the first commands of the README work",
        first_commands(&toolchain, &build),
    );
    tally += Tally::check(
        "the proxy of the environment is honoured",
        proxies::environment_is_honoured(&build),
    );
    let programs = [
        Program::tests(&toolchain)?,
        quickstart()?.standard(),
        Program::of(AGENT.0, AGENT.1)?.standard(),
    ];
    let build = Build::new(&toolchain, Framework::NetStandard2, &programs)?;
    tally += run_tests(&build, TESTS, &[])?;
    tally += match tool::optional(&tool::MONO) {
        Ok(()) => Tally::check("the quickstart runs on Mono", on_mono(&build)),
        Err(reason) => Tally::skip("Mono", &reason),
    };
    tally += package::checks(&toolchain)?;
    tally += sdk::leg()?;
    Ok(tally)
}

fn quickstart() -> Result<Program, String> {
    Ok(Program::of("quickstart", "examples/csharp/Quickstart")?.starting_in("Program"))
}

/// The first program of the README.
fn first() -> Result<Program, String> {
    let text = workspace::read(&binding().join("README.md"))?;
    let program = readme::first_block(&text, "csharp").ok_or("there is no program")?;
    let directory = workspace::scratch("csharp")?.join("first");
    workspace::write(&directory.join("Program.cs"), program)?;
    Program::of("first", &directory.to_string_lossy())
}

/// Types what a reader types. Without an SDK another program stands in for its `dotnet run`: the project file that the
/// commands write is evaluated, and the program, which the README shows and `build` has compiled, is run.
fn first_commands(toolchain: &Toolchain, build: &Build) -> Result<(), String> {
    if sdk::found().is_ok() {
        return readme::CSHARP.works(None);
    }
    let programs = workspace::scratch("csharp")?.join("sdk");
    build.write_script(&programs.join("dotnet"), "first")?;
    readme::CSHARP.works(Some(&programs))?;
    let directory = "target/first-csharp";
    package::compiles(
        toolchain,
        &format!("{directory}/first.csproj"),
        directory,
        "net8.0",
    )
}

/// The closest substitute for .NET Framework here. It must also end.
fn on_mono(build: &Build) -> Result<(), String> {
    let emulator = Emulator::start(None)?;
    let mut program = build.on_mono("quickstart");
    let said = process::tee(
        program.envs(emulator.environment()?),
        Duration::from_secs(60),
    )?;
    emulator.stop()?;
    match said.success && said.text.contains("This is a test message 9") {
        true => Ok(()),
        false => Err("see above".into()),
    }
}

/// The declarations alone do not count.
fn wraps_all() -> Result<(), String> {
    let mut text = String::new();
    for file in build::sources(&binding().join("src"))? {
        if file != header::csharp_declarations() {
            text += &workspace::read(&file)?;
        }
    }
    header::names_every_function(&text, &[NOT_WRAPPED, &header::BY_KEYWORDS].concat())
}

/// The demo starts programs by their names.
fn scripts(build: &Build) -> Result<PathBuf, String> {
    let directory = workspace::scratch("demo")?.join("csharp");
    for name in demo::PROGRAMS {
        build.write_script(&directory.join(name), name)?;
    }
    Ok(directory)
}

/// The command that starts the C# player of tests/conformance.
pub(crate) fn player() -> Result<Command, String> {
    program(PLAYER)
}

/// The command that starts the C# agent of examples/.
pub(crate) fn agent() -> Result<Command, String> {
    program(AGENT)
}

/// The command that starts the C# client of `cargo xtask bench`; its arguments are those of benches/clients/bench.c.
pub(crate) fn bench_client() -> Result<Command, String> {
    program(BENCH)
}

fn program((name, directory): (&'static str, &str)) -> Result<Command, String> {
    let toolchain = Toolchain::ensure()?;
    let programs = [Program::of(name, directory)?];
    Ok(Build::new(&toolchain, Framework::Net8, &programs)?.command(name))
}

/// The package for Azure's credentials.
fn compat(toolchain: &Toolchain) -> Result<Tally, String> {
    let build = Build::new(toolchain, Framework::Net8, &Program::compat(toolchain)?)?;
    run_tests(&build, COMPAT_TESTS, &[])
}

fn run_tests(build: &Build, program: &str, expression: &[String]) -> Result<Tally, String> {
    let emulator = Emulator::start(None)?;
    let mut command = build.command(program);
    command.args(expression).envs(emulator.environment()?);
    let said = process::tee(&mut command, Duration::from_secs(15 * 60))?;
    emulator.stop()?;
    Ok(match Tally::of_closing_line(&said.text) {
        Some(counted) => counted.or_failed(&said),
        None => Tally::check(program, Err("it ended without its closing line".into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests run the worker of the README: it must be the one that the README shows.
    #[test]
    fn the_readme_shows_the_worker_that_is_tested() {
        let shipper = workspace::read(&binding().join("tests/Shipper.cs")).unwrap();
        let (_, code) = shipper.split_once("compares the two.\n\n").unwrap();
        let readme = workspace::read(&binding().join("README.md")).unwrap();
        assert!(readme.contains(&format!("```csharp\n{code}```\n")));
        // The adapter stands in a class there: other indentation, and another visibility.
        let adapter = workspace::read(&binding().join("tests/LogAdapter.cs")).unwrap();
        let (_, shown) = readme.split_once("static KustoLogReceiver To").unwrap();
        let (shown, _) = shown.split_once("\n\n").unwrap();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&adapter).contains(&words(shown)), "{shown}");
    }
}
