//! The cost of a process: wall time, CPU time and peak memory.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::{compiler, process, workspace};

/// Longer than any measured run should take; a client that hangs must not hang the bench.
const PATIENCE: Duration = Duration::from_secs(300);

/// The cost of one process, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds, user and system.
    pub(crate) cpu: f64,
    /// Bytes of resident memory at the peak.
    pub(crate) peak: u64,
    /// How many times the median of its items' times their 99th percentile was; `None` of a program that
    /// does not say it.
    pub(crate) tail: Option<f64>,
}

/// The program that runs other programs and counts: benches/clients/measure.c.
pub(crate) struct Meter(PathBuf);

impl Meter {
    /// Compiles it.
    pub(crate) fn build() -> Result<Meter, String> {
        let program = workspace::scratch("bench")?.join("measure");
        let source = workspace::root().join("benches/clients/measure.c");
        let mut command = Command::new("cc");
        command
            .args(["-std=c99", "-D_XOPEN_SOURCE=700", "-O1"])
            .args(compiler::STRICT)
            .arg(source)
            .arg("-o")
            .arg(&program);
        process::capture(&mut command)?;
        Ok(Meter(program))
    }

    /// A command for [`run`]; arguments and environment that are added to it are the program's.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(&self.0);
        // With it some libraries record the stack of every error, also of handled ones: 6 % of the
        // CPU time of small ingestions.
        command.env_remove("RUST_BACKTRACE");
        command.env_remove("RUST_LIB_BACKTRACE");
        command.arg(program);
        command
    }

    /// As [`Meter::command`], for a program with arguments and environment.
    pub(crate) fn around(&self, program: &Command) -> Command {
        let mut command = self.command(program.get_program());
        command.args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// Runs a command of [`Meter::command`] to its end. Its standard output goes where the command sends
/// it; the error contains the last line that a failed program wrote to standard error.
pub(crate) fn run(command: &mut Command) -> Result<Usage, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start: {error}"))?;
    let (done, waiting) = mpsc::channel::<()>();
    let id = child.id();
    let watch = std::thread::spawn(move || {
        let late = waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if late {
            process::kill_with_children(id);
        }
        late
    });
    let mut said = Vec::new();
    if let Some(mut stream) = child.stderr.take() {
        stream
            .read_to_end(&mut said)
            .map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    drop(done);
    if watch.join().unwrap_or(false) {
        return Err(format!("not done after {PATIENCE:?}"));
    }
    let said = String::from_utf8_lossy(&said);
    let (said, usage) = parse(&said).ok_or_else(|| format!("{status}: {}", said.trim()))?;
    if !status.success() {
        eprintln!("{said}");
        return Err(format!(
            "{status}: {}",
            said.lines().last().unwrap_or_default()
        ));
    }
    Ok(usage)
}

/// The program's output and its cost.
fn parse(said: &str) -> Option<(&str, Usage)> {
    let (said, measured) = said.rsplit_once("\nmeasured ")?;
    let numbers: Vec<f64> = measured
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    let [wall, user, system, peak] = numbers.try_into().ok()?;
    // getrusage(2): kilobytes, but for macOS.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let usage = Usage {
        wall,
        cpu: user + system,
        peak: peak as u64 * unit,
        tail: said.lines().find_map(tail),
    };
    Some((said.trim_end(), usage))
}

/// Of the line in which a client tells the median and the 99th percentile of its items' times.
fn tail(line: &str) -> Option<f64> {
    let (median, p99) = line.strip_prefix("latency ")?.split_once(' ')?;
    let (median, p99): (f64, f64) = (median.parse().ok()?, p99.parse().ok()?);
    (median > 0.0).then(|| p99 / median)
}

/// The value in the middle, or the mean of the two in the middle; `None` of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some((sorted[last / 2] + sorted[last.div_ceil(2)]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn the_last_line_tells_the_cost() {
        let said = "warning: slow\n\nmeasured 1.500000 0.250000 0.500000 2048\n";
        let usage = Usage {
            wall: 1.5,
            cpu: 0.75,
            peak: 2048 * 1024,
            tail: None,
        };
        assert_eq!(parse(said), Some(("warning: slow", usage)));
        let said = "latency 200 500\n\nmeasured 1.5 0.2 0.1 2048\n";
        assert_eq!(parse(said).and_then(|(_, usage)| usage.tail), Some(2.5));
        assert_eq!(tail("latency 0 500"), None);
        assert_eq!(parse("measured 1.5 0.2"), None);
        assert_eq!(parse("\nmeasured 1.5 0.2 0.1 what"), None);
    }

    #[test]
    fn a_process_costs_something_and_its_failure_is_told() {
        let meter = Meter::build().unwrap();
        let usage = run(meter.command("sh").args(["-c", "exit 0"])).unwrap();
        assert!(usage.wall > 0.0 && usage.peak > 0, "{usage:?}");
        let script = "echo first >&2; echo why >&2; exit 3";
        let error = run(meter.command("sh").args(["-c", script])).unwrap_err();
        assert_eq!(error, "exit status: 3: why");
        let error = run(&mut meter.command("no-such-program")).unwrap_err();
        assert!(error.contains("no-such-program"), "{error}");
        let mut script = Command::new("sh");
        script
            .args(["-c", "echo $WHY >&2; exit 3"])
            .env("WHY", "because");
        let error = run(&mut meter.around(&script)).unwrap_err();
        assert_eq!(error, "exit status: 3: because");
    }
}
