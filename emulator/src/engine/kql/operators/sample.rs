//! The `sample` and `sample-distinct` operators: any rows will do, so here they are spread evenly.

use super::super::ast::{Expr, Named};
use super::super::parser::Parsed;
use super::super::relation::{Relation, Rows};
use super::super::run::Run;
use super::super::summarize;

impl Run<'_> {
    pub(super) fn sample(&self, input: Relation, number: &Expr) -> Parsed<Relation> {
        let number = self.scope(&[], "sample").bind_count(number)?;
        Ok(spread(input, number))
    }

    pub(super) fn sample_distinct(
        &self,
        input: &Relation,
        number: &Expr,
        of: &Named,
    ) -> Parsed<Relation> {
        let number = self.scope(&[], "sample-distinct").bind_count(number)?;
        let scope = self.scope(&input.columns, "sample-distinct");
        let of = std::slice::from_ref(of);
        let distinct = summarize::distinct(&scope, &input.rows, Some(of))?;
        Ok(spread(distinct, number))
    }
}

fn spread(input: Relation, number: usize) -> Relation {
    let total = input.rows.len();
    if number >= total {
        return input;
    }
    let mut rows = input.rows.iter().enumerate();
    let mut chosen = Vec::with_capacity(number);
    for at in 0..number {
        let place = at * total / number;
        if let Some((_, row)) = rows.find(|(row, _)| *row == place) {
            chosen.push(row.to_vec());
        }
    }
    drop(rows);
    input.with_rows(Rows::Owned(chosen))
}
