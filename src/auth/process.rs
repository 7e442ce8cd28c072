//! Runs a program and reads what it prints, within a limit. It is ended, and what it has started with it,
//! when the limit passes or nobody waits any more.
//!
//! Not tokio's processes: those install a handler of SIGCHLD, and this library has no signal handlers.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// The most that is read of what it prints.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// How often it is looked whether the program has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Runs the command without input.
///
/// # Errors
/// Those of starting it, and [`io::ErrorKind::TimedOut`].
pub(super) async fn run(command: Command, limit: Duration) -> io::Result<Output> {
    let (answer, answered) = oneshot::channel();
    let stop = Stop(Arc::default());
    let stopped = stop.0.clone();
    thread::Builder::new()
        .name("kusto-login".to_owned())
        .spawn(move || {
            // The receiver is gone when nobody needs the token any more.
            let _ = answer.send(watch(command, limit, &stopped));
        })?;
    let ended = answered.await;
    ended.unwrap_or_else(|_| Err(io::Error::other("the thread of the program panicked")))
}

/// Stops the program when it is dropped.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn watch(mut command: Command, limit: Duration, stopped: &AtomicBool) -> io::Result<Output> {
    let begun = Instant::now();
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    lead_a_group(&mut command);
    let mut child = command.spawn()?;
    let stdout = read(child.stdout.take());
    let stderr = read(child.stderr.take());
    let status = match ended(&mut child, begun + limit, stopped) {
        Ok(status) => status,
        Err(error) => {
            end(&mut child);
            return Err(error);
        }
    };
    // What it has started may still hold the other end.
    let left = limit.saturating_sub(begun.elapsed());
    let printed = stdout
        .recv_timeout(left)
        .and_then(|out| Ok((out, stderr.recv_timeout(left)?)));
    let (stdout, stderr) = printed.map_err(|_| timed_out())?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

fn ended(child: &mut Child, at: Instant, stopped: &AtomicBool) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if stopped.load(Ordering::Relaxed) || Instant::now() >= at {
            return Err(timed_out());
        }
        thread::sleep(LOOK);
    }
}

fn timed_out() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

/// What a pipe yields to its end, read by a thread: a full pipe would stop the program.
fn read(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut data = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error is what there is.
            let _ = pipe.take(MAX_OUTPUT).read_to_end(&mut data);
        }
        let _ = sender.send(data);
    });
    receiver
}

/// A shell's children are ended together with it.
#[cfg(unix)]
fn lead_a_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn lead_a_group(_: &mut Command) {}

/// Ends the program, which has not been waited for: its number still means it.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Ok(group) = i32::try_from(child.id()) {
        // SAFETY: a plain system call; the group is the one that the child leads.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    // It may have ended meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(text: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text]);
        command
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_it_prints_is_read() {
        let output = run(shell("echo out; echo err >&2; exit 3"), LONG)
            .await
            .unwrap();
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(output.stderr, b"err\n");
        assert_eq!(output.status.code(), Some(3));
    }

    #[tokio::test]
    async fn more_than_a_pipe_holds_is_read_up_to_the_limit() {
        let output = run(shell("head -c 3000000 /dev/zero 2>/dev/null; true"), LONG)
            .await
            .unwrap();
        assert_eq!(output.stdout.len() as u64, MAX_OUTPUT);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_cannot_be_started() {
        let error = run(Command::new("/nonexistent/az"), LONG)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    /// Ends once the process is gone.
    async fn is_gone(id: &str) {
        let id: i32 = id.trim().parse().unwrap();
        // SAFETY: signal 0 only asks.
        while unsafe { libc::kill(id, 0) } == 0 && !is_zombie(id) {
            tokio::task::yield_now().await;
        }
    }

    /// A child of a shell that was killed waits for whoever adopts it.
    fn is_zombie(id: i32) -> bool {
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        text.contains(") Z ")
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_with_what_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("id");
        let text = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let error = run(shell(&text), Duration::from_millis(500))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        is_gone(&std::fs::read_to_string(file).unwrap()).await;
    }

    #[tokio::test]
    async fn a_program_that_nobody_waits_for_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("id");
        let text = format!(
            "echo $$ > {0}.new; mv {0}.new {0}; sleep 1000",
            file.display()
        );
        let running = tokio::spawn(run(shell(&text), LONG));
        while !file.exists() {
            tokio::task::yield_now().await;
        }
        running.abort();
        is_gone(&std::fs::read_to_string(file).unwrap()).await;
    }
}
