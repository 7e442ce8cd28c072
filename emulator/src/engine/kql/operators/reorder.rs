//! The operators that put columns in another order: `project-reorder` and `project-by-names`.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::super::super::value::Value;
use super::super::ast::{Expr, Pattern};
use super::super::bound::Node;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;

/// Which columns come next, and in which order.
#[derive(Clone, Debug, PartialEq)]
pub struct Reordering {
    pattern: Pattern,
    order: Option<Order>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    ascending: bool,
    /// Numbers inside the names count as numbers.
    numeric: bool,
}

impl Parser<'_> {
    pub(in super::super) fn reordering(&mut self) -> Parsed<Reordering> {
        let pattern = self.pattern()?;
        let mut ahead = self.clone();
        let order = match ahead.hyphenated().as_deref() {
            Some("asc") => Some((true, false)),
            Some("desc") => Some((false, false)),
            Some("granny-asc") => Some((true, true)),
            Some("granny-desc") => Some((false, true)),
            _ => None,
        };
        if order.is_some() {
            *self = ahead;
        }
        Ok(Reordering {
            pattern,
            order: order.map(|(ascending, numeric)| Order { ascending, numeric }),
        })
    }
}

impl Order {
    fn compare(self, left: &str, right: &str) -> Ordering {
        let order = match self.numeric {
            true => pieces(left).cmp(&pieces(right)),
            false => left.cmp(right),
        };
        if self.ascending {
            order
        } else {
            order.reverse()
        }
    }
}

/// The texts and numbers that a name consists of.
fn pieces(name: &str) -> Vec<(String, u128)> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (text, tail) = rest.split_at(text);
        let digits = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (digits, tail) = tail.split_at(digits);
        pieces.push((text.to_owned(), digits.parse().unwrap_or(u128::MAX)));
        rest = tail;
    }
    pieces
}

impl Run<'_> {
    pub(in super::super) fn reorder(
        &self,
        input: &Relation,
        list: &[Reordering],
    ) -> Parsed<Relation> {
        let scope = self.scope(&input.columns, "project-reorder");
        let names: Vec<&str> = input
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let mut places: Vec<usize> = Vec::new();
        for Reordering { pattern, order } in list {
            if !names.iter().any(|name| pattern.matches(name)) {
                return Err(scope.unresolved(&pattern.text, pattern.at));
            }
            let free = |at: &usize| !places.contains(at) && pattern.matches(names[*at]);
            let mut chosen: Vec<usize> = (0..names.len()).filter(free).collect();
            if let Some(order) = order {
                chosen.sort_by(|l, r| order.compare(names[*l], names[*r]));
            }
            places.extend(chosen);
        }
        let rest: Vec<usize> = (0..names.len()).filter(|at| !places.contains(at)).collect();
        places.extend(rest);
        Ok(arranged(input, &places))
    }

    /// `project-by-names`: the columns whose names are in constant texts and arrays, patterns too;
    /// names of no column are no error.
    pub(in super::super) fn by_names(&self, input: &Relation, list: &[Expr]) -> Parsed<Relation> {
        let scope = self.scope(&input.columns, "project-by-names");
        let mut places: Vec<usize> = Vec::new();
        for expr in list {
            let names: Vec<String> = match scope.bind(expr)?.node {
                Node::Constant(Value::String(name)) => vec![name],
                Node::Constant(Value::Dynamic(Json::Array(names))) => {
                    let names = names.iter().filter_map(Json::as_str);
                    names.map(str::to_owned).collect()
                }
                _ => {
                    let message = "columns are named by constant texts and arrays of texts";
                    return Err(scope.error("SEM0028", expr.at, message));
                }
            };
            for text in names {
                let pattern = Pattern {
                    wild: text.contains('*'),
                    text,
                    at: expr.at,
                };
                let chosen = (0..input.columns.len())
                    .filter(|at| pattern.matches(&input.columns[*at].name))
                    .filter(|at| !places.contains(at));
                places.extend(chosen.collect::<Vec<_>>());
            }
        }
        Ok(arranged(input, &places))
    }
}

/// The columns at these places, in this order.
fn arranged(input: &Relation, places: &[usize]) -> Relation {
    let columns = places.iter().map(|at| input.columns[*at].clone()).collect();
    let rows = input.rows.iter();
    let rows = rows.map(|row| places.iter().map(|at| row[*at].clone()).collect());
    Relation::new(columns, rows.collect())
}
