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
        let place = |bound: &Bound| match bound.node {
            Node::Column(at) => Some(at),
            _ => None,
        };
        let places_of_keys: Option<Vec<usize>> = bounds.iter().map(place).collect();
        let computed: Option<Vec<Row>> = match &places_of_keys {
            Some(_) => None,
            None => Some(rows.iter().map(|row| values(&bounds, row)).collect()),
        };
        // An order that changed while it is made, as with values that end with the query's time, is none.
        let value = |row: usize, key: usize| match (&computed, &places_of_keys) {
            (Some(all), _) => all[row].get(key),
            (None, Some(places)) => places.get(key).and_then(|at| rows.get(row).get(*at)),
            (None, None) => None,
        };
        let order = |left: usize, right: usize| {
            let orders = keys.iter().enumerate().map(|(at, key)| {
                let or_null = |row| value(row, at).unwrap_or(&Value::Null);
                key_order(key, or_null(left), or_null(right))
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
