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

/// One entry of an update policy: what the table gets of data that comes into another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdatePolicy {
    /// `IsEnabled`
    pub is_enabled: bool,
    /// `Source`: the table that triggers it.
    pub source: String,
    /// `SourceIsWildCard`: whether `*` in the source stands for any text.
    pub source_is_wildcard: bool,
    /// `Query`
    pub query: String,
    /// `IsTransactional`: whether its failure fails the ingestion.
    pub is_transactional: bool,
    /// `PropagateIngestionProperties`: whether tags and creation time are those of the source.
    pub propagates_properties: bool,
    /// `ManagedIdentity`, which is kept and not used.
    pub managed_identity: Option<String>,
}

impl UpdatePolicy {
    /// Whether data that comes into this table triggers it.
    #[must_use]
    pub fn is_triggered_by(&self, table: &str) -> bool {
        self.is_enabled
            && match self.source_is_wildcard {
                true => matches(&self.source, table),
                false => self.source == table,
            }
    }
}

/// Whether the text is what the pattern says, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(first) else {
        return false;
    };
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.into_iter().any(|at| matches(rest, &text[at..]))
}

/// Somebody who has a role. It is kept and shown: nobody signs in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `admins`, `users`, ...
    pub role: String,
    /// As it was given: `aadapp=ID;TENANT`.
    pub fqn: String,
    /// What was said when it was given.
    pub notes: String,
    /// The identity of the assignment.
    pub id: Uuid,
}

/// The policy of row level security.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLevelSecurity {
    /// Whether it holds for every query, and not only for those that ask for it.
    pub is_enabled: bool,
    /// The query whose rows stand for those of the table.
    pub query: String,
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
    /// What the table gets of data that comes into others.
    pub update: Option<Vec<UpdatePolicy>>,
    /// What stands for the table in queries.
    pub row_level_security: Option<RowLevelSecurity>,
    /// Policies that change no answer, by the names that results have for them, as JSON.
    pub kept: BTreeMap<&'static str, String>,
}

/// One table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its identity; a table dropped and created again has another one.
    pub id: Uuid,
    /// When it got its name, in ticks.
    pub made: i64,
    /// When a command last renewed what streaming nodes know of it, in ticks; 0 for never.
    pub cached: i64,
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
    /// Who has a role.
    pub principals: Vec<Principal>,
}

impl Table {
    /// An empty table, with the one policy that every table begins with.
    pub fn new(schema: TableSchema) -> Self {
        Self {
            id: Uuid::new_v4(),
            made: datetime::now(),
            cached: 0,
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
            principals: Vec::new(),
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

    /// Like [`Table::append`], and adds the columns of `schema` that the table lacks. `None`, and nothing is changed,
    /// when its columns have come to differ from the schema's, or a row does not fit them.
    pub fn append_widening(
        &mut self,
        schema: &TableSchema,
        rows: Vec<Row>,
        tags: &[String],
        created: Option<i64>,
    ) -> Option<Uuid> {
        let both = self.schema.columns.len().min(schema.columns.len());
        if self.schema.columns[..both] != schema.columns[..both] {
            return None;
        }
        if both == schema.columns.len() {
            return self.append(rows, tags, created);
        }
        // Aside, so that rows that do not fit leave no columns behind.
        let mut widened = self.clone();
        widened.widen(schema.columns[both..].to_vec());
        let id = widened.append(rows, tags, created)?;
        *self = widened;
        Some(id)
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
