//! Aggregation functions: their table, and how a call is resolved.

mod percentile;
mod schema;
mod state;

use std::cmp::Ordering;

use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::ast::{Expr, ExprKind};
use super::bound::{Bound, is_true};
use super::cast::compare;
use super::functions::{Naming, result_name};
use super::parser::Parsed;
use super::scope::{Scope, convert, is_hidden};
use super::sketch;
pub use state::State;

/// Most elements that `make_list` and its like collect.
const MAX_ELEMENTS: usize = 1_048_576;

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count,
    Sum,
    Average,
    Min,
    Max,
    /// Exact, where the service estimates the count of many.
    DistinctCount,
    ArgMin,
    ArgMax,
    List,
    ListWithNulls,
    Set,
    Bag,
    Any,
    /// The distinct values, to be counted later; and what several of these have in common.
    Hll,
    HllMerge,
    /// All values, for percentiles to be asked later.
    Digest,
    DigestMerge,
    /// The least schema that admits all bags.
    Schema,
    Variance {
        sample: bool,
        root: bool,
    },
    Covariance {
        sample: bool,
    },
    And,
    Or,
    Xor,
    /// One column per percentile, or one array of all; exact, where the service estimates.
    Percentiles {
        weighted: bool,
        array: bool,
    },
}

/// A function of the table.
struct Record {
    name: &'static str,
    kind: Kind,
    /// Whether a condition stands behind the value.
    conditional: bool,
    naming: Naming,
}

const fn plain(name: &'static str, kind: Kind, naming: Naming) -> Record {
    Record {
        name,
        kind,
        conditional: false,
        naming,
    }
}

const fn when(name: &'static str, kind: Kind, naming: Naming) -> Record {
    Record {
        name,
        kind,
        conditional: true,
        naming,
    }
}

const fn variance(sample: bool, root: bool) -> Kind {
    Kind::Variance { sample, root }
}

const fn covariance(sample: bool) -> Kind {
    Kind::Covariance { sample }
}

const fn percentiles(weighted: bool, array: bool) -> Kind {
    Kind::Percentiles { weighted, array }
}

const RECORDS: &[Record] = &[
    plain("count", Kind::Count, Naming::Prefix("count")),
    when("countif", Kind::Count, Naming::Prefix("countif")),
    plain("sum", Kind::Sum, Naming::Prefix("sum")),
    when("sumif", Kind::Sum, Naming::Prefix("sumif")),
    plain("avg", Kind::Average, Naming::Prefix("avg")),
    when("avgif", Kind::Average, Naming::Prefix("avgif")),
    plain("min", Kind::Min, Naming::Prefix("min")),
    when("minif", Kind::Min, Naming::Prefix("minif")),
    plain("max", Kind::Max, Naming::Prefix("max")),
    when("maxif", Kind::Max, Naming::Prefix("maxif")),
    plain("dcount", Kind::DistinctCount, Naming::Prefix("dcount")),
    when("dcountif", Kind::DistinctCount, Naming::Prefix("dcountif")),
    plain(
        "count_distinct",
        Kind::DistinctCount,
        Naming::Prefix("count_distinct"),
    ),
    when(
        "count_distinctif",
        Kind::DistinctCount,
        Naming::Prefix("count_distinctif"),
    ),
    plain("arg_min", Kind::ArgMin, Naming::First),
    plain("arg_max", Kind::ArgMax, Naming::First),
    plain("make_list", Kind::List, Naming::Prefix("list")),
    plain("makelist", Kind::List, Naming::Prefix("list")),
    when("make_list_if", Kind::List, Naming::Prefix("list")),
    plain(
        "make_list_with_nulls",
        Kind::ListWithNulls,
        Naming::Prefix("list"),
    ),
    plain("make_set", Kind::Set, Naming::Prefix("set")),
    plain("makeset", Kind::Set, Naming::Prefix("set")),
    when("make_set_if", Kind::Set, Naming::Prefix("set")),
    plain("make_bag", Kind::Bag, Naming::Prefix("bag")),
    when("make_bag_if", Kind::Bag, Naming::Prefix("bag")),
    plain("make_dictionary", Kind::Bag, Naming::Prefix("dictionary")),
    plain("take_any", Kind::Any, Naming::First),
    when("take_anyif", Kind::Any, Naming::First),
    plain("any", Kind::Any, Naming::Prefix("any")),
    when("anyif", Kind::Any, Naming::Prefix("anyif")),
    plain("stdev", variance(true, true), Naming::Prefix("stdev")),
    when("stdevif", variance(true, true), Naming::Prefix("stdevif")),
    plain("stdevp", variance(false, true), Naming::Prefix("stdevp")),
    plain(
        "variance",
        variance(true, false),
        Naming::Prefix("variance"),
    ),
    when(
        "varianceif",
        variance(true, false),
        Naming::Prefix("varianceif"),
    ),
    plain(
        "variancep",
        variance(false, false),
        Naming::Prefix("variancep"),
    ),
    when(
        "variancepif",
        variance(false, false),
        Naming::Prefix("variancepif"),
    ),
    plain("covariance", covariance(true), Naming::Prefix("covariance")),
    when(
        "covarianceif",
        covariance(true),
        Naming::Prefix("covarianceif"),
    ),
    plain(
        "covariancep",
        covariance(false),
        Naming::Prefix("covariancep"),
    ),
    when(
        "covariancepif",
        covariance(false),
        Naming::Prefix("covariancepif"),
    ),
    plain("binary_all_and", Kind::And, Naming::First),
    plain("binary_all_or", Kind::Or, Naming::First),
    plain("binary_all_xor", Kind::Xor, Naming::First),
    plain("hll", Kind::Hll, Naming::Prefix("hll")),
    when("hll_if", Kind::Hll, Naming::Prefix("hll_if")),
    plain("hll_merge", Kind::HllMerge, Naming::Prefix("hll_merge")),
    plain("tdigest", Kind::Digest, Naming::Prefix("tdigest")),
    plain(
        "tdigest_merge",
        Kind::DigestMerge,
        Naming::Prefix("merge_tdigests"),
    ),
    plain(
        "merge_tdigest",
        Kind::DigestMerge,
        Naming::Prefix("merge_tdigests"),
    ),
    plain("buildschema", Kind::Schema, Naming::Prefix("schema")),
    plain("percentile", percentiles(false, false), Naming::None),
    plain("percentiles", percentiles(false, false), Naming::None),
    plain("percentiles_array", percentiles(false, true), Naming::None),
    plain("percentilew", percentiles(true, false), Naming::None),
    plain("percentilesw", percentiles(true, false), Naming::None),
    plain("percentilesw_array", percentiles(true, true), Naming::None),
];

/// A resolved aggregation; it gives one value per column.
pub struct Aggregate {
    kind: Kind,
    condition: Option<Bound>,
    arguments: Vec<Bound>,
    limit: usize,
    /// The percentiles asked for.
    ranks: Vec<f64>,
    /// The columns it gives, named by default.
    pub columns: Vec<Column>,
}

fn record(name: &str) -> Option<&'static Record> {
    RECORDS.iter().find(|record| record.name == name)
}

/// Whether a function of this name aggregates.
pub fn is_aggregate(name: &str) -> bool {
    record(name).is_some()
}

/// The name that a call lends to an expression around it.
pub(super) fn name_of_call(name: &str, arguments: &[Expr]) -> Option<String> {
    let record = record(name)?;
    // Of several sketches it is a scalar function.
    let merges = matches!(record.kind, Kind::HllMerge | Kind::DigestMerge);
    match merges && arguments.len() > 1 {
        true => None,
        false => record.naming.of(name, arguments),
    }
}

/// Resolves a call of an aggregation function. Columns of `by` are left out of a `*`.
///
/// # Errors
/// When its arguments do not fit.
pub fn bind(scope: &Scope<'_>, expr: &Expr, by: &[String]) -> Parsed<Aggregate> {
    let ExprKind::Call(name, written) = &expr.kind else {
        return Err(scope.error("SEM0022", expr.at, "an aggregation function is expected"));
    };
    let Some(record) = record(name) else {
        let message = format!("Unknown aggregation function: '{name}'.");
        return Err(scope.error("SEM0260", expr.at, message));
    };
    let kind = record.kind;
    let (least, most) = arities(name, kind);
    let given = written.len().checked_sub(usize::from(record.conditional));
    let Some(_) = given.filter(|given| (least..=most).contains(given)) else {
        let message = format!("{name}(): the number of arguments is wrong");
        return Err(scope.error("SEM0219", expr.at, message));
    };
    let mut arguments = written.clone();
    let condition = match record.conditional {
        true => Some(predicate(
            scope,
            &arguments.remove(before_condition(kind, least)),
        )?),
        false => None,
    };
    let mut limit = MAX_ELEMENTS;
    let mut ranks = Vec::new();
    match kind {
        _ if gives_arguments(kind) => arguments = spread(scope, &arguments, by),
        Kind::Covariance { .. } | Kind::Digest => {}
        Kind::Percentiles { weighted, array } => {
            let of = arguments.split_off(1 + usize::from(weighted));
            ranks = percentile::ranks(scope, &of, array)?;
        }
        _ => {
            if let Some(last) = arguments.get(1) {
                let number = scope.bind_count(last)?;
                // The accuracy of dcount and hll: ours are exact.
                if !matches!(kind, Kind::DistinctCount | Kind::Hll) {
                    limit = number.min(MAX_ELEMENTS);
                }
            }
            arguments.truncate(1);
        }
    }
    let mut bound = arguments
        .iter()
        .map(|argument| match &argument.kind {
            // Of a function that gives its arguments' columns: each may be named.
            ExprKind::Assigned(_, value) if gives_arguments(kind) => scope.bind(value),
            _ => scope.bind(argument),
        })
        .collect::<Parsed<Vec<_>>>()?;
    let checked = if gives_arguments(kind) {
        1
    } else {
        bound.len()
    };
    for argument in bound.iter().take(checked) {
        check(scope, record, argument.ty, expr.at)?;
    }
    if let Kind::Percentiles { .. } | Kind::Digest = kind {
        percentile::prepare(scope, &mut bound, expr.at)?;
    }
    // `countif(b)` is named after its condition.
    let named = if kind == Kind::Count {
        written
    } else {
        &arguments
    };
    let columns = columns(record, named, &bound, &ranks);
    if kind == Kind::Count {
        bound.clear();
    }
    Ok(Aggregate {
        kind,
        condition,
        arguments: bound,
        limit,
        ranks,
        columns,
    })
}

const fn gives_arguments(kind: Kind) -> bool {
    matches!(kind, Kind::ArgMin | Kind::ArgMax | Kind::Any)
}

/// The condition of a function: of type bool only.
fn predicate(scope: &Scope<'_>, expr: &Expr) -> Parsed<Bound> {
    let bound = scope.bind(expr)?;
    match bound.ty {
        ColumnType::Bool => Ok(bound),
        other => {
            let message = format!(
                "the condition must be of type bool and not {}",
                other.kusto_name()
            );
            Err(scope.error("SEM0079", expr.at, message))
        }
    }
}

/// How many arguments stand before the condition.
fn before_condition(kind: Kind, least: usize) -> usize {
    match kind {
        Kind::Covariance { .. } => 2,
        _ => least.min(1),
    }
}

/// The least and the most arguments, the condition apart.
fn arities(name: &str, kind: Kind) -> (usize, usize) {
    match kind {
        // Its argument only names the column: rows whose value is null count as well.
        Kind::Count if name == "count" => (0, 1),
        Kind::Count => (0, 0),
        Kind::ArgMin | Kind::ArgMax => (1, usize::MAX),
        Kind::Covariance { .. } => (2, 2),
        Kind::Any if name == "take_any" || name == "any" => (1, usize::MAX),
        Kind::List | Kind::Set | Kind::Bag | Kind::Hll | Kind::Digest => (1, 2),
        Kind::DistinctCount if name.starts_with("dcount") => (1, 2),
        Kind::Percentiles { weighted, .. } => {
            let values = 1 + usize::from(weighted);
            let single = matches!(name, "percentile" | "percentilew");
            (values + 1, if single { values + 1 } else { usize::MAX })
        }
        _ => (1, 1),
    }
}

/// `*` as all columns that are not there already.
fn spread(scope: &Scope<'_>, arguments: &[Expr], by: &[String]) -> Vec<Expr> {
    let bare = |argument: &Expr| match &argument.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Assigned(_, value) => result_name(value),
        _ => None,
    };
    let first = arguments.first().and_then(result_name);
    let given: Vec<String> = first
        .into_iter()
        .chain(arguments.iter().filter_map(bare))
        .collect();
    let mut all = Vec::new();
    for argument in arguments {
        if argument.kind != ExprKind::Star {
            all.push(argument.clone());
            continue;
        }
        let others = scope.columns.iter().map(|column| &column.name);
        let others = others.filter(|name| !is_hidden(name));
        let others = others.filter(|name| !given.contains(name) && !by.contains(name));
        all.extend(others.map(|name| Expr {
            kind: ExprKind::Name(name.clone()),
            at: argument.at,
        }));
    }
    all
}

fn check(scope: &Scope<'_>, record: &Record, ty: ColumnType, at: usize) -> Parsed<()> {
    use ColumnType::{Bool, DateTime, Dynamic, Guid, Int, Long, Real, TimeSpan};
    let fits = match record.kind {
        // Whether of a bool all are counted or those that are true is nowhere shown.
        Kind::Count => ty != Bool,
        Kind::Sum => ty.is_numeric() || matches!(ty, TimeSpan | DateTime),
        Kind::Average => ty.is_numeric() || matches!(ty, TimeSpan | DateTime),
        Kind::Min | Kind::Max | Kind::ArgMin | Kind::ArgMax => !matches!(ty, Dynamic | Guid),
        Kind::Variance { .. } | Kind::Covariance { .. } => ty.is_numeric(),
        Kind::And | Kind::Or | Kind::Xor => matches!(ty, Int | Long),
        Kind::Bag | Kind::HllMerge | Kind::DigestMerge | Kind::Schema => ty == Dynamic,
        Kind::Hll => !matches!(ty, Real | Bool),
        Kind::Digest => ty.is_numeric() || matches!(ty, DateTime | TimeSpan),
        Kind::DistinctCount if record.name.starts_with("count") => ty != Dynamic,
        Kind::Percentiles { .. } => ty != Dynamic,
        _ => true,
    };
    match fits {
        true => Ok(()),
        false => {
            let message = format!("{}() does not work on a {}", record.name, ty.kusto_name());
            Err(scope.error("SEM0218", at, message))
        }
    }
}

fn columns(record: &Record, arguments: &[Expr], bound: &[Bound], ranks: &[f64]) -> Vec<Column> {
    use ColumnType::{Dynamic, Int, Long, Real};
    let ty = bound.first().map_or(Long, |first| first.ty);
    let one = |ty| {
        let name = record.naming.of(record.name, arguments);
        vec![Column::new(
            name.unwrap_or_else(|| format!("{}_", record.name)),
            ty,
        )]
    };
    match record.kind {
        Kind::ArgMin | Kind::ArgMax => {
            let prefix = if record.kind == Kind::ArgMin {
                "min_"
            } else {
                "max_"
            };
            let first = arguments.first().and_then(result_name);
            let of = format!("{prefix}{}", first.unwrap_or_default());
            several(arguments, bound, "", |at| match at {
                0 => prefix.to_owned(),
                at => format!("{of}_arg{at}"),
            })
        }
        Kind::Any if bound.len() != 1 => {
            let prefix = if record.name == "any" { "any_" } else { "" };
            several(arguments, bound, prefix, |at| format!("any_arg{at}"))
        }
        Kind::Any if record.name.starts_with("take") => {
            several(arguments, bound, "", |at| match record.conditional {
                true => "Column1".to_owned(),
                false => format!("any_arg{at}"),
            })
        }
        Kind::Count | Kind::DistinctCount => one(Long),
        Kind::List | Kind::ListWithNulls | Kind::Set | Kind::Bag => one(Dynamic),
        Kind::Hll | Kind::HllMerge | Kind::Digest | Kind::DigestMerge | Kind::Schema => {
            one(Dynamic)
        }
        Kind::Sum if ty == Int => one(Long),
        Kind::Average if matches!(ty, Int | Long) => one(Real),
        Kind::Variance { .. } => one(Real),
        Kind::Covariance { .. } => {
            let names = arguments
                .iter()
                .map(|argument| result_name(argument).unwrap_or_default());
            let name = names.fold(record.name.to_owned(), |name, next| {
                format!("{name}_{next}")
            });
            vec![Column::new(name, Real)]
        }
        Kind::Percentiles { array, .. } => {
            let name = arguments.first().and_then(result_name).unwrap_or_default();
            match array {
                true => vec![Column::new(format!("percentiles_{name}"), Dynamic)],
                false => percentile::columns(&name, ty, ranks),
            }
        }
        _ => one(ty),
    }
}

/// A column for each argument; `unnamed` names that of an argument which lends no name.
fn several(
    arguments: &[Expr],
    bound: &[Bound],
    prefix: &str,
    unnamed: impl Fn(usize) -> String,
) -> Vec<Column> {
    let named = |(at, (expr, bound)): (usize, (&Expr, &Bound))| {
        let lent = result_name(expr).map(|name| format!("{prefix}{name}"));
        Column::new(lent.unwrap_or_else(|| unnamed(at)), bound.ty)
    };
    arguments.iter().zip(bound).enumerate().map(named).collect()
}

impl Aggregate {
    /// Takes one row into the group.
    pub fn add(&self, state: &mut State, row: &[Value]) {
        if self
            .condition
            .as_ref()
            .is_some_and(|condition| !is_true(&condition.eval(row)))
        {
            return;
        }
        let Some(first) = self.arguments.first() else {
            state.count += 1;
            return;
        };
        let value = first.eval(row);
        if value.is_null() {
            self.add_null(state, row);
            return;
        }
        let full = state.elements.len() >= self.limit;
        match self.kind {
            Kind::Count | Kind::Sum | Kind::Average => state.accumulate(&value),
            Kind::Variance { .. } => state.spread(&value),
            Kind::Covariance { .. } => {
                if let Some(other) = self.arguments.get(1) {
                    state.spread_together(&value, &other.eval(row));
                }
            }
            Kind::Min | Kind::ArgMin => self.improve(state, &value, row, Ordering::Less),
            Kind::Max | Kind::ArgMax => self.improve(state, &value, row, Ordering::Greater),
            Kind::DistinctCount => {
                state.is_new(&value);
            }
            Kind::List | Kind::ListWithNulls if !full => state.elements.push(value.to_json()),
            Kind::Set if matches!(value.as_ref(), Value::Dynamic(json) if json.is_array()) => {
                state.unite(&value, self.limit);
            }
            Kind::Set if !full && state.is_new(&value) => state.elements.push(value.to_json()),
            Kind::List | Kind::ListWithNulls | Kind::Set => {}
            Kind::Bag => state.merge(&value, self.limit),
            Kind::And => state.combine(&value, |all, bits| all & bits),
            Kind::Or => state.combine(&value, |all, bits| all | bits),
            Kind::Xor => state.combine(&value, |all, bits| all ^ bits),
            Kind::Any => self.keep(state, row),
            Kind::Hll => {
                state.hashes.insert(sketch::hash_of(&value));
            }
            Kind::HllMerge => state.merge_hashes(&value),
            Kind::DigestMerge => state.merge_digest(&value),
            Kind::Schema => state.schema.admit_value(&value),
            Kind::Percentiles { .. } | Kind::Digest => {
                let weight = self.arguments.get(1).map(|weight| weight.eval(row));
                let weight = weight.map_or(Some(1), |weight| super::cast::as_long(&weight));
                if let Some(weight) = weight.filter(|weight| *weight > 0) {
                    state.weighed.push((value.into_owned(), weight));
                }
            }
        }
    }

    fn add_null(&self, state: &mut State, row: &[Value]) {
        match self.kind {
            // When every maximised value is null, one row is given all the same.
            Kind::ArgMin | Kind::ArgMax if state.best.is_none() => {
                state.best = Some(self.all(row));
            }
            Kind::Any => self.keep(state, row),
            Kind::ListWithNulls if state.elements.len() < self.limit => {
                state.elements.push(serde_json::Value::Null);
            }
            _ => {}
        }
    }

    /// The first row, or one whose first value is not null.
    fn keep(&self, state: &mut State, row: &[Value]) {
        if state.best.as_ref().is_none_or(|best| best[0].is_null()) {
            state.best = Some(self.all(row));
        }
    }

    fn all(&self, row: &[Value]) -> Vec<Value> {
        self.arguments
            .iter()
            .map(|argument| argument.eval(row).into_owned())
            .collect()
    }

    fn improve(&self, state: &mut State, value: &Value, row: &[Value], wanted: Ordering) {
        let better = match &state.best {
            None => true,
            Some(best) => best[0].is_null() || compare(value, &best[0]) == Some(wanted),
        };
        if better {
            state.best = Some(self.all(row));
        }
    }

    /// The group's values, one per column.
    pub fn finish(&self, mut state: State) -> Vec<Value> {
        let ty = self
            .columns
            .first()
            .map_or(ColumnType::Long, |column| column.ty);
        match self.kind {
            Kind::Count => vec![Value::Long(state.count)],
            Kind::DistinctCount => vec![Value::Long(
                i64::try_from(state.seen.len()).unwrap_or(i64::MAX),
            )],
            Kind::List | Kind::ListWithNulls | Kind::Set => {
                vec![Value::Dynamic(state.elements.into())]
            }
            Kind::Bag => vec![Value::Dynamic(state.bag.into())],
            // Of no value there is no sketch.
            Kind::Hll if state.hashes.is_empty() => vec![Value::Null],
            Kind::Digest if state.weighed.is_empty() => vec![Value::Null],
            Kind::Hll | Kind::HllMerge => vec![Value::Dynamic(sketch::hll(&state.hashes))],
            Kind::Digest | Kind::DigestMerge => vec![Value::Dynamic(state.digest())],
            Kind::Schema => vec![Value::Dynamic(state.schema.to_json())],
            Kind::Sum => vec![state.sum(ty)],
            Kind::Average => vec![state.average(ty)],
            Kind::Variance { sample, root } => vec![state.variance(sample, root)],
            Kind::Covariance { sample } => vec![state.covariance(sample)],
            Kind::And | Kind::Or | Kind::Xor => vec![state.bits(ty)],
            Kind::Percentiles { array, .. } => {
                let found = percentile::found(&mut state.weighed, &self.ranks);
                match array {
                    true => vec![Value::Dynamic(found.iter().map(Value::to_json).collect())],
                    false => found,
                }
            }
            Kind::Min | Kind::Max | Kind::ArgMin | Kind::ArgMax | Kind::Any => {
                state.best.unwrap_or_else(|| {
                    self.columns
                        .iter()
                        .map(|column| Value::absent(column.ty))
                        .collect()
                })
            }
        }
    }
}

/// The value as what percentiles are made of: ints as longs, decimals as reals.
fn as_percentile(bound: Bound) -> Bound {
    match bound.ty {
        ColumnType::Int => convert(bound, ColumnType::Long),
        ColumnType::Decimal => convert(bound, ColumnType::Real),
        _ => bound,
    }
}
