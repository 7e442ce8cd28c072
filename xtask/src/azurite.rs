//! The real Azurite, from its npm package, in memory and on free ports.

use std::process::Command;
use std::time::Duration;

use crate::process::{self, Background};
use crate::{toolchain, workspace};

/// The accounts that every emulator has by default, with their keys, which are public and protect
/// nothing: the data is in memory on the loopback address.
const ACCOUNTS: [(&str, &str); 2] = [
    (
        "kustoemu1",
        "dGhlIHdlbGwta25vd24ga2V5IG9mIHRoZSBlbXVsYXRvcidzIHN0b3JhZ2UgYWNjb3VudCBrdXN0b2VtdTE=",
    ),
    (
        "kustoemu2",
        "dGhlIHdlbGwta25vd24ga2V5IG9mIHRoZSBlbXVsYXRvcidzIHN0b3JhZ2UgYWNjb3VudCBrdXN0b2VtdTI=",
    ),
];

/// A running Azurite; dropping it ends it.
pub(crate) struct Azurite {
    /// Held for its drop.
    _process: Background,
    blob: String,
    queue: String,
    table: String,
}

impl Azurite {
    /// Installs it when needed and starts it.
    pub(crate) fn start() -> Result<Azurite, String> {
        let directory = install()?;
        let accounts = ACCOUNTS
            .map(|(name, key)| format!("{name}:{key}"))
            .join(";");
        let mut command = Command::new("node");
        command
            .arg(directory.join("node_modules/azurite/dist/src/azurite.js"))
            .args(["--inMemoryPersistence", "--silent", "--disableTelemetry"])
            // Clients speak newer versions of the protocol than Azurite knows by name.
            .arg("--skipApiVersionCheck")
            .args(["--blobPort", "0", "--queuePort", "0", "--tablePort", "0"])
            .env("AZURITE_ACCOUNTS", accounts)
            .current_dir(&directory);
        let mut found = [None, None, None];
        let (process, [blob, queue, table]) = Background::start(
            "azurite",
            &mut command,
            Duration::from_secs(60),
            move |line| {
                let (service, address) = line
                    .strip_prefix("Azurite ")?
                    .split_once(" service is successfully listening at ")?;
                let place = ["Blob", "Queue", "Table"]
                    .iter()
                    .position(|name| *name == service)?;
                found[place] = Some(address.trim().to_owned());
                match &found {
                    [Some(blob), Some(queue), Some(table)] => {
                        Some([blob.clone(), queue.clone(), table.clone()])
                    }
                    _ => None,
                }
            },
        )?;
        Ok(Azurite {
            _process: process,
            blob,
            queue,
            table,
        })
    }

    /// The emulator's flags that make it use this Azurite.
    pub(crate) fn emulator_flags(&self) -> [&str; 8] {
        let Azurite {
            blob, queue, table, ..
        } = self;
        [
            "--storage",
            "azurite",
            "--azurite-blob",
            blob,
            "--azurite-queue",
            queue,
            "--azurite-table",
            table,
        ]
    }

    /// Value of `KUSTO_TEST_AZURITE` for Rust tests: the addresses of blob, queue and table service.
    pub(crate) fn environment(&self) -> String {
        [self.blob.as_str(), &self.queue, &self.table].join(",")
    }
}

fn install() -> Result<std::path::PathBuf, String> {
    let source = workspace::root().join("tests/azurite");
    let stamp = workspace::read(&source.join("package-lock.json"))?;
    toolchain::ensure("azurite", &stamp, |directory| {
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            workspace::copy(&source.join(name), &directory.join(name))?;
        }
        process::capture(
            Command::new("npm")
                .args(["ci", "--no-fund", "--no-audit"])
                .current_dir(directory),
        )
        .map(drop)
    })
}
