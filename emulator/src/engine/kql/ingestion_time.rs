//! `ingestion_time()`: when the rows of a table were put into it. Extents know the time; while a query that
//! asks for it runs, its rows carry it in a hidden column, behind every operator that leaves a row what it is.

use super::super::schema::Column;
use super::super::table::{Extent, Row};
use super::super::value::{ColumnType, Value};
use super::ast::{Operator, Source};
use super::parser::Parsed;
use super::relation::{Relation, Rows};
use super::run::Run;

/// The function's name.
pub(super) const NAME: &str = "ingestion_time";
/// A name that no text can hold.
pub(super) const HIDDEN: &str = "\0ingestion_time";

impl Run<'_> {
    /// The rows that a pipeline begins with, and the times of their ingestion if the text asks for such.
    pub(super) fn timed_source(&self, source: &Source) -> Parsed<Relation> {
        let relation = self.source(source)?;
        if !self.text.contains(NAME) || relation.position(HIDDEN).is_some() {
            return Ok(relation);
        }
        let rows = match &relation.rows {
            Rows::Stored(extents) if extents.iter().all(|extent| is_of_table(extent)) => {
                let of_extent = |extent: &std::sync::Arc<Extent>| {
                    let time = extent.ingested;
                    let rows = extent.rows.iter();
                    rows.map(|row| timed(row, time)).collect::<Vec<_>>()
                };
                extents.iter().flat_map(of_extent).collect()
            }
            Rows::Picked(extents, places) if extents.iter().all(|extent| is_of_table(extent)) => {
                let row = |(extent, row): &(usize, usize)| {
                    let extent = &extents[*extent];
                    timed(&extent.rows[*row], extent.ingested)
                };
                places.iter().map(row).collect()
            }
            // These were never put into a table, which is known of no other rows.
            Rows::Owned(rows) if matches!(source, Source::DataTable(..) | Source::Range(..)) => {
                rows.iter().map(|row| timed(row, None)).collect()
            }
            _ => return Ok(relation),
        };
        let mut columns = relation.columns;
        columns.push(Column::new(HIDDEN, ColumnType::DateTime));
        Ok(Relation {
            columns,
            rows: Rows::Owned(rows),
            serialized: relation.serialized,
        })
    }
}

/// Rows that a query made are shared in extents as well, which have no id.
fn is_of_table(extent: &Extent) -> bool {
    !extent.id.is_nil()
}

fn timed(row: &Row, time: Option<i64>) -> Row {
    let time = time.map_or(Value::Null, Value::DateTime);
    row.iter().cloned().chain([time]).collect()
}

/// The rows without the hidden column.
pub(super) fn untimed(mut relation: Relation) -> Relation {
    let Some(at) = relation.position(HIDDEN) else {
        return relation;
    };
    relation.columns.remove(at);
    let mut rows = relation.rows.into_vec();
    for row in &mut rows {
        row.remove(at);
    }
    relation.rows = Rows::Owned(rows);
    relation
}

/// Whether the step may see the hidden column: it names the columns that it makes, or leaves rows as they are.
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
