//! Commands that create, change, rename and drop tables.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::database::{Database, LookupError};
use super::super::datetime;
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::records::OperationRecord;
use super::super::schema::{Column, TableSchema};
use super::super::table::{Row, Table};
use super::Target;
use super::command::{Properties, Renaming};
use super::ingestion::NODE;
use super::rows::{table, text};
use super::show::{TABLES, changed, table_row};

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

/// Checks the columns of a table.
///
/// # Errors
/// A bad request that says what is wrong with them.
pub(super) fn check_columns(columns: &[Column]) -> Parsed<()> {
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

pub(super) fn apply_properties(table: &mut Table, properties: &Properties) -> Parsed<()> {
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
        name: &str,
        columns: Vec<Column>,
        properties: &Properties,
    ) -> Parsed<Relation> {
        check_name("table", name)?;
        check_columns(&columns)?;
        let mut created = Table::new(TableSchema {
            name: name.to_owned(),
            columns,
        });
        apply_properties(&mut created, properties)?;
        Ok(self.engine.with_database_mut(self.database, |database| {
            let found = database.tables.entry(name.to_owned()).or_insert(created);
            changed(&database.name, found)
        })?)
    }

    pub(super) fn merge_table(
        &self,
        name: &str,
        columns: Vec<Column>,
        create: bool,
        properties: &Properties,
    ) -> Parsed<Relation> {
        check_name("table", name)?;
        check_columns(&columns)?;
        self.engine.with_database_mut(self.database, |database| {
            if !database.tables.contains_key(name) && !create {
                return Err(KustoError::not_found("Table", name));
            }
            let merged = merged(database, name, columns, properties)?;
            let result = changed(&database.name, &merged);
            database.tables.insert(name.to_owned(), merged);
            Ok(result)
        })?
    }

    /// All of them or, after an error, none.
    pub(super) fn create_tables(
        &self,
        tables: Vec<(String, Vec<Column>)>,
        merge: bool,
        properties: &Properties,
    ) -> Parsed<Relation> {
        for (name, columns) in &tables {
            check_name("table", name)?;
            check_columns(columns)?;
        }
        let mut seen = HashSet::new();
        if let Some((name, _)) = tables.iter().find(|(name, _)| !seen.insert(name)) {
            let message = format!("The table '{name}' is there twice.");
            return Err(KustoError::bad_request(message));
        }
        self.engine.with_database_mut(self.database, |database| {
            let mut made = Vec::new();
            for (name, columns) in tables {
                made.push(match database.tables.get(&name) {
                    Some(found) if !merge => found.clone(),
                    _ => merged(database, &name, columns, properties)?,
                });
            }
            let rows = made.iter().map(|made| table_row(database, made)).collect();
            for made in made {
                database.tables.insert(made.schema.name.clone(), made);
            }
            Ok(table(TABLES, rows))
        })?
    }

    /// A table without rows, otherwise like another one.
    pub(super) fn create_table_like(
        &self,
        name: &str,
        source: &str,
        if_not_exists: bool,
        properties: &Properties,
    ) -> Parsed<Relation> {
        check_name("table", name)?;
        self.engine.with_database_mut(self.database, |database| {
            match database.tables.get(name) {
                Some(found) if if_not_exists => return Ok(changed(&database.name, found)),
                Some(_) => return Err(KustoError::exists("Table", name)),
                None => {}
            }
            let source = found(database, source)?;
            let mut made = Table::new(TableSchema {
                name: name.to_owned(),
                columns: source.schema.columns.clone(),
            });
            made.policies = source.policies.clone();
            made.mappings = source.mappings.clone();
            made.folder = source.folder.clone();
            made.column_docs = source.column_docs.clone();
            made.doc_string = format!("Created based on {}", source.schema.name);
            apply_properties(&mut made, properties)?;
            let result = changed(&database.name, &made);
            database.tables.insert(name.to_owned(), made);
            Ok(result)
        })?
    }

    /// Gives the table exactly these columns, in this order; those it has keep their values. Folder and
    /// docstring are set anew as well.
    pub(super) fn alter_table(
        &self,
        name: &str,
        columns: Vec<Column>,
        properties: &Properties,
    ) -> Parsed<Relation> {
        check_columns(&columns)?;
        self.change_table(name, |altered| {
            new_columns(&altered.schema, columns.clone())?;
            let from = |column: Column| {
                let at = altered.schema.position(&column.name);
                (column, at)
            };
            let columns: Vec<_> = columns.into_iter().map(from).collect();
            altered.reshape(columns);
            (altered.folder, altered.doc_string) = Default::default();
            apply_properties(altered, properties)
        })
    }

    pub(super) fn describe_table(&self, name: &str, properties: &Properties) -> Parsed<Relation> {
        self.change_table(name, |found| apply_properties(found, properties))
    }

    /// Changes a table and shows it; an error leaves it as it was.
    pub(super) fn change_table(
        &self,
        name: &str,
        change: impl FnOnce(&mut Table) -> Parsed<()>,
    ) -> Parsed<Relation> {
        self.engine.with_database_mut(self.database, |database| {
            let mut altered = found(database, name)?.clone();
            change(&mut altered)?;
            let result = changed(&database.name, &altered);
            database.tables.insert(name.to_owned(), altered);
            Ok(result)
        })?
    }

    /// All of them or, after an error, none.
    pub(super) fn drop_tables(&self, names: &[String], if_exists: bool) -> Parsed<Relation> {
        let remaining: Parsed<Vec<Row>> =
            self.engine.with_database_mut(self.database, |database| {
                for name in names.iter().filter(|_| !if_exists) {
                    found(database, name)?;
                }
                for name in names {
                    database.tables.remove(name);
                }
                Ok(database
                    .tables
                    .keys()
                    .map(|name| vec![text(name), text(&database.name)])
                    .collect())
            })?;
        Ok(table("TableName: string, DatabaseName: string", remaining?))
    }

    /// All of them at once, so that names can be swapped.
    pub(super) fn rename_tables(&self, renamings: &[Renaming]) -> Parsed<Relation> {
        for renaming in renamings {
            check_name("table", &renaming.new)?;
        }
        self.engine.with_database_mut(self.database, |database| {
            let mut moving: Vec<(&Renaming, Table)> = Vec::new();
            for renaming in renamings {
                match database.tables.get(&renaming.old) {
                    Some(table) => moving.push((renaming, table.clone())),
                    None if renaming.if_exists => {}
                    None => return Err(KustoError::not_found("Table", &renaming.old)),
                }
            }
            let olds: HashSet<_> = moving.iter().map(|(renaming, _)| &renaming.old).collect();
            let mut news = HashSet::new();
            for (renaming, _) in &moving {
                let taken =
                    database.tables.contains_key(&renaming.new) && !olds.contains(&renaming.new);
                if taken || !news.insert(&renaming.new) {
                    return Err(KustoError::exists("Table", &renaming.new));
                }
            }
            if olds.len() < moving.len() {
                return Err(KustoError::bad_request("A table is renamed twice."));
            }
            moving.iter().for_each(|(renaming, _)| {
                database.tables.remove(&renaming.old);
            });
            let mut rows = Vec::new();
            for (renaming, mut moved) in moving {
                Arc::make_mut(&mut moved.schema).name = renaming.new.clone();
                moved.made = datetime::now();
                rows.push(table_row(database, &moved));
                database.tables.insert(renaming.new.clone(), moved);
            }
            Ok(table(TABLES, rows))
        })?
    }

    pub(super) fn clear_table(&self, name: &str, is_async: bool) -> Parsed<Relation> {
        let started_on = datetime::now();
        self.engine
            .with_table_mut(self.database, name, |table| table.extents.clear())?;
        if is_async {
            return Ok(self.finished(OperationRecord {
                table: name.to_owned(),
                started_on,
                ..OperationRecord::default()
            }));
        }
        Ok(table(
            "Status: string",
            vec![vec![text("Successfully cleared")]],
        ))
    }

    /// Streaming nodes know at once what was made before.
    pub(super) fn clear_schema_cache(&self, name: Option<&str>) -> Parsed<Relation> {
        self.engine.renew_cached(self.database, name)?;
        Ok(table(
            "NodeId: string, Status: string",
            vec![vec![text(NODE), text("Succeeded")]],
        ))
    }
}

fn found<'d>(database: &'d Database, name: &str) -> Result<&'d Table, LookupError> {
    let table = database.tables.get(name);
    table.ok_or_else(|| LookupError::Table(name.to_owned()))
}

/// The table with the columns that it lacks, or a new one; the database stays as it is.
fn merged(
    database: &Database,
    name: &str,
    columns: Vec<Column>,
    properties: &Properties,
) -> Parsed<Table> {
    let empty = || {
        Table::new(TableSchema {
            name: name.to_owned(),
            columns: Vec::new(),
        })
    };
    let mut merged = database.tables.get(name).cloned().unwrap_or_else(empty);
    merged.widen(new_columns(&merged.schema, columns)?);
    apply_properties(&mut merged, properties)?;
    Ok(merged)
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
