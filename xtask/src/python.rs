//! Microsoft's own Python SDK against the emulator.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::artifacts;
use crate::azurite::Azurite;
use crate::emulator::{DATABASE, Emulator};
use crate::tally::Tally;
use crate::{process, toolchain, workspace};

/// Runs tests/python against an emulator with its own storage or with Azurite's.
pub(crate) fn leg(azurite: Option<&Azurite>) -> Result<Tally, String> {
    let python = install()?;
    let emulator = Emulator::start(azurite)?;
    let said = process::tee(
        Command::new(python)
            .args([
                "-m",
                "pytest",
                "-ra",
                "--no-header",
                "--color=no",
                "-p",
                "no:cacheprovider",
                "tests/python",
            ])
            .current_dir(workspace::root())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("KUSTO_TEST_EMULATOR", artifacts::release()?.emulator())
            .env("KUSTO_TEST_ENGINE", emulator.engine()?)
            .env("KUSTO_TEST_DATA_MANAGEMENT", emulator.data_management()?)
            .env("KUSTO_TEST_DATABASE", DATABASE),
        Duration::from_secs(600),
    )?;
    emulator.stop()?;
    Ok(Tally::of_pytest(&said.text).or_failed(&said))
}

/// The interpreter of a virtual environment with the pinned packages.
pub(crate) fn install() -> Result<PathBuf, String> {
    let requirements = workspace::root().join("tests/python/requirements.txt");
    let version = process::capture(Command::new("python3").arg("--version"))?;
    let stamp = format!("{version}{}", workspace::read(&requirements)?);
    let directory = toolchain::ensure("python", &stamp, |directory| {
        process::capture(Command::new("python3").args(["-m", "venv"]).arg(directory))?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ];
        process::capture(
            Command::new(directory.join("bin/python"))
                .args(pip)
                .arg(&requirements),
        )
        .map(drop)
    })?;
    Ok(directory.join("bin/python"))
}
