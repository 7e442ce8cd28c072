//! The same with a .NET SDK, where there is one.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::binding;
use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{process, workspace};

/// The first version that can build for .NET 8.
const OLDEST: u32 = 8;

/// `dotnet build`, `test` and `pack` of the binding, and `build` of its examples.
pub(crate) fn leg() -> Result<Tally, String> {
    if let Err(reason) = found() {
        return Ok(Tally::skip("dotnet", &reason));
    }
    let packages = workspace::scratch("csharp")?.join("dotnet");
    let mut tally = Tally::check(
        "dotnet pack",
        dotnet(
            "pack",
            &binding(),
            &["--output", &packages.to_string_lossy()],
        ),
    );
    for name in ["Quickstart", "storm_events", "ingest_file", "agent"] {
        let directory = workspace::root().join("examples/csharp").join(name);
        tally += Tally::check(
            &format!("dotnet build examples/csharp/{name}"),
            dotnet("build", &directory, &[]),
        );
    }
    let emulator = Emulator::start(None)?;
    let mut test = command("test", &binding().join("tests"));
    let said = process::tee(
        test.envs(emulator.environment()?),
        Duration::from_secs(15 * 60),
    )?;
    emulator.stop()?;
    let tested = if said.success {
        Ok(())
    } else {
        Err("see above".into())
    };
    tally += Tally::check("dotnet test", tested);
    Ok(tally)
}

/// Whether there is one that can build for .NET 8, or why not.
pub(crate) fn found() -> Result<(), String> {
    if !process::found("dotnet") {
        return Err("dotnet not found".into());
    }
    let listed = process::capture(Command::new("dotnet").arg("--list-sdks"))?;
    match newest(&listed) {
        Some(major) if major >= OLDEST => Ok(()),
        Some(major) => Err(format!(
            "the SDK is version {major}, and .NET 8 requires version {OLDEST}"
        )),
        None => Err("no SDK, only a runtime".into()),
    }
}

/// Lines are `8.0.404 [/usr/share/dotnet/sdk]`, and there may be other lines.
fn newest(listed: &str) -> Option<u32> {
    let majors = listed
        .lines()
        .filter_map(|line| line.split('.').next()?.parse().ok());
    majors.max()
}

fn command(verb: &str, project: &Path) -> Command {
    let mut command = Command::new("dotnet");
    command
        .arg(verb)
        .arg(project)
        .args(["--configuration", "Release"]);
    command
}

fn dotnet(verb: &str, project: &Path, more: &[&str]) -> Result<(), String> {
    process::capture(command(verb, project).args(more)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::newest;

    #[test]
    fn the_newest_sdk_counts() {
        assert_eq!(
            newest("3.1.102 [/a/sdk]\n10.0.401 [/a/sdk]\n8.0.404 [/b/sdk]\n"),
            Some(10)
        );
        assert_eq!(newest(""), None);
        assert_eq!(newest("No SDKs were found.\n"), None);
    }
}
