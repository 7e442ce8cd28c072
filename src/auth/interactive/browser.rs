//! Opening an address in the browser of the system, without a shell.

use std::process::{Command, Stdio};

use crate::error::{Error, ErrorKind, Result, Step};

/// Opens it. Whether a page appears cannot be known.
///
/// # Errors
/// [`ErrorKind::Auth`] when there is no browser.
pub(super) fn open(url: &str) -> Result<()> {
    let own = std::env::var("BROWSER").ok();
    let own = own.as_deref().map(str::trim).filter(|own| !own.is_empty());
    let commands = match own {
        Some(own) => commands_of(own, url),
        None if has_screen() => vec![system(url)],
        None => return Err(without("this machine has no screen (DISPLAY is not set)")),
    };
    let mut why = "no command is named".to_owned();
    for mut command in commands {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match command.spawn() {
            Ok(mut child) => {
                // Somebody must take its end; it may be the browser itself, and run for days.
                let waiting = std::thread::Builder::new().name("kusto-browser".to_owned());
                let _ = waiting.spawn(move || child.wait());
                return Ok(());
            }
            Err(error) => why = error.to_string(),
        }
    }
    Err(without(&format!("no browser can be started: {why}")))
}

fn without(why: &str) -> Error {
    let message = format!(
        "{why}: use the login by device code (`Login=device`), or open the address yourself with a prompt"
    );
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}

/// The commands of the variable `BROWSER`: one with arguments, or names that are separated as paths are. `%s` stands for
/// the address, which otherwise is the last argument.
fn commands_of(text: &str, url: &str) -> Vec<Command> {
    let is_one = text.contains("%s") || text.contains(char::is_whitespace) || cfg!(windows);
    let names: Vec<&str> = match is_one {
        true => vec![text],
        false => text.split(':').filter(|name| !name.is_empty()).collect(),
    };
    let command = |text: &str| {
        let mut words = text.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words.map(|word| word.replace("%s", url)));
        if !text.contains("%s") {
            command.arg(url);
        }
        command
    };
    names.into_iter().map(command).collect()
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
}
