//! Microsoft's KQL parser as the judge of the emulator's: tests/kql.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{process, toolchain, workspace};

/// The database of the golden files; the other texts are asked in that of all tests.
const GOLDEN: &str = "TestDatabase";

/// Compares the emulator's answers with the parser's verdicts; `tests/kql/differences.txt` has the exceptions.
pub(crate) fn leg() -> Result<Tally, String> {
    let parser = parser()?;
    let emulator = Emulator::start_with_database(GOLDEN)?;
    let mut judge = Command::new("node");
    judge.arg(workspace::root().join("tests/kql/judge.mjs"));
    judge.arg(emulator.engine()?);
    judge.env("KUSTO_KQL_PARSER", parser);
    let said = process::tee(&mut judge, Duration::from_secs(10 * 60))?;
    emulator.stop()?;
    let tally = Tally::of_closing_line(&said.text).unwrap_or_default();
    Ok(tally.or_failed(&said))
}

fn parser() -> Result<PathBuf, String> {
    let source = workspace::root().join("tests/kql");
    let stamp = workspace::read(&source.join("package-lock.json"))?;
    toolchain::ensure("kql", &stamp, |directory| {
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            workspace::copy(&source.join(name), &directory.join(name))?;
        }
        process::capture(Command::new("npm").arg("ci").current_dir(directory)).map(drop)
    })
}
