//! The measured clients: the C library, the Rust API, the bindings, the official Python SDK.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::machine;
use super::measure::Meter;
use super::scenario::{Action, Mode, QUERY, Scenario};
use crate::emulator::Emulator;
use crate::{
    artifacts, compiler, csharp, go, isal, node, process, python, samples, storm, workspace,
};

/// A program that does what a scenario says.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// `NAME=VALUE`, for the clients that take them.
    settings: Vec<String>,
    /// Whether it is no client, but what the requests of small items cost at least.
    is_floor: bool,
}

/// How a client is started.
pub(crate) struct Program {
    /// Without the arguments of a scenario.
    command: Command,
    /// Of the client and of what it was built with or runs in.
    pub(crate) version: String,
}

impl Program {
    /// Of this repository.
    fn own(command: Command, built_with: &str) -> Program {
        Program {
            command,
            version: format!("{}, {built_with}", workspace::VERSION),
        }
    }
}

/// Builds a program and says how it is started.
type Build = fn() -> Result<Program, String>;

pub(crate) const C: &str = "C library";
pub(crate) const RUST: &str = "Rust API";
pub(crate) const PYTHON: &str = "Python SDK";
pub(crate) const RAW: &str = "raw sockets";
pub(crate) const HYPER: &str = "bare hyper";

/// Those of `bench bindings`, each with the function that builds its program: a language is one
/// line.
const LANGUAGES: &[(&str, Build)] = &[
    (C, c),
    ("C++ header", cpp),
    ("C# library", csharp),
    ("Go package", go),
    ("Node package", node),
    (RUST, rust),
];

impl Client {
    /// Builds ours and installs the peer. A peer that cannot be installed is a reason in the second
    /// list.
    pub(crate) fn all(settings: &[String]) -> Result<(Vec<Client>, Vec<String>), String> {
        let mut clients = Vec::from(Client::own(settings)?);
        let mut missing = Vec::new();
        let floors: [(&'static str, Build); 2] = [(RAW, raw), (HYPER, hyper)];
        for (name, build) in floors {
            match build() {
                Ok(program) => clients.push(Client {
                    is_floor: true,
                    ..Client::new(name, program, &[])
                }),
                Err(reason) => missing.push(format!("{name}: {reason}")),
            }
        }
        match peer() {
            Ok(program) => clients.push(Client::new(PYTHON, program, &[])),
            Err(reason) => missing.push(format!("{PYTHON}: {reason}")),
        }
        Ok((clients, missing))
    }

    /// The C library and the Rust API alone.
    pub(crate) fn own(settings: &[String]) -> Result<[Client; 2], String> {
        Ok([
            Client::new(C, c()?, settings),
            Client::new(RUST, rust()?, settings),
        ])
    }

    /// Every language that can be built here, C first, and the reasons for the others.
    pub(crate) fn languages() -> (Vec<Client>, Vec<String>) {
        let (mut clients, mut missing) = (Vec::new(), Vec::new());
        for &(name, build) in LANGUAGES {
            match build() {
                Ok(program) => clients.push(Client::new(name, program, &[])),
                Err(reason) => missing.push(format!("{name}: {reason}")),
            }
        }
        (clients, missing)
    }

    fn new(name: &'static str, program: Program, settings: &[String]) -> Client {
        Client {
            name,
            program,
            settings: settings.to_vec(),
            is_floor: false,
        }
    }

    /// Whether it takes part in a scenario.
    pub(crate) fn does(&self, scenario: &Scenario) -> bool {
        let of_floor = matches!(scenario.action, Action::Init | Action::Bytes);
        !self.is_floor || (of_floor && scenario.mode == Mode::Queued)
    }

    /// The command that does the scenario with this file against the emulator.
    pub(crate) fn command(
        &self,
        scenario: &Scenario,
        file: &Path,
        emulator: &Emulator,
        meter: &Meter,
    ) -> Result<Command, String> {
        let mut command = meter.around(&self.program.command);
        command
            .arg(scenario.action.name())
            .arg(file)
            .arg(scenario.items.to_string())
            .arg(scenario.concurrency.to_string())
            .args(&self.settings)
            .args(self.mode(scenario.mode))
            .envs(emulator.environment()?)
            .stdout(Stdio::null());
        Ok(command)
    }

    /// The argument for a mode that is not the default.
    fn mode(&self, mode: Mode) -> Option<String> {
        let name = mode.name();
        match (mode, self.name) {
            (Mode::Queued, _) => None,
            (_, PYTHON) => Some(name.to_owned()),
            _ => Some(format!("ingestion mode={name}")),
        }
    }
}

fn c() -> Result<Program, String> {
    compiled("bench.c", "cc")
}

fn cpp() -> Result<Program, String> {
    compiled("bench.cpp", "c++")
}

/// On the shared library.
fn compiled(source: &str, compiler: &str) -> Result<Program, String> {
    let program = workspace::scratch("bench")?.join(source.replace('.', "_"));
    let source = sources().join(source);
    compiler::program_with(&["-O2"], &source, &program, artifacts::release()?)?;
    Ok(built(&program, compiler, "--version"))
}

/// The requests of an ingestion on plain sockets, without any library.
fn raw() -> Result<Program, String> {
    let program = workspace::scratch("bench")?.join("raw");
    let mut command = Command::new("cc");
    command.args(["-O2", "-pthread", "-o"]).arg(&program);
    process::capture(command.arg(sources().join("raw.c")))?;
    Ok(built(&program, "cc", "--version"))
}

/// With the static library in it, as Go programs are by default.
fn go() -> Result<Program, String> {
    Ok(built(&go::built_benchmark()?, "go", "version"))
}

fn csharp() -> Result<Program, String> {
    let client = csharp::bench_client()?;
    let listed = machine::output(Command::new(client.get_program()).arg("--list-runtimes"));
    let version = listed.split(" [").next().unwrap_or_default();
    Ok(Program::own(client, version))
}

fn node() -> Result<Program, String> {
    let version = machine::output(Command::new("node").arg("--version"));
    Ok(Program::own(node::bench()?, &format!("node {version}")))
}

fn rust() -> Result<Program, String> {
    of_package("bench_client")
}

/// The requests of an ingestion on bare connections of the library's HTTP.
fn hyper() -> Result<Program, String> {
    of_package("bench_hyper")
}

/// A program of benches/.
fn of_package(name: &str) -> Result<Program, String> {
    let package = ["--package", "kusto-ingest-bench"];
    process::run(
        process::cargo(artifacts::RELEASE)
            .args(package)
            .args(isal::features()),
    )?;
    let program = workspace::target().join("release").join(name);
    Ok(built(&program, "rustc", "--version"))
}

/// A separate program, and the compiler that reports its version.
fn built(program: &Path, compiler: &str, version: &str) -> Program {
    let version = machine::output(Command::new(compiler).arg(version));
    Program::own(Command::new(program), &version)
}

fn peer() -> Result<Program, String> {
    let python = python::install()?;
    let versions = "import sys, zlib, importlib.metadata as m; print('azure-kusto-ingest', \
                    m.version('azure-kusto-ingest') + ', Python', sys.version.split()[0] + \
                    ', zlib', zlib.ZLIB_RUNTIME_VERSION)";
    let version = process::capture(Command::new(&python).args(["-c", versions]))?;
    let mut command = Command::new(&python);
    command.arg(sources().join("bench.py"));
    Ok(Program {
        command,
        version: version.trim().to_owned(),
    })
}

fn sources() -> PathBuf {
    workspace::root().join("benches/clients")
}

/// The files that are ingested, and the text of the query.
pub(crate) struct Data {
    pub(crate) storm: PathBuf,
    document: PathBuf,
    query: PathBuf,
}

impl Data {
    /// Writes them, the same on every run.
    pub(crate) fn write() -> Result<Data, String> {
        let directory = workspace::scratch("bench")?;
        let data = Data {
            storm: directory.join("storm64.csv"),
            document: directory.join("document.json"),
            query: directory.join("query.kql"),
        };
        storm::write_file(&data.storm, storm::RECORDS)?;
        std::fs::write(&data.document, samples::document())
            .map_err(|error| format!("cannot write {}: {error}", data.document.display()))?;
        workspace::write(&data.query, QUERY)?;
        Ok(data)
    }

    pub(crate) fn file(&self, action: Action) -> &Path {
        match action {
            Action::Bytes => &self.document,
            Action::Query => &self.query,
            Action::Init | Action::File | Action::Stream => &self.storm,
        }
    }
}
