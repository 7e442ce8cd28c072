//! Functions of punycode, RFC 3492: text in the letters and digits that names of hosts may have.

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch::goes_on;
use super::record::{Function, Kind, Returns, Values};
use super::values::{string, text};

/// What stands before a label in punycode.
const PREFIX: &str = "xn--";
const BASE: u32 = 36;
const LEAST: u32 = 1;
const MOST: u32 = 26;

const fn of_text(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::Text], Returns::Type(ColumnType::String), run)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_text("punycode_from_string", |v| string(encoded(text(v, 0))?)),
    of_text("punycode_to_string", |v| string(decoded(text(v, 0))?)),
    // Their names are the other way round, as the pages' examples show.
    of_text("punycode_domain_from_string", |v| {
        labels(text(v, 0), |label| match label.strip_prefix(PREFIX) {
            Some(label) => decoded(label),
            None => Some(label.to_owned()),
        })
    }),
    of_text("punycode_domain_to_string", |v| {
        labels(text(v, 0), |label| match label.is_ascii() {
            true => Some(label.to_owned()),
            false => Some(format!("{PREFIX}{}", encoded(label)?)),
        })
    }),
];

fn labels(domain: &str, change: impl Fn(&str) -> Option<String>) -> Option<Value> {
    let labels: Option<Vec<String>> = domain
        .split(['.', '\u{3002}', '\u{ff61}'])
        .map(change)
        .collect();
    string(labels?.join("."))
}

/// How the next number is written, by the size of the last one.
struct Bias(u32);

impl Bias {
    fn new() -> Self {
        Self(72)
    }

    /// The least digit that does not end a number at this place, which is one of 36, 72, ...
    fn threshold(&self, place: u32) -> u32 {
        place.saturating_sub(self.0).clamp(LEAST, MOST)
    }

    fn adapt(&mut self, delta: u32, count: u32, is_first: bool) {
        let mut delta = delta / if is_first { 700 } else { 2 };
        delta += delta / count;
        let mut places = 0;
        while delta > (BASE - LEAST) * MOST / 2 {
            delta /= BASE - LEAST;
            places += BASE;
        }
        self.0 = places + (BASE - LEAST + 1) * delta / (delta + 38);
    }
}

fn encoded(text: &str) -> Option<String> {
    let mut made: String = text.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(made.len()).ok()?;
    let all = u32::try_from(text.chars().count()).ok()?;
    if basic > 0 {
        made.push('-');
    }
    let (mut bias, mut known, mut delta, mut handled) = (Bias::new(), 128_u32, 0_u32, basic);
    while handled < all {
        // A look for each character of a pass over all of them.
        text.chars().all(|_| goes_on()).then_some(())?;
        let next = text.chars().map(u32::from).filter(|c| *c >= known).min()?;
        delta = delta.checked_add((next - known).checked_mul(handled + 1)?)?;
        known = next;
        for c in text.chars().map(u32::from) {
            if c < known {
                delta = delta.checked_add(1)?;
            } else if c == known {
                write_number(delta, &bias, &mut made);
                bias.adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        known += 1;
    }
    Some(made)
}

fn write_number(mut number: u32, bias: &Bias, made: &mut String) {
    let mut place = BASE;
    loop {
        let threshold = bias.threshold(place);
        if number < threshold {
            made.extend(char::from_digit(number, BASE).map(base_digit));
            return;
        }
        let digit = threshold + (number - threshold) % (BASE - threshold);
        made.extend(char::from_digit(digit, BASE).map(base_digit));
        number = (number - threshold) / (BASE - threshold);
        place += BASE;
    }
}

/// Digits of punycode are letters first: from `0-9a-z` to `a-z0-9`.
fn base_digit(digit: char) -> char {
    match digit.to_digit(BASE).unwrap_or(0) {
        letter @ 0..26 => char::from(b'a' + u8::try_from(letter).unwrap_or(0)),
        number => char::from(b'0' + u8::try_from(number - 26).unwrap_or(0)),
    }
}

fn decoded(text: &str) -> Option<String> {
    let (basic, rest) = text.rsplit_once('-').unwrap_or(("", text));
    let mut made: Vec<char> = basic.chars().collect();
    made.iter().all(char::is_ascii).then_some(())?;
    let (mut bias, mut known, mut at) = (Bias::new(), 128_u32, 0_u32);
    let mut digits = rest.chars().peekable();
    while digits.peek().is_some() {
        goes_on().then_some(())?;
        let (before, mut weight, mut place) = (at, 1_u32, BASE);
        loop {
            let digit = digit_of(digits.next()?)?;
            at = at.checked_add(digit.checked_mul(weight)?)?;
            let threshold = bias.threshold(place);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            place += BASE;
        }
        let count = u32::try_from(made.len()).ok()? + 1;
        bias.adapt(at - before, count, before == 0);
        known = known.checked_add(at / count)?;
        at %= count;
        made.insert(usize::try_from(at).ok()?, char::from_u32(known)?);
        at += 1;
    }
    Some(made.into_iter().collect())
}

fn digit_of(c: char) -> Option<u32> {
    match c.to_ascii_lowercase() {
        letter @ 'a'..='z' => Some(u32::from(letter) - u32::from('a')),
        number @ '0'..='9' => Some(u32::from(number) - u32::from('0') + 26),
        _ => None,
    }
}
