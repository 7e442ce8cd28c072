//! The v1 answer: commands, `/v1/rest/query`, streaming ingestion.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::error::{Error, Result, Step};
use crate::query::rows::{Column, ColumnType, DataSet, Table, TableKind, Value};
use crate::query::scalar;
use crate::query::service_error::{in_band_error, unreadable_answer};

/// At this `Severity` of a `QueryStatus` row and below, or `Level` of a completion row, the query
/// failed; above are warnings, information and statistics.
const ERROR_SEVERITY: i64 = 2;

/// Reads a v1 answer. An error inside the answer is the result, even when rows came with it.
pub(crate) fn parse(body: &[u8]) -> Result<DataSet> {
    let step = Step::RunCommand;
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| unreadable_answer(step, body, &error.to_string()))?;
    let mut tables = Vec::with_capacity(answer.tables.len());
    for table in answer.tables {
        tables.push(table.read(step)?);
    }
    if let Some(error) = answer.exceptions.iter().flatten().next() {
        return Err(in_band_error(step, error));
    }
    assign_kinds(&mut tables);
    let data = DataSet { tables };
    check_status(&data, step, "Severity", "StatusDescription")?;
    Ok(data)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    tables: Vec<RawTable>,
    exceptions: Option<Vec<Json>>,
}

/// A table on the wire, in v1 and in v2.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RawTable {
    #[serde(default)]
    table_name: Option<String>,
    columns: Vec<RawColumn>,
    rows: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RawColumn {
    #[serde(default)]
    column_name: Option<String>,
    #[serde(default)]
    column_type: Option<String>,
    #[serde(default)]
    data_type: Option<String>,
}

impl RawColumn {
    /// `ColumnType` first, then `DataType`. An unknown type is read as dynamic, which can be any
    /// JSON.
    pub(crate) fn read(self) -> Column {
        let by_name = self.column_type.as_deref();
        let ty = by_name
            .and_then(ColumnType::from_kusto_name)
            .or_else(|| by_name.and_then(ColumnType::from_answer_data_type))
            .or_else(|| {
                let data_type = self.data_type.as_deref()?;
                ColumnType::from_answer_data_type(data_type)
            })
            .unwrap_or(ColumnType::Dynamic);
        Column::new(self.column_name.unwrap_or_default(), ty)
    }
}

impl RawTable {
    fn read(self, step: Step) -> Result<Table> {
        let columns: Vec<Column> = self.columns.into_iter().map(RawColumn::read).collect();
        let rows = read_rows(&columns, self.rows, step)?;
        Ok(Table {
            name: self.table_name.unwrap_or_default(),
            kind: TableKind::PrimaryResult,
            columns,
            rows,
        })
    }
}

/// Rows as typed values. A row that is an object is an error the service put among the rows.
pub(crate) fn read_rows(
    columns: &[Column],
    rows: Vec<Json>,
    step: Step,
) -> Result<Vec<Vec<Value>>> {
    let mut typed = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Json::Array(cells) => typed.push(read_row(columns, cells, step)?),
            error => return Err(in_band_error(step, &error)),
        }
    }
    Ok(typed)
}

fn read_row(columns: &[Column], cells: Vec<Json>, step: Step) -> Result<Vec<Value>> {
    if cells.len() != columns.len() {
        let (cells, columns) = (cells.len(), columns.len());
        let problem = format!("a row has {cells} values for {columns} columns");
        return Err(unreadable_answer(step, b"{", &problem));
    }
    let values = columns.iter().zip(cells);
    Ok(values
        .map(|(column, cell)| scalar::read(column.ty, cell))
        .collect())
}

/// The kind of each table: one table is the result; of two the second has properties; with more the
/// last one may be a table of contents.
fn assign_kinds(tables: &mut [Table]) {
    if let [_, properties] = tables {
        properties.kind = TableKind::QueryProperties;
        return;
    }
    let Some((contents, described)) = tables.split_last_mut() else {
        return;
    };
    // Scripts of several commands return many real tables without one.
    if described.len() < 2 || !is_table_of_contents(contents) {
        return;
    }
    contents.kind = TableKind::TableOfContents;
    for table in described.iter_mut() {
        table.kind = TableKind::Unknown;
    }
    for row in 0..contents.rows.len() {
        let ordinal = contents.value(row, "Ordinal").and_then(Value::as_i64);
        let index = ordinal.and_then(|ordinal| usize::try_from(ordinal).ok());
        let Some(table) = described.get_mut(index.unwrap_or(row)) else {
            continue;
        };
        if let Some(kind) = contents.value(row, "Kind").and_then(Value::as_str) {
            table.kind = TableKind::from_name(kind);
        }
        if let Some(name) = contents.value(row, "Name").and_then(Value::as_str) {
            table.name = name.to_owned();
        }
    }
}

fn is_table_of_contents(table: &Table) -> bool {
    ["Ordinal", "Kind", "Name", "Id", "PrettyName"]
        .iter()
        .all(|name| table.column_index(name).is_some())
}

/// The error of a completion row, which is the only sign of a failure when the query asked for
/// partial failures to be deferred.
pub(crate) fn check_status(data: &DataSet, step: Step, level: &str, text: &str) -> Result<()> {
    let status_tables = data
        .tables
        .iter()
        .filter(|table| table.kind == TableKind::QueryCompletionInformation);
    for table in status_tables {
        for row in 0..table.rows.len() {
            let severity = table.value(row, level).and_then(Value::as_i64);
            if severity.is_some_and(|severity| severity <= ERROR_SEVERITY) {
                return Err(status_error(table, row, step, text));
            }
        }
    }
    Ok(())
}

fn status_error(table: &Table, row: usize, step: Step, text: &str) -> Error {
    let cell = |name: &str| table.value(row, name).and_then(Value::to_text);
    let text = cell(text).unwrap_or_default();
    // v2 wraps the text in JSON: {"Count":1,"Text":"..."}.
    let unwrapped = serde_json::from_str::<Json>(&text)
        .ok()
        .and_then(|payload| payload.get("Text")?.as_str().map(str::to_owned));
    let message = unwrapped.unwrap_or(text);
    let mut error = in_band_error(step, &Json::String(message));
    if let Some(code) = cell("StatusCodeName").or_else(|| cell("StatusCode")) {
        error = error.with_service_code(code);
    }
    match cell("ActivityId") {
        Some(id) => error.with_activity_id(id),
        None => error,
    }
}

#[cfg(test)]
mod tests;
