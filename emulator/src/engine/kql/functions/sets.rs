//! Functions of dynamic arrays as sets.

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch::goes_on;
use super::record::{Function, Kind, Returns, Values};
use super::values::{array, dynamic, same};

const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
const BOOL: Returns = Returns::Type(ColumnType::Bool);

const fn of_sets(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::Dynamic, Kind::Dynamic], DYNAMIC, run).repeated(64)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_sets("set_union", |v| dynamic(combined(v)?)),
    of_sets("set_intersect", |v| {
        dynamic(distinct(array(v, 0)?, |element| {
            (1..v.len()).all(|at| array(v, at).is_some_and(|set| holds(set, element)))
        }))
    }),
    of_sets("set_difference", |v| {
        dynamic(distinct(array(v, 0)?, |element| {
            !(1..v.len()).any(|at| array(v, at).is_some_and(|set| holds(set, element)))
        }))
    }),
    Function::new("set_has_element", &[Kind::Dynamic, Kind::Any], BOOL, |v| {
        Some(Value::Bool(holds(array(v, 0)?, &v[1].to_json())))
    }),
    Function::new("set_equals", &[Kind::Dynamic, Kind::Dynamic], BOOL, |v| {
        let (one, other) = (array(v, 0)?, array(v, 1)?);
        let within = |inner: &[Json], outer: &[Json]| {
            inner
                .iter()
                .all(|element| goes_on() && holds(outer, element))
        };
        Some(Value::Bool(within(one, other) && within(other, one)))
    }),
    Function::new(
        "jaccard_index",
        &[Kind::Dynamic, Kind::Dynamic],
        DYNAMIC,
        |v| {
            let (one, other) = (array(v, 0)?, array(v, 1)?);
            let common = distinct(one, |element| holds(other, element)).len();
            let all = combined(v)?.len();
            #[allow(clippy::cast_precision_loss)]
            dynamic(super::values::real_json(common as f64 / all as f64))
        },
    ),
];

fn holds(set: &[Json], element: &Json) -> bool {
    set.iter().any(|known| same(known, element))
}

fn distinct(elements: &[Json], kept: impl Fn(&Json) -> bool) -> Vec<Json> {
    let mut found: Vec<Json> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for element in elements {
        if !goes_on() {
            break;
        }
        if seen.insert(key(element)) && kept(element) {
            found.push(element.clone());
        }
    }
    found
}

/// A text that two elements share exactly when they are the same.
fn key(element: &Json) -> String {
    match element {
        Json::Number(number) => match number.as_f64() {
            Some(real) if number.is_f64() && real.fract() == 0.0 && real.abs() < 9e15 => {
                format!("{real:.0}")
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn combined(v: &Values<'_>) -> Option<Vec<Json>> {
    let mut all = Vec::new();
    for at in 0..v.len() {
        all.extend(array(v, at)?.iter().cloned());
    }
    Some(distinct(&all, |_| true))
}
