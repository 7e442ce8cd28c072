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
    /// When the rows were put into the table, in ticks; none when its ingestion time policy was off.
    pub ingested: Option<i64>,
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

/// The retention policy. Nothing is removed here: the service gives no time for it either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// `SoftDeletePeriod` in ticks.
    pub soft_delete: i64,
    /// `Recoverability`
    pub recoverable: bool,
}

/// Policies of a table or a database; none where none is set.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// Ingestion batching.
    pub batching: Option<BatchingPolicy>,
    /// Streaming ingestion, as JSON.
    pub streaming: Option<String>,
    /// Retention.
    pub retention: Option<RetentionPolicy>,
    /// Caching, as JSON.
    pub caching: Option<String>,
    /// Whether the time of each ingestion is kept.
    pub ingestion_time: Option<bool>,
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
    /// The policies of its own.
    pub policies: Policies,
    /// `folder` property.
    pub folder: String,
    /// `docstring` property.
    pub doc_string: String,
    /// The docstrings of columns that have one, by the columns' names.
    pub column_docs: BTreeMap<String, String>,
}

impl Table {
    /// An empty table, with the one policy that every table begins with.
    pub fn new(schema: TableSchema) -> Self {
        Self {
            id: Uuid::new_v4(),
            schema: Arc::new(schema),
            extents: Vec::new(),
            mappings: Mappings::new(),
            policies: Policies {
                ingestion_time: Some(true),
                ..Policies::default()
            },
            folder: String::new(),
            doc_string: String::new(),
            column_docs: BTreeMap::new(),
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
        let old = self.schema.columns.iter().cloned().enumerate();
        let kept = old.map(|(at, column)| (column, Some(at)));
        self.reshape(
            kept.chain(columns.into_iter().map(|column| (column, None)))
                .collect(),
        );
    }

    /// Gives the table these columns: each is filled from the old one at the position, or with nulls.
    pub fn reshape(&mut self, columns: Vec<(Column, Option<usize>)>) {
        let value = |row: &Row, (column, from): &(Column, Option<usize>)| {
            from.and_then(|at| row.get(at).cloned())
                .unwrap_or_else(|| Value::absent(column.ty))
        };
        for extent in &mut self.extents {
            let reshaped = |row: &Row| columns.iter().map(|column| value(row, column)).collect();
            *extent = Arc::new(Extent {
                rows: extent.rows.iter().map(reshaped).collect(),
                tags: extent.tags.clone(),
                ..**extent
            });
        }
        let columns: Vec<_> = columns.into_iter().map(|(column, _)| column).collect();
        self.column_docs
            .retain(|name, _| columns.iter().any(|column| column.name == *name));
        Arc::make_mut(&mut self.schema).columns = columns;
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
        let now = datetime::now();
        let is_timed = self.policies.ingestion_time == Some(true);
        self.extents.push(Arc::new(Extent {
            id,
            rows,
            tags: tags.to_vec(),
            created: created.unwrap_or(now),
            ingested: is_timed.then_some(now),
        }));
        Some(id)
    }
}
