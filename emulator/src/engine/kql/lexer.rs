//! Text to tokens. Tokens are made on demand, because commands hold stretches that are none
//! (a bare GUID, the data of an inline ingestion).

use super::super::convert::parse_decimal;
use super::super::timespan::unit_ticks;
use super::super::value::{ColumnType, Value};
use super::super::{datetime, timespan};

/// One token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Byte offset of its first character.
    pub start: usize,
    /// Byte offset after its last character.
    pub end: usize,
}

/// Kinds of tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    /// A name or word operator, `!` and `~` included (`!in~`).
    Word(String),
    /// A string literal's content.
    Text(String),
    /// Any other literal.
    Literal(Value, ColumnType),
    /// Punctuation: one of `SYMBOLS`.
    Symbol(&'static str),
    /// Not a token; the text says why.
    Bad(String),
    /// End of the text.
    End,
}

/// Punctuation, longer ones first.
const SYMBOLS: [&str; 27] = [
    "=>", "==", "!=", "=~", "!~", "<>", "<=", ">=", "<|", "..", "<", ">", "=", "|", "(", ")", "[",
    "]", "{", "}", ",", ";", ":", ".", "+", "-", "*",
];

/// The token at or after byte `from`, blanks and comments skipped.
pub fn next_token(text: &str, from: usize) -> Token {
    let start = from + blank(&text[from..]);
    let rest = &text[start..];
    let (kind, length) = match rest.chars().next() {
        None => (TokenKind::End, 0),
        Some(_) => scan(rest),
    };
    Token {
        kind,
        start,
        end: start + length,
    }
}

fn blank(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with("//") {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

fn scan(rest: &str) -> (TokenKind, usize) {
    if let Some(found) = string(rest) {
        return found;
    }
    let first = rest.as_bytes()[0];
    if first.is_ascii_digit() {
        return number(rest);
    }
    let word = word_length(rest);
    if word > 0 {
        return word_or_literal(rest, word);
    }
    for symbol in SYMBOLS.into_iter().chain(["/", "%"]) {
        if rest.starts_with(symbol) {
            return (TokenKind::Symbol(symbol), symbol.len());
        }
    }
    let unknown = rest.chars().next().unwrap_or(' ');
    (
        TokenKind::Bad(format!("unexpected character '{unknown}'")),
        unknown.len_utf8(),
    )
}

/// Length of the name or word operator that starts here.
fn word_length(rest: &str) -> usize {
    let negation = usize::from(
        rest.starts_with('!') && rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()),
    );
    let is_start = |c: char| c.is_alphabetic() || c == '_' || c == '$';
    if !rest[negation..].starts_with(is_start) {
        return 0;
    }
    let body = &rest[negation..];
    let mut length = negation
        + body
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(body.len());
    if matches!(&rest[..length], "in" | "!in") && rest[length..].starts_with('~') {
        length += 1;
    }
    length
}

fn word_or_literal(rest: &str, length: usize) -> (TokenKind, usize) {
    let word = &rest[..length];
    match word {
        "true" | "True" | "TRUE" => {
            return (
                TokenKind::Literal(Value::Bool(true), ColumnType::Bool),
                length,
            );
        }
        "false" | "False" | "FALSE" => {
            return (
                TokenKind::Literal(Value::Bool(false), ColumnType::Bool),
                length,
            );
        }
        _ => {}
    }
    let literal_type = match word {
        "bool" | "boolean" | "datetime" | "date" | "decimal" | "dynamic" | "guid" | "int"
        | "long" | "real" | "double" | "timespan" | "time" => ColumnType::parse(word),
        _ => None,
    };
    let after = rest[length..].trim_start();
    match literal_type {
        Some(ty) if after.starts_with('(') => {
            let open = rest.len() - after.len();
            typed_literal(rest, open, ty)
        }
        _ => (TokenKind::Word(word.to_owned()), length),
    }
}

/// `datetime(2024-01-01)` and its like: what stands between the parentheses is not KQL.
fn typed_literal(rest: &str, open: usize, ty: ColumnType) -> (TokenKind, usize) {
    let Some(length) = closing(&rest[open..]) else {
        return (
            TokenKind::Bad("the literal is not closed with ')'".to_owned()),
            rest.len(),
        );
    };
    let content = rest[open + 1..open + length - 1].trim();
    let kind = match literal_value(ty, content) {
        Some(value) => TokenKind::Literal(value, ty),
        None => TokenKind::Bad(format!(
            "'{content}' is not a valid {} literal",
            ty.kusto_name()
        )),
    };
    (kind, open + length)
}

/// Length up to and with the parenthesis that closes the first one; strings are stepped over.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The value of a typed literal's content; `None` when it is none of the type.
pub fn literal_value(ty: ColumnType, content: &str) -> Option<Value> {
    if content == "null" {
        return Some(Value::Null);
    }
    match ty {
        ColumnType::Dynamic => super::dynamic::parse(content),
        ColumnType::Real => match content {
            "nan" => Some(Value::Real(f64::NAN)),
            "+inf" => Some(Value::Real(f64::INFINITY)),
            "-inf" => Some(Value::Real(f64::NEG_INFINITY)),
            number => number.parse().ok().map(Value::Real),
        },
        ColumnType::DateTime => datetime::parse(unquoted(content)).map(Value::DateTime),
        ColumnType::TimeSpan => timespan::parse(unquoted(content)).map(Value::TimeSpan),
        ColumnType::Guid => uuid::Uuid::parse_str(unquoted(content))
            .ok()
            .map(Value::Guid),
        ColumnType::Decimal => parse_decimal(content).map(Value::Decimal),
        ColumnType::String => None,
        ColumnType::Int | ColumnType::Long | ColumnType::Bool => Value::from_text(ty, content)
            .ok()
            .filter(|value| !value.is_null()),
    }
}

fn unquoted(content: &str) -> &str {
    let inner = |quote| {
        content
            .strip_prefix(quote)
            .and_then(|rest: &str| rest.strip_suffix(quote))
    };
    inner('"').or_else(|| inner('\'')).unwrap_or(content)
}

/// Whole and real numbers, hexadecimal ones, timespans (`1.5h`).
fn number(rest: &str) -> (TokenKind, usize) {
    if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        let digits = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
        return match i64::from_str_radix(&hex[..digits], 16) {
            Ok(value) => (
                TokenKind::Literal(Value::Long(value), ColumnType::Long),
                2 + digits,
            ),
            Err(_) => (
                TokenKind::Bad("not a hexadecimal number".to_owned()),
                2 + digits,
            ),
        };
    }
    let mut length = digits(rest);
    let mut real = false;
    if rest[length..].starts_with('.')
        && rest[length + 1..].starts_with(|c: char| c.is_ascii_digit())
    {
        length += 1 + digits(&rest[length + 1..]);
        real = true;
    }
    let exponent = exponent(&rest[length..]);
    let (mantissa, suffix) = (length, word_length(&rest[length..]));
    if exponent > 0 {
        length += exponent;
        real = true;
    } else if suffix > 0 {
        length += suffix;
        return match unit_ticks(&rest[mantissa..length])
            .and_then(|_| timespan::parse(&rest[..length]))
        {
            Some(ticks) => (
                TokenKind::Literal(Value::TimeSpan(ticks), ColumnType::TimeSpan),
                length,
            ),
            None => (
                TokenKind::Bad(format!("'{}' is not a number", &rest[..length])),
                length,
            ),
        };
    }
    let value = match real {
        true => rest[..length]
            .parse()
            .ok()
            .map(|value| (Value::Real(value), ColumnType::Real)),
        false => rest[..length]
            .parse()
            .ok()
            .map(|value| (Value::Long(value), ColumnType::Long)),
    };
    match value {
        Some((value, ty)) => (TokenKind::Literal(value, ty), length),
        None => (
            TokenKind::Bad(format!("'{}' is out of range", &rest[..length])),
            length,
        ),
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Length of `e+10` at the start of the text, 0 when there is none.
fn exponent(text: &str) -> usize {
    if !text.starts_with(['e', 'E']) {
        return 0;
    }
    let sign = usize::from(text[1..].starts_with(['+', '-']));
    match digits(&text[1 + sign..]) {
        0 => 0,
        count => 1 + sign + count,
    }
}

/// Every form of string literal; adjacent ones are joined by the parser.
fn string(rest: &str) -> Option<(TokenKind, usize)> {
    for fence in ["```", "~~~"] {
        if let Some(body) = rest.strip_prefix(fence) {
            return Some(match body.find(fence) {
                Some(end) => (TokenKind::Text(body[..end].to_owned()), end + 6),
                None => (
                    TokenKind::Bad("the string is not closed".to_owned()),
                    rest.len(),
                ),
            });
        }
    }
    let hidden = usize::from(rest.starts_with(['h', 'H']));
    let verbatim = usize::from(rest[hidden..].starts_with('@'));
    let prefix = hidden + verbatim;
    let quote = rest[prefix..]
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\''))?;
    let body = &rest[prefix + 1..];
    let scanned = if verbatim == 1 {
        verbatim_string(body, quote)
    } else {
        escaped_string(body, quote)
    };
    Some(match scanned {
        Ok((content, length)) => (TokenKind::Text(content), prefix + 1 + length),
        Err(message) => (TokenKind::Bad(message.to_owned()), rest.len()),
    })
}

/// Content and length with the closing quote; a doubled quote stands for one.
fn verbatim_string(body: &str, quote: char) -> Result<(String, usize), &'static str> {
    let mut content = String::new();
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            content.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            content.push(quote);
        } else {
            return Ok((content, at + 1));
        }
    }
    Err("the string is not closed")
}

fn escaped_string(body: &str, quote: char) -> Result<(String, usize), &'static str> {
    let mut units: Vec<u16> = Vec::new();
    let mut content = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            let escape = chars.next().map(|(_, escape)| escape);
            if matches!(escape, Some('u')) {
                units.push(code_unit(&mut chars, 4)?);
                continue;
            }
            flush(&mut units, &mut content)?;
            content.push(match escape {
                Some('x') => {
                    char::from_u32(u32::from(code_unit(&mut chars, 2)?)).unwrap_or('\u{fffd}')
                }
                Some(escape) => simple_escape(escape).ok_or("unknown escape in the string")?,
                None => return Err("the string is not closed"),
            });
            continue;
        }
        flush(&mut units, &mut content)?;
        match c {
            '\n' | '\r' => return Err("the string is not closed before the end of the line"),
            _ if c == quote => return Ok((content, at + 1)),
            _ => content.push(c),
        }
    }
    Err("the string is not closed")
}

/// Joins the UTF-16 units of `\uXXXX` escapes, which come in pairs beyond U+FFFF.
fn flush(units: &mut Vec<u16>, content: &mut String) -> Result<(), &'static str> {
    content.push_str(
        &String::from_utf16(units).map_err(|_| "an \\u escape is half of a surrogate pair")?,
    );
    units.clear();
    Ok(())
}

fn code_unit(chars: &mut std::str::CharIndices<'_>, digits: usize) -> Result<u16, &'static str> {
    let hex: String = chars.take(digits).map(|(_, c)| c).collect();
    let valid = hex.len() == digits && hex.bytes().all(|b| b.is_ascii_hexdigit());
    valid
        .then(|| u16::from_str_radix(&hex, 16).ok())
        .flatten()
        .ok_or("an escape lacks hexadecimal digits")
}

fn simple_escape(escape: char) -> Option<char> {
    Some(match escape {
        '\\' | '"' | '\'' => escape,
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str) -> Vec<TokenKind> {
        let mut at = 0;
        std::iter::from_fn(|| {
            let token = next_token(text, at);
            at = token.end;
            (token.kind != TokenKind::End).then_some(token.kind)
        })
        .collect()
    }

    fn text_of(literal: &str) -> TokenKind {
        next_token(literal, 0).kind
    }

    #[test]
    fn every_string_form_gives_its_content() {
        for (literal, content) in [
            (r#""a\tb\"c""#, "a\tb\"c"),
            (r"'it\'s'", "it's"),
            (r"@'C:\x''y'", r"C:\x'y"),
            (r#"h"secret""#, "secret"),
            (r#"H@"\a""#, r"\a"),
            ("```a\n\"b\"```", "a\n\"b\""),
            (r"'\u00e4\ud83d\ude00'", "ä😀"),
            ("''", ""),
        ] {
            assert_eq!(
                text_of(literal),
                TokenKind::Text(content.to_owned()),
                "{literal}"
            );
        }
        for bad in [
            "'open",
            "'\\q'",
            "'a\nb'",
            r"'\ud83d'",
            "@'x",
            "```x",
            r"'\u12'",
        ] {
            assert!(matches!(text_of(bad), TokenKind::Bad(_)), "{bad}");
        }
    }

    #[test]
    fn numbers_timespans_and_ranges() {
        use TokenKind::{Literal, Symbol};
        assert_eq!(
            tokens("1..2 1.5 2h 1.5m 3ms 0x1F 1e3"),
            [
                Literal(Value::Long(1), ColumnType::Long),
                Symbol(".."),
                Literal(Value::Long(2), ColumnType::Long),
                Literal(Value::Real(1.5), ColumnType::Real),
                Literal(
                    Value::TimeSpan(2 * timespan::TICKS_PER_HOUR),
                    ColumnType::TimeSpan
                ),
                Literal(
                    Value::TimeSpan(90 * timespan::TICKS_PER_SECOND),
                    ColumnType::TimeSpan
                ),
                Literal(
                    Value::TimeSpan(3 * timespan::TICKS_PER_MILLISECOND),
                    ColumnType::TimeSpan
                ),
                Literal(Value::Long(31), ColumnType::Long),
                Literal(Value::Real(1000.0), ColumnType::Real),
            ]
        );
        for bad in ["1x", "99999999999999999999", "0x"] {
            assert!(matches!(text_of(bad), TokenKind::Bad(_)), "{bad}");
        }
    }

    #[test]
    fn typed_literals_hold_their_own_syntax() {
        assert_eq!(
            text_of("datetime(2024-01-01)"),
            TokenKind::Literal(
                Value::DateTime(638_396_640_000_000_000),
                ColumnType::DateTime
            )
        );
        assert_eq!(
            text_of("long(null)"),
            TokenKind::Literal(Value::Null, ColumnType::Long)
        );
        assert_eq!(
            text_of(r#"dynamic({"a":")"})"#),
            TokenKind::Literal(
                Value::Dynamic(serde_json::json!({"a": ")"})),
                ColumnType::Dynamic
            )
        );
        assert!(matches!(text_of("datetime(x)"), TokenKind::Bad(_)));
        assert!(matches!(text_of("dynamic({)"), TokenKind::Bad(_)));
        assert_eq!(text_of("datetime"), TokenKind::Word("datetime".to_owned()));
    }

    #[test]
    fn comments_and_word_operators() {
        assert_eq!(
            tokens("a // b | c\n!in~ x"),
            ["a", "!in~", "x"].map(|word| TokenKind::Word(word.to_owned()))
        );
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "\\PC{0,60}") {
            tokens(&text);
        }

        #[test]
        fn kql_like_text_ends(text in r#"[a-z0-9'"@h\\!~.()\[\]|=<> \n]{0,40}"#) {
            tokens(&text);
        }
    }
}
