//! Functions of time zones, by the names of the IANA database.

use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use serde_json::Value as Json;

use super::super::super::datetime::UNIX_EPOCH;
use super::super::super::timespan::TICKS_PER_SECOND;
use super::super::super::value::{ColumnType, Value};
use super::super::bound::{Bound, Node};
use super::super::parser::Parsed;
use super::record::{Call, Function, Kind, Values};
use super::values::{long, moment, text};

const ARGUMENTS: &[Kind] = &[Kind::Of(ColumnType::DateTime), Kind::Text];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::bound("datetime_utc_to_local", ARGUMENTS, |call, arguments| {
        zoned(call, arguments, to_local)
    }),
    Function::bound("datetime_local_to_utc", ARGUMENTS, |call, arguments| {
        zoned(call, arguments, to_utc)
    }),
    Function::written("datetime_list_timezones", &[], |_| {
        let names = tz::db().available();
        let names: Vec<Json> = names.map(|name| name.as_str().into()).collect();
        let names = Value::Dynamic(names.into());
        Ok(Bound::constant(names, ColumnType::Dynamic))
    }),
];

/// A constant name must be one of the database; among those of rows another one gives null.
fn zoned(
    call: &Call<'_>,
    arguments: Vec<Bound>,
    shift: fn(&TimeZone, i64) -> Option<i64>,
) -> Parsed<Bound> {
    if let Some(Node::Constant(Value::String(name))) = arguments.get(1).map(|name| &name.node)
        && TimeZone::get(name).is_err()
    {
        return Err(call.error("SEM0031", &format!("'{name}' is not a time zone")));
    }
    let function = move |v: &Values<'_>| {
        let shifted = || {
            let ticks = long(v, 0)?;
            let seconds = (ticks - UNIX_EPOCH).div_euclid(TICKS_PER_SECOND);
            let shift = shift(&TimeZone::get(text(v, 1)).ok()?, seconds)?;
            moment(ticks.checked_add(shift.checked_mul(TICKS_PER_SECOND)?)?)
        };
        shifted().unwrap_or(Value::Null)
    };
    let ty = ColumnType::DateTime;
    Ok(Bound::apply(ty, arguments, std::sync::Arc::new(function)))
}

/// The seconds that clocks of the zone are ahead at this second since 1970 of UTC.
fn to_local(zone: &TimeZone, seconds: i64) -> Option<i64> {
    let at = Timestamp::from_second(seconds).ok()?;
    Some(zone.to_offset(at).seconds().into())
}

/// The same, negative, at this second since 1970 of the zone's clocks. What they jump over is taken by the offset after
/// the jump, as the example of the page of `datetime_local_to_utc()` shows.
fn to_utc(zone: &TimeZone, seconds: i64) -> Option<i64> {
    let shown = TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
    let at = zone.to_ambiguous_timestamp(shown).earlier().ok()?;
    Some(at.as_second() - seconds)
}
