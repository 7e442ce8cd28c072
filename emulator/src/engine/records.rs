//! What the service remembers of its work: the rows of `.show ingestion failures` and
//! `.show operations`.

use uuid::Uuid;

/// One row of `.show ingestion failures`. Times are ticks (100 ns since 0001-01-01 UTC).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestionFailureRecord {
    /// The operation that failed; also in `.show operations`.
    pub operation_id: Uuid,
    /// Target database as the message named it.
    pub database: String,
    /// Target table as the message named it.
    pub table: String,
    /// When, in ticks.
    pub failed_on: i64,
    /// The blob's address, without its SAS.
    pub source_path: String,
    /// What went wrong, for people.
    pub details: String,
    /// The service's code, for example `BadRequest_TableNotExist`.
    pub error_code: String,
    /// `Permanent` or `Transient`.
    pub failure_kind: String,
    /// Activity that ties together everything one message caused.
    pub root_activity_id: Uuid,
    /// `DataIngestPull` for queued ingestion.
    pub operation_kind: String,
    /// Whether an update policy caused the failure.
    pub originates_from_update_policy: bool,
    /// Whether sending the same data again may succeed.
    pub should_retry: bool,
    /// The properties the data came with, as text.
    pub ingestion_properties: String,
}

/// One row of `.show operations`. Times are ticks (100 ns since 0001-01-01 UTC).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationRecord {
    /// Identity of the operation; several rows may share it.
    pub operation_id: Uuid,
    /// Kind: `DataIngestPull`, `TableCreate`...
    pub operation: String,
    /// Database it worked on.
    pub database: String,
    /// Table it worked on; empty when none.
    pub table: String,
    /// When it started, in ticks.
    pub started_on: i64,
    /// When this state was reached, in ticks.
    pub last_updated_on: i64,
    /// `InProgress`, `Completed`, `Failed`, `PartiallySucceeded`, `Skipped`...
    pub state: String,
    /// Text for people; empty on success.
    pub status: String,
    /// Activity that ties together everything one request caused.
    pub root_activity_id: Uuid,
    /// Whether doing it again may succeed.
    pub should_retry: bool,
}
