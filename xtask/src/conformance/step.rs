//! The steps of a scenario.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::expect::Expect;
use super::scenario::fill;

/// One step with its expected result.
pub(crate) struct Step {
    pub(crate) verb: String,
    pub(crate) action: Action,
    pub(crate) expect: Expect,
}

pub(crate) enum Action {
    Client(ClientStep),
    Start(Box<Ingest>),
    Ingest(Box<Ingest>),
    Wait(Operation),
    Cancel(Operation),
    Track(Track),
    Outcomes(Outcomes),
    Execute(Execute),
    WarmUp(Call),
    Close(Call),
    Arm(Arm),
    Stalled(Stalled),
    Disarm,
    Tokens(Map<String, Value>),
    Device(Device),
    Assertion(Assertion),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientStep {
    #[serde(default = "first_client")]
    pub(crate) client: String,
    #[serde(default)]
    pub(crate) settings: Map<String, Value>,
    #[serde(default = "no_login")]
    pub(crate) login: String,
    pub(crate) application: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) connection: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ingest {
    #[serde(default = "first_client")]
    pub(crate) client: String,
    #[serde(default = "first_operation")]
    pub(crate) op: String,
    #[serde(default)]
    pub(crate) times: Option<u32>,
    pub(crate) source: String,
    pub(crate) input: Option<String>,
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) blobs: Vec<BlobSource>,
    pub(crate) fail_after: Option<u64>,
    pub(crate) database: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) mapping_ref: Option<String>,
    /// A text, or JSON that is converted to text.
    pub(crate) mapping: Option<Value>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    pub(crate) mode: Option<String>,
    #[serde(default = "all")]
    pub(crate) report_level: String,
    #[serde(default = "table")]
    pub(crate) report_method: String,
    #[serde(default)]
    pub(crate) properties: Map<String, Value>,
    /// By the way that refuses a name which the library does not know.
    #[serde(default)]
    pub(crate) named: Map<String, Value>,
    pub(crate) source_id: Option<String>,
    pub(crate) compression: Option<String>,
    pub(crate) raw_size: Option<u64>,
    #[serde(default = "minute")]
    pub(crate) timeout: i64,
    pub(crate) cancel: Option<Before>,
    #[serde(default)]
    pub(crate) progress: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlobSource {
    pub(crate) url: String,
    pub(crate) raw_size: Option<u64>,
    pub(crate) id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Before {
    Before,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    #[serde(default = "first_operation")]
    pub(crate) op: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Track {
    #[serde(default = "first_client")]
    pub(crate) client: String,
    #[serde(default = "first_operation")]
    pub(crate) op: String,
    #[serde(default = "yes", rename = "final")]
    pub(crate) until_final: bool,
    #[serde(default = "minute")]
    pub(crate) timeout: i64,
    /// The name under which it runs in the background.
    #[serde(rename = "as")]
    pub(crate) background: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcomes {
    #[serde(default = "first_client")]
    pub(crate) client: String,
    #[serde(default = "first_operation")]
    pub(crate) op: String,
    pub(crate) how: String,
    pub(crate) which: String,
    #[serde(default = "thirty_two")]
    pub(crate) max: u32,
    #[serde(default)]
    pub(crate) least: usize,
    #[serde(default = "minute")]
    pub(crate) timeout: i64,
    /// The name under which it runs in the background.
    #[serde(rename = "as")]
    pub(crate) background: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Execute {
    #[serde(default = "first_client")]
    pub(crate) client: String,
    pub(crate) text: String,
    pub(crate) database: Option<String>,
    #[serde(default)]
    pub(crate) parameters: Map<String, Value>,
    #[serde(default)]
    pub(crate) options: Map<String, Value>,
    #[serde(default = "minute")]
    pub(crate) timeout: i64,
    pub(crate) cancel: Option<Before>,
    /// Repeated until so many requests for tokens have come since the scenario began; each time with the
    /// expected result.
    pub(crate) until_logins: Option<u64>,
    /// The name under which it runs in the background.
    #[serde(rename = "as")]
    pub(crate) background: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    #[serde(default = "first_client")]
    pub(crate) client: String,
    pub(crate) timeout: Option<i64>,
    /// Repeated until the result is as expected.
    #[serde(default)]
    pub(crate) eventually: bool,
    /// The name under which it runs in the background.
    #[serde(rename = "as")]
    pub(crate) background: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arm {
    pub(crate) rule: Value,
    /// On the service with logins of its own.
    #[serde(default)]
    pub(crate) entra: bool,
}

/// What the user does who was shown a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    pub(crate) action: String,
}

/// A file with a federated token, written anew.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assertion {
    pub(crate) file: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stalled {
    pub(crate) rule: usize,
}

fn first_client() -> String {
    "a".to_owned()
}

fn first_operation() -> String {
    "1".to_owned()
}

fn no_login() -> String {
    "none".to_owned()
}

fn all() -> String {
    "all".to_owned()
}

fn table() -> String {
    "table".to_owned()
}

fn yes() -> bool {
    true
}

fn thirty_two() -> u32 {
    32
}

fn minute() -> i64 {
    60_000
}

/// The verbs of the calls that run in the background, by their names.
pub(crate) type Background = BTreeMap<String, String>;

impl Step {
    /// `wait` returns the answer of the call that was started under its name.
    pub(super) fn read(value: &Value, begun: &mut Background) -> Result<Step, String> {
        let mut members = value.as_object().ok_or("is no object")?.clone();
        let verb = match members.shift_remove("do") {
            Some(Value::String(verb)) => verb,
            _ => return Err("has no text \"do\"".to_owned()),
        };
        let expected = members.shift_remove("expect");
        let action = Action::read(&verb, Value::Object(members))?;
        action.check()?;
        let answered = match &action {
            Action::Wait(operation) => begun.get(&operation.op).unwrap_or(&verb).clone(),
            _ => verb.clone(),
        };
        match (action.background(), &action) {
            (Some(name), _) => drop(begun.insert(name.to_owned(), verb.clone())),
            (None, Action::Start(ingest) | Action::Ingest(ingest)) => {
                begun.remove(&ingest.op);
            }
            _ => {}
        }
        let expect = match expected {
            Some(_) if action.is_silent() => Err("this step has no result".to_owned()),
            Some(value) => Expect::read(&answered, &value),
            None => Ok(Expect::fine()),
        };
        let expect = expect.map_err(|error| format!("expect: {error}"))?;
        Ok(Step {
            verb,
            action,
            expect,
        })
    }
}

impl Action {
    fn read(verb: &str, members: Value) -> Result<Action, String> {
        Ok(match verb {
            "client" => Action::Client(fill(members)?),
            "start" => Action::Start(Box::new(Ingest::read(members)?)),
            "ingest" => Action::Ingest(Box::new(Ingest::read(members)?)),
            "wait" => Action::Wait(fill(members)?),
            "cancel" => Action::Cancel(fill(members)?),
            "track" => Action::Track(fill(members)?),
            "outcomes" => Action::Outcomes(fill(members)?),
            "execute" => Action::Execute(fill(members)?),
            "warm_up" => Action::WarmUp(fill(members)?),
            "close" => Action::Close(fill(members)?),
            "arm" => Action::Arm(fill(members)?),
            "stalled" => Action::Stalled(fill(members)?),
            "tokens" => Action::Tokens(fill(members)?),
            "device" => Action::Device(fill(members)?),
            "assertion" => Action::Assertion(fill(members)?),
            "disarm" if members == Value::Object(Map::new()) => Action::Disarm,
            "disarm" => return Err("disarm takes no members".to_owned()),
            other => return Err(format!("unknown verb {other:?}")),
        })
    }

    /// The name of a call in the background.
    pub(crate) fn background(&self) -> Option<&str> {
        match self {
            Action::Track(Track { background, .. })
            | Action::Outcomes(Outcomes { background, .. })
            | Action::Execute(Execute { background, .. })
            | Action::WarmUp(Call { background, .. })
            | Action::Close(Call { background, .. }) => background.as_deref(),
            _ => None,
        }
    }

    /// A repeated call cannot run in the background.
    fn check(&self) -> Result<(), String> {
        let repeated = match self {
            Action::Outcomes(outcomes) => outcomes.least > 0,
            Action::WarmUp(call) => call.eventually,
            Action::Execute(execute) => execute.until_logins.is_some(),
            Action::Close(call) if call.eventually => {
                return Err("close is not repeated".to_owned());
            }
            _ => false,
        };
        match (repeated, self.background()) {
            (true, Some(_)) => Err("a repeated call takes no \"as\"".to_owned()),
            _ => Ok(()),
        }
    }

    /// Whether there is no answer to compare: that of `start`, and of what runs in the background, comes with
    /// its `wait`.
    fn is_silent(&self) -> bool {
        self.background().is_some()
            || matches!(
                self,
                Action::Start(_)
                    | Action::Arm(_)
                    | Action::Stalled(_)
                    | Action::Disarm
                    | Action::Tokens(_)
                    | Action::Device(_)
                    | Action::Assertion(_)
            )
    }
}

impl Ingest {
    fn read(members: Value) -> Result<Ingest, String> {
        let ingest: Ingest = fill(members)?;
        let given = [
            ingest.input.is_some(),
            ingest.path.is_some(),
            ingest.source == "blobs",
        ];
        match given.iter().filter(|given| **given).count() {
            1 => Ok(ingest),
            _ => Err("exactly one of input, path and blobs is needed".to_owned()),
        }
    }
}
