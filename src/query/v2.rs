//! The v2 answer of queries: a sequence of frames.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value as Json;

use crate::error::{Result, Step};
use crate::query::answer::{RawColumn, RowPlaces, Stop, TableParts, Tally};
use crate::query::rows::{DataSet, Table, TableKind};
use crate::query::scalar::Dynamics;
use crate::query::scan::{Malformed, Scanned, Scanner};
use crate::query::service_error::{in_band_error, unreadable_answer};
use crate::query::v1::check_status;

const STEP: Step = Step::RunQuery;

/// Reads a v2 answer, progressive and fragmented ones too. An error inside the answer is the
/// result, even when rows came with it; an answer that ends early is an error too.
pub(crate) fn parse(body: &Bytes, stop: &Stop) -> Result<DataSet> {
    let unreadable = |malformed: Malformed| unreadable_answer(STEP, body, &malformed.to_string());
    let mut scanner = Scanner::new(body);
    let mut reader = Reader::new(body);
    let mut tally = Tally::default();
    let mut first = true;
    scanner.open(b'[').map_err(unreadable)?;
    while scanner.next(b']', first).map_err(unreadable)? {
        first = false;
        let frame = Frame::scan(&mut scanner, &mut tally, stop).map_err(unreadable)?;
        reader.take(frame)?;
    }
    scanner.end().map_err(unreadable)?;
    reader.finish()
}

/// One frame. The members of all kinds together: which are there depends on `FrameType`.
#[derive(Default)]
struct Frame {
    frame_type: String,
    table_id: Option<i64>,
    table_kind: Option<String>,
    table: TableParts,
    table_fragment_type: Option<String>,
    row_count: Option<u64>,
    has_errors: Option<bool>,
    cancelled: Option<bool>,
    one_api_errors: Option<Vec<Json>>,
}

impl Frame {
    fn scan(scanner: &mut Scanner<'_>, tally: &mut Tally, stop: &Stop) -> Scanned<Self> {
        stop.check(scanner)?;
        let mut frame = Self::default();
        let mut first = true;
        scanner.open(b'{')?;
        while scanner.next(b'}', first)? {
            first = false;
            match scanner.name()? {
                b"FrameType" => frame.frame_type = scanner.read()?,
                b"TableId" => frame.table_id = scanner.read()?,
                b"TableKind" => frame.table_kind = scanner.read()?,
                b"TableName" => frame.table.name = scanner.read()?,
                b"Columns" => frame.table.scan_columns(scanner, tally)?,
                b"Rows" => frame.table.scan_rows(scanner, stop)?,
                b"TableFragmentType" => frame.table_fragment_type = scanner.read()?,
                b"RowCount" => frame.row_count = scanner.read()?,
                b"HasErrors" => frame.has_errors = scanner.read()?,
                b"Cancelled" => frame.cancelled = scanner.read()?,
                b"OneApiErrors" => frame.one_api_errors = scanner.read()?,
                _ => drop(scanner.value()?),
            }
        }
        match frame.frame_type.is_empty() {
            true => Err(scanner.malformed("a frame has no type")),
            false => Ok(frame),
        }
    }
}

struct Reader<'a> {
    body: &'a Bytes,
    tables: Vec<Table>,
    /// The tables that came with a header and are not complete, by id, with their rows so far.
    open: HashMap<i64, (Table, RowPlaces)>,
    completed: bool,
}

impl<'a> Reader<'a> {
    fn new(body: &'a Bytes) -> Self {
        Self {
            body,
            tables: Vec::new(),
            open: HashMap::new(),
            completed: false,
        }
    }

    fn take(&mut self, frame: Frame) -> Result<()> {
        if let Some(error) = frame.one_api_errors.iter().flatten().next() {
            return Err(in_band_error(STEP, error));
        }
        match frame.frame_type.as_str() {
            "DataTable" => {
                let (mut table, rows) = new_table(frame)?;
                let rows = rows.ok_or_else(|| bad_frame("a table has no rows"))?;
                table.rows = rows.typed(self.body, &table.columns, dynamics(table.kind), STEP)?;
                self.tables.push(table);
            }
            "TableHeader" => {
                let id = table_id(frame.table_id)?;
                let (table, _) = new_table(frame)?;
                let before = self.open.insert(id, (table, RowPlaces::default()));
                if before.is_some() {
                    return Err(bad_frame("a table begins twice"));
                }
            }
            "TableFragment" => self.append(frame)?,
            "TableCompletion" => self.complete_table(frame)?,
            "DataSetCompletion" => self.complete(&frame)?,
            // Header and progress carry no rows, and an unknown frame must not fail the rest.
            _ => {}
        }
        Ok(())
    }

    fn append(&mut self, frame: Frame) -> Result<()> {
        let replace = match frame.table_fragment_type.as_deref() {
            Some("DataReplace") => true,
            Some("DataAppend") | None => false,
            Some(_) => return Err(bad_frame("a fragment is of an unknown type")),
        };
        let id = table_id(frame.table_id)?;
        let open = self.open.get_mut(&id);
        let (table, rows) = open.ok_or_else(|| bad_frame("a fragment has no table header"))?;
        let more = frame.table.rows.unwrap_or_default();
        more.check(self.body, table.columns.len(), STEP)?;
        match replace {
            true => *rows = more,
            false => rows.append(more),
        }
        Ok(())
    }

    fn complete_table(&mut self, frame: Frame) -> Result<()> {
        let id = table_id(frame.table_id)?;
        let open = self.open.remove(&id);
        let (mut table, rows) = open.ok_or_else(|| bad_frame("a table ends that did not begin"))?;
        table.rows = rows.typed(self.body, &table.columns, dynamics(table.kind), STEP)?;
        let missing = frame
            .row_count
            .is_some_and(|count| count != table.rows.len() as u64);
        if missing {
            return Err(bad_frame("a table has fewer or more rows than announced"));
        }
        self.tables.push(table);
        Ok(())
    }

    fn complete(&mut self, frame: &Frame) -> Result<()> {
        let failed = |what: &str| Err(in_band_error(STEP, &Json::String(what.to_owned())));
        if frame.has_errors == Some(true) {
            return failed("the query failed; the service sent no reason");
        }
        if frame.cancelled == Some(true) {
            return failed("the query was cancelled");
        }
        self.completed = true;
        Ok(())
    }

    fn finish(self) -> Result<DataSet> {
        if !self.completed || !self.open.is_empty() {
            return Err(bad_frame("the last frame is missing"));
        }
        let data = DataSet {
            tables: self.tables,
        };
        check_status(&data, STEP, "Level", "Payload")?;
        Ok(data)
    }
}

/// A table without rows, and the rows that came with it.
fn new_table(frame: Frame) -> Result<(Table, Option<RowPlaces>)> {
    let kind = frame.table_kind.as_deref().map(TableKind::from_name);
    let TableParts {
        name,
        columns,
        rows,
    } = frame.table;
    let columns: Vec<RawColumn> = columns.ok_or_else(|| bad_frame("a table has no columns"))?;
    let kind = kind.unwrap_or(TableKind::Unknown);
    Ok((Table::empty(name.unwrap_or_default(), kind, columns), rows))
}

fn dynamics(kind: TableKind) -> Dynamics {
    match kind {
        TableKind::PrimaryResult => Dynamics::Native,
        _ => Dynamics::Encoded,
    }
}

fn table_id(id: Option<i64>) -> Result<i64> {
    id.ok_or_else(|| bad_frame("a frame names no table"))
}

fn bad_frame(problem: &str) -> crate::error::Error {
    unreadable_answer(STEP, b"[", problem)
}

#[cfg(test)]
mod tests;
