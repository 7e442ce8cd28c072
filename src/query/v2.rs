//! The v2 answer of queries: a sequence of frames.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::error::{Result, Step};
use crate::query::rows::{Column, DataSet, Table, TableKind};
use crate::query::service_error::{in_band_error, unreadable_answer};
use crate::query::v1::{RawColumn, check_status, read_rows};

const STEP: Step = Step::RunQuery;

/// Reads a v2 answer, progressive and fragmented ones too. An error inside the answer is the
/// result, even when rows came with it; an answer that ends early is an error too.
pub(crate) fn parse(body: &[u8]) -> Result<DataSet> {
    let frames: Vec<Frame> = serde_json::from_slice(body)
        .map_err(|error| unreadable_answer(STEP, body, &error.to_string()))?;
    let mut reader = Reader::default();
    for frame in frames {
        reader.take(frame)?;
    }
    reader.finish()
}

/// One frame. The members of all kinds together: which are there depends on `FrameType`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Frame {
    frame_type: String,
    table_id: Option<i64>,
    table_kind: Option<String>,
    table_name: Option<String>,
    columns: Option<Vec<RawColumn>>,
    rows: Option<Vec<Json>>,
    table_fragment_type: Option<String>,
    row_count: Option<u64>,
    has_errors: Option<bool>,
    cancelled: Option<bool>,
    one_api_errors: Option<Vec<Json>>,
}

#[derive(Default)]
struct Reader {
    tables: Vec<Table>,
    /// The tables that came with a header and are not complete, by id.
    open: Vec<(i64, Table)>,
    completed: bool,
}

impl Reader {
    fn take(&mut self, frame: Frame) -> Result<()> {
        if let Some(error) = frame.one_api_errors.iter().flatten().next() {
            return Err(in_band_error(STEP, error));
        }
        match frame.frame_type.as_str() {
            "DataTable" => {
                let rows = frame.rows.ok_or_else(|| bad_frame("a table has no rows"))?;
                let mut table = new_table(frame.table_kind, frame.table_name, frame.columns)?;
                table.rows = read_rows(&table.columns, rows, STEP)?;
                self.tables.push(table);
            }
            "TableHeader" => {
                let id = table_id(frame.table_id)?;
                let table = new_table(frame.table_kind, frame.table_name, frame.columns)?;
                self.open.push((id, table));
            }
            "TableFragment" => self.append(frame)?,
            "TableCompletion" => self.complete_table(frame)?,
            "DataSetCompletion" => self.complete(&frame)?,
            // Header and progress carry no rows, and an unknown frame must not fail the rest.
            _ => {}
        }
        Ok(())
    }

    fn open_table(&mut self, id: i64) -> Result<&mut Table> {
        self.open
            .iter_mut()
            .find(|(open, _)| *open == id)
            .map(|(_, table)| table)
            .ok_or_else(|| bad_frame("a fragment has no table header"))
    }

    fn append(&mut self, frame: Frame) -> Result<()> {
        let replace = match frame.table_fragment_type.as_deref() {
            Some("DataReplace") => true,
            Some("DataAppend") | None => false,
            Some(_) => return Err(bad_frame("a fragment is of an unknown type")),
        };
        let table = self.open_table(table_id(frame.table_id)?)?;
        let rows = read_rows(&table.columns, frame.rows.unwrap_or_default(), STEP)?;
        if replace {
            table.rows.clear();
        }
        table.rows.extend(rows);
        Ok(())
    }

    fn complete_table(&mut self, frame: Frame) -> Result<()> {
        let id = table_id(frame.table_id)?;
        let at = self.open.iter().position(|(open, _)| *open == id);
        let (_, table) = self
            .open
            .remove(at.ok_or_else(|| bad_frame("a table ends that did not begin"))?);
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

fn new_table(
    kind: Option<String>,
    name: Option<String>,
    columns: Option<Vec<RawColumn>>,
) -> Result<Table> {
    let columns = columns.ok_or_else(|| bad_frame("a table has no columns"))?;
    let columns: Vec<Column> = columns.into_iter().map(RawColumn::read).collect();
    Ok(Table {
        name: name.unwrap_or_default(),
        kind: kind.map_or(TableKind::Unknown, |kind| TableKind::from_name(&kind)),
        columns,
        rows: Vec::new(),
    })
}

fn table_id(id: Option<i64>) -> Result<i64> {
    id.ok_or_else(|| bad_frame("a frame names no table"))
}

fn bad_frame(problem: &str) -> crate::error::Error {
    unreadable_answer(STEP, b"[", problem)
}

#[cfg(test)]
mod tests;
