//! Who is measured: the C library, the Rust API, the official Python SDK.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::machine;
use super::measure::Meter;
use super::scenario::{Action, Scenario};
use crate::emulator::Emulator;
use crate::{artifacts, compiler, isal, process, python, samples, storm, workspace};

/// A program that does what a scenario says.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    program: PathBuf,
    /// What comes before the scenario among its arguments.
    script: Option<PathBuf>,
    /// `NAME=VALUE`, for the clients that take them.
    settings: Vec<String>,
}

pub(crate) const C: &str = "C library";
pub(crate) const RUST: &str = "Rust API";
pub(crate) const PYTHON: &str = "Python SDK";

impl Client {
    /// Builds ours and installs the peer. A peer that cannot be had is a reason in the second list.
    pub(crate) fn all(settings: &[String]) -> Result<(Vec<Client>, Vec<String>), String> {
        let mut clients = vec![c(settings)?, rust(settings)?];
        let mut missing = Vec::new();
        match peer() {
            Ok(client) => clients.push(client),
            Err(reason) => missing.push(format!("{PYTHON}: {reason}")),
        }
        Ok((clients, missing))
    }

    /// Ours alone.
    pub(crate) fn own() -> Result<[Client; 2], String> {
        Ok([c(&[])?, rust(&[])?])
    }

    /// The command that does the scenario with this file against the emulator.
    pub(crate) fn command(
        &self,
        scenario: &Scenario,
        file: &Path,
        emulator: &Emulator,
        meter: &Meter,
    ) -> Result<Command, String> {
        let mut command = meter.command(&self.program);
        command
            .args(&self.script)
            .arg(scenario.action.name())
            .arg(file)
            .arg(scenario.items.to_string())
            .arg(scenario.concurrency.to_string())
            .args(&self.settings)
            .envs(emulator.environment()?)
            .stdout(Stdio::null());
        Ok(command)
    }
}

fn c(settings: &[String]) -> Result<Client, String> {
    let program = workspace::scratch("bench")?.join("bench_c");
    compiler::program(&sources().join("bench.c"), &program, artifacts::release()?)?;
    Ok(Client {
        name: C,
        version: format!("{}, {}", workspace::VERSION, compiler_version()),
        program,
        script: None,
        settings: settings.to_vec(),
    })
}

fn rust(settings: &[String]) -> Result<Client, String> {
    let package = ["--package", "kusto-ingest-bench"];
    process::run(
        process::cargo(artifacts::RELEASE)
            .args(package)
            .args(isal::features()),
    )?;
    let rustc = machine::output(Command::new("rustc").arg("--version"));
    Ok(Client {
        name: RUST,
        version: format!("{}, {rustc}", workspace::VERSION),
        program: workspace::target().join("release/bench_client"),
        script: None,
        settings: settings.to_vec(),
    })
}

fn peer() -> Result<Client, String> {
    let python = python::install()?;
    let versions = "import sys, zlib, importlib.metadata as m; print('azure-kusto-ingest', \
                    m.version('azure-kusto-ingest') + ', Python', sys.version.split()[0] + \
                    ', zlib', zlib.ZLIB_RUNTIME_VERSION)";
    Ok(Client {
        name: PYTHON,
        version: process::capture(Command::new(&python).args(["-c", versions]))?
            .trim()
            .to_owned(),
        program: python,
        script: Some(sources().join("bench.py")),
        settings: Vec::new(),
    })
}

fn compiler_version() -> String {
    machine::output(Command::new("cc").arg("--version"))
}

fn sources() -> PathBuf {
    workspace::root().join("benches/clients")
}

/// The files that are ingested.
pub(crate) struct Data {
    pub(crate) storm: PathBuf,
    document: PathBuf,
}

impl Data {
    /// Writes them, the same on every run.
    pub(crate) fn write() -> Result<Data, String> {
        let directory = workspace::scratch("bench")?;
        let data = Data {
            storm: directory.join("storm64.csv"),
            document: directory.join("document.json"),
        };
        storm::write_file(&data.storm, storm::RECORDS)?;
        std::fs::write(&data.document, samples::document())
            .map_err(|error| format!("cannot write {}: {error}", data.document.display()))?;
        Ok(data)
    }

    pub(crate) fn file(&self, action: Action) -> &Path {
        match action {
            Action::Bytes => &self.document,
            Action::Init | Action::File | Action::Stream => &self.storm,
        }
    }
}
