//! Functions of dynamic arrays.

use std::sync::Arc;

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch::goes_on;
use super::super::ast::ExprKind;
use super::super::bound::{Bound, Node};
use super::super::budget::{weight, weight_of};
use super::super::cast::{as_long, as_real};
use super::super::parser::Parsed;
use super::super::scope::is_hidden;
use super::record::{Call, Function, Kind, Naming, Returns, Values};
use super::values::{array, bag, count, dynamic, fits, json, long, real_json, same};

const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
const LONG: Returns = Returns::Type(ColumnType::Long);
/// Most elements that `range` makes; further ones are cut off, as in the service.
const MOST_RANGED: usize = 1_048_576;

const ARRAY_LENGTH: Function = Function::new("array_length", &[Kind::Dynamic], LONG, |v| {
    count(array(v, 0)?.len())
});
const ARRAY_IFF: Function = Function::new(
    "array_iff",
    &[Kind::Dynamic, Kind::Any, Kind::Any],
    DYNAMIC,
    chosen,
);

pub(super) const FUNCTIONS: &[Function] = &[
    ARRAY_LENGTH,
    ARRAY_LENGTH.alias("arraylength"),
    Function::new("array_concat", &[Kind::Dynamic], DYNAMIC, |v| {
        let parts: Option<Vec<_>> = (0..v.len()).map(|at| array(v, at)).collect();
        dynamic(parts?.into_iter().flatten().cloned().collect::<Json>())
    })
    .repeated(64),
    ARRAY_IFF,
    ARRAY_IFF.alias("array_iif"),
    Function::new(
        "array_index_of",
        &[
            Kind::Dynamic,
            Kind::Any,
            Kind::Whole,
            Kind::Whole,
            Kind::Whole,
        ],
        LONG,
        index_of,
    )
    .optional(3),
    Function::new(
        "array_slice",
        &[Kind::Dynamic, Kind::Whole, Kind::Whole],
        DYNAMIC,
        |v| {
            let elements = array(v, 0)?;
            let size = i64::try_from(elements.len()).ok()?;
            let place = |at: i64| if at < 0 { at + size } else { at };
            let (first, last) = (place(long(v, 1)?).max(0), place(long(v, 2)?).min(size - 1));
            let taken = usize::try_from(last - first + 1).unwrap_or(0);
            let skipped = usize::try_from(first).ok()?;
            dynamic(
                elements
                    .iter()
                    .skip(skipped)
                    .take(taken)
                    .cloned()
                    .collect::<Json>(),
            )
        },
    ),
    Function::new("array_split", &[Kind::Dynamic, Kind::Whole], DYNAMIC, |v| {
        split(array(v, 0)?, &[long(v, 1)?])
    }),
    Function::new(
        "array_split",
        &[Kind::Dynamic, Kind::Dynamic],
        DYNAMIC,
        |v| {
            let at: Option<Vec<i64>> = array(v, 1)?.iter().map(Json::as_i64).collect();
            split(array(v, 0)?, &at?)
        },
    ),
    Function::new(
        "array_shift_left",
        &[Kind::Dynamic, Kind::Whole, Kind::Any],
        DYNAMIC,
        |v| shifted(v, long(v, 1)?),
    )
    .optional(1),
    Function::new(
        "array_shift_right",
        &[Kind::Dynamic, Kind::Whole, Kind::Any],
        DYNAMIC,
        |v| shifted(v, long(v, 1)?.checked_neg()?),
    )
    .optional(1),
    Function::new(
        "array_rotate_left",
        &[Kind::Dynamic, Kind::Whole],
        DYNAMIC,
        |v| rotated(array(v, 0)?, long(v, 1)?),
    ),
    Function::new(
        "array_rotate_right",
        &[Kind::Dynamic, Kind::Whole],
        DYNAMIC,
        |v| rotated(array(v, 0)?, long(v, 1)?.checked_neg()?),
    ),
    Function::new("array_reverse", &[Kind::Dynamic], DYNAMIC, |v| {
        dynamic(array(v, 0)?.iter().rev().cloned().collect::<Json>())
    }),
    Function::new(
        "array_sum",
        &[Kind::Dynamic],
        Returns::Type(ColumnType::Real),
        |v| {
            let numbers: Option<Vec<f64>> = array(v, 0)?.iter().map(Json::as_f64).collect();
            Some(Value::Real(numbers?.iter().sum()))
        },
    ),
    Function::written("pack_array", &[Kind::Any], pack_array).repeated(32_767),
    Function::new(
        "range",
        &[Kind::Summable, Kind::Summable, Kind::Summable],
        DYNAMIC,
        ranged,
    )
    .optional(1),
    Function::new("zip", &[Kind::Dynamic, Kind::Dynamic], DYNAMIC, |v| {
        let columns: Option<Vec<&Vec<Json>>> = (0..v.len()).map(|at| array(v, at)).collect();
        let columns = columns?;
        let longest = columns.iter().map(|column| column.len()).max()?;
        let row = |at: usize| -> Json {
            columns
                .iter()
                .map(|column| column.get(at).cloned().unwrap_or_default())
                .collect()
        };
        dynamic((0..longest).map(row).collect::<Json>())
    })
    .repeated(64),
    Function::new("treepath", &[Kind::Dynamic], DYNAMIC, |v| {
        let mut paths = Vec::new();
        tree(json(v, 0)?, "", &mut paths);
        dynamic(paths.into_iter().map(Json::from).collect::<Json>())
    })
    .named(Naming::Prefix("tree")),
    Function::new("bag_keys", &[Kind::Dynamic], DYNAMIC, |v| {
        dynamic(
            bag(v, 0)?
                .keys()
                .map(|key| Json::from(key.as_str()))
                .collect::<Json>(),
        )
    }),
];

/// Numbers that are not zero and `true` hold.
fn chosen(v: &Values<'_>) -> Option<Value> {
    let conditions = array(v, 0)?;
    // What is no array is repeated.
    let repeated = v[1..]
        .iter()
        .filter(|value| !matches!(value.as_ref(), Value::Dynamic(Json::Array(_))));
    fits(
        repeated
            .map(|value| weight(value))
            .max()
            .unwrap_or(0)
            .saturating_mul(conditions.len()),
    )?;
    let branch = |at: usize, element: usize| match v[at].as_ref() {
        Value::Dynamic(Json::Array(elements)) => elements.get(element).cloned().unwrap_or_default(),
        other => other.to_json(),
    };
    let made = conditions
        .iter()
        .enumerate()
        .map(|(at, condition)| match condition {
            Json::Bool(true) => branch(1, at),
            Json::Bool(false) => branch(2, at),
            Json::Number(number) if number.as_f64() != Some(0.0) => branch(1, at),
            Json::Number(_) => branch(2, at),
            _ => Json::Null,
        });
    dynamic(made.collect::<Json>())
}

fn index_of(v: &Values<'_>) -> Option<Value> {
    let elements = array(v, 0)?;
    let wanted = v[1].to_json();
    let size = i64::try_from(elements.len()).ok()?;
    let start = if v.len() > 2 { long(v, 2)? } else { 0 };
    let length = if v.len() > 3 { long(v, 3)? } else { -1 };
    let occurrence = if v.len() > 4 { long(v, 4)? } else { 1 };
    if occurrence < 0 || length < -1 {
        return None;
    }
    let start = if start < 0 {
        start.saturating_add(size).max(0)
    } else {
        start
    };
    let skipped = usize::try_from(start).ok()?;
    let taken = usize::try_from(length).unwrap_or(usize::MAX);
    let nth = usize::try_from(occurrence).ok()?;
    let mut found = elements
        .iter()
        .enumerate()
        .skip(skipped)
        .take(taken)
        .filter(|(_, element)| same(element, &wanted));
    match nth.checked_sub(1).and_then(|nth| found.nth(nth)) {
        Some((at, _)) => count(at),
        None => Some(Value::Long(-1)),
    }
}

/// Parts that begin at these places; a negative one counts from the end.
fn split(elements: &[Json], places: &[i64]) -> Option<Value> {
    let size = i64::try_from(elements.len()).ok()?;
    let mut parts: Vec<Json> = Vec::new();
    let mut from = 0;
    for place in places {
        let place = if *place < 0 {
            place.saturating_add(size)
        } else {
            *place
        };
        let place = usize::try_from(place.clamp(0, size)).ok()?.max(from);
        parts.push(elements[from..place].iter().cloned().collect());
        from = place;
    }
    parts.push(elements[from..].iter().cloned().collect());
    dynamic(parts)
}

fn shifted(v: &Values<'_>, by: i64) -> Option<Value> {
    let elements = array(v, 0)?;
    let filler = v.get(2).map_or(Json::Null, |filler| filler.to_json());
    fits(weight_of(&filler).saturating_mul(elements.len()))?;
    let element = |at: usize| {
        let from = i64::try_from(at).ok()?.checked_add(by)?;
        elements.get(usize::try_from(from).ok()?).cloned()
    };
    let made = (0..elements.len()).map(|at| element(at).unwrap_or_else(|| filler.clone()));
    dynamic(made.collect::<Json>())
}

fn rotated(elements: &[Json], by: i64) -> Option<Value> {
    let mut rotated = elements.to_vec();
    if let Ok(size) = i64::try_from(rotated.len())
        && size > 0
    {
        rotated.rotate_left(usize::try_from(by.rem_euclid(size)).ok()?);
    }
    dynamic(rotated)
}

fn ranged(v: &Values<'_>) -> Option<Value> {
    let (from, to) = (v[0].as_ref(), v[1].as_ref());
    let hour = super::super::super::timespan::TICKS_PER_HOUR;
    let is_time = matches!(from, Value::DateTime(_) | Value::TimeSpan(_));
    let step = v.get(2).map(|step| step.as_ref().clone());
    let step = step.unwrap_or(if is_time {
        Value::TimeSpan(hour)
    } else {
        Value::Long(1)
    });
    let mut made = Vec::new();
    if [from, to, &step]
        .iter()
        .any(|value| matches!(value, Value::Real(_) | Value::Decimal(_)))
    {
        let (from, to, step) = (as_real(from)?, as_real(to)?, as_real(&step)?);
        let mut nth = 0.0;
        let mut value = from;
        while made.len() < MOST_RANGED
            && step != 0.0
            && (if step > 0.0 { value <= to } else { value >= to })
        {
            made.push(real_json(value));
            nth += 1.0;
            value = from + nth * step;
        }
        return dynamic(made);
    }
    let (mut value, end, step) = (as_long(from)?, as_long(to)?, as_long(&step)?);
    while made.len() < MOST_RANGED
        && step != 0
        && (if step > 0 { value <= end } else { value >= end })
    {
        made.push(match from {
            Value::DateTime(_) => super::values::moment(value)?.to_json(),
            Value::TimeSpan(_) => Value::TimeSpan(value).to_json(),
            _ => Json::from(value),
        });
        let Some(next) = value.checked_add(step) else {
            break;
        };
        value = next;
    }
    dynamic(made)
}

fn tree(json: &Json, path: &str, paths: &mut Vec<String>) {
    let mut deeper = |path: String, inner: &Json| {
        paths.push(path.clone());
        tree(inner, &path, paths);
    };
    match json {
        Json::Object(object) => {
            for (key, inner) in object {
                deeper(format!("{path}['{key}']"), inner);
            }
        }
        // All elements stand for one: what they hold is described with index 0.
        Json::Array(elements) if !elements.is_empty() => {
            let path = format!("{path}[0]");
            paths.push(path.clone());
            for inner in elements {
                let mut found = Vec::new();
                tree(inner, &path, &mut found);
                for found in found {
                    if !goes_on() {
                        return;
                    }
                    if !paths.contains(&found) {
                        paths.push(found);
                    }
                }
            }
        }
        _ => {}
    }
}

/// The arguments' values, of `*` those of all columns.
fn pack_array(call: &Call<'_>) -> Parsed<Bound> {
    let mut packed = Vec::new();
    for argument in call.written {
        if argument.kind != ExprKind::Star {
            packed.push(call.scope.bind(argument)?);
            continue;
        }
        let columns = call.scope.columns.iter().enumerate();
        let columns = columns.filter(|(_, column)| !is_hidden(&column.name));
        packed.extend(columns.map(|(at, column)| Bound {
            node: Node::Column(at),
            ty: column.ty,
        }));
    }
    let run = |v: &Values<'_>| Value::Dynamic(v.iter().map(|value| value.to_json()).collect());
    Ok(Bound::apply(ColumnType::Dynamic, packed, Arc::new(run)))
}
