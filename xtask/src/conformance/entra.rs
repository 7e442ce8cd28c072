//! A service whose users, applications and machines log in at its own Entra ID.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::substitute::Names;
use crate::emulator::Emulator;
use crate::{http, workspace};

/// Whom the application of [`APP`] trusts besides its secret.
const ISSUER: &str = "https://issuer.test";
const APP: &str = "22222222-2222-2222-2222-222222222222";

pub(crate) struct Entra {
    emulator: Emulator,
    /// As it was in the beginning.
    directory: Value,
}

impl Entra {
    pub(crate) fn start() -> Result<Entra, String> {
        let emulator = Emulator::start_with_entra()?;
        let mut directory = emulator.control("entra/directory")?;
        // Nobody waits longer than needed for a device's code.
        directory["tokens"]["pollSeconds"] = json!(1);
        let apps = directory["apps"].as_array_mut().ok_or("no applications")?;
        let app = apps.iter_mut().find(|app| app["clientId"] == APP);
        app.ok_or("no application")?["federated"] =
            json!([{"issuer": ISSUER, "subject": "workload"}]);
        let entra = Entra {
            emulator,
            directory,
        };
        entra.begin()?;
        Ok(entra)
    }

    pub(crate) fn stop(self) -> Result<(), String> {
        self.emulator.stop()
    }

    pub(crate) fn name(&self, names: &mut Names) -> Result<(), String> {
        names.set(
            "entra",
            format!("Data Source={};Fed=True", self.emulator.engine()?),
        );
        names.set("app-id", APP);
        names.set(
            "app",
            format!("Application Client Id={APP};Authority Id=contoso.test"),
        );
        Ok(())
    }

    /// Where a player finds the identities of its machine, and a browser.
    pub(crate) fn environment(&self) -> Result<[(&'static str, String); 2], String> {
        let identity = self.emulator.identity()?.to_owned();
        let script = workspace::root().join("tests/conformance/browser.py");
        let engine = self.emulator.engine()?.trim_end_matches('/');
        let browser = format!(
            "python3 {} {engine}/emulator/v1/entra/browse",
            script.display()
        );
        Ok([
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", identity),
            ("BROWSER", browser),
        ])
    }

    /// Forgets what a scenario has changed.
    pub(crate) fn begin(&self) -> Result<(), String> {
        self.disarm()?;
        self.replace(&self.directory)?;
        self.emulator.tell_control("DELETE", "traffic", "")
    }

    /// Changes how tokens are made.
    pub(crate) fn make_tokens(&self, rules: &Map<String, Value>) -> Result<(), String> {
        let mut directory = self.emulator.control("entra/directory")?;
        for (name, value) in rules {
            directory["tokens"][name] = value.clone();
        }
        self.replace(&directory)
    }

    fn replace(&self, directory: &Value) -> Result<(), String> {
        self.emulator
            .tell_control("PUT", "entra/directory", &directory.to_string())
    }

    /// The code of a device that waits for its user.
    pub(crate) fn device(&self) -> Result<Option<String>, String> {
        let devices = self.emulator.control("entra/devices")?;
        let code = |device: &Value| device["userCode"].as_str().map(str::to_owned);
        Ok(devices
            .as_array()
            .and_then(|all| all.first().and_then(code)))
    }

    /// What the user does who was shown the code.
    pub(crate) fn answer_device(&self, code: &str, action: &str) -> Result<(), String> {
        let body = json!({"action": action, "user": "alice"});
        let path = format!("entra/devices/{code}");
        self.emulator.tell_control("POST", &path, &body.to_string())
    }

    /// Writes what a platform would give its workload; it is good for one login.
    pub(crate) fn write_assertion(&self, file: &Path) -> Result<(), String> {
        let body = json!({"issuer": ISSUER, "subject": "workload"}).to_string();
        let engine = self.emulator.engine()?.trim_end_matches('/');
        let url = format!("{engine}/emulator/v1/entra/assertions");
        let length = body.len() as u64;
        let answer = http::send("POST", &url, &[], length, &mut body.as_bytes())?;
        let signed: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("no assertion: {error}"))?;
        let text = signed["assertion"].as_str().ok_or("no assertion")?;
        workspace::write(file, text)
    }

    pub(crate) fn arm(&self, rule: &Value) -> Result<(), String> {
        self.emulator
            .tell_control("POST", "faults", &rule.to_string())
    }

    pub(crate) fn fired(&self) -> Result<Vec<u64>, String> {
        fired(&self.emulator)
    }

    pub(crate) fn disarm(&self) -> Result<(), String> {
        self.emulator.tell_control("DELETE", "faults", "")
    }

    /// How many requests came to the login host and to the machine since the scenario began.
    pub(crate) fn logins(&self) -> Result<u64, String> {
        let traffic = self.emulator.control("traffic")?;
        let of = |service: &str| traffic["services"][service]["requests"].as_u64();
        Ok(of("entra").ok_or("no count")? + of("managedIdentity").ok_or("no count")?)
    }
}

/// How often each armed rule fired, in the order of arming.
pub(crate) fn fired(emulator: &Emulator) -> Result<Vec<u64>, String> {
    let rules = emulator.control("faults")?;
    let rules = rules.as_array().ok_or("no list of rules")?.iter();
    rules
        .map(|rule| rule["fired"].as_u64().ok_or_else(|| "no count".to_owned()))
        .collect()
}
