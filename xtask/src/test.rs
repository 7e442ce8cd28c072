//! `cargo xtask test`: runs legs and counts.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::legs::{self, Leg};
use crate::tally::Tally;
use crate::{process, workspace};

/// How many failures of a leg the summary repeats: one cause can fail every scenario.
const SHOWN: usize = 20;

/// Makes a run write its outcomes to a file, instead of a summary.
const OUTCOMES: &str = "--outcomes=";

/// The result of a leg.
#[derive(Serialize, Deserialize)]
struct Outcome {
    name: String,
    tally: Tally,
    seconds: f64,
}

/// `cargo xtask test [leg...]`.
pub(crate) fn command(arguments: &[String]) -> Result<ExitCode, String> {
    if arguments == ["--list"] {
        legs::all().for_each(|leg| println!("{:<16}{}", leg.name, leg.about));
        return Ok(ExitCode::SUCCESS);
    }
    if let [outcomes, names @ ..] = arguments
        && let Some(file) = outcomes.strip_prefix(OUTCOMES)
    {
        let outcomes: Vec<Outcome> = chosen(names)?.into_iter().map(run).collect();
        let text = serde_json::to_string(&outcomes).map_err(|error| error.to_string())?;
        workspace::write(Path::new(file), &text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let outcomes = match arguments {
        [] => everything()?,
        names => chosen(names)?.into_iter().map(run).collect(),
    };
    Ok(summary(outcomes))
}

/// Both lanes: the first here, the second in a process whose output is shown when it has ended.
fn everything() -> Result<Vec<Outcome>, String> {
    let [here, beside] = legs::LANES;
    let beside = Beside::start(beside)?;
    let mut outcomes: Vec<Outcome> = here.iter().map(run).collect();
    outcomes.extend(beside.finish()?);
    Ok(outcomes)
}

/// The lane that runs beside this one. Most tests wait rather than calculate, so both end little later than
/// the longer one alone.
struct Beside {
    process: Child,
    log: PathBuf,
    outcomes: PathBuf,
}

impl Beside {
    fn start(legs: &[Leg]) -> Result<Beside, String> {
        let directory = workspace::scratch("test")?;
        let (log, outcomes) = (directory.join("log"), directory.join("outcomes.json"));
        workspace::write(&outcomes, "[]")?;
        println!("beside this: {}", legs::names(legs).join(", "));
        let output = File::create(&log).and_then(|file| Ok([file.try_clone()?, file]));
        let [output, errors] =
            output.map_err(|error| format!("cannot create {}: {error}", log.display()))?;
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command
            .arg("test")
            .arg(format!("{OUTCOMES}{}", outcomes.display()))
            .args(legs::names(legs))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let process = command
            .spawn()
            .map_err(|error| process::cannot_start(&command, &error))?;
        Ok(Beside {
            process,
            log,
            outcomes,
        })
    }

    /// Its outcomes. Of a process that was killed there are none, which counts as a failure.
    fn finish(mut self) -> Result<Vec<Outcome>, String> {
        let ended = self.process.wait();
        let status = ended.map_err(|error| error.to_string())?;
        println!("\n{}", workspace::read(&self.log)?);
        let text = workspace::read(&self.outcomes)?;
        let mut outcomes: Vec<Outcome> =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if outcomes.is_empty() {
            outcomes.push(Outcome {
                name: "the others".to_owned(),
                tally: Tally::failure(format!("they ended with {status}")),
                seconds: 0.0,
            });
        }
        Ok(outcomes)
    }
}

/// Repeats the failures, because some viewers show only the end, and prints the table.
fn summary(outcomes: Vec<Outcome>) -> ExitCode {
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
    for outcome in &outcomes {
        let Outcome {
            name,
            tally,
            seconds,
        } = outcome;
        println!(
            "{name:<16}{:>8}{:>8}{:>8}{seconds:>10.1}",
            tally.passed, tally.failed, tally.skipped,
        );
    }
    let total: Tally = outcomes.into_iter().map(|outcome| outcome.tally).sum();
    println!("{total}");
    if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Leg>, String> {
    if let Some(unknown) = names
        .iter()
        .find(|name| legs::all().all(|leg| leg.name != **name))
    {
        return Err(format!(
            "no leg {unknown:?}; `cargo xtask test --list` names them"
        ));
    }
    Ok(legs::all()
        .filter(|leg| names.iter().any(|name| name == leg.name))
        .collect())
}

fn run(leg: &Leg) -> Outcome {
    println!("\n== {}: {}", leg.name, leg.about);
    let started = Instant::now();
    let tally = judged((leg.run)());
    Outcome {
        name: leg.name.to_owned(),
        tally,
        seconds: started.elapsed().as_secs_f64(),
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
        assert_eq!(chosen(&["docs".into()]).unwrap()[0].name, "docs");
        assert!(chosen(&["no such leg".into()]).is_err());
    }
}
