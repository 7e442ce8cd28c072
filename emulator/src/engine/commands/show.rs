//! Commands that show what there is: version, databases, tables, their schemas and extents.

use serde_json::json;

use super::super::database::Database;
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::role::Role;
use super::super::schema::TableSchema;
use super::super::table::{Row, Table};
use super::super::value::Value;
use super::Target;
use super::command::TableForm;
use super::rows::{long, table, text};

/// Columns of every result that is about a table's schema.
const SCHEMA: &str =
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

    pub(super) fn databases(&self) -> Relation {
        let current = self.database.to_lowercase();
        let rows = self.engine.with_databases(|databases| {
            let row = |(key, database): (&String, &Database)| {
                let name = text(&database.name);
                let version = text("v1.0");
                let is_current = Value::Bool(*key == current);
                let mode = text("ReadWrite");
                let id = Value::Guid(database.id);
                vec![
                    name,
                    text(""),
                    version,
                    is_current,
                    mode,
                    text(""),
                    Value::Bool(false),
                    id,
                    text(""),
                ]
            };
            databases.iter().map(row).collect()
        });
        table(
            "DatabaseName: string, PersistentStorage: string, Version: string, IsCurrent: bool, \
             DatabaseAccessMode: string, PrettyName: string, ReservedSlot1: bool, DatabaseId: guid, \
             InTransitionTo: string",
            rows,
        )
    }

    pub(super) fn tables(&self) -> Parsed<Relation> {
        let rows = self.engine.with_database(self.database, |database| {
            let row = |table: &Table| {
                vec![
                    text(&table.schema.name),
                    text(&database.name),
                    text(&table.folder),
                    text(&table.doc_string),
                ]
            };
            database.tables.values().map(row).collect()
        })?;
        Ok(table(
            "TableName: string, DatabaseName: string, Folder: string, DocString: string",
            rows,
        ))
    }

    pub(super) fn show_table(&self, name: &str, form: TableForm) -> Parsed<Relation> {
        let shown = self.engine.with_database(self.database, |database| {
            database.tables.get(name).map(|found| match form {
                TableForm::Schema => {
                    schema_relation(&database.name, found, schema_json(&found.schema))
                }
                TableForm::CslSchema => {
                    schema_relation(&database.name, found, csl_schema(&found.schema))
                }
                TableForm::Details => details(&database.name, found),
                TableForm::Extents => extents(&database.name, found),
            })
        })?;
        shown.ok_or_else(|| KustoError::not_found("Table", name))
    }
}

/// The result of commands that create or change a table.
pub(super) fn changed(database: &str, found: &Table) -> Relation {
    schema_relation(database, found, schema_json(&found.schema))
}

fn schema_relation(database: &str, found: &Table, schema: String) -> Relation {
    let name = text(&found.schema.name);
    table(
        SCHEMA,
        vec![vec![
            name,
            text(schema),
            text(database),
            text(&found.folder),
            text(&found.doc_string),
        ]],
    )
}

fn schema_json(schema: &TableSchema) -> String {
    let columns: Vec<_> = schema
        .columns
        .iter()
        .map(|column| {
            json!({"Name": column.name, "Type": column.ty.dotnet_full_name(), "CslType": column.ty.kusto_name()})
        })
        .collect();
    json!({"Name": schema.name, "OrderedColumns": columns}).to_string()
}

fn csl_schema(schema: &TableSchema) -> String {
    let plain = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    };
    let column = |name: &str| {
        if plain(name) {
            name.to_owned()
        } else {
            format!("['{name}']")
        }
    };
    let columns = schema
        .columns
        .iter()
        .map(|found| format!("{}:{}", column(&found.name), found.ty.kusto_name()));
    columns.collect::<Vec<_>>().join(", ")
}

fn details(database: &str, found: &Table) -> Relation {
    let created = found.extents.iter().map(|extent| extent.created);
    let moment = |ticks: Option<i64>| ticks.map_or(Value::Null, Value::DateTime);
    table(
        "TableName: string, DatabaseName: string, Folder: string, DocString: string, TotalExtents: long, \
         TotalRowCount: long, MinExtentsCreationTime: datetime, MaxExtentsCreationTime: datetime, TableId: guid",
        vec![vec![
            text(&found.schema.name),
            text(database),
            text(&found.folder),
            text(&found.doc_string),
            long(found.extents.len()),
            long(found.row_count()),
            moment(created.clone().min()),
            moment(created.max()),
            Value::Guid(found.id),
        ]],
    )
}

fn extents(database: &str, found: &Table) -> Relation {
    let row = |extent: &std::sync::Arc<super::super::table::Extent>| -> Row {
        vec![
            Value::Guid(extent.id),
            text(database),
            text(&found.schema.name),
            Value::DateTime(extent.created),
            long(extent.rows.len()),
            Value::DateTime(extent.created),
            text(extent.tags.join("\r\n")),
        ]
    };
    table(
        "ExtentId: guid, DatabaseName: string, TableName: string, MaxCreatedOn: datetime, RowCount: long, \
         MinCreatedOn: datetime, Tags: string",
        found.extents.iter().map(row).collect(),
    )
}
