//! The `sort` operator.

use std::cmp::Ordering;

use super::super::super::schema::Column;
use super::super::super::table::Row;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::SortKey;
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
        let keyed = |row: Row| {
            let values: Vec<Value> = bounds
                .iter()
                .map(|bound| bound.eval(&row).into_owned())
                .collect();
            (values, row)
        };
        let mut all: Vec<(Vec<Value>, Row)> = rows.into_vec().into_iter().map(keyed).collect();
        all.sort_by(|(left, _), (right, _)| {
            let orders = keys
                .iter()
                .zip(left.iter().zip(right))
                .map(|(key, (l, r))| key_order(key, l, r));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        Ok(Relation::new(
            columns,
            all.into_iter().map(|(_, row)| row).collect(),
        ))
    }
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
