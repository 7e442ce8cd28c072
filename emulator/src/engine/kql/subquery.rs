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
use super::ingestion_time::untimed;
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
        return match scope.run.evaluate(scope, query)? {
            Evaluated::Scalar(bound) => Ok(Some(bound)),
            Evaluated::Table(table) => first_value(scope, &untimed(table), at).map(Some),
        };
    }
    if let ("column_names_of", [table]) = (name, arguments) {
        let Evaluated::Table(table) = scope.run.evaluate(scope, table)? else {
            return Err(scope.error("SEM0100", at, "column_names_of() needs a table"));
        };
        let names = untimed(table)
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

/// The error of a query, or a named argument, where a scalar is expected.
pub(super) fn misplaced(scope: &Scope<'_>, expr: &Expr) -> KustoError {
    let what = match expr.kind {
        ExprKind::Query(_) => "a tabular expression",
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
    let Evaluated::Table(table) = scope.run.evaluate(scope, query)? else {
        return Ok(None);
    };
    let table = untimed(table);
    let bound = scope.bind(value)?;
    let Some(column) = table.columns.first() else {
        return Err(scope.error("SEM0100", query.at, "the query gives no columns"));
    };
    let Some(common) = common_type(bound.ty, column.ty) else {
        let (value, list) = (bound.ty.kusto_name(), column.ty.kusto_name());
        let message = format!("a {value} cannot be looked for among values of type {list}");
        return Err(scope.error("SEM0064", expr.at, message));
    };
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

/// The type in which values of these types are compared.
fn common_type(left: ColumnType, right: ColumnType) -> Option<ColumnType> {
    use ColumnType::{Decimal, Dynamic, Int, Long, Real};
    Some(match (left, right) {
        (left, right) if left == right => left,
        (Dynamic, other) | (other, Dynamic) => other,
        (Int | Long, Int | Long) => Long,
        (Real, other) | (other, Real) if other.is_numeric() => Real,
        (Decimal, other) | (other, Decimal) if other.is_numeric() => Decimal,
        _ => return None,
    })
}
