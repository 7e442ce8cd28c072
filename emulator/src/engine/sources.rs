//! Ingestion of what lies in storage. The engine, which knows no network, leaves it to the ingestor.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// What a command ingests.
pub struct SourceRequest {
    /// The operation that it belongs to.
    pub operation: Uuid,
    /// The database, which may not be there.
    pub database: String,
    /// The table, which may not be there.
    pub table: String,
    /// Where the blob is, with what gives access to it: a secret.
    pub location: String,
    /// The ingestion properties as the command has them.
    pub properties: Map<String, Json>,
}

/// Why a source was not ingested, in the service's words and without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFailure {
    /// The service's code, for example `BadRequest_TableNotExist`.
    pub code: String,
    /// What went wrong, for people.
    pub details: String,
    /// Whether the same source fails again.
    pub is_permanent: bool,
}

/// Who reads sources. Called by several threads at a time.
pub trait Sources: Send + Sync {
    /// Ingests a source and gives its extent. Waits until that is done.
    ///
    /// # Errors
    /// When nothing of it was ingested.
    fn ingest(&self, request: &SourceRequest) -> Result<Uuid, SourceFailure>;
}
