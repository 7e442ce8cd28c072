//! A player as a process.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::message::Message;
use crate::process;

/// After which a player that does not answer is abandoned.
const PATIENCE: Duration = Duration::from_secs(120);
/// After which one that should end is abandoned.
const FAREWELL: Duration = Duration::from_secs(30);

/// Dropping it kills the process.
pub(crate) struct Player {
    child: Child,
    /// Closed to signal the end of the input.
    input: Option<ChildStdin>,
    answers: Receiver<Result<Message, String>>,
    /// Where its standard error goes.
    said: PathBuf,
}

impl Player {
    pub(crate) fn start(mut command: Command, said: PathBuf) -> Result<Player, String> {
        let failed =
            |error: std::io::Error| format!("cannot start {}: {error}", process::spelled(&command));
        let file = File::create(&said).map_err(failed)?;
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn();
        let mut child = spawned
            .map_err(|error| format!("cannot start {}: {error}", process::spelled(&command)))?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("no standard output")?;
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(read) = Message::read(&mut output).transpose() {
                let ended = read.is_err();
                // An abandoned player has no reader any more.
                if sender.send(read).is_err() || ended {
                    break;
                }
            }
        });
        Ok(Player {
            child,
            input,
            answers,
            said,
        })
    }

    /// Its answer. An error is the player's end: it must not be used again.
    pub(crate) fn ask(&mut self, message: &Message) -> Result<Answer, String> {
        let input = self.input.as_mut().ok_or("its input is closed")?;
        // The other streams show why a player has ended.
        let _ = message.write(input);
        match self.answers.recv_timeout(PATIENCE) {
            Ok(answer) => answer.and_then(Answer::try_from),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("no answer to {:?} in {PATIENCE:?}", message.kind))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.epitaph()),
        }
    }

    fn epitaph(&mut self) -> String {
        let status = match self.ended() {
            Some(status) => status,
            None => "it closed its output and runs on".to_owned(),
        };
        format!("{status}; {}", self.last_words())
    }

    /// Its status, once it has ended by itself.
    fn ended(&mut self) -> Option<String> {
        let end = Instant::now() + FAREWELL;
        while Instant::now() < end {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Some("it ended".to_owned()),
                Ok(Some(status)) => return Some(format!("it ended with {status}")),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    }

    fn last_words(&self) -> String {
        const MOST: u64 = 2000;
        let read = || {
            let mut file = File::open(&self.said)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map(|_| bytes)
        };
        match read() {
            Ok(bytes) if bytes.is_empty() => "it said nothing".to_owned(),
            Ok(bytes) => format!("it said: {}", String::from_utf8_lossy(&bytes).trim_end()),
            Err(error) => error.to_string(),
        }
    }

    /// Closes its input; then it must end with status 0.
    pub(crate) fn end(mut self) -> Result<(), String> {
        self.input = None;
        match self.ended().as_deref() {
            Some("it ended") => Ok(()),
            Some(badly) => Err(format!("{badly}; {}", self.last_words())),
            None => Err(format!("it did not end in {FAREWELL:?}")),
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            process::kill_with_children(self.child.id());
        }
        // Nothing more can be done about one that cannot be waited for.
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Player {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        let name = format!("kusto-player-{}-{}", std::process::id(), text.len());
        Player::start(command, std::env::temp_dir().join(name)).unwrap()
    }

    #[test]
    fn a_player_answers_and_ends() {
        let mut player = script("read a; read b; echo ok; echo \"got $a\"; echo; read c || exit 0");
        let answer = player.ask(&Message::new("reset")).unwrap();
        assert_eq!(answer.get("got"), Some("reset"));
        player.end().unwrap();
    }

    #[test]
    fn one_that_dies_is_told_with_its_last_words() {
        let reason = script("echo no such verb >&2; exit 2").ask(&Message::new("jump"));
        let reason = reason.unwrap_err();
        assert!(reason.contains("status: 2"), "{reason}");
        assert!(reason.contains("no such verb"), "{reason}");
        let reason = script("read a; echo leaked >&2; exit 9 ")
            .end()
            .unwrap_err();
        assert!(
            reason.contains("status: 9") && reason.contains("leaked"),
            "{reason}"
        );
        let reason = script("echo fine; echo  ")
            .ask(&Message::new("x"))
            .unwrap_err();
        assert!(reason.contains("fine"), "{reason}");
    }
}
