//! Kusto's timespan: a signed count of 100 ns ticks and its text.

use std::fmt;
use std::str::FromStr;

use time::Duration;

use crate::error::{Error, Result};

/// Ticks in a second, for datetimes and timespans alike.
pub(crate) const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_DAY: u64 = 86_400 * TICKS_PER_SECOND as u64;

/// A length of time in ticks of 100 ns, about 29,000 years either way.
///
/// ```
/// use kusto_ingest::values::TimeSpan;
///
/// let span: TimeSpan = "-1.02:03:04.0000005".parse()?;
/// assert_eq!(span.to_string(), "-1.02:03:04.0000005");
/// assert_eq!(TimeSpan::from_ticks(10_000_000).to_string(), "00:00:01");
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(i64);

impl TimeSpan {
    /// This many ticks of 100 ns.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// The number of ticks of 100 ns.
    pub const fn ticks(self) -> i64 {
        self.0
    }
}

impl From<TimeSpan> for Duration {
    fn from(span: TimeSpan) -> Self {
        let seconds = span.0 / TICKS_PER_SECOND;
        let nanoseconds = span.0 % TICKS_PER_SECOND * 100;
        Duration::seconds(seconds) + Duration::nanoseconds(nanoseconds)
    }
}

impl TryFrom<Duration> for TimeSpan {
    type Error = Error;

    /// Parts below 100 ns are cut off. Fails beyond the range of ticks.
    fn try_from(duration: Duration) -> Result<Self> {
        i64::try_from(duration.whole_nanoseconds() / 100)
            .map(Self)
            .map_err(|_| out_of_range())
    }
}

impl TryFrom<std::time::Duration> for TimeSpan {
    type Error = Error;

    /// Parts below 100 ns are cut off. Fails beyond the range of ticks.
    fn try_from(duration: std::time::Duration) -> Result<Self> {
        i64::try_from(duration.as_nanos() / 100)
            .map(Self)
            .map_err(|_| out_of_range())
    }
}

fn out_of_range() -> Error {
    Error::invalid_argument("timespan", "is beyond 10,675,199 days")
}

impl fmt::Display for TimeSpan {
    /// `[-][d.]hh:mm:ss[.fffffff]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The smallest i64 has no positive counterpart, but it has an absolute value.
        let ticks = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let (days, rest) = (ticks / TICKS_PER_DAY, ticks % TICKS_PER_DAY);
        if days > 0 {
            write!(f, "{days}.")?;
        }
        let seconds = rest / TICKS_PER_SECOND as u64;
        let fraction = rest % TICKS_PER_SECOND as u64;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}")?;
        if fraction > 0 {
            write!(f, ".{fraction:07}")?;
        }
        Ok(())
    }
}

impl FromStr for TimeSpan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse(text.trim()).map(Self).ok_or_else(|| {
            Error::invalid_argument(
                "timespan",
                format!("'{text}' is not [-][d.]hh:mm:ss[.fffffff]"),
            )
        })
    }
}

fn parse(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut parts = text.split(':');
    let (first, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = first.split_once('.').unwrap_or(("0", first));
    let (seconds, fraction) = match seconds.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction_ticks(fraction)?),
        None => (seconds, 0),
    };
    let seconds = digits(hours, 23)? * 3600 + digits(minutes, 59)? * 60 + digits(seconds, 59)?;
    let ticks = i128::from(digits(days, u64::from(u32::MAX))?) * i128::from(TICKS_PER_DAY)
        + i128::from(seconds) * i128::from(TICKS_PER_SECOND)
        + i128::from(fraction);
    i64::try_from(if negative { -ticks } else { ticks }).ok()
}

/// A run of digits as a number up to `max`.
pub(crate) fn digits(text: &str, max: u64) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= max)
}

/// The digits after the point of a second as ticks; those beyond the seventh are cut off.
pub(crate) fn fraction_ticks(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seven = &text[..text.len().min(7)];
    format!("{seven:0<7}").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_of_ticks() {
        let cases = [
            (0, "00:00:00"),
            (1, "00:00:00.0000001"),
            (10_000, "00:00:00.0010000"),
            (10_000_000, "00:00:01"),
            (-10_000_000, "-00:00:01"),
            (864_000_000_000, "1.00:00:00"),
            (937_840_000_005, "1.02:03:04.0000005"),
            (i64::MAX, "10675199.02:48:05.4775807"),
            (i64::MIN, "-10675199.02:48:05.4775808"),
        ];
        for (ticks, text) in cases {
            assert_eq!(TimeSpan::from_ticks(ticks).to_string(), text);
            assert_eq!(text.parse::<TimeSpan>().unwrap().ticks(), ticks);
        }
    }

    #[test]
    fn other_spellings_are_read() {
        for (text, ticks) in [
            ("0:04:00", 2_400_000_000),
            ("01:00:00.5", 36_005_000_000),
            ("00:00:00.12345678", 1_234_567),
            (" 00:00:01 ", 10_000_000),
        ] {
            assert_eq!(text.parse::<TimeSpan>().unwrap().ticks(), ticks, "{text}");
        }
    }

    #[test]
    fn an_invalid_timespan_is_rejected() {
        for text in [
            "",
            "-",
            "1",
            "1:2",
            "24:00:00",
            "00:60:00",
            "00:00:60",
            "1 day, 0:00:00",
            "00:00:00.",
            "1.:00:00",
            "--00:00:01",
            "00:00:-1",
            "00:00:00:00",
            "10675199.02:48:05.4775808",
            "99999999999999999999.00:00:00",
            "٠٠:00:00",
        ] {
            assert!(text.parse::<TimeSpan>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_longer_than_a_day_keep_their_days() {
        let span = TimeSpan::try_from(std::time::Duration::from_secs(86_430)).unwrap();
        assert_eq!(span.to_string(), "1.00:00:30");
        assert!(TimeSpan::try_from(std::time::Duration::MAX).is_err());
        assert!(TimeSpan::try_from(Duration::MIN).is_err());
    }

    proptest! {
        #[test]
        fn text_and_duration_round_trip(ticks in any::<i64>()) {
            let span = TimeSpan::from_ticks(ticks);
            prop_assert_eq!(span.to_string().parse::<TimeSpan>().unwrap(), span);
            prop_assert_eq!(TimeSpan::try_from(Duration::from(span)).unwrap(), span);
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[-0-9.:]{0,24}") {
            let _ = text.parse::<TimeSpan>();
        }
    }
}
