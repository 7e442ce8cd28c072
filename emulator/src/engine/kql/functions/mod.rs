//! Scalar functions: one table of records, one file per family.

mod addresses;
mod addresses6;
mod arrays;
mod bags;
mod binning;
mod bits;
mod compression;
mod conditions;
mod conversions;
mod datetime;
mod encodings;
mod formats;
mod geography;
mod geometry;
mod hash;
mod math;
mod networks;
mod origin;
mod paths;
mod punycode;
mod record;
mod regular;
mod series;
mod service;
mod sets;
mod sketches;
mod sorting;
mod special;
mod strings;
mod units;
mod values;
mod xml;
mod zones;

use super::ast::{Expr, ExprKind};
use super::bound::Bound;
use super::parser::Parsed;
use super::scope::{Scope, is_hidden};
pub(super) use conversions::guid;
pub(super) use record::Naming;
use record::{Call, Function};
pub(super) use regular::compiled;
pub(super) use service::PRINCIPAL;
pub(super) use sorting::{sorted_apart, sorted_name};

/// All functions; those of one name are its overloads, the first that fits is taken.
fn table() -> impl Iterator<Item = &'static Function> {
    [
        addresses::FUNCTIONS,
        addresses6::FUNCTIONS,
        arrays::FUNCTIONS,
        bags::FUNCTIONS,
        binning::FUNCTIONS,
        bits::FUNCTIONS,
        compression::FUNCTIONS,
        conditions::FUNCTIONS,
        conversions::FUNCTIONS,
        datetime::FUNCTIONS,
        encodings::FUNCTIONS,
        formats::FUNCTIONS,
        geography::FUNCTIONS,
        geometry::FUNCTIONS,
        hash::FUNCTIONS,
        math::FUNCTIONS,
        origin::FUNCTIONS,
        paths::FUNCTIONS,
        punycode::FUNCTIONS,
        regular::FUNCTIONS,
        series::FUNCTIONS,
        service::FUNCTIONS,
        sets::FUNCTIONS,
        sketches::FUNCTIONS,
        sorting::FUNCTIONS,
        special::FUNCTIONS,
        strings::FUNCTIONS,
        units::FUNCTIONS,
        xml::FUNCTIONS,
        zones::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// The name a column gets that is nothing but this expression, if the expression lends one.
pub(super) fn result_name(expr: &Expr) -> Option<String> {
    sorting::sorted_name(expr).or_else(|| lent_name(expr))
}

/// The name that an expression lends to one around it.
fn lent_name(expr: &Expr) -> Option<String> {
    let of_base = |base: &Expr| lent_name(base).filter(|name| !is_hidden(name));
    match &expr.kind {
        ExprKind::Name(name) | ExprKind::Assigned(name, _) => Some(name.clone()),
        ExprKind::Member(base, member) => Some(match of_base(base) {
            Some(base) => format!("{base}_{member}"),
            None => member.clone(),
        }),
        ExprKind::Index(base, key) => match (of_base(base), &key.kind) {
            (Some(base), ExprKind::Literal(key, _)) => Some(format!("{base}_{}", key.to_text())),
            (Some(base), _) => Some(format!("{base}_")),
            (None, ExprKind::Literal(key, _)) => Some(key.to_text()),
            (None, _) => None,
        },
        ExprKind::Call(name, arguments) => {
            if let Some(aggregate) = super::aggregate::name_of_call(name, arguments) {
                return Some(aggregate);
            }
            let function = table()
                .find(|function| function.name == name && function.takes(arguments.len()))?;
            function.naming.of(name, arguments)
        }
        _ => None,
    }
}

/// Resolves a call.
///
/// # Errors
/// When the function is unknown, or its arguments do not fit.
pub(super) fn bind(scope: &Scope<'_>, name: &str, arguments: &[Expr], at: usize) -> Parsed<Bound> {
    let overloads: Vec<&Function> = table().filter(|function| function.name == name).collect();
    if overloads.is_empty() {
        return Err(scope.error("SEM0260", at, format!("Unknown function: '{name}'.")));
    }
    if !overloads
        .iter()
        .any(|function| function.takes(arguments.len()))
    {
        let message = format!(
            "{name}(): the number of arguments is wrong: {}",
            arguments.len()
        );
        return Err(scope.error("SEM0219", at, message));
    }
    let call = Call {
        scope,
        name,
        at,
        written: arguments,
    };
    if let Some(special) = overloads.iter().find_map(|function| function.raw()) {
        return special(&call);
    }
    let bound: Vec<Bound> = arguments
        .iter()
        .map(|argument| scope.bind(argument))
        .collect::<Parsed<Vec<_>>>()?;
    let mut refusal = None;
    for function in overloads {
        if !function.takes(bound.len()) {
            continue;
        }
        match function.bind(&call, bound.clone()) {
            Ok(bound) => return Ok(bound),
            Err(error) => refusal = Some(error),
        }
    }
    Err(refusal.unwrap_or_else(|| call.mismatch("these")))
}
