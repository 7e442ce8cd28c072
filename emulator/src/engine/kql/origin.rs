//! What a table knows of its rows besides their columns: the time at which they came, the id and the tags of their extent.
//! While a query that asks for it runs, its rows carry it in hidden columns, behind every operator that leaves a row
//! what it is.

use std::sync::Arc;

use serde_json::Value as Json;
use uuid::Uuid;

use super::super::schema::Column;
use super::super::table::{Extent, Row};
use super::super::value::{ColumnType, Value};
use super::ast::{Operator, Source};
use super::parser::Parsed;
use super::relation::{Relation, Rows};
use super::run::Run;

/// One thing that is known.
pub(super) struct Origin {
    /// A name that no text can hold.
    pub(super) column: &'static str,
    /// Its type.
    pub(super) ty: ColumnType,
    /// What the functions that ask for it have in their names.
    asked_by: &'static [&'static str],
    of: fn(&Extent) -> Value,
    of_none: Option<fn() -> Value>,
}

/// When the rows were put into the table.
pub(super) const TIME: Origin = Origin {
    column: "\0ingestion_time",
    ty: ColumnType::DateTime,
    asked_by: &["ingestion_time", "cursor_"],
    of: |extent| extent.ingested.map_or(Value::Null, Value::DateTime),
    of_none: Some(|| Value::Null),
};

/// Which extent they are in.
pub(super) const ID: Origin = Origin {
    column: "\0extent_id",
    ty: ColumnType::Guid,
    asked_by: &["extent_id", "extentid"],
    of: |extent| Value::Guid(extent.id),
    of_none: Some(|| Value::Guid(Uuid::nil())),
};

/// The tags of the extent. "An empty value", which the page gives to other rows, may be one of several.
pub(super) const TAGS: Origin = Origin {
    column: "\0extent_tags",
    ty: ColumnType::Dynamic,
    asked_by: &["extent_tags"],
    of: |extent| Value::Dynamic(extent.tags.iter().cloned().map(Json::String).collect()),
    of_none: None,
};

impl Run<'_> {
    /// The rows that a pipeline begins with, and what the text asks for of where they come from.
    pub(super) fn known_source(&self, source: &Source) -> Parsed<Relation> {
        let relation = self.source(source)?;
        let is_wanted = |origin: &Origin| {
            let mut names = origin.asked_by.iter();
            names.any(|name| self.text.contains(name)) && relation.position(origin.column).is_none()
        };
        let mut wanted = vec![TIME, ID, TAGS];
        wanted.retain(is_wanted);
        Ok(match wanted.is_empty() {
            true => relation,
            false => beside(relation, wanted, source),
        })
    }
}

/// The rows with the hidden columns, if those are known of them.
fn beside(relation: Relation, mut wanted: Vec<Origin>, source: &Source) -> Relation {
    let rows = match &relation.rows {
        Rows::Stored(extents) if extents.iter().all(|extent| is_of_table(extent)) => {
            let of_extent = |extent: &Arc<Extent>| {
                let known = known(&wanted, extent);
                let rows = extent.rows.iter();
                rows.map(|row| with(row, &known)).collect::<Vec<_>>()
            };
            extents.iter().flat_map(of_extent).collect()
        }
        Rows::Picked(extents, places) if extents.iter().all(|extent| is_of_table(extent)) => {
            let of_extents: Vec<_> = extents
                .iter()
                .map(|extent| known(&wanted, extent))
                .collect();
            let row = |(extent, row): &(usize, usize)| {
                with(&extents[*extent].rows[*row], &of_extents[*extent])
            };
            places.iter().map(row).collect()
        }
        // These were never put into a table, which is known of no other rows.
        Rows::Owned(rows) if matches!(source, Source::DataTable(..) | Source::Range(..)) => {
            wanted.retain(|origin| origin.of_none.is_some());
            let known: Vec<_> = wanted.iter().filter_map(Origin::of_none).collect();
            rows.iter().map(|row| with(row, &known)).collect()
        }
        _ => return relation,
    };
    let mut columns = relation.columns;
    columns.extend(
        wanted
            .iter()
            .map(|origin| Column::new(origin.column, origin.ty)),
    );
    Relation {
        columns,
        rows: Rows::Owned(rows),
        serialized: relation.serialized,
    }
}

impl Origin {
    /// What it is of rows that were never in a table, if the reference says it.
    pub(super) fn of_none(&self) -> Option<Value> {
        self.of_none.map(|value| value())
    }
}

fn known(wanted: &[Origin], extent: &Extent) -> Vec<Value> {
    wanted.iter().map(|origin| (origin.of)(extent)).collect()
}

/// Rows that a query made are shared in extents as well, which have no id.
fn is_of_table(extent: &Extent) -> bool {
    !extent.id.is_nil()
}

fn with(row: &Row, known: &[Value]) -> Row {
    row.iter().chain(known).cloned().collect()
}

/// The rows without the hidden columns.
pub(super) fn bare(mut relation: Relation) -> Relation {
    for origin in [TIME, ID, TAGS] {
        if let Some(at) = relation.position(origin.column) {
            relation.columns.remove(at);
            let mut rows = relation.rows.into_vec();
            for row in &mut rows {
                row.remove(at);
            }
            relation.rows = Rows::Owned(rows);
        }
    }
    relation
}

/// Whether the step may see the hidden columns: it names the columns that it makes, or leaves rows as they are.
pub(super) fn may_see(step: &Operator) -> bool {
    matches!(
        step,
        Operator::Count(_)
            | Operator::Take(_)
            | Operator::Where(_)
            | Operator::Project(_)
            | Operator::ProjectAway(_)
            | Operator::ProjectRename(_)
            | Operator::Extend(_)
            | Operator::Summarize { .. }
            | Operator::Sort(_)
            | Operator::Top(..)
            | Operator::Distinct(Some(_))
            | Operator::MakeSeries(_)
            | Operator::Sample(_)
            | Operator::Serialize(_)
    )
}
