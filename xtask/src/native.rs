//! The test programs in C and C++, each ending with the line `N passed, N failed, N skipped`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::artifacts::{self, Artifacts};
use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{compiler, demo, header, process, tool, workspace};

/// The C++ programs run a second time with these, where the compiler supports them. The library is
/// the one of the other runs: its inputs and its leaks are checked nevertheless.
const SANITIZERS: [&str; 2] = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
];

/// The program that shows that the C++ header works without exceptions.
const NO_EXCEPTIONS: &str = "no_exceptions";

/// The environment of the programs.
type Environment<'a> = [(&'a str, &'a str); 3];

/// Every program of tests/capi.
pub(crate) fn capi() -> Result<Tally, String> {
    programs("tests/capi", "c")
}

/// The C++ header alone, every program of tests/cpp, and the examples beside those in C.
pub(crate) fn cpp() -> Result<Tally, String> {
    let mut tally = Tally::check("the C++ header wraps every function", wraps_all());
    tally += header::cpp_compiles_alone();
    tally += programs("tests/cpp", "cpp")?;
    tally += demo::cpp_says_what_c_says()?;
    Ok(tally)
}

/// The C functions that the C++ header leaves out: the first is for generators of bindings.
const NOT_WRAPPED: [&str; 1] = ["kusto_status_list"];

fn wraps_all() -> Result<(), String> {
    let text = workspace::read(&compiler::include().join("kusto_ingest.hpp"))?;
    header::names_every_function(&text, &NOT_WRAPPED)
}

fn programs(directory: &str, ending: &str) -> Result<Tally, String> {
    let library = artifacts::release()?;
    let scratch = workspace::scratch(directory)?;
    let memcheck = tool::optional(&tool::VALGRIND);
    let emulator = Emulator::start(None)?;
    let blobs = two_blobs(&emulator)?;
    let [connection, database] = emulator.environment()?;
    let environment = [connection, database, ("KUSTO_TEST_BLOBS", blobs.as_str())];
    let mut tally = Tally::default();
    for source in workspace::files(&workspace::root().join(directory), ending) {
        let name = workspace::stem(&source);
        let program = scratch.join(&name);
        if let Err(reason) = compiler::program_with(flags(&name), &source, &program, library) {
            tally += Tally::check(&name, Err(reason));
            continue;
        }
        tally += run(&name, &program, &environment)?;
        tally += match &memcheck {
            Ok(()) => Tally::check(
                &format!("{name} under valgrind"),
                under_memcheck(&program, &environment),
            ),
            Err(reason) => Tally::skip(&format!("{name} under valgrind"), reason),
        };
        if ending == "cpp" {
            tally += sanitized(&source, &scratch, library, &environment)?;
        }
    }
    emulator.stop()?;
    Ok(tally)
}

fn flags(name: &str) -> &'static [&'static str] {
    match name {
        NO_EXCEPTIONS => &["-fno-exceptions"],
        _ => &[],
    }
}

fn run(name: &str, program: &Path, environment: &Environment) -> Result<Tally, String> {
    let said = process::tee(
        Command::new(program).envs(*environment),
        Duration::from_secs(300),
    )?;
    Ok(match Tally::of_closing_line(&said.text) {
        Some(counted) => counted.or_failed(&said),
        None => Tally::check(name, Err("it ended without its closing line".into())),
    })
}

/// The program once more, with AddressSanitizer (leaks too) and UndefinedBehaviorSanitizer.
fn sanitized(
    source: &Path,
    scratch: &Path,
    library: &Artifacts,
    environment: &Environment,
) -> Result<Tally, String> {
    let name = format!("{} with sanitizers", workspace::stem(source));
    let probe = scratch.join("sanitizers.cpp");
    workspace::write(&probe, "int main() { return 0; }\n")?;
    let empty = scratch.join("sanitizers");
    if compiler::program_with(&SANITIZERS, &probe, &empty, library).is_err() {
        return Ok(Tally::skip(&name, "the compiler has no sanitizers"));
    }
    let program = scratch.join(format!("{}-sanitized", workspace::stem(source)));
    let flags = [flags(&workspace::stem(source)), &SANITIZERS].concat();
    if let Err(reason) = compiler::program_with(&flags, source, &program, library) {
        return Ok(Tally::check(&name, Err(reason)));
    }
    run(&name, &program, environment)
}

/// URLs, with SAS, of two blobs of `id,text` rows, as the tests of ingestion require them.
fn two_blobs(emulator: &Emulator) -> Result<String, String> {
    let scratch = workspace::scratch("native-blobs")?;
    let mut urls = Vec::new();
    for name in ["first.csv", "second.csv"] {
        let file = scratch.join(name);
        workspace::write(&file, "1,one\n2,two\n")?;
        urls.push(emulator.upload(&file, name)?);
    }
    Ok(urls.join(" "))
}

fn under_memcheck(program: &Path, environment: &Environment) -> Result<(), String> {
    let mut command = memcheck(program);
    let said = process::tee(command.envs(*environment), Duration::from_secs(900))?;
    if said.success {
        Ok(())
    } else {
        Err("see above".into())
    }
}

/// A program under valgrind, which makes it fail on leaks and invalid accesses.
pub(crate) fn memcheck(program: impl AsRef<OsStr>) -> Command {
    let suppressions = workspace::root().join("tests/capi/valgrind.supp");
    let mut command = Command::new("valgrind");
    command
        .args([
            "--quiet",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect,possible",
        ])
        .args(["--error-exitcode=9", "--fair-sched=yes"])
        // The child of the fork test is killed on purpose, with memory held by its parent's
        // threads.
        .arg("--child-silent-after-fork=yes")
        .arg(format!("--suppressions={}", suppressions.display()))
        .arg(program);
    command
}
