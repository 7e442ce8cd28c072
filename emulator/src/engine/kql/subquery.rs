//! Queries inside expressions: `in (query)`, `toscalar(query)`, and calls of the query's functions.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::super::error::KustoError;
use super::super::value::{ColumnType, Value};
use super::ast::{Expr, ExprKind};
use super::bound::Bound;
use super::cast::push_key;
use super::origin::bare;
use super::parser::Parsed;
use super::relation::Relation;
use super::scope::{Scope, convert};
use super::user_functions::{self, Evaluated};

/// Resolves a call that is none of a scalar function of the language. `None`: it is one.
///
/// # Errors
/// Those of the query or the function.
pub(super) fn call(
    scope: &Scope<'_>,
    name: &str,
    arguments: &[Expr],
    at: usize,
) -> Parsed<Option<Bound>> {
    if name == "toscalar" {
        let [query] = arguments else {
            return Err(scope.error("SEM0219", at, "toscalar() takes one argument"));
        };
        // It is computed once and so sees no row.
        let scope = Scope {
            columns: &[],
            ..*scope
        };
        let found = scope.run.once(at, || {
            let bound = match scope.run.evaluate(&scope, query)? {
                Evaluated::Scalar(bound) => {
                    let value = bound.eval(&[]).into_owned();
                    Bound::constant(value, bound.ty)
                }
                Evaluated::Table(table) => first_value(&scope, &bare(table), at)?,
            };
            Ok(Evaluated::Scalar(bound))
        })?;
        return match found {
            Evaluated::Scalar(bound) => Ok(Some(bound)),
            Evaluated::Table(_) => Ok(None),
        };
    }
    if let ("column_names_of", [table]) = (name, arguments) {
        let Evaluated::Table(table) = scope.run.evaluate(scope, table)? else {
            return Err(scope.error("SEM0100", at, "column_names_of() needs a table"));
        };
        let names = bare(table)
            .columns
            .into_iter()
            .map(|column| Json::String(column.name));
        let names = Value::Dynamic(names.collect());
        return Ok(Some(Bound::constant(names, ColumnType::Dynamic)));
    }
    user_functions::bind(scope, name, arguments, at)
}

fn first_value(scope: &Scope<'_>, table: &Relation, at: usize) -> Parsed<Bound> {
    let Some(column) = table.columns.first() else {
        return Err(scope.error("SEM0100", at, "the query gives no columns"));
    };
    let value = table
        .rows
        .iter()
        .next()
        .map_or_else(|| Value::absent(column.ty), |row| row[0].clone());
    Ok(Bound::constant(value, column.ty))
}

/// Resolves an item of `has_any` or `has_all`: of a query the values of the first column.
///
/// # Errors
/// Those of the item.
pub(super) fn terms(scope: &Scope<'_>, item: &Expr) -> Parsed<Bound> {
    match scope.run.evaluate(scope, item)? {
        Evaluated::Scalar(bound) => Ok(bound),
        Evaluated::Table(table) => {
            let values = table.rows.iter().filter_map(|row| row.first());
            let values = Value::Dynamic(values.map(Value::to_json).collect());
            Ok(Bound::constant(values, ColumnType::Dynamic))
        }
    }
}

/// The error of a query, or a named argument, where a scalar is expected.
pub(super) fn misplaced(scope: &Scope<'_>, expr: &Expr) -> KustoError {
    let what = match expr.kind {
        ExprKind::Query(_) => "a tabular expression",
        ExprKind::Names(..) => "a list of names",
        _ => "a named argument",
    };
    scope.error(
        "SEM0100",
        expr.at,
        format!("{what} cannot stand where a scalar is expected"),
    )
}

/// Resolves `value in (query)`. `None`: the list is one of scalars.
///
/// # Errors
/// Those of the query.
pub(super) fn membership(scope: &Scope<'_>, expr: &Expr) -> Parsed<Option<Bound>> {
    let ExprKind::In {
        value,
        list,
        negated,
        ignore_case,
    } = &expr.kind
    else {
        return Ok(None);
    };
    let [query] = list.as_slice() else {
        return Ok(None);
    };
    let tabular = matches!(
        query.kind,
        ExprKind::Query(_) | ExprKind::Name(_) | ExprKind::Call(..)
    );
    if !tabular {
        return Ok(None);
    }
    let table = match scope.run.evaluate(scope, query)? {
        Evaluated::Table(table) => table,
        Evaluated::Scalar(item) => {
            let value = scope.bind(value)?;
            let found = scope.membership(value, vec![item], *negated, *ignore_case, expr.at)?;
            return Ok(Some(found));
        }
    };
    let table = bare(table);
    let bound = scope.bind(value)?;
    let Some(column) = table.columns.first() else {
        return Err(scope.error("SEM0100", query.at, "the query gives no columns"));
    };
    let common = common_type(bound.ty, column.ty);
    let (negated, ignore_case) = (*negated, *ignore_case);
    let key = move |value: &Value| {
        let mut key = Vec::new();
        match value {
            Value::String(text) if ignore_case => {
                push_key(&Value::String(text.to_lowercase()), &mut key);
            }
            value => push_key(value, &mut key),
        }
        key
    };
    let known: HashSet<Vec<u8>> = table
        .rows
        .iter()
        .map(|row| key(&super::cast::cast(&row[0], common)))
        .collect();
    let function = move |values: &[Cow<'_, Value>]| {
        let found = !values[0].is_null() && known.contains(&key(&values[0]));
        Value::Bool(found != negated)
    };
    let bound = convert(bound, common);
    Ok(Some(Bound::apply(
        ColumnType::Bool,
        vec![bound],
        Arc::new(function),
    )))
}

/// The type in which values of these types are compared: that of the value where they have no other
/// in common.
fn common_type(left: ColumnType, right: ColumnType) -> ColumnType {
    use ColumnType::{Decimal, Dynamic, Int, Long, Real};
    match (left, right) {
        (left, right) if left == right => left,
        (Dynamic, other) | (other, Dynamic) => other,
        (Int | Long, Int | Long) => Long,
        (Real, other) | (other, Real) if other.is_numeric() => Real,
        (Decimal, other) | (other, Decimal) if other.is_numeric() => Decimal,
        _ => left,
    }
}
