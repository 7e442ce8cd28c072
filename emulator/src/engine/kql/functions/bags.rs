//! Functions of property bags.

use serde_json::{Map, Value as Json};

use super::super::super::value::{ColumnType, Value};
use super::super::ast::{Expr, ExprKind};
use super::super::bound::Bound;
use super::super::cast::json_of;
use super::super::parser::Parsed;
use super::super::scope::is_hidden;
use super::record::{Call, Function, Kind, Returns, Values};
use super::values::{array, bag, dynamic, element_text, json, string, text};

const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
const EXTRACT_JSON: Function = Function::new(
    "extract_json",
    &[Kind::ConstantText, Kind::Text],
    Returns::Type(ColumnType::String),
    |v| {
        let json = json_of(text(v, 1))?;
        let steps = path(text(v, 0))?;
        let found = steps
            .iter()
            .try_fold(&json, |json, step| child(json, step))?;
        string(element_text(found))
    },
);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::bound("bag_pack", &[Kind::Any, Kind::Any], packed).repeated(32_767),
    Function::bound("pack", &[Kind::Any, Kind::Any], packed).repeated(32_767),
    Function::bound("pack_dictionary", &[Kind::Any, Kind::Any], packed).repeated(32_767),
    Function::written("bag_pack_columns", &[Kind::Any], pack_columns).repeated(32_767),
    Function::written("pack_all", &[Kind::Any], pack_all).optional(1),
    Function::new("bag_merge", &[Kind::Dynamic, Kind::Dynamic], DYNAMIC, |v| {
        let mut merged = Map::new();
        for at in 0..v.len() {
            for (key, value) in bag(v, at)? {
                merged.entry(key).or_insert_with(|| value.clone());
            }
        }
        dynamic(merged)
    })
    .repeated(64),
    Function::new(
        "bag_has_key",
        &[Kind::Dynamic, Kind::Text],
        Returns::Type(ColumnType::Bool),
        |v| {
            let found = match text(v, 1).starts_with('$') {
                true => path(text(v, 1))?
                    .iter()
                    .try_fold(json(v, 0)?, |json, step| child(json, step)),
                false => bag(v, 0)?.get(text(v, 1)),
            };
            Some(Value::Bool(found.is_some()))
        },
    ),
    Function::new(
        "bag_remove_keys",
        &[Kind::Dynamic, Kind::Dynamic],
        DYNAMIC,
        |v| {
            let mut left = Json::Object(bag(v, 0)?.clone());
            for key in array(v, 1)?.iter().map(element_text) {
                let steps = match key.starts_with('$') {
                    true => path(&key)?,
                    false => vec![Step::Key(key)],
                };
                remove(&mut left, &steps);
            }
            dynamic(left)
        },
    ),
    Function::new(
        "bag_set_key",
        &[Kind::Dynamic, Kind::ConstantText, Kind::Any],
        DYNAMIC,
        |v| {
            let mut changed = Json::Object(bag(v, 0)?.clone());
            let key = text(v, 1);
            let steps = match key.starts_with('$') {
                true => path(key)?,
                false => vec![Step::Key(key.to_owned())],
            };
            set(&mut changed, &steps, v[2].to_json())?;
            dynamic(changed)
        },
    ),
    Function::new("bag_zip", &[Kind::Dynamic, Kind::Dynamic], DYNAMIC, |v| {
        let values = array(v, 1);
        let mut made = Map::new();
        for (at, key) in array(v, 0)?.iter().enumerate() {
            if let Json::String(key) = key {
                made.insert(
                    key.clone(),
                    values
                        .and_then(|values| values.get(at))
                        .cloned()
                        .unwrap_or_default(),
                );
            }
        }
        dynamic(made)
    }),
    EXTRACT_JSON,
    EXTRACT_JSON.alias("extractjson"),
];

fn packed(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    if !arguments.len().is_multiple_of(2) {
        return Err(call.error("SEM0219", "every key needs a value"));
    }
    let key = arguments
        .iter()
        .step_by(2)
        .find(|key| !matches!(key.ty, ColumnType::String | ColumnType::Dynamic));
    if let Some(key) = key {
        return Err(call.mismatch(key.ty.kusto_name()));
    }
    bag_of(arguments)
}

fn bag_of(arguments: Vec<Bound>) -> Parsed<Bound> {
    let run = |v: &Values<'_>| {
        let pairs = v.chunks_exact(2);
        Value::Dynamic(
            pairs
                .map(|pair| (pair[0].to_text(), pair[1].to_json()))
                .collect(),
        )
    };
    Ok(Bound::apply(
        ColumnType::Dynamic,
        arguments,
        std::sync::Arc::new(run),
    ))
}

fn pack_columns(call: &Call<'_>) -> Parsed<Bound> {
    let mut pairs = Vec::new();
    for column in call.written {
        let ExprKind::Name(name) = &column.kind else {
            return Err(call.error("SEM0031", "every argument must be a column"));
        };
        pairs.push(Bound::constant(
            Value::String(name.clone()),
            ColumnType::String,
        ));
        pairs.push(call.scope.bind(column)?);
    }
    bag_of(pairs)
}

/// All columns; with `true` those that are null or empty are left out.
fn pack_all(call: &Call<'_>) -> Parsed<Bound> {
    let ignored = match call.written.first().map(|first| &first.kind) {
        None => false,
        Some(ExprKind::Literal(Value::Bool(ignored), _)) => *ignored,
        Some(_) => return Err(call.error("SEM0031", "the argument must be true or false")),
    };
    let names: Vec<String> = call
        .scope
        .columns
        .iter()
        .map(|column| column.name.clone())
        .filter(|name| !is_hidden(name))
        .collect();
    let columns = names
        .iter()
        .map(|name| {
            let kind = ExprKind::Name(name.clone());
            call.scope.bind(&Expr { kind, at: call.at })
        })
        .collect::<Parsed<Vec<Bound>>>()?;
    let run = move |v: &Values<'_>| {
        let kept = names.iter().zip(v).filter(|(_, value)| {
            !ignored || !(value.is_null() || super::super::bound::is_empty_text(value))
        });
        Value::Dynamic(
            kept.map(|(name, value)| (name.clone(), value.to_json()))
                .collect(),
        )
    };
    Ok(Bound::apply(
        ColumnType::Dynamic,
        columns,
        std::sync::Arc::new(run),
    ))
}

enum Step {
    Key(String),
    Index(usize),
}

/// The steps of a JSONPath of keys and indices: `$.a['b'][0]`.
fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(Step::Key(after[..end].to_owned()));
            rest = &after[end..];
            continue;
        }
        let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
        let quoted = inner
            .strip_prefix('\'')
            .and_then(|key| key.strip_suffix('\''))
            .or_else(|| {
                inner
                    .strip_prefix('"')
                    .and_then(|key| key.strip_suffix('"'))
            });
        steps.push(match quoted {
            Some(key) => Step::Key(key.to_owned()),
            None => Step::Index(inner.parse().ok()?),
        });
        rest = after;
    }
    Some(steps)
}

fn child<'j>(json: &'j Json, step: &Step) -> Option<&'j Json> {
    match step {
        Step::Key(key) => json.get(key),
        Step::Index(at) => json.get(at),
    }
}

fn remove(json: &mut Json, steps: &[Step]) {
    match (steps, json) {
        ([Step::Key(key)], Json::Object(object)) => {
            object.shift_remove(key);
        }
        ([Step::Key(key), rest @ ..], Json::Object(object)) => {
            if let Some(inner) = object.get_mut(key) {
                remove(inner, rest);
            }
        }
        ([Step::Index(at), rest @ ..], Json::Array(elements)) if !rest.is_empty() => {
            if let Some(inner) = elements.get_mut(*at) {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}

/// None when a step leads through something that is no bag.
fn set(json: &mut Json, steps: &[Step], value: Json) -> Option<()> {
    match steps {
        [] => *json = value,
        [Step::Key(key), rest @ ..] => {
            let object = json.as_object_mut()?;
            let inner = object
                .entry(key)
                .or_insert_with(|| Json::Object(Map::new()));
            set(inner, rest, value)?;
        }
        [Step::Index(at), rest @ ..] => set(json.as_array_mut()?.get_mut(*at)?, rest, value)?,
    }
    Some(())
}
