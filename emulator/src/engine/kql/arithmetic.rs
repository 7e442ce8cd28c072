//! `+ - * / %` on numbers and times. What overflows, or divides a whole number by zero, is null.

use std::borrow::Cow;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::super::datetime::MAX_TICKS;
use super::super::value::{ColumnType, Value};
use super::super::watch;
use super::ast::BinaryOp;
use super::bound::{Bound, Function};
use super::cast::as_real;
use super::parser::Parsed;
use super::scope::{Scope, convert};

/// The type both numbers become.
pub(super) fn wider(left: ColumnType, right: ColumnType) -> ColumnType {
    let rank = |ty| match ty {
        ColumnType::Int => 0,
        ColumnType::Long => 1,
        ColumnType::Real => 2,
        _ => 3,
    };
    if rank(left) >= rank(right) {
        left
    } else {
        right
    }
}

/// Resolves an operation.
///
/// # Errors
/// When the types do not go together.
pub(super) fn bind(
    scope: &Scope<'_>,
    op: BinaryOp,
    left: Bound,
    right: Bound,
    at: usize,
) -> Parsed<Bound> {
    use BinaryOp::{Add, Divide, Modulo, Multiply, Subtract};
    use ColumnType::{DateTime, Dynamic, Long, Real, TimeSpan};
    let additive = matches!(op, Add | Subtract);
    match (left.ty, right.ty) {
        (Dynamic, Dynamic) => {
            let run: Function = Arc::new(move |v| dynamics(op, &v[0], &v[1]));
            return Ok(Bound::apply(Dynamic, vec![left, right], run));
        }
        // The other operand says what the dynamic is read as.
        (Dynamic, other) if other.is_numeric() || (other == TimeSpan && additive) => {
            let ty = if other == ColumnType::Int {
                Long
            } else {
                other
            };
            return bind(scope, op, convert(left, ty), right, at);
        }
        (other, Dynamic) if other.is_numeric() || (other == TimeSpan && additive) => {
            let ty = if other == ColumnType::Int {
                Long
            } else {
                other
            };
            return bind(scope, op, left, convert(right, ty), at);
        }
        (DateTime, Dynamic) if op == Subtract => {
            return bind(scope, op, left, convert(right, DateTime), at);
        }
        (Dynamic, DateTime) if op == Subtract => {
            return bind(scope, op, convert(left, DateTime), right, at);
        }
        (DateTime, Dynamic) | (Dynamic, DateTime) if op == Add => {
            return Ok(Bound::apply(DateTime, vec![left, right], Arc::new(unknown)));
        }
        _ => {}
    }
    if left.ty.is_numeric() && right.ty.is_numeric() {
        // Two ints are computed as longs.
        let ty = wider(Long, wider(left.ty, right.ty));
        let sides = vec![convert(left, ty), convert(right, ty)];
        return Ok(Bound::apply(
            ty,
            sides,
            Arc::new(move |v| numbers(op, &v[0], &v[1])),
        ));
    }
    let (ty, function): (_, Function) = match (op, left.ty, right.ty) {
        (Subtract, DateTime, DateTime) | (Add | Subtract | Modulo, TimeSpan, TimeSpan) => {
            (TimeSpan, ticks(op, Value::TimeSpan))
        }
        (Add | Subtract, DateTime, TimeSpan) | (Add, TimeSpan, DateTime) => {
            (DateTime, ticks(op, moment))
        }
        (Divide, TimeSpan | DateTime, TimeSpan) | (Divide, DateTime, DateTime) => {
            (Real, Arc::new(ratio))
        }
        (Modulo, DateTime, TimeSpan | DateTime) => (TimeSpan, ticks(op, Value::TimeSpan)),
        (Multiply | Divide, TimeSpan, number) if number.is_numeric() => {
            (TimeSpan, Arc::new(move |v| scale(op, &v[0], &v[1])))
        }
        (Multiply, number, TimeSpan) if number.is_numeric() => {
            (TimeSpan, Arc::new(move |v| scale(op, &v[1], &v[0])))
        }
        (_, l, r) => {
            let message = format!(
                "the operands of '{}' are of types {} and {}. Try adding explicit casts",
                op.symbol(),
                l.kusto_name(),
                r.kusto_name()
            );
            return Err(scope.error("SEM0064", at, message));
        }
    };
    Ok(Bound::apply(ty, vec![left, right], function))
}

/// A datetime and a dynamic: the dynamic would have to be read as a timespan, which no page says.
fn unknown(v: &[Cow<'_, Value>]) -> Value {
    if v.iter().all(|side| !side.is_null()) {
        watch::unknown("the sum of a datetime and a dynamic");
    }
    Value::Null
}

/// Resolves `-x`.
///
/// # Errors
/// When it is neither number nor timespan.
pub(super) fn negate(scope: &Scope<'_>, operand: Bound, at: usize) -> Parsed<Bound> {
    if operand.ty == ColumnType::Dynamic {
        let zero = Bound::constant(Value::Dynamic(0.into()), ColumnType::Dynamic);
        return bind(scope, BinaryOp::Subtract, zero, operand, at);
    }
    let operand = plus(scope, operand, at)?;
    if !operand.ty.is_numeric() && operand.ty != ColumnType::TimeSpan {
        return Err(scope.error(
            "SEM0064",
            at,
            format!("'-' does not work on a {}", operand.ty.kusto_name()),
        ));
    }
    let negated = |v: &[Cow<'_, Value>]| match v[0].as_ref() {
        Value::Long(n) => n.checked_neg().map_or(Value::Null, Value::Long),
        Value::TimeSpan(n) => n.checked_neg().map_or(Value::Null, Value::TimeSpan),
        Value::Real(n) => Value::Real(-n),
        Value::Decimal(n) => Value::Decimal(-n),
        _ => Value::Null,
    };
    Ok(Bound::apply(operand.ty, vec![operand], Arc::new(negated)))
}

/// Resolves `+x`: an int becomes a long.
///
/// # Errors
/// When it is neither number, timespan nor dynamic.
pub(super) fn plus(scope: &Scope<'_>, operand: Bound, at: usize) -> Parsed<Bound> {
    match operand.ty {
        ColumnType::Int => Ok(convert(operand, ColumnType::Long)),
        ty if ty.is_numeric() || matches!(ty, ColumnType::TimeSpan | ColumnType::Dynamic) => {
            Ok(operand)
        }
        other => Err(scope.error(
            "SEM0064",
            at,
            format!("a sign does not work on a {}", other.kusto_name()),
        )),
    }
}

/// Of two JSON numbers; anything else gives null.
fn dynamics(op: BinaryOp, left: &Value, right: &Value) -> Value {
    let [left, right] = [left, right].map(|side| super::cast::scalar(side, ColumnType::String));
    let result = match (&left, &right) {
        (Value::Long(_), Value::Long(_)) => numbers(op, &left, &right),
        (Value::Long(_) | Value::Real(_), Value::Long(_) | Value::Real(_)) => {
            match (as_real(&left), as_real(&right)) {
                (Some(l), Some(r)) => Value::Real(real(op, l, r)),
                _ => Value::Null,
            }
        }
        _ => Value::Null,
    };
    super::cast::cast(&result, ColumnType::Dynamic)
}

fn numbers(op: BinaryOp, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Long(l), Value::Long(r)) => whole(op, *l, *r).map_or(Value::Null, Value::Long),
        (Value::Real(l), Value::Real(r)) => Value::Real(real(op, *l, *r)),
        (Value::Decimal(l), Value::Decimal(r)) => {
            decimal(op, *l, *r).map_or(Value::Null, Value::Decimal)
        }
        _ => Value::Null,
    }
}

fn whole(op: BinaryOp, l: i64, r: i64) -> Option<i64> {
    match op {
        BinaryOp::Add => l.checked_add(r),
        BinaryOp::Subtract => l.checked_sub(r),
        BinaryOp::Multiply => l.checked_mul(r),
        BinaryOp::Divide => l.checked_div(r),
        // Kusto's remainder is never negative.
        _ => l.checked_rem_euclid(r),
    }
}

fn real(op: BinaryOp, l: f64, r: f64) -> f64 {
    match op {
        BinaryOp::Add => l + r,
        BinaryOp::Subtract => l - r,
        BinaryOp::Multiply => l * r,
        BinaryOp::Divide => l / r,
        _ => l.rem_euclid(r),
    }
}

fn decimal(op: BinaryOp, l: Decimal, r: Decimal) -> Option<Decimal> {
    match op {
        BinaryOp::Add => l.checked_add(r),
        BinaryOp::Subtract => l.checked_sub(r),
        BinaryOp::Multiply => l.checked_mul(r),
        BinaryOp::Divide => l.checked_div(r),
        _ => l.checked_rem(r).and_then(|rest| {
            if rest.is_sign_negative() && !rest.is_zero() {
                rest.checked_add(r.abs())
            } else {
                Some(rest)
            }
        }),
    }
}

fn moment(ticks: i64) -> Value {
    if (0..=MAX_TICKS).contains(&ticks) {
        Value::DateTime(ticks)
    } else {
        Value::Null
    }
}

fn ticks(op: BinaryOp, made: fn(i64) -> Value) -> Function {
    Arc::new(move |v| match (v[0].as_ref(), v[1].as_ref()) {
        (Value::DateTime(l) | Value::TimeSpan(l), Value::DateTime(r) | Value::TimeSpan(r)) => {
            whole(op, *l, *r).map_or(Value::Null, made)
        }
        _ => Value::Null,
    })
}

#[allow(clippy::cast_precision_loss)]
fn ratio(v: &[Cow<'_, Value>]) -> Value {
    match (v[0].as_ref(), v[1].as_ref()) {
        (Value::TimeSpan(l) | Value::DateTime(l), Value::TimeSpan(r) | Value::DateTime(r)) => {
            Value::Real(*l as f64 / *r as f64)
        }
        _ => Value::Null,
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn scale(op: BinaryOp, span: &Value, number: &Value) -> Value {
    let Value::TimeSpan(ticks) = span else {
        return Value::Null;
    };
    if let Value::Int(_) | Value::Long(_) = number {
        let factor = super::cast::as_long(number).unwrap_or(0);
        return whole(op, *ticks, factor).map_or(Value::Null, Value::TimeSpan);
    }
    let Some(factor) = as_real(number) else {
        return Value::Null;
    };
    let result = real(op, *ticks as f64, factor).round();
    if result.abs() < 9.2e18 {
        Value::TimeSpan(result as i64)
    } else {
        Value::Null
    }
}
