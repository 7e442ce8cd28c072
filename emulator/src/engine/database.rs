//! The state: databases, tables, their rows in extents, mappings and policies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::records::{IngestionFailureRecord, OperationRecord};
use super::schema::TableSchema;
use super::value::Value;

/// What the data management service hands out; the storage side implements it.
pub trait DataManagement: Send + Sync {
    /// (ResourceTypeName, StorageRoot with a fresh SAS) of every resource.
    fn ingestion_resources(&self) -> Vec<(String, String)>;
    /// The token that queue messages carry as `authorizationContext`.
    fn identity_token(&self) -> String;
}

/// Why rows cannot be read from or put into a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// No database of this name.
    Database(String),
    /// No table of this name in the database.
    Table(String),
    /// The rows do not fit the table's columns: it was replaced since its schema was read.
    Schema(String),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(name) => {
                write!(f, "Entity ID '{name}' of kind 'Database' was not found.")
            }
            Self::Table(name) => write!(f, "Entity ID '{name}' of kind 'Table' was not found."),
            Self::Schema(name) => {
                write!(f, "The schema of table '{name}' does not match the rows.")
            }
        }
    }
}

impl std::error::Error for LookupError {}

/// All databases. Cheap to clone: clones share one state. Database names are case-insensitive,
/// everything else is case-sensitive.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    default_batching: Duration,
    #[allow(dead_code)]
    data_management: Arc<dyn DataManagement>,
}

impl Engine {
    /// An engine with `NetDefaultDB` and these databases, all empty. `default_batching` is the
    /// time span of tables without an ingestion batching policy.
    pub fn new(
        databases: &[String],
        default_batching: Duration,
        data_management: Arc<dyn DataManagement>,
    ) -> Self {
        let _ = databases;
        Self {
            inner: Arc::new(Inner {
                default_batching,
                data_management,
            }),
        }
    }

    /// The table's columns.
    ///
    /// # Errors
    /// When there is no such database or table.
    pub fn table_schema(&self, db: &str, table: &str) -> Result<TableSchema, LookupError> {
        let _ = db;
        Err(LookupError::Table(table.to_owned()))
    }

    /// The mapping's JSON as it was created. `kind` is lower case: `csv`, `json`... A table's
    /// mapping wins over the database's of the same name.
    pub fn mapping(&self, db: &str, table: &str, kind: &str, name: &str) -> Option<String> {
        let _ = (db, table, kind, name);
        None
    }

    /// How long to wait for more data before ingesting a batch.
    pub fn batching_time_span(&self, db: &str, table: &str) -> Duration {
        let _ = (db, table);
        self.inner.default_batching
    }

    /// How many sources make a batch.
    pub fn batching_max_items(&self, db: &str, table: &str) -> usize {
        let _ = (db, table);
        500
    }

    /// Whether an extent of the table carries this tag, for example `ingest-by:2024-01-01`.
    pub fn has_extent_tag(&self, db: &str, table: &str, tag: &str) -> bool {
        let _ = (db, table, tag);
        false
    }

    /// Appends one extent, all rows or none. `creation_time` in ticks, now when not given. Rows
    /// are as wide as the schema; narrower ones (columns were added since) are filled up.
    ///
    /// # Errors
    /// When there is no such database or table, or the rows do not fit its columns.
    pub fn append(
        &self,
        db: &str,
        table: &str,
        rows: Vec<Vec<Value>>,
        tags: &[String],
        creation_time: Option<i64>,
    ) -> Result<Uuid, LookupError> {
        let _ = (db, rows, tags, creation_time);
        Err(LookupError::Table(table.to_owned()))
    }

    /// Adds a row to `.show ingestion failures`.
    pub fn record_failure(&self, failure: IngestionFailureRecord) {
        let _ = failure;
    }

    /// Adds a row to `.show operations`.
    pub fn record_operation(&self, operation: OperationRecord) {
        let _ = operation;
    }
}
