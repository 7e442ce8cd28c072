//! What a process costs: wall time, CPU time and peak memory.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::process;

/// Longer than any measured run should take; a client that hangs must not hang the bench.
const PATIENCE: Duration = Duration::from_secs(300);

/// The cost of one process, from before its start to after its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds, user and system.
    pub(crate) cpu: f64,
    /// Bytes of resident memory at the peak.
    ///
    /// The kernel starts the count with the pages of the process that forks, so a fat parent shows in
    /// a thin child: this program must stay small. It keeps no data; `floor` rows would show it.
    pub(crate) peak: u64,
}

/// Runs the command to its end. Its standard output goes where the command says; what it wrote to
/// standard error is in the error when it fails.
pub(crate) fn run(command: &mut Command) -> Result<Usage, String> {
    let spelled = process::spelled(command);
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {spelled}: {error}"))?;
    let (done, waiting) = mpsc::channel::<()>();
    let id = child.id();
    let watch = std::thread::spawn(move || {
        let late = waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if late {
            process::kill_with_children(id);
        }
        late
    });
    let mut said = String::new();
    if let Some(mut stream) = child.stderr.take() {
        // What a program writes there is for people; if it is no text, the status still tells.
        let _ = stream.read_to_string(&mut said);
    }
    let (status, usage) = wait(id)?;
    let wall = started.elapsed().as_secs_f64();
    drop(done);
    if watch.join().unwrap_or(false) {
        return Err(format!("not done after {PATIENCE:?}: {spelled}"));
    }
    if status != 0 {
        return Err(format!(
            "wait status {status}: {spelled}\n{}",
            said.trim_end()
        ));
    }
    Ok(Usage {
        wall,
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        peak: peak(&usage),
    })
}

/// The standard library waits without asking what the process used.
fn wait(id: u32) -> Result<(i32, libc::rusage), String> {
    let id = libc::pid_t::try_from(id).map_err(|error| error.to_string())?;
    let mut status = 0;
    // SAFETY: all zeros is a valid rusage, which has numbers only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live values of the right types. The process is our child and
        // nobody else waits for it.
        if unsafe { libc::wait4(id, &mut status, 0, &mut usage) } == id {
            return Ok((status, usage));
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(format!("cannot wait for a process: {error}"));
        }
    }
}

fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

fn peak(usage: &libc::rusage) -> u64 {
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * unit
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
    fn a_process_costs_something_and_its_failure_is_told() {
        let usage = run(Command::new("sh").args(["-c", "exit 0"])).unwrap();
        assert!(usage.wall > 0.0 && usage.peak > 0, "{usage:?}");
        assert!(usage.cpu < usage.wall + 1.0, "{usage:?}");
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert!(error.contains("why"), "{error}");
    }
}
