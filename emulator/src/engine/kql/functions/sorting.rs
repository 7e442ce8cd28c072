//! `array_sort_asc()` and `array_sort_desc()`, which give as many columns as they take arrays.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::super::ast::{Expr, ExprKind, Named};
use super::super::bound::Bound;
use super::super::parser::Parsed;
use super::lent_name;
use super::record::{Call, Function, Kind, Returns, Values};
use super::values::{array, dynamic, order_of_elements};

const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
/// Most arrays of one call.
const MOST_ARRAYS: usize = 64;
/// The functions, and those of a name that no text can hold, which give all their arrays in one.
const NAMES: [(&str, &str); 2] = [
    ("array_sort_asc", "\0array_sort_asc"),
    ("array_sort_desc", "\0array_sort_desc"),
];

/// Of one array.
const fn sort(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(
        name,
        &[Kind::Dynamic, Kind::Of(ColumnType::Bool)],
        DYNAMIC,
        run,
    )
    .optional(1)
}

/// Of several arrays.
const fn together(
    name: &'static str,
    bind: fn(&Call<'_>, Vec<Bound>) -> Parsed<Bound>,
) -> Function {
    Function::bound(name, &[Kind::Dynamic, Kind::Any], bind).repeated(MOST_ARRAYS + 1)
}

pub(super) const FUNCTIONS: &[Function] = &[
    sort(NAMES[0].0, |v| first(sorted(v, true)?)),
    sort(NAMES[1].0, |v| first(sorted(v, false)?)),
    together(NAMES[0].1, |call, bound| all(call, bound, true)),
    together(NAMES[1].1, |call, bound| all(call, bound, false)),
];

/// All sorted arrays in one.
fn all(call: &Call<'_>, bound: Vec<Bound>, ascending: bool) -> Parsed<Bound> {
    let count = arrays_of(call.written).len();
    if let Some(other) = bound[..count]
        .iter()
        .find(|bound| bound.ty != ColumnType::Dynamic)
    {
        return Err(call.mismatch(other.ty.kusto_name()));
    }
    let run = move |v: &Values<'_>| {
        let sorted = sorted(v, ascending).and_then(dynamic);
        sorted.unwrap_or(Value::Null)
    };
    Ok(Bound::apply(ColumnType::Dynamic, bound, Arc::new(run)))
}

/// The arguments without what says where nulls stand.
fn arrays_of(arguments: &[Expr]) -> &[Expr] {
    match arguments.split_last() {
        Some((last, arrays)) if matches!(last.kind, ExprKind::Literal(Value::Bool(_), _)) => arrays,
        _ => arguments,
    }
}

fn first(mut sorted: Vec<Json>) -> Option<Value> {
    dynamic(sorted.swap_remove(0))
}

/// The arrays in the order of the first one's elements; one of another length is null.
fn sorted(v: &Values<'_>, ascending: bool) -> Option<Vec<Json>> {
    let arrays = v.len() - usize::from(matches!(v.last()?.as_ref(), Value::Bool(_)));
    let nulls_last = !matches!(v.last()?.as_ref(), Value::Bool(false));
    let leading = array(v, 0)?;
    let mut order: Vec<usize> = (0..leading.len()).collect();
    order.sort_by(|l, r| compared(&leading[*l], &leading[*r], ascending, nulls_last));
    let arranged = (0..arrays).map(|at| match array(v, at) {
        Some(elements) if elements.len() == order.len() => {
            order.iter().map(|at| elements[*at].clone()).collect()
        }
        _ => Json::Null,
    });
    Some(arranged.collect())
}

fn compared(l: &Json, r: &Json, ascending: bool, nulls_last: bool) -> Ordering {
    let nulls = l.is_null().cmp(&r.is_null());
    let nulls = if nulls_last { nulls } else { nulls.reverse() };
    let order = order_of_elements(l, r);
    nulls.then(if ascending { order } else { order.reverse() })
}

/// The arrays of a call, without what says where nulls stand.
fn arrays(expr: &Expr) -> Option<(&'static str, &[Expr])> {
    let ExprKind::Call(name, arguments) = &expr.kind else {
        return None;
    };
    let (_, together) = NAMES.iter().find(|(one, all)| one == name || all == name)?;
    Some((together, arrays_of(arguments)))
}

/// The name of the column that is nothing but a sorted array: that of the array, or its place among them.
pub(in super::super) fn sorted_name(expr: &Expr) -> Option<String> {
    let (call, at) = match &expr.kind {
        ExprKind::Index(call, at) => match &at.kind {
            ExprKind::Literal(Value::Long(at), _) => (call.as_ref(), usize::try_from(*at).ok()?),
            _ => return None,
        },
        _ => (expr, 0),
    };
    let (together, arrays) = arrays(call)?;
    let hidden = matches!(&call.kind, ExprKind::Call(name, _) if name == together);
    if std::ptr::eq(call, expr) == hidden {
        return None;
    }
    let name = lent_name(arrays.get(at)?).unwrap_or_else(|| format!("array{at}"));
    Some(format!("{name}_sorted"))
}

/// An expression of several sorted arrays as one expression for each, named as far as names are given.
pub(in super::super) fn sorted_apart(named: &Named) -> Vec<Named> {
    let (more, expr) = match &named.expr.kind {
        ExprKind::Names(more, expr) => (more.as_slice(), expr.as_ref()),
        _ => (&[][..], &named.expr),
    };
    let call = match (&expr.kind, arrays(expr)) {
        (ExprKind::Call(_, arguments), Some((together, arrays))) if arrays.len() > 1 => {
            Some((together, arguments, arrays.len()))
        }
        _ => None,
    };
    let Some((together, arguments, count)) = call.filter(|(_, _, count)| more.len() < *count)
    else {
        return vec![named.clone()];
    };
    let at = expr.at;
    let all = Expr {
        kind: ExprKind::Call(together.to_owned(), arguments.clone()),
        at,
    };
    let mut names = named.name.iter().chain(more);
    let one = |place: usize| {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let place = Expr {
            kind: ExprKind::Literal(Value::Long(place), ColumnType::Long),
            at,
        };
        Named {
            name: names.next().cloned(),
            expr: Expr {
                kind: ExprKind::Index(Box::new(all.clone()), Box::new(place)),
                at,
            },
        }
    };
    (0..count).map(one).collect()
}
