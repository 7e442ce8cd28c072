//! Kusto's datetime: 100 ns ticks since the year 1, always UTC, and its text.

use std::fmt;
use std::str::FromStr;

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::timespan::{TICKS_PER_SECOND, digits, fraction_ticks};
use crate::error::{Error, Result};

/// Seconds from 0001-01-01 to 1970-01-01.
const UNIX_EPOCH_SECONDS: i64 = 62_135_596_800;
/// 9999-12-31T23:59:59.9999999Z.
const MAX_TICKS: i64 = 3_155_378_975_999_999_999;

/// A point in time with ticks of 100 ns, from the year 1 to the year 9999, UTC.
///
/// ```
/// use kusto_ingest::values::DateTime;
///
/// let time: DateTime = "2024-05-01T10:00:00.1234567Z".parse()?;
/// assert_eq!(time.to_string(), "2024-05-01T10:00:00.1234567Z");
/// assert_eq!(time::OffsetDateTime::from(time).unix_timestamp(), 1_714_557_600);
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(i64);

impl DateTime {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: DateTime = DateTime(0);
    /// 9999-12-31T23:59:59.9999999Z.
    pub const MAX: DateTime = DateTime(MAX_TICKS);

    /// The time this many ticks of 100 ns after 0001-01-01; `None` beyond the range.
    pub fn from_ticks(ticks: i64) -> Option<Self> {
        (0..=MAX_TICKS).contains(&ticks).then_some(Self(ticks))
    }

    /// Ticks of 100 ns since 0001-01-01.
    pub const fn ticks(self) -> i64 {
        self.0
    }
}

impl From<DateTime> for OffsetDateTime {
    fn from(time: DateTime) -> Self {
        let unix = time::Duration::seconds(time.0 / TICKS_PER_SECOND - UNIX_EPOCH_SECONDS)
            + time::Duration::nanoseconds(time.0 % TICKS_PER_SECOND * 100);
        OffsetDateTime::UNIX_EPOCH.saturating_add(unix)
    }
}

impl TryFrom<OffsetDateTime> for DateTime {
    type Error = Error;

    /// Parts below 100 ns are cut off. Fails outside the years 1 to 9999 UTC.
    fn try_from(time: OffsetDateTime) -> Result<Self> {
        let seconds = time.unix_timestamp() + UNIX_EPOCH_SECONDS;
        let ticks = seconds * TICKS_PER_SECOND + i64::from(time.nanosecond() / 100);
        Self::from_ticks(ticks)
            .ok_or_else(|| Error::invalid_argument("datetime", "is outside the years 1 to 9999"))
    }
}

impl fmt::Display for DateTime {
    /// ISO 8601 with seven digits and `Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from(*self);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            self.0 % TICKS_PER_SECOND
        )
    }
}

impl FromStr for DateTime {
    type Err = Error;

    /// ISO 8601: a date, or a date and a time with any fraction and any offset. Without an offset
    /// it is UTC, as in the service's own answers. Digits beyond 100 ns are cut off.
    fn from_str(text: &str) -> Result<Self> {
        parse(text.trim()).ok_or_else(|| {
            Error::invalid_argument(
                "datetime",
                format!("'{text}' is not a time such as 2024-05-01T10:00:00.1234567Z"),
            )
        })
    }
}

fn parse(text: &str) -> Option<DateTime> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let date = parse_date(date)?;
    let Some(time) = time else {
        return ticks_of(date, Time::MIDNIGHT, 0, UtcOffset::UTC);
    };
    let (time, offset) = split_offset(time)?;
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, fraction_ticks(fraction)?),
        None => (time, 0),
    };
    ticks_of(date, parse_time(time)?, fraction, offset)
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let month = Month::try_from(u8::try_from(digits(month, 12)?).ok()?).ok()?;
    let year = i32::try_from(digits(year, 9999)?).ok()?;
    Date::from_calendar_date(year, month, u8::try_from(digits(day, 31)?).ok()?).ok()
}

fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let hour = two_digits(parts.next()?)?;
    let minute = two_digits(parts.next()?)?;
    let second = parts.next().map_or(Some(0), two_digits)?;
    if parts.next().is_some() {
        return None;
    }
    Time::from_hms(hour, minute, second).ok()
}

/// A time without its `Z` or `+hh:mm`, and that offset.
fn split_offset(text: &str) -> Option<(&str, UtcOffset)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, UtcOffset::UTC));
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return Some((text, UtcOffset::UTC));
    };
    let (time, offset) = text.split_at(at);
    let (hours, minutes) = offset[1..].split_once(':')?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let hours = i8::try_from(two_digits(hours)?).ok()?;
    let minutes = i8::try_from(two_digits(minutes)?).ok()?;
    let offset = UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?;
    Some((time, offset))
}

fn two_digits(text: &str) -> Option<u8> {
    if text.len() != 2 {
        return None;
    }
    u8::try_from(digits(text, 99)?).ok()
}

fn ticks_of(date: Date, time: Time, fraction: i64, offset: UtcOffset) -> Option<DateTime> {
    let local = PrimitiveDateTime::new(date, time).assume_utc();
    let seconds = local.unix_timestamp() + UNIX_EPOCH_SECONDS - i64::from(offset.whole_seconds());
    DateTime::from_ticks(seconds * TICKS_PER_SECOND + fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(DateTime::MIN.to_string(), "0001-01-01T00:00:00.0000000Z");
        assert_eq!(DateTime::MAX.to_string(), "9999-12-31T23:59:59.9999999Z");
        assert_eq!(DateTime::from_ticks(-1), None);
        assert_eq!(DateTime::from_ticks(MAX_TICKS + 1), None);
        assert_eq!(
            OffsetDateTime::from(DateTime::MIN),
            datetime!(0001-01-01 00:00 UTC)
        );
        assert!("0001-01-01T00:00:00+01:00".parse::<DateTime>().is_err());
        assert!(DateTime::try_from(datetime!(0000-12-31 23:59:59 UTC)).is_err());
    }

    #[test]
    fn spellings_of_one_time() {
        let expected = "2024-02-29T10:00:00.1000000Z";
        for text in [
            expected,
            "2024-02-29T10:00:00.1Z",
            "2024-02-29T10:00:00.1",
            "2024-02-29 10:00:00.10000009z",
            "2024-02-29T12:00:00.1+02:00",
            "2024-02-29T04:30:00.1-05:30",
        ] {
            assert_eq!(
                text.parse::<DateTime>().unwrap().to_string(),
                expected,
                "{text}"
            );
        }
        let day: DateTime = "2024-02-29".parse().unwrap();
        assert_eq!(day.to_string(), "2024-02-29T00:00:00.0000000Z");
        assert_eq!("2024-02-29T00:00".parse::<DateTime>().unwrap(), day);
    }

    #[test]
    fn an_invalid_time_is_rejected() {
        for text in [
            "",
            "T",
            "2023-02-29",
            "2024-13-01",
            "24-01-01",
            "2024-1-1",
            "2024-01-01T24:00:00",
            "2024-01-01T10:00:00.",
            "2024-01-01T10:00:00+2",
            "2024-01-01T10:00:00+99:99",
            "2024-01-01T10",
            "1714557600",
            "10000-01-01",
            "2024-01-01T10:00:00Z and more",
            "ü",
            "2024-01-01Tü+ü:ü",
        ] {
            assert!(text.parse::<DateTime>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_offset_date_time_round_trip(ticks in 0..=MAX_TICKS) {
            let time = DateTime::from_ticks(ticks).unwrap();
            prop_assert_eq!(time.to_string().parse::<DateTime>().unwrap(), time);
            prop_assert_eq!(DateTime::try_from(OffsetDateTime::from(time)).unwrap(), time);
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[-+0-9TZ.: ü]{0,30}") {
            let _ = text.parse::<DateTime>();
        }
    }
}
