//! `cargo xtask test`: runs legs and counts.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::legs::{self, Leg};
use crate::tally::Tally;

/// How many failures of a leg the summary repeats: one cause can fail every scenario.
const SHOWN: usize = 20;

/// The result of a leg.
struct Outcome {
    name: &'static str,
    tally: Tally,
    took: Duration,
}

/// `cargo xtask test [leg...]`.
pub(crate) fn command(arguments: &[String]) -> Result<ExitCode, String> {
    if arguments == ["--list"] {
        legs::ALL
            .iter()
            .for_each(|leg| println!("{:<16}{}", leg.name, leg.about));
        return Ok(ExitCode::SUCCESS);
    }
    let outcomes: Vec<Outcome> = chosen(arguments)?.into_iter().map(run).collect();
    for Outcome { name, tally, .. } in &outcomes {
        for failure in tally.failures.iter().take(SHOWN) {
            println!("\n== failed in {name}: {failure}");
        }
        if tally.failures.len() > SHOWN {
            println!("\n== and more in {name}");
        }
    }
    println!(
        "\n{:<16}{:>8}{:>8}{:>8}{:>10}",
        "leg", "passed", "failed", "skipped", "seconds"
    );
    for Outcome { name, tally, took } in &outcomes {
        println!(
            "{name:<16}{:>8}{:>8}{:>8}{:>10.1}",
            tally.passed,
            tally.failed,
            tally.skipped,
            took.as_secs_f64()
        );
    }
    let total: Tally = outcomes.into_iter().map(|outcome| outcome.tally).sum();
    println!("{total}");
    Ok(if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn chosen(names: &[String]) -> Result<Vec<&'static Leg>, String> {
    if let Some(unknown) = names
        .iter()
        .find(|name| legs::ALL.iter().all(|leg| leg.name != **name))
    {
        return Err(format!(
            "no leg {unknown:?}; `cargo xtask test --list` names them"
        ));
    }
    Ok(legs::ALL
        .iter()
        .filter(|leg| names.is_empty() || names.iter().any(|name| name == leg.name))
        .collect())
}

fn run(leg: &Leg) -> Outcome {
    println!("\n== {}: {}", leg.name, leg.about);
    let started = Instant::now();
    let tally = judged((leg.run)());
    Outcome {
        name: leg.name,
        tally,
        took: started.elapsed(),
    }
}

/// A leg that was aborted, or in which nothing was tested, has failed.
fn judged(result: Result<Tally, String>) -> Tally {
    match result {
        Ok(tally) if tally.passed + tally.failed > 0 => tally,
        Ok(mut tally) => {
            println!("  FAIL  no test ran");
            tally += Tally::failure("no test ran".into());
            tally
        }
        Err(reason) => {
            println!("  FAIL  {reason}");
            Tally::failure(reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_without_tests_has_failed() {
        let empty = judged(Ok(Tally::SKIPPED));
        assert_eq!((empty.passed, empty.failed, empty.skipped), (0, 1, 1));
        assert_eq!(
            judged(Err("broken".into())),
            Tally::failure("broken".into())
        );
        assert_eq!(judged(Ok(Tally::PASSED)), Tally::PASSED);
    }

    #[test]
    fn legs_are_chosen_by_name() {
        assert_eq!(chosen(&[]).unwrap().len(), legs::ALL.len());
        assert_eq!(chosen(&["docs".into()]).unwrap()[0].name, "docs");
        assert!(chosen(&["no such leg".into()]).is_err());
    }
}
