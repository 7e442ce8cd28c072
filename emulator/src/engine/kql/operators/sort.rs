//! The `sort` operator. It puts the places of rows in order: rows of a table are not copied.

use std::cmp::Ordering;

use super::super::super::schema::Column;
use super::super::super::table::Row;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::SortKey;
use super::super::bound::{Bound, Node};
use super::super::cast::compare;
use super::super::parser::Parsed;
use super::super::relation::{Relation, Rows};
use super::super::run::Run;

impl Run<'_> {
    pub(in super::super) fn sort(
        &self,
        columns: Vec<Column>,
        rows: Rows,
        keys: &[SortKey],
    ) -> Parsed<Relation> {
        let scope = self.scope(&columns, "sort");
        let mut bounds = Vec::new();
        for key in keys {
            let bound = scope.bind(&key.expr)?;
            if bound.ty == ColumnType::Dynamic {
                return Err(scope.error(
                    "SEM0078",
                    key.expr.at,
                    "a dynamic has no order. Try an explicit cast",
                ));
            }
            bounds.push(bound);
        }
        let rows = rows.placed();
        // Columns are compared where they stand; what is computed is computed once for each row.
        let is_column = |bound: &Bound| matches!(bound.node, Node::Column(_));
        let computed: Option<Vec<Row>> = match bounds.iter().all(is_column) {
            true => None,
            false => Some(rows.iter().map(|row| values(&bounds, row)).collect()),
        };
        let order = |left: usize, right: usize| {
            let orders = keys
                .iter()
                .zip(&bounds)
                .enumerate()
                .map(|(at, (key, bound))| match &computed {
                    Some(all) => key_order(key, &all[left][at], &all[right][at]),
                    None => key_order(
                        key,
                        &bound.eval(rows.get(left)),
                        &bound.eval(rows.get(right)),
                    ),
                });
            orders.fold(Ordering::Equal, Ordering::then)
        };
        let count = computed.as_ref().map_or(rows.len(), Vec::len);
        let mut places: Vec<usize> = (0..count).collect();
        places.sort_by(|left, right| order(*left, *right));
        let sorted = Relation::new(columns, Vec::new());
        Ok(sorted.with_rows(rows.permuted(places)))
    }
}

fn values(bounds: &[Bound], row: &[Value]) -> Row {
    let values = bounds.iter().map(|bound| bound.eval(row).into_owned());
    values.collect()
}

/// Nulls, then NaNs, stand together at the end that the key asks for.
fn key_order(key: &SortKey, left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 2,
        Value::Real(number) if number.is_nan() => 1,
        _ => 0,
    };
    let (l, r) = (rank(left), rank(right));
    if l != 0 || r != 0 {
        return if key.nulls_first {
            r.cmp(&l)
        } else {
            l.cmp(&r)
        };
    }
    let order = compare(left, right).unwrap_or(Ordering::Equal);
    if key.ascending {
        order
    } else {
        order.reverse()
    }
}
