//! Functions of a row and its neighbours: `row_number`, `prev` and their kin. The steps that may
//! call them get a hidden column for each call.

use super::super::super::schema::Column;
use super::super::super::value::{ColumnType, Value};
use super::super::arithmetic;
use super::super::ast::{BinaryOp, Expr, ExprKind, Named};
use super::super::bound::{Bound, is_true};
use super::super::cast::{as_long, cast};
use super::super::parser::Parsed;
use super::super::relation::{Relation, Rows};
use super::super::run::Run;
use super::super::scope::Scope;

/// The functions, and how many arguments they take.
const FUNCTIONS: [(&str, usize, usize); 7] = [
    ("next", 1, 3),
    ("prev", 1, 3),
    ("row_cumsum", 1, 2),
    ("row_number", 0, 2),
    ("row_rank_dense", 1, 2),
    ("row_rank_min", 1, 2),
    ("row_window_session", 3, 4),
];

impl Run<'_> {
    /// The rows with hidden columns behind their own, and the expressions with these instead of
    /// the calls.
    pub(super) fn windowed(
        &self,
        relation: Relation,
        list: &[Named],
        operator: &'static str,
    ) -> Parsed<(Relation, Vec<Named>)> {
        let mut windows = Windows {
            run: self,
            relation,
            operator,
            hidden: 0,
        };
        let list = list
            .iter()
            .map(|named| {
                Ok(Named {
                    name: named.name.clone(),
                    expr: windows.rewritten(&named.expr)?,
                })
            })
            .collect::<Parsed<_>>()?;
        Ok((windows.relation, list))
    }
}

struct Windows<'w> {
    run: &'w Run<'w>,
    relation: Relation,
    operator: &'static str,
    hidden: usize,
}

impl Windows<'_> {
    fn rewritten(&mut self, expr: &Expr) -> Parsed<Expr> {
        expr.rewritten(&mut |part: &Expr| match &part.kind {
            ExprKind::Call(name, arguments)
                if FUNCTIONS.iter().any(|(known, ..)| known == name) =>
            {
                self.column(name, arguments, part.at).map(Some)
            }
            _ => Ok(None),
        })
    }

    /// Adds the hidden column of a call and gives its name.
    fn column(&mut self, name: &str, arguments: &[Expr], at: usize) -> Parsed<Expr> {
        let arguments: Vec<Expr> = arguments
            .iter()
            .map(|argument| self.rewritten(argument))
            .collect::<Parsed<_>>()?;
        let scope = self.run.scope(&self.relation.columns, self.operator);
        let arity = FUNCTIONS.iter().find(|(known, ..)| *known == name);
        if arity.is_none_or(|(_, least, most)| arguments.len() < *least || arguments.len() > *most)
        {
            let message = format!("{name}(): the number of arguments is wrong");
            return Err(scope.error("SEM0219", at, message));
        }
        if !self.relation.serialized {
            let message =
                format!("{name}() needs a serialized row set: sort or serialize it before");
            return Err(scope.error("SEM0229", at, message));
        }
        let call = Window {
            scope: &scope,
            rows: self.relation.rows.iter().collect(),
            arguments: &arguments,
            at,
        };
        let (ty, values) = call.values(name)?;
        let hidden = format!("\0window{}", self.hidden);
        self.hidden += 1;
        self.relation.columns.push(Column::new(&hidden, ty));
        let mut rows = std::mem::take(&mut self.relation.rows).into_vec();
        for (row, value) in rows.iter_mut().zip(values) {
            row.push(value);
        }
        self.relation.rows = Rows::Owned(rows);
        Ok(Expr::name(&hidden, at))
    }
}

struct Window<'w> {
    scope: &'w Scope<'w>,
    rows: Vec<&'w [Value]>,
    arguments: &'w [Expr],
    at: usize,
}

impl Window<'_> {
    /// The value of each row, and their type.
    fn values(&self, name: &str) -> Parsed<(ColumnType, Vec<Value>)> {
        match name {
            "row_number" => self.numbers(),
            "prev" => self.neighbours(-1),
            "next" => self.neighbours(1),
            "row_cumsum" => self.sums(),
            "row_rank_dense" => self.ranks(true),
            "row_rank_min" => self.ranks(false),
            _ => self.sessions(),
        }
    }

    fn constant(&self, at: usize, otherwise: i64) -> Parsed<i64> {
        let Some(argument) = self.arguments.get(at) else {
            return Ok(otherwise);
        };
        let bound = self.scope.bind(argument)?;
        match as_long(&bound.eval(&[])) {
            Some(number) if bound.node.is_constant() => Ok(number),
            _ => Err(self.scope.error(
                "SEM0028",
                argument.at,
                "a constant whole number is expected",
            )),
        }
    }

    /// Whether each row begins anew.
    fn restarts(&self, at: usize) -> Parsed<Vec<bool>> {
        let Some(argument) = self.arguments.get(at) else {
            return Ok(vec![false; self.rows.len()]);
        };
        let bound = self.scope.bind_predicate(argument)?;
        Ok(self
            .rows
            .iter()
            .map(|row| is_true(&bound.eval(row)))
            .collect())
    }

    fn numbers(&self) -> Parsed<(ColumnType, Vec<Value>)> {
        let first = self.constant(0, 1)?;
        let mut number = first;
        let values = self
            .restarts(1)?
            .into_iter()
            .enumerate()
            .map(|(at, restart)| {
                number = match restart || at == 0 {
                    true => first,
                    false => number.saturating_add(1),
                };
                Value::Long(number)
            });
        Ok((ColumnType::Long, values.collect()))
    }

    fn neighbours(&self, direction: i64) -> Parsed<(ColumnType, Vec<Value>)> {
        let bound = self.scope.bind(&self.arguments[0])?;
        let offset = self.constant(1, 1)?.saturating_mul(direction);
        let default = match self.arguments.get(2) {
            Some(default) => cast(&self.scope.bind(default)?.eval(&[]), bound.ty),
            None => Value::absent(bound.ty),
        };
        let neighbour = |at: usize| {
            let at = i64::try_from(at).ok()?.checked_add(offset)?;
            self.rows.get(usize::try_from(at).ok()?)
        };
        let values = (0..self.rows.len()).map(|at| match neighbour(at) {
            Some(row) => bound.eval(row).into_owned(),
            None => default.clone(),
        });
        Ok((bound.ty, values.collect()))
    }

    fn sums(&self) -> Parsed<(ColumnType, Vec<Value>)> {
        let bound = self.scope.bind(&self.arguments[0])?;
        let ty = bound.ty;
        if !ty.is_numeric() {
            return Err(self
                .scope
                .error("SEM0218", self.at, "row_cumsum() sums numbers"));
        }
        // A row of the sum so far and the next value.
        let side = |at| Bound {
            node: super::super::bound::Node::Column(at),
            ty,
        };
        let add = arithmetic::bind(self.scope, BinaryOp::Add, side(0), side(1), self.at)?;
        let zero = cast(&Value::Long(0), ty);
        let mut sum = zero.clone();
        let restarts = self.restarts(1)?;
        let values = self.rows.iter().zip(restarts).map(|(row, restart)| {
            if restart {
                sum = zero.clone();
            }
            let value = bound.eval(row);
            if !value.is_null() {
                let terms = [std::mem::replace(&mut sum, Value::Null), cast(&value, ty)];
                sum = cast(&add.eval(&terms), ty);
            }
            sum.clone()
        });
        Ok((ty, values.collect()))
    }

    fn ranks(&self, dense: bool) -> Parsed<(ColumnType, Vec<Value>)> {
        let bound = self.scope.bind(&self.arguments[0])?;
        if bound.ty == ColumnType::Dynamic {
            let message = "a dynamic has no rank. Try an explicit cast";
            return Err(self.scope.error("SEM0218", self.at, message));
        }
        let (mut rank, mut number) = (0_i64, 0_i64);
        let mut before: Option<Value> = None;
        let restarts = self.restarts(1)?;
        let values = self.rows.iter().zip(restarts).map(|(row, restart)| {
            let value = bound.eval(row).into_owned();
            if restart {
                (rank, number, before) = (0, 0, None);
            }
            number += 1;
            if before.as_ref() != Some(&value) {
                rank = if dense { rank + 1 } else { number };
                before = Some(value);
            }
            Value::Long(rank)
        });
        Ok((ColumnType::Long, values.collect()))
    }

    /// The first value of the session that each row belongs to.
    fn sessions(&self) -> Parsed<(ColumnType, Vec<Value>)> {
        let bound = self.scope.bind(&self.arguments[0])?;
        if bound.ty != ColumnType::DateTime {
            return Err(self.scope.error(
                "SEM0218",
                self.at,
                "row_window_session() needs a datetime",
            ));
        }
        let width = |at: usize| -> Parsed<i64> {
            match self.scope.bind(&self.arguments[at])?.eval(&[]).as_ref() {
                Value::TimeSpan(ticks) => Ok(*ticks),
                _ => Err(self.scope.error(
                    "SEM0028",
                    self.arguments[at].at,
                    "a constant timespan is expected",
                )),
            }
        };
        let (from_first, between) = (width(1)?, width(2)?);
        let restarts = self.restarts(3)?;
        let mut session: Option<(i64, i64)> = None;
        let values = self.rows.iter().zip(restarts).map(|(row, restart)| {
            let Value::DateTime(now) = *bound.eval(row) else {
                return Value::Null;
            };
            let first = match session {
                Some((first, before))
                    if !restart
                        && now.saturating_sub(first) <= from_first
                        && now.saturating_sub(before) <= between =>
                {
                    first
                }
                _ => now,
            };
            session = Some((first, now));
            Value::DateTime(first)
        });
        Ok((ColumnType::DateTime, values.collect()))
    }
}
