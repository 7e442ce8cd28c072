//! One table: schema, extents, mappings and policies. No locks: [`super::database`] holds them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::datetime;
use super::schema::{Column, TableSchema};
use super::value::Value;

/// One row: a value per column.
pub type Row = Vec<Value>;

/// Rows that came in together. Never changed after it is made.
#[derive(Debug)]
pub struct Extent {
    /// Its identity.
    pub id: Uuid,
    /// The rows.
    pub rows: Vec<Row>,
    /// Tags, with their `ingest-by:` or `drop-by:` prefix.
    pub tags: Vec<String>,
    /// Creation time in ticks.
    pub created: i64,
}

/// A named mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The JSON as it was created.
    pub json: String,
    /// When it was last changed, in ticks.
    pub updated: i64,
}

/// Mappings by (kind in lower case, name).
pub type Mappings = BTreeMap<(String, String), Mapping>;

/// The ingestion batching policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchingPolicy {
    /// `MaximumBatchingTimeSpan`
    pub time_span: Duration,
    /// `MaximumNumberOfItems`
    pub max_items: usize,
    /// `MaximumRawDataSizeMB`
    pub max_raw_megabytes: u64,
}

impl BatchingPolicy {
    /// What a member that is not set means, except for the time span, which the engine is given.
    pub const MAX_ITEMS: usize = 500;
    /// Default of `MaximumRawDataSizeMB`.
    pub const MAX_RAW_MEGABYTES: u64 = 1024;
}

/// One table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its identity; a table dropped and created again has another one.
    pub id: Uuid,
    /// Name and columns.
    pub schema: Arc<TableSchema>,
    /// The data in the order of its arrival.
    pub extents: Vec<Arc<Extent>>,
    /// Ingestion mappings.
    pub mappings: Mappings,
    /// Batching, when the table has a policy of its own.
    pub batching: Option<BatchingPolicy>,
    /// Streaming ingestion policy's JSON, when there is one.
    pub streaming: Option<String>,
    /// `folder` property.
    pub folder: String,
    /// `docstring` property.
    pub doc_string: String,
}

impl Table {
    /// An empty table.
    pub fn new(schema: TableSchema) -> Self {
        Self {
            id: Uuid::new_v4(),
            schema: Arc::new(schema),
            extents: Vec::new(),
            mappings: Mappings::new(),
            batching: None,
            streaming: None,
            folder: String::new(),
            doc_string: String::new(),
        }
    }

    /// All rows.
    pub fn row_count(&self) -> usize {
        self.extents.iter().map(|extent| extent.rows.len()).sum()
    }

    /// Adds columns at the end; existing rows get nulls (strings: empty ones).
    pub fn widen(&mut self, columns: Vec<Column>) {
        if columns.is_empty() {
            return;
        }
        let filling: Row = columns
            .iter()
            .map(|column| Value::absent(column.ty))
            .collect();
        for extent in &mut self.extents {
            let rows = extent
                .rows
                .iter()
                .map(|row| [row.as_slice(), filling.as_slice()].concat())
                .collect();
            *extent = Arc::new(Extent {
                rows,
                tags: extent.tags.clone(),
                ..**extent
            });
        }
        Arc::make_mut(&mut self.schema).columns.extend(columns);
    }

    /// Appends one extent. `None`, and nothing is appended, when a row does not fit the columns.
    pub fn append(
        &mut self,
        mut rows: Vec<Row>,
        tags: &[String],
        created: Option<i64>,
    ) -> Option<Uuid> {
        let columns = &self.schema.columns;
        for row in &mut rows {
            if row.len() > columns.len()
                || row
                    .iter()
                    .zip(columns)
                    .any(|(value, column)| !value.fits(column.ty))
            {
                return None;
            }
            row.extend(
                columns[row.len()..]
                    .iter()
                    .map(|column| Value::absent(column.ty)),
            );
        }
        let id = Uuid::new_v4();
        let created = created.unwrap_or_else(datetime::now);
        self.extents.push(Arc::new(Extent {
            id,
            rows,
            tags: tags.to_vec(),
            created,
        }));
        Some(id)
    }
}
