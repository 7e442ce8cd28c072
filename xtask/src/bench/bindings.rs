//! `cargo xtask bench bindings`: the cost of each language relative to C.

use super::client::{Client, Data};
use super::measure::Meter;
use super::row::Row;
use super::scenario::{BINDINGS, INIT};
use super::{Bed, cost, options, report, row};
use crate::workspace;

const PAGE: &str = "benches/BINDINGS.md";

/// `cargo xtask bench bindings [--runs N] [--write]`.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let Options { runs, write } = Options::parse(arguments)?;
    let (clients, missing) = Client::languages();
    let bed = Bed {
        clients,
        data: Data::write()?,
        meter: Meter::build()?,
        runs,
    };
    let mut rows = bed.bases();
    for scenario in &BINDINGS {
        let more = bed.rows(scenario, &rows);
        rows.extend(more);
    }
    let command = std::iter::once("bindings".to_owned()).chain(arguments.iter().cloned());
    let command = report::spelled(&command.collect::<Vec<_>>());
    let heading = report::heading(&command);
    let text = text(&heading, &bed.versions(), &missing, &rows);
    println!("\n{text}");
    if write {
        workspace::write(&workspace::root().join(PAGE), &text)?;
        println!("Written to {PAGE}.");
    }
    Ok(())
}

/// What to run.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// Of each client in each scenario; the tables show medians.
    runs: usize,
    /// Whether the report goes to [`PAGE`] too.
    write: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options {
            runs: 9,
            write: false,
        };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            match flag.as_str() {
                "--runs" => options.runs = options::runs(arguments.next().ok_or("--runs N")?)?,
                "--write" => options.write = true,
                other => {
                    return Err(format!("{other:?} is not known; try --runs N and --write"));
                }
            }
        }
        Ok(options)
    }
}

fn text(
    heading: &str,
    versions: &[(&'static str, String)],
    missing: &[String],
    rows: &[Row],
) -> String {
    let mut text = format!("# What the boundary costs\n\n{heading}");
    for (name, version) in versions {
        text += &format!("- {name}: {version}\n");
    }
    for missing in missing {
        text += &format!("- missing: {missing}\n");
    }
    text +=
        "\n[README.md](README.md#bindings) says what each language does, and how to read this.\n\n";
    for scenario in std::iter::once(&INIT).chain(&BINDINGS) {
        text += &format!("- `{}`: {}\n", scenario.name, scenario.about);
    }
    text += "\n## Beside C\n\n";
    text += &cost::table(rows);
    text += "\n## All figures\n\n";
    text += &row::table(rows);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Options::parse(&words)
    }

    #[test]
    fn the_page_is_written_on_demand_only() {
        let usual = Options {
            runs: 9,
            write: false,
        };
        assert_eq!(parse(&[]).unwrap(), usual);
        let wanted = Options {
            runs: 3,
            write: true,
        };
        assert_eq!(parse(&["--write", "--runs", "3"]).unwrap(), wanted);
        for mistake in [&["--runs"][..], &["--runs", "0"], &["--only", "init"]] {
            assert!(parse(mistake).is_err(), "{mistake:?}");
        }
    }

    #[test]
    fn a_language_that_is_not_there_is_named() {
        let versions = [("C library", "0.1.0".to_owned())];
        let missing = ["Go package: go not found".to_owned()];
        let text = text("- Date: today\n", &versions, &missing, &[]);
        let head = "# What the boundary costs\n\n- Date: today\n- C library: 0.1.0\n\
                    - missing: Go package: go not found\n";
        assert!(text.starts_with(head), "{text}");
        for scenario in &BINDINGS {
            assert!(text.contains(&format!("\n- `{}`: ", scenario.name)));
        }
    }
}
