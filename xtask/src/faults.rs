//! `cargo xtask faults` and `cargo xtask soak`: the outcomes of faults in this library and in
//! others.

use std::process::Command;
use std::time::Duration;

use crate::{isal, process, python, workspace};

const DOCUMENT: &str = "docs/FAULTS.md";
/// Much longer than either part takes.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
const DEFAULT_SOAK_MINUTES: u64 = 3;

/// `cargo xtask faults`: runs the matrix and the Python SDK, and writes both tables.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("faults takes no arguments".into());
    }
    let scratch = workspace::scratch("faults")?;
    let (matrix, ours) = (scratch.join("matrix.md"), scratch.join("ours.txt"));
    let mut command = faults_tests(&["matrix", "peers", "every_fault_of_a_login"]);
    command.env("KUSTO_FAULTS_TABLE", &matrix);
    command.env("KUSTO_FAULTS_PEERS", &ours);
    let logins = scratch.join("logins.md");
    command.env("KUSTO_FAULTS_LOGINS", &logins);
    tee(&mut command)?;
    let theirs = python_sdk()?;
    let path = workspace::root().join(DOCUMENT);
    let mut text = workspace::read(&path)?;
    text = replaced(&text, "matrix", &workspace::read(&matrix)?)?;
    text = replaced(&text, "logins", &workspace::read(&logins)?)?;
    text = replaced(
        &text,
        "peers",
        &side_by_side(&workspace::read(&ours)?, &theirs)?,
    )?;
    workspace::write(&path, &text)?;
    println!("{DOCUMENT} is written");
    Ok(())
}

/// `cargo xtask soak [--minutes N]`.
pub(crate) fn soak(arguments: &[String]) -> Result<(), String> {
    let minutes = match arguments {
        [] => DEFAULT_SOAK_MINUTES,
        [flag, number] if flag == "--minutes" => number
            .parse()
            .map_err(|error| format!("--minutes {number}: {error}"))?,
        _ => return Err("soak takes --minutes N and nothing else".into()),
    };
    let mut command = faults_tests(&["soak", "--nocapture"]);
    command.env("KUSTO_SOAK_SECONDS", (minutes * 60).to_string());
    process::run(&mut command)
}

fn faults_tests(arguments: &[&str]) -> Command {
    let mut command = process::cargo(["test", "--workspace", "--test", "faults"]);
    command.args(isal::features()).arg("--").args(arguments);
    command
}

fn tee(command: &mut Command) -> Result<String, String> {
    let said = process::tee(command, PATIENCE)?;
    match said.success {
        true => Ok(said.text),
        false => Err(format!("failed: {}", process::spelled(command))),
    }
}

/// The lines `fault|source|ending` of tests/faults/peers.py.
fn python_sdk() -> Result<String, String> {
    let mut build = process::cargo(["build", "--quiet", "--workspace", "--bins"]);
    process::run(build.args(isal::features()))?;
    let mut command = Command::new(python::install()?);
    command
        .arg("tests/faults/peers.py")
        .arg(workspace::target().join("debug/kusto-emulator"))
        .current_dir(workspace::root());
    tee(command.env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// One row for each fault: our outcomes, listed once where they are equal, and the other's for each
/// source.
fn side_by_side(ours: &str, theirs: &str) -> Result<String, String> {
    let theirs = endings(theirs);
    let mut table = String::new();
    for (fault, ours) in endings(ours) {
        let (_, theirs) = theirs
            .iter()
            .find(|(other, _)| *other == fault)
            .filter(|(_, theirs)| theirs.iter().map(|e| e.0).eq(ours.iter().map(|e| e.0)))
            .ok_or_else(|| format!("the Python SDK was not run with {fault:?}"))?;
        if table.is_empty() {
            let sources = theirs
                .iter()
                .map(|(source, _)| format!(" Python SDK, {source} |"));
            let sources: String = sources.collect();
            let dashes = "---|".repeat(theirs.len());
            table = format!("| Fault | kusto-ingest |{sources}\n|---|---|{dashes}\n");
        }
        let mut own: Vec<&str> = ours.iter().map(|(_, ending)| *ending).collect();
        own.dedup();
        table.push_str(&format!("| {fault} | {} |", own.join(", ")));
        theirs
            .iter()
            .for_each(|(_, ending)| table.push_str(&format!(" {ending} |")));
        table.push('\n');
    }
    Ok(table)
}

/// Source and outcome of each fault, from lines `fault|source|ending`; other lines are ignored.
fn endings(lines: &str) -> Vec<(&str, Vec<(&str, &str)>)> {
    let mut all: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    for line in lines.lines() {
        let parts: Vec<&str> = line.split('|').collect();
        let [fault, source, ending] = parts[..] else {
            continue;
        };
        match all.last_mut() {
            Some((last, endings)) if *last == fault => endings.push((source, ending)),
            _ => all.push((fault, vec![(source, ending)])),
        }
    }
    all
}

/// The text with another part between `<!-- name -->` and `<!-- /name -->`.
fn replaced(text: &str, name: &str, part: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let missing = || format!("{DOCUMENT} lacks the marks of {name}");
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{part}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_between_its_marks_and_nowhere_else() {
        let text = "a\n<!-- x -->\nold\n<!-- /x -->\nb";
        let new = replaced(text, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- x -->\nnew\n<!-- /x -->\nb");
        assert!(replaced(text, "y", "").is_err());
    }

    #[test]
    fn both_endings_stand_in_one_row_and_a_missing_one_is_an_error() {
        let (ours, theirs) = ("f, 1|a|ok\nf, 1|b|ok\n", "noise\nf, 1|a|lost\nf, 1|b|ok\n");
        let table = side_by_side(ours, theirs).unwrap();
        assert!(table.ends_with("\n| f, 1 | ok | lost | ok |\n"), "{table}");
        assert!(side_by_side(ours, "f, 1|a|ok\n").is_err());
    }
}
