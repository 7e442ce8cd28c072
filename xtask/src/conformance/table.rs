//! The results of the suite, as a table of scenarios by languages.

use std::fmt::Write as _;

use crate::tally::Tally;

/// The result of a scenario in a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Played,
    Failed(String),
    /// The language cannot play it.
    Unable(String),
}

/// One language's outcomes, in the order of the scenarios.
pub(crate) struct Column {
    pub(crate) language: &'static str,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Column {
    pub(crate) fn tally(&self, scenarios: &[String]) -> Tally {
        let tally = |(name, outcome): (&String, &Outcome)| match outcome {
            Outcome::Played => Tally::PASSED,
            Outcome::Failed(reason) => {
                Tally::failure(format!("{}: {name}: {reason}", self.language))
            }
            Outcome::Unable(_) => Tally::SKIPPED,
        };
        scenarios.iter().zip(&self.outcomes).map(tally).sum()
    }
}

/// The table, then the scenarios that languages cannot play and why, then the sums.
pub(crate) fn render(scenarios: &[String], columns: &[Column]) -> String {
    let width = |name: &String| name.chars().count();
    let widest = scenarios.iter().map(width).max().unwrap_or(0);
    let mut text = " ".repeat(widest);
    for column in columns {
        let _ = write!(text, "  {:<1$}", column.language, wide(column));
    }
    trim_end(&mut text);
    text.push('\n');
    for (row, name) in scenarios.iter().enumerate() {
        let _ = write!(text, "{name:<widest$}");
        for column in columns {
            let _ = write!(
                text,
                "  {:<1$}",
                mark(column.outcomes.get(row)),
                wide(column)
            );
        }
        trim_end(&mut text);
        text.push('\n');
    }
    text += &cannot(scenarios, columns);
    for column in columns {
        let _ = writeln!(text, "{}: {}", column.language, column.tally(scenarios));
    }
    text
}

fn wide(column: &Column) -> usize {
    column.language.len().max(4)
}

fn trim_end(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
}

fn mark(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Played) => "ok",
        Some(Outcome::Failed(_)) => "FAIL",
        Some(Outcome::Unable(_)) => "-",
        None => "?",
    }
}

fn cannot(scenarios: &[String], columns: &[Column]) -> String {
    let mut text = String::new();
    for column in columns {
        for (name, outcome) in scenarios.iter().zip(&column.outcomes) {
            if let Outcome::Unable(reason) = outcome {
                let _ = writeln!(text, "- {}: {name}: {reason}", column.language);
            }
        }
    }
    match text.is_empty() {
        true => "\n".to_owned(),
        false => format!("\nScenarios that a language cannot play:\n{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_everything_and_counts() {
        let names = ["one".to_owned(), "größer".to_owned()];
        let column = |language, second| Column {
            language,
            outcomes: vec![Outcome::Played, second],
        };
        let columns = [
            column("c", Outcome::Failed("no".to_owned())),
            column("go", Outcome::Unable("has none".to_owned())),
        ];
        assert_eq!(
            render(&names, &columns),
            "        c     go\n\
             one     ok    ok\n\
             größer  FAIL  -\n\
             \n\
             Scenarios that a language cannot play:\n\
             - go: größer: has none\n\
             \n\
             c: 1 passed, 1 failed, 0 skipped\n\
             go: 1 passed, 0 failed, 1 skipped\n"
        );
    }
}
