//! The emulator's page, in a real browser.

use std::process::Command;
use std::time::Duration;

use crate::emulator::{DATABASE, Emulator};
use crate::tally::Tally;
use crate::{process, tool, workspace};

const TOKEN: &str = "the-token-of-the-test";

/// Chromium over its pipes, so that Node needs no package.
pub(crate) fn leg() -> Result<Tally, String> {
    if let Err(reason) = tool::optional(&tool::CHROMIUM) {
        return Ok(Tally::skip("the emulator's page", &reason));
    }
    let emulator = Emulator::start(None)?;
    let demanding = Emulator::start_with_token(TOKEN)?;
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(workspace::root().join("tests/page/page.test.mjs"))
        .env("KUSTO_TEST_ENGINE", emulator.engine()?)
        .env("KUSTO_TEST_ENGINE_WITH_TOKEN", demanding.engine()?)
        .env("KUSTO_TEST_TOKEN", TOKEN)
        .env("KUSTO_TEST_DATABASE", DATABASE);
    let said = process::tee(&mut command, Duration::from_secs(10 * 60))?;
    emulator.stop()?;
    demanding.stop()?;
    Ok(Tally::of_node(&said.text).or_failed(&said))
}
