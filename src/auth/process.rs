//! Runs a program and reads what it prints, within a limit. It is ended, and what it has started with it,
//! when the limit passes or nobody waits any more.
//!
//! Not tokio's processes: those install a handler of SIGCHLD, and this library has no signal handlers.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// The most that is read of what it prints.
const MAX_OUTPUT: usize = 1024 * 1024;
/// How often it is looked whether the program has ended.
const LOOK: Duration = Duration::from_millis(10);
/// How long what it has started may hold its pipes when it has ended itself.
const GRACE: Duration = Duration::from_secs(1);

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
    // Beyond the clock is no limit.
    let end_at = Instant::now().checked_add(limit);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    stand_alone(&mut command);
    without_window(&mut command);
    let mut child = command.spawn()?;
    let watched = follow(&mut child, &|| {
        let is_late = end_at.is_some_and(|at| Instant::now() >= at);
        stopped.load(Ordering::Relaxed) || is_late
    });
    match watched {
        Ok((State::Reaped, stdout, stderr)) => Ok(Output {
            status: assumed(&stdout),
            stdout,
            stderr,
        }),
        Ok((_, stdout, stderr)) => Ok(Output {
            status: child.wait().unwrap_or_else(|_| assumed(&stdout)),
            stdout,
            stderr,
        }),
        Err(error) => {
            end(&mut child);
            Err(error)
        }
    }
}

/// What it is at the end, and what it has printed to both pipes until then.
fn follow(child: &mut Child, is_over: &dyn Fn() -> bool) -> io::Result<(State, Vec<u8>, Vec<u8>)> {
    let stdout = Printed::read(child.stdout.take())?;
    let stderr = Printed::read(child.stderr.take())?;
    let mut ended: Option<Instant> = None;
    loop {
        let state = state(child)?;
        let is_read = stdout.is_whole() && stderr.is_whole();
        match state {
            State::Ended | State::Reaped if is_read => {
                return Ok((state, stdout.take(), stderr.take()));
            }
            // What it has started holds the other end of a pipe.
            State::Ended if ended.get_or_insert_with(Instant::now).elapsed() >= GRACE => {
                end_group(child);
                return Ok((state, stdout.take(), stderr.take()));
            }
            _ if is_over() => return Err(timed_out()),
            _ => thread::sleep(LOOK),
        }
    }
}

fn timed_out() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

/// Whether its number still means the program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Runs,
    /// It does, until the program is waited for.
    Ended,
    #[cfg_attr(not(unix), allow(dead_code, reason = "only unix loses children"))]
    /// The host program has waited for it, or ignores the ends of its children: the number may be another
    /// program's by now.
    Reaped,
}

/// Looks without taking the status, so that the number of the program, and of its group, stays its own.
#[cfg(unix)]
fn state(child: &Child) -> io::Result<State> {
    // SAFETY: all zeros are a value of this plain structure.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the structure outlives the call, which is all that writes to it.
    let looked = unsafe { libc::waitid(libc::P_PID, child.id(), &raw mut info, how) };
    if looked == 0 {
        // What has not ended leaves the zeros.
        return Ok(match info.si_signo {
            0 => State::Runs,
            _ => State::Ended,
        });
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ECHILD) => Ok(State::Reaped),
        Some(libc::EINTR) => Ok(State::Runs),
        _ => Err(error),
    }
}

#[cfg(not(unix))]
fn state(child: &mut Child) -> io::Result<State> {
    Ok(match child.try_wait()? {
        Some(_) => State::Ended,
        None => State::Runs,
    })
}

/// The status of a program whose own is lost: one that has printed something has succeeded.
fn assumed(stdout: &[u8]) -> ExitStatus {
    #[cfg(unix)]
    use std::os::unix::process::ExitStatusExt;
    #[cfg(windows)]
    use std::os::windows::process::ExitStatusExt;
    // As each system writes a status of 1.
    let failed = if cfg!(unix) { 1 << 8 } else { 1 };
    let is_good = !stdout.trim_ascii().is_empty();
    ExitStatus::from_raw(if is_good { 0 } else { failed })
}

/// What a pipe yields, read by a thread: a full pipe would stop the program.
struct Printed {
    data: Arc<Mutex<Vec<u8>>>,
    whole: Receiver<()>,
}

impl Printed {
    fn read(pipe: Option<impl Read + Send + 'static>) -> io::Result<Self> {
        let (sender, whole) = mpsc::channel::<()>();
        let data = Arc::<Mutex<Vec<u8>>>::default();
        let kept = data.clone();
        thread::Builder::new()
            .name("kusto-login".to_owned())
            .spawn(move || {
                if let Some(pipe) = pipe {
                    // What was read before an error is what there is.
                    let _ = read_into(&kept, pipe);
                }
                drop(sender);
            })?;
        Ok(Self { data, whole })
    }

    /// Whether its end was read, or as much as is read.
    fn is_whole(&self) -> bool {
        matches!(self.whole.try_recv(), Err(mpsc::TryRecvError::Disconnected))
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.data.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read_into(kept: &Mutex<Vec<u8>>, mut pipe: impl Read) -> io::Result<()> {
    let mut part = [0; 8 * 1024];
    loop {
        let count = match pipe.read(&mut part) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let space = MAX_OUTPUT - kept.len();
        kept.extend_from_slice(&part[..count.min(space)]);
        if count == 0 || kept.len() == MAX_OUTPUT {
            return Ok(());
        }
    }
}

/// A program with a group of its own: what it starts is ended together with it, and signals of this terminal are
/// none of its. Nor is any blocked, as all may be on this thread, which it would inherit for ever.
#[cfg(unix)]
pub(super) fn stand_alone(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
    let unblock = || {
        // SAFETY: a set is plain data that sigemptyset fills.
        let failed = unsafe {
            let mut none = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::pthread_sigmask(libc::SIG_SETMASK, &none, std::ptr::null_mut())
        };
        match failed {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    };
    // SAFETY: between fork and exec it calls only functions that are safe in a signal handler, and allocates nothing.
    unsafe { command.pre_exec(unblock) };
}

#[cfg(not(unix))]
pub(super) fn stand_alone(_: &mut Command) {}

/// A program without windows does not get one for this.
fn without_window(command: &mut Command) {
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        command.creation_flags(CREATE_NO_WINDOW);
    }
    #[cfg(not(windows))]
    let _ = command;
}

/// Ends the program and what it has started; nothing, if its number may be another's.
fn end(child: &mut Child) {
    if matches!(state(child), Ok(State::Reaped)) {
        return;
    }
    end_group(child);
    // It may have ended meanwhile.
    let _ = child.kill();
    let _ = child.wait();
}

/// Ends what it has started, while its number still means it. On Windows what it has started goes on.
fn end_group(child: &Child) {
    #[cfg(unix)]
    if let Ok(group) = i32::try_from(child.id()) {
        // SAFETY: a plain system call; the group is the one that the child leads.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    #[cfg(not(unix))]
    let _ = child;
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
        assert_eq!(output.stdout.len(), MAX_OUTPUT);
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

    /// The token is there; what holds the pipe is of no interest, and is ended.
    #[tokio::test]
    async fn what_was_printed_counts_although_a_child_holds_the_pipe() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("id");
        let text = format!("sleep 1000 & echo $! > {}; echo token", file.display());
        let output = run(shell(&text), LONG).await.unwrap();
        assert_eq!(output.stdout, b"token\n");
        assert!(output.status.success());
        is_gone(&std::fs::read_to_string(file).unwrap()).await;
    }

    #[tokio::test]
    async fn the_longest_limit_is_none() {
        let output = run(shell("echo token"), Duration::MAX).await.unwrap();
        assert_eq!(output.stdout, b"token\n");
    }

    /// Threads of the C library block all signals, and what they start would never end by one.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_takes_signals_and_has_a_group_of_its_own() {
        // A shell that waits blocks signals itself.
        let mut command = shell("exec cat /proc/self/status /proc/self/stat");
        stand_alone(&mut command);
        // SAFETY: sets are plain data; the mask is that of the started thread alone.
        let output = thread::spawn(move || unsafe {
            let mut all = std::mem::zeroed();
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
            command.output().unwrap()
        });
        let status = String::from_utf8(output.join().unwrap().stdout).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        assert_eq!(blocked.unwrap().trim(), "0000000000000000");
        let stat: Vec<_> = status.lines().last().unwrap().split(' ').collect();
        assert_eq!(stat[0], stat[4], "the group is its own");
    }
}
