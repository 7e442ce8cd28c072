//! The state: databases with their tables, and what the service remembers of its work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use uuid::Uuid;

use super::records::{IngestionFailureRecord, OperationRecord};
use super::running::Running;
use super::schema::TableSchema;
use super::sources::Sources;
use super::streaming_records::{StreamingRecord, StreamingRecords};
use super::table::{BatchingPolicy, Mappings, Policies, Principal, Row, Table};

/// The database every service has.
pub const DEFAULT_DATABASE: &str = "NetDefaultDB";

/// How many failures and operations are remembered; the oldest go first.
const REMEMBERED: usize = 100_000;

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

/// A stored function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The parameters with their parentheses, as they were written: `(x: long, y: string = "a")`.
    pub parameters: String,
    /// The body with its braces, as it was written: `{ T | where a == x }`.
    pub body: String,
    /// `folder` property.
    pub folder: String,
    /// `docstring` property.
    pub doc_string: String,
    /// `view` property: wildcards of `union` and `search` find it.
    pub view: bool,
}

/// One database.
#[derive(Clone, Debug)]
pub struct Database {
    /// The name as it was created; found in any case.
    pub name: String,
    /// Its identity.
    pub id: Uuid,
    /// Tables by name.
    pub tables: BTreeMap<String, Table>,
    /// Mappings of database scope.
    pub mappings: Mappings,
    /// Stored functions by name.
    pub functions: BTreeMap<String, Function>,
    /// The policies of tables that have none of their own.
    pub policies: Policies,
    /// Who has a role.
    pub principals: Vec<Principal>,
    /// When a command last renewed what streaming nodes know of it, in ticks; 0 for never.
    pub cached: i64,
}

impl Database {
    /// An empty database.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: Uuid::new_v4(),
            tables: BTreeMap::new(),
            mappings: Mappings::new(),
            functions: BTreeMap::new(),
            policies: Policies::default(),
            principals: Vec::new(),
            cached: 0,
        }
    }
}

/// Databases by their names in lower case.
pub type Databases = BTreeMap<String, Database>;

/// All databases. Cheap to clone: clones share one state. Database names are case-insensitive,
/// everything else is case-sensitive.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    databases: RwLock<Databases>,
    failures: RwLock<Vec<IngestionFailureRecord>>,
    operations: RwLock<Vec<OperationRecord>>,
    streaming: RwLock<StreamingRecords>,
    running: Running,
    default_batching: Duration,
    data_management: Arc<dyn DataManagement>,
    /// Who reads what commands name, once there is one.
    sources: OnceLock<Arc<dyn Sources>>,
}

/// A panic elsewhere leaves whole values behind (every change is one assignment), so the state
/// stays usable.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn remember<T>(lock: &RwLock<Vec<T>>, record: T) {
    let mut records = write(lock);
    if records.len() >= REMEMBERED {
        records.drain(..REMEMBERED / 10);
    }
    records.push(record);
}

impl Engine {
    /// An engine with `NetDefaultDB` and these databases, all empty. `default_batching` is the
    /// time span of tables without an ingestion batching policy.
    pub fn new(
        databases: &[String],
        default_batching: Duration,
        data_management: Arc<dyn DataManagement>,
    ) -> Self {
        let names = std::iter::once(DEFAULT_DATABASE).chain(databases.iter().map(String::as_str));
        let mut all = Databases::new();
        for name in names {
            all.entry(name.to_lowercase())
                .or_insert_with(|| Database::new(name));
        }
        let inner = Inner {
            databases: RwLock::new(all),
            failures: RwLock::default(),
            operations: RwLock::default(),
            streaming: RwLock::default(),
            running: Running::default(),
            default_batching,
            data_management,
            sources: OnceLock::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// An engine of its own that has nothing but this database.
    pub(super) fn with_only(&self, database: Database) -> Self {
        let inner = Inner {
            databases: RwLock::new(Databases::from([(database.name.to_lowercase(), database)])),
            failures: RwLock::default(),
            operations: RwLock::default(),
            streaming: RwLock::default(),
            running: Running::default(),
            default_batching: self.inner.default_batching,
            data_management: self.inner.data_management.clone(),
            sources: self.inner.sources.clone(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Sets who reads what commands name; the first one stays.
    pub fn set_sources(&self, sources: Arc<dyn Sources>) {
        let _ = self.inner.sources.set(sources);
    }

    /// The queries that run.
    pub(super) fn running(&self) -> &Running {
        &self.inner.running
    }

    /// Who reads what commands name.
    pub fn sources(&self) -> Option<&dyn Sources> {
        self.inner.sources.get().map(AsRef::as_ref)
    }

    /// The table's columns.
    ///
    /// # Errors
    /// When there is no such database or table.
    pub fn table_schema(&self, db: &str, table: &str) -> Result<TableSchema, LookupError> {
        self.with_table(db, table, |table| table.schema.as_ref().clone())
    }

    /// The mapping's JSON as it was created. `kind` is lower case: `csv`, `json`... A table's
    /// mapping wins over the database's of the same name.
    pub fn mapping(&self, db: &str, table: &str, kind: &str, name: &str) -> Option<String> {
        let key = (kind.to_owned(), name.to_owned());
        self.with_database(db, |database| {
            let of_table = database
                .tables
                .get(table)
                .and_then(|table| table.mappings.get(&key));
            of_table
                .or_else(|| database.mappings.get(&key))
                .map(|mapping| mapping.json.clone())
        })
        .ok()
        .flatten()
    }

    /// The ingestion batching policy that governs the table: its own, its database's or the default.
    pub fn batching(&self, db: &str, table: &str) -> BatchingPolicy {
        let found = self.with_database(db, |database| {
            let own = database.tables.get(table);
            own.and_then(|table| table.policies.batching)
                .or(database.policies.batching)
        });
        let default = BatchingPolicy {
            time_span: self.inner.default_batching,
            max_items: BatchingPolicy::MAX_ITEMS,
            max_raw_megabytes: BatchingPolicy::MAX_RAW_MEGABYTES,
        };
        found.ok().flatten().unwrap_or(default)
    }

    /// Whether an extent of the table carries this tag, for example `ingest-by:2024-01-01`.
    pub fn has_extent_tag(&self, db: &str, table: &str, tag: &str) -> bool {
        self.with_table(db, table, |table| {
            table
                .extents
                .iter()
                .any(|extent| extent.tags.iter().any(|t| t == tag))
        })
        .unwrap_or(false)
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
        rows: Vec<Row>,
        tags: &[String],
        creation_time: Option<i64>,
    ) -> Result<Uuid, LookupError> {
        self.with_table_mut(db, table, |found| found.append(rows, tags, creation_time))?
            .ok_or_else(|| LookupError::Schema(table.to_owned()))
    }

    /// Like [`Engine::append`], and adds the columns of `schema` that the table lacks in the same step.
    ///
    /// # Errors
    /// When there is no such database or table, when its columns have come to differ from the schema's, or
    /// when the rows do not fit them. Nothing is changed then.
    pub fn append_widening(
        &self,
        db: &str,
        schema: &TableSchema,
        rows: Vec<Row>,
        tags: &[String],
        creation_time: Option<i64>,
    ) -> Result<Uuid, LookupError> {
        let append = |found: &mut Table| found.append_widening(schema, rows, tags, creation_time);
        self.with_table_mut(db, &schema.name, append)?
            .ok_or_else(|| LookupError::Schema(schema.name.clone()))
    }

    /// Adds a row to `.show ingestion failures`.
    pub fn record_failure(&self, failure: IngestionFailureRecord) {
        remember(&self.inner.failures, failure);
    }

    /// Adds a row to `.show operations`.
    pub fn record_operation(&self, operation: OperationRecord) {
        remember(&self.inner.operations, operation);
    }

    /// Counts a request for streaming ingestion.
    pub fn record_streaming(&self, record: StreamingRecord) {
        write(&self.inner.streaming).add(record);
    }

    /// Looks at what is remembered of streaming ingestion.
    pub fn with_streaming<R>(&self, look: impl FnOnce(&StreamingRecords) -> R) -> R {
        look(&read(&self.inner.streaming))
    }

    /// The remembered failures, oldest first.
    pub fn failures(&self) -> Vec<IngestionFailureRecord> {
        read(&self.inner.failures).clone()
    }

    /// The remembered operations, oldest first.
    pub fn operations(&self) -> Vec<OperationRecord> {
        read(&self.inner.operations).clone()
    }

    /// The batching time span of tables without a policy.
    pub fn default_batching(&self) -> Duration {
        self.inner.default_batching
    }

    /// The data management side.
    pub fn data_management(&self) -> &dyn DataManagement {
        self.inner.data_management.as_ref()
    }

    /// Looks at all databases under the read lock.
    pub fn with_databases<R>(&self, look: impl FnOnce(&Databases) -> R) -> R {
        look(&read(&self.inner.databases))
    }

    /// Changes the set of databases under the write lock.
    pub fn with_databases_mut<R>(&self, change: impl FnOnce(&mut Databases) -> R) -> R {
        change(&mut write(&self.inner.databases))
    }

    /// Looks at a database under the read lock.
    ///
    /// # Errors
    /// When there is no such database.
    pub fn with_database<R>(
        &self,
        db: &str,
        look: impl FnOnce(&Database) -> R,
    ) -> Result<R, LookupError> {
        let databases = read(&self.inner.databases);
        databases
            .get(&db.to_lowercase())
            .map(look)
            .ok_or_else(|| LookupError::Database(db.to_owned()))
    }

    /// Changes a database under the write lock.
    ///
    /// # Errors
    /// When there is no such database.
    pub fn with_database_mut<R>(
        &self,
        db: &str,
        change: impl FnOnce(&mut Database) -> R,
    ) -> Result<R, LookupError> {
        let mut databases = write(&self.inner.databases);
        databases
            .get_mut(&db.to_lowercase())
            .map(change)
            .ok_or_else(|| LookupError::Database(db.to_owned()))
    }

    /// Looks at a table under the read lock.
    ///
    /// # Errors
    /// When there is no such database or table.
    pub fn with_table<R>(
        &self,
        db: &str,
        table: &str,
        look: impl FnOnce(&Table) -> R,
    ) -> Result<R, LookupError> {
        self.with_database(db, |database| database.tables.get(table).map(look))?
            .ok_or_else(|| LookupError::Table(table.to_owned()))
    }

    /// Changes a table under the write lock.
    ///
    /// # Errors
    /// When there is no such database or table.
    pub fn with_table_mut<R>(
        &self,
        db: &str,
        table: &str,
        change: impl FnOnce(&mut Table) -> R,
    ) -> Result<R, LookupError> {
        self.with_database_mut(db, |database| database.tables.get_mut(table).map(change))?
            .ok_or_else(|| LookupError::Table(table.to_owned()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::schema::Column;
    use super::super::value::{ColumnType, Value};
    use super::*;

    pub(crate) struct NoStorage;

    impl DataManagement for NoStorage {
        fn ingestion_resources(&self) -> Vec<(String, String)> {
            vec![(
                "TempStorage".to_owned(),
                "http://127.0.0.1:1/c?sig=x".to_owned(),
            )]
        }

        fn identity_token(&self) -> String {
            "token".to_owned()
        }
    }

    pub(crate) fn engine() -> Engine {
        Engine::new(
            &["Db".to_owned()],
            Duration::from_secs(1),
            Arc::new(NoStorage),
        )
    }

    /// An engine whose database `Db` has the table `T (a: long, s: string)`.
    pub(crate) fn engine_with_table() -> Engine {
        let engine = engine();
        let columns = vec![
            Column::new("a", ColumnType::Long),
            Column::new("s", ColumnType::String),
        ];
        let table = Table::new(TableSchema {
            name: "T".to_owned(),
            columns,
        });
        engine
            .with_database_mut("Db", |db| db.tables.insert("T".to_owned(), table))
            .expect("Db exists");
        engine
    }

    fn row(a: i64) -> Row {
        vec![Value::Long(a), Value::String("x".to_owned())]
    }

    #[test]
    fn database_names_ignore_case_and_tables_do_not() {
        let engine = engine_with_table();
        assert!(engine.table_schema("dB", "T").is_ok());
        assert_eq!(
            engine.table_schema("Db", "t"),
            Err(LookupError::Table("t".to_owned()))
        );
        assert_eq!(
            engine.table_schema("Other", "T"),
            Err(LookupError::Database("Other".to_owned()))
        );
    }

    #[test]
    fn an_extent_is_appended_whole_or_not_at_all() {
        let engine = engine_with_table();
        let bad = vec![row(1), vec![Value::String("not a long".to_owned())]];
        assert_eq!(
            engine.append("Db", "T", bad, &[], None),
            Err(LookupError::Schema("T".to_owned()))
        );
        assert_eq!(engine.with_table("Db", "T", Table::row_count), Ok(0));
        let too_wide = vec![vec![Value::Null, Value::String(String::new()), Value::Null]];
        assert!(engine.append("Db", "T", too_wide, &[], None).is_err());
        assert!(
            engine
                .append(
                    "Db",
                    "T",
                    vec![row(1), vec![Value::Long(2)]],
                    &["ingest-by:x".to_owned()],
                    None
                )
                .is_ok()
        );
        assert_eq!(engine.with_table("Db", "T", Table::row_count), Ok(2));
        assert!(engine.has_extent_tag("Db", "T", "ingest-by:x"));
        assert!(!engine.has_extent_tag("Db", "T", "x"));
    }

    #[test]
    fn new_columns_fill_old_rows() {
        let engine = engine_with_table();
        engine
            .append("Db", "T", vec![row(1)], &[], None)
            .expect("fits");
        let added = vec![
            Column::new("n", ColumnType::Real),
            Column::new("t", ColumnType::String),
        ];
        engine
            .with_table_mut("Db", "T", |table| table.widen(added))
            .expect("exists");
        let rows = engine
            .with_table("Db", "T", |table| table.extents[0].rows.clone())
            .expect("exists");
        assert_eq!(rows[0][2..], [Value::Null, Value::String(String::new())]);
    }

    #[test]
    fn columns_come_with_rows_or_not_at_all() {
        let engine = engine_with_table();
        let mut wide = engine.table_schema("Db", "T").expect("exists");
        wide.columns.push(Column::new("n", ColumnType::Real));
        let rows = |n: Value| vec![[row(1), vec![n]].concat()];
        let append = |rows| engine.append_widening("db", &wide, rows, &[], None);
        let bad = append(rows(Value::Bool(true)));
        assert_eq!(bad, Err(LookupError::Schema("T".to_owned())));
        let columns = || engine.table_schema("Db", "T").map(|s| s.columns.len());
        assert_eq!(columns(), Ok(2));
        assert!(append(rows(Value::Real(0.5))).is_ok());
        assert!(append(rows(Value::Null)).is_ok());
        assert_eq!(columns(), Ok(3));
        let mut other = wide.clone();
        other.columns[2] = Column::new("m", ColumnType::Real);
        let late = engine.append_widening("Db", &other, rows(Value::Null), &[], None);
        assert_eq!(late, Err(LookupError::Schema("T".to_owned())));
        assert_eq!(engine.with_table("Db", "T", Table::row_count), Ok(2));
    }

    #[test]
    fn threads_append_to_one_table() {
        let engine = engine_with_table();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let engine = engine.clone();
                scope.spawn(move || {
                    for i in 0..50 {
                        engine
                            .append("db", "T", vec![row(thread * 100 + i)], &[], None)
                            .expect("fits");
                    }
                });
            }
        });
        assert_eq!(engine.with_table("Db", "T", Table::row_count), Ok(400));
    }
}
