//! Dates in headers (RFC 9110 section 5.6.7), and the pause that `Retry-After` asks for.

use std::time::Duration;

use time::{Date, Month, OffsetDateTime, Time};

/// Longer wishes are cut: nothing waits so long, and no arithmetic meets them.
const LONGEST_WISH: Duration = Duration::from_secs(24 * 60 * 60);

/// What `Retry-After` asks for: seconds, or a date. A date is compared with that of the answer, for
/// this machine's clock may be wrong.
pub(crate) fn retry_after(value: Option<&str>, answered: Option<&str>) -> Option<Duration> {
    let value = value?.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are more than the longest.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_WISH));
    }
    let until = parse(value)?;
    let now = answered
        .and_then(parse)
        .unwrap_or_else(OffsetDateTime::now_utc);
    let left = Duration::try_from(until - now).unwrap_or(Duration::ZERO);
    Some(left.min(LONGEST_WISH))
}

/// A date in the form of today or in one of the two old ones, which must be understood too:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
    let parts: Vec<&str> = text
        .split([' ', ',', '-'])
        .filter(|part| !part.is_empty())
        .collect();
    let (day, month, year, time) = match parts.as_slice() {
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let date = Date::from_calendar_date(year_of(year)?, month_of(month)?, day.parse().ok()?);
    let mut clock = time.split(':').map(|part| part.parse().ok());
    let time = Time::from_hms(clock.next()??, clock.next()??, clock.next()??);
    Some(OffsetDateTime::new_utc(date.ok()?, time.ok()?))
}

fn year_of(text: &str) -> Option<i32> {
    let year: u16 = text.parse().ok()?;
    Some(match text.len() {
        2 if year < 70 => i32::from(year) + 2000,
        2 => i32::from(year) + 1900,
        _ => i32::from(year),
    })
}

fn month_of(text: &str) -> Option<Month> {
    const NAMES: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = NAMES
        .find(text)
        .filter(|at| text.len() == 3 && at % 3 == 0)?;
    Month::try_from(u8::try_from(at / 3 + 1).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWERED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn seconds(value: &str) -> Option<u64> {
        retry_after(Some(value), Some(ANSWERED)).map(|after| after.as_secs())
    }

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        let expected = time::macros::datetime!(1994-11-06 08:49:37 UTC);
        for text in [
            ANSWERED,
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "1994-11-06",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 anF 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_wish_is_seconds_or_a_date_after_the_answers() {
        let day = LONGEST_WISH.as_secs();
        for (value, expected) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(day)),
            ("18446744073709551615", Some(day)),
            ("Sun, 06 Nov 1994 08:49:57 GMT", Some(20)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(day)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(value), expected, "{value:?}");
        }
        assert_eq!(retry_after(None, Some(ANSWERED)), None);
        let old = retry_after(Some(ANSWERED), None);
        assert_eq!(
            old,
            Some(Duration::ZERO),
            "without a date, by this machine's clock"
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(value in "\\PC{0,40}", date in "\\PC{0,40}") {
            retry_after(Some(&value), Some(&date));
        }

        #[test]
        fn no_date_breaks_it(year in 0u32..99999, day in 0u8..40, hour in 0u8..30) {
            let text = format!("Sun, {day:02} Dec {year:04} {hour:02}:00:00 GMT");
            retry_after(Some(&text), Some(ANSWERED));
            retry_after(Some(ANSWERED), Some(&text));
        }
    }
}
