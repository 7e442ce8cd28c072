//! Streaming ingestion as the engine answers it: which tables take it, and the form of replies.

use std::time::Duration;

use hyper::HeaderMap;
use serde_json::{Value as Json, json};

use super::database::{Engine, LookupError};
use super::datetime;
use super::endpoint::{Reply, reply};
use super::identity::Identity;
use super::response::{bytes, context};
use super::sources::{SourceFailure, StreamData, StreamRequest, Streamed};
use super::streaming_records::StreamingRecord;

/// Which tables take streaming ingestion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Streaming {
    /// Those with a policy that says so, of their own or of their database.
    #[default]
    ByPolicy,
    /// All but those with a policy that says no.
    Always,
    /// None: the cluster does not have it.
    Disabled,
}

/// How the service streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamingRules {
    /// Which tables take streaming ingestion.
    pub tables: Streaming,
    /// How long tables and mappings stay unknown to streaming after they were made.
    pub schema_lag: Duration,
}

impl StreamingRules {
    /// Until when, in ticks, a table or mapping must have been made to be known.
    fn known_until(self) -> i64 {
        match i64::try_from(self.schema_lag.as_nanos() / 100) {
            // Whatever the clock does, there is no lag.
            Ok(0) => i64::MAX,
            Ok(lag) => datetime::now().saturating_sub(lag),
            Err(_) => i64::MIN,
        }
    }
}

/// Why a request was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// HTTP status.
    pub status: u16,
    /// The service's code.
    pub code: String,
    /// The last part of the exception's type.
    pub exception: &'static str,
    /// What went wrong, for people and without secrets.
    pub details: String,
    /// Whether the same request would fail again.
    pub is_permanent: bool,
}

impl StreamError {
    /// A request that makes no sense.
    #[must_use]
    pub fn bad_request(details: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: "General_BadRequest".to_owned(),
            exception: "StreamingIngestionRequestException",
            details: details.into(),
            is_permanent: true,
        }
    }

    /// A body that is larger than any request may be.
    #[must_use]
    pub fn payload_too_large() -> Self {
        Self {
            status: 413,
            code: "BadRequest_FileTooLarge".to_owned(),
            exception: "KustoRequestPayloadTooLargeException",
            details: "The request's body is larger than 10 MB.".to_owned(),
            is_permanent: true,
        }
    }

    /// The exception's type with its namespace.
    #[must_use]
    pub fn full_exception(&self) -> String {
        format!("Kusto.DataNode.Exceptions.{}", self.exception)
    }

    fn disabled() -> Self {
        Self {
            status: 404,
            code: "NotFound_StreamingIngestionDisabledForCluster".to_owned(),
            exception: "StreamingIngestionDisabledForClusterException",
            details: "Streaming ingestion is disabled for the cluster.".to_owned(),
            is_permanent: true,
        }
    }

    fn no_policy(table: &str) -> Self {
        Self {
            status: 400,
            code: "BadRequest_StreamingIngestionPolicyNotEnabled".to_owned(),
            exception: "StreamingIngestionPolicyNotEnabledException",
            details: format!(
                "Streaming ingestion policy is not enabled on table '{table}' or its database."
            ),
            is_permanent: true,
        }
    }
}

impl From<LookupError> for StreamError {
    fn from(error: LookupError) -> Self {
        let code = match error {
            LookupError::Database(_) => "BadRequest_DatabaseNotExist",
            LookupError::Table(_) => "BadRequest_TableNotExist",
            LookupError::Schema(_) => "General_TransientSchemaMismatch",
        };
        SourceFailure {
            code: code.to_owned(),
            details: error.to_string(),
            is_permanent: !matches!(error, LookupError::Schema(_)),
        }
        .into()
    }
}

impl From<SourceFailure> for StreamError {
    fn from(failure: SourceFailure) -> Self {
        Self {
            status: if failure.is_permanent { 400 } else { 500 },
            code: failure.code,
            exception: "StreamingIngestionRequestException",
            details: failure.details,
            is_permanent: failure.is_permanent,
        }
    }
}

/// Gives the reply to a request that was read, or could not be read, and ingests its data where nothing speaks against
/// it. It computes and waits: call it where that hurts nobody.
pub fn respond(
    engine: &Engine,
    rules: StreamingRules,
    headers: &HeaderMap,
    table: (&str, &str),
    request: Result<StreamRequest, StreamError>,
) -> Reply {
    let identity = Identity::of(headers);
    let (started_on, known_until) = (datetime::now(), rules.known_until());
    let properties = properties(request.as_ref().ok());
    let ingested = check(engine, rules.tables, known_until, table)
        .and(request)
        .and_then(|request| ingest(engine, request, known_until));
    engine.record_streaming(StreamingRecord {
        target: (table.0.to_owned(), table.1.to_owned()),
        properties,
        started_on,
        ended_on: datetime::now(),
        activity_id: identity.activity_id,
        result: ingested.clone(),
    });
    match ingested {
        Ok(streamed) => reply(200, bytes(&ingested_rows(streamed.rows)), &identity),
        Err(error) => {
            let body = error_body(&error, &identity, table);
            reply(error.status, bytes(&body), &identity)
        }
    }
}

/// What a request says of its data, as it is remembered.
fn properties(request: Option<&StreamRequest>) -> Json {
    let data = request.map(|request| &request.data);
    let is_compressed = match data {
        Some(StreamData::Body { is_gzip, .. }) => *is_gzip,
        Some(StreamData::Blob(location)) => {
            let path = location.split('?').next().unwrap_or_default();
            path.ends_with(".gz") || path.ends_with(".zip")
        }
        None => false,
    };
    let source = match data {
        Some(StreamData::Blob(_)) => "Storage",
        _ => "Stream",
    };
    json!({
        "Mapping": request.and_then(|request| request.mapping.as_deref()),
        "Format": request.map(|request| request.format.as_str()),
        "Compressed": is_compressed,
        "IngestionSource": source,
    })
}

/// Whether the table is there and takes streaming ingestion.
fn check(
    engine: &Engine,
    streaming: Streaming,
    known_until: i64,
    (database, table): (&str, &str),
) -> Result<(), StreamError> {
    if streaming == Streaming::Disabled {
        return Err(StreamError::disabled());
    }
    engine.find_cached(database, table, known_until)?;
    let policy = policy(engine, database, table)?;
    match policy.unwrap_or(streaming == Streaming::Always) {
        true => Ok(()),
        false => Err(StreamError::no_policy(table)),
    }
}

/// What the policy of the table, or else of its database, says; none where neither has one.
fn policy(engine: &Engine, database: &str, table: &str) -> Result<Option<bool>, LookupError> {
    engine.with_database(database, |database| {
        let own = database.tables.get(table);
        let own = own.and_then(|table| table.policies.streaming.as_deref());
        own.or(database.policies.streaming.as_deref())
            .map(is_enabled)
    })
}

/// Of a policy, which was checked when it was set.
fn is_enabled(policy: &str) -> bool {
    let policy: Option<Json> = serde_json::from_str(policy).ok();
    policy.is_some_and(|policy| policy["IsEnabled"] == Json::Bool(true))
}

fn ingest(
    engine: &Engine,
    request: StreamRequest,
    known_until: i64,
) -> Result<Streamed, StreamError> {
    let Some(sources) = engine.sources() else {
        return Err(StreamError::from(SourceFailure {
            code: "BadRequest_NotSupported".to_owned(),
            details: "The emulator was started without ingestion.".to_owned(),
            is_permanent: true,
        }));
    };
    Ok(sources.stream(request, known_until)?)
}

/// The reply to a success, as the service has it where no update policy takes part.
fn ingested_rows(rows: u64) -> Json {
    let column = |name: &str, data_type: &str, column_type: &str| json!({"ColumnName": name, "DataType": data_type, "ColumnType": column_type});
    json!({
        "Tables": [{
            "TableName": "Table_0",
            "Columns": [
                column("ConsumedRecordsCount", "Int64", "long"),
                column("UpdatePolicyStatus", "String", "string"),
                column("UpdatePolicyFailureCode", "String", "string"),
                column("UpdatePolicyFailureReason", "String", "string"),
            ],
            "Rows": [[rows, "Inactive", "Unknown", null]],
        }],
    })
}

/// The OneApi form of the error.
fn error_body(error: &StreamError, identity: &Identity, (database, table): (&str, &str)) -> Json {
    let summary = match error.status {
        404 => "The requested resource was not found.",
        413 => "The request is too large.",
        500.. => "The request could not be executed.",
        _ => "Request is invalid and cannot be executed.",
    };
    let message = format!(
        "Bad streaming ingestion request to {database}.{table} : {}",
        error.details
    );
    json!({"error": {
        "code": error.code,
        "message": summary,
        "@type": error.full_exception(),
        "@message": message,
        "@failureCode": error.status,
        "@context": context(identity),
        "@permanent": error.is_permanent,
    }})
}
