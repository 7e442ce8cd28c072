//! Commands that change tables and their policies.

use std::collections::HashSet;

use super::super::database::Database;
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::schema::{Column, TableSchema};
use super::super::table::{BatchingPolicy, Table};
use super::super::value::Value;
use super::Target;
use super::command::{PolicyKind, Properties};
use super::policy::{batching_json, parse_batching, parse_streaming};
use super::rows::{table, text};
use super::show::changed;

/// Longest name of an entity, in characters.
const MAX_NAME: usize = 1024;

/// Checks a new entity's name.
///
/// # Errors
/// A bad request that names it.
pub(crate) fn check_name(kind: &str, name: &str) -> Parsed<()> {
    let valid = |c: char| c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '-');
    if name.is_empty() || name.chars().count() > MAX_NAME || !name.chars().all(valid) {
        let shown: String = name.chars().take(80).collect();
        return Err(KustoError::bad_request(format!(
            "'{shown}' is not a valid {kind} name: 1 to {MAX_NAME} letters, digits, '_', ' ', '.' and '-' are."
        )));
    }
    Ok(())
}

fn check_columns(columns: &[Column]) -> Parsed<()> {
    if columns.is_empty() {
        return Err(KustoError::bad_request(
            "A table needs at least one column.",
        ));
    }
    let mut seen = HashSet::new();
    for column in columns {
        check_name("column", &column.name)?;
        if !seen.insert(&column.name) {
            return Err(KustoError::bad_request(format!(
                "The column '{}' is there twice.",
                column.name
            )));
        }
    }
    Ok(())
}

fn apply_properties(table: &mut Table, properties: &Properties) -> Parsed<()> {
    for (name, value) in properties {
        match name.to_ascii_lowercase().as_str() {
            "folder" => table.folder = value.to_text(),
            "docstring" => table.doc_string = value.to_text(),
            _ => {
                return Err(KustoError::bad_request(format!(
                    "'{name}' is not a property of a table."
                )));
            }
        }
    }
    Ok(())
}

impl Target<'_> {
    /// A table that is there already stays as it is, even with other columns.
    pub(super) fn create_table(
        &self,
        name: String,
        columns: Vec<Column>,
        properties: &Properties,
    ) -> Parsed<Relation> {
        check_name("table", &name)?;
        check_columns(&columns)?;
        let mut created = Table::new(TableSchema {
            name: name.clone(),
            columns,
        });
        apply_properties(&mut created, properties)?;
        Ok(self.engine.with_database_mut(self.database, |database| {
            let found = database.tables.entry(name).or_insert(created);
            changed(&database.name, found)
        })?)
    }

    pub(super) fn merge_table(
        &self,
        name: String,
        columns: Vec<Column>,
        create: bool,
        properties: &Properties,
    ) -> Parsed<Relation> {
        check_name("table", &name)?;
        check_columns(&columns)?;
        let merge = |database: &mut Database| {
            if !database.tables.contains_key(&name) && !create {
                return Err(KustoError::not_found("Table", &name));
            }
            let schema = TableSchema {
                name: name.clone(),
                columns: Vec::new(),
            };
            // Changed aside, so that an error leaves everything as it was.
            let mut merged = database
                .tables
                .get(&name)
                .cloned()
                .unwrap_or_else(|| Table::new(schema));
            merged.widen(new_columns(&merged.schema, columns)?);
            apply_properties(&mut merged, properties)?;
            let result = changed(&database.name, &merged);
            database.tables.insert(name, merged);
            Ok(result)
        };
        self.engine.with_database_mut(self.database, merge)?
    }

    pub(super) fn drop_table(&self, name: &str, if_exists: bool) -> Parsed<Relation> {
        let remaining = self.engine.with_database_mut(self.database, |database| {
            if database.tables.remove(name).is_none() && !if_exists {
                return Err(KustoError::not_found("Table", name));
            }
            Ok(database
                .tables
                .keys()
                .map(|name| vec![text(name), text(&database.name)])
                .collect())
        })?;
        Ok(table("TableName: string, DatabaseName: string", remaining?))
    }

    pub(super) fn clear_table(&self, name: &str) -> Parsed<Relation> {
        self.engine
            .with_table_mut(self.database, name, |table| table.extents.clear())?;
        Ok(table(
            "Status: string",
            vec![vec![text("Successfully cleared")]],
        ))
    }

    /// There is no such cache here: schemas are visible at once.
    pub(super) fn clear_schema_cache(&self) -> Parsed<Relation> {
        self.engine.with_database(self.database, |_| ())?;
        Ok(table(
            "NodeId: string, Status: string",
            vec![vec![text("Engine000000"), text("Succeeded")]],
        ))
    }

    pub(super) fn alter_policy(
        &self,
        name: &str,
        kind: PolicyKind,
        json: &str,
        merge: bool,
    ) -> Parsed<Relation> {
        let defaults = BatchingPolicy {
            time_span: self.engine.default_batching(),
            max_items: BatchingPolicy::MAX_ITEMS,
            max_raw_megabytes: BatchingPolicy::MAX_RAW_MEGABYTES,
        };
        let alter = |found: &mut Table| -> Parsed<()> {
            match kind {
                PolicyKind::IngestionBatching => {
                    let base = found.batching.filter(|_| merge).unwrap_or(defaults);
                    found.batching = Some(parse_batching(json, base)?);
                }
                PolicyKind::StreamingIngestion => found.streaming = Some(parse_streaming(json)?),
            }
            Ok(())
        };
        self.engine.with_table_mut(self.database, name, alter)??;
        self.show_policy(name, kind)
    }

    pub(super) fn delete_policy(&self, name: &str, kind: PolicyKind) -> Parsed<Relation> {
        self.engine
            .with_table_mut(self.database, name, |found| match kind {
                PolicyKind::IngestionBatching => found.batching = None,
                PolicyKind::StreamingIngestion => found.streaming = None,
            })?;
        self.show_policy(name, kind)
    }

    pub(super) fn show_policy(&self, name: &str, kind: PolicyKind) -> Parsed<Relation> {
        let policy = self
            .engine
            .with_table(self.database, name, |found| match kind {
                PolicyKind::IngestionBatching => found.batching.as_ref().map(batching_json),
                PolicyKind::StreamingIngestion => found.streaming.clone(),
            })?;
        let policy_name = match kind {
            PolicyKind::IngestionBatching => "IngestionBatchingPolicy",
            PolicyKind::StreamingIngestion => "StreamingIngestionPolicy",
        };
        let entity = format!("[{}].[{name}]", self.database);
        let policy = policy.unwrap_or_else(|| "null".to_owned());
        Ok(table(
            "PolicyName: string, EntityName: string, Policy: string, ChildEntities: string, EntityType: string",
            vec![vec![
                text(policy_name),
                text(entity),
                text(policy),
                Value::String(String::new()),
                text("Table"),
            ]],
        ))
    }
}

/// The columns that the schema lacks.
fn new_columns(schema: &TableSchema, columns: Vec<Column>) -> Parsed<Vec<Column>> {
    let mut new = Vec::new();
    for column in columns {
        match schema
            .position(&column.name)
            .map(|at| schema.columns[at].ty)
        {
            None => new.push(column),
            Some(ty) if ty == column.ty => {}
            Some(ty) => {
                return Err(KustoError::bad_request(format!(
                    "The column '{}' of table '{}' is of type {} and cannot become {}.",
                    column.name,
                    schema.name,
                    ty.kusto_name(),
                    column.ty.kusto_name()
                )));
            }
        }
    }
    Ok(new)
}
