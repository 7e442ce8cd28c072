//! Functions of what the aggregations `hll` and `tdigest` give.

use std::sync::Arc;

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::super::bound::{Bound, Node};
use super::super::cast::{as_real, cast};
use super::super::parser::Parsed;
use super::super::sketch::{self, Digest};
use super::record::{Call, Function, Kind, Naming, Returns, Values};
use super::values::{array, count, dynamic, json};

const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
const REAL: Returns = Returns::Type(ColumnType::Real);
const MOST: usize = 64;

const MERGE: Function = Function::new(
    "tdigest_merge",
    &[Kind::Dynamic, Kind::Dynamic],
    DYNAMIC,
    |v| {
        let digests = v.iter().map(|value| match value.as_ref() {
            Value::Dynamic(sketch) => Digest::read(sketch),
            _ => None,
        });
        let items: Option<Vec<_>> = digests.map(|one| Some(one?.into_items())).collect();
        dynamic(Digest::of(items?.concat()).to_json())
    },
)
.repeated(MOST)
.named(Naming::Always("tdigests_merge_result"));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "dcount_hll",
        &[Kind::Dynamic],
        Returns::Type(ColumnType::Long),
        |v| count(sketch::hashes(json(v, 0)?)?.len()),
    )
    .named(Naming::Prefix("")),
    Function::new("hll_merge", &[Kind::Dynamic, Kind::Dynamic], DYNAMIC, |v| {
        let hashes = v.iter().map(|value| match value.as_ref() {
            Value::Dynamic(sketch) => sketch::hashes(sketch),
            _ => None,
        });
        let hashes: Option<Vec<_>> = hashes.collect();
        dynamic(sketch::hll(&hashes?.into_iter().flatten().collect()))
    })
    .repeated(MOST)
    .named(Naming::Always("hll_merged_result")),
    MERGE,
    MERGE.alias("merge_tdigest"),
    Function::bound(
        "percentile_tdigest",
        &[Kind::Dynamic, Kind::AsReal, Kind::ConstantText],
        percentile,
    )
    .optional(1)
    .named(Naming::Prefix("")),
    Function::bound(
        "percentiles_array_tdigest",
        &[Kind::Dynamic, Kind::Any],
        percentiles,
    )
    .repeated(MOST)
    .named(Naming::Prefix("percentile_tdigest")),
    Function::new("rank_tdigest", &[Kind::Dynamic, Kind::Plain], REAL, |v| {
        let (rank, _) = Digest::read(json(v, 0)?)?.rank(&v[1].to_json());
        Some(Value::Real(rank))
    }),
    Function::new(
        "percentrank_tdigest",
        &[Kind::Dynamic, Kind::Plain],
        REAL,
        |v| {
            let (rank, all) = Digest::read(json(v, 0)?)?.rank(&v[1].to_json());
            Some(Value::Real(100.0 * rank / all))
        },
    ),
];

/// The value, as a dynamic or as the type that the last argument names.
fn percentile(call: &Call<'_>, mut arguments: Vec<Bound>) -> Parsed<Bound> {
    let mut ty = ColumnType::Dynamic;
    if arguments.len() == 3 {
        ty = named_type(call, arguments.pop())?;
    }
    let run = move |v: &Values<'_>| {
        let found = || {
            let digest = Digest::read(json(v, 0)?)?;
            digest.percentile(rank(as_real(&v[1])?)?).cloned()
        };
        found().map_or(Value::Null, |found| cast(&Value::Dynamic(found), ty))
    };
    Ok(Bound::apply(ty, arguments, Arc::new(run)))
}

/// An array of the values, for several percentiles or an array of them.
fn percentiles(call: &Call<'_>, mut arguments: Vec<Bound>) -> Parsed<Bound> {
    let is_array = arguments
        .get(1)
        .is_some_and(|ranks| ranks.ty == ColumnType::Dynamic);
    let is_typed = |last: &Bound| is_array && last.ty == ColumnType::String;
    let ty = match arguments.pop_if(|last| is_typed(last)) {
        Some(last) => Some(named_type(call, Some(last))?),
        None => None,
    };
    let most = if is_array { 2 } else { MOST };
    let fits = |rank: &Bound| rank.ty.is_numeric() || is_array;
    if arguments.len() > most || !arguments[1..].iter().all(fits) {
        return Err(call.error(
            "SEM0005",
            "the percentiles are numbers, or one array of them",
        ));
    }
    let run = move |v: &Values<'_>| {
        let found = || {
            let digest = Digest::read(json(v, 0)?)?;
            let ranks: Vec<f64> = match array(v, 1) {
                Some(ranks) => ranks.iter().map(Json::as_f64).collect::<Option<_>>()?,
                None => v[1..]
                    .iter()
                    .map(|rank| as_real(rank))
                    .collect::<Option<_>>()?,
            };
            let value = |number: &f64| {
                let found = digest.percentile(rank(*number)?)?.clone();
                Some(match ty {
                    Some(ty) => cast(&Value::Dynamic(found), ty).to_json(),
                    None => found,
                })
            };
            ranks.iter().map(value).collect::<Option<Vec<_>>>()
        };
        found().map_or(Value::Null, |found| Value::Dynamic(found.into()))
    };
    Ok(Bound::apply(ColumnType::Dynamic, arguments, Arc::new(run)))
}

fn rank(number: f64) -> Option<f64> {
    (0.0..=100.0).contains(&number).then_some(number)
}

fn named_type(call: &Call<'_>, argument: Option<Bound>) -> Parsed<ColumnType> {
    let Some(Node::Constant(Value::String(name))) = argument.map(|argument| argument.node) else {
        return Err(call.error("SEM0031", "the last argument must be typeof(a type)"));
    };
    ColumnType::parse(&name).ok_or_else(|| call.mismatch(&name))
}
