//! `datetime` as 100 ns ticks since 0001-01-01 UTC: printing, and reading every form the service
//! reads.

use time::{Date, Month, OffsetDateTime};

use super::timespan::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND};

/// 9999-12-31T23:59:59.9999999Z.
pub const MAX_TICKS: i64 = 3_155_378_975_999_999_999;
/// Julian day of 0001-01-01.
const FIRST_DAY: i32 = 1_721_426;
/// 1970-01-01 in ticks.
pub const UNIX_EPOCH: i64 = 621_355_968_000_000_000;

/// The present, in ticks.
pub fn now() -> i64 {
    let since_epoch = OffsetDateTime::now_utc().unix_timestamp_nanos() / 100;
    UNIX_EPOCH + i64::try_from(since_epoch).unwrap_or(0)
}

/// `2007-09-20T21:57:00.0000000Z`: the form of every response.
pub fn print(ticks: i64) -> String {
    let ticks = ticks.clamp(0, MAX_TICKS);
    let date = date_of(ticks);
    let time = ticks % TICKS_PER_DAY;
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time / TICKS_PER_HOUR,
        time / TICKS_PER_MINUTE % 60,
        time / TICKS_PER_SECOND % 60,
        time % TICKS_PER_SECOND
    )
}

/// The day of a tick.
pub fn date_of(ticks: i64) -> Date {
    let day = i32::try_from(ticks / TICKS_PER_DAY).unwrap_or(0);
    Date::from_julian_day(FIRST_DAY + day).unwrap_or(Date::MIN)
}

/// The tick at which a day begins.
pub fn first_tick_of(date: Date) -> i64 {
    i64::from(date.to_julian_day() - FIRST_DAY) * TICKS_PER_DAY
}

/// Ticks of a text; `None` when it is no date. Reads ISO 8601 (also with a space, without seconds,
/// date alone, with `Z` or an offset), RFC 822 and 850 (`Sat, 20 Sep 2007 21:57:00 GMT`) and the
/// American form (`9/20/2007 9:57:00 PM`). Without a zone the time is UTC.
pub fn parse(text: &str) -> Option<i64> {
    let mut rest = Scanner { rest: text.trim() };
    let date = rest.date()?;
    let day = first_tick_of(date);
    if rest.rest.is_empty() {
        return in_range(day);
    }
    if !(rest.eat('T') || rest.eat('t') || rest.spaces()) {
        return None;
    }
    let time = rest.time()?;
    let offset = rest.zone()?;
    in_range(day.checked_add(time)?.checked_sub(offset)?)
}

fn in_range(ticks: i64) -> Option<i64> {
    (0..=MAX_TICKS).contains(&ticks).then_some(ticks)
}

struct Scanner<'t> {
    rest: &'t str,
}

impl Scanner<'_> {
    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Skips spaces; whether there were any.
    fn spaces(&mut self) -> bool {
        let trimmed = self.rest.trim_start();
        let any = trimmed.len() < self.rest.len();
        self.rest = trimmed;
        any
    }

    /// A number of `min` to `max` digits, no more.
    fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(min..=max).contains(&digits) {
            return None;
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok()
    }

    fn word(&mut self) -> String {
        let length = self
            .rest
            .bytes()
            .take_while(u8::is_ascii_alphabetic)
            .count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word.to_ascii_lowercase()
    }

    fn date(&mut self) -> Option<Date> {
        let leading = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let after = self.rest.as_bytes().get(leading).copied();
        match (leading, after) {
            (4, Some(b'-' | b'/')) => self.iso_date(),
            (1..=2, Some(b'/')) => self.american_date(),
            _ => self.rfc_date(),
        }
    }

    fn iso_date(&mut self) -> Option<Date> {
        let year = self.number(4, 4)?;
        let separator = if self.eat('-') { '-' } else { '/' };
        if separator == '/' {
            self.eat('/');
        }
        let month = self.number(1, 2)?;
        if !self.eat(separator) {
            return calendar(year, month, 1);
        }
        calendar(year, month, self.number(1, 2)?)
    }

    fn american_date(&mut self) -> Option<Date> {
        let month = self.number(1, 2)?;
        self.eat('/');
        let day = self.number(1, 2)?;
        if !self.eat('/') {
            return None;
        }
        calendar(self.number(4, 4)?, month, day)
    }

    /// `[Sat, ]20 Sep 2007` or `[Saturday, ]20-Sep-07`.
    fn rfc_date(&mut self) -> Option<Date> {
        if self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let day = self.word();
            if day.len() < 3 || !WEEKDAYS.iter().any(|name| name.starts_with(&day)) {
                return None;
            }
            self.eat(',');
            self.spaces();
        }
        let day = self.number(1, 2)?;
        let dashed = self.eat('-');
        if !dashed && !self.spaces() {
            return None;
        }
        let name = self.word();
        if name.len() < 3 {
            return None;
        }
        let month = MONTHS.iter().position(|month| month.starts_with(&name))? + 1;
        if !(if dashed { self.eat('-') } else { self.spaces() }) {
            return None;
        }
        let year = self
            .number(4, 4)
            .or_else(|| self.number(2, 2).map(full_year))?;
        calendar(year, i64::try_from(month).ok()?, day)
    }

    /// `hh:mm[:ss[.fffffff]] [AM|PM]` in ticks. Digits beyond 100 ns are cut.
    fn time(&mut self) -> Option<i64> {
        let mut hour = self.number(1, 2)?;
        if !self.eat(':') {
            return None;
        }
        let minute = self.number(2, 2)?;
        let (mut second, mut fraction) = (0, 0);
        if self.eat(':') {
            second = self.number(2, 2)?;
            if self.eat('.') || self.eat(',') {
                fraction = self.fraction()?;
            }
        }
        let half = self.rest.trim_start().get(..2).map(str::to_ascii_lowercase);
        if let Some(half @ ("am" | "pm")) = half.as_deref() {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if half == "pm" { 12 } else { 0 };
            self.spaces();
            self.word();
        }
        (hour < 24 && minute < 60 && second < 60).then_some(
            hour * TICKS_PER_HOUR
                + minute * TICKS_PER_MINUTE
                + second * TICKS_PER_SECOND
                + fraction,
        )
    }

    fn fraction(&mut self) -> Option<i64> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let kept = number
            .get(..digits.min(7))
            .filter(|kept| !kept.is_empty())?;
        format!("{kept:0<7}").parse().ok()
    }

    /// What is to be subtracted to get UTC, in ticks; nothing may follow.
    fn zone(&mut self) -> Option<i64> {
        self.spaces();
        let sign = match self.rest.chars().next() {
            None => return Some(0),
            Some('+') => 1,
            Some('-') => -1,
            Some(_) => {
                let known = matches!(self.word().as_str(), "z" | "gmt" | "utc" | "ut");
                return (known && self.rest.is_empty()).then_some(0);
            }
        };
        self.rest = &self.rest[1..];
        let hours = match self.number(4, 4) {
            Some(joined) => return self.offset(sign, joined / 100, joined % 100),
            None => self.number(1, 2)?,
        };
        let minutes = if self.eat(':') { self.number(2, 2)? } else { 0 };
        self.offset(sign, hours, minutes)
    }

    fn offset(&self, sign: i64, hours: i64, minutes: i64) -> Option<i64> {
        (hours <= 14 && minutes < 60 && self.rest.is_empty())
            .then_some(sign * (hours * TICKS_PER_HOUR + minutes * TICKS_PER_MINUTE))
    }
}

const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// .NET's reading of a year of two digits.
fn full_year(short: i64) -> i64 {
    if short < 50 {
        2000 + short
    } else {
        1900 + short
    }
}

fn calendar(year: i64, month: i64, day: i64) -> Option<Date> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let year = i32::try_from(year).ok().filter(|year| *year >= 1)?;
    Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reprint(text: &str) -> Option<String> {
        parse(text).map(print)
    }

    #[test]
    fn reads_every_input_form() {
        let expected = Some("2007-09-20T21:57:00.0000000Z".to_owned());
        for text in [
            "2007-09-20T21:57:00Z",
            "2007-09-20T21:57:00.0000000Z",
            "2007-09-20 21:57:00.0000000",
            "2007-09-20 21:57",
            "2007/09/20 21:57:00",
            "2007-09-20T23:57:00+02:00",
            "2007-09-20T16:27:00-0530",
            "2007-09-20T21:57:00 +00:00",
            "Thu, 20 Sep 2007 21:57:00 GMT",
            "20 Sep 2007 21:57",
            "Thursday, 20-Sep-07 21:57:00 UTC",
            "9/20/2007 9:57:00 PM",
            "9/20/2007 21:57",
            "  2007-09-20T21:57:00Z ",
        ] {
            assert_eq!(reprint(text), expected, "{text}");
        }
    }

    #[test]
    fn keeps_seven_digits_and_cuts_the_rest() {
        assert_eq!(
            reprint("2024-02-29T01:02:03.1234567Z").as_deref(),
            Some("2024-02-29T01:02:03.1234567Z")
        );
        assert_eq!(
            reprint("2024-02-29T01:02:03.123456789Z").as_deref(),
            Some("2024-02-29T01:02:03.1234567Z")
        );
        assert_eq!(
            reprint("2024-02-29T01:02:03.5").as_deref(),
            Some("2024-02-29T01:02:03.5000000Z")
        );
    }

    #[test]
    fn reads_dates_alone_and_the_ends_of_the_range() {
        assert_eq!(
            reprint("2024-02-29").as_deref(),
            Some("2024-02-29T00:00:00.0000000Z")
        );
        assert_eq!(parse("0001-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("9999-12-31T23:59:59.9999999Z"), Some(MAX_TICKS));
        assert_eq!(parse("1970-01-01"), Some(UNIX_EPOCH));
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "x",
            "2023-02-29",
            "2024-13-01",
            "2024-01-01T25:00",
            "2024-01-01T10:60",
            "2024-01-01T10",
            "1700000000",
            "2024-01-01T10:00:00Q",
            "2024-01-01T10:00:00Z junk",
            "0001-01-01T00:00:00+01:00",
            "13/13/2024",
            "Foo, 20 Sep 2007 21:57:00 GMT",
            "2024-01-01T10:00:00.",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(ticks in 0..=MAX_TICKS) {
            prop_assert_eq!(parse(&print(ticks)), Some(ticks));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_date_like_text_panics(text in "[0-9TZ:+./ -]{0,30}") {
            let _ = parse(&text);
        }
    }
}
