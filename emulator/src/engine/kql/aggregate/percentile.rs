//! Percentiles by nearest rank: the least value that at least so many per cent of all do not exceed.

use std::cmp::Ordering;

use super::super::super::schema::Column;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::Expr;
use super::super::bound::{Bound, Node};
use super::super::cast::{as_real, compare};
use super::super::parser::Parsed;
use super::super::scope::Scope;
use super::as_percentile;

/// The percentiles that the arguments name: constant numbers from 0 to 100, or of a function that gives an `array`
/// one array of them.
pub(super) fn ranks(scope: &Scope<'_>, arguments: &[Expr], array: bool) -> Parsed<Vec<f64>> {
    let mut ranks = Vec::new();
    for argument in arguments {
        let wrong = || {
            scope.error(
                "SEM0031",
                argument.at,
                "a percentile must be a constant from 0 to 100",
            )
        };
        let Node::Constant(value) = scope.bind(argument)?.node else {
            return Err(wrong());
        };
        let found: Option<Vec<f64>> = match &value {
            Value::Dynamic(serde_json::Value::Array(all)) if array => {
                all.iter().map(serde_json::Value::as_f64).collect()
            }
            other => as_real(other).map(|rank| vec![rank]),
        };
        let found = found.filter(|found| found.iter().all(|rank| (0.0..=100.0).contains(rank)));
        ranks.extend(found.ok_or_else(wrong)?);
    }
    Ok(ranks)
}

/// The value in the type it is returned in; the weight must be a whole number.
pub(super) fn prepare(scope: &Scope<'_>, bound: &mut Vec<Bound>, at: usize) -> Parsed<()> {
    let weight = bound.get(1).map(|weight| weight.ty);
    if !matches!(weight, None | Some(ColumnType::Int | ColumnType::Long)) {
        return Err(scope.error("SEM0218", at, "a weight must be a whole number"));
    }
    let value = bound.swap_remove(0);
    bound.insert(0, as_percentile(value));
    Ok(())
}

/// A column per percentile: `percentile_x_99_9`.
pub(super) fn columns(name: &str, ty: ColumnType, ranks: &[f64]) -> Vec<Column> {
    let rank = |rank: &f64| rank.to_string().replace('.', "_");
    ranks
        .iter()
        .map(|number| Column::new(format!("percentile_{name}_{}", rank(number)), ty))
        .collect()
}

/// The percentiles of weighed values; null of none.
#[allow(clippy::cast_precision_loss)]
pub(super) fn found(weighed: &mut [(Value, i64)], ranks: &[f64]) -> Vec<Value> {
    weighed.sort_by(|l, r| compare(&l.0, &r.0).unwrap_or(Ordering::Equal));
    let total: i128 = weighed.iter().map(|(_, weight)| i128::from(*weight)).sum();
    let value = |rank: &f64| {
        let wanted = rank / 100.0 * total as f64;
        let mut sum = 0_i128;
        for (value, weight) in weighed.iter() {
            sum += i128::from(*weight);
            if sum as f64 >= wanted {
                return value.clone();
            }
        }
        weighed
            .last()
            .map_or(Value::Null, |(value, _)| value.clone())
    };
    ranks.iter().map(value).collect()
}
