//! Functions of numbers.

use rust_decimal::Decimal;

use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Naming, Returns, Values};
use super::values::{long, real};

const REAL: Returns = Returns::Type(ColumnType::Real);

const fn of_one(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::AsReal], REAL, run).named(Naming::First)
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "abs",
        &[Kind::Whole],
        Returns::Type(ColumnType::Long),
        |v| long(v, 0)?.checked_abs().map(Value::Long),
    )
    .named(Naming::First),
    Function::new("abs", &[Kind::Number], Returns::First, |v| {
        match v[0].as_ref() {
            Value::Real(n) => Some(Value::Real(n.abs())),
            Value::Decimal(n) => Some(Value::Decimal(n.abs())),
            _ => None,
        }
    })
    .named(Naming::First),
    Function::new(
        "abs",
        &[Kind::Of(ColumnType::TimeSpan)],
        Returns::First,
        |v| long(v, 0)?.checked_abs().map(Value::TimeSpan),
    )
    .named(Naming::First),
    Function::new("ceiling", &[Kind::Number], Returns::First, |v| {
        Some(match v[0].as_ref() {
            Value::Real(n) => Value::Real(n.ceil()),
            Value::Decimal(n) => Value::Decimal(n.ceil()),
            other => other.clone(),
        })
    })
    .named(Naming::First),
    Function::new(
        "round",
        &[Kind::Number, Kind::ConstantWhole],
        Returns::First,
        rounded,
    )
    .optional(1)
    .named(Naming::First),
    Function::new("pow", &[Kind::AsReal, Kind::AsReal], REAL, |v| {
        Some(Value::Real(real(v, 0)?.powf(real(v, 1)?)))
    })
    .named(Naming::First),
    Function::new("atan2", &[Kind::AsReal, Kind::AsReal], REAL, |v| {
        Some(Value::Real(real(v, 0)?.atan2(real(v, 1)?)))
    })
    .named(Naming::First),
    Function::new("pi", &[], REAL, |_| Some(Value::Real(std::f64::consts::PI))),
    // The reference: null of a negative number, and of zero for logarithms.
    of_one("sqrt", |v| {
        real(v, 0)
            .filter(|n| *n >= 0.0)
            .map(|n| Value::Real(n.sqrt()))
    }),
    of_one("log", |v| {
        real(v, 0).filter(|n| *n > 0.0).map(|n| Value::Real(n.ln()))
    }),
    of_one("log2", |v| {
        real(v, 0)
            .filter(|n| *n > 0.0)
            .map(|n| Value::Real(n.log2()))
    }),
    of_one("log10", |v| {
        real(v, 0)
            .filter(|n| *n > 0.0)
            .map(|n| Value::Real(n.log10()))
    }),
    of_one("exp", |v| Some(Value::Real(real(v, 0)?.exp()))),
    of_one("exp2", |v| Some(Value::Real(real(v, 0)?.exp2()))),
    of_one("exp10", |v| Some(Value::Real(10_f64.powf(real(v, 0)?)))),
    of_one("cos", |v| Some(Value::Real(real(v, 0)?.cos()))),
    of_one("sin", |v| Some(Value::Real(real(v, 0)?.sin()))),
    of_one("tan", |v| Some(Value::Real(real(v, 0)?.tan()))),
    of_one("acos", |v| {
        real(v, 0)
            .filter(|n| n.abs() <= 1.0)
            .map(|n| Value::Real(n.acos()))
    }),
    of_one("asin", |v| {
        real(v, 0)
            .filter(|n| n.abs() <= 1.0)
            .map(|n| Value::Real(n.asin()))
    }),
    of_one("atan", |v| Some(Value::Real(real(v, 0)?.atan()))),
    Function::new("cot", &[Kind::AsReal], REAL, |v| {
        Some(Value::Real(real(v, 0)?.tan().recip()))
    }),
    Function::new("degrees", &[Kind::AsReal], REAL, |v| {
        Some(Value::Real(real(v, 0)? * 180.0 / std::f64::consts::PI))
    }),
    Function::new("radians", &[Kind::AsReal], REAL, |v| {
        Some(Value::Real(real(v, 0)? * std::f64::consts::PI / 180.0))
    }),
    Function::new("sign", &[Kind::AsReal], REAL, |v| {
        let number = real(v, 0)?;
        Some(Value::Real(if number == 0.0 {
            0.0
        } else {
            number.signum()
        }))
    }),
    Function::new(
        "isnan",
        &[Kind::Real],
        Returns::Type(ColumnType::Bool),
        |v| Some(Value::Bool(real(v, 0)?.is_nan())),
    ),
    Function::new(
        "isinf",
        &[Kind::Real],
        Returns::Type(ColumnType::Bool),
        |v| Some(Value::Bool(real(v, 0)?.is_infinite())),
    ),
    Function::new(
        "isfinite",
        &[Kind::Real],
        Returns::Type(ColumnType::Bool),
        |v| Some(Value::Bool(real(v, 0)?.is_finite())),
    ),
];

/// Halves are rounded away from zero.
fn rounded(v: &Values<'_>) -> Option<Value> {
    let digits = i32::try_from(long(v, 1).unwrap_or(0).clamp(-18, 18)).ok()?;
    match v[0].as_ref() {
        Value::Real(number) => {
            let factor = 10_f64.powi(digits.abs());
            Some(Value::Real(match digits {
                0.. if (number * factor).is_finite() => (number * factor).round() / factor,
                0.. => *number,
                _ => (number / factor).round() * factor,
            }))
        }
        Value::Decimal(number) => {
            let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
            let scale = Decimal::from(10_i64.checked_pow(digits.unsigned_abs())?);
            Some(Value::Decimal(match u32::try_from(digits) {
                Ok(digits) => number.round_dp_with_strategy(digits, strategy),
                Err(_) => number
                    .checked_div(scale)?
                    .round_dp_with_strategy(0, strategy)
                    .checked_mul(scale)?,
            }))
        }
        // Whole numbers have digits to lose on the left only.
        Value::Int(_) | Value::Long(_) if digits < 0 => {
            let (number, size) = (i128::from(long(v, 0)?), 10_i128.pow(digits.unsigned_abs()));
            let half = size / 2 * number.signum();
            let result = i64::try_from((number + half) / size * size).ok()?;
            Some(match v[0].as_ref() {
                Value::Int(_) => Value::Int(i32::try_from(result).ok()?),
                _ => Value::Long(result),
            })
        }
        other => Some(other.clone()),
    }
}
