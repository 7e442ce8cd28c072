//! Update policies: what is ingested into one table goes through the queries of others, and their results into those
//! (<https://learn.microsoft.com/kusto/management/update-policy>).
//!
//! The queries run on a copy of the database in which the source holds nothing but the new rows, before anything is
//! changed; then all is put into the tables in one step.

use std::collections::HashSet;
use std::fmt;

use uuid::Uuid;

use super::database::{Database, Engine, LookupError};
use super::datetime;
use super::error::{ErrorKind, KustoError};
use super::kql::relation::Relation;
use super::kql::run::{Context, run_query};
use super::records::IngestionFailureRecord;
use super::schema::{Column, TableSchema};
use super::table::{Row, Table, UpdatePolicy};
use super::watch;

/// What a query calls the table that the new rows are in.
const SOURCE_TABLE: &str = "$source_table";

/// Why an update failed, in the service's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateFault {
    /// The query is wrong.
    BadRequest,
    /// Its columns are not those of the table.
    Schema,
    /// A transactional update of the table that the result goes into has failed.
    Descendant,
    /// It took too long or needed too much.
    Unknown,
}

impl UpdateFault {
    /// The service's code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "UpdatePolicy_BadRequest",
            Self::Schema => "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema",
            Self::Descendant => "UpdatePolicy_FailedDescendantTransaction",
            Self::Unknown => "UpdatePolicy_UnknownError",
        }
    }

    /// Whether the same ingestion would fail again.
    #[must_use]
    pub fn is_permanent(self) -> bool {
        matches!(self, Self::BadRequest | Self::Schema)
    }
}

/// An update that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateError {
    /// Why.
    pub fault: UpdateFault,
    /// For people; names the table that has the policy.
    pub message: String,
}

impl UpdateError {
    fn new(fault: UpdateFault, target: &str, what: &dyn fmt::Display) -> Self {
        let message = format!("The update policy of table '{target}' failed: {what}");
        Self { fault, message }
    }
}

/// Why rows were not ingested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngestError {
    /// There is no such table, or the rows do not fit it.
    Lookup(LookupError),
    /// A transactional update policy failed.
    Update(UpdateError),
    /// The table keeps no rows, and no update policy takes them.
    NoRetention(String),
}

impl From<LookupError> for IngestError {
    fn from(error: LookupError) -> Self {
        Self::Lookup(error)
    }
}

impl fmt::Display for IngestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => error.fmt(f),
            Self::Update(error) => f.write_str(&error.message),
            Self::NoRetention(table) => write!(
                f,
                "The table '{table}' has a retention of zero and is the source of no update policy."
            ),
        }
    }
}

impl std::error::Error for IngestError {}

impl From<IngestError> for KustoError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Lookup(error) => error.into(),
            other => Self::bad_request(other.to_string()),
        }
    }
}

/// Rows on their way into a table.
pub struct Arrival<'a> {
    /// The table, and the columns that the rows have.
    pub schema: &'a TableSchema,
    /// The rows.
    pub rows: &'a [Row],
    /// Tags of their extent.
    pub tags: &'a [String],
    /// Its creation time in ticks, if it is not now.
    pub created: Option<i64>,
}

/// The result of one update.
struct Derived {
    target: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
    tags: Vec<String>,
    created: Option<i64>,
}

/// What an ingestion leads to in other tables.
#[derive(Default)]
pub struct Updates {
    derived: Vec<Derived>,
    /// Of updates that are not transactional.
    failures: Vec<UpdateError>,
    /// Whether the source keeps no rows.
    passes_through: bool,
}

impl Engine {
    /// Appends one extent, all rows or none, and what the update policies make of it. Columns of `schema` that the
    /// table lacks are added.
    ///
    /// # Errors
    /// When there is no such database or table, when its columns have come to differ from the schema's, when the
    /// rows do not fit them, or when a transactional update fails. Nothing is changed then.
    pub fn ingest(
        &self,
        db: &str,
        schema: &TableSchema,
        rows: Vec<Row>,
        tags: &[String],
        created: Option<i64>,
    ) -> Result<Uuid, IngestError> {
        let arrival = Arrival {
            schema,
            rows: &rows,
            tags,
            created,
        };
        let updates = self.updates(db, &arrival)?;
        let id = self.with_database_mut(db, |database| {
            updates.check(database)?;
            let found = database.tables.get_mut(&schema.name);
            let found = found.ok_or_else(|| LookupError::Table(schema.name.clone()))?;
            let id = found.append_widening(schema, rows, tags, created);
            let id = id.ok_or_else(|| LookupError::Schema(schema.name.clone()))?;
            updates.apply(database, &schema.name, false);
            Ok::<_, LookupError>(id)
        })??;
        self.record_update_failures(db, &schema.name, &updates);
        Ok(id)
    }

    /// What the update policies make of the rows; nothing is changed yet.
    ///
    /// # Errors
    /// When a transactional update fails, or the table keeps no rows and no policy takes them.
    pub fn updates(&self, db: &str, arrival: &Arrival<'_>) -> Result<Updates, IngestError> {
        let source = &arrival.schema.name;
        let (policies, passes_through) = self.with_database(db, |database| {
            (
                policies_of(database, source),
                keeps_nothing(database, source),
            )
        })?;
        if policies.is_empty() && passes_through {
            return Err(IngestError::NoRetention(source.clone()));
        }
        let mut updates = Updates {
            passes_through,
            ..Updates::default()
        };
        let mut seen = HashSet::from([source.clone()]);
        let derived = self.derive(db, arrival, policies, &mut seen, &mut updates);
        derived.map(|()| updates).map_err(IngestError::Update)
    }

    fn derive(
        &self,
        db: &str,
        arrival: &Arrival<'_>,
        policies: Vec<(String, UpdatePolicy)>,
        seen: &mut HashSet<String>,
        updates: &mut Updates,
    ) -> Result<(), UpdateError> {
        for (target, policy) in policies {
            // A circle is cut: data comes into each table once.
            if seen.contains(&target) {
                continue;
            }
            let before = updates.derived.len();
            let update = self.update(db, arrival, &target, &policy, seen, updates);
            seen.remove(&target);
            if let Err(error) = update {
                updates.derived.truncate(before);
                if policy.is_transactional {
                    return Err(error);
                }
                updates.failures.push(error);
            }
        }
        Ok(())
    }

    fn update(
        &self,
        db: &str,
        arrival: &Arrival<'_>,
        target: &str,
        policy: &UpdatePolicy,
        seen: &mut HashSet<String>,
        updates: &mut Updates,
    ) -> Result<(), UpdateError> {
        let relation = self.run_update(db, arrival, target, policy)?;
        let Relation { columns, rows, .. } = relation;
        let rows = rows.into_vec();
        if rows.is_empty() {
            return Ok(());
        }
        let propagates = policy.propagates_properties;
        let derived = Derived {
            target: target.to_owned(),
            columns,
            rows,
            tags: if propagates {
                arrival.tags.to_vec()
            } else {
                Vec::new()
            },
            created: arrival.created.filter(|_| propagates),
        };
        let schema = TableSchema {
            name: target.to_owned(),
            columns: derived.columns.clone(),
        };
        let next = Arrival {
            schema: &schema,
            rows: &derived.rows,
            tags: &derived.tags,
            created: derived.created,
        };
        let policies = self
            .with_database(db, |database| policies_of(database, target))
            .map_err(|error| UpdateError::new(UpdateFault::Unknown, target, &error))?;
        seen.insert(target.to_owned());
        self.derive(db, &next, policies, seen, updates)
            .map_err(|error| UpdateError {
                fault: UpdateFault::Descendant,
                ..error
            })?;
        updates.derived.push(derived);
        Ok(())
    }

    /// Runs a policy's query over the rows, and compares its columns with the target's by type and order.
    ///
    /// # Errors
    /// Those of the query, and a result with other columns.
    pub fn run_update(
        &self,
        db: &str,
        arrival: &Arrival<'_>,
        target: &str,
        policy: &UpdatePolicy,
    ) -> Result<Relation, UpdateError> {
        let failed = |fault, what: &dyn fmt::Display| UpdateError::new(fault, target, what);
        let apart = self
            .with_database(db, |database| apart(database, arrival))
            .map_err(|error| failed(UpdateFault::Unknown, &error))?;
        let wanted = match apart.tables.get(target) {
            Some(found) => found.schema.columns.clone(),
            None => {
                return Err(failed(
                    UpdateFault::Unknown,
                    &LookupError::Table(target.to_owned()),
                ));
            }
        };
        let name = quoted(&arrival.schema.name);
        let query = policy.query.replace(SOURCE_TABLE, &name);
        let relation = self
            .run_apart(apart, &query)
            .map_err(|error| failed(fault_of(&error), &error))?;
        let types = |columns: &[Column]| {
            let names = columns.iter().map(|column| column.ty.kusto_name());
            names.collect::<Vec<_>>().join(", ")
        };
        let (found, wanted) = (types(&relation.columns), types(&wanted));
        if found == wanted {
            return Ok(relation);
        }
        let what = format!(
            "the types of the query's columns ({found}) are not those of the table ({wanted})."
        );
        Err(failed(UpdateFault::Schema, &what))
    }

    /// Runs a query on a database that stands apart; of other databases it sees nothing.
    ///
    /// # Errors
    /// Those of the query, and a result that is not one table.
    fn run_apart(&self, database: Database, query: &str) -> Result<Relation, KustoError> {
        let name = database.name.clone();
        let parameters = serde_json::Map::new();
        let context = Context {
            engine: &self.with_only(database),
            database: &name,
            now: datetime::now(),
            parameters: &parameters,
            host: "localhost",
        };
        let mut tables = run_query(&context, query)?.tables;
        watch::verdict()?;
        match (tables.pop(), tables.is_empty()) {
            (Some(only), true) => Ok(only.relation),
            _ => Err(KustoError::bad_request(
                "The query has to give exactly one table.",
            )),
        }
    }

    /// Adds the failures of updates that are not transactional to `.show ingestion failures`.
    pub fn record_update_failures(&self, db: &str, source: &str, updates: &Updates) {
        for failure in &updates.failures {
            let kind = if failure.fault.is_permanent() {
                "Permanent"
            } else {
                "Transient"
            };
            self.record_failure(IngestionFailureRecord {
                operation_id: Uuid::new_v4(),
                database: db.to_owned(),
                table: source.to_owned(),
                failed_on: datetime::now(),
                details: failure.message.clone(),
                error_code: failure.fault.code().to_owned(),
                failure_kind: kind.to_owned(),
                root_activity_id: Uuid::new_v4(),
                operation_kind: "UpdatePolicy".to_owned(),
                originates_from_update_policy: true,
                should_retry: !failure.fault.is_permanent(),
                ..IngestionFailureRecord::default()
            });
        }
    }
}

impl Updates {
    /// Whether the tables still are what the queries were made for.
    ///
    /// # Errors
    /// Names the one that is not.
    pub fn check(&self, database: &Database) -> Result<(), LookupError> {
        for derived in &self.derived {
            let found = database.tables.get(&derived.target);
            let found = found.ok_or_else(|| LookupError::Table(derived.target.clone()))?;
            let own = found.schema.columns.iter().map(|column| column.ty);
            if !own.eq(derived.columns.iter().map(|column| column.ty)) {
                return Err(LookupError::Schema(derived.target.clone()));
            }
        }
        Ok(())
    }

    /// Puts the results into their tables, after [`Updates::check`] and after the source has its extent. `replace`:
    /// the data of the source was replaced, and so is that of the others.
    pub fn apply(&self, database: &mut Database, source: &str, replace: bool) {
        for derived in &self.derived {
            if let Some(found) = database.tables.get_mut(&derived.target) {
                if replace {
                    found.extents.clear();
                }
                found.append(derived.rows.clone(), &derived.tags, derived.created);
                if keeps_nothing_of(&database.policies, found) {
                    found.extents.pop();
                }
            }
        }
        if self.passes_through
            && let Some(found) = database.tables.get_mut(source)
        {
            found.extents.pop();
        }
    }
}

fn keeps_nothing(database: &Database, table: &str) -> bool {
    let found = database.tables.get(table);
    found.is_some_and(|found| keeps_nothing_of(&database.policies, found))
}

/// Whether the soft-delete period is zero.
fn keeps_nothing_of(of_database: &super::table::Policies, table: &Table) -> bool {
    let policy = table.policies.retention.or(of_database.retention);
    policy.is_some_and(|policy| policy.soft_delete == 0)
}

/// The policies that new data of a table triggers, with the tables that have them.
fn policies_of(database: &Database, source: &str) -> Vec<(String, UpdatePolicy)> {
    let of_table = |(name, found): (&String, &Table)| {
        let all = found.policies.update.clone().unwrap_or_default();
        let name = name.clone();
        let mine = all
            .into_iter()
            .filter(|policy| policy.is_triggered_by(source));
        mine.map(move |policy| (name.clone(), policy))
            .collect::<Vec<_>>()
    };
    database.tables.iter().flat_map(of_table).collect()
}

/// The database as an update's query sees it.
fn apart(database: &Database, arrival: &Arrival<'_>) -> Database {
    let mut apart = database.clone();
    let source = &arrival.schema.name;
    let mut table = Table::new(arrival.schema.clone());
    table.append(arrival.rows.to_vec(), arrival.tags, arrival.created);
    apart.tables.insert(source.clone(), table);
    for function in apart.functions.values_mut() {
        function.body = function.body.replace(SOURCE_TABLE, &quoted(source));
    }
    apart
}

fn quoted(name: &str) -> String {
    format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn fault_of(error: &KustoError) -> UpdateFault {
    match error.kind {
        ErrorKind::TimedOut | ErrorKind::LimitsExceeded => UpdateFault::Unknown,
        _ => UpdateFault::BadRequest,
    }
}
