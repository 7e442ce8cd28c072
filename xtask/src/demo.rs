//! `cargo xtask demo`: real data through the C ABI into a local Kusto service and back out.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::artifacts::{self, Artifacts};
use crate::emulator::{DATABASE, Emulator};
use crate::tally::Tally;
use crate::{compiler, isal, outside, process, storm, transcript, workspace};

/// Programs of examples/c and of the other examples, in the order of the demo.
pub(crate) const PROGRAMS: [&str; 3] = ["quickstart", "storm_events", "ingest_file"];

/// Rows that `ingest_file` adds to the table that `quickstart` created with ten.
const FILE_ROWS: u64 = 100_000;
const QUICKSTART_ROWS: u64 = 10;

/// `cargo xtask demo`.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("demo takes no arguments".into());
    }
    println!("Building the library, the emulator and the examples.");
    let library = artifacts::release()?;
    let programs = build(library, "c")?;
    show(&programs)?;
    println!("{}", real_cluster(&programs));
    Ok(())
}

/// The demo as a test: every program must succeed, and every row must be there.
pub(crate) fn leg() -> Result<Tally, String> {
    let programs = build(artifacts::release()?, "c")?;
    let mut tally = counted(&programs)?;
    if cfg!(target_os = "linux") {
        tally += Tally::check("Ctrl-C ends ingest_file", obeys_interrupts(&programs));
    }
    Ok(tally)
}

/// Whether the program ends when it is interrupted while it reads a pipe that has no end.
fn obeys_interrupts(programs: &Path) -> Result<(), String> {
    let emulator = Emulator::start(None)?;
    let pipe = workspace::scratch("data")?.join("endless.csv");
    let made = "rm -f \"$1\" && mkfifo \"$1\"";
    process::capture(Command::new("sh").args(["-c", made, "sh"]).arg(&pipe))?;
    let mut writer = Command::new("sh");
    let rows = "exec yes 1,2026-01-01T00:00:00Z,again > \"$1\"";
    writer.args(["-c", rows, "sh"]).arg(&pipe);
    // Its end is that of the pipe's reader. (What hangs is ended by `timeout`, which hands signals on.)
    let mut writing = writer.spawn().map_err(|error| error.to_string())?;
    let mut program = Command::new("timeout");
    program.arg("60").arg(programs.join("ingest_file"));
    program
        .arg("Table1")
        .arg(&pipe)
        .envs(emulator.environment()?);
    let said = interrupted_at_its_first_line(&mut program);
    // It has ended already, but for a program that never read.
    let _ = writing.kill().and_then(|()| writing.wait());
    let said = said?;
    match said.contains("CANCELLED") {
        true => emulator.stop(),
        false => Err(format!("it says:\n{said}")),
    }
}

/// Interrupts the program when it has written a line to its standard error: what it says after that.
fn interrupted_at_its_first_line(program: &mut Command) -> Result<String, String> {
    let program = program.stdout(Stdio::null()).stderr(Stdio::piped());
    let failed = |error: std::io::Error| error.to_string();
    let mut child = program.spawn().map_err(failed)?;
    let mut errors = BufReader::new(child.stderr.take().ok_or("no standard error")?);
    let mut said = String::new();
    errors.read_line(&mut said).map_err(failed)?;
    process::signal("-INT", child.id());
    errors.read_to_string(&mut said).map_err(failed)?;
    match child.wait().map_err(failed)?.code() {
        Some(1) => Ok(said),
        code => Err(format!("it ended with {code:?}, and says:\n{said}")),
    }
}

/// The same with the Rust programs of the same names, in the build that `cargo test` made.
pub(crate) fn rust_leg() -> Result<Tally, String> {
    let mut build = process::cargo(["build", "--quiet", "--workspace", "--examples"]);
    process::run(build.args(isal::features()))?;
    let mut tally = counted(&workspace::target().join("debug/examples"))?;
    tally += Tally::check(
        "a package outside names every public type by the re-exports",
        outside::works(),
    );
    Ok(tally)
}

/// The same with the C++ programs; they must also print the output of those in C.
pub(crate) fn cpp_says_what_c_says() -> Result<Tally, String> {
    says_what_c_says("cpp", &build(artifacts::release()?, "cpp")?)
}

/// Runs the programs of a language, and compares their output with that of C's.
pub(crate) fn says_what_c_says(language: &str, programs: &Path) -> Result<Tally, String> {
    let c = show(&build(artifacts::release()?, "c")?)?;
    let other = show(programs)?;
    Ok(Tally::check(
        &format!("examples/{language} print the output of examples/c"),
        transcript::same(&c, &other),
    ))
}

fn counted(programs: &Path) -> Result<Tally, String> {
    let transcript = show(programs)?;
    let counted = transcript
        .lines()
        .any(|line| line.contains(&storm::RECORDS.to_string()));
    let shown = if counted {
        Ok(())
    } else {
        Err(format!("its output does not show {}", storm::RECORDS))
    };
    let mut tally = Tally::check("storm_events counts every record", shown);
    // The programs succeeded and the rows of the last were counted; otherwise `show` would have
    // failed.
    tally.passed += PROGRAMS.len() as u64;
    Ok(tally)
}

/// Compiles the programs of a language, which is also their ending, and returns the directory they
/// are in.
fn build(library: &Artifacts, language: &str) -> Result<PathBuf, String> {
    let directory = workspace::scratch("demo")?.join(language);
    workspace::create_directory(&directory)?;
    let examples = workspace::root().join("examples").join(language);
    for name in PROGRAMS {
        let source = examples.join(format!("{name}.{language}"));
        compiler::program(&source, &directory.join(name), library)?;
    }
    Ok(directory)
}

/// Runs the three programs against a separate emulator; returns their output.
fn show(programs: &Path) -> Result<String, String> {
    let emulator = Emulator::start(None)?;
    println!(
        "\nThe emulator answers at {}, database {DATABASE}.",
        emulator.engine()?
    );

    let mut transcript = String::new();
    let mut scene = |title: &str, name: &str, arguments: &[&str]| -> Result<(), String> {
        println!("\n== {name}: {title}");
        transcript += &run(&programs.join(name), arguments, &emulator)?;
        Ok(())
    };
    scene("ten JSON lines from memory", "quickstart", &[])?;

    let data = workspace::scratch("data")?;
    let csv = data.join("storm_events.csv");
    let size = storm::write_file(&csv, storm::RECORDS)?;
    let blob = emulator.upload(&csv, "storm_events.csv")?;
    let title = format!(
        "{} records, {:.1} MB, already in a blob",
        storm::RECORDS,
        size as f64 / 1e6
    );
    scene(&title, "storm_events", &[&blob, &size.to_string()])?;

    let rows = write_rows(&data.join("rows.csv"))?;
    let title = format!("{FILE_ROWS} rows of a file, into the table of quickstart");
    scene(&title, "ingest_file", &["Table1", &rows.to_string_lossy()])?;
    emulator.wait_for_rows("Table1", QUICKSTART_ROWS + FILE_ROWS)?;

    emulator.stop()?;
    Ok(transcript)
}

fn run(program: &Path, arguments: &[&str], emulator: &Emulator) -> Result<String, String> {
    let started = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).envs(emulator.environment()?);
    let said = process::tee(&mut command, Duration::from_secs(300))?;
    println!("-- {:.1} s", started.elapsed().as_secs_f64());
    if said.success {
        Ok(said.text)
    } else {
        Err(format!("{} failed", program.display()))
    }
}

/// A CSV file that fits the table of quickstart: long, datetime, string.
fn write_rows(file: &Path) -> Result<PathBuf, String> {
    let mut text = String::new();
    for row in 0..FILE_ROWS {
        let (minute, second) = (row / 60 % 60, row % 60);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{row},2026-01-01T00:{minute:02}:{second:02}Z,\"row {row}, from a file\""
        );
    }
    workspace::write(file, &text)?;
    Ok(file.to_path_buf())
}

fn real_cluster(programs: &Path) -> String {
    format!(
        "
The same programs talk to a real cluster. Say where it is and give a token:

  export KUSTO_CONNECTION_STRING=\"Data Source=https://CLUSTER.REGION.kusto.windows.net;Fed=true;Application Token=$(\\
    az account get-access-token --resource https://kusto.kusto.windows.net --query accessToken --output tsv)\"
  export KUSTO_DATABASE=YOUR_DATABASE
  {}/quickstart",
        programs.strip_prefix(workspace::root()).unwrap_or(programs).display()
    )
}
