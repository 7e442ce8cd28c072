//! What is shown to people of a message and of its result. No secret is.

use serde_json::{Value as Json, json};

use super::batch::{BatchKey, Waiting};
use super::failure::Failure;
use super::formats::DataFormat;
use super::message::{self, Envelope, Work, without_credentials};
use super::report::Outcome;
use crate::engine::datetime;
use crate::engine::sources::{SourceRequest, StreamData, StreamRequest};
use crate::ingestions::{Arrival, Progress, State, WaitingBatch};

/// What stands where a secret was.
const HIDDEN: &str = "***";

/// A message that was taken.
pub(crate) fn arrival(text: &str, envelope: &Envelope, work: &Result<Work, Failure>) -> Arrival {
    let work = work.as_ref().ok();
    Arrival {
        source_id: envelope.id.to_string(),
        database: envelope.database.clone(),
        table: envelope.table.clone(),
        source: envelope.source_path.clone(),
        format: work.map(|work| work.properties.format.name()),
        mapping: work.and_then(|work| work.properties.mapping.shown()),
        raw_data_size: work.map_or(0, |work| work.raw_data_size),
        received_on: datetime::print(datetime::now()),
        message: message(text),
    }
}

/// A blob that a command names.
pub(crate) fn named(request: &SourceRequest) -> Arrival {
    let format = request.properties.get("format").and_then(Json::as_str);
    Arrival {
        source_id: request.operation.to_string(),
        database: request.database.clone(),
        table: request.table.clone(),
        source: without_credentials(&request.location).to_owned(),
        format: format.and_then(known_format),
        received_on: datetime::print(datetime::now()),
        message: without_secrets(Json::Object(request.properties.clone())),
        ..Arrival::default()
    }
}

/// A request of streaming ingestion.
pub(crate) fn streamed(request: &StreamRequest) -> Arrival {
    let (source, size) = match &request.data {
        StreamData::Body { bytes, .. } => ("(streamed)", bytes.len() as u64),
        StreamData::Blob(location) => (without_credentials(location), 0),
    };
    Arrival {
        database: request.database.clone(),
        table: request.table.clone(),
        source: source.to_owned(),
        format: known_format(&request.format),
        mapping: request.mapping.clone(),
        raw_data_size: size,
        received_on: datetime::print(datetime::now()),
        message: json!({"streamFormat": request.format, "mappingName": request.mapping}),
        ..Arrival::default()
    }
}

fn known_format(name: &str) -> Option<&'static str> {
    DataFormat::parse(name).ok().map(DataFormat::name)
}

/// A source that is being loaded.
pub(crate) fn loading() -> Progress {
    Progress::new(State::Loading, datetime::print(datetime::now()))
}

/// A source whose outcome is known since then.
pub(crate) fn end(outcome: &Outcome, decided_on: i64) -> Progress {
    let since = datetime::print(decided_on);
    let (state, failure) = match outcome {
        Outcome::Succeeded { rows } => {
            return Progress {
                rows: Some(*rows),
                ..Progress::new(State::Succeeded, since)
            };
        }
        Outcome::Failed(failure) => (State::Failed, failure),
        Outcome::Skipped(failure) => (State::Skipped, failure),
    };
    Progress {
        error_code: Some(failure.code.name()),
        details: Some(failure.details.clone()),
        ..Progress::new(state, since)
    }
}

/// A batch that waits.
pub(crate) fn batch(key: &BatchKey, waiting: &Waiting) -> WaitingBatch {
    WaitingBatch {
        database: key.database.clone(),
        table: key.table.clone(),
        format: key.format.name(),
        mapping: key.mapping.shown(),
        sources: waiting.sources,
        raw_data_size: waiting.raw_bytes,
        due: waiting.deadline,
    }
}

/// The message's JSON; its text when it is none.
fn message(text: &str) -> Json {
    match message::json_object(text) {
        Ok(object) => without_secrets(object.into()),
        Err(_) => text.into(),
    }
}

fn without_secrets(value: Json) -> Json {
    let hide = |(name, value): (String, Json)| {
        let value = if name.eq_ignore_ascii_case("authorizationContext") {
            HIDDEN.into()
        } else {
            without_secrets(value)
        };
        (name, value)
    };
    match value {
        Json::Object(object) => Json::Object(object.into_iter().map(hide).collect()),
        Json::Array(values) => values.into_iter().map(without_secrets).collect(),
        Json::String(text) if text.contains("://") => address(&text).into(),
        other => other,
    }
}

fn address(text: &str) -> String {
    let kept = message::without_credentials(text);
    if kept.len() == text.len() {
        return text.to_owned();
    }
    format!("{kept}{}{HIDDEN}", &text[kept.len()..=kept.len()])
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_shown_without_its_secrets() {
        let sent = json!({
            "BlobPath": "https://h/c/b.csv?sig=s3cret",
            "RetainBlobOnSuccess": true,
            "IngestionStatusInTable": {"TableConnectionString": "https://h/t;token=s3cret", "RowKey": "r"},
            "AdditionalProperties": {"AuthorizationContext": "s3cret", "format": "csv", "tags": "[\"a?b\"]"},
        });
        assert_eq!(
            message(&STANDARD.encode(sent.to_string())),
            json!({
                "BlobPath": "https://h/c/b.csv?***",
                "RetainBlobOnSuccess": true,
                "IngestionStatusInTable": {"TableConnectionString": "https://h/t;***", "RowKey": "r"},
                "AdditionalProperties": {"AuthorizationContext": "***", "format": "csv", "tags": "[\"a?b\"]"},
            })
        );
        assert_eq!(message("no message"), "no message");
    }

    #[test]
    fn the_properties_of_a_command_are_shown_without_their_secrets() {
        let properties = json!({"format": "csv", "authorizationContext": "s3cret"});
        let request = SourceRequest {
            operation: Default::default(),
            database: "D".to_owned(),
            table: "T".to_owned(),
            location: "https://h/c/b.csv?sig=s3cret".to_owned(),
            properties: properties.as_object().cloned().unwrap_or_default(),
        };
        let shown = named(&request);
        assert_eq!(shown.source, "https://h/c/b.csv");
        assert_eq!(
            shown.message,
            json!({"format": "csv", "authorizationContext": "***"})
        );
    }
}
