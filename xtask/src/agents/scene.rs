//! What an agent goes through, and the count at the end.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::run::{Job, Run, position};
use crate::emulator::Emulator;
use crate::workspace;

const TABLE: &str = "Lines";

/// Lines of each act: some batches.
const ACT: u64 = 300;

/// What fails once or twice, which the library makes good.
const FAULTS: [(&str, &str); 4] = [
    (
        "a refusal that asks to wait",
        r#"{"service":"queue","operation":"PutMessage","times":1,"fault":{"kind":"status","status":503,"retryAfter":1}}"#,
    ),
    (
        "a refused upload",
        r#"{"service":"blob","times":2,"fault":{"kind":"status","status":500}}"#,
    ),
    (
        "a lost answer",
        r#"{"service":"queue","operation":"PutMessage","times":2,"fault":{"kind":"cut","when":"after"}}"#,
    ),
    (
        "a broken connection",
        r#"{"service":"blob","times":2,"fault":{"kind":"cut","when":"during","bytes":100}}"#,
    ),
];

/// Messages are posted and the answers lost for so long that the library gives up.
const ANSWERS_LOST: &str =
    r#"{"service":"queue","operation":"PutMessage","fault":{"kind":"cut","when":"after"}}"#;

/// A message is posted, and its answer never comes: an end in the middle leaves the outcome in doubt.
const NO_ANSWER: &str =
    r#"{"service":"queue","operation":"PutMessage","fault":{"kind":"stall","when":"after"}}"#;

const PARTIAL: &str = "1000000,\"not yet a li";

/// The whole of it, on an emulator of its own.
pub(super) fn play(name: &str, program: &Command) -> Result<(), String> {
    let emulator = Emulator::start(None)?;
    emulator.command(&format!(".create table {TABLE} (Number:long, Text:string)"))?;
    let directory = workspace::scratch("agents")?.join("files").join(name);
    Scene::new(&emulator, program, &directory)?.play()?;
    emulator.stop()
}

struct Scene<'a> {
    emulator: &'a Emulator,
    program: &'a Command,
    /// The file whose lines are shipped.
    path: PathBuf,
    file: File,
    /// Where the agents' standard error goes.
    errors: PathBuf,
    written: u64,
}

impl<'a> Scene<'a> {
    fn new(emulator: &'a Emulator, program: &'a Command, directory: &Path) -> Result<Self, String> {
        workspace::remove_directory(directory)?;
        workspace::create_directory(directory)?;
        let path = directory.join("lines.csv");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Ok(Scene {
            emulator,
            program,
            file: file.map_err(|error| error.to_string())?,
            path,
            errors: directory.join("errors.txt"),
            written: 0,
        })
    }

    fn play(&mut self) -> Result<(), String> {
        self.acts().map_err(|reason| {
            let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
            format!("{reason}\nIts standard error:\n{errors}")
        })
    }

    fn acts(&mut self) -> Result<(), String> {
        self.lines(ACT)?;
        self.refuses_a_wrong_table()?;
        let mut run = self.start(TABLE, "30")?;
        for (what, fault) in FAULTS {
            self.arm(fault)?;
            self.lines(ACT)?;
            self.all_shipped(&mut run, what)?;
            self.disarm(what)?;
        }
        self.repeats(&mut run)?;
        self.crashes(run)?;
        self.goes_on_and_ends()?;
        self.ends_at_the_deadline()?;
        self.every_line_is_there_once()?;
        self.ships_another_file_of_this_name()?;
        self.refuses_a_file_that_shrank()
    }
}

/// The acts.
impl Scene<'_> {
    fn refuses_a_wrong_table(&self) -> Result<(), String> {
        self.start("NoSuchTable", "30")?.ends_with(2)?;
        match (self.errors_size()?, position(&self.path)?) {
            (1.., None | Some((0, 0))) => Ok(()),
            _ => Err("a wrong table must be reported, and nothing be sent".into()),
        }
    }

    /// It goes on after the library has given up, with the same batch.
    fn repeats(&mut self, run: &mut Run) -> Result<(), String> {
        let before = self.errors_size()?;
        self.arm(ANSWERS_LOST)?;
        self.lines(ACT)?;
        run.until("it reported a failure", || Ok(self.errors_size()? > before))?;
        self.disarm("an answer that stays lost")?;
        self.all_shipped(run, "answers that stay lost")
    }

    /// It is killed while a batch is posted and in doubt. The next run sends that range again, with its key.
    fn crashes(&mut self, mut run: Run) -> Result<(), String> {
        self.arm(NO_ANSWER)?;
        self.lines(ACT)?;
        run.until("a message was posted", || Ok(self.fired()? > 0))?;
        run.kill()?;
        self.disarm("an answer that never comes")?;
        self.is_in_the_middle()
    }

    /// A run that catches up, and is asked to end while lines wait, of which the last is not whole.
    fn goes_on_and_ends(&mut self) -> Result<(), String> {
        self.lines(ACT)?;
        let mut run = self.start(TABLE, "30")?;
        self.all_shipped(&mut run, "the crash")?;
        self.lines(ACT)?;
        let whole = self.size()?;
        self.append(PARTIAL)?;
        run.terminate();
        let last = run.ends_with(0)?;
        let expected = format!("{} lines in ", 3 * ACT);
        if !last.starts_with(&expected) || !last.ends_with(" batches") {
            return Err(format!(
                "its last line is {last:?}, not {expected}N batches"
            ));
        }
        match position(&self.path)? {
            Some((start, end)) if (start, end) == (whole, whole) => Ok(()),
            other => Err(format!(
                "after the end the position is {other:?}, not {whole}"
            )),
        }
    }

    /// What cannot be shipped in time stays for the next run.
    fn ends_at_the_deadline(&mut self) -> Result<(), String> {
        self.append("ne\"\n")?;
        self.written += 1;
        self.arm(NO_ANSWER)?;
        let mut run = self.start(TABLE, "1")?;
        run.until("a message was posted", || Ok(self.fired()? > 0))?;
        run.terminate();
        run.ends_with(3)?;
        self.disarm("an answer that never comes")?;
        self.is_in_the_middle()?;
        let mut run = self.start(TABLE, "30")?;
        self.all_shipped(&mut run, "the deadline")?;
        run.terminate();
        match run.ends_with(0)?.as_str() {
            "1 lines in 1 batches" => Ok(()),
            last => Err(format!("its last line is {last:?}")),
        }
    }

    /// The same lines in another directory, as of another machine: they are not taken for the first file's.
    fn ships_another_file_of_this_name(&mut self) -> Result<(), String> {
        let directory = self.path.with_file_name("other");
        workspace::create_directory(&directory)?;
        let other = directory.join(self.path.file_name().unwrap_or_default());
        workspace::copy(&self.path, &other)?;
        let first = std::mem::replace(&mut self.path, other);
        let mut run = self.start(TABLE, "30")?;
        self.all_shipped(&mut run, "a name that is known")?;
        run.terminate();
        run.ends_with(0)?;
        self.path = first;
        self.emulator.tell_control("POST", "flush", "")?;
        self.emulator.wait_for_rows(TABLE, 2 * self.written)
    }

    /// What is behind the position would not be the lines that follow.
    fn refuses_a_file_that_shrank(&mut self) -> Result<(), String> {
        self.lines(1)?;
        let mut run = self.start(TABLE, "30")?;
        self.all_shipped(&mut run, "nothing")?;
        let before = self.errors_size()?;
        let shrank = self.file.set_len(self.size()? / 2);
        shrank.map_err(|error| format!("cannot truncate {}: {error}", self.path.display()))?;
        let last = run.ends_with(1)?;
        match (last.as_str(), self.errors_size()? > before) {
            ("1 lines in 1 batches", true) => Ok(()),
            _ => Err(format!(
                "a file that shrank must be reported; the last line is {last:?}"
            )),
        }
    }

    fn every_line_is_there_once(&self) -> Result<(), String> {
        self.emulator.tell_control("POST", "flush", "")?;
        self.emulator.wait_for_rows(TABLE, self.written)?;
        let twice = format!("{TABLE} | summarize Times = count() by Number | where Times > 1");
        let twice = self.emulator.query(&twice)?;
        match twice.is_empty() {
            true => Ok(()),
            false => Err(format!("lines that are there more than once: {twice:?}")),
        }
    }
}

/// What the acts are made of.
impl Scene<'_> {
    fn start(&self, table: &str, drain_seconds: &str) -> Result<Run, String> {
        let job = Job {
            connection: self.emulator.connection_string()?,
            file: &self.path,
            errors: &self.errors,
            table,
            drain_seconds,
        };
        Run::start(self.program, &job)
    }

    fn append(&mut self, text: &str) -> Result<(), String> {
        let wrote = self.file.write_all(text.as_bytes());
        wrote.map_err(|error| format!("cannot write {}: {error}", self.path.display()))
    }

    /// Appends whole lines, each with a number of its own.
    fn lines(&mut self, count: u64) -> Result<(), String> {
        let numbers = self.written..self.written + count;
        let text: String = numbers.map(|n| format!("{n},\"line {n}\"\n")).collect();
        self.written += count;
        self.append(&text)
    }

    fn size(&self) -> Result<u64, String> {
        size(&self.path)
    }

    fn errors_size(&self) -> Result<u64, String> {
        size(&self.errors)
    }

    fn all_shipped(&self, run: &mut Run, in_spite_of: &str) -> Result<(), String> {
        let all = self.size()?;
        run.until(
            &format!("all was shipped in spite of {in_spite_of}"),
            || Ok(position(&self.path)? == Some((all, all))),
        )
    }

    /// The position file names a range that is being sent.
    fn is_in_the_middle(&self) -> Result<(), String> {
        match position(&self.path)? {
            Some((start, end)) if start < end => Ok(()),
            other => Err(format!(
                "in the middle of a batch the position is {other:?}"
            )),
        }
    }

    fn arm(&self, fault: &str) -> Result<(), String> {
        self.emulator.tell_control("POST", "faults", fault)
    }

    /// A fault that did not happen has tested nothing.
    fn disarm(&self, what: &str) -> Result<(), String> {
        let fired = self.fired()?;
        self.emulator.tell_control("DELETE", "faults", "")?;
        match fired {
            0 => Err(format!("{what} did not happen")),
            _ => Ok(()),
        }
    }

    /// How often the armed fault has happened.
    fn fired(&self) -> Result<u64, String> {
        let rules = self.emulator.control("faults")?;
        rules[0]["fired"].as_u64().ok_or("no fault is armed".into())
    }
}

fn size(path: &Path) -> Result<u64, String> {
    let found = std::fs::metadata(path);
    let found = found.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(found.len())
}
