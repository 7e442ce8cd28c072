//! Ingestion of what lies in storage or comes with a request. The engine, which knows no network and no formats,
//! leaves it to the ingestor.

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

/// Data that is ingested while its sender waits.
pub struct StreamRequest {
    /// The database, which may not be there.
    pub database: String,
    /// The table, which may not be there.
    pub table: String,
    /// The name of the format, in any case.
    pub format: String,
    /// The name of a mapping that was created before.
    pub mapping: Option<String>,
    /// Where the data is.
    pub data: StreamData,
}

/// Where data is that is streamed.
pub enum StreamData {
    /// In the request.
    Body {
        /// The bytes as they came.
        bytes: Vec<u8>,
        /// Whether they are gzip.
        is_gzip: bool,
    },
    /// In the blob at this address, which has what gives access to it: a secret.
    Blob(String),
}

/// What was streamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streamed {
    /// How many rows.
    pub rows: u64,
    /// In how many bytes they came.
    pub bytes: u64,
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

    /// Ingests data within the limits of streaming and waits until that is done. Mappings that were made after `known_until`,
    /// in ticks, are not known.
    ///
    /// # Errors
    /// When nothing of it was ingested.
    fn stream(&self, request: StreamRequest, known_until: i64) -> Result<Streamed, SourceFailure>;
}
