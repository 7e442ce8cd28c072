//! `+ - * / %` on numbers and times. What overflows, or divides a whole number by zero, is null.

use std::borrow::Cow;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::super::datetime::MAX_TICKS;
use super::super::value::{ColumnType, Value};
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
    use ColumnType::{DateTime, Real, TimeSpan};
    if left.ty.is_numeric() && right.ty.is_numeric() {
        let ty = wider(left.ty, right.ty);
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
        (Divide, TimeSpan, TimeSpan) => (Real, Arc::new(ratio)),
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

/// Resolves `-x`.
///
/// # Errors
/// When it is neither number nor timespan.
pub(super) fn negate(scope: &Scope<'_>, operand: Bound, at: usize) -> Parsed<Bound> {
    if !operand.ty.is_numeric() && operand.ty != ColumnType::TimeSpan {
        return Err(scope.error(
            "SEM0064",
            at,
            format!("'-' does not work on a {}", operand.ty.kusto_name()),
        ));
    }
    let negated = |v: &[Cow<'_, Value>]| match v[0].as_ref() {
        Value::Int(n) => n.checked_neg().map_or(Value::Null, Value::Int),
        Value::Long(n) => n.checked_neg().map_or(Value::Null, Value::Long),
        Value::TimeSpan(n) => n.checked_neg().map_or(Value::Null, Value::TimeSpan),
        Value::Real(n) => Value::Real(-n),
        Value::Decimal(n) => Value::Decimal(-n),
        _ => Value::Null,
    };
    Ok(Bound::apply(operand.ty, vec![operand], Arc::new(negated)))
}

fn numbers(op: BinaryOp, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(l), Value::Int(r)) => whole(op, i64::from(*l), i64::from(*r))
            .and_then(|result| i32::try_from(result).ok())
            .map_or(Value::Null, Value::Int),
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
        (Value::TimeSpan(l), Value::TimeSpan(r)) => Value::Real(*l as f64 / *r as f64),
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
