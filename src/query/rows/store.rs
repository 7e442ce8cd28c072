//! The rows of a table in a compact form: as they arrived, with the place where each begins.

use std::fmt;
use std::ops::Index;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{ColumnType, Value};
use crate::query::scalar::{self, Dynamics};
use crate::query::scan::Scanner;

/// The rows of a table. Those of an answer are kept as they arrived, about one byte for each of its
/// bytes, and their values are made when a row is asked for.
///
/// Iterating makes one row after the other. Indexing (`rows[0]`) lends a row, and therefore keeps
/// its values as long as the rows: it is meant for small answers.
///
/// ```
/// use kusto_ingest::query::{Rows, Value};
///
/// let rows = Rows::from(vec![vec![Value::Long(1)], vec![Value::Long(2)]]);
/// let sum: i64 = rows.iter().filter_map(|row| row[0].as_i64()).sum();
/// assert_eq!((sum, rows.len()), (3, 2));
/// assert_eq!(rows[1][0], Value::Long(2));
/// ```
#[derive(Clone, Default)]
pub struct Rows {
    store: Store,
    /// Rows that were lent, by their index.
    lent: OnceLock<Box<[OnceLock<Vec<Value>>]>>,
}

#[derive(Clone)]
enum Store {
    Values(Vec<Vec<Value>>),
    Wire(WireRows),
}

impl Default for Store {
    fn default() -> Self {
        Store::Values(Vec::new())
    }
}

/// Rows within an answer, which keep it in memory. Each has as many cells as there are types.
#[derive(Clone)]
pub(crate) struct WireRows {
    pub(crate) answer: Bytes,
    pub(crate) types: Arc<[ColumnType]>,
    pub(crate) dynamics: Dynamics,
    /// Where each row's array begins.
    pub(crate) starts: Vec<u32>,
}

impl WireRows {
    /// The cells of a row as they are written, with their types. The row was scanned before, so that
    /// none is missing.
    fn cells(&self, start: u32) -> impl Iterator<Item = (ColumnType, &[u8])> {
        let mut scanner = Scanner::at(&self.answer, start as usize);
        let mut inside = scanner.open(b'[').is_ok();
        self.types.iter().enumerate().map(move |(index, ty)| {
            inside = inside && scanner.next(b']', index == 0) == Ok(true);
            let cell = match inside {
                true => scanner.value().unwrap_or(b"null"),
                false => b"null",
            };
            (*ty, cell)
        })
    }

    fn row(&self, start: u32) -> Vec<Value> {
        let cells = self.cells(start);
        cells
            .map(|(ty, cell)| scalar::read(ty, self.dynamics, cell))
            .collect()
    }

    fn write_row(&self, start: u32, out: &mut String) {
        for (index, (ty, cell)) in self.cells(start).enumerate() {
            if index > 0 {
                out.push(',');
            }
            match scalar::plain_text(cell).filter(|_| ty == ColumnType::String) {
                Some(text) => {
                    out.push('"');
                    out.push_str(text);
                    out.push('"');
                }
                None => scalar::read(ty, self.dynamics, cell).write_json(out),
            }
        }
    }
}

impl Rows {
    pub(crate) fn from_wire(rows: WireRows) -> Self {
        Self {
            store: Store::Wire(rows),
            lent: OnceLock::new(),
        }
    }

    /// The rows within the answer that they came in.
    #[cfg(test)]
    pub(crate) fn wire(&self) -> Option<&WireRows> {
        match &self.store {
            Store::Values(_) => None,
            Store::Wire(rows) => Some(rows),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match &self.store {
            Store::Values(rows) => rows.len(),
            Store::Wire(rows) => rows.starts.len(),
        }
    }

    /// The bytes that the rows hold themselves, and place and length of the answer that they came in.
    pub(super) fn size_in_memory(&self) -> (usize, Option<(*const u8, usize)>) {
        match &self.store {
            Store::Values(rows) => {
                let cells = rows.iter().map(Vec::len).sum::<usize>();
                (cells * std::mem::size_of::<Value>(), None)
            }
            Store::Wire(rows) => {
                let places = rows.starts.len() * std::mem::size_of::<u32>();
                (places, Some((rows.answer.as_ptr(), rows.answer.len())))
            }
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a row, counted from 0.
    pub fn get(&self, index: usize) -> Option<Vec<Value>> {
        match &self.store {
            Store::Values(rows) => rows.get(index).cloned(),
            Store::Wire(rows) => rows.starts.get(index).map(|start| rows.row(*start)),
        }
    }

    /// The values of the first row.
    pub fn first(&self) -> Option<Vec<Value>> {
        self.get(0)
    }

    /// The values of each row.
    pub fn iter(&self) -> RowsIter<'_> {
        RowsIter {
            rows: self,
            next: 0,
        }
    }

    /// As [`Rows::get`], lent.
    pub(super) fn lend(&self, index: usize) -> Option<&Vec<Value>> {
        let rows = match &self.store {
            Store::Values(rows) => return rows.get(index),
            Store::Wire(rows) => rows,
        };
        let start = rows.starts.get(index)?;
        let lent = self
            .lent
            .get_or_init(|| rows.starts.iter().map(|_| OnceLock::new()).collect());
        Some(lent.get(index)?.get_or_init(|| rows.row(*start)))
    }

    /// The rows as arrays, with commas between them.
    pub(super) fn write_json(&self, out: &mut String) {
        for index in 0..self.len() {
            out.push_str(if index == 0 { "[" } else { ",[" });
            match &self.store {
                Store::Values(rows) => write_values(&rows[index], out),
                Store::Wire(rows) => rows.write_row(rows.starts[index], out),
            }
            out.push(']');
        }
    }
}

fn write_values(row: &[Value], out: &mut String) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        value.write_json(out);
    }
}

/// The rows of a table, one after the other.
#[derive(Clone)]
pub struct RowsIter<'a> {
    rows: &'a Rows,
    next: usize,
}

impl Iterator for RowsIter<'_> {
    type Item = Vec<Value>;

    fn next(&mut self) -> Option<Vec<Value>> {
        let row = self.rows.get(self.next)?;
        self.next += 1;
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rows.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for RowsIter<'_> {}

impl<'a> IntoIterator for &'a Rows {
    type Item = Vec<Value>;
    type IntoIter = RowsIter<'a>;

    fn into_iter(self) -> RowsIter<'a> {
        self.iter()
    }
}

/// # Panics
/// As for a vector, when there is no such row.
impl Index<usize> for Rows {
    type Output = Vec<Value>;

    fn index(&self, index: usize) -> &Vec<Value> {
        match self.lend(index) {
            Some(row) => row,
            None => panic!("there is no row {index}: there are {}", self.len()),
        }
    }
}

impl From<Vec<Vec<Value>>> for Rows {
    fn from(rows: Vec<Vec<Value>>) -> Self {
        Self {
            store: Store::Values(rows),
            lent: OnceLock::new(),
        }
    }
}

impl FromIterator<Vec<Value>> for Rows {
    fn from_iter<I: IntoIterator<Item = Vec<Value>>>(rows: I) -> Self {
        rows.into_iter().collect::<Vec<_>>().into()
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

impl<R: AsRef<[Value]>> PartialEq<Vec<R>> for Rows {
    fn eq(&self, other: &Vec<R>) -> bool {
        let same = |(row, wanted): (Vec<Value>, &R)| row == wanted.as_ref();
        self.len() == other.len() && self.iter().zip(other).all(same)
    }
}

impl<R: AsRef<[Value]>, const N: usize> PartialEq<[R; N]> for Rows {
    fn eq(&self, other: &[R; N]) -> bool {
        let same = |(row, wanted): (Vec<Value>, &R)| row == wanted.as_ref();
        self.len() == N && self.iter().zip(other).all(same)
    }
}

#[cfg(test)]
mod tests;
