//! Golden files: their entries, and how answers are put back into them.

use std::ops::Range;

use kusto_emulator::engine::role::Role;
use serde_json::{Map, Value as Json};

/// What stands between a text and its answer.
const DIVIDER: &str = "---";

/// A query or command and the answer that it must get.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Where its text begins, counted from 1.
    pub(crate) line: usize,
    pub(crate) settings: Settings,
    pub(crate) text: String,
    pub(crate) answer: Vec<String>,
    /// Which of the file's lines the answer is, counted from 0.
    answer_at: Range<usize>,
}

/// What a request says besides its text, and what of its answer is not compared.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) parameters: Map<String, Json>,
    pub(crate) database: String,
    pub(crate) role: Role,
    /// The columns whose values differ from run to run.
    pub(crate) vary: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parameters: Map::new(),
            database: "TestDatabase".to_owned(),
            role: Role::Both,
            vary: Vec::new(),
        }
    }
}

/// A line, counted from 1, and what is wrong there.
pub(crate) type Problem = (usize, String);

/// The entries of a file; at least one.
pub(crate) fn parse(file: &str) -> Result<Vec<Entry>, Problem> {
    let lines: Vec<&str> = file.lines().collect();
    let mut entries = Vec::new();
    let mut settings = None;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if line.trim().is_empty() || line.starts_with('#') {
            at += 1;
        } else if line.starts_with('>') {
            let entry = entry(&lines, at, settings.take().unwrap_or_default())?;
            at = entry.answer_at.end;
            entries.push(entry);
        } else {
            let settings: &mut Settings = settings.get_or_insert_default();
            settings.set(line).map_err(|problem| (at + 1, problem))?;
            at += 1;
        }
    }
    if settings.is_some() {
        return Err((lines.len(), "no entry follows the settings".to_owned()));
    }
    if entries.is_empty() {
        return Err((1, "the file has no entry".to_owned()));
    }
    Ok(entries)
}

fn entry(lines: &[&str], start: usize, settings: Settings) -> Result<Entry, Problem> {
    let problem = |what: &str| (start + 1, what.to_owned());
    let more = &lines[start + 1..];
    let length = more
        .iter()
        .position(|line| *line == DIVIDER || line.starts_with('>'))
        .filter(|length| more[*length] == DIVIDER);
    let length = length.ok_or_else(|| problem("the entry has no line '---' and no answer"))?;
    let text = text(&lines[start..=start + length])
        .ok_or_else(|| problem("'> ' and a text is expected here, or '>' and a JSON string"))?;
    let answer_start = start + length + 2;
    let answer = lines[answer_start..]
        .iter()
        .take_while(|line| !line.trim().is_empty());
    let answer: Vec<_> = answer.map(|line| (*line).to_owned()).collect();
    Ok(Entry {
        line: start + 1,
        settings,
        text,
        answer_at: answer_start..answer_start + answer.len(),
        answer,
    })
}

/// Lines as they stand, or a JSON string for what an editor would not leave as it is.
fn text(lines: &[&str]) -> Option<String> {
    let first = lines[0].strip_prefix('>')?;
    if let Some(plain) = first.strip_prefix(' ') {
        let lines = std::iter::once(&plain).chain(&lines[1..]);
        return Some(lines.copied().collect::<Vec<_>>().join("\n"));
    }
    let quoted = (lines.len() == 1).then_some(first)?;
    serde_json::from_str(quoted).ok()
}

impl Settings {
    /// Takes a line `NAME: VALUE`.
    fn set(&mut self, line: &str) -> Result<(), String> {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name {
            "parameters" => {
                self.parameters = serde_json::from_str(value)
                    .map_err(|error| format!("parameters are a JSON object: {error}"))?;
            }
            "database" => self.database = value.to_owned(),
            "role" => {
                self.role = match value {
                    "Engine" => Role::Engine,
                    "DataManagement" => Role::DataManagement,
                    _ => return Err("a role is Engine or DataManagement".to_owned()),
                }
            }
            "vary" => self.vary = value.split(", ").map(str::to_owned).collect(),
            _ => {
                return Err(format!(
                    "'{line}' is neither a comment (#) nor a text (>) nor a setting"
                ));
            }
        }
        Ok(())
    }
}

/// Whether a text is a management command: its first line that is no comment begins with a dot.
pub(crate) fn is_command(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start);
    lines
        .find(|line| !line.is_empty() && !line.starts_with("//"))
        .is_some_and(|line| line.starts_with('.'))
}

/// The file with other answers.
pub(crate) fn rewritten(file: &str, entries: &[Entry], answers: &[Vec<String>]) -> String {
    let lines: Vec<&str> = file.lines().collect();
    let mut out = Vec::new();
    let mut at = 0;
    for (entry, answer) in entries.iter().zip(answers) {
        out.extend(lines[at..entry.answer_at.start].iter().copied());
        out.extend(answer.iter().map(String::as_str));
        at = entry.answer_at.end;
    }
    out.extend(lines[at..].iter().copied());
    out.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Numbers\nparameters: {\"n\": 1}\n> print\n  n\n---\nn:long\n1\n\n>\"T | \"\n---\n# no comment\n";

    #[test]
    fn an_entry_has_settings_text_and_answer() {
        let entries = parse(FILE).unwrap();
        let (first, second) = (&entries[0], &entries[1]);
        assert_eq!((first.line, first.text.as_str()), (3, "print\n  n"));
        assert_eq!(first.settings.parameters["n"], 1);
        assert_eq!(first.answer, ["n:long", "1"]);
        assert_eq!(second.text, "T | ");
        assert_eq!(second.answer, ["# no comment"]);
        assert!(second.settings.parameters.is_empty());
    }

    #[test]
    fn answers_are_replaced_and_the_rest_stays() {
        let file = "# c\n\n> a\n---\nold\nold\n\n# d\n> b\n---\n";
        let answers = [vec!["new".to_owned()], vec!["x".to_owned(), "y".to_owned()]];
        assert_eq!(
            rewritten(file, &parse(file).unwrap(), &answers),
            "# c\n\n> a\n---\nnew\n\n# d\n> b\n---\nx\ny\n"
        );
    }

    #[test]
    fn what_is_no_golden_file_is_refused() {
        for (file, line, problem) in [
            ("", 1, "no entry"),
            ("# only a comment\n", 1, "no entry"),
            ("> T\n", 1, "no answer"),
            ("> T\n\n> U\n---\n1\n", 1, "no answer"),
            (">T\n---\n1\n", 1, "JSON string"),
            ("T | count\n---\n4\n", 1, "neither"),
            ("\nrole: Nobody\n> T\n---\n1\n", 2, "role"),
            ("parameters: n=1\n> T\n---\n1\n", 1, "JSON object"),
            ("> T\n---\n1\n\ndatabase: D\n", 5, "no entry follows"),
        ] {
            let (at, found) = parse(file).unwrap_err();
            assert!(
                at == line && found.contains(problem),
                "{file}: {at}: {found}"
            );
        }
        assert!(parse("> T\n---\n\n").unwrap()[0].answer.is_empty());
    }

    #[test]
    fn a_command_begins_with_a_dot() {
        assert!(is_command("// how many\n.show tables"));
        assert!(!is_command("// .show tables\nT"));
        assert!(!is_command(""));
    }
}
