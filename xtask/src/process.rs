//! Running other programs.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::workspace;

/// Whether `tool` is on the search path.
pub(crate) fn found(tool: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(tool).is_file())
    })
}

/// Cargo at the root of the workspace.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = outside_cargo(Command::new(
        std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
    ));
    command.args(arguments).current_dir(workspace::root());
    command
}

/// Removes the variables of `cargo run` from our environment: build scripts that watch those
/// variables (ring's does) would rebuild on every change between a direct and a nested call.
pub(crate) fn outside_cargo(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_this_package = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_BIN_",
            "CARGO_CRATE_",
        ];
        if of_this_package
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// A command as a person would type it.
pub(crate) fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs to the end with our own standard streams; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{status}: {}", spelled(command)))
    }
}

/// Runs silently and returns standard output; on failure the error contains the program's output.
pub(crate) fn capture(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{}: {}\n{text}{said}",
        output.status,
        spelled(command)
    ))
}

/// A program's output (both streams) and whether it succeeded.
pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) text: String,
}

/// Runs to the end, shows every line as it comes and keeps a copy. A program that is not done
/// after `patience` is killed.
pub(crate) fn tee(command: &mut Command, patience: Duration) -> Result<Said, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let process = child.id();
    let kept = Mutex::new(String::new());
    let (done, waiting) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if waiting.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                println!("killed, because it was not done after {patience:?}");
                kill_with_children(process);
            }
        });
        if let Some(stream) = child.stderr.take() {
            scope.spawn(|| show_and_keep(stream, &kept));
        }
        if let Some(stream) = child.stdout.take() {
            show_and_keep(stream, &kept);
        }
        drop(done);
    });
    let status = child.wait().map_err(|error| error.to_string())?;
    let text = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Said {
        success: status.success(),
        text,
    })
}

/// cargo's test programs hold our pipe open, so the children have to go too. Where there is no
/// /proc only the program itself is killed.
pub(crate) fn kill_with_children(process: u32) {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    signal("-KILL", process);
    children
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .for_each(kill_with_children);
}

fn show_and_keep(stream: impl Read, kept: &Mutex<String>) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream
        .read_until(b'\n', &mut line)
        .is_ok_and(|read| read > 0)
    {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        if let Ok(mut kept) = kept.lock() {
            kept.push_str(&text);
        }
        line.clear();
    }
}

pub(crate) fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!(
        "cannot start {}: {error}",
        command.get_program().to_string_lossy()
    )
}

/// A program in the background, ended when dropped.
pub(crate) struct Background {
    name: &'static str,
    child: Child,
}

impl Background {
    /// Starts `command` and waits until `ready` has found its values in the output lines.
    pub(crate) fn start<T: Send + 'static>(
        name: &'static str,
        command: &mut Command,
        patience: Duration,
        mut ready: impl FnMut(&str) -> Option<T> + Send + 'static,
    ) -> Result<(Background, T), String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| cannot_start(command, &error))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let background = Background { name, child };
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            // Continues to read after the answer, or the program would block on a full pipe.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(answer) = ready(&line) {
                    // The receiver is dropped once it has its one answer.
                    let _ = sender.send(answer);
                }
            }
        });
        match receiver.recv_timeout(patience) {
            Ok(answer) => Ok((background, answer)),
            Err(_) => Err(format!("{name} did not become ready: {}", spelled(command))),
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Interrupts the program (Ctrl-C), and fails when its status is not 0.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        signal("-INT", self.child.id());
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            match self.child.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(format!(
                        "{} ended with {status} after an interrupt",
                        self.name
                    ));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(format!(
            "{} did not end within 20 s of an interrupt",
            self.name
        ))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Both fail only when the program has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The standard library has no signals; `kill` is on every Unix. It fails only for a process that
/// has ended.
pub(crate) fn signal(name: &str, process: u32) {
    let _ = Command::new("kill")
        .arg(name)
        .arg(process.to_string())
        .status();
}
