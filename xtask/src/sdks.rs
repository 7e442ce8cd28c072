//! Microsoft's own SDKs for Node, Go and Java against the emulator. (That for Python: `python`.)

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::emulator::{DATABASE, Emulator};
use crate::process::{self, Said};
use crate::tally::Tally;
use crate::{artifacts, tool, toolchain, workspace};

/// Most of it is downloads, the first time.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Over plain HTTP, and over TLS, which its table package requires. Its logins bring an emulator of their own.
pub(crate) fn node() -> Result<Tally, String> {
    let installed = node_packages()?;
    let mut tally = Tally::default();
    for (test, emulator) in [
        ("official.test.mjs", Emulator::start(None)?),
        ("official.test.mjs", Emulator::start_with_tls()?),
        ("login.test.mjs", Emulator::start(None)?),
    ] {
        // Node looks for packages beside the file.
        let file = installed.join(test);
        workspace::copy(&source("node").join(test), &file)?;
        let mut command = Command::new("node");
        command.args(["--test", "--test-reporter=spec"]).arg(&file);
        command.current_dir(&installed);
        if let Some(ca) = emulator.ca_file() {
            command.env("NODE_EXTRA_CA_CERTS", ca);
        }
        let said = play(&mut command, emulator)?;
        tally += Tally::of_node(&said.text).or_failed(&said);
    }
    Ok(tally)
}

/// Over TLS: it refuses plain addresses of storage. Its managed client queues gzip under a name that does not say so. Its logins bring an emulator of their own, and the binding for Go.
pub(crate) fn go() -> Result<Tally, String> {
    crate::go::stage()?;
    let emulator = Emulator::start_with_tls_and_sniffing()?;
    let mut command = Command::new("go");
    command.args(["test", "-count=1", "-v", "./..."]);
    command.current_dir(source("go"));
    command.env("SSL_CERT_FILE", emulator.ca_file().unwrap_or_default());
    let said = play(&mut command, emulator)?;
    Ok(Tally::of_go(&said.text).or_failed(&said))
}

/// Over plain HTTP. Java is the one language that this project needs for nothing else.
pub(crate) fn java() -> Result<Tally, String> {
    for needed in [&tool::JAVAC, &tool::MAVEN] {
        if let Err(reason) = tool::optional(needed) {
            return Ok(Tally::skip("the official Java SDK", &reason));
        }
    }
    let mut command = Command::new("mvn");
    command.args(["--batch-mode", "--no-transfer-progress", "test"]);
    command.current_dir(source("java"));
    let said = play(&mut command, Emulator::start(None)?)?;
    Ok(Tally::of_surefire(&said.text).or_failed(&said))
}

fn play(command: &mut Command, emulator: Emulator) -> Result<Said, String> {
    command
        .env("KUSTO_TEST_ENGINE", emulator.engine()?)
        .env("KUSTO_TEST_DATA_MANAGEMENT", emulator.data_management()?)
        .env("KUSTO_TEST_DATABASE", DATABASE)
        .env("KUSTO_TEST_EMULATOR", artifacts::release()?.emulator());
    let said = process::tee(command, PATIENCE)?;
    emulator.stop()?;
    Ok(said)
}

fn source(language: &str) -> PathBuf {
    workspace::root().join("tests/sdks").join(language)
}

fn node_packages() -> Result<PathBuf, String> {
    let source = source("node");
    let stamp = workspace::read(&source.join("package-lock.json"))?;
    toolchain::ensure("node-sdk", &stamp, |directory| {
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            workspace::copy(&source.join(name), &directory.join(name))?;
        }
        process::capture(Command::new("npm").arg("ci").current_dir(directory)).map(drop)
    })
}
