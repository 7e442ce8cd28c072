//! Functions of series, which are arrays of numbers: element by element, and one number of all.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch::goes_on;
use super::super::bound::Bound;
use super::super::parser::Parsed;
use super::record::{Call, Function, Kind, Naming, Returns, Values};
use super::values::{array, dynamic, same};

const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
const REAL: Returns = Returns::Type(ColumnType::Real);
const SERIES: &[Kind] = &[Kind::Dynamic];
const TWO: &[Kind] = &[Kind::Dynamic, Kind::Dynamic];
const FLAG: Kind = Kind::Of(ColumnType::Bool);

/// Of two series, or a series and a number that stands for one of its length.
const fn pairwise(name: &'static str) -> Function {
    Function::bound(name, &[Kind::Any, Kind::Any], by_pairs)
}

const fn elementwise(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, SERIES, DYNAMIC, run)
}

const fn of_all(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, SERIES, REAL, run)
}

pub(super) const FUNCTIONS: &[Function] = &[
    pairwise("series_add"),
    pairwise("series_subtract"),
    pairwise("series_multiply"),
    pairwise("series_divide"),
    pairwise("series_pow"),
    pairwise("series_greater"),
    pairwise("series_greater_equals"),
    pairwise("series_less"),
    pairwise("series_less_equals"),
    pairwise("series_equals"),
    pairwise("series_not_equals"),
    elementwise("series_abs", |v| {
        each(v, |number| match number {
            Json::Number(whole) if whole.is_i64() => whole.as_i64()?.checked_abs().map(Json::from),
            other => Some(real_of(other.as_f64()?.abs())),
        })
    }),
    elementwise("series_sign", |v| {
        each(v, |number| {
            let number = number.as_f64()?;
            Some(Json::from(
                i64::from(number > 0.0) - i64::from(number < 0.0),
            ))
        })
    }),
    elementwise("series_floor", |v| reals(v, f64::floor)),
    elementwise("series_ceiling", |v| reals(v, f64::ceil)),
    elementwise("series_exp", |v| reals(v, f64::exp)),
    elementwise("series_log", |v| reals(v, f64::ln)),
    elementwise("series_sin", |v| reals(v, f64::sin)),
    elementwise("series_cos", |v| reals(v, f64::cos)),
    elementwise("series_tan", |v| reals(v, f64::tan)),
    elementwise("series_asin", |v| reals(v, f64::asin)),
    elementwise("series_acos", |v| reals(v, f64::acos)),
    elementwise("series_atan", |v| reals(v, f64::atan)),
    of_all("series_sum", |v| Some(Value::Real(numbers(v, 0)?.sum()))),
    of_all("series_product", |v| {
        Some(Value::Real(numbers(v, 0)?.product()))
    }),
    of_all("series_magnitude", |v| {
        Some(Value::Real(dot(v, 0, 0)?.sqrt()))
    }),
    Function::bound(
        "series_dot_product",
        &[Kind::Any, Kind::Any],
        |call, arguments| {
            series_or_number(call, &arguments)?;
            let function = |v: &Values<'_>| dot(v, 0, 1).map_or(Value::Null, Value::Real);
            Ok(Bound::apply(
                ColumnType::Real,
                arguments,
                Arc::new(function),
            ))
        },
    ),
    Function::new(
        "series_cosine_similarity",
        &[Kind::Dynamic, Kind::Dynamic, Kind::Real, Kind::Real],
        REAL,
        |v| {
            let magnitude = |given: usize, series: usize| match v.get(given) {
                Some(given) => super::super::cast::as_real(given),
                None => Some(dot(v, series, series)?.sqrt()),
            };
            let similarity = dot(v, 0, 1)? / (magnitude(2, 0)? * magnitude(3, 1)?);
            Some(Value::Real(similarity))
        },
    )
    .optional(2),
    Function::new("series_pearson_correlation", TWO, REAL, correlation),
    Function::new(
        "series_iir",
        &[Kind::Dynamic, Kind::Dynamic, Kind::Dynamic],
        DYNAMIC,
        iir,
    )
    .named(Naming::First),
    Function::new(
        "series_fir",
        &[Kind::Dynamic, Kind::Dynamic, FLAG, FLAG],
        DYNAMIC,
        fir,
    )
    .optional(2)
    .named(Naming::First),
    Function::new(
        "series_fill_const",
        &[Kind::Dynamic, Kind::Number, Kind::Number],
        DYNAMIC,
        |v| {
            let is_missing = missing(v, 2);
            let elements = array(v, 0)?.iter();
            let filled = elements.map(|element| match is_missing(element) {
                true => v[1].to_json(),
                false => element.clone(),
            });
            dynamic(filled.collect::<Vec<_>>())
        },
    )
    .optional(1)
    .named(Naming::First),
    Function::new(
        "series_fill_forward",
        &[Kind::Dynamic, Kind::Number],
        DYNAMIC,
        |v| {
            let is_missing = missing(v, 1);
            dynamic(carried(array(v, 0)?.iter(), is_missing))
        },
    )
    .optional(1)
    .named(Naming::First),
    Function::new(
        "series_fill_backward",
        &[Kind::Dynamic, Kind::Number],
        DYNAMIC,
        |v| {
            let is_missing = missing(v, 1);
            let mut filled = carried(array(v, 0)?.iter().rev(), is_missing);
            filled.reverse();
            dynamic(filled)
        },
    )
    .optional(1)
    .named(Naming::First),
    Function::new(
        "series_fill_linear",
        &[Kind::Dynamic, Kind::Number, FLAG, Kind::Number],
        DYNAMIC,
        fill_linear,
    )
    .optional(3)
    .named(Naming::First),
    Function::new(
        "series_stats_dynamic",
        &[Kind::Dynamic, FLAG],
        DYNAMIC,
        stats,
    )
    .optional(1),
    Function::new("series_fit_line_dynamic", SERIES, DYNAMIC, fit_line),
];

/// A real of a series: as JSON, with its fraction.
fn real_of(number: f64) -> Json {
    Value::Real(number).to_json()
}

/// What is made of each number; of anything else null.
fn each(v: &Values<'_>, make: impl Fn(&Json) -> Option<Json>) -> Option<Value> {
    let elements = array(v, 0)?.iter();
    let made = elements.map(|element| match element {
        Json::Number(_) => make(element).unwrap_or_default(),
        _ => Json::Null,
    });
    dynamic(made.collect::<Vec<_>>())
}

fn reals(v: &Values<'_>, make: fn(f64) -> f64) -> Option<Value> {
    each(v, |number| Some(real_of(make(number.as_f64()?))))
}

/// The numbers among the elements.
fn numbers<'v>(v: &'v Values<'_>, at: usize) -> Option<impl Iterator<Item = f64> + 'v> {
    Some(array(v, at)?.iter().filter_map(Json::as_f64))
}

/// An argument's elements: those of a series, or the number again and again.
fn side<'v>(value: &'v Value) -> Option<Box<dyn Iterator<Item = Json> + 'v>> {
    match value {
        Value::Dynamic(Json::Array(elements)) => Some(Box::new(elements.iter().cloned())),
        Value::Dynamic(_) | Value::Null => None,
        number => Some(Box::new(std::iter::repeat(number.to_json()))),
    }
}

fn series_or_number(call: &Call<'_>, arguments: &[Bound]) -> Parsed<()> {
    let is_series = |bound: &Bound| bound.ty == ColumnType::Dynamic;
    let fits = |bound: &Bound| is_series(bound) || bound.ty.is_numeric();
    match arguments.iter().all(fits) && arguments.iter().any(is_series) {
        true => Ok(()),
        false => Err(call.error("SEM0005", "it takes two series, or a series and a number")),
    }
}

fn by_pairs(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    series_or_number(call, &arguments)?;
    let of_pair = operation(call.name);
    let function = move |v: &Values<'_>| {
        let made = || {
            // The longer series has no partner at its end.
            let mut made: Vec<Json> = side(&v[0])?
                .zip(side(&v[1])?)
                .map(|(left, right)| of_pair(&left, &right).unwrap_or_default())
                .collect();
            let length = |at| array(v, at).map_or(0, Vec::len);
            made.resize(length(0).max(length(1)), Json::Null);
            Some(Value::Dynamic(made.into()))
        };
        made().unwrap_or(Value::Null)
    };
    Ok(Bound::apply(
        ColumnType::Dynamic,
        arguments,
        Arc::new(function),
    ))
}

fn operation(name: &str) -> fn(&Json, &Json) -> Option<Json> {
    match name {
        "series_add" => |l, r| calculated(l, r, i64::checked_add, |l, r| l + r),
        "series_subtract" => |l, r| calculated(l, r, i64::checked_sub, |l, r| l - r),
        "series_multiply" => |l, r| calculated(l, r, i64::checked_mul, |l, r| l * r),
        "series_divide" => |l, r| calculated(l, r, |_, _| None, |l, r| l / r),
        "series_pow" => |l, r| calculated(l, r, |_, _| None, f64::powf),
        "series_greater" => |l, r| compared(l, r, |l, r| l > r),
        "series_greater_equals" => |l, r| compared(l, r, |l, r| l >= r),
        "series_less" => |l, r| compared(l, r, |l, r| l < r),
        "series_less_equals" => |l, r| compared(l, r, |l, r| l <= r),
        "series_equals" => |l, r| (l.is_number() && r.is_number()).then(|| same(l, r).into()),
        _ => |l, r| (l.is_number() && r.is_number()).then(|| (!same(l, r)).into()),
    }
}

/// Whole numbers give a whole one, if it has one.
fn calculated(
    left: &Json,
    right: &Json,
    whole: fn(i64, i64) -> Option<i64>,
    real: fn(f64, f64) -> f64,
) -> Option<Json> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64())
        && let Some(made) = whole(left, right)
    {
        return Some(made.into());
    }
    Some(real_of(real(left.as_f64()?, right.as_f64()?)))
}

fn compared(left: &Json, right: &Json, test: fn(f64, f64) -> bool) -> Option<Json> {
    Some(test(left.as_f64()?, right.as_f64()?).into())
}

/// The sum of the products of both sides' elements, as far as both go; null of an empty one.
fn dot(v: &Values<'_>, left: usize, right: usize) -> Option<f64> {
    let mut products = side(&v[left])?
        .zip(side(&v[right])?)
        .filter_map(|(left, right)| Some(left.as_f64()? * right.as_f64()?))
        .peekable();
    products.peek()?;
    Some(products.sum())
}

#[allow(clippy::cast_precision_loss)]
fn correlation(v: &Values<'_>) -> Option<Value> {
    let all = |at| {
        array(v, at)?
            .iter()
            .map(Json::as_f64)
            .collect::<Option<Vec<f64>>>()
    };
    let (left, right) = (all(0)?, all(1)?);
    (left.len() == right.len() && !left.is_empty()).then_some(())?;
    let mean = |series: &[f64]| series.iter().sum::<f64>() / series.len() as f64;
    let (left_mean, right_mean) = (mean(&left), mean(&right));
    let (mut both, mut one, mut other) = (0.0, 0.0, 0.0);
    for (l, r) in left.iter().zip(&right) {
        let (l, r) = (l - left_mean, r - right_mean);
        both += l * r;
        one += l * l;
        other += r * r;
    }
    Some(Value::Real(both / (one * other).sqrt()))
}

fn all_numbers(v: &Values<'_>, at: usize) -> Option<Vec<f64>> {
    array(v, at)?.iter().map(Json::as_f64).collect()
}

fn real_series(series: impl IntoIterator<Item = f64>) -> Option<Value> {
    dynamic(series.into_iter().map(real_of).collect::<Vec<_>>())
}

/// The recursive formula of the page.
fn iir(v: &Values<'_>) -> Option<Value> {
    let (series, b, a) = (all_numbers(v, 0)?, all_numbers(v, 1)?, all_numbers(v, 2)?);
    let first = *a.first().filter(|first| **first != 0.0)?;
    let mut made: Vec<f64> = Vec::with_capacity(series.len());
    for at in 0..series.len() {
        let inputs = b.iter().zip(series[..=at].iter().rev());
        let inputs = inputs.take_while(|_| goes_on());
        let outputs = a.iter().skip(1).zip(made.iter().rev());
        let outputs = outputs.take_while(|_| goes_on());
        let sum =
            inputs.map(|(b, x)| b * x).sum::<f64>() - outputs.map(|(a, y)| a * y).sum::<f64>();
        made.push(sum / first);
    }
    real_series(made)
}

/// A weighted sum of each element and those before it, or around it when it is centered; beyond the ends are zeros.
fn fir(v: &Values<'_>) -> Option<Value> {
    let (series, mut filter) = (all_numbers(v, 0)?, all_numbers(v, 1)?);
    let flag = |at: usize| v.get(at).map(|flag| **flag == Value::Bool(true));
    let has_negative = filter.iter().any(|weight| *weight < 0.0);
    let normalize = flag(2).unwrap_or(!has_negative);
    (!(normalize && has_negative)).then_some(())?;
    if normalize {
        let sum: f64 = filter.iter().sum();
        filter.iter_mut().for_each(|weight| *weight /= sum);
    }
    let ahead = match flag(3).unwrap_or(false) {
        true => filter.len().saturating_sub(1) / 2,
        false => 0,
    };
    let element =
        |at: usize, back: usize| (at + ahead).checked_sub(back).and_then(|at| series.get(at));
    let made = (0..series.len()).map(|at| {
        let weighed = filter.iter().enumerate();
        weighed
            .take_while(|_| goes_on())
            .map(|(back, weight)| weight * element(at, back).unwrap_or(&0.0))
            .sum::<f64>()
    });
    real_series(made)
}

/// Which elements are missing: nulls, or those that are the argument's number.
fn missing(v: &Values<'_>, at: usize) -> impl Fn(&Json) -> bool {
    let placeholder = v.get(at).map_or(Json::Null, |value| value.to_json());
    move |element| match &placeholder {
        Json::Null => element.is_null(),
        number => same(element, number),
    }
}

/// The elements, a missing one as the last one that is there.
fn carried<'e>(
    elements: impl Iterator<Item = &'e Json>,
    is_missing: impl Fn(&Json) -> bool,
) -> Vec<Json> {
    let mut last: Option<&Json> = None;
    let filled = elements.map(|element| {
        if !is_missing(element) {
            last = Some(element);
        }
        last.unwrap_or(element).clone()
    });
    filled.collect()
}

/// On the line between the neighbours that are there; a series of whole numbers stays one.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn fill_linear(v: &Values<'_>) -> Option<Value> {
    let (series, is_missing) = (array(v, 0)?, missing(v, 1));
    let fills_edges = v.get(2).is_none_or(|flag| **flag != Value::Bool(false));
    let known: Vec<usize> = (0..series.len())
        .filter(|at| !is_missing(&series[*at]))
        .collect();
    if known.is_empty() {
        let constant = v.get(3).map_or(json!(0.0), |constant| constant.to_json());
        return dynamic(vec![constant; series.len()]);
    }
    let is_whole = known.iter().all(|at| series[*at].is_i64());
    let filled = (0..series.len()).map(|at| {
        let next = known.partition_point(|known| *known < at);
        if known.get(next) == Some(&at) {
            return Some(series[at].clone());
        }
        let neighbours = (
            next.checked_sub(1).map(|before| known[before]),
            known.get(next),
        );
        let (Some(before), Some(after)) = neighbours else {
            let edge = neighbours.0.or(neighbours.1.copied())?;
            return Some(series[if fills_edges { edge } else { at }].clone());
        };
        let (from, to) = (series[before].as_f64()?, series[*after].as_f64()?);
        let part = (at - before) as f64 / (after - before) as f64;
        let made = from + (to - from) * part;
        Some(if is_whole {
            Json::from(made as i64)
        } else {
            real_of(made)
        })
    });
    dynamic(filled.collect::<Option<Vec<_>>>()?)
}

#[allow(clippy::cast_precision_loss)]
fn stats(v: &Values<'_>) -> Option<Value> {
    let ignores = v.get(1).is_some_and(|flag| **flag == Value::Bool(true));
    let elements = array(v, 0)?
        .iter()
        .map(|element| element.as_f64())
        .enumerate();
    let mut found = Vec::new();
    for (at, number) in elements {
        match number.filter(|number| number.is_finite()) {
            Some(number) => found.push((at, number)),
            None if ignores => {}
            None => return None,
        }
    }
    let count = found.len() as f64;
    let mut least = *found.first()?;
    let mut most = least;
    for (at, number) in &found {
        if *number < least.1 {
            least = (*at, *number);
        }
        if *number > most.1 {
            most = (*at, *number);
        }
    }
    let sum: f64 = found.iter().map(|(_, number)| number).sum();
    let mean = sum / count;
    let squares: f64 = found
        .iter()
        .map(|(_, number)| (number - mean).powi(2))
        .sum();
    let variance = if found.len() > 1 {
        squares / (count - 1.0)
    } else {
        0.0
    };
    dynamic(json!({
        "min": least.1,
        "min_idx": least.0,
        "max": most.1,
        "max_idx": most.0,
        "avg": mean,
        "stdev": variance.sqrt(),
        "variance": variance,
        "sum": sum,
        "len": found.len(),
    }))
}

/// The line of the least squares. Its interception is one step before the first element, as the page's example shows.
#[allow(clippy::cast_precision_loss)]
fn fit_line(v: &Values<'_>) -> Option<Value> {
    let series = all_numbers(v, 0)?;
    (series.len() > 1).then_some(())?;
    let count = series.len() as f64;
    let (mean_x, mean_y) = ((count + 1.0) / 2.0, series.iter().sum::<f64>() / count);
    let points = || {
        series
            .iter()
            .enumerate()
            .map(|(at, y)| (at as f64 + 1.0, *y))
    };
    let slope = points()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum::<f64>()
        / points().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>();
    let interception = mean_y - slope * mean_x;
    let fit = |x: f64| interception + slope * x;
    let total: f64 = points().map(|(_, y)| (y - mean_y).powi(2)).sum();
    let rest: f64 = points().map(|(x, y)| (y - fit(x)).powi(2)).sum();
    let line: Vec<f64> = points().map(|(x, _)| fit(x)).collect();
    dynamic(json!({
        "rsquare": 1.0 - rest / total,
        "slope": slope,
        "variance": total / (count - 1.0),
        "rvariance": rest / (count - 1.0),
        "interception": interception,
        "line_fit": line,
    }))
}
