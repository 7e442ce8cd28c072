//! One run of an agent, from its start to its end.

use std::fs::OpenOptions;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::emulator::DATABASE;
use crate::process;

/// Much longer than anything here takes: the library itself repeats for half a minute.
const PATIENCE: Duration = Duration::from_secs(100);

/// What an agent is asked to ship, and where to.
pub(super) struct Job<'a> {
    pub(super) connection: &'a str,
    pub(super) file: &'a Path,
    /// Standard error is appended to this file.
    pub(super) errors: &'a Path,
    pub(super) table: &'a str,
    pub(super) drain_seconds: &'a str,
}

/// A running agent; dropping it kills it.
pub(super) struct Run {
    child: Child,
    stdout: ChildStdout,
}

impl Run {
    /// Starts it with small batches, so that there are many.
    pub(super) fn start(program: &Command, job: &Job<'_>) -> Result<Run, String> {
        let mut command = Command::new(program.get_program());
        command.args(program.get_args()).arg(job.file);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = program.get_current_dir() {
            command.current_dir(directory);
        }
        command.args(["--database", DATABASE, "--table", job.table]);
        command.args(["--batch-bytes", "2000", "--batch-seconds", "1"]);
        command.args(["--drain-seconds", job.drain_seconds]);
        command.env("KUSTO_CONNECTION_STRING", job.connection);
        let errors = OpenOptions::new()
            .create(true)
            .append(true)
            .open(job.errors);
        let errors = errors.map_err(|error| format!("{}: {error}", job.errors.display()))?;
        command.stderr(errors);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn();
        let mut child =
            child.map_err(|error| format!("{}: {error}", process::spelled(&command)))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        Ok(Run { child, stdout })
    }

    /// Asks it to end, as a service manager does.
    pub(super) fn terminate(&self) {
        process::signal("-TERM", self.child.id());
    }

    /// Ends it at once, as a crash does.
    pub(super) fn kill(mut self) -> Result<(), String> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(|error| error.to_string())
    }

    /// Waits until it holds, while the agent runs.
    pub(super) fn until(
        &mut self,
        what: &str,
        holds: impl Fn() -> Result<bool, String>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !holds()? {
            if let Some(status) = self.ended()? {
                return Err(format!("it ended with {status} before {what}"));
            }
            if Instant::now() > deadline {
                return Err(format!("not after {PATIENCE:?}: {what}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits for its end with this status; returns its last line.
    pub(super) fn ends_with(mut self, expected: i32) -> Result<String, String> {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.ended()? {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    return Err(format!("it did not end within {PATIENCE:?}"));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let mut text = String::new();
        let read = self.stdout.read_to_string(&mut text);
        read.map_err(|error| error.to_string())?;
        match status.code() == Some(expected) {
            true => Ok(text.lines().last().unwrap_or_default().to_owned()),
            false => Err(format!("it ended with {status}, not {expected}")),
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, String> {
        self.child.try_wait().map_err(|error| error.to_string())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail only when it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The two offsets in the position file of a file, behind its id; none where there is no such file yet.
pub(super) fn position(file: &Path) -> Result<Option<(u64, u64)>, String> {
    let name = position_file(file);
    let Ok(text) = std::fs::read_to_string(&name) else {
        return Ok(None);
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let offsets = match words[..] {
        [id, start, end] if id.len() >= 32 => start.parse().ok().zip(end.parse().ok()),
        _ => None,
    };
    let bad = || format!("{} holds {text:?}", name.display());
    offsets.map(Some).ok_or_else(bad)
}

fn position_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".position");
    PathBuf::from(name)
}
