//! Opening an address in the browser of the system, without a shell.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::auth::process::stand_alone;
use crate::error::{Error, ErrorKind, Result, Step};

/// What to do where no browser opens.
pub(super) const ADVICE: &str =
    "use the login by device code (`Login=device`), or open the address yourself with a prompt";

/// How long a program is watched: one that runs longer is the browser itself, and its user may be at work in it.
const START: Duration = Duration::from_secs(5);

/// Opens it. Whether a page appears cannot be known, but a program that soon ends in failure has shown none: the next
/// is tried.
///
/// # Errors
/// [`ErrorKind::Auth`] when there is no browser.
pub(super) async fn open(url: &str) -> Result<()> {
    let own = std::env::var("BROWSER").ok();
    let own = own.as_deref().map(str::trim).filter(|own| !own.is_empty());
    let (commands, whose) = match own {
        Some(own) => (commands_of(own, url), " as the variable BROWSER says"),
        None if has_screen() => (vec![system(url)], ""),
        None => return Err(without("this machine has no screen (DISPLAY is not set)")),
    };
    first_of(commands)
        .await
        .map_err(|why| without(&format!("no browser can be started{whose}: {why}")))
}

/// Starts one after the other until one does not fail; why the last one did.
async fn first_of(commands: Vec<Command>) -> std::result::Result<(), String> {
    let mut why = "no command is named".to_owned();
    for mut command in commands {
        let program = command.get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // It outlives the program that has opened it.
        stand_alone(&mut command);
        match command.spawn() {
            Ok(child) => match tokio::time::timeout(START, end_of(child)).await {
                Ok(Some(status)) if failed(status) => why = format!("{program} ended: {status}"),
                _ => return Ok(()),
            },
            Err(error) => why = format!("{program}: {error}"),
        }
    }
    Err(why)
}

/// How it ended, if that can be known. Somebody must take its end, also after the login, and it may run for days.
async fn end_of(mut child: Child) -> Option<ExitStatus> {
    let (ended, end) = oneshot::channel();
    let waiting = std::thread::Builder::new().name("kusto-browser".to_owned());
    let waiting = waiting.spawn(move || {
        // The login may be over.
        let _ = ended.send(child.wait().ok());
    });
    // Without a thread nobody waits for it.
    waiting.ok()?;
    end.await.ok().flatten()
}

/// On Windows the program hands the address on, and its status says nothing.
fn failed(status: ExitStatus) -> bool {
    cfg!(not(windows)) && !status.success()
}

fn without(why: &str) -> Error {
    let message = format!("{why}: {ADVICE}");
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}

/// The commands of the variable `BROWSER`: the path of a program, one with arguments, or names that are separated as
/// paths are. `%s` stands for the address, which otherwise is the last argument.
fn commands_of(text: &str, url: &str) -> Vec<Command> {
    if Path::new(text).is_file() {
        let mut command = Command::new(text);
        command.arg(url);
        return vec![command];
    }
    let is_one = text.contains("%s") || text.contains(char::is_whitespace) || cfg!(windows);
    let names: Vec<&str> = match is_one {
        true => vec![text],
        false => text.split(':').filter(|name| !name.is_empty()).collect(),
    };
    let command = |text: &str| {
        let mut words = words_of(text).into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words.map(|word| word.replace("%s", url)));
        if !text.contains("%s") {
            command.arg(url);
        }
        command
    };
    names.into_iter().map(command).collect()
}

/// Words between spaces; one that begins with a quote goes on to the next such quote.
fn words_of(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let quoted = match first {
            '"' | '\'' => rest[1..].split_once(first),
            _ => None,
        };
        let plain = || rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (word, after) = quoted.unwrap_or_else(plain);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// Programs of Unix without a screen would write to the terminal, or wait there.
fn has_screen() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

fn system(url: &str) -> Command {
    let (program, first) = match () {
        () if cfg!(windows) => ("rundll32", Some("url.dll,FileProtocolHandler")),
        () if cfg!(target_os = "macos") => ("open", None),
        () => ("xdg-open", None),
    };
    let mut command = Command::new(program);
    command.args(first).arg(url);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let of = |command: &Command| {
            let program = std::iter::once(command.get_program());
            let all = program.chain(command.get_args());
            all.map(|word| word.to_string_lossy().into_owned())
                .collect()
        };
        commands_of(text, "http://x/?a=1&b=$(c)")
            .iter()
            .map(of)
            .collect()
    }

    /// No shell sees it: what it would take for orders is a part of the address.
    #[test]
    fn the_address_is_one_argument() {
        let url = "http://x/?a=1&b=$(c)";
        assert_eq!(words("firefox"), [["firefox", url]]);
        assert_eq!(
            words("curl -d {\"u\":\"%s\"} http://y:1"),
            [["curl", "-d", &format!("{{\"u\":\"{url}\"}}"), "http://y:1"]]
        );
        if cfg!(unix) {
            assert_eq!(words("a:b"), [["a", url], ["b", url]]);
        }
    }

    #[test]
    fn a_path_may_hold_spaces() {
        let url = "http://x/?a=1&b=$(c)";
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("the browser");
        std::fs::write(&path, "").unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(words(path), [[path, url]]);
        assert_eq!(words(&format!("\"{path}\" -x")), [[path, "-x", url]]);
        assert_eq!(words("'a b' \"c d\""), [["a b", "c d", url]]);
    }

    #[cfg(unix)]
    fn shell(text: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text]);
        command
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn one_that_fails_makes_room_for_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("opened");
        let good = shell(&format!("echo yes > {}", file.display()));
        let absent = Command::new("/nonexistent/browser");
        first_of(vec![absent, shell("exit 3"), good]).await.unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "yes\n");
        let why = first_of(vec![shell("exit 3")]).await.unwrap_err();
        assert!(why.contains("/bin/sh ended") && why.contains('3'), "{why}");
    }

    /// A browser that its user closes, or that crashes, while the login goes on elsewhere.
    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn one_that_has_run_for_a_while_was_a_browser_however_it_ends() {
        first_of(vec![shell("sleep 3; exit 3")]).await.unwrap();
    }
}
