//! The service that scenarios are played against: an emulator, and the driver's operations on it.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::entra::{self, Entra};
use super::substitute::Names;
use crate::emulator::{DATABASE, Emulator};
use crate::http;

/// After which waiting for an event fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two checks of something that is under way elsewhere.
const POLL: Duration = Duration::from_millis(5);
/// A queue's message holds 64 KiB.
const TOO_MANY_LETTERS: usize = 70_000;
/// A database with a name that is not a plain one.
const OTHER_DATABASE: &str = "Größe 表";

/// The token of a player's logins, which the secured service requires.
const TOKEN: &str = "a-token";

pub(crate) struct Service {
    emulator: Emulator,
    /// A separate service that requires the token, and that only a player calls.
    secured: Emulator,
    /// A separate service with logins of its own, that only a player calls.
    pub(crate) entra: Entra,
    /// The queues that the ingestor empties, with access.
    queues: Vec<String>,
}

impl Service {
    pub(crate) fn start() -> Result<Service, String> {
        let emulator = Emulator::start_with_database(OTHER_DATABASE)?;
        let secured = Emulator::start_with_token(TOKEN)?;
        let resources = emulator.control("resources")?;
        let queues = resources["queues"].as_array().ok_or("no queues")?.iter();
        let url = |queue: &Value| queue.as_str().map(str::to_owned);
        let queues = queues.filter_map(url).collect();
        Ok(Service {
            emulator,
            secured,
            entra: Entra::start()?,
            queues,
        })
    }

    pub(crate) fn stop(self) -> Result<(), String> {
        self.secured.stop()?;
        self.entra.stop()?;
        self.emulator.stop()
    }

    /// The names for the placeholders of scenarios.
    pub(crate) fn names(&self) -> Result<Names, String> {
        let mut names = Names::default();
        names.set("connection", self.connection()?);
        let secured = self.secured.engine()?;
        names.set("secured", format!("Data Source={secured};Fed=True"));
        names.set("secured-openly", self.secured.connection_string()?);
        self.entra.name(&mut names)?;
        names.set("engine", self.emulator.engine()?);
        names.set("data-management", self.emulator.data_management()?);
        names.set("database", DATABASE);
        names.set("letters", "x".repeat(TOO_MANY_LETTERS));
        names.set("other-database", OTHER_DATABASE);
        Ok(names)
    }

    pub(crate) fn connection(&self) -> Result<&str, String> {
        self.emulator.connection_string()
    }

    pub(crate) fn command(&self, text: &str) -> Result<(), String> {
        let ran = self.emulator.command(text);
        ran.map(drop).map_err(|error| format!("{text}: {error}"))
    }

    /// Rows of a query, or of a command when the text begins with a dot.
    pub(crate) fn rows(&self, text: &str) -> Result<Value, String> {
        let rows = match text.starts_with('.') {
            true => self.emulator.command(text),
            false => self.emulator.query(text),
        };
        rows.map(Value::Array)
            .map_err(|error| format!("{text}: {error}"))
    }

    /// The blob's URL with access.
    pub(crate) fn upload(&self, file: &Path, name: &str) -> Result<String, String> {
        self.emulator.upload(file, name)
    }

    pub(crate) fn arm(&self, rule: &Value) -> Result<(), String> {
        self.emulator
            .tell_control("POST", "faults", &rule.to_string())
    }

    /// How often each armed rule fired, in the order of arming.
    pub(crate) fn fired(&self) -> Result<Vec<u64>, String> {
        entra::fired(&self.emulator)
    }

    pub(crate) fn disarm(&self) -> Result<(), String> {
        self.emulator.tell_control("DELETE", "faults", "")
    }

    /// Forgets what clients posted.
    pub(crate) fn forget_messages(&self) -> Result<(), String> {
        self.emulator.tell_control("DELETE", "messages", "")
    }

    /// How many messages clients posted, and the last of them.
    pub(crate) fn messages(&self) -> Result<(u64, Vec<Value>), String> {
        let posted = self.emulator.control("messages")?;
        let count = posted["posted"].as_u64().ok_or("no count of messages")?;
        let last = posted["last"].as_array().ok_or("no messages")?;
        let messages: Result<_, String> = last.iter().map(message).collect();
        Ok((count, messages?))
    }

    /// Waits until the ingestor is idle: it removes a message when all its work is done.
    pub(crate) fn settle(&self) -> Result<(), String> {
        self.eventually("the queues are never empty", || {
            for queue in &self.queues {
                if waiting(queue)? > 0 {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Repeats the check until it succeeds.
    pub(crate) fn eventually(
        &self,
        never: &str,
        mut holds: impl FnMut() -> Result<bool, String>,
    ) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while !holds()? {
            if Instant::now() > end {
                return Err(format!("{never}, in {PATIENCE:?}"));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

fn waiting(queue: &str) -> Result<u64, String> {
    let url = format!("{queue}&comp=metadata");
    let version = [("x-ms-version", "2021-12-02")];
    let answer = http::send("GET", &url, &version, 0, &mut std::io::empty())?;
    let count = answer.header("x-ms-approximate-messages-count");
    count
        .and_then(|count| count.parse().ok())
        .ok_or_else(|| format!("a queue answers {} without its length", answer.status))
}

/// The JSON in the base64 of a message.
fn message(text: &Value) -> Result<Value, String> {
    let bytes = STANDARD.decode(text.as_str().unwrap_or_default());
    let bytes = bytes.map_err(|error| format!("a message is not base64: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("a message is not JSON: {error}"))
}
