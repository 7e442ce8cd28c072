//! `.delete table T records`: rows that a predicate chooses.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::super::datetime;
use super::super::error::{ErrorKind, KustoError};
use super::super::kql::ast::{Operator, Pipeline, Source, Statement};
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::kql::run::run_steps;
use super::super::kql::statements::parse_query;
use super::super::records::OperationRecord;
use super::super::schema::Column;
use super::super::table::{Extent, Row, Table};
use super::super::value::{ColumnType, Value};
use super::super::watch;
use super::Target;
use super::command::Properties;
use super::rows::{flag, long, table, text};

/// Columns of the result, which says what extents were replaced.
const REPLACED: &str = "OriginalExtentId: string, ResultExtentId: string, Details: string";
/// Columns of the result with `whatif`.
const MATCHING: &str = "ExtentId: guid, RecordsMatchPredicate: long";

/// The column that holds the place of each row while the predicate runs. No table can have one of this name.
const PLACE: &str = "place#";

impl Target<'_> {
    pub(super) fn delete_records(
        &self,
        name: &str,
        is_async: bool,
        properties: &Properties,
        predicate: &str,
    ) -> Parsed<Relation> {
        let started_on = datetime::now();
        let deleted = self.try_delete(name, properties, predicate);
        if !is_async {
            return deleted;
        }
        let status = match deleted {
            Ok(_) => String::new(),
            Err(error) if matches!(error.kind, ErrorKind::Syntax | ErrorKind::Semantic) => {
                return Err(error);
            }
            Err(error) => error.to_string(),
        };
        Ok(self.finished(OperationRecord {
            operation: "TableSoftDelete".to_owned(),
            table: name.to_owned(),
            started_on,
            status,
            ..OperationRecord::default()
        }))
    }

    fn try_delete(&self, name: &str, properties: &Properties, predicate: &str) -> Parsed<Relation> {
        let mut pretend = false;
        for (property, value) in properties {
            match property.eq_ignore_ascii_case("whatif") {
                true => pretend = flag(property, value)?,
                false => {
                    return Err(KustoError::bad_request(format!(
                        "'{property}' is not a property of this command."
                    )));
                }
            }
        }
        let steps = steps(name, predicate)?;
        let (columns, before) = self.engine.with_table(self.database, name, |found| {
            (found.schema.columns.clone(), found.extents.clone())
        })?;
        let chosen = self.chosen_rows(columns, predicate, &steps, &before)?;
        let counts = before.iter().enumerate().filter_map(|(at, extent)| {
            let rows = chosen.get(&at)?;
            Some((extent, rows))
        });
        if pretend {
            let row = |(extent, rows): (&Arc<Extent>, &Vec<usize>)| {
                vec![Value::Guid(extent.id), long(rows.len())]
            };
            return Ok(table(MATCHING, counts.map(row).collect()));
        }
        let replaced: Vec<_> = counts
            .map(|(extent, rows)| (extent.id, without(extent, rows)))
            .collect();
        self.engine
            .with_table_mut(self.database, name, |found| replace(found, &replaced))??;
        Ok(table(REPLACED, replaced.iter().map(shown).collect()))
    }

    /// The rows that the predicate leaves: the places of extents, and those of rows in each.
    fn chosen_rows(
        &self,
        mut columns: Vec<Column>,
        predicate: &str,
        steps: &[Operator],
        extents: &[Arc<Extent>],
    ) -> Parsed<BTreeMap<usize, Vec<usize>>> {
        columns.push(Column::new(PLACE, ColumnType::Long));
        let mut places = Vec::new();
        let mut rows = Vec::new();
        for (at, extent) in extents.iter().enumerate() {
            for (row, values) in extent.rows.iter().enumerate() {
                rows.push(values.iter().cloned().chain([long(places.len())]).collect());
                places.push((at, row));
            }
        }
        let left = run_steps(self.context, predicate, Relation::new(columns, rows), steps)?;
        watch::verdict()?;
        let column = left.position(PLACE).unwrap_or_default();
        let mut chosen = BTreeMap::<usize, Vec<usize>>::new();
        for row in left.rows.iter() {
            let Value::Long(place) = row[column] else {
                continue;
            };
            let place = usize::try_from(place).ok();
            if let Some((at, row)) = place.and_then(|place| places.get(place)) {
                chosen.entry(*at).or_default().push(*row);
            }
        }
        Ok(chosen)
    }
}

/// The steps of a predicate of the one form that it may have: the table, at least one `where`, and else only
/// `extend`, `project`, `order` and `take`. Each `project` keeps the place of the row as well.
fn steps(name: &str, predicate: &str) -> Parsed<Vec<Operator>> {
    let mut pipeline = only_query(predicate)?;
    if !matches!(&pipeline.source, Source::Table(source, _) if source == name) {
        let message = format!("The predicate has to begin with the table '{name}'.");
        return Err(KustoError::bad_request(message));
    }
    let place = only_query(&format!("T | project ['{PLACE}']"))?;
    let mut has_where = false;
    for step in &mut pipeline.operators {
        match step {
            Operator::Where(_) => has_where = true,
            Operator::Extend(_) | Operator::Sort(_) | Operator::Take(_) => {}
            Operator::Project(columns) => {
                if let Some(Operator::Project(place)) = place.operators.first() {
                    columns.extend(place.clone());
                }
            }
            _ => return Err(wrong_form()),
        }
    }
    match has_where {
        true => Ok(pipeline.operators),
        false => Err(wrong_form()),
    }
}

fn wrong_form() -> KustoError {
    KustoError::bad_request(
        "The predicate needs a 'where', and may have no other operators than 'where', 'extend', 'project', 'order' \
         and 'take'.",
    )
}

fn only_query(text: &str) -> Parsed<Pipeline> {
    let mut statements = parse_query(text)?.statements.into_iter();
    match (statements.next(), statements.next()) {
        (Some(Statement::Query(pipeline)), None) => Ok(pipeline),
        _ => Err(KustoError::bad_request(
            "The predicate has to be one query.",
        )),
    }
}

/// The extent that takes the place of another one; none when no row is left.
fn without(extent: &Extent, gone: &[usize]) -> Option<Arc<Extent>> {
    let mut left = vec![true; extent.rows.len()];
    for row in gone {
        left[*row] = false;
    }
    let kept = extent.rows.iter().zip(left).filter(|(_, left)| *left);
    let rows: Vec<Row> = kept.map(|(row, _)| row.clone()).collect();
    (!rows.is_empty()).then(|| {
        Arc::new(Extent {
            id: Uuid::new_v4(),
            rows,
            tags: extent.tags.clone(),
            created: extent.created,
            ingested: extent.ingested,
        })
    })
}

type Replaced = (Uuid, Option<Arc<Extent>>);

/// Puts the new extents in the places of the old ones, all or none.
fn replace(found: &mut Table, replaced: &[Replaced]) -> Parsed<()> {
    let place = |id: &Uuid| found.extents.iter().position(|extent| extent.id == *id);
    let places: Option<Vec<_>> = replaced.iter().map(|(id, _)| place(id)).collect();
    let Some(places) = places else {
        return Err(KustoError::bad_request(
            "The table's extents have changed since the predicate was looked for. Run the command again.",
        ));
    };
    let mut extents: Vec<_> = found.extents.drain(..).map(Some).collect();
    for (at, (_, new)) in places.into_iter().zip(replaced) {
        extents[at] = new.clone();
    }
    found.extents = extents.into_iter().flatten().collect();
    Ok(())
}

fn shown((old, new): &Replaced) -> Row {
    let new = new
        .as_ref()
        .map_or(String::new(), |extent| extent.id.to_string());
    vec![text(old.to_string()), text(new), text("")]
}
