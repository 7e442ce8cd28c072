//! Rows with named, typed columns: what flows through a pipeline.

use std::sync::Arc;

use super::super::schema::Column;
use super::super::table::{Extent, Row};
use super::super::value::Value;

/// A table, a command's result, or what a step made of one.
#[derive(Clone, Debug, Default)]
pub struct Relation {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, as wide as the columns.
    pub rows: Rows,
}

/// Rows of its own, or those of a table, which are not copied.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Own rows.
    Owned(Vec<Row>),
    /// A table's extents.
    Stored(Vec<Arc<Extent>>),
}

impl Default for Rows {
    fn default() -> Self {
        Self::Owned(Vec::new())
    }
}

impl Rows {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Owned(rows) => rows.len(),
            Self::Stored(extents) => extents.iter().map(|extent| extent.rows.len()).sum(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows in order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = &[Value]> + '_> {
        match self {
            Self::Owned(rows) => Box::new(rows.iter().map(Vec::as_slice)),
            Self::Stored(extents) => Box::new(
                extents
                    .iter()
                    .flat_map(|extent| extent.rows.iter().map(Vec::as_slice)),
            ),
        }
    }

    /// The rows that pass, copied only when they are a table's.
    pub fn filtered(self, keep: impl Fn(&[Value]) -> bool) -> Self {
        match self {
            Self::Owned(mut rows) => {
                rows.retain(|row| keep(row));
                Self::Owned(rows)
            }
            stored @ Self::Stored(_) => Self::Owned(
                stored
                    .iter()
                    .filter(|row| keep(row))
                    .map(<[Value]>::to_vec)
                    .collect(),
            ),
        }
    }

    /// The first rows.
    pub fn first(self, count: usize) -> Self {
        match self {
            Self::Owned(mut rows) => {
                rows.truncate(count);
                Self::Owned(rows)
            }
            stored @ Self::Stored(_) => {
                Self::Owned(stored.iter().take(count).map(<[Value]>::to_vec).collect())
            }
        }
    }

    /// The rows as own ones.
    pub fn into_vec(self) -> Vec<Row> {
        match self {
            Self::Owned(rows) => rows,
            stored @ Self::Stored(_) => stored.iter().map(<[Value]>::to_vec).collect(),
        }
    }
}

impl Relation {
    /// A relation with rows of its own.
    pub fn new(columns: Vec<Column>, rows: Vec<Row>) -> Self {
        Self {
            columns,
            rows: Rows::Owned(rows),
        }
    }
}
