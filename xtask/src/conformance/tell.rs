//! Steps as messages to a player.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::expect::text_of;
use super::inputs;
use super::message::Message;
use super::step::{Call, ClientStep, Execute, Ingest, Outcomes, Track};
use crate::emulator::DATABASE;

/// The default timeout of calls, in milliseconds.
const MINUTE: i64 = 60_000;

pub(crate) fn client(step: &ClientStep, connection: &str) -> Result<Message, String> {
    Ok(Message::new("client")
        .with("client", &step.client)
        .with(
            "connection",
            step.connection.as_deref().unwrap_or(connection),
        )
        .with("login", &step.login)
        .maybe("application", step.application.as_ref())
        .maybe("file", step.file.as_ref())
        .each("setting", pairs(&step.settings)?))
}

/// The start of an operation. `files` has the paths of inputs, `table` is the default table.
pub(crate) fn start(
    step: &Ingest,
    op: &str,
    table: &str,
    files: impl Fn(&str) -> Result<PathBuf, String>,
) -> Result<Message, String> {
    let path = match (&step.input, &step.path) {
        (Some(input), _) => Some(files(input)?),
        (None, path) => path.as_ref().map(PathBuf::from),
    };
    let mut message = Message::new("start")
        .with("client", &step.client)
        .with("op", op)
        .with("database", step.database.as_deref().unwrap_or(DATABASE))
        .with("table", step.table.as_deref().unwrap_or(table))
        .with("source", &step.source)
        .maybe("path", path.as_deref().map(Path::display));
    for blob in &step.blobs {
        message = message
            .with("blob", &blob.url)
            .maybe("blob_raw_size", blob.raw_size)
            .maybe("blob_id", blob.id.as_ref());
    }
    if let ("reader" | "stream", Some(path)) = (step.source.as_str(), &path) {
        message = message.with("piece", inputs::piece(path));
    }
    Ok(message
        .maybe("fail_after", step.fail_after)
        .maybe("format", step.format.as_ref())
        .maybe("mapping_ref", step.mapping_ref.as_ref())
        .maybe("mapping", step.mapping.as_ref().map(mapping))
        .each("tag", &step.tags)
        .maybe("mode", step.mode.as_ref())
        .with("report_level", &step.report_level)
        .with("report_method", &step.report_method)
        .each("property", properties(step)?)
        .each("named", pairs(&step.named)?)
        .maybe("source_id", step.source_id.as_ref())
        .maybe("compression", step.compression.as_ref())
        .maybe("raw_size", step.raw_size)
        .with("timeout", step.timeout)
        .maybe("cancelled", step.cancel.as_ref().map(|_| 1))
        .maybe("progress", step.progress.then_some(1)))
}

fn mapping(mapping: &Value) -> String {
    match mapping {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    }
}

/// By default scenarios do not wait for the service's batching.
fn properties(step: &Ingest) -> Result<Vec<String>, String> {
    const FLUSH: &str = "flushImmediately";
    let mut properties = pairs(&step.properties)?;
    if !step.properties.contains_key(FLUSH) {
        properties.push(format!("{FLUSH}=true"));
    }
    Ok(properties)
}

pub(crate) fn of_operation(verb: &str, op: &str) -> Message {
    Message::new(verb).with("op", op)
}

pub(crate) fn track(step: &Track) -> Message {
    Message::new("track")
        .with("client", &step.client)
        .with("op", &step.op)
        .with("final", u8::from(step.until_final))
        .with("timeout", step.timeout)
        .maybe("as", step.background.as_ref())
}

pub(crate) fn outcomes(step: &Outcomes) -> Message {
    Message::new("outcomes")
        .with("client", &step.client)
        .with("op", &step.op)
        .with("how", &step.how)
        .with("which", &step.which)
        .with("max", step.max)
        .with("timeout", step.timeout)
        .maybe("as", step.background.as_ref())
}

pub(crate) fn execute(step: &Execute) -> Result<Message, String> {
    Ok(Message::new("execute")
        .with("client", &step.client)
        .with("database", step.database.as_deref().unwrap_or(DATABASE))
        .with("text", &step.text)
        .each("parameter", pairs(&step.parameters)?)
        .each("option", pairs(&step.options)?)
        .with("timeout", step.timeout)
        .maybe("cancelled", step.cancel.as_ref().map(|_| 1))
        .maybe("as", step.background.as_ref()))
}

pub(crate) fn warm_up(step: &Call) -> Message {
    call("warm_up", step, MINUTE)
}

pub(crate) fn close(step: &Call) -> Message {
    call("close", step, 0)
}

fn call(verb: &str, step: &Call, timeout: i64) -> Message {
    Message::new(verb)
        .with("client", &step.client)
        .with("timeout", step.timeout.unwrap_or(timeout))
        .maybe("as", step.background.as_ref())
}

fn pairs(members: &Map<String, Value>) -> Result<Vec<String>, String> {
    let pair = |(name, value): (&String, &Value)| {
        let text = text_of(value).ok_or_else(|| format!("{name} must be a text or a number"))?;
        Ok(format!("{name}={text}"))
    };
    members.iter().map(pair).collect()
}
