//! The emulator as a child process.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::artifacts;
use crate::azurite::Azurite;
use crate::http::{self, Answer};
use crate::process::Background;

/// Database of demo and tests.
pub(crate) const DATABASE: &str = "Demo";

/// Blob uploads name the version of the storage protocol they speak.
const STORAGE_VERSION: (&str, &str) = ("x-ms-version", "2021-12-02");

/// `cargo xtask emulator [flags...]`: in the foreground until Ctrl-C.
pub(crate) fn command(arguments: &[String]) -> Result<ExitCode, String> {
    let program = artifacts::release()?.emulator();
    let status = Command::new(&program).args(arguments).status();
    let status = status.map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A running emulator; dropping it ends it.
pub(crate) struct Emulator {
    process: Background,
    ready: Value,
}

impl Emulator {
    /// Starts on free ports, with its own storage or with that of `azurite`.
    pub(crate) fn start(azurite: Option<&Azurite>) -> Result<Emulator, String> {
        Self::launch(azurite.map(Azurite::emulator_flags).into_iter().flatten())
    }

    /// Starts on free ports; posted messages stay in the queues.
    pub(crate) fn start_without_ingestion() -> Result<Emulator, String> {
        Self::launch(["--no-ingestion"])
    }

    /// Starts on free ports; every table takes streaming ingestion.
    pub(crate) fn start_to_stream() -> Result<Emulator, String> {
        Self::launch(["--streaming", "on"])
    }

    /// Starts on free ports with a further database.
    pub(crate) fn start_with_database(name: &str) -> Result<Emulator, String> {
        Self::launch(["--database", name])
    }

    /// Starts on free ports; requests without this token are rejected.
    pub(crate) fn start_with_token(token: &str) -> Result<Emulator, String> {
        Self::launch(["--token", token])
    }

    /// Starts on free ports, over TLS.
    pub(crate) fn start_with_tls() -> Result<Emulator, String> {
        Self::launch(["--tls"])
    }

    /// The same, and unpacks gzip whatever its name is.
    pub(crate) fn start_with_tls_and_sniffing() -> Result<Emulator, String> {
        Self::launch(["--tls", "--sniff-gzip"])
    }

    /// Starts on free ports; every request needs a token, which its own Entra ID grants.
    pub(crate) fn start_with_entra() -> Result<Emulator, String> {
        Self::launch(["--entra"])
    }

    fn launch<S: AsRef<OsStr>>(flags: impl IntoIterator<Item = S>) -> Result<Emulator, String> {
        let mut command = Command::new(artifacts::release()?.emulator());
        command.args(["--port", "0", "--database", DATABASE]);
        command.args(flags);
        let (process, ready) = Background::start(
            "kusto-emulator",
            &mut command,
            Duration::from_secs(60),
            |line| serde_json::from_str(line.strip_prefix("READY ")?).ok(),
        )?;
        Ok(Emulator { process, ready })
    }

    /// Ends it as Ctrl-C would, and fails when its status is not 0.
    pub(crate) fn stop(self) -> Result<(), String> {
        self.process.stop()
    }

    /// Address of the engine.
    pub(crate) fn engine(&self) -> Result<&str, String> {
        self.text("engine")
    }

    /// Address of the data management service.
    pub(crate) fn data_management(&self) -> Result<&str, String> {
        self.text("data_management")
    }

    /// The settings for a client to connect.
    pub(crate) fn connection_string(&self) -> Result<&str, String> {
        self.text("connection_string")
    }

    /// Where the machine's identities are, of one that plays Entra ID.
    pub(crate) fn identity(&self) -> Result<&str, String> {
        self.text("identity")
    }

    /// The certificate that a client must trust, when it speaks TLS.
    pub(crate) fn ca_file(&self) -> Option<&str> {
        self.ready["ca_file"].as_str()
    }

    /// The environment for a program to connect: see the examples.
    pub(crate) fn environment(&self) -> Result<[(&'static str, &str); 2], String> {
        Ok([
            ("KUSTO_CONNECTION_STRING", self.connection_string()?),
            ("KUSTO_DATABASE", DATABASE),
        ])
    }

    /// Its process id.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    fn text(&self, key: &str) -> Result<&str, String> {
        self.ready[key]
            .as_str()
            .ok_or_else(|| format!("the emulator's READY line has no {key:?}"))
    }

    /// Rows of the first table of a query's answer.
    pub(crate) fn query(&self, text: &str) -> Result<Vec<Value>, String> {
        self.rows("query", text)
    }

    /// Rows of the first table of a management command's answer.
    pub(crate) fn command(&self, text: &str) -> Result<Vec<Value>, String> {
        self.rows("mgmt", text)
    }

    fn rows(&self, service: &str, text: &str) -> Result<Vec<Value>, String> {
        let engine = self.engine()?.trim_end_matches('/');
        rows(&format!("{engine}/v1/rest/{service}"), text)
    }

    /// Queries the service directly, not through the library: the rows must arrive, and none twice.
    pub(crate) fn wait_for_rows(&self, table: &str, expected: u64) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let rows = self.query(&format!("{table} | count"))?;
            let count = rows
                .first()
                .and_then(|row| row[0].as_u64())
                .ok_or("no count")?;
            if count == expected {
                println!("\nAsked the service itself: {table} | count = {count}");
                return Ok(());
            }
            if count > expected || Instant::now() > deadline {
                return Err(format!("{table} has {count} rows, not {expected}"));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The answer of one of the emulator's own endpoints.
    pub(crate) fn control(&self, name: &str) -> Result<Value, String> {
        json(&self.ask_control("GET", name, "")?)
    }

    /// Sends something to one of the emulator's own endpoints.
    pub(crate) fn tell_control(&self, method: &str, name: &str, body: &str) -> Result<(), String> {
        let answer = self.ask_control(method, name, body)?;
        match answer.status {
            200..=299 => Ok(()),
            status => {
                let said = String::from_utf8_lossy(&answer.body);
                Err(format!("{method} {name} was answered {status}: {said}"))
            }
        }
    }

    fn ask_control(&self, method: &str, name: &str, body: &str) -> Result<Answer, String> {
        let engine = self.engine()?.trim_end_matches('/');
        let url = format!("{engine}/emulator/v1/{name}");
        http::send(method, &url, &[], body.len() as u64, &mut body.as_bytes())
    }

    /// Uploads a file into the container for the user's own blobs, and returns its URL with SAS.
    pub(crate) fn upload(&self, file: &Path, name: &str) -> Result<String, String> {
        let resources = self.control("resources")?;
        let container = resources["containers"][0]
            .as_str()
            .ok_or("the emulator offers no container")?;
        let (address, access) = container
            .split_once('?')
            .ok_or("a container without access")?;
        let blob = format!("{address}/{}?{access}", http::encode(name));
        let failed = |error: std::io::Error| format!("cannot read {}: {error}", file.display());
        let mut source = File::open(file).map_err(failed)?;
        let length = source.metadata().map_err(failed)?.len();
        let headers = [("x-ms-blob-type", "BlockBlob"), STORAGE_VERSION];
        let answer = http::send("PUT", &blob, &headers, length, &mut source)?;
        if answer.status == 201 {
            Ok(blob)
        } else {
            Err(format!("Put Blob answered {}", answer.status))
        }
    }
}

fn rows(url: &str, text: &str) -> Result<Vec<Value>, String> {
    let body = json!({ "db": DATABASE, "csl": text }).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = http::send(
        "POST",
        url,
        &headers,
        body.len() as u64,
        &mut body.as_bytes(),
    )?;
    match json(&answer)?["Tables"][0]["Rows"].take() {
        Value::Array(rows) => Ok(rows),
        _ => Err(format!("no rows in the answer to {text:?}")),
    }
}

fn json(answer: &Answer) -> Result<Value, String> {
    let said = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 {
        return Err(format!("the emulator answered {}: {said}", answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|error| format!("{error} in: {said}"))
}
