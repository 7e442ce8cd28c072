//! Aggregation functions.

use std::cmp::Ordering;
use std::collections::HashSet;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::ast::{Expr, ExprKind};
use super::bound::{Bound, is_true};
use super::cast::{as_decimal, as_long, as_real, compare, push_key};
use super::functions::result_name;
use super::parser::Parsed;
use super::scope::Scope;

/// Most elements that `make_list` and `make_set` collect.
const MAX_ELEMENTS: usize = 1_048_576;

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count,
    Sum,
    Average,
    Min,
    Max,
    DistinctCount,
    ArgMin,
    ArgMax,
    List,
    Set,
    Any,
}

/// A resolved aggregation; it gives one value per column.
pub struct Aggregate {
    kind: Kind,
    condition: Option<Bound>,
    arguments: Vec<Bound>,
    limit: usize,
    /// The columns it gives, named by default.
    pub columns: Vec<Column>,
}

/// Whether a function of this name aggregates.
pub fn is_aggregate(name: &str) -> bool {
    kind(name).is_some()
}

/// The function, and whether its last argument is a condition.
fn kind(name: &str) -> Option<(Kind, bool)> {
    Some(match name {
        "count" => (Kind::Count, false),
        "countif" => (Kind::Count, true),
        "sum" => (Kind::Sum, false),
        "sumif" => (Kind::Sum, true),
        "avg" => (Kind::Average, false),
        "avgif" => (Kind::Average, true),
        "min" => (Kind::Min, false),
        "minif" => (Kind::Min, true),
        "max" => (Kind::Max, false),
        "maxif" => (Kind::Max, true),
        "dcount" => (Kind::DistinctCount, false),
        "dcountif" => (Kind::DistinctCount, true),
        "arg_min" => (Kind::ArgMin, false),
        "arg_max" => (Kind::ArgMax, false),
        "make_list" => (Kind::List, false),
        "make_set" => (Kind::Set, false),
        "take_any" | "any" => (Kind::Any, false),
        _ => return None,
    })
}

/// Resolves a call of an aggregation function. Columns of `by` are left out of a `*`.
///
/// # Errors
/// When its arguments do not fit.
pub fn bind(scope: &Scope<'_>, expr: &Expr, by: &[String]) -> Parsed<Aggregate> {
    let ExprKind::Call(name, arguments) = &expr.kind else {
        return Err(scope.error("SEM0022", expr.at, "an aggregation function is expected"));
    };
    let Some((kind, conditional)) = kind(name) else {
        return Err(scope.error(
            "SEM0260",
            expr.at,
            format!("Unknown aggregation function: '{name}'."),
        ));
    };
    let wrong = || {
        scope.error(
            "SEM0219",
            expr.at,
            format!("{name}(): the number of arguments is wrong"),
        )
    };
    let (condition, arguments) = match (conditional, arguments.split_last()) {
        (true, Some((condition, rest))) => (Some(scope.bind_predicate(condition)?), rest),
        (true, None) => return Err(wrong()),
        (false, _) => (None, arguments.as_slice()),
    };
    let (least, most) = match kind {
        Kind::Count => (0, 0),
        Kind::ArgMin | Kind::ArgMax => (1, usize::MAX),
        Kind::List | Kind::Set | Kind::DistinctCount => (1, 2),
        _ => (1, 1),
    };
    if arguments.len() < least || arguments.len() > most {
        return Err(wrong());
    }
    let limit = match (kind, arguments.get(1)) {
        (Kind::List | Kind::Set, Some(limit)) => scope.bind_count(limit)?.min(MAX_ELEMENTS),
        // The accuracy of dcount: ours is exact.
        (Kind::DistinctCount, Some(accuracy)) => scope.bind_count(accuracy)?,
        _ => MAX_ELEMENTS,
    };
    let arguments = match kind {
        Kind::ArgMin | Kind::ArgMax => spread(scope, arguments, by),
        _ => arguments.iter().take(1).cloned().collect(),
    };
    let bound = arguments
        .iter()
        .map(|argument| scope.bind(argument))
        .collect::<Parsed<Vec<_>>>()?;
    check(scope, kind, name, bound.first(), expr.at)?;
    let columns = columns(kind, name, &arguments, &bound);
    Ok(Aggregate {
        kind,
        condition,
        arguments: bound,
        limit,
        columns,
    })
}

/// `*` as all columns that are not there already.
fn spread(scope: &Scope<'_>, arguments: &[Expr], by: &[String]) -> Vec<Expr> {
    let first = arguments.first().and_then(result_name);
    let mut all = Vec::new();
    for argument in arguments {
        if argument.kind != ExprKind::Star {
            all.push(argument.clone());
            continue;
        }
        let others = scope.columns.iter().map(|column| &column.name);
        let others = others.filter(|name| Some(*name) != first.as_ref() && !by.contains(name));
        all.extend(others.map(|name| Expr {
            kind: ExprKind::Name(name.clone()),
            at: argument.at,
        }));
    }
    all
}

fn check(
    scope: &Scope<'_>,
    kind: Kind,
    name: &str,
    first: Option<&Bound>,
    at: usize,
) -> Parsed<()> {
    let Some(ty) = first.map(|first| first.ty) else {
        return Ok(());
    };
    let fits = match kind {
        Kind::Sum => ty.is_numeric() || ty == ColumnType::TimeSpan,
        Kind::Average => {
            ty.is_numeric() || matches!(ty, ColumnType::TimeSpan | ColumnType::DateTime)
        }
        Kind::Min | Kind::Max | Kind::ArgMin | Kind::ArgMax => ty != ColumnType::Dynamic,
        _ => true,
    };
    match fits {
        true => Ok(()),
        false => Err(scope.error(
            "SEM0218",
            at,
            format!("{name}() does not work on a {}", ty.kusto_name()),
        )),
    }
}

fn columns(kind: Kind, name: &str, arguments: &[Expr], bound: &[Bound]) -> Vec<Column> {
    let argument = arguments.first().and_then(result_name);
    let ty = bound.first().map_or(ColumnType::Long, |first| first.ty);
    let prefixed = |prefix: &str| format!("{prefix}_{}", argument.clone().unwrap_or_default());
    match kind {
        Kind::ArgMin | Kind::ArgMax => {
            let plain = if kind == Kind::ArgMin { "min_" } else { "max_" };
            let named = |(at, (expr, bound)): (usize, (&Expr, &Bound))| {
                let fallback = if at == 0 {
                    plain.to_owned()
                } else {
                    format!("Column{at}")
                };
                Column::new(result_name(expr).unwrap_or(fallback), bound.ty)
            };
            arguments.iter().zip(bound).enumerate().map(named).collect()
        }
        Kind::Any if name == "take_any" => vec![Column::new(
            argument.unwrap_or_else(|| "any_".to_owned()),
            ty,
        )],
        Kind::Count => vec![Column::new(format!("{name}_"), ColumnType::Long)],
        Kind::DistinctCount => vec![Column::new(prefixed(name), ColumnType::Long)],
        Kind::List => vec![Column::new(prefixed("list"), ColumnType::Dynamic)],
        Kind::Set => vec![Column::new(prefixed("set"), ColumnType::Dynamic)],
        Kind::Sum if ty == ColumnType::Int => vec![Column::new(prefixed(name), ColumnType::Long)],
        Kind::Average if matches!(ty, ColumnType::Int | ColumnType::Long) => {
            vec![Column::new(prefixed(name), ColumnType::Real)]
        }
        _ => vec![Column::new(prefixed(name), ty)],
    }
}

/// What one group has come to.
#[derive(Default)]
pub struct State {
    count: i64,
    ticks: i128,
    real: f64,
    decimal: Decimal,
    overflow: bool,
    best: Option<Vec<Value>>,
    seen: HashSet<Vec<u8>>,
    elements: Vec<Json>,
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
        if value.is_null() && self.kind != Kind::Any {
            // When every maximised value is null, one row is given all the same.
            if matches!(self.kind, Kind::ArgMin | Kind::ArgMax) && state.best.is_none() {
                state.best = Some(self.all(row));
            }
            return;
        }
        match self.kind {
            Kind::Count | Kind::Sum | Kind::Average => state.accumulate(&value),
            Kind::Min | Kind::ArgMin => self.improve(state, &value, row, Ordering::Less),
            Kind::Max | Kind::ArgMax => self.improve(state, &value, row, Ordering::Greater),
            Kind::DistinctCount => {
                state.is_new(&value);
            }
            Kind::List if state.elements.len() < self.limit => state.elements.push(value.to_json()),
            Kind::Set if state.elements.len() < self.limit && state.is_new(&value) => {
                state.elements.push(value.to_json());
            }
            Kind::List | Kind::Set => {}
            Kind::Any => {
                if state.best.as_ref().is_none_or(|best| best[0].is_null()) {
                    state.best = Some(vec![value.into_owned()]);
                }
            }
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
    pub fn finish(&self, state: State) -> Vec<Value> {
        let ty = self
            .columns
            .first()
            .map_or(ColumnType::Long, |column| column.ty);
        match self.kind {
            Kind::Count => vec![Value::Long(state.count)],
            Kind::DistinctCount => vec![Value::Long(
                i64::try_from(state.seen.len()).unwrap_or(i64::MAX),
            )],
            Kind::List | Kind::Set => vec![Value::Dynamic(Json::Array(state.elements))],
            Kind::Sum => vec![state.sum(ty)],
            Kind::Average => vec![state.average(ty)],
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

impl State {
    fn is_new(&mut self, value: &Value) -> bool {
        let mut key = Vec::new();
        push_key(value, &mut key);
        self.seen.insert(key)
    }

    fn accumulate(&mut self, value: &Value) {
        self.count += 1;
        match value {
            Value::Real(number) => self.real += number,
            Value::Decimal(_) => {
                let sum = as_decimal(value).and_then(|number| self.decimal.checked_add(number));
                self.overflow |= sum.is_none();
                self.decimal = sum.unwrap_or_default();
            }
            other => self.ticks += i128::from(as_long(other).unwrap_or(0)),
        }
    }

    fn sum(&self, ty: ColumnType) -> Value {
        match ty {
            ColumnType::Real => Value::Real(self.real),
            ColumnType::Decimal if self.overflow => Value::Null,
            ColumnType::Decimal => Value::Decimal(self.decimal),
            _ => whole(self.ticks, ty),
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn average(&self, ty: ColumnType) -> Value {
        match ty {
            // Of long columns: the sum is whole. Of none at all: NaN.
            ColumnType::Real => Value::Real(
                (self.real + self.ticks as f64) / as_real(&Value::Long(self.count)).unwrap_or(0.0),
            ),
            ColumnType::Decimal => self
                .decimal
                .checked_div(Decimal::from(self.count))
                .filter(|_| !self.overflow)
                .map_or(Value::Null, Value::Decimal),
            _ => self
                .ticks
                .checked_div(i128::from(self.count))
                .map_or(Value::Null, |mean| whole(mean, ty)),
        }
    }
}

fn whole(number: i128, ty: ColumnType) -> Value {
    let Ok(number) = i64::try_from(number) else {
        return Value::Null;
    };
    match ty {
        ColumnType::TimeSpan => Value::TimeSpan(number),
        ColumnType::DateTime => Value::DateTime(number),
        _ => Value::Long(number),
    }
}
