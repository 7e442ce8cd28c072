//! The v1 answer: commands, `/v1/rest/query`, streaming ingestion.

use bytes::Bytes;
use serde_json::Value as Json;

use crate::error::{Error, Result, Step};
use crate::query::answer::{RawColumn, RowPlaces, Stop, TableParts, Tally};
use crate::query::rows::{DataSet, Table, TableKind, Value};
use crate::query::scalar::Dynamics;
use crate::query::scan::{Scanned, Scanner};
use crate::query::service_error::{in_band_error, unreadable_answer};
use crate::secret::identifier;

const STEP: Step = Step::RunCommand;

/// At this `Severity` of a `QueryStatus` row and below, or `Level` of a completion row, the query
/// failed; above are warnings, information and statistics.
const ERROR_SEVERITY: i64 = 2;

/// Reads a v1 answer. An error inside the answer is the result, even when rows came with it.
pub(crate) fn parse(body: &Bytes, stop: &Stop) -> Result<DataSet> {
    let answer = scan(body, stop)
        .map_err(|malformed| unreadable_answer(STEP, body, &malformed.to_string()))?;
    let mut tables = Vec::new();
    for (name, columns, rows) in answer.tables {
        let mut table = Table::empty(name, TableKind::PrimaryResult, columns);
        table.rows = rows.typed(body, &table.columns, Dynamics::Encoded, STEP)?;
        tables.push(table);
    }
    if let Some(error) = answer.exceptions.iter().flatten().next() {
        return Err(in_band_error(STEP, error));
    }
    assign_kinds(&mut tables);
    let data = DataSet { tables };
    check_status(&data, STEP, "Severity", "StatusDescription")?;
    Ok(data)
}

/// Name, columns and rows.
type Found = (String, Vec<RawColumn>, RowPlaces);

struct Answer {
    tables: Vec<Found>,
    exceptions: Option<Vec<Json>>,
}

fn scan(body: &[u8], stop: &Stop) -> Scanned<Answer> {
    let mut scanner = Scanner::new(body);
    let (mut tables, mut exceptions) = (None, None);
    let mut first = true;
    scanner.open(b'{')?;
    while scanner.next(b'}', first)? {
        first = false;
        match scanner.name()? {
            b"Tables" if tables.is_none() => tables = Some(scan_tables(&mut scanner, stop)?),
            b"Tables" => return Err(scanner.malformed("the tables stand there twice")),
            b"Exceptions" => exceptions = scanner.read()?,
            _ => drop(scanner.value()?),
        }
    }
    let tables = tables.ok_or_else(|| scanner.malformed("the tables are missing"))?;
    scanner.end()?;
    Ok(Answer { tables, exceptions })
}

fn scan_tables(scanner: &mut Scanner<'_>, stop: &Stop) -> Scanned<Vec<Found>> {
    let (mut tables, mut tally) = (Vec::new(), Tally::default());
    scanner.open(b'[')?;
    while scanner.next(b']', tables.is_empty())? {
        stop.check(scanner)?;
        let mut parts = TableParts::default();
        let mut first = true;
        scanner.open(b'{')?;
        while scanner.next(b'}', first)? {
            first = false;
            match scanner.name()? {
                b"TableName" => parts.name = scanner.read()?,
                b"Columns" => parts.scan_columns(scanner, &mut tally)?,
                b"Rows" => parts.scan_rows(scanner, stop)?,
                _ => drop(scanner.value()?),
            }
        }
        let (Some(columns), Some(rows)) = (parts.columns, parts.rows) else {
            return Err(scanner.malformed("a table has no columns or rows"));
        };
        tables.push((parts.name.unwrap_or_default(), columns, rows));
    }
    Ok(tables)
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
    for (index, row) in contents.rows.iter().enumerate() {
        let ordinal = cell(contents, &row, "Ordinal").and_then(Value::as_i64);
        let ordinal = ordinal.and_then(|ordinal| usize::try_from(ordinal).ok());
        let Some(table) = described.get_mut(ordinal.unwrap_or(index)) else {
            continue;
        };
        if let Some(kind) = cell(contents, &row, "Kind").and_then(Value::as_str) {
            table.kind = TableKind::from_name(kind);
        }
        if let Some(name) = cell(contents, &row, "Name").and_then(Value::as_str) {
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
        for row in &table.rows {
            let severity = cell(table, &row, level).and_then(Value::as_i64);
            if severity.is_some_and(|severity| severity <= ERROR_SEVERITY) {
                return Err(status_error(table, &row, step, text));
            }
        }
    }
    Ok(())
}

/// The value of a row by the name of its column.
fn cell<'a>(table: &Table, row: &'a [Value], column: &str) -> Option<&'a Value> {
    row.get(table.column_index(column)?)
}

fn status_error(table: &Table, row: &[Value], step: Step, text: &str) -> Error {
    let cell = |name: &str| cell(table, row, name).and_then(Value::to_text);
    let text = cell(text).unwrap_or_default();
    // v2 wraps the text in JSON: {"Count":1,"Text":"..."}.
    let unwrapped = serde_json::from_str::<Json>(&text)
        .ok()
        .and_then(|payload| payload.get("Text")?.as_str().map(str::to_owned));
    let message = unwrapped.unwrap_or(text);
    let mut error = in_band_error(step, &Json::String(message));
    let id = |name: &str| cell(name).as_deref().and_then(identifier);
    if let Some(code) = id("StatusCodeName").or_else(|| id("StatusCode")) {
        error = error.with_service_code(code);
    }
    match id("ActivityId") {
        Some(id) => error.with_activity_id(id),
        None => error,
    }
}

#[cfg(test)]
mod tests;
