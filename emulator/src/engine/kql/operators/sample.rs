//! The `sample` and `sample-distinct` operators. A sample is random; of distinct values any will do, so the
//! first are taken.

use super::super::ast::{Expr, Named};
use super::super::parser::Parsed;
use super::super::relation::Relation;
use super::super::run::Run;
use super::super::summarize;

impl Run<'_> {
    pub(super) fn sample(&self, input: Relation, number: &Expr) -> Parsed<Relation> {
        let number = self.scope(&[], "sample").bind_count(number)?;
        let mut places: Vec<usize> = (0..input.rows.len()).collect();
        let number = number.min(places.len());
        for at in 0..number {
            let other = at + below(places.len() - at);
            places.swap(at, other);
        }
        let mut chosen = places[..number].to_vec();
        chosen.sort_unstable();
        let mut next = chosen.into_iter().peekable();
        let mut at = 0..;
        let rows = input.rows.clone().filtered(|_| {
            let place = at.next();
            next.next_if(|chosen| Some(*chosen) == place).is_some()
        });
        Ok(input.with_rows(rows))
    }

    pub(super) fn sample_distinct(
        &self,
        input: &Relation,
        number: &Expr,
        of: &Expr,
    ) -> Parsed<Relation> {
        let number = self.scope(&[], "sample-distinct").bind_count(number)?;
        let scope = self.scope(&input.columns, "sample-distinct");
        let of = Named {
            name: None,
            expr: of.clone(),
        };
        let distinct = summarize::distinct(&scope, &input.rows, Some(&[of]))?;
        let rows = distinct.rows.clone().first(number);
        Ok(distinct.with_rows(rows))
    }
}

/// A random whole number below this one.
fn below(number: usize) -> usize {
    // A random identifier's digits are evenly spread but for six bits of its version.
    let bits = uuid::Uuid::new_v4().as_u128() & u128::from(u32::MAX);
    usize::try_from(bits).unwrap_or(0) % number.max(1)
}
