//! The `top-nested` and `top-hitters` operators.

use super::super::super::schema::Column;
use super::super::super::table::Row;
use super::super::super::value::Value;
use super::super::ast::{Expr, ExprKind, Named, Operator, SortKey};
use super::super::budget::afford;
use super::super::cast::{cast, push_key};
use super::super::functions::result_name;
use super::super::parser::{Parsed, Parser};
use super::super::relation::{Relation, Rows};
use super::super::run::Run;

/// One level of `top-nested`.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    count: Option<Expr>,
    of: Named,
    others: Option<Expr>,
    by: Named,
    ascending: bool,
}

/// `top-hitters`
#[derive(Clone, Debug, PartialEq)]
pub struct Hitters {
    count: Expr,
    of: Named,
    by: Option<Expr>,
}

impl Parser<'_> {
    /// Takes what follows the first `top-nested`.
    pub(in super::super) fn top_nested(&mut self) -> Parsed<Vec<Level>> {
        let mut levels = vec![self.level()?];
        while self.eat(",") {
            if self.hyphenated().as_deref() != Some("top-nested") {
                return Err(self.expected("'top-nested'"));
            }
            levels.push(self.level()?);
        }
        Ok(levels)
    }

    fn level(&mut self) -> Parsed<Level> {
        let count = match self.is_word("of") {
            true => None,
            false => Some(self.expression()?),
        };
        self.expect_word("of")?;
        let of = self.named()?;
        let others = match self.eat_word("with") {
            true => {
                self.expect_word("others")?;
                self.expect("=")?;
                Some(self.expression()?)
            }
            false => None,
        };
        self.expect_word("by")?;
        let by = self.named()?;
        let ascending = self.eat_word("asc");
        if !ascending {
            self.eat_word("desc");
        }
        Ok(Level {
            count,
            of,
            others,
            by,
            ascending,
        })
    }

    pub(in super::super) fn top_hitters(&mut self) -> Parsed<Hitters> {
        let count = self.expression()?;
        self.expect_word("of")?;
        let of = self.named()?;
        let by = match self.eat_word("by") {
            true => Some(self.expression()?),
            false => None,
        };
        Ok(Hitters { count, of, by })
    }
}

fn descending(column: &str) -> SortKey {
    SortKey {
        expr: Expr::name(column, 0),
        ascending: false,
        nulls_first: false,
    }
}

impl Run<'_> {
    pub(in super::super) fn top_hitters(
        &self,
        input: &Relation,
        hitters: &Hitters,
    ) -> Parsed<Relation> {
        let (function, arguments, named) = match &hitters.by {
            Some(by) => ("sum", vec![by.clone()], result_name(by)),
            None => (
                "count",
                Vec::new(),
                hitters
                    .of
                    .name
                    .clone()
                    .or_else(|| result_name(&hitters.of.expr)),
            ),
        };
        let name = format!("approximate_{function}_{}", named.unwrap_or_default());
        let aggregate = Named {
            expr: Expr {
                kind: ExprKind::Call(function.to_owned(), arguments),
                at: hitters.of.expr.at,
            },
            name: Some(name.clone()),
        };
        let grouped = Operator::Summarize {
            aggregates: vec![aggregate],
            by: vec![hitters.of.clone()],
        };
        let top = Operator::Top(hitters.count.clone(), descending(&name));
        self.steps(input.clone(), &[grouped, top])
    }

    pub(in super::super) fn top_nested(
        &self,
        input: &Relation,
        levels: &[Level],
    ) -> Parsed<Relation> {
        // The columns are those of the levels on all rows.
        let mut columns: Vec<Column> = Vec::new();
        for level in levels {
            for column in self.ranked(input, level)?.columns {
                super::add_column(&mut columns, &column.name, column.ty);
            }
        }
        let rows = self.nested(input, levels, &columns)?;
        afford(rows.len(), columns.len())?;
        Ok(Relation::new(columns, rows))
    }

    /// The level's values with their aggregation, the best first.
    fn ranked(&self, input: &Relation, level: &Level) -> Parsed<Relation> {
        let of = level
            .of
            .name
            .clone()
            .or_else(|| result_name(&level.of.expr));
        let of = of.unwrap_or_else(|| "Column1".to_owned());
        let name = level
            .by
            .name
            .clone()
            .unwrap_or_else(|| format!("aggregated_{of}"));
        let grouped = Operator::Summarize {
            aggregates: vec![Named {
                name: Some(name.clone()),
                expr: level.by.expr.clone(),
            }],
            by: vec![Named {
                name: Some(of),
                expr: level.of.expr.clone(),
            }],
        };
        let key = SortKey {
            ascending: level.ascending,
            nulls_first: level.ascending,
            ..descending(&name)
        };
        self.steps(input.clone(), &[grouped, Operator::Sort(vec![key])])
    }

    /// The rows of these levels, and of those below, for a part of the input.
    fn nested(&self, part: &Relation, levels: &[Level], columns: &[Column]) -> Parsed<Vec<Row>> {
        let Some((level, below)) = levels.split_first() else {
            return Ok(vec![Row::new()]);
        };
        let count = match &level.count {
            Some(count) => self.scope(&[], "top-nested").bind_count(count)?,
            None => usize::MAX,
        };
        if part.rows.is_empty() {
            return Ok(Vec::new());
        }
        let ranked = self.ranked(part, level)?.rows.into_vec();
        let scope = self.scope(&part.columns, "top-nested");
        let of = scope.bind(&level.of.expr)?;
        let (best, others) = ranked.split_at(count.min(ranked.len()));
        let mut rows = Vec::new();
        for row in best {
            let wanted = key(&row[0]);
            let inside = part
                .rows
                .clone()
                .filtered(|row| key(&of.eval(row)) == wanted);
            self.add_below(part, inside, row, below, &columns[2..], &mut rows)?;
        }
        if let Some(constant) = &level.others
            && !others.is_empty()
        {
            let known: Vec<Vec<u8>> = best.iter().map(|row| key(&row[0])).collect();
            let rest = part
                .rows
                .clone()
                .filtered(|row| !known.contains(&key(&of.eval(row))));
            let value = cast(&scope.bind(constant)?.eval(&[]), columns[0].ty);
            let table = with(part, rest.clone());
            let all = Operator::Summarize {
                aggregates: vec![level.by.clone()],
                by: Vec::new(),
            };
            let total = self.step(table, &all)?.rows.into_vec();
            let total = total
                .into_iter()
                .next()
                .and_then(|row| row.into_iter().next());
            let row = [value, total.unwrap_or(Value::Null)];
            self.others_below(part, rest, &row, below, &columns[2..], &mut rows)?;
        }
        Ok(rows)
    }

    fn add_below(
        &self,
        part: &Relation,
        inside: Rows,
        row: &[Value],
        below: &[Level],
        columns: &[Column],
        rows: &mut Vec<Row>,
    ) -> Parsed<()> {
        for tail in self.nested(&with(part, inside), below, columns)? {
            rows.push([row, tail.as_slice()].concat());
        }
        Ok(())
    }

    /// Below "others" there are only others; nulls where a level has none.
    fn others_below(
        &self,
        part: &Relation,
        rest: Rows,
        row: &[Value],
        below: &[Level],
        columns: &[Column],
        rows: &mut Vec<Row>,
    ) -> Parsed<()> {
        let only_others: Vec<Level> = below
            .iter()
            .map(|level| Level {
                count: Some(Expr {
                    kind: ExprKind::Literal(
                        Value::Long(0),
                        super::super::super::value::ColumnType::Long,
                    ),
                    at: 0,
                }),
                ..level.clone()
            })
            .collect();
        if below.iter().all(|level| level.others.is_some()) {
            return self.add_below(part, rest, row, &only_others, columns, rows);
        }
        let nulls = columns.iter().map(|column| Value::absent(column.ty));
        rows.push(row.iter().cloned().chain(nulls).collect());
        Ok(())
    }
}

fn with(part: &Relation, rows: Rows) -> Relation {
    Relation {
        columns: part.columns.clone(),
        rows,
        serialized: false,
    }
}

fn key(value: &Value) -> Vec<u8> {
    let mut key = Vec::new();
    push_key(value, &mut key);
    key
}
