//! The queue message: what is to be ingested and how to report on it.
//!
//! A message is read in two layers. The [`Envelope`] is what a report needs and is read from anything that
//! is a JSON object at all; the [`Work`] is the rest, or the failure that the report will carry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};
use url::Url;
use uuid::Uuid;

use super::failure::{ErrorCode, Failure};
use super::fields::Fields;
use super::properties::Properties;

pub(crate) use super::properties::ValidationPolicy;

/// The most text a queue message holds (Azure Storage).
const MAX_MESSAGE: usize = 64 << 10;

/// Which outcomes the sender wants to hear of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReportLevel {
    #[default]
    FailuresOnly,
    None,
    FailuresAndSuccesses,
}

/// Where the sender wants to hear of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReportMethod {
    #[default]
    Queue,
    Table,
    QueueAndTable,
}

/// The sender's row in the status table.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StatusRow {
    /// The table's URL with a SAS: a secret.
    pub(crate) table: String,
    pub(crate) partition_key: String,
    pub(crate) row_key: String,
}

/// What a report on the message needs.
#[derive(Clone)]
pub(crate) struct Envelope {
    /// The source's id.
    pub(crate) id: Uuid,
    pub(crate) database: String,
    pub(crate) table: String,
    /// The blob's address without its credentials.
    pub(crate) source_path: String,
    pub(crate) level: ReportLevel,
    pub(crate) method: ReportMethod,
    pub(crate) status_row: Option<StatusRow>,
}

/// What to ingest.
#[derive(Clone)]
pub(crate) struct Work {
    /// The blob's URL with its SAS: a secret.
    pub(crate) blob: Url,
    /// The identity token the message came with: a secret.
    pub(crate) token: String,
    /// Uncompressed bytes as the sender says; 0 when it does not.
    pub(crate) raw_data_size: u64,
    pub(crate) ignore_size_limit: bool,
    pub(crate) retain_blob: bool,
    pub(crate) flush_immediately: bool,
    pub(crate) properties: Properties,
}

/// Reads the text of a queue message.
pub(crate) fn parse(text: &str) -> (Envelope, Result<Work, Failure>) {
    match json_object(text) {
        Ok(object) => {
            let fields = Fields::new(&object);
            let (envelope, readable) = envelope(&fields);
            let work = readable.and_then(|()| work(&fields, &envelope));
            (envelope, work)
        }
        Err(what) => (unreadable(), Err(corrupted(what))),
    }
}

fn corrupted(what: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::CorruptedMessage, what)
}

/// Nobody can be told about a message of which nothing is known; it is only recorded.
fn unreadable() -> Envelope {
    Envelope {
        id: Uuid::new_v4(),
        database: String::new(),
        table: String::new(),
        source_path: String::new(),
        level: ReportLevel::None,
        method: ReportMethod::Queue,
        status_row: None,
    }
}

/// The object that a message's text holds.
pub(crate) fn json_object(text: &str) -> Result<Map<String, Json>, &'static str> {
    if text.len() > MAX_MESSAGE {
        return Err("The message is larger than 64 KiB.");
    }
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| "The message is not base64.")?;
    serde_json::from_slice(&bytes).map_err(|_| "The message is not a JSON object in UTF-8.")
}

/// The envelope, as far as it can be read, and the first thing in it that cannot.
fn envelope(fields: &Fields<'_>) -> (Envelope, Result<(), Failure>) {
    let mut problem = Ok(());
    let mut note = |failure: Failure| {
        if problem.is_ok() {
            problem = Err(corrupted(failure.details));
        }
    };
    let mut text = |name| {
        let text = fields.text(name).map_err(&mut note);
        text.ok().flatten().unwrap_or_default()
    };
    let id = text("Id");
    let mut envelope = Envelope {
        source_path: without_credentials(&text("BlobPath")).to_owned(),
        database: text("DatabaseName"),
        table: text("TableName"),
        ..unreadable()
    };
    match Uuid::parse_str(&id) {
        Ok(id) => envelope.id = id,
        Err(_) => note(corrupted("Field 'Id' is missing or not a GUID.")),
    }
    envelope.level = report_level(fields).map_err(&mut note).unwrap_or_default();
    envelope.method = report_method(fields).map_err(&mut note).unwrap_or_default();
    envelope.status_row = status_row(fields).map_err(&mut note).unwrap_or_default();
    (envelope, problem)
}

fn report_level(fields: &Fields<'_>) -> Result<ReportLevel, Failure> {
    const NAMES: &[&[&str]] = &[
        &["FailuresOnly"],
        &["None", "DoNotReport"],
        &["FailuresAndSuccesses"],
    ];
    Ok(match fields.choice("ReportLevel", NAMES)? {
        None | Some(0) => ReportLevel::FailuresOnly,
        Some(1) => ReportLevel::None,
        Some(_) => ReportLevel::FailuresAndSuccesses,
    })
}

fn report_method(fields: &Fields<'_>) -> Result<ReportMethod, Failure> {
    const NAMES: &[&[&str]] = &[&["Queue"], &["Table"], &["QueueAndTable"]];
    Ok(match fields.choice("ReportMethod", NAMES)? {
        None | Some(0) => ReportMethod::Queue,
        Some(1) => ReportMethod::Table,
        Some(_) => ReportMethod::QueueAndTable,
    })
}

/// The row, when the message names one: SDKs send an empty object otherwise.
fn status_row(fields: &Fields<'_>) -> Result<Option<StatusRow>, Failure> {
    let Some(row) = fields.object("IngestionStatusInTable") else {
        return Ok(None);
    };
    let Some(table) = row.text("TableConnectionString")?.filter(|t| !t.is_empty()) else {
        return Ok(None);
    };
    Ok(Some(StatusRow {
        table,
        partition_key: row.text("PartitionKey")?.unwrap_or_default(),
        row_key: row.text("RowKey")?.unwrap_or_default(),
    }))
}

fn work(fields: &Fields<'_>, envelope: &Envelope) -> Result<Work, Failure> {
    if envelope.database.is_empty() {
        return Err(Failure::new(
            ErrorCode::EmptyDatabaseName,
            "Field 'DatabaseName' is missing or empty.",
        ));
    }
    if envelope.table.is_empty() {
        return Err(Failure::new(
            ErrorCode::InvalidOrEmptyTableName,
            "Field 'TableName' is missing or empty.",
        ));
    }
    let blob = blob_url(&fields.text("BlobPath")?.unwrap_or_default())?;
    let empty = Map::new();
    let bag = fields
        .object("AdditionalProperties")
        .unwrap_or_else(|| Fields::new(&empty));
    let token = bag
        .text("authorizationContext")?
        .filter(|token| !token.is_empty())
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::InvalidIdentityToken,
                "Ingestion property 'authorizationContext' (the identity token) is missing.",
            )
        })?;
    let properties = Properties::read(&bag, &blob_name(&blob), fields.get("validationPolicy"))?;
    Ok(Work {
        blob,
        token,
        raw_data_size: raw_data_size(fields)?,
        ignore_size_limit: fields.flag("IgnoreSizeLimit")?,
        retain_blob: fields.flag("RetainBlobOnSuccess")?,
        flush_immediately: fields.flag("FlushImmediately")?,
        properties,
    })
}

fn raw_data_size(fields: &Fields<'_>) -> Result<u64, Failure> {
    let text = fields.text("RawDataSize")?.unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| corrupted("Field 'RawDataSize' is not a size in bytes."))
}

/// A blob is fetched with the SAS in its URL; the other credentials of storage connection strings need
/// an identity that the emulator does not have.
fn blob_url(path: &str) -> Result<Url, Failure> {
    if path.is_empty() {
        return Err(Failure::new(
            ErrorCode::EmptyBlobUri,
            "Field 'BlobPath' is missing or empty.",
        ));
    }
    if let Some((_, method)) = path.split_once(';') {
        let is_credential = ["impersonate", "managed_identity=", "token="]
            .iter()
            .any(|known| method.to_ascii_lowercase().starts_with(known));
        if is_credential && !path.contains('?') {
            return Err(Failure::new(
                ErrorCode::NotSupported,
                "Field 'BlobPath' authenticates by other means than a SAS (a limit of the emulator).",
            ));
        }
    }
    Url::parse(path)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            Failure::new(
                ErrorCode::InvalidBlobUri,
                "Field 'BlobPath' is not an http or https URL.",
            )
        })
}

/// The path up to where a SAS or another credential begins.
pub(crate) fn without_credentials(path: &str) -> &str {
    path.split(['?', ';']).next().unwrap_or_default()
}

pub(crate) fn blob_name(blob: &Url) -> String {
    let last = blob.path().rsplit('/').next().unwrap_or_default();
    percent_encoding::percent_decode_str(last)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_message_or_a_failure(text: String, name in "[A-Za-z]{1,12}") {
            let _ = parse(&text);
            let _ = read(&with("BlobPath", text.clone().into()));
            let bag = json!({"authorizationContext": "t", name: text.clone(), "ingestionMapping": text});
            let (envelope, _) = read(&with("AdditionalProperties", bag));
            prop_assert_eq!(envelope.database, "db");
        }
    }

    fn encode(json: &Json) -> String {
        STANDARD.encode(json.to_string())
    }

    fn read(json: &Json) -> (Envelope, Result<Work, Failure>) {
        parse(&encode(json))
    }

    fn message() -> Json {
        json!({
            "Id": "5f0e0000-0000-4000-8000-000000000001",
            "BlobPath": "http://127.0.0.1:10000/c/a%20b.json.gz?sv=1&sig=secret",
            "RawDataSize": 5,
            "DatabaseName": "db",
            "TableName": "T",
            "RetainBlobOnSuccess": true,
            "FlushImmediately": true,
            "ReportLevel": 2,
            "ReportMethod": 2,
            "SourceMessageCreationTime": "2024-05-01T10:00:00",
            "AdditionalProperties": {"authorizationContext": "token"},
            "IngestionStatusInTable": {"TableConnectionString": "http://127.0.0.1/t?sig=x", "PartitionKey": "p", "RowKey": "r"},
            "SomethingNew": [1, 2]
        })
    }

    fn with(name: &str, value: Json) -> Json {
        let mut json = message();
        json[name] = value;
        json
    }

    fn code(json: &Json) -> ErrorCode {
        read(json).1.map(|_| ()).unwrap_err().code
    }

    #[test]
    fn a_message_is_read() {
        let (envelope, work) = read(&message());
        let work = work.unwrap_or_else(|f| panic!("{f}"));
        assert_eq!(envelope.database, "db");
        assert_eq!(
            envelope.source_path,
            "http://127.0.0.1:10000/c/a%20b.json.gz"
        );
        assert_eq!(envelope.level, ReportLevel::FailuresAndSuccesses);
        assert_eq!(envelope.method, ReportMethod::QueueAndTable);
        let row = envelope.status_row.unwrap();
        assert_eq!(
            (row.partition_key.as_str(), row.row_key.as_str()),
            ("p", "r")
        );
        assert_eq!(blob_name(&work.blob), "a b.json.gz");
        assert_eq!(work.raw_data_size, 5);
        assert!(work.retain_blob && work.flush_immediately && !work.ignore_size_limit);
        assert_eq!(work.properties.format.name(), "json");
    }

    #[test]
    fn camel_case_and_enum_names_are_read() {
        let (envelope, work) = read(&json!({
            "id": "5f0e0000-0000-4000-8000-000000000001",
            "blobPath": "http://h/c/b?s",
            "rawDataSize": null,
            "databaseName": "db",
            "tableName": "T",
            "retainBlobOnSuccess": true,
            "flushImmediately": false,
            "reportLevel": "FailuresAndSuccesses",
            "reportMethod": "Table",
            "additionalProperties": {"authorizationContext": "token", "ignoreFirstRecord": "false"},
            "validationPolicy": {"validationOptions": "ValidateCsvInputConstantColumns", "validationPolicyType": "Fail"},
            "ingestionStatusInTable": {"tableConnectionString": "http://h/t?s", "partitionKey": "p", "rowKey": "r"}
        }));
        let work = work.unwrap_or_else(|f| panic!("{f}"));
        assert_eq!(envelope.method, ReportMethod::Table);
        assert!(envelope.status_row.is_some());
        assert!(work.properties.validation.demands_constant_width());
        assert!(work.retain_blob);
    }

    #[test]
    fn the_defaults_are_the_services() {
        let (envelope, work) = read(&json!({
            "Id": "5f0e0000-0000-4000-8000-000000000001", "BlobPath": "http://h/c/b?s",
            "DatabaseName": "db", "TableName": "T", "IngestionStatusInTable": {},
            "AdditionalProperties": {"authorizationContext": "token"}
        }));
        let work = work.unwrap_or_else(|f| panic!("{f}"));
        assert_eq!(envelope.level, ReportLevel::FailuresOnly);
        assert_eq!(envelope.method, ReportMethod::Queue);
        assert!(envelope.status_row.is_none());
        assert!(!work.retain_blob && !work.flush_immediately);
    }

    #[test]
    fn what_is_no_message_is_corrupted() {
        let too_big = "A".repeat(MAX_MESSAGE + 4);
        let not_json = STANDARD.encode("{");
        let not_object = STANDARD.encode("[]");
        for text in ["not base64!", "", &too_big, &not_json, &not_object] {
            let (envelope, work) = parse(text);
            assert_eq!(
                work.map(|_| ()).unwrap_err().code,
                ErrorCode::CorruptedMessage
            );
            assert_eq!(envelope.level, ReportLevel::None);
        }
    }

    #[test]
    fn a_corrupted_field_is_still_reported() {
        for (name, value) in [
            ("Id", json!("x")),
            ("ReportLevel", json!(9)),
            ("ReportMethod", json!("Pigeon")),
            ("DatabaseName", json!({})),
            ("RawDataSize", json!(-1)),
        ] {
            let (envelope, work) = read(&with(name, value));
            assert_eq!(
                work.map(|_| ()).unwrap_err().code,
                ErrorCode::CorruptedMessage,
                "{name}"
            );
            assert_ne!(envelope.level, ReportLevel::None, "{name}");
        }
    }

    #[test]
    fn missing_fields_have_their_codes() {
        assert_eq!(
            code(&with("DatabaseName", json!(""))),
            ErrorCode::EmptyDatabaseName
        );
        assert_eq!(
            code(&with("TableName", json!(null))),
            ErrorCode::InvalidOrEmptyTableName
        );
        assert_eq!(code(&with("BlobPath", json!(""))), ErrorCode::EmptyBlobUri);
        assert_eq!(
            code(&with("BlobPath", json!("c/b"))),
            ErrorCode::InvalidBlobUri
        );
        assert_eq!(
            code(&with("BlobPath", json!("file:///etc/x"))),
            ErrorCode::InvalidBlobUri
        );
        let identity = json!("https://h/c/b;managed_identity=system");
        assert_eq!(code(&with("BlobPath", identity)), ErrorCode::NotSupported);
        let no_token = json!({"format": "csv"});
        assert_eq!(
            code(&with("AdditionalProperties", no_token)),
            ErrorCode::InvalidIdentityToken
        );
        assert_eq!(
            code(&with("RetainBlobOnSuccess", json!("maybe"))),
            ErrorCode::MalformedIngestionProperty
        );
    }
}
