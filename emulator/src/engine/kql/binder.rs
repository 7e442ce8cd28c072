//! Names and types: from syntax to something that can be computed.

use std::cmp::Ordering;
use std::sync::Arc;

use super::super::value::{ColumnType, Value};
use super::ast::{BinaryOp, Expr, ExprKind};
use super::bound::{Bound, Node, property};
use super::cast::{compare, equal, scalar};
use super::parser::Parsed;
use super::scope::{Scope, convert, not};
use super::{arithmetic, deep, functions, subquery, text};

impl Scope<'_> {
    /// Resolves an expression.
    ///
    /// # Errors
    /// A semantic error that names what does not resolve or fit.
    pub fn bind(&self, expr: &Expr) -> Parsed<Bound> {
        deep(|| self.resolve(expr))
    }

    fn resolve(&self, expr: &Expr) -> Parsed<Bound> {
        match &expr.kind {
            ExprKind::Literal(value, ty) => Ok(Bound::constant(value.clone(), *ty)),
            ExprKind::Name(name) => self.name(name, expr.at),
            ExprKind::Member(base, name) => {
                let key = Bound::constant(Value::String(name.clone()), ColumnType::String);
                self.property(base, key)
            }
            ExprKind::Index(base, key) => self.property(base, self.bind(key)?),
            ExprKind::Negate(operand) => arithmetic::negate(self, self.bind(operand)?, expr.at),
            ExprKind::Plus(operand) => arithmetic::plus(self, self.bind(operand)?, expr.at),
            ExprKind::Binary(op, left, right) if left.kind == ExprKind::Star => {
                text::any_column(self, expr.at, |column| {
                    self.binary(*op, column, self.bind(right)?, expr.at)
                })
            }
            ExprKind::Text(op, left, right) if left.kind == ExprKind::Star => {
                text::any_column(self, expr.at, |column| {
                    let column = convert(column, ColumnType::String);
                    text::bind(self, *op, column, self.bind(right)?, expr.at)
                })
            }
            ExprKind::HasTerms { value, list, all } => {
                let list = list
                    .iter()
                    .map(|item| subquery::terms(self, item))
                    .collect::<Parsed<Vec<_>>>()?;
                text::terms(self, self.bind(value)?, list, *all, expr.at)
            }
            ExprKind::Binary(op, left, right) => {
                self.binary(*op, self.bind(left)?, self.bind(right)?, expr.at)
            }
            ExprKind::Text(op, left, right) => {
                text::bind(self, *op, self.bind(left)?, self.bind(right)?, expr.at)
            }
            ExprKind::In {
                value,
                list,
                negated,
                ignore_case,
            } => {
                if let Some(found) = subquery::membership(self, expr)? {
                    return Ok(found);
                }
                let list = list
                    .iter()
                    .map(|item| self.bind(item))
                    .collect::<Parsed<Vec<_>>>()?;
                self.membership(self.bind(value)?, list, *negated, *ignore_case, expr.at)
            }
            ExprKind::Between {
                value,
                low,
                high,
                negated,
            } => self.between([value, low, high], *negated, expr.at),
            ExprKind::Call(name, arguments) => {
                match subquery::call(self, name, arguments, expr.at)? {
                    Some(bound) => Ok(bound),
                    None => functions::bind(self, name, arguments, expr.at),
                }
            }
            ExprKind::Query(_) | ExprKind::Assigned(..) | ExprKind::Names(..) => {
                Err(subquery::misplaced(self, expr))
            }
            ExprKind::Star => Err(self.error("SEM0001", expr.at, "'*' is not an expression here")),
        }
    }

    /// Resolves a predicate.
    ///
    /// # Errors
    /// Also when it is not a bool.
    pub fn bind_predicate(&self, expr: &Expr) -> Parsed<Bound> {
        let bound = self.bind(expr)?;
        match bound.ty {
            ColumnType::Bool => Ok(bound),
            other => Err(self.error(
                "SEM0079",
                expr.at,
                format!(
                    "the predicate must be of type bool and not {}",
                    other.kusto_name()
                ),
            )),
        }
    }

    /// A constant whole number, as `take` and `top` need it.
    ///
    /// # Errors
    /// When it is none, or negative.
    pub fn bind_count(&self, expr: &Expr) -> Parsed<usize> {
        let bound = self.bind(expr)?;
        let number = match (bound.node, bound.ty) {
            (Node::Constant(value), ColumnType::Int | ColumnType::Long) => {
                super::cast::as_long(&value)
            }
            _ => None,
        };
        number
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| {
                self.error(
                    "SEM0028",
                    expr.at,
                    "the number of rows must be a non-negative constant",
                )
            })
    }

    fn name(&self, name: &str, at: usize) -> Parsed<Bound> {
        if let Some(position) = self.columns.iter().position(|column| column.name == name) {
            return Ok(Bound {
                node: Node::Column(position),
                ty: self.columns[position].ty,
            });
        }
        match self.run.variable(self, name, at)? {
            Some(bound) => Ok(bound),
            None => Err(self.unresolved(name, at)),
        }
    }

    fn property(&self, base: &Expr, key: Bound) -> Parsed<Bound> {
        let bound = self.bind(base)?;
        if bound.ty != ColumnType::Dynamic {
            let message = format!(
                "A value of type {} has no properties",
                bound.ty.kusto_name()
            );
            return Err(self.error("SEM0086", base.at, message));
        }
        Ok(Bound::apply(
            ColumnType::Dynamic,
            vec![bound, key],
            Arc::new(|values| property(&values[0], &values[1])),
        ))
    }

    fn binary(&self, op: BinaryOp, left: Bound, right: Bound, at: usize) -> Parsed<Bound> {
        match op {
            BinaryOp::And | BinaryOp::Or => self.logic(op, left, right, at),
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo => arithmetic::bind(self, op, left, right, at),
            BinaryOp::Term => Err(self.error("SEM0001", at, "a term is looked for in a column")),
            _ => self.comparison(op, left, right, at),
        }
    }

    fn logic(&self, op: BinaryOp, left: Bound, right: Bound, at: usize) -> Parsed<Bound> {
        let mut sides = Vec::new();
        for side in [left, right] {
            sides.push(match side.ty {
                ColumnType::Bool => side.node,
                ColumnType::Dynamic => convert(side, ColumnType::Bool).node,
                other => {
                    let message = format!(
                        "'{}' needs bool operands, not {}",
                        op.symbol(),
                        other.kusto_name()
                    );
                    return Err(self.error("SEM0064", at, message));
                }
            });
        }
        let (Some(right), Some(left)) = (sides.pop(), sides.pop()) else {
            return Err(self.error("SEM0064", at, "an operand is missing"));
        };
        let sides = Box::new([left, right]);
        let node = if op == BinaryOp::And {
            Node::And(sides)
        } else {
            Node::Or(sides)
        };
        Ok(Bound {
            node,
            ty: ColumnType::Bool,
        })
    }

    /// The two sides ready for [`compare`].
    fn comparable(&self, left: Bound, right: Bound, op: &str, at: usize) -> Parsed<[Bound; 2]> {
        let (l, r) = (left.ty, right.ty);
        match (l == ColumnType::Dynamic, r == ColumnType::Dynamic) {
            (false, false) if l == r || (l.is_numeric() && r.is_numeric()) => Ok([left, right]),
            (true, false) => Ok([as_scalar(left, r), right]),
            (false, true) => Ok([left, as_scalar(right, l)]),
            (true, true) => Ok([left, right]),
            _ => {
                let (l, r) = (l.kusto_name(), r.kusto_name());
                let message = format!(
                    "Cannot compare values of types {l} and {r} with '{op}'. Try adding explicit casts"
                );
                Err(self.error("SEM0064", at, message))
            }
        }
    }

    /// The two sides of `<` and its kin: numbers and bools, times, and dynamics with each other or
    /// with numbers. Strings and guids have no order.
    fn orderable(&self, left: Bound, right: Bound, op: &str, at: usize) -> Parsed<[Bound; 2]> {
        use ColumnType::{Bool, DateTime, Dynamic, TimeSpan};
        let number = |ty: ColumnType| ty.is_numeric() || ty == Bool;
        let as_number = |bound: Bound| match bound.ty {
            Bool => convert(bound, ColumnType::Long),
            _ => bound,
        };
        let as_own = |bound: Bound| as_scalar(bound, ColumnType::String);
        match (left.ty, right.ty) {
            (l, r) if number(l) && number(r) => Ok([as_number(left), as_number(right)]),
            (DateTime, DateTime) | (TimeSpan, TimeSpan) => Ok([left, right]),
            (Dynamic, Dynamic) => Ok([as_own(left), as_own(right)]),
            (Dynamic, r) if r.is_numeric() => Ok([as_scalar(left, r), right]),
            (l, Dynamic) if l.is_numeric() => Ok([left, as_scalar(right, l)]),
            (l, r) => {
                let (l, r) = (l.kusto_name(), r.kusto_name());
                let message = format!(
                    "Cannot compare values of types {l} and {r} with '{op}'. Try adding explicit casts"
                );
                Err(self.error("SEM0064", at, message))
            }
        }
    }

    fn comparison(&self, op: BinaryOp, left: Bound, right: Bound, at: usize) -> Parsed<Bound> {
        let sides = match op {
            BinaryOp::Equal | BinaryOp::NotEqual => {
                self.comparable(left, right, op.symbol(), at)?
            }
            _ => self.orderable(left, right, op.symbol(), at)?,
        };
        let answer: fn(&Value, &Value) -> Option<bool> = match op {
            BinaryOp::Equal => equal,
            BinaryOp::NotEqual => |l, r| equal(l, r).map(|same| !same),
            BinaryOp::Less => |l, r| ordered(l, r, |order| order == Ordering::Less),
            BinaryOp::LessOrEqual => |l, r| ordered(l, r, |order| order != Ordering::Greater),
            BinaryOp::Greater => |l, r| ordered(l, r, |order| order == Ordering::Greater),
            _ => |l, r| ordered(l, r, |order| order != Ordering::Less),
        };
        let function =
            Arc::new(move |values: &[std::borrow::Cow<'_, Value>]| truth(values, answer));
        Ok(Bound::apply(ColumnType::Bool, sides.into(), function))
    }

    fn between(&self, [value, low, high]: [&Expr; 3], negated: bool, at: usize) -> Parsed<Bound> {
        let (value, low, high) = (self.bind(value)?, self.bind(low)?, self.bind(high)?);
        // `t between (start .. 2h)` means two hours from the start.
        let high = match (low.ty, high.ty) {
            (ColumnType::DateTime, ColumnType::TimeSpan) => {
                arithmetic::bind(self, BinaryOp::Add, low.clone(), high, at)?
            }
            _ => high,
        };
        let types = [value.ty, low.ty, high.ty];
        let dynamic = types.iter().all(|ty| *ty == ColumnType::Dynamic);
        if dynamic || types.contains(&ColumnType::Bool) {
            return Err(self.error("SEM0064", at, "'between' needs numbers or times"));
        }
        let from = self.comparison(BinaryOp::GreaterOrEqual, value.clone(), low, at)?;
        let to = self.comparison(BinaryOp::LessOrEqual, value, high, at)?;
        let inside = self.logic(BinaryOp::And, from, to, at)?;
        Ok(if negated { not(inside) } else { inside })
    }

    /// Whether the value is one of a list. An item of another type is read as one of the value's,
    /// as `EventID in ("4624")` of a whole number in the service's own pages shows; an item that has
    /// no such form equals nothing.
    pub(super) fn membership(
        &self,
        value: Bound,
        list: Vec<Bound>,
        negated: bool,
        ignore_case: bool,
        at: usize,
    ) -> Parsed<Bound> {
        if ignore_case && !matches!(value.ty, ColumnType::String | ColumnType::Dynamic) {
            let message = format!("'in~' does not work on a {}", value.ty.kusto_name());
            return Err(self.error("SEM0064", at, message));
        }
        let mut arguments = vec![value.clone()];
        for item in list.into_iter().flat_map(spread) {
            let (l, r) = (value.ty, item.ty);
            let alike = l == r || (l.is_numeric() && r.is_numeric());
            arguments.push(
                match alike || l == ColumnType::Dynamic || r == ColumnType::Dynamic {
                    true => self.comparable(value.clone(), item, "in", at)?[1].clone(),
                    false => convert(item, l),
                },
            );
        }
        if value.ty == ColumnType::Dynamic {
            let with = arguments.get(1).map_or(ColumnType::String, |item| item.ty);
            arguments[0] = as_scalar(value, with);
        }
        let same = move |l: &Value, r: &Value| match (ignore_case, l, r) {
            (true, Value::String(l), Value::String(r)) => l.to_lowercase() == r.to_lowercase(),
            _ => equal(l, r) == Some(true),
        };
        let function = Arc::new(move |values: &[std::borrow::Cow<'_, Value>]| {
            let found = values[1..].iter().any(|item| same(&values[0], item));
            Value::Bool(found != negated)
        });
        Ok(Bound::apply(ColumnType::Bool, arguments, function))
    }
}

/// A constant dynamic array as its elements; anything else as it is.
fn spread(item: Bound) -> Vec<Bound> {
    match item.node {
        Node::Constant(Value::Dynamic(serde_json::Value::Array(elements))) => elements
            .into_iter()
            .map(|element| {
                let value = match Value::Dynamic(element) {
                    Value::Dynamic(serde_json::Value::String(text)) => Value::String(text),
                    other => scalar(&other, ColumnType::Dynamic),
                };
                let ty = value.column_type().unwrap_or(ColumnType::Dynamic);
                Bound::constant(value, ty)
            })
            .collect(),
        _ => vec![item],
    }
}

fn as_scalar(bound: Bound, with: ColumnType) -> Bound {
    Bound::apply(
        with,
        vec![bound],
        Arc::new(move |values| scalar(&values[0], with)),
    )
}

fn ordered(left: &Value, right: &Value, wanted: fn(Ordering) -> bool) -> Option<bool> {
    if left.is_null() || right.is_null() {
        return None;
    }
    Some(compare(left, right).is_some_and(wanted))
}

fn truth(
    values: &[std::borrow::Cow<'_, Value>],
    answer: fn(&Value, &Value) -> Option<bool>,
) -> Value {
    answer(&values[0], &values[1]).map_or(Value::Null, Value::Bool)
}
