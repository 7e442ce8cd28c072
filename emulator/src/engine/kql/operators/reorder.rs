//! The `project-reorder` operator.

use std::cmp::Ordering;

use super::super::ast::Pattern;
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
            if !pattern.wild {
                scope.column(&pattern.text, pattern.at)?;
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
        let columns = places.iter().map(|at| input.columns[*at].clone()).collect();
        let rows = input.rows.iter();
        let rows = rows.map(|row| places.iter().map(|at| row[*at].clone()).collect());
        Ok(Relation::new(columns, rows.collect()))
    }
}
