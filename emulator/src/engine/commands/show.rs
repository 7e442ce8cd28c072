//! Commands that show what there is: version, cluster, tables and their schemas.

use serde_json::json;

use super::super::database::Database;
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::role::Role;
use super::super::schema::{Column, TableSchema};
use super::super::table::{Row, Table};
use super::super::value::{ColumnType, Value};
use super::Target;
use super::command::{PolicyKind, TableForm};
use super::ingestion::NODE;
use super::policy::printed;
use super::principals;
use super::rows::{long, table, text};

/// Columns of every result that is about a table's schema.
pub(super) const SCHEMA: &str =
    "TableName: string, Schema: string, DatabaseName: string, Folder: string, DocString: string";

impl Target<'_> {
    pub(super) fn version(&self) -> Relation {
        let service = if self.role == Role::DataManagement {
            "DataManagement"
        } else {
            "Engine"
        };
        let version = env!("CARGO_PKG_VERSION");
        table(
            "BuildVersion: string, BuildTime: datetime, ServiceType: string, ProductVersion: string",
            vec![vec![
                text(version),
                Value::DateTime(0),
                text(service),
                text(format!("KustoEmulator {version}")),
            ]],
        )
    }

    /// The one node there is.
    pub(super) fn cluster(&self) -> Relation {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        table(
            "NodeId: string, Address: string, Name: string, StartTime: datetime, IsAdmin: bool, \
             MachineTotalMemory: long, MachineAvailableMemory: long, ProcessorCount: int, \
             EnvironmentDescription: string",
            vec![vec![
                text(NODE),
                text(""),
                text(""),
                Value::Null,
                Value::Bool(true),
                Value::Null,
                Value::Null,
                Value::Int(i32::try_from(processors).unwrap_or(i32::MAX)),
                text(""),
            ]],
        )
    }

    pub(super) fn tables(&self, names: Option<&[String]>, with_details: bool) -> Parsed<Relation> {
        let rows = self.engine.with_database(self.database, |database| {
            let row = |found: &Table| match with_details {
                true => details_row(database, found),
                false => table_row(database, found),
            };
            match names {
                None => Ok(database.tables.values().map(row).collect()),
                Some(names) => {
                    let row = |name: &String| match database.tables.get(name) {
                        Some(found) => Ok(row(found)),
                        None => Err(KustoError::not_found("Table", name)),
                    };
                    names.iter().map(row).collect::<Parsed<_>>()
                }
            }
        })?;
        Ok(table(if with_details { DETAILS } else { TABLES }, rows?))
    }

    pub(super) fn show_table(&self, name: &str, form: TableForm) -> Parsed<Relation> {
        let shown = self.engine.with_database(self.database, |database| {
            database.tables.get(name).map(|found| match form {
                TableForm::Attributes => attributes(found),
                TableForm::Schema => {
                    schema_relation(&database.name, found, schema_json(&found.schema))
                }
                TableForm::CslSchema => {
                    schema_relation(&database.name, found, csl_schema(&found.schema))
                }
                TableForm::Details => table(DETAILS, vec![details_row(database, found)]),
            })
        })?;
        shown.ok_or_else(|| KustoError::not_found("Table", name))
    }
}

/// Columns of `.show table T`: those of the service's own grammar.
const ATTRIBUTES: &str = "AttributeName: string, AttributeType: string, ExtentSize: long, CompressionRatio: real, \
     IndexSize: long, IndexSizePercent: real, OriginalSize: long, AttributeId: guid, SharedIndexSize: long, \
     StorageEngineVersion: string";

/// A row for each column, with the type by which storage knows it. Nothing is compressed or indexed here.
fn attributes(found: &Table) -> Relation {
    let row = |column: &Column| -> Row {
        let mut row = vec![text(&column.name), text(storage_type(column.ty))];
        row.extend(std::iter::repeat_n(Value::Null, 7));
        row.push(text(""));
        row
    };
    let rows = found.schema.columns.iter().map(row).collect();
    table(ATTRIBUTES, rows)
}

fn storage_type(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Bool => "I8",
        ColumnType::Int => "I32",
        ColumnType::Long => "I64",
        ColumnType::Real => "R64",
        ColumnType::Decimal => "Decimal",
        ColumnType::String => "StringBuffer",
        ColumnType::Dynamic => "Dynamic",
        ColumnType::DateTime => "DateTime",
        ColumnType::TimeSpan => "TimeSpan",
        ColumnType::Guid => "UniqueId",
    }
}

/// Columns of results about tables: `.show tables` and those of commands that make or rename several.
pub(super) const TABLES: &str =
    "TableName: string, DatabaseName: string, Folder: string, DocString: string";

/// A row of [`TABLES`].
pub(super) fn table_row(database: &Database, found: &Table) -> Row {
    vec![
        text(&found.schema.name),
        text(&database.name),
        text(&found.folder),
        text(&found.doc_string),
    ]
}

/// The result of commands that create or change a table.
pub(super) fn changed(database: &str, found: &Table) -> Relation {
    schema_relation(database, found, schema_json(&found.schema))
}

fn schema_relation(database: &str, found: &Table, schema: String) -> Relation {
    table(SCHEMA, vec![schema_row(database, found, schema)])
}

/// A row of [`SCHEMA`].
pub(super) fn schema_row(database: &str, found: &Table, schema: String) -> Row {
    vec![
        text(&found.schema.name),
        text(schema),
        text(database),
        text(&found.folder),
        text(&found.doc_string),
    ]
}

fn schema_json(schema: &TableSchema) -> String {
    json!({"Name": schema.name, "OrderedColumns": columns_json(schema)}).to_string()
}

/// The columns as every JSON of a schema has them.
pub(super) fn columns_json(schema: &TableSchema) -> serde_json::Value {
    let columns: Vec<_> = schema
        .columns
        .iter()
        .map(|column| {
            json!({"Name": column.name, "Type": column.ty.dotnet_full_name(), "CslType": column.ty.kusto_name()})
        })
        .collect();
    columns.into()
}

/// The columns as `.create table` takes them.
pub(super) fn csl_schema(schema: &TableSchema) -> String {
    let columns = schema
        .columns
        .iter()
        .map(|found| format!("{}:{}", entity(&found.name), found.ty.kusto_name()));
    columns.collect::<Vec<_>>().join(", ")
}

/// The name as commands take it.
pub(super) fn entity(name: &str) -> String {
    let is_plain = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    match is_plain {
        true => name.to_owned(),
        false => format!("['{name}']"),
    }
}

/// Columns of `.show ... details`: those of the service's own grammar.
const DETAILS: &str = "TableName: string, DatabaseName: string, Folder: string, DocString: string, \
     TotalExtents: long, TotalExtentSize: real, TotalOriginalSize: real, TotalRowCount: long, HotExtents: long, \
     HotExtentSize: real, HotOriginalSize: real, HotRowCount: long, AuthorizedPrincipals: string, \
     RetentionPolicy: string, CachingPolicy: string, ShardingPolicy: string, MergePolicy: string, \
     StreamingIngestionPolicy: string, IngestionBatchingPolicy: string, MinExtentsCreationTime: datetime, \
     MaxExtentsCreationTime: datetime, RowOrderPolicy: string, TableId: guid";

/// All data is hot. Nothing is compressed or indexed here, so that sizes are not known.
fn details_row(database: &Database, found: &Table) -> Row {
    let created = found.extents.iter().map(|extent| extent.created);
    let moment = |ticks: Option<i64>| ticks.map_or(Value::Null, Value::DateTime);
    let policy = |kind| {
        let set = printed(&found.policies, kind).or_else(|| printed(&database.policies, kind));
        text(set.unwrap_or_else(|| "null".to_owned()))
    };
    let (extents, rows) = (long(found.extents.len()), long(found.row_count()));
    vec![
        text(&found.schema.name),
        text(&database.name),
        text(&found.folder),
        text(&found.doc_string),
        extents.clone(),
        Value::Null,
        Value::Null,
        rows.clone(),
        extents,
        Value::Null,
        Value::Null,
        rows,
        text(principals::json(&found.principals)),
        policy(PolicyKind::Retention),
        policy(PolicyKind::Caching),
        policy(PolicyKind::SHARDING),
        policy(PolicyKind::MERGE),
        policy(PolicyKind::StreamingIngestion),
        policy(PolicyKind::IngestionBatching),
        moment(created.clone().min()),
        moment(created.max()),
        policy(PolicyKind::ROW_ORDER),
        Value::Guid(found.id),
    ]
}
