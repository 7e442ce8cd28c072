//! What v1 and v2 answers share: tables on the wire, and reading an answer within a call's limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value as Json;

use super::request::Kind;
use super::rows::{Column, ColumnType, DataSet, Rows, Table, TableKind, WireRows};
use super::scalar::Dynamics;
use super::scan::{Scanned, Scanner};
use super::service_error::{error_among_rows, unreadable_answer};
use super::{v1, v2};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::op::blocking;

/// Answers up to this size are read at once, in less than a millisecond: not worth a thread.
const SMALL: usize = 256 * 1024;
/// More than any real answer has. Each one takes many times the memory of its few bytes in a hostile
/// answer.
const MAX_TABLES: usize = 10_000;
/// Of all tables of an answer together; for the same reason.
const MAX_COLUMNS: usize = 100_000;
/// How many rows are scanned between two looks at whether the caller still waits.
const ROWS_BETWEEN_LOOKS: usize = 1024;

/// Reads an answer. A large one is read by a thread for blocking work, so that the runtime's own
/// threads stay free to notice a deadline; dropping the future ends the work.
pub(crate) async fn read(kind: Kind, step: Step, body: Bytes) -> Result<DataSet> {
    if body.len() <= SMALL {
        return parse(kind, &body, &Stop::default());
    }
    let stop = Stop::default();
    let seen = stop.clone();
    let _stop_on_drop = StopOnDrop(stop);
    let reading = blocking::spawn(step, move || parse(kind, &body, &seen));
    reading
        // The request was carried out, but its result is unknown.
        .map_err(|error| error.with_in_doubt(true))?
        .await
        .unwrap_or_else(|error| {
            let message = format!("reading the answer failed: {error}");
            Err(Error::new(ErrorKind::Internal, step, message))
        })
}

fn parse(kind: Kind, body: &Bytes, stop: &Stop) -> Result<DataSet> {
    match kind {
        Kind::Command => v1::parse(body, stop),
        Kind::Query => v2::parse(body, stop),
    }
}

/// Tells the thread that reads an answer that nobody waits for it any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Fails when nobody waits for the answer any more.
    pub(crate) fn check(&self, scanner: &Scanner<'_>) -> Scanned<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(scanner.malformed("the call was abandoned")),
            false => Ok(()),
        }
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// How many tables and columns an answer has so far.
#[derive(Default)]
pub(crate) struct Tally {
    tables: usize,
    columns: usize,
}

/// A table on the wire. Its members may come in any order.
#[derive(Default)]
pub(crate) struct TableParts {
    pub(crate) name: Option<String>,
    pub(crate) columns: Option<Vec<RawColumn>>,
    pub(crate) rows: Option<RowPlaces>,
}

impl TableParts {
    /// Reads the member `Columns`, which is an array or null; every table has one.
    pub(crate) fn scan_columns(
        &mut self,
        scanner: &mut Scanner<'_>,
        tally: &mut Tally,
    ) -> Scanned<()> {
        tally.tables += 1;
        if tally.tables > MAX_TABLES {
            return Err(scanner.malformed("there are too many tables"));
        }
        if scanner.peek()? != b'[' {
            self.columns = None;
            return scanner.read();
        }
        let mut columns = Vec::new();
        scanner.open(b'[')?;
        while scanner.next(b']', columns.is_empty())? {
            tally.columns += 1;
            if tally.columns > MAX_COLUMNS {
                return Err(scanner.malformed("there are too many columns"));
            }
            columns.push(scanner.read()?);
        }
        self.columns = Some(columns);
        Ok(())
    }

    /// Finds the rows of the member `Rows`, which is an array or null.
    pub(crate) fn scan_rows(&mut self, scanner: &mut Scanner<'_>, stop: &Stop) -> Scanned<()> {
        self.rows = match scanner.peek()? {
            b'[' => Some(RowPlaces::scan(scanner, stop)?),
            _ => scanner.read::<Option<()>>()?.map(|()| RowPlaces::default()),
        };
        Ok(())
    }
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
    fn read(self) -> Column {
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

impl Table {
    pub(crate) fn empty(name: String, kind: TableKind, columns: Vec<RawColumn>) -> Self {
        Self {
            name,
            kind,
            columns: columns.into_iter().map(RawColumn::read).collect(),
            rows: Rows::default(),
        }
    }
}

/// Where rows begin in an answer.
#[derive(Default)]
pub(crate) struct RowPlaces {
    starts: Vec<u32>,
    /// How many values the rows have, once there is one; and the first number that differs.
    width: Option<usize>,
    other_width: Option<usize>,
    /// Where an error begins that the service put among the rows.
    error: Option<usize>,
}

impl RowPlaces {
    fn scan(scanner: &mut Scanner<'_>, stop: &Stop) -> Scanned<Self> {
        let mut places = Self::default();
        let mut first = true;
        scanner.open(b'[')?;
        while scanner.next(b']', first)? {
            first = false;
            if places.starts.len() % ROWS_BETWEEN_LOOKS == 0 {
                stop.check(scanner)?;
            }
            places.scan_row(scanner)?;
        }
        Ok(places)
    }

    fn scan_row(&mut self, scanner: &mut Scanner<'_>) -> Scanned<()> {
        let start = scanner.position()?;
        if scanner.peek()? != b'[' {
            scanner.value()?;
            self.error.get_or_insert(start);
            return Ok(());
        }
        let mut width = 0;
        scanner.open(b'[')?;
        while scanner.next(b']', width == 0)? {
            scanner.value()?;
            width += 1;
        }
        let start = u32::try_from(start).map_err(|_| scanner.malformed("it is too large"))?;
        self.starts.push(start);
        self.see_width(width);
        Ok(())
    }

    fn see_width(&mut self, width: usize) {
        if *self.width.get_or_insert(width) != width {
            self.other_width.get_or_insert(width);
        }
    }

    /// Adds rows that were checked for the same columns.
    pub(crate) fn append(&mut self, mut more: Self) {
        self.starts.append(&mut more.starts);
        self.width = self.width.or(more.width);
    }

    /// Fails for an error among the rows, and for rows that do not fit the columns.
    pub(crate) fn check(&self, body: &Bytes, columns: usize, step: Step) -> Result<()> {
        if let Some(start) = self.error {
            let error = Scanner::at(body, start).read().ok();
            let error = error.and_then(|json: Json| error_among_rows(step, &json));
            let unreadable = || unreadable_answer(step, b"[", "a row is not a list of values");
            return Err(error.unwrap_or_else(unreadable));
        }
        let widths = [self.width, self.other_width];
        match widths.into_iter().flatten().find(|width| *width != columns) {
            None => Ok(()),
            Some(width) => {
                let problem = format!("a row has {width} values for {columns} columns");
                Err(unreadable_answer(step, b"{", &problem))
            }
        }
    }

    /// The rows with the types of these columns.
    pub(crate) fn typed(
        self,
        body: &Bytes,
        columns: &[Column],
        dynamics: Dynamics,
        step: Step,
    ) -> Result<Rows> {
        self.check(body, columns.len(), step)?;
        Ok(Rows::from_wire(WireRows {
            answer: body.clone(),
            dynamics,
            types: columns.iter().map(|column| column.ty).collect(),
            starts: self.starts,
        }))
    }
}

#[cfg(test)]
mod tests;
