//! v1: tables, and for queries a table of contents that tells what they are.

use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::datetime;
use super::super::kql::run::ResultTable;
use super::super::value::ColumnType;
use super::{Answer, bytes, visualization};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DataSet {
    tables: Vec<Table>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exceptions: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Table {
    table_name: String,
    columns: Vec<Column>,
    rows: Vec<Json>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Column {
    column_name: String,
    data_type: &'static str,
    column_type: &'static str,
}

impl Column {
    fn new(name: &str, ty: ColumnType) -> Self {
        Self {
            column_name: name.to_owned(),
            data_type: ty.dotnet_name(),
            column_type: ty.kusto_name(),
        }
    }
}

/// One table, as management commands answer.
pub(in super::super) fn management(answer: &Answer<'_>) -> Vec<u8> {
    bytes(&DataSet {
        tables: results(answer),
        exceptions: Vec::new(),
    })
}

/// The result with its properties, status and table of contents, as v1 queries answer.
pub(in super::super) fn query_v1(answer: &Answer<'_>) -> Vec<u8> {
    let mut tables = results(answer);
    let drawn = answer
        .tables
        .iter()
        .map(|table| json!([visualization(table)]));
    let properties = [("Value", ColumnType::String)];
    tables.push(table(tables.len(), &properties, drawn.collect()));
    tables.push(status(answer, tables.len()));
    tables.push(contents(answer, tables.len()));
    bytes(&DataSet {
        tables,
        exceptions: answer
            .shown_error()
            .map(ToString::to_string)
            .into_iter()
            .collect(),
    })
}

fn results(answer: &Answer<'_>) -> Vec<Table> {
    let result = |(at, table): (usize, &ResultTable)| Table {
        table_name: format!("Table_{at}"),
        columns: table
            .relation
            .columns
            .iter()
            .map(|column| Column::new(&column.name, column.ty))
            .collect(),
        rows: answer.rows(at, |error| json!({"Exceptions": [error.to_string()]})),
    };
    answer.tables.iter().enumerate().map(result).collect()
}

fn table(ordinal: usize, columns: &[(&str, ColumnType)], rows: Vec<Json>) -> Table {
    let columns = columns
        .iter()
        .map(|(name, ty)| Column::new(name, *ty))
        .collect();
    Table {
        table_name: format!("Table_{ordinal}"),
        columns,
        rows,
    }
}

fn status(answer: &Answer<'_>, ordinal: usize) -> Table {
    let columns = [
        ("Timestamp", ColumnType::DateTime),
        ("Severity", ColumnType::Int),
        ("SeverityName", ColumnType::String),
        ("StatusCode", ColumnType::Int),
        ("StatusDescription", ColumnType::String),
        ("Count", ColumnType::Int),
        ("RequestId", ColumnType::Guid),
        ("ActivityId", ColumnType::Guid),
        ("SubActivityId", ColumnType::Guid),
        ("ClientActivityId", ColumnType::String),
    ];
    let (completion, id) = (answer.completion(), answer.identity.activity_id.to_string());
    let row = json!([
        datetime::print(datetime::now()),
        completion.level,
        completion.level_name,
        completion.code,
        completion.text,
        1,
        id,
        id,
        Uuid::new_v4().to_string(),
        answer.identity.client_request_id
    ]);
    table(ordinal, &columns, vec![row])
}

fn contents(answer: &Answer<'_>, ordinal: usize) -> Table {
    let columns = [
        ("Ordinal", ColumnType::Long),
        ("Kind", ColumnType::String),
        ("Name", ColumnType::String),
        ("Id", ColumnType::String),
        ("PrettyName", ColumnType::String),
    ];
    let id = || Uuid::new_v4().to_string();
    let mut rows: Vec<Json> = Vec::new();
    for (at, table) in answer.tables.iter().enumerate() {
        let name = table.name.as_deref().unwrap_or("PrimaryResult");
        rows.push(json!([at, "QueryResult", name, id(), ""]));
    }
    let at = rows.len();
    rows.push(json!([
        at,
        "QueryProperties",
        "@ExtendedProperties",
        id(),
        ""
    ]));
    rows.push(json!([
        at + 1,
        "QueryStatus",
        "QueryStatus",
        Uuid::nil().to_string(),
        ""
    ]));
    table(ordinal, &columns, rows)
}
