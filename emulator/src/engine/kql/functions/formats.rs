//! `format_datetime`, `format_timespan`, `format_bytes`.

use super::super::super::datetime::date_of;
use super::super::super::timespan::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND,
};
use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Naming, Returns, Values};
use super::values::{long, real, string, text};

const STRING: Returns = Returns::Type(ColumnType::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "format_datetime",
        &[Kind::Of(ColumnType::DateTime), Kind::ConstantText],
        STRING,
        |v| string(formatted(text(v, 1), long(v, 0)?, moment_field)?),
    )
    .named(Naming::First),
    Function::new(
        "format_timespan",
        &[Kind::Of(ColumnType::TimeSpan), Kind::ConstantText],
        STRING,
        |v| {
            let ticks = long(v, 0)?;
            let magnitude = i64::try_from(ticks.unsigned_abs()).ok()?;
            let made = formatted(text(v, 1), magnitude, span_field)?;
            string(if ticks < 0 { format!("-{made}") } else { made })
        },
    )
    .named(Naming::First),
    Function::new(
        "format_bytes",
        &[Kind::Number, Kind::ConstantWhole, Kind::ConstantText],
        STRING,
        bytes,
    )
    .optional(2)
    .named(Naming::First),
];

/// Runs of one letter are fields, other characters stand for themselves. A letter that is no field
/// makes the format invalid.
fn formatted(
    format: &str,
    ticks: i64,
    field: fn(char, usize, i64) -> Option<String>,
) -> Option<String> {
    let mut made = String::new();
    let mut characters = format.chars().peekable();
    while let Some(c) = characters.next() {
        if !c.is_ascii_alphabetic() {
            made.push(c);
            continue;
        }
        let mut length = 1;
        while characters.next_if_eq(&c).is_some() {
            length += 1;
        }
        made.push_str(&field(c, length, ticks)?);
    }
    Some(made)
}

fn moment_field(c: char, length: usize, ticks: i64) -> Option<String> {
    let date = date_of(ticks);
    let year = date.year();
    let hour = ticks % TICKS_PER_DAY / TICKS_PER_HOUR;
    let number: i64 = match (c, length) {
        ('y', 4) => return Some(format!("{year:04}")),
        ('y', 1 | 2) => i64::from(year % 100),
        ('M', 1 | 2) => i64::from(u8::from(date.month())),
        ('d', 1 | 2) => i64::from(date.day()),
        ('h', 1 | 2) => (hour + 11) % 12 + 1,
        ('t', 2) => return Some(if hour < 12 { "AM" } else { "PM" }.to_owned()),
        _ => return clock_field(c, length, ticks),
    };
    Some(format!("{number:0length$}"))
}

fn span_field(c: char, length: usize, ticks: i64) -> Option<String> {
    let number = match (c, length) {
        ('d', 1..=8) => ticks / TICKS_PER_DAY,
        ('h', 1 | 2) => ticks % TICKS_PER_DAY / TICKS_PER_HOUR,
        _ => return clock_field(c, length, ticks),
    };
    Some(format!("{number:0length$}"))
}

fn clock_field(c: char, length: usize, ticks: i64) -> Option<String> {
    let number = match (c, length) {
        ('H', 1 | 2) => ticks % TICKS_PER_DAY / TICKS_PER_HOUR,
        ('m', 1 | 2) => ticks / TICKS_PER_MINUTE % 60,
        ('s', 1 | 2) => ticks / TICKS_PER_SECOND % 60,
        ('f' | 'F', 1..=7) => {
            let digits = format!("{:07}", ticks % TICKS_PER_SECOND);
            let digits = &digits[..length];
            let kept = if c == 'F' {
                digits.trim_end_matches('0')
            } else {
                digits
            };
            return Some(kept.to_owned());
        }
        _ => return None,
    };
    Some(format!("{number:0length$}"))
}

const BYTE_UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];

/// In the largest unit that leaves a whole part, or in the one asked for.
fn bytes(v: &Values<'_>) -> Option<Value> {
    let mut size = real(v, 0)?;
    let digits = usize::try_from(if v.len() > 1 { long(v, 1)? } else { 0 }.clamp(0, 15)).ok()?;
    let wanted = match v.len() {
        3 => Some(BYTE_UNITS.iter().position(|unit| *unit == text(v, 2))?),
        _ => None,
    };
    let mut unit = 0;
    while wanted.map_or(size.abs() >= 1024.0, |wanted| unit < wanted) && unit + 1 < BYTE_UNITS.len()
    {
        size /= 1024.0;
        unit += 1;
    }
    let factor = 10_f64.powi(i32::try_from(digits).ok()?);
    let rounded = (size * factor).round() / factor;
    string(format!("{rounded} {}", BYTE_UNITS[unit]))
}
