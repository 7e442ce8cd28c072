//! The report of `cargo xtask bench`.

use std::process::Command;

use super::row::Row;
use super::{bars, machine, row, scenario};
use crate::workspace;

/// Everything that goes into `benches/RESULTS.md`.
pub(crate) struct Report {
    pub(crate) command: String,
    pub(crate) versions: Vec<(&'static str, String)>,
    /// The missing clients, and why.
    pub(crate) missing: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// Prints it; a complete one is written to `benches/RESULTS.md` too.
    pub(crate) fn publish(&self, complete: bool) -> Result<(), String> {
        let text = self.text(&heading(&self.command));
        println!("\n{text}");
        if complete {
            workspace::write(&workspace::root().join("benches/RESULTS.md"), &text)?;
            println!("Written to benches/RESULTS.md.");
        } else {
            println!("Not all scenarios were run, so benches/RESULTS.md stays as it was.");
        }
        Ok(())
    }

    fn text(&self, heading: &str) -> String {
        let mut text = format!("# Results\n\n{heading}");
        for (name, version) in &self.versions {
            text += &format!("- {name}: {version}\n");
        }
        text += "\n[README.md](README.md) says what is measured and how fair it is.\n\n";
        for scenario in std::iter::once(&scenario::INIT).chain(&scenario::ALL) {
            text += &format!("- `{}`: {}\n", scenario.name, scenario.about);
        }
        text += "- `floor`: compressing that file, and nothing else\n\n";
        text += &row::table(&self.rows);
        for missing in &self.missing {
            text += &format!("\n- missing: {missing}");
        }
        text += "\n## Bars\n\n";
        text += &bars::table(&self.rows);
        text += "\n";
        text += &bars::floor(&self.rows);
        text += "\n";
        text += &bars::modes(&self.rows);
        text += "\n";
        text += &bars::alone(&self.rows);
        text
    }
}

/// Date, machine, state of the source and command.
pub(crate) fn heading(command: &str) -> String {
    let commit = Command::new("git");
    let commit = machine::output(git(commit).args(["describe", "--always", "--dirty"]));
    format!(
        "- Date: {}\n- Machine: {}\n- Commit: {commit}\n- Command: `{command}`\n",
        machine::date(),
        machine::description(),
    )
}

fn git(mut command: Command) -> Command {
    command.current_dir(workspace::root());
    command
}

/// The command as a person would type it.
pub(crate) fn spelled(arguments: &[String]) -> String {
    let mut text = String::from("cargo xtask bench");
    for word in arguments {
        text += &match word.contains(' ') {
            true => format!(" \"{word}\""),
            false => format!(" {word}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_heading_rows_reasons_and_bars() {
        let report = Report {
            command: String::new(),
            versions: vec![("C library", "0.1.0".into())],
            missing: vec!["pigz -6 -p2: pigz is not installed".into()],
            rows: vec![Row {
                scenario: "init",
                client: "C library".into(),
                ..Row::default()
            }],
        };
        let text = report.text("- Date: today\n");
        for part in [
            "# Results\n\n- Date: today\n- C library: 0.1.0\n",
            "\n- `small-c8`: ",
            "\n| init ",
            "\n- missing: pigz -6 -p2: pigz is not installed",
            "\n## Bars\n",
            "not measured",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }

    #[test]
    fn a_word_with_a_blank_is_quoted() {
        let words = ["--set".to_owned(), "compression level=fast".to_owned()];
        let spelled = spelled(&words);
        assert_eq!(
            spelled,
            "cargo xtask bench --set \"compression level=fast\""
        );
    }
}
