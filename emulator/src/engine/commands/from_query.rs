//! `.set`, `.append`, `.set-or-append` and `.set-or-replace`: a query's result into a table.

use uuid::Uuid;

use super::super::database::{Database, LookupError};
use super::super::datetime;
use super::super::error::{ErrorKind, KustoError};
use super::super::kql::lexer::{TokenKind, next_token};
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::kql::run::run_query;
use super::super::records::OperationRecord;
use super::super::schema::{Column, TableSchema};
use super::super::table::{Row, Table};
use super::super::updates::{Arrival, Updates};
use super::super::value::Value;
use super::Target;
use super::command::{FromQuery, FromQueryMode, Properties};
use super::rows::{flag, long, table};
use super::tables::{apply_properties, check_columns, check_name};

/// Columns of the result: those of the service's own grammar.
const EXTENTS: &str = "ExtentId: guid, OriginalSize: long, ExtentSize: long, ColumnSize: long, IndexSize: long, \
     RowCount: long";

/// `with (...)`
#[derive(Default)]
struct Settings {
    tags: Vec<String>,
    ingest_if_not_exists: Vec<String>,
    created: Option<i64>,
    extend_schema: bool,
    recreate_schema: bool,
    ingestion_time: Option<bool>,
    /// `folder` and `docstring`
    described: Properties,
}

impl Settings {
    fn of(properties: &Properties) -> Parsed<Self> {
        let mut settings = Self::default();
        for (name, value) in properties {
            match name.to_ascii_lowercase().as_str() {
                "tags" => settings.tags = list(name, value)?,
                "ingestifnotexists" => settings.ingest_if_not_exists = list(name, value)?,
                "creationtime" => settings.created = Some(moment(name, value)?),
                "extend_schema" => settings.extend_schema = flag(name, value)?,
                "recreate_schema" => settings.recreate_schema = flag(name, value)?,
                "policy_ingestiontime" => settings.ingestion_time = Some(flag(name, value)?),
                "folder" | "docstring" => settings.described.push((name.clone(), value.clone())),
                // There is one node, and the result of an operation is its state.
                "distributed" | "persistdetails" => drop(flag(name, value)?),
                _ => {
                    return Err(KustoError::bad_request(format!(
                        "'{name}' is not a property of ingestion from a query that is known here."
                    )));
                }
            }
        }
        Ok(settings)
    }
}

impl Target<'_> {
    pub(super) fn ingest_result(&self, command: &FromQuery) -> Parsed<Relation> {
        let started_on = datetime::now();
        let extent = self.append_result(command);
        if !command.is_async {
            return extent.map(shown);
        }
        let status = match extent {
            Ok(_) => String::new(),
            // What the text itself shows to be wrong starts no operation.
            Err(error) if matches!(error.kind, ErrorKind::Syntax | ErrorKind::Semantic) => {
                return Err(error);
            }
            Err(error) => error.to_string(),
        };
        Ok(self.finished(OperationRecord {
            operation: command.mode.operation().to_owned(),
            table: command.table.name.clone(),
            started_on,
            status,
            ..OperationRecord::default()
        }))
    }

    /// The extent and its number of rows; none when there are no rows.
    fn append_result(&self, command: &FromQuery) -> Parsed<Option<(Uuid, usize)>> {
        let settings = Settings::of(&command.properties)?;
        check_name("table", &command.table.name)?;
        let Relation { columns, rows, .. } = self.source(&command.query)?;
        // Rows of a table are copied before the database is locked.
        let result = (columns, rows.into_vec());
        let updates = self.updates(command, &settings, &result)?;
        let replace = command.mode == FromQueryMode::SetOrReplace;
        let extent = self.engine.with_database_mut(self.database, |database| {
            updates.check(database)?;
            let extent = put(database, command, &settings, result)?;
            if extent.is_some() {
                updates.apply(database, &command.table.name, replace);
            }
            Ok::<_, KustoError>(extent)
        })??;
        self.engine
            .record_update_failures(self.database, &command.table.name, &updates);
        Ok(extent)
    }

    /// What update policies make of the rows, which get the names of the table's columns when there is one.
    fn updates(
        &self,
        command: &FromQuery,
        settings: &Settings,
        (columns, rows): &(Vec<Column>, Vec<Row>),
    ) -> Parsed<Updates> {
        if rows.is_empty() {
            return Ok(Updates::default());
        }
        let mut columns = columns.clone();
        if !settings.recreate_schema
            && let Ok(schema) = self.engine.table_schema(self.database, &command.table.name)
        {
            for (given, own) in columns.iter_mut().zip(schema.columns) {
                given.name = own.name;
            }
        }
        let schema = TableSchema {
            name: command.table.name.clone(),
            columns,
        };
        let arrival = Arrival {
            schema: &schema,
            rows,
            tags: &settings.tags,
            created: settings.created,
        };
        Ok(self.engine.updates(self.database, &arrival)?)
    }

    /// The result of a query or a `.show` command.
    pub(super) fn source(&self, text: &str) -> Parsed<Relation> {
        let start = next_token(text, 0);
        if start.kind != TokenKind::Symbol(".") {
            let mut tables = run_query(self.context, text)?.tables;
            return match (tables.pop(), tables.is_empty()) {
                (Some(only), true) => Ok(only.relation),
                _ => Err(KustoError::bad_request(
                    "The query has to give exactly one table.",
                )),
            };
        }
        if !text[start.end..].starts_with("show") {
            return Err(KustoError::bad_request(
                "Of commands only those that begin with '.show' give data to another command.",
            ));
        }
        super::run(self.context, self.role, text)
    }
}

/// Puts the rows into the table, or leaves everything as it was.
fn put(
    database: &mut Database,
    command: &FromQuery,
    settings: &Settings,
    (columns, rows): (Vec<Column>, Vec<Row>),
) -> Parsed<Option<(Uuid, usize)>> {
    let name = &command.table.name;
    let mut into = match (command.mode, database.tables.get(name)) {
        (FromQueryMode::Set, Some(_)) => return Err(KustoError::exists("Table", name)),
        (FromQueryMode::Append, None) => return Err(KustoError::not_found("Table", name)),
        (_, Some(found)) => found.clone(),
        (_, None) => created(name, &columns, settings)?,
    };
    check_tags(&into, settings)?;
    if command.mode == FromQueryMode::SetOrReplace {
        into.extents.clear();
    }
    if settings.recreate_schema && command.mode == FromQueryMode::SetOrReplace {
        check_columns(&columns)?;
        into.reshape(columns.into_iter().map(|column| (column, None)).collect());
    } else {
        fit(&mut into, &columns, settings.extend_schema)?;
    }
    apply_properties(&mut into, &settings.described)?;
    let extent = match rows.len() {
        0 => None,
        count => {
            let id = into.append(rows, &settings.tags, settings.created);
            Some((id.ok_or_else(|| LookupError::Schema(name.clone()))?, count))
        }
    };
    database.tables.insert(name.clone(), into);
    Ok(extent)
}

fn created(name: &str, columns: &[Column], settings: &Settings) -> Parsed<Table> {
    check_columns(columns)?;
    let mut created = Table::new(TableSchema {
        name: name.to_owned(),
        columns: columns.to_vec(),
    });
    created.policies.ingestion_time = settings.ingestion_time.or(created.policies.ingestion_time);
    Ok(created)
}

fn check_tags(table: &Table, settings: &Settings) -> Parsed<()> {
    let taken = |value: &&String| {
        let tag = format!("ingest-by:{value}");
        table
            .extents
            .iter()
            .any(|extent| extent.tags.contains(&tag))
    };
    match settings.ingest_if_not_exists.iter().find(taken) {
        None => Ok(()),
        Some(value) => Err(KustoError::bad_request(format!(
            "The table '{}' has data with the tag 'ingest-by:{value}' already.",
            table.schema.name
        ))),
    }
}

/// Columns are matched by their places and types, never by their names.
fn fit(table: &mut Table, columns: &[Column], extend: bool) -> Parsed<()> {
    let known = table.schema.columns.len();
    let same = table
        .schema
        .columns
        .iter()
        .zip(columns)
        .all(|(own, given)| own.ty == given.ty);
    if same && columns.len() == known {
        return Ok(());
    }
    if !(same && extend && columns.len() > known) {
        let types = |columns: &[Column]| {
            let names = columns.iter().map(|column| column.ty.kusto_name());
            names.collect::<Vec<_>>().join(", ")
        };
        return Err(KustoError::bad_request(format!(
            "The types of the query's columns ({}) are not those of the table '{}' ({}).",
            types(columns),
            table.schema.name,
            types(&table.schema.columns),
        )));
    }
    let new = &columns[known..];
    check_columns(&[&table.schema.columns, new].concat())?;
    table.widen(new.to_vec());
    Ok(())
}

fn shown(extent: Option<(Uuid, usize)>) -> Relation {
    let row = |(id, rows): (Uuid, usize)| {
        // Nothing is compressed or indexed here, so that sizes are not known.
        let unknown = Value::Null;
        vec![
            Value::Guid(id),
            unknown.clone(),
            unknown.clone(),
            unknown.clone(),
            unknown,
            long(rows),
        ]
    };
    table(EXTENTS, extent.into_iter().map(row).collect())
}

impl FromQueryMode {
    /// The kind of operation in `.show operations`.
    pub(super) fn operation(self) -> &'static str {
        match self {
            Self::Set => "TableSet",
            Self::Append => "TableAppend",
            Self::SetOrAppend => "TableSetOrAppend",
            Self::SetOrReplace => "TableSetOrReplace",
        }
    }
}

/// A JSON array of strings in a string.
fn list(name: &str, value: &Value) -> Parsed<Vec<String>> {
    serde_json::from_str(&value.to_text())
        .map_err(|_| KustoError::bad_request(format!("'{name}' is not a JSON array of strings.")))
}

fn moment(name: &str, value: &Value) -> Parsed<i64> {
    let ticks = match value {
        Value::DateTime(ticks) => Some(*ticks),
        other => datetime::parse(&other.to_text()),
    };
    ticks.ok_or_else(|| KustoError::bad_request(format!("'{name}' is not a datetime.")))
}
