//! `timespan` as 100 ns ticks: printing and reading.

/// Ticks of a microsecond.
pub const TICKS_PER_MICROSECOND: i64 = 10;
/// Ticks of a millisecond.
pub const TICKS_PER_MILLISECOND: i64 = 10_000;
/// Ticks of a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks of a minute.
pub const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// Ticks of an hour.
pub const TICKS_PER_HOUR: i64 = 60 * TICKS_PER_MINUTE;
/// Ticks of a day.
pub const TICKS_PER_DAY: i64 = 24 * TICKS_PER_HOUR;

/// `[-][d.]hh:mm:ss[.fffffff]`: the form of every response.
pub fn print(ticks: i64) -> String {
    let magnitude = ticks.unsigned_abs();
    let unit = |ticks: i64| ticks.unsigned_abs();
    let mut text = String::new();
    if ticks < 0 {
        text.push('-');
    }
    let days = magnitude / unit(TICKS_PER_DAY);
    if days > 0 {
        text.push_str(&format!("{days}."));
    }
    text.push_str(&format!(
        "{:02}:{:02}:{:02}",
        magnitude / unit(TICKS_PER_HOUR) % 24,
        magnitude / unit(TICKS_PER_MINUTE) % 60,
        magnitude / unit(TICKS_PER_SECOND) % 60
    ));
    let fraction = magnitude % unit(TICKS_PER_SECOND);
    if fraction > 0 {
        text.push_str(&format!(".{fraction:07}"));
    }
    text
}

/// Ticks of a text: the printed form, `hh:mm`, a whole number of days, or a number with a unit
/// (`1.5h`). `None` when it is no timespan.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let magnitude = match unsigned.contains(':') {
        true => clock(unsigned)?,
        false => literal(unsigned)?,
    };
    let signed = if negative { -magnitude } else { magnitude };
    i64::try_from(signed).ok()
}

/// `[d.]hh:mm[:ss[.fffffff]]`
fn clock(text: &str) -> Option<i128> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    let (days, hours) = first.split_once('.').unwrap_or(("0", first));
    let (days, hours) = (digits(days, 8)?, digits(hours, 2)?);
    let minutes = digits(parts.next()?, 2)?;
    let (seconds, fraction) = match parts.next() {
        Some(last) => match last.split_once('.') {
            Some((seconds, fraction)) => (
                digits(seconds, 2)?,
                digits(fraction, 7).and_then(|_| format!("{fraction:0<7}").parse().ok())?,
            ),
            None => (digits(last, 2)?, 0),
        },
        None => (0, 0),
    };
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(
        days * i128::from(TICKS_PER_DAY)
            + hours * i128::from(TICKS_PER_HOUR)
            + minutes * i128::from(TICKS_PER_MINUTE)
            + seconds * i128::from(TICKS_PER_SECOND)
            + fraction,
    )
}

fn digits(text: &str, max: usize) -> Option<i128> {
    let valid = (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| text.parse().ok()).flatten()
}

/// A number and its unit as KQL writes it: `1d`, `1.5h`, `3ms`; a number alone is days.
fn literal(text: &str) -> Option<i128> {
    let number_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let factor = i128::from(unit_ticks(unit.trim())?);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    if whole.is_empty() || whole.len() > 18 || fraction.is_empty() || fraction.len() > 18 {
        return None;
    }
    if unit.is_empty() && number.contains('.') {
        return None;
    }
    let whole = digits(whole, 18)?;
    Some(whole * factor + digits(fraction, 18)? * factor / scale)
}

/// Ticks of a unit's name; an empty one is days.
pub fn unit_ticks(unit: &str) -> Option<i64> {
    Some(match unit {
        "" | "d" | "day" | "days" => TICKS_PER_DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => TICKS_PER_HOUR,
        "m" | "min" | "minute" | "minutes" => TICKS_PER_MINUTE,
        "s" | "sec" | "second" | "seconds" => TICKS_PER_SECOND,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => {
            TICKS_PER_MILLISECOND
        }
        "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => TICKS_PER_MICROSECOND,
        "tick" | "ticks" => 1,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_days_and_fraction_only_when_there_are_any() {
        assert_eq!(print(0), "00:00:00");
        assert_eq!(print(TICKS_PER_DAY + 1), "1.00:00:00.0000001");
        assert_eq!(print(-TICKS_PER_MILLISECOND), "-00:00:00.0010000");
        assert_eq!(print(i64::MIN), "-10675199.02:48:05.4775808");
    }

    #[test]
    fn reads_clock_and_literal_forms() {
        assert_eq!(parse("1.02:03:04.0000005"), Some(937_840_000_005));
        assert_eq!(parse("00:30"), Some(30 * TICKS_PER_MINUTE));
        assert_eq!(
            parse("23:59:59.5"),
            Some(TICKS_PER_DAY - TICKS_PER_SECOND / 2)
        );
        assert_eq!(parse("2"), Some(2 * TICKS_PER_DAY));
        assert_eq!(parse("1.5h"), Some(90 * TICKS_PER_MINUTE));
        assert_eq!(parse("-3ms"), Some(-3 * TICKS_PER_MILLISECOND));
        assert_eq!(parse("10 microseconds"), Some(100));
        assert_eq!(parse("7tick"), Some(7));
    }

    #[test]
    fn refuses_what_is_no_timespan() {
        for text in [
            "",
            "x",
            "1x",
            "24:00:00",
            "00:60:00",
            "1:2:3:4",
            "1.5",
            "00:00:00.12345678",
            "--1d",
            ":",
            "1.:00",
            "99999999999d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(ticks: i64) {
            prop_assert_eq!(parse(&print(ticks)), Some(ticks));
        }

        #[test]
        fn no_text_panics(text in "[-0-9.:a-z ]{0,40}") {
            let _ = parse(&text);
        }
    }
}
