//! Commands that show databases and their schemas.

use serde_json::{Map, Value as Json, json};

use super::super::database::{Database, Function, LookupError};
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::table::{Row, Table};
use super::super::value::Value;
use super::Target;
use super::command::{DatabaseForm, Databases, PolicyKind};
use super::policy::printed;
use super::rows::{long, table, text};
use super::show::{SCHEMA, columns_json, csl_schema, schema_row};
use super::{csl_script, functions, principals};

/// The version that every database has: it is not counted on.
const VERSION: &str = "v1.0";

/// The columns that most results about databases begin with.
const IDENTITY: &str = "DatabaseName: string, PersistentStorage: string, Version: string, IsCurrent: bool, \
     DatabaseAccessMode: string, PrettyName: string";

impl Target<'_> {
    pub(super) fn databases(&self, wanted: &Databases, form: DatabaseForm) -> Parsed<Relation> {
        self.engine.with_databases(|all| {
            let found = |name: &str| {
                let database = all.get(&name.to_lowercase());
                database.ok_or_else(|| LookupError::Database(name.to_owned()))
            };
            let databases: Vec<&Database> = match wanted {
                Databases::All => all.values().collect(),
                Databases::Current => vec![found(self.database)?],
                Databases::Named(names) => names
                    .iter()
                    .map(|name| found(name))
                    .collect::<Result<_, _>>()?,
            };
            if let DatabaseForm::SchemaJson { functions } = form {
                return Ok(schema_json(&databases, functions));
            }
            let rows = databases
                .iter()
                .flat_map(|database| self.database_rows(database, form))
                .collect();
            Ok(table(&columns(form), rows))
        })
    }

    fn database_rows(&self, database: &Database, form: DatabaseForm) -> Vec<Row> {
        match form {
            DatabaseForm::Entities => entities(database),
            DatabaseForm::Schema => flat_schema(database),
            DatabaseForm::CslSchema => csl(database),
            DatabaseForm::CslScript(parts) => csl_script::rows(database, parts),
            form => vec![self.database_row(database, form)],
        }
    }

    fn database_row(&self, database: &Database, form: DatabaseForm) -> Row {
        let is_current = database.name.to_lowercase() == self.database.to_lowercase();
        let mut row = vec![
            text(&database.name),
            text(""),
            text(VERSION),
            Value::Bool(is_current),
            text("ReadWrite"),
            text(""),
        ];
        let id = Value::Guid(database.id);
        let policy = |kind| text(printed(&database.policies, kind).unwrap_or("null".to_owned()));
        let principals = || text(principals::json(&database.principals));
        match form {
            DatabaseForm::Details => row.extend([
                principals(),
                policy(PolicyKind::Retention),
                policy(PolicyKind::MERGE),
                text(""),
                policy(PolicyKind::Caching),
                policy(PolicyKind::SHARDING),
                policy(PolicyKind::StreamingIngestion),
                policy(PolicyKind::IngestionBatching),
                Value::Null,
                id,
                text(""),
            ]),
            DatabaseForm::Policies => row.extend([
                id,
                principals(),
                policy(PolicyKind::Retention),
                policy(PolicyKind::MERGE),
                policy(PolicyKind::Caching),
                policy(PolicyKind::SHARDING),
                policy(PolicyKind::StreamingIngestion),
                policy(PolicyKind::IngestionBatching),
            ]),
            DatabaseForm::DataStats => {
                let rows = database.tables.values().map(Table::row_count).sum();
                // Nothing is compressed or indexed here, so that sizes are not known; all data is hot.
                let sizes = || std::iter::repeat_n(Value::Null, 4);
                row.push(id);
                row.extend(sizes());
                row.push(long(rows));
                row.extend(sizes());
                row.push(long(rows));
            }
            _ => row.extend([Value::Bool(false), id, text("")]),
        }
        row
    }
}

/// The columns of each form: those of the service's own grammar.
fn columns(form: DatabaseForm) -> String {
    let rest = match form {
        DatabaseForm::CslSchema => return SCHEMA.to_owned(),
        DatabaseForm::CslScript(_) => return "DatabaseSchemaScript: string".to_owned(),
        DatabaseForm::Entities => {
            return "DatabaseName: string, EntityType: string, EntityName: string, DocString: string, \
                    Folder: string, CslInputSchema: string, Content: string, CslOutputSchema: string, \
                    Properties: dynamic"
                .to_owned();
        }
        DatabaseForm::Schema => {
            return "DatabaseName: string, TableName: string, ColumnName: string, ColumnType: string, \
                    IsDefaultTable: bool, IsDefaultColumn: bool, PrettyName: string, Version: string, \
                    Folder: string, DocString: string"
                .to_owned();
        }
        DatabaseForm::SchemaJson { .. } => return "DatabaseSchema: string".to_owned(),
        DatabaseForm::Plain => "ReservedSlot1: bool, DatabaseId: guid, InTransitionTo: string",
        DatabaseForm::Identity => {
            "CurrentUserIsUnrestrictedViewer: bool, DatabaseId: guid, InTransitionTo: string"
        }
        DatabaseForm::Details => {
            "AuthorizedPrincipals: string, RetentionPolicy: string, MergePolicy: string, ReservedSlot1: string, \
             CachingPolicy: string, ShardingPolicy: string, StreamingIngestionPolicy: string, \
             IngestionBatchingPolicy: string, TotalSize: real, DatabaseId: guid, InTransitionTo: string"
        }
        DatabaseForm::Policies => {
            "DatabaseId: guid, AuthorizedPrincipals: string, RetentionPolicy: string, MergePolicy: string, \
             CachingPolicy: string, ShardingPolicy: string, StreamingIngestionPolicy: string, \
             IngestionBatchingPolicy: string"
        }
        DatabaseForm::DataStats => {
            "DatabaseId: guid, OriginalSize: real, ExtentSize: real, CompressedSize: real, IndexSize: real, \
             RowCount: long, HotOriginalSize: real, HotExtentSize: real, HotCompressedSize: real, \
             HotIndexSize: real, HotRowCount: long"
        }
    };
    format!("{IDENTITY}, {rest}")
}

fn entities(database: &Database) -> Vec<Row> {
    let row = |kind: &str, parts: [&str; 6]| {
        let [name, doc_string, folder, input, content, output] = parts.map(text);
        let (of, kind) = (text(&database.name), text(kind));
        let properties = Value::Dynamic(Json::Object(Map::new()));
        vec![
            of, kind, name, doc_string, folder, input, content, output, properties,
        ]
    };
    let tables = database.tables.values().map(|found| {
        let (name, output) = (&found.schema.name, csl_schema(&found.schema));
        row(
            "Table",
            [name, &found.doc_string, &found.folder, "", "", &output],
        )
    });
    let functions = database.functions.values().map(|found| {
        let (input, body) = (&found.parameters, &found.body);
        row(
            "Function",
            [
                &found.name,
                &found.doc_string,
                &found.folder,
                input,
                body,
                "",
            ],
        )
    });
    tables.chain(functions).collect()
}

/// A row for the database, one for each table, one for each column.
fn flat_schema(database: &Database) -> Vec<Row> {
    let row = |table: &str, column: &str, ty: &str, version: &str, about: [&str; 2]| {
        vec![
            text(&database.name),
            text(table),
            text(column),
            text(ty),
            Value::Bool(false),
            Value::Bool(false),
            text(""),
            text(version),
            text(about[0]),
            text(about[1]),
        ]
    };
    let mut rows = vec![row("", "", "", VERSION, ["", ""])];
    for found in database.tables.values() {
        let name = &found.schema.name;
        rows.push(row(name, "", "", "", [&found.folder, &found.doc_string]));
        for column in &found.schema.columns {
            let ty = column.ty.dotnet_full_name();
            let doc = found.column_docs.get(&column.name);
            let about = ["", doc.map_or("", String::as_str)];
            rows.push(row(name, &column.name, &ty, "", about));
        }
    }
    rows
}

fn csl(database: &Database) -> Vec<Row> {
    let row = |found: &Table| schema_row(&database.name, found, csl_schema(&found.schema));
    database.tables.values().map(row).collect()
}

fn schema_json(databases: &[&Database], functions: bool) -> Relation {
    let mut all = Map::new();
    for database in databases {
        all.insert(database.name.clone(), database_json(database, functions));
    }
    let json = json!({ "Databases": all }).to_string();
    table(
        &columns(DatabaseForm::SchemaJson { functions }),
        vec![vec![text(json)]],
    )
}

/// The columns with the docstrings of those that have one.
fn described_columns(found: &Table) -> Json {
    let mut columns = columns_json(&found.schema);
    for (column, doc) in &found.column_docs {
        if let Some(at) = found.schema.position(column) {
            columns[at]["DocString"] = doc.clone().into();
        }
    }
    columns
}

fn database_json(database: &Database, functions: bool) -> Json {
    let table = |found: &Table| {
        let name = found.schema.name.clone();
        let json = json!({
            "Name": name,
            "Folder": found.folder,
            "DocString": found.doc_string,
            "DefaultColumn": null,
            "OrderedColumns": described_columns(found),
        });
        (name, json)
    };
    let tables: Map<String, Json> = database.tables.values().map(table).collect();
    let function = |found: &Function| (found.name.clone(), functions::schema_json(found));
    let functions: Map<String, Json> = match functions {
        true => database.functions.values().map(function).collect(),
        false => Map::new(),
    };
    json!({
        "Name": database.name,
        "Tables": tables,
        "ExternalTables": {},
        "MaterializedViews": {},
        "PrettyName": null,
        "MajorVersion": 1,
        "MinorVersion": 0,
        "Functions": functions,
    })
}
