//! Special functions of mathematics, and what statistics makes of them.

use std::f64::consts::PI;

use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Naming, Returns, Values};
use super::values::real;

/// When a sum or fraction is as exact as a double can be, and when it is given up.
const EXACT: f64 = 1e-16;
const MOST_TERMS: i32 = 100_000;
/// Lanczos' approximation of the gamma function with g = 7.
const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_9,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

const fn of_one(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::AsReal], Returns::Type(ColumnType::Real), run).named(Naming::First)
}

const fn beta(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    let numbers = &[Kind::AsReal, Kind::AsReal, Kind::AsReal];
    Function::new(name, numbers, Returns::Type(ColumnType::Real), run)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_one("gamma", |v| Some(Value::Real(gamma(real(v, 0)?)))),
    of_one("loggamma", |v| Some(Value::Real(log_gamma(real(v, 0)?)))),
    of_one("erf", |v| Some(Value::Real(erf(real(v, 0)?)))),
    of_one("erfc", |v| Some(Value::Real(erfc(real(v, 0)?)))),
    beta("beta_cdf", |v| with_parameters(v, beta_cumulated)),
    beta("beta_pdf", |v| with_parameters(v, beta_density)),
    beta("beta_inv", |v| {
        // A probability that is none gives null, says the example, where the others' first argument gives NaN.
        (0.0..=1.0).contains(&real(v, 0)?).then_some(())?;
        with_parameters(v, beta_inverse)
    }),
    Function::new(
        "welch_test",
        &[
            Kind::AsReal,
            Kind::AsReal,
            Kind::AsReal,
            Kind::AsReal,
            Kind::AsReal,
            Kind::AsReal,
        ],
        Returns::Type(ColumnType::Real),
        welch,
    ),
];

#[allow(clippy::cast_possible_truncation)]
fn gamma(x: f64) -> f64 {
    if x < 0.5 {
        return PI / ((PI * x).sin() * gamma(1.0 - x));
    }
    // Factorials are exact as far as doubles are.
    if x.fract() == 0.0 && x <= 171.0 {
        return (1..x as i32).map(f64::from).product();
    }
    log_gamma(x).exp()
}

/// The logarithm of the gamma function's absolute value.
fn log_gamma(x: f64) -> f64 {
    if x < 0.5 {
        return (PI / (PI * x).sin().abs()).ln() - log_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let terms = LANCZOS.iter().zip(0_i32..).skip(1);
    let sum = terms.fold(LANCZOS[0], |sum, (term, at)| {
        sum + term / (x + f64::from(at))
    });
    let base = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * base.ln() - base + sum.ln()
}

/// By the series of its powers, which is exact near zero.
fn erf(x: f64) -> f64 {
    if x.abs() > 2.0 {
        return x.signum() * (1.0 - erfc(x.abs()));
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..MOST_TERMS {
        term *= -x * x / f64::from(n);
        let next = term / f64::from(2 * n + 1);
        sum += next;
        if next.abs() <= EXACT * sum.abs() {
            break;
        }
    }
    sum * 2.0 / PI.sqrt()
}

/// By a continued fraction, which is exact far from zero.
fn erfc(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x <= 2.0 {
        return 1.0 - erf(x);
    }
    let fraction = (1..200)
        .rev()
        .map(f64::from)
        .fold(0.0, |rest, n| n / 2.0 / (x + rest));
    (-x * x).exp() / (PI.sqrt() * (x + fraction))
}

/// NaN outside of the ranges that the pages name.
fn with_parameters(v: &Values<'_>, run: fn(f64, f64, f64) -> f64) -> Option<Value> {
    let (x, a, b) = (real(v, 0)?, real(v, 1)?, real(v, 2)?);
    let is_parameter = |number: f64| number > 0.0 && number <= 10_000.0;
    let fits = (0.0..=1.0).contains(&x) && is_parameter(a) && is_parameter(b);
    Some(Value::Real(if fits { run(x, a, b) } else { f64::NAN }))
}

fn log_beta(a: f64, b: f64) -> f64 {
    log_gamma(a) + log_gamma(b) - log_gamma(a + b)
}

fn beta_density(x: f64, a: f64, b: f64) -> f64 {
    let at_edge = |parameter: f64, other: f64| match parameter {
        below if below < 1.0 => f64::INFINITY,
        one if one <= 1.0 => other,
        _ => 0.0,
    };
    match x {
        zero if zero <= 0.0 => at_edge(a, b),
        one if one >= 1.0 => at_edge(b, a),
        _ => ((a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p() - log_beta(a, b)).exp(),
    }
}

/// The regularized incomplete beta function.
fn beta_cumulated(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast on one side of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        1.0 - beta_below(1.0 - x, b, a)
    } else {
        beta_below(x, a, b)
    }
}

/// By the fraction, for `x` inside of 0 and 1.
fn beta_below(x: f64, a: f64, b: f64) -> f64 {
    let front = (a * x.ln() + b * (-x).ln_1p() - log_beta(a, b)).exp() / a;
    front * beta_fraction(x, a, b)
}

/// Lentz's way to a continued fraction's value.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |number: f64| if number.abs() < TINY { TINY } else { number };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..MOST_TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            step = c * d;
            value *= step;
        }
        if (step - 1.0).abs() < EXACT * 10.0 {
            break;
        }
    }
    value
}

/// By halving: the cumulated function grows.
fn beta_inverse(probability: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        match beta_cumulated(middle, a, b) < probability {
            true => low = middle,
            false => high = middle,
        }
    }
    f64::midpoint(low, high)
}

/// The probability that two samples' means differ by chance as much as they do, by their means, variances and counts.
fn welch(v: &Values<'_>) -> Option<Value> {
    let [mean, variance, count] = [real(v, 0)?, real(v, 1)?, real(v, 2)?];
    let [other_mean, other_variance, other_count] = [real(v, 3)?, real(v, 4)?, real(v, 5)?];
    let (one, other) = (variance / count, other_variance / other_count);
    let squared = (mean - other_mean).powi(2) / (one + other);
    let freedom =
        (one + other).powi(2) / (one.powi(2) / (count - 1.0) + other.powi(2) / (other_count - 1.0));
    let probability = beta_cumulated(freedom / (freedom + squared), freedom / 2.0, 0.5);
    Some(Value::Real(probability))
}
