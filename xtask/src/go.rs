//! The Go binding: its native files, its tests and its examples.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{artifacts, demo, header, install, needs, process, tool, workspace};

/// Functions of the C API that the binding does not use, since it uses equivalent ones.
const NOT_WRAPPED: &[&str] = &[
    "kusto_after_fork_child",
    "kusto_client_warm_up",
    "kusto_execute",
    "kusto_has_feature",
    "kusto_ingest",
    "kusto_ingest_bytes",
    "kusto_op_state",
    "kusto_outcomes_peek",
    "kusto_outcomes_take",
    "kusto_props_clone",
    "kusto_report_count",
    "kusto_report_json",
    "kusto_result_source_id",
    "kusto_rows_int64",
    // Rows.JSON writes it from the copied rows.
    "kusto_rows_json",
    // Rows are copied into memory of Go, and freed at once.
    "kusto_rows_size",
    "kusto_source_fd",
    "kusto_source_reader",
    "kusto_status_list",
    // What is borrowed is read at once.
    "kusto_error_copy",
    // The names of all enumerations stand in catalog.go.
    "kusto_status_name",
    "kusto_track",
    "kusto_track_until_final",
    "kusto_version_number",
    // A context ends a call.
    "kusto_cancel_free",
    "kusto_cancel_is_signalled",
    "kusto_cancel_new",
    "kusto_cancel_signal",
    "kusto_cancel_use",
    "kusto_client_warm_up_table",
    // The names of all enumerations stand in catalog.go.
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

fn module() -> PathBuf {
    workspace::root().join("bindings/go")
}

fn examples() -> PathBuf {
    workspace::root().join("examples/go")
}

fn benchmark() -> PathBuf {
    workspace::root().join("benches/clients/go")
}

/// `cargo xtask stage go`: puts a tree as of `cargo xtask install` into the module.
pub(crate) fn stage() -> Result<PathBuf, String> {
    let native = module().join("native");
    workspace::remove_directory(&native)?;
    install::install(artifacts::release()?, &native)?;
    workspace::write(&module().join("staged.go"), &staged(&native)?)?;
    Ok(native)
}

/// A source file that changes with the staged library: Go checks only the package's own sources for
/// changes, and would reuse a program that is linked to the old library.
fn staged(native: &Path) -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    for file in ["include/kusto_ingest.h", "lib/libkusto_ingest.a"] {
        let file = native.join(file);
        let bytes = std::fs::read(&file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        bytes.hash(&mut hasher);
    }
    let number = hasher.finish();
    Ok(format!(
        "package kustoingest\n\n// Which library `cargo xtask stage go` has put into native.\nconst _ = {number:#x}\n"
    ))
}

/// Stages, then checks and tests the module and runs its examples.
pub(crate) fn leg() -> Result<Tally, String> {
    let native = stage()?;
    let mut tally = Tally::check("every C function is used", wraps_all());
    for directory in [module(), examples(), benchmark()] {
        let name = directory.strip_prefix(workspace::root());
        let name = name.unwrap_or(&directory).display().to_string();
        tally += Tally::check(&format!("gofmt {name}"), formatted(&directory));
        tally += Tally::check(
            &format!("go vet {name}"),
            process::capture(&mut go(&directory, &["vet", "./..."])).map(drop),
        );
    }
    tally += unready();
    tally += tests()?;
    tally += match tool::optional(&tool::PKG_CONFIG) {
        Ok(()) => Tally::check("the shared library", with_shared_library(&native)),
        Err(reason) => Tally::skip("the shared library", &reason),
    };
    let examples = built_examples()?;
    if cfg!(target_os = "linux") {
        tally += Tally::check(
            "a program needs the libraries that the README names",
            needs::stand_in("bindings/go/README.md", &examples.join("quickstart")),
        );
    }
    tally += demo::says_what_c_says("go", &examples)?;
    Ok(tally)
}

fn go(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("go");
    command.args(arguments).current_dir(directory);
    command
}

fn wraps_all() -> Result<(), String> {
    let mut text = String::new();
    for ending in ["go", "c"] {
        for file in workspace::files(&module(), ending) {
            text += &workspace::read(&file)?;
        }
    }
    header::names_every_function(&text, &[NOT_WRAPPED, &header::BY_KEYWORDS].concat())
}

fn formatted(directory: &Path) -> Result<(), String> {
    let mut command = Command::new("gofmt");
    let unformatted = process::capture(command.args(["-l", "."]).current_dir(directory))?;
    match unformatted.trim() {
        "" => Ok(()),
        files => Err(files.replace('\n', ", ")),
    }
}

/// A build that cannot succeed says what to do.
fn unready() -> Tally {
    let without_cgo = build_fails_saying(&module(), "0", "set CGO_ENABLED=1");
    let unstaged = bare_copy()
        .and_then(|directory| build_fails_saying(&directory, "1", "run `cargo xtask stage go`"));
    let checks = [
        Tally::check("a build without cgo says what to do", without_cgo),
        Tally::check("a build without the library says what to do", unstaged),
    ];
    checks.into_iter().sum()
}

fn build_fails_saying(directory: &Path, cgo: &str, sentence: &str) -> Result<(), String> {
    let mut build = go(directory, &["build", "."]);
    match process::capture(build.env("CGO_ENABLED", cgo)) {
        Ok(_) => Err("it succeeds".to_owned()),
        Err(said) if said.contains(sentence) => Ok(()),
        Err(said) => Err(said),
    }
}

/// The module's committed sources alone, as from a fresh checkout.
fn bare_copy() -> Result<PathBuf, String> {
    let copy = workspace::scratch("go-unstaged")?;
    for ending in ["go", "c", "h", "mod"] {
        for file in workspace::files(&module(), ending) {
            if let Some(name) = file.file_name().filter(|name| *name != "staged.go") {
                workspace::copy(&file, &copy.join(name))?;
            }
        }
    }
    Ok(copy)
}

/// The tests with the race detector; cgo's own checks are on by default. Then, without it, on the oldest Go.
fn tests() -> Result<Tally, String> {
    let test = |race: &[&str], variable: (&str, &str)| -> Result<Tally, String> {
        let emulator = Emulator::start(None)?;
        let mut command = go(&module(), &["test", "-count=1", "-timeout=10m", "-v"]);
        command
            .args(race)
            .arg("./...")
            .envs(emulator.environment()?)
            .env(variable.0, variable.1);
        let said = process::tee(&mut command, Duration::from_secs(15 * 60))?;
        emulator.stop()?;
        Ok(Tally::of_go(&said.text).or_failed(&said))
    };
    let mut tally = test(&["-race"], ("GODEBUG", "cgocheck=1"))?;
    let oldest = format!("go{}.0", oldest()?);
    println!("\nOn {oldest}:");
    tally += test(&[], ("GOTOOLCHAIN", &oldest))?;
    Ok(tally)
}

/// The Go version that the module requires, such as `1.22`.
fn oldest() -> Result<String, String> {
    let text = workspace::read(&module().join("go.mod"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("go "));
    Ok(line.ok_or("go.mod names no version")?.trim().to_owned())
}

/// The same source on the shared library, found by pkg-config and by a path in the program.
fn with_shared_library(native: &Path) -> Result<(), String> {
    let library = native.join("lib");
    let emulator = Emulator::start(None)?;
    let mut command = go(
        &module(),
        &[
            "test",
            "-count=1",
            "-tags=kusto_dynamic",
            "-run=TestVersions|TestEverySourceKind",
            ".",
        ],
    );
    command
        .envs(emulator.environment()?)
        .env("PKG_CONFIG_PATH", library.join("pkgconfig"))
        .env("CGO_LDFLAGS", format!("-Wl,-rpath,{}", library.display()));
    let result = process::capture(&mut command).map(drop);
    emulator.stop()?;
    result
}

fn built_examples() -> Result<PathBuf, String> {
    let programs = workspace::scratch("demo")?.join("go");
    workspace::create_directory(&programs)?;
    build(&examples(), &programs)?;
    Ok(programs)
}

/// The command that starts an example, on the library as it is now.
pub(crate) fn example(name: &str) -> Result<Command, String> {
    stage()?;
    Ok(Command::new(built_examples()?.join(name)))
}

/// The program of `cargo xtask bench bindings`, on the library as it is now.
pub(crate) fn built_benchmark() -> Result<PathBuf, String> {
    stage()?;
    let program = workspace::scratch("bench")?.join("bench_go");
    // Go checks sources only, and would keep a program with the library of an earlier build.
    let _ = std::fs::remove_file(&program);
    build(&benchmark(), &program)?;
    Ok(program)
}

/// `output` is the program, or a directory for several.
fn build(directory: &Path, output: &Path) -> Result<(), String> {
    let mut build = go(directory, &["build", "-o"]);
    process::capture(build.arg(output).arg("./...")).map(drop)
}
