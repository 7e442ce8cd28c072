//! Functions that choose and test: `iff`, `case`, `coalesce`, `isnull` and their kin.

use std::cmp::Ordering;

use super::super::super::value::{ColumnType, Value};
use super::super::arithmetic::wider;
use super::super::ast::ExprKind;
use super::super::bound::{Bound, Node, is_empty_text};
use super::super::cast::{compare, equal};
use super::super::parser::Parsed;
use super::super::scope::convert;
use super::record::{Call, Function, Kind, Naming, Returns, Values};
use super::values::text;

const MOST: usize = 64;

const fn test(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::Any], Returns::Type(ColumnType::Bool), run)
}

const IS_NOT_NULL: Function = test("isnotnull", |v| Some(Value::Bool(!v[0].is_null())));
const IS_NOT_EMPTY: Function = test("isnotempty", |v| Some(Value::Bool(!is_absent(v))));
const IFF: Function = Function::bound("iff", &[Kind::Any, Kind::Any, Kind::Any], case);
const COLUMN_IF_EXISTS: Function = Function::written(
    "column_ifexists",
    &[Kind::ConstantText, Kind::Any],
    column_if_exists,
);

pub(super) const FUNCTIONS: &[Function] = &[
    test("isnull", |v| Some(Value::Bool(v[0].is_null()))),
    IS_NOT_NULL,
    IS_NOT_NULL.alias("notnull"),
    test("isempty", |v| Some(Value::Bool(is_absent(v)))),
    IS_NOT_EMPTY,
    IS_NOT_EMPTY.alias("notempty"),
    Function::new(
        "not",
        &[Kind::Of(ColumnType::Bool)],
        Returns::First,
        |v| match v[0].as_ref() {
            Value::Bool(value) => Some(Value::Bool(!value)),
            _ => None,
        },
    ),
    IFF,
    IFF.alias("iif"),
    Function::bound("case", &[Kind::Any, Kind::Any, Kind::Any], case).repeated(32_767),
    Function::bound("coalesce", &[Kind::Any, Kind::Any], coalesce).repeated(MOST),
    Function::bound("max_of", &[Kind::Any, Kind::Any], |call, arguments| {
        best(call, arguments, Ordering::Greater)
    })
    .repeated(MOST),
    Function::bound("min_of", &[Kind::Any, Kind::Any], |call, arguments| {
        best(call, arguments, Ordering::Less)
    })
    .repeated(MOST),
    COLUMN_IF_EXISTS,
    COLUMN_IF_EXISTS.alias("columnifexists"),
    Function::new(
        "isascii",
        &[Kind::AsText],
        Returns::Type(ColumnType::Bool),
        |v| Some(Value::Bool(text(v, 0).is_ascii())),
    ),
    // A string of the emulator is always valid UTF-8.
    Function::new(
        "isutf8",
        &[Kind::AsText],
        Returns::Type(ColumnType::Bool),
        |_| Some(Value::Bool(true)),
    ),
    Function::bound("around", &[Kind::Any, Kind::Any, Kind::Any], around),
    Function::written("rand", &[Kind::Whole], random)
        .optional(1)
        .named(Naming::First),
    Function::written("new_guid", &[], |_| {
        Ok(Bound {
            node: Node::Apply(
                std::sync::Arc::new(|_| Value::Guid(uuid::Uuid::new_v4())),
                Vec::new(),
            ),
            ty: ColumnType::Guid,
        })
    }),
];

fn is_absent(v: &Values<'_>) -> bool {
    v[0].is_null() || is_empty_text(&v[0])
}

/// One type for all results: theirs, or the widest number. A dynamic takes the others' type.
fn unify(call: &Call<'_>, results: &[Bound], mixed: bool) -> Parsed<ColumnType> {
    let mut common: Option<ColumnType> = None;
    for ty in results.iter().map(|result| result.ty) {
        common = Some(match common {
            None => ty,
            Some(found) if found == ty => ty,
            Some(found) if found.is_numeric() && ty.is_numeric() => wider(found, ty),
            Some(ColumnType::Dynamic) if mixed => ty,
            Some(found) if mixed && ty == ColumnType::Dynamic => found,
            Some(found) => {
                let (one, other) = (found.kusto_name(), ty.kusto_name());
                let message = format!("the results are of types {one} and {other}");
                return Err(call.error("SEM0064", &message));
            }
        });
    }
    common.ok_or_else(|| call.mismatch("nothing"))
}

fn case(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    if arguments.len().is_multiple_of(2) {
        return Err(call.error("SEM0219", "the last argument, the else value, is missing"));
    }
    let (mut conditions, mut results) = (Vec::new(), Vec::new());
    let last = arguments.len() - 1;
    for (position, argument) in arguments.into_iter().enumerate() {
        if position % 2 == 0 && position < last {
            if argument.ty != ColumnType::Bool {
                return Err(call.mismatch(argument.ty.kusto_name()));
            }
            conditions.push(argument.node);
        } else {
            results.push(argument);
        }
    }
    let ty = unify(call, &results, true)?;
    let mut nodes: Vec<Node> = results
        .into_iter()
        .map(|result| convert(result, ty).node)
        .collect();
    let otherwise = nodes.pop().unwrap_or(Node::Constant(Value::absent(ty)));
    let arms = conditions.into_iter().zip(nodes).collect();
    Ok(Bound {
        node: Node::Case(arms, Box::new(otherwise)),
        ty,
    })
}

fn coalesce(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    let ty = unify(call, &arguments, false)?;
    let nodes = arguments
        .into_iter()
        .map(|argument| convert(argument, ty).node)
        .collect();
    Ok(Bound {
        node: Node::Coalesce(nodes),
        ty,
    })
}

/// The greatest or least argument; nulls are passed over.
fn best(call: &Call<'_>, arguments: Vec<Bound>, wanted: Ordering) -> Parsed<Bound> {
    let ty = unify(call, &arguments, false)?;
    if matches!(ty, ColumnType::Dynamic | ColumnType::Guid) {
        return Err(call.mismatch(ty.kusto_name()));
    }
    let arguments = arguments
        .into_iter()
        .map(|argument| convert(argument, ty))
        .collect();
    let run = move |v: &Values<'_>| {
        let mut best: Option<&Value> = None;
        for value in v.iter().map(AsRef::as_ref).filter(|value| !value.is_null()) {
            if best.is_none_or(|best| compare(value, best) == Some(wanted)) {
                best = Some(value);
            }
        }
        best.cloned().unwrap_or_else(|| Value::absent(ty))
    };
    Ok(Bound::apply(ty, arguments, std::sync::Arc::new(run)))
}

fn column_if_exists(call: &Call<'_>) -> Parsed<Bound> {
    let [name, otherwise] = call.written else {
        return Err(call.mismatch("nothing"));
    };
    let Node::Constant(Value::String(name)) = call.scope.bind(name)?.node else {
        return Err(call.error("SEM0031", "the column's name must be constant"));
    };
    if call.scope.columns.iter().any(|column| column.name == name) {
        let kind = ExprKind::Name(name);
        return call
            .scope
            .bind(&super::super::ast::Expr { kind, at: call.at });
    }
    call.scope.bind(otherwise)
}

/// Whether the value is within delta of the center, both ends included.
fn around(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    use super::super::ast::BinaryOp::{Add, Subtract};
    let [value, center, delta]: [Bound; 3] =
        arguments.try_into().map_err(|_| call.mismatch("nothing"))?;
    let fits = match (value.ty, center.ty, delta.ty) {
        (v, c, d) if v.is_numeric() => c.is_numeric() && d.is_numeric(),
        (ColumnType::DateTime, c, d) => c == ColumnType::DateTime && d == ColumnType::TimeSpan,
        (ColumnType::TimeSpan, c, d) => c == ColumnType::TimeSpan && d == ColumnType::TimeSpan,
        _ => false,
    };
    if !fits {
        return Err(call.mismatch(value.ty.kusto_name()));
    }
    let bind = super::super::arithmetic::bind;
    let low = bind(call.scope, Subtract, center.clone(), delta.clone(), call.at)?;
    let high = bind(call.scope, Add, center, delta, call.at)?;
    let inside = |v: &Values<'_>| {
        if v.iter().any(|value| value.is_null()) {
            return Value::Null;
        }
        let above =
            equal(&v[0], &v[1]) == Some(true) || compare(&v[0], &v[1]) == Some(Ordering::Greater);
        let below =
            equal(&v[0], &v[2]) == Some(true) || compare(&v[0], &v[2]) == Some(Ordering::Less);
        Value::Bool(above && below)
    };
    Ok(Bound::apply(
        ColumnType::Bool,
        vec![value, low, high],
        std::sync::Arc::new(inside),
    ))
}

/// A number from 0 up to but without 1, or a whole one below the argument; a new one for every row.
fn random(call: &Call<'_>) -> Parsed<Bound> {
    let below = match call.written.first() {
        None => Bound::constant(Value::Null, ColumnType::Long),
        Some(below) => call.scope.bind(below)?,
    };
    if !matches!(below.ty, ColumnType::Int | ColumnType::Long) {
        return Err(call.mismatch(below.ty.kusto_name()));
    }
    #[allow(clippy::cast_precision_loss)]
    let run = |v: &Values<'_>| {
        let bits = uuid::Uuid::new_v4().as_u128();
        // The lowest 52 bits of a random identifier are free of its version.
        let unit = (bits & 0xF_FFFF_FFFF_FFFF) as f64 / (1_u64 << 52) as f64;
        match super::super::cast::as_real(&v[0]) {
            Some(below) if below > 0.0 => Value::Real((unit * below).floor()),
            _ => Value::Real(unit),
        }
    };
    Ok(Bound {
        node: Node::Apply(std::sync::Arc::new(run), vec![below.node]),
        ty: ColumnType::Real,
    })
}
