//! The `summarize` and `distinct` operators.

use std::collections::{HashMap, HashSet};

use super::super::schema::Column;
use super::super::table::Row;
use super::super::value::ColumnType;
use super::aggregate::{self, Aggregate, State, is_aggregate};
use super::ast::{Expr, ExprKind, Named};
use super::bound::Bound;
use super::budget::Made;
use super::cast::push_key;
use super::functions::{result_name, sorted_apart};
use super::parser::Parsed;
use super::relation::{Relation, Rows};
use super::scope::Scope;

/// An output column: its name if it was given or lent, and what computes it from the group's row.
enum Output {
    /// An aggregation alone: its values stand at this position, in this many columns, of which the
    /// first may be given names.
    Plain {
        names: Vec<String>,
        first: usize,
        columns: Vec<Column>,
    },
    /// An expression over aggregations.
    Computed { name: Option<String>, expr: Expr },
}

/// Runs `summarize`.
///
/// # Errors
/// A semantic error.
pub(super) fn run(
    scope: &Scope<'_>,
    rows: &Rows,
    aggregates: &[Named],
    by: &[Named],
) -> Parsed<Relation> {
    let aggregates: Vec<Named> = aggregates.iter().flat_map(sorted_apart).collect();
    declared_once(scope, by.iter().chain(&aggregates))?;
    let keys: Vec<Bound> = by
        .iter()
        .map(|named| scope.bind(&named.expr))
        .collect::<Parsed<_>>()?;
    let mut columns = Vec::new();
    for (named, bound) in by.iter().zip(&keys) {
        push_column(
            &mut columns,
            named.name.clone().or_else(|| result_name(&named.expr)),
            bound,
        );
    }
    // A group is made of scalars.
    if let Some((named, _)) = by
        .iter()
        .zip(&keys)
        .find(|(_, key)| key.ty == ColumnType::Dynamic)
    {
        let message = "a dynamic cannot be a group's key. Try tostring()";
        return Err(scope.error("SEM0032", named.expr.at, message));
    }
    let key_names: Vec<String> = by
        .iter()
        .filter_map(|named| result_name(&named.expr))
        .collect();
    let mut plan = Plan {
        scope,
        by: &key_names,
        found: Vec::new(),
        hidden: Vec::new(),
    };
    let outputs = aggregates
        .iter()
        .map(|named| plan.output(named))
        .collect::<Parsed<Vec<_>>>()?;
    let groups = group(rows, &keys, &plan.found);
    arrange(scope, columns, groups, &plan.hidden, outputs)
}

/// Runs `distinct`.
///
/// # Errors
/// A semantic error.
pub(super) fn distinct(
    scope: &Scope<'_>,
    rows: &Rows,
    columns: Option<&[Named]>,
) -> Parsed<Relation> {
    match columns {
        Some(columns) => run(scope, rows, &[], columns),
        None => {
            let all = scope.columns.iter().map(|column| Named {
                name: None,
                expr: Expr {
                    kind: ExprKind::Name(column.name.clone()),
                    at: 0,
                },
            });
            run(scope, rows, &[], &all.collect::<Vec<_>>())
        }
    }
}

/// The aggregations found in the outputs, and the columns their values go to before the outputs
/// are computed from them.
struct Plan<'p> {
    scope: &'p Scope<'p>,
    by: &'p [String],
    found: Vec<Aggregate>,
    hidden: Vec<Column>,
}

impl Plan<'_> {
    fn output(&mut self, named: &Named) -> Parsed<Output> {
        let name = named.name.clone();
        let (more, expr) = match &named.expr.kind {
            ExprKind::Names(more, expr) => (more.as_slice(), expr.as_ref()),
            _ => (&[][..], &named.expr),
        };
        if let ExprKind::Call(function, _) = &expr.kind
            && is_aggregate(function)
        {
            let first = self.hidden.len();
            let columns = self.aggregate(expr)?;
            let names: Vec<String> = name.into_iter().chain(more.iter().cloned()).collect();
            if names.len() > columns.len() {
                let message = "there are more names than columns";
                return Err(self.scope.error("SEM0022", named.expr.at, message));
            }
            return Ok(Output::Plain {
                names,
                first,
                columns,
            });
        }
        let before = self.found.len();
        let expr = self.extract(&named.expr)?;
        if self.found.len() == before {
            let message = "an expression of summarize must hold an aggregation function";
            return Err(self.scope.error("SEM0022", named.expr.at, message));
        }
        let name = name.or_else(|| result_name(&named.expr));
        Ok(Output::Computed { name, expr })
    }

    fn aggregate(&mut self, expr: &Expr) -> Parsed<Vec<Column>> {
        let aggregate = aggregate::bind(self.scope, expr, self.by)?;
        let columns = aggregate.columns.clone();
        // A name that no text can hold keeps them apart from the table's columns.
        let start = self.hidden.len();
        let hidden = columns
            .iter()
            .enumerate()
            .map(|(at, column)| Column::new(hidden_name(start + at), column.ty));
        self.hidden.extend(hidden);
        self.found.push(aggregate);
        Ok(columns)
    }

    /// The expression with its aggregations replaced by the hidden columns.
    fn extract(&mut self, expr: &Expr) -> Parsed<Expr> {
        let mut pair = |left: &Expr, right: &Expr| -> Parsed<(Box<Expr>, Box<Expr>)> {
            Ok((
                Box::new(self.extract(left)?),
                Box::new(self.extract(right)?),
            ))
        };
        let kind = match &expr.kind {
            ExprKind::Call(name, _) if is_aggregate(name) => {
                let start = self.hidden.len();
                if self.aggregate(expr)?.len() != 1 {
                    return Err(self.scope.error(
                        "SEM0022",
                        expr.at,
                        format!("{name}() of several columns stands alone"),
                    ));
                }
                ExprKind::Name(hidden_name(start))
            }
            ExprKind::Call(name, arguments) => {
                let arguments = arguments
                    .iter()
                    .map(|argument| self.extract(argument))
                    .collect::<Parsed<_>>()?;
                ExprKind::Call(name.clone(), arguments)
            }
            ExprKind::Binary(op, left, right) => {
                let (left, right) = pair(left, right)?;
                ExprKind::Binary(*op, left, right)
            }
            ExprKind::Text(op, left, right) => {
                let (left, right) = pair(left, right)?;
                ExprKind::Text(*op, left, right)
            }
            ExprKind::Index(base, key) => {
                let (base, key) = pair(base, key)?;
                ExprKind::Index(base, key)
            }
            ExprKind::Member(base, member) => {
                ExprKind::Member(Box::new(self.extract(base)?), member.clone())
            }
            ExprKind::Negate(operand) => ExprKind::Negate(Box::new(self.extract(operand)?)),
            ExprKind::Plus(operand) => ExprKind::Plus(Box::new(self.extract(operand)?)),
            other => other.clone(),
        };
        Ok(Expr { kind, at: expr.at })
    }
}

fn hidden_name(at: usize) -> String {
    format!("\0{at}")
}

/// A row per group, in the order of their first rows: the keys, then every aggregation's values.
fn group(rows: &Rows, keys: &[Bound], aggregates: &[Aggregate]) -> Vec<(Row, Row)> {
    let fresh = || {
        aggregates
            .iter()
            .map(|_| State::default())
            .collect::<Vec<_>>()
    };
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut groups: Vec<(Row, Vec<State>)> = Vec::new();
    if keys.is_empty() {
        groups.push((Row::new(), fresh()));
    }
    let mut key = Vec::new();
    for row in rows.iter() {
        let place = if keys.is_empty() {
            0
        } else {
            key.clear();
            let values: Vec<_> = keys.iter().map(|bound| bound.eval(row)).collect();
            values.iter().for_each(|value| push_key(value, &mut key));
            match places.get(&key) {
                Some(place) => *place,
                None => {
                    places.insert(key.clone(), groups.len());
                    groups.push((
                        values
                            .into_iter()
                            .map(std::borrow::Cow::into_owned)
                            .collect(),
                        fresh(),
                    ));
                    groups.len() - 1
                }
            }
        };
        for (aggregate, state) in aggregates.iter().zip(&mut groups[place].1) {
            aggregate.add(state, row);
        }
    }
    let finish = |states: Vec<State>| {
        aggregates
            .iter()
            .zip(states)
            .flat_map(|(aggregate, state)| aggregate.finish(state))
            .collect()
    };
    groups
        .into_iter()
        .map(|(keys, states)| (keys, finish(states)))
        .collect()
}

/// Keys and outputs side by side.
fn arrange(
    scope: &Scope<'_>,
    mut columns: Vec<Column>,
    groups: Vec<(Row, Row)>,
    hidden: &[Column],
    outputs: Vec<Output>,
) -> Parsed<Relation> {
    let width = columns.len();
    // Expressions see the hidden columns and, as in `count() / bin_size`, the keys.
    let visible: Vec<Column> = hidden.iter().chain(&columns[..width]).cloned().collect();
    let scope = Scope {
        columns: &visible,
        ..*scope
    };
    let mut computed: Vec<Bound> = Vec::new();
    for output in outputs {
        match output {
            Output::Plain {
                names,
                first,
                columns: plain,
            } => {
                for (at, column) in plain.iter().enumerate() {
                    let bound = Bound {
                        node: super::bound::Node::Column(first + at),
                        ty: column.ty,
                    };
                    let given = names.get(at).cloned();
                    push_column(
                        &mut columns,
                        given.or_else(|| Some(column.name.clone())),
                        &bound,
                    );
                    computed.push(bound);
                }
            }
            Output::Computed { name, expr } => {
                let bound = scope.bind(&expr)?;
                push_column(&mut columns, name, &bound);
                computed.push(bound);
            }
        }
    }
    let mut made = Made::default();
    for (keys, values) in groups {
        let all: Row = values.into_iter().chain(keys.iter().cloned()).collect();
        let outputs = computed.iter().map(|bound| bound.eval(&all).into_owned());
        made.push(keys.into_iter().chain(outputs).collect())?;
    }
    Ok(Relation::new(columns, made.into_rows()))
}

/// That no two of a list are given one name. A column that stands alone gives its own; other
/// expressions lend theirs, and a lent name is numbered instead.
///
/// # Errors
/// At the second one.
pub(super) fn declared_once<'n>(
    scope: &Scope<'_>,
    list: impl Iterator<Item = &'n Named>,
) -> Parsed<()> {
    let mut known: HashSet<&str> = HashSet::new();
    for named in list {
        let name = match (&named.name, &named.expr.kind) {
            (Some(name), _) | (None, ExprKind::Name(name)) => name,
            _ => continue,
        };
        // The hidden column of a call is no name that is written.
        if !name.contains('\0') && !known.insert(name) {
            let message = format!("a column with the name '{name}' is already declared");
            return Err(scope.error("SEM0106", named.expr.at, message));
        }
    }
    Ok(())
}

/// Adds a column; a missing name becomes `Column1`..., a name already there gets a number.
pub(super) fn push_column(columns: &mut Vec<Column>, name: Option<String>, bound: &Bound) {
    let taken = |name: &str| columns.iter().any(|column| column.name == name);
    let unique = match name {
        Some(name) if !taken(&name) => name,
        Some(name) => numbered(&name, taken),
        None => numbered("Column", taken),
    };
    columns.push(Column::new(unique, bound.ty));
}

fn numbered(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut number = 1_usize;
    loop {
        let candidate = format!("{name}{number}");
        if !taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}
