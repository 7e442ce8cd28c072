//! Functions of datetimes and timespans.

use time::{Date, Month};

use super::super::super::datetime::{MAX_TICKS, UNIX_EPOCH, date_of, first_tick_of};
use super::super::super::timespan::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MICROSECOND, TICKS_PER_MILLISECOND, TICKS_PER_MINUTE,
    TICKS_PER_SECOND,
};
use super::super::super::value::{ColumnType, Value};
use super::super::arithmetic;
use super::super::ast::BinaryOp;
use super::super::bound::Bound;
use super::super::cast::as_real;
use super::super::parser::Parsed;
use super::record::{Call, Function, Kind, Naming, Returns, Values};
use super::values::{long, moment, real, text};

const MOMENT: Kind = Kind::Of(ColumnType::DateTime);
const SPAN: Returns = Returns::Type(ColumnType::TimeSpan);
const TIME: Returns = Returns::Type(ColumnType::DateTime);
const UNITS: &[&str] = &[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "nanosecond",
];
const PARTS: &[&str] = &[
    "year",
    "quarter",
    "month",
    "week_of_year",
    "day",
    "dayofyear",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "nanosecond",
];

const fn part(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[MOMENT], Returns::Type(ColumnType::Int), run)
}

/// `startofday(t, 1)` and its kin: the start, or the last tick, of the unit so many units later.
const fn edge(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[MOMENT, Kind::Whole], TIME, run).optional(1)
}

const fn unix(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::Number], TIME, run)
}

const DATETIME_PART: Function = Function::new(
    "datetime_part",
    &[Kind::Word(PARTS), MOMENT],
    Returns::Type(ColumnType::Int),
    |v| part_of(text(v, 0), long(v, 1)?),
);
const MONTH: Function = part("monthofyear", |v| part_of("month", long(v, 0)?));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::bound(
        "now",
        &[Kind::Of(ColumnType::TimeSpan)],
        |call, arguments| now(call, arguments, BinaryOp::Add),
    )
    .optional(1),
    Function::bound(
        "ago",
        &[Kind::Of(ColumnType::TimeSpan)],
        |call, arguments| now(call, arguments, BinaryOp::Subtract),
    ),
    edge("startofday", |v| start(v, "day")).named(Naming::First),
    edge("startofweek", |v| start(v, "week")),
    edge("startofmonth", |v| start(v, "month")),
    edge("startofyear", |v| start(v, "year")),
    edge("endofday", |v| end(v, "day")),
    edge("endofweek", |v| end(v, "week")),
    edge("endofmonth", |v| end(v, "month")),
    edge("endofyear", |v| end(v, "year")),
    Function::new("dayofweek", &[MOMENT], SPAN, |v| {
        let day = date_of(long(v, 0)?).weekday().number_days_from_sunday();
        Some(Value::TimeSpan(i64::from(day) * TICKS_PER_DAY))
    }),
    part("dayofmonth", |v| part_of("day", long(v, 0)?)),
    part("dayofyear", |v| part_of("dayofyear", long(v, 0)?)),
    part("hourofday", |v| part_of("hour", long(v, 0)?)),
    part("week_of_year", |v| part_of("week_of_year", long(v, 0)?)),
    MONTH,
    MONTH.alias("getmonth"),
    part("getyear", |v| part_of("year", long(v, 0)?)),
    DATETIME_PART,
    DATETIME_PART.alias("datepart"),
    Function::new(
        "datetime_add",
        &[Kind::Word(UNITS), Kind::Whole, MOMENT],
        TIME,
        |v| moment(later(long(v, 2)?, text(v, 0), long(v, 1)?)?),
    ),
    Function::new(
        "datetime_diff",
        &[Kind::Word(UNITS), MOMENT, MOMENT],
        Returns::Type(ColumnType::Long),
        |v| {
            let unit = text(v, 0);
            let (one, other) = (long(v, 1)?, long(v, 2)?);
            match unit.to_lowercase().as_str() {
                "nanosecond" => one.checked_sub(other)?.checked_mul(100).map(Value::Long),
                unit => number_of(one, unit)?
                    .checked_sub(number_of(other, unit)?)
                    .map(Value::Long),
            }
        },
    ),
    Function::new(
        "make_datetime",
        &[
            Kind::Number,
            Kind::Number,
            Kind::Number,
            Kind::Number,
            Kind::Number,
            Kind::Number,
        ],
        TIME,
        make_datetime,
    )
    .optional(3),
    Function::new("make_datetime", &[Kind::Text], TIME, |v| {
        super::super::super::datetime::parse(text(v, 0)).map(Value::DateTime)
    })
    .named(Naming::Only),
    Function::new("make_datetime", &[MOMENT], TIME, |v| {
        Some(v[0].as_ref().clone())
    })
    .named(Naming::Only),
    Function::new(
        "make_timespan",
        &[Kind::Whole, Kind::Whole, Kind::Whole, Kind::AsReal],
        SPAN,
        |v| span(long(v, 0)?, long(v, 1)?, long(v, 2)?, real(v, 3)?),
    ),
    Function::new(
        "make_timespan",
        &[Kind::Whole, Kind::Whole, Kind::AsReal],
        SPAN,
        |v| {
            span(
                0,
                long(v, 0)?,
                long(v, 1)?,
                if v.len() == 3 { real(v, 2)? } else { 0.0 },
            )
        },
    )
    .optional(1),
    Function::new("make_timespan", &[Kind::Text], SPAN, |v| {
        super::super::super::timespan::parse(text(v, 0)).map(Value::TimeSpan)
    })
    .named(Naming::Only),
    Function::new(
        "make_timespan",
        &[Kind::Of(ColumnType::TimeSpan)],
        SPAN,
        |v| Some(v[0].as_ref().clone()),
    )
    .named(Naming::Only),
    unix("unixtime_seconds_todatetime", |v| {
        since_epoch(&v[0], TICKS_PER_SECOND, 1)
    }),
    unix("unixtime_milliseconds_todatetime", |v| {
        since_epoch(&v[0], TICKS_PER_MILLISECOND, 1)
    }),
    unix("unixtime_microseconds_todatetime", |v| {
        since_epoch(&v[0], TICKS_PER_MICROSECOND, 1)
    }),
    unix("unixtime_nanoseconds_todatetime", |v| {
        since_epoch(&v[0], 1, 100)
    }),
];

fn now(call: &Call<'_>, mut arguments: Vec<Bound>, op: BinaryOp) -> Parsed<Bound> {
    let now = Bound::constant(Value::DateTime(call.scope.now), ColumnType::DateTime);
    match arguments.pop() {
        None => Ok(now),
        Some(offset) => arithmetic::bind(call.scope, op, now, offset, call.at),
    }
}

fn date(ticks: i64) -> (i64, i64, i64) {
    let date = date_of(ticks);
    let month = i64::from(u8::from(date.month()));
    (i64::from(date.year()), month, i64::from(date.day()))
}

/// The tick at which this day of a month begins. Months beyond the year go on in the next.
fn day_start(year: i64, month: i64, day: i64) -> Option<i64> {
    let (year, month) = (
        year.checked_add((month - 1).div_euclid(12))?,
        (month - 1).rem_euclid(12) + 1,
    );
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let year = i32::try_from(year)
        .ok()
        .filter(|year| (1..=9999).contains(year))?;
    Some(first_tick_of(
        Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?,
    ))
}

/// Ticks of a unit of always the same length.
fn unit_ticks(unit: &str) -> Option<i64> {
    Some(match unit {
        "week" => 7 * TICKS_PER_DAY,
        "day" => TICKS_PER_DAY,
        "hour" => TICKS_PER_HOUR,
        "minute" => TICKS_PER_MINUTE,
        "second" => TICKS_PER_SECOND,
        "millisecond" => TICKS_PER_MILLISECOND,
        "microsecond" => TICKS_PER_MICROSECOND,
        _ => return None,
    })
}

/// Which unit since the first one holds this tick.
fn number_of(ticks: i64, unit: &str) -> Option<i64> {
    let (year, month, _) = date(ticks);
    match unit {
        "year" => Some(year),
        "quarter" => Some(year * 4 + (month - 1) / 3),
        "month" => Some(year * 12 + month),
        // 0001-01-01 is a Monday; weeks begin on Sunday.
        "week" => Some((ticks + TICKS_PER_DAY) / (7 * TICKS_PER_DAY)),
        other => Some(ticks / unit_ticks(other)?),
    }
}

fn unit_start(ticks: i64, unit: &str, offset: i64) -> Option<i64> {
    let (year, month, _) = date(ticks);
    match unit {
        "year" => day_start(year.checked_add(offset)?, 1, 1),
        "month" => day_start(year, month.checked_add(offset)?, 1),
        "week" => {
            let week = number_of(ticks, "week")?.checked_add(offset)?;
            week.checked_mul(7 * TICKS_PER_DAY)?
                .checked_sub(TICKS_PER_DAY)
        }
        other => {
            let size = unit_ticks(other)?;
            (ticks / size).checked_add(offset)?.checked_mul(size)
        }
    }
}

fn start(v: &Values<'_>, unit: &str) -> Option<Value> {
    let offset = if v.len() > 1 { long(v, 1)? } else { 0 };
    moment(unit_start(long(v, 0)?, unit, offset)?)
}

fn end(v: &Values<'_>, unit: &str) -> Option<Value> {
    let offset = if v.len() > 1 { long(v, 1)? } else { 0 };
    // The last year ends with the range.
    let next = unit_start(long(v, 0)?, unit, offset.checked_add(1)?).unwrap_or(MAX_TICKS + 1);
    moment(next.checked_sub(1)?)
}

/// The tick so many units later; the day of a shorter month is its last one.
fn later(ticks: i64, unit: &str, amount: i64) -> Option<i64> {
    let unit = unit.to_lowercase();
    let months = match unit.as_str() {
        "year" => 12,
        "quarter" => 3,
        "month" => 1,
        "nanosecond" => return ticks.checked_add(amount / 100),
        other => return ticks.checked_add(amount.checked_mul(unit_ticks(other)?)?),
    };
    let (year, month, day) = date(ticks);
    let month = month.checked_add(amount.checked_mul(months)?)?;
    let day = (1..=day)
        .rev()
        .find_map(|day| day_start(year, month, day))?;
    day.checked_add(ticks % TICKS_PER_DAY)
}

fn part_of(part: &str, ticks: i64) -> Option<Value> {
    let (year, month, day) = date(ticks);
    let time = ticks % TICKS_PER_DAY;
    let number = match part.to_lowercase().as_str() {
        "year" => year,
        "quarter" => (month - 1) / 3 + 1,
        "month" => month,
        "week_of_year" => i64::from(date_of(ticks).iso_week()),
        "day" => day,
        "dayofyear" => i64::from(date_of(ticks).ordinal()),
        "hour" => time / TICKS_PER_HOUR,
        "minute" => time / TICKS_PER_MINUTE % 60,
        "second" => time / TICKS_PER_SECOND % 60,
        "millisecond" => time % TICKS_PER_SECOND / TICKS_PER_MILLISECOND,
        "microsecond" => time % TICKS_PER_SECOND / TICKS_PER_MICROSECOND,
        _ => time % TICKS_PER_SECOND * 100,
    };
    i32::try_from(number).ok().map(Value::Int)
}

fn make_datetime(v: &Values<'_>) -> Option<Value> {
    let mut whole = [0_i64; 5];
    for (at, place) in whole.iter_mut().enumerate().take(v.len()) {
        *place = long(v, at)?;
    }
    let [year, month, day, hour, minute] = whole;
    let second = if v.len() > 5 { as_real(&v[5])? } else { 0.0 };
    let in_day = (0..24).contains(&hour) && (0..60).contains(&minute);
    if !in_day || !(1..=12).contains(&month) || !(0.0..60.0).contains(&second) {
        return None;
    }
    let time = hour * TICKS_PER_HOUR + minute * TICKS_PER_MINUTE + fraction(second)?;
    moment(day_start(year, month, day)?.checked_add(time)?)
}

/// Seconds as ticks, to the nearest one.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn fraction(seconds: f64) -> Option<i64> {
    let ticks = (seconds * TICKS_PER_SECOND as f64).round();
    (ticks.abs() < 9.2e18).then_some(ticks as i64)
}

fn span(days: i64, hours: i64, minutes: i64, seconds: f64) -> Option<Value> {
    let fits = days >= 0
        && (0..24).contains(&hours)
        && (0..60).contains(&minutes)
        && (0.0..60.0).contains(&seconds);
    let clock = hours * TICKS_PER_HOUR + minutes * TICKS_PER_MINUTE;
    fits.then_some(())?;
    days.checked_mul(TICKS_PER_DAY)?
        .checked_add(clock)?
        .checked_add(fraction(seconds)?)
        .map(Value::TimeSpan)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn since_epoch(value: &Value, unit: i64, divisor: i64) -> Option<Value> {
    let ticks = match value {
        Value::Int(_) | Value::Long(_) => super::super::cast::as_long(value)?
            .checked_mul(unit)?
            .div_euclid(divisor),
        other => {
            let ticks = (as_real(other)? * unit as f64 / divisor as f64).round();
            (ticks.abs() < 9.2e18).then_some(ticks as i64)?
        }
    };
    moment(UNIX_EPOCH.checked_add(ticks)?)
}
