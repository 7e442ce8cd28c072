//! Rows with named, typed columns: what flows through a pipeline.

use std::sync::Arc;

use uuid::Uuid;

use super::super::schema::Column;
use super::super::table::{Extent, Row};
use super::super::value::Value;
use super::super::watch;

/// A table, a command's result, or what a step made of one.
#[derive(Clone, Debug, Default)]
pub struct Relation {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, as wide as the columns.
    pub rows: Rows,
    /// Whether the order of the rows has a meaning, so that a row may ask for its neighbours.
    pub serialized: bool,
}

/// Rows of its own, or those of a table, which are not copied.
#[derive(Clone, Debug)]
pub enum Rows {
    /// Own rows.
    Owned(Vec<Row>),
    /// A table's extents.
    Stored(Vec<Arc<Extent>>),
    /// Some rows of a table: each one's extent and place in it.
    Picked(Vec<Arc<Extent>>, Vec<(usize, usize)>),
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
            Self::Picked(_, places) => places.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows in order, up to the one at which the request comes to its end.
    pub fn iter(&self) -> impl Iterator<Item = &[Value]> + '_ {
        self.all().take_while(|_| watch::goes_on())
    }

    fn all(&self) -> Box<dyn Iterator<Item = &[Value]> + '_> {
        match self {
            Self::Owned(rows) => Box::new(rows.iter().map(Vec::as_slice)),
            Self::Stored(extents) => Box::new(
                extents
                    .iter()
                    .flat_map(|extent| extent.rows.iter().map(Vec::as_slice)),
            ),
            Self::Picked(extents, places) => Box::new(
                places
                    .iter()
                    .map(|(extent, row)| extents[*extent].rows[*row].as_slice()),
            ),
        }
    }

    /// The rows that pass; those of a table are not copied. None passes once the request has come to its end.
    pub fn filtered(self, mut keep: impl FnMut(&[Value]) -> bool) -> Self {
        let mut keep = |row: &[Value]| watch::goes_on() && keep(row);
        match self {
            Self::Owned(mut rows) => {
                rows.retain(|row| keep(row));
                Self::Owned(rows)
            }
            Self::Stored(extents) => {
                let mut places = Vec::new();
                for (at, extent) in extents.iter().enumerate() {
                    let rows = extent.rows.iter().enumerate();
                    places.extend(rows.filter(|(_, row)| keep(row)).map(|(row, _)| (at, row)));
                }
                Self::Picked(extents, places)
            }
            Self::Picked(extents, mut places) => {
                places.retain(|(extent, row)| keep(&extents[*extent].rows[*row]));
                Self::Picked(extents, places)
            }
        }
    }

    /// The row at this place, in constant time unless they are [`Rows::Stored`]; an empty one behind the last.
    pub fn get(&self, at: usize) -> &[Value] {
        let row = match self {
            Self::Owned(rows) => rows.get(at),
            Self::Stored(extents) => extents.iter().flat_map(|extent| &extent.rows).nth(at),
            Self::Picked(extents, places) => places
                .get(at)
                .and_then(|(extent, row)| extents[*extent].rows.get(*row)),
        };
        row.map_or(&[], Vec::as_slice)
    }

    /// The same, those of a table by their places.
    pub fn placed(self) -> Self {
        let Self::Stored(extents) = self else {
            return self;
        };
        let of_extent = |(at, extent): (usize, &Arc<Extent>)| {
            let rows = 0..extent.rows.len();
            rows.map(move |row| (at, row))
        };
        let places = extents.iter().enumerate().flat_map(of_extent).collect();
        Self::Picked(extents, places)
    }

    /// The rows at these places, each of them once, in this order.
    pub fn permuted(self, order: Vec<usize>) -> Self {
        match self.placed() {
            Self::Owned(mut rows) => {
                let taken = order.into_iter().map(|at| std::mem::take(&mut rows[at]));
                Self::Owned(taken.collect())
            }
            Self::Picked(extents, places) => {
                Self::Picked(extents, order.into_iter().map(|at| places[at]).collect())
            }
            stored @ Self::Stored(_) => stored,
        }
    }

    /// The first rows.
    pub fn first(self, count: usize) -> Self {
        match self {
            Self::Owned(mut rows) => {
                rows.truncate(count);
                Self::Owned(rows)
            }
            Self::Picked(extents, mut places) => {
                places.truncate(count);
                Self::Picked(extents, places)
            }
            stored @ Self::Stored(_) if stored.len() <= count => stored,
            stored @ Self::Stored(_) => {
                Self::Owned(stored.all().take(count).map(<[Value]>::to_vec).collect())
            }
        }
    }

    /// The rows as own ones.
    pub fn into_vec(self) -> Vec<Row> {
        match self {
            Self::Owned(rows) => rows,
            table => table.all().map(<[Value]>::to_vec).collect(),
        }
    }
}

impl Relation {
    /// A relation with rows of its own.
    pub fn new(columns: Vec<Column>, rows: Vec<Row>) -> Self {
        Self {
            columns,
            rows: Rows::Owned(rows),
            serialized: false,
        }
    }

    /// The same columns with other rows.
    pub fn with_rows(self, rows: Rows) -> Self {
        Self { rows, ..self }
    }

    /// Where the column of this name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The rows that are no table's.
    pub(super) fn own_rows(&self) -> &[Row] {
        match &self.rows {
            Rows::Owned(rows) => rows,
            Rows::Stored(extents) => match extents.as_slice() {
                [only] if only.id.is_nil() => &only.rows,
                _ => &[],
            },
            Rows::Picked(..) => &[],
        }
    }

    /// The same, cheap to clone.
    pub fn shared(self) -> Self {
        let rows = match self.rows {
            Rows::Owned(rows) => Rows::Stored(vec![Arc::new(Extent {
                id: Uuid::nil(),
                rows,
                tags: Vec::new(),
                created: 0,
                ingested: None,
            })]),
            other => other,
        };
        Self { rows, ..self }
    }
}
