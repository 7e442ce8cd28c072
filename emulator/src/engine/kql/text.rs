//! Tests on text: `=~`, `has`, `contains` and their kin.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::value::{ColumnType, Value};
use super::super::watch::goes_on;
use super::ast::{TextOp, TextTest};
use super::bound::{Bound, Node};
use super::functions::compiled;
use super::parser::Parsed;
use super::scope::{Scope, convert, is_hidden};

/// Resolves a test.
///
/// # Errors
/// When an operand is no text, or the pattern no regular expression.
pub(super) fn bind(
    scope: &Scope<'_>,
    op: TextOp,
    left: Bound,
    right: Bound,
    at: usize,
) -> Parsed<Bound> {
    for side in [&left, &right] {
        if !matches!(side.ty, ColumnType::String | ColumnType::Dynamic) {
            let message = format!(
                "a text operator does not work on a {}. Try tostring()",
                side.ty.kusto_name()
            );
            return Err(scope.error("SEM0064", at, message));
        }
    }
    if is_constant_dynamic(&right) && by_terms(op.test) {
        let message = "a term is no constant of type dynamic. Try tostring()";
        return Err(scope.error("SEM0064", at, message));
    }
    let (left, right) = (
        convert(left, ColumnType::String),
        convert(right, ColumnType::String),
    );
    if op.test == TextTest::Matches {
        return matches(scope, left, right, at);
    }
    let function = move |v: &[Cow<'_, Value>]| match (v[0].as_ref(), v[1].as_ref()) {
        (Value::String(text), Value::String(wanted)) => {
            Value::Bool(holds(op, text, wanted) != op.negated)
        }
        _ => Value::Bool(op.negated),
    };
    Ok(Bound::apply(
        ColumnType::Bool,
        vec![left, right],
        Arc::new(function),
    ))
}

fn is_constant_dynamic(bound: &Bound) -> bool {
    bound.ty == ColumnType::Dynamic && matches!(bound.node, Node::Constant(_))
}

/// Whether the test is of `has` or its kin.
fn by_terms(test: TextTest) -> bool {
    matches!(
        test,
        TextTest::Has | TextTest::HasPrefix | TextTest::HasSuffix
    )
}

/// Whether the test that `bind` makes of a column holds for any of them. Columns that it does not
/// fit are left out.
///
/// # Errors
/// When it fits none.
pub(super) fn any_column(
    scope: &Scope<'_>,
    at: usize,
    bind: impl Fn(Bound) -> Parsed<Bound>,
) -> Parsed<Bound> {
    let tests = scope
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| !is_hidden(&column.name))
        .filter_map(|(position, column)| {
            bind(Bound {
                node: Node::Column(position),
                ty: column.ty,
            })
            .ok()
        });
    tests
        .reduce(|one, other| Bound {
            node: Node::Or(Box::new([one.node, other.node])),
            ty: ColumnType::Bool,
        })
        .ok_or_else(|| scope.error("SEM0001", at, "the test of '*' fits no column"))
}

/// Resolves `has_any` and `has_all`. Terms are of any type but dynamic, or arrays of them.
///
/// # Errors
/// When the first operand is no text.
pub(super) fn terms(
    scope: &Scope<'_>,
    value: Bound,
    list: Vec<Bound>,
    all: bool,
    at: usize,
) -> Parsed<Bound> {
    if !matches!(value.ty, ColumnType::String | ColumnType::Dynamic) {
        let message = format!("has_any does not work on a {}", value.ty.kusto_name());
        return Err(scope.error("SEM0064", at, message));
    }
    let arguments = std::iter::once(convert(value, ColumnType::String)).chain(list);
    let function = move |v: &[Cow<'_, Value>]| {
        let text = v[0].to_text().to_lowercase();
        let mut terms = v[1..].iter().flat_map(|term| match term.as_ref() {
            Value::Dynamic(serde_json::Value::Array(terms)) => terms
                .iter()
                .map(|term| Value::Dynamic(term.clone()).to_text())
                .collect(),
            other => vec![other.to_text()],
        });
        let found = |term: String| goes_on() && contains_term(&text, &term.to_lowercase());
        Value::Bool(if all {
            terms.all(found)
        } else {
            terms.any(found)
        })
    };
    Ok(Bound::apply(
        ColumnType::Bool,
        arguments.collect(),
        Arc::new(function),
    ))
}

/// Whether the term stands alone in the text.
pub(super) fn contains_term(text: &str, term: &str) -> bool {
    has(text, term, true, true)
}

/// A pattern that is constant must be a regular expression; of another one that is none no text is a match.
fn matches(scope: &Scope<'_>, left: Bound, right: Bound, at: usize) -> Parsed<Bound> {
    if let Node::Constant(Value::String(pattern)) = &right.node
        && compiled(pattern).is_none()
    {
        let message = format!("'{pattern}' is not a valid regular expression");
        return Err(scope.error("SEM0420", at, message));
    }
    let function = move |v: &[Cow<'_, Value>]| match (v[0].as_ref(), v[1].as_ref()) {
        (Value::String(text), Value::String(pattern)) => {
            Value::Bool(compiled(pattern).is_some_and(|regex| regex.is_match(text)))
        }
        _ => Value::Bool(false),
    };
    Ok(Bound::apply(
        ColumnType::Bool,
        vec![left, right],
        Arc::new(function),
    ))
}

fn holds(op: TextOp, text: &str, wanted: &str) -> bool {
    if op.cased {
        return test(op.test, text, wanted);
    }
    test(op.test, &text.to_lowercase(), &wanted.to_lowercase())
}

fn test(kind: TextTest, text: &str, wanted: &str) -> bool {
    match kind {
        TextTest::Equals | TextTest::Matches => text == wanted,
        TextTest::Contains => text.contains(wanted),
        TextTest::StartsWith => text.starts_with(wanted),
        TextTest::EndsWith => text.ends_with(wanted),
        TextTest::Has => has(text, wanted, true, true),
        TextTest::HasPrefix => has(text, wanted, true, false),
        TextTest::HasSuffix => has(text, wanted, false, true),
    }
}

/// Whether the wanted text stands in the text with a term's boundary at the sides asked for. A
/// term is a run of letters and digits.
fn has(text: &str, wanted: &str, at_start: bool, at_end: bool) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let joins = |outer: Option<char>, inner: Option<char>| {
        outer.is_some_and(char::is_alphanumeric) && inner.is_some_and(char::is_alphanumeric)
    };
    text.match_indices(wanted).any(|(at, _)| {
        let start_joins = joins(text[..at].chars().next_back(), wanted.chars().next());
        let end_joins = joins(
            text[at + wanted.len()..].chars().next(),
            wanted.chars().next_back(),
        );
        !(at_start && start_joins || at_end && end_joins)
    })
}
