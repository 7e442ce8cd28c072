//! The grammar of connection strings: `keyword=value;...` with quoted values.

/// One segment between semicolons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A value without a keyword, which only the data source in front may be.
    Bare(String),
    /// A keyword and its value.
    Pair(String, String),
}

/// The fault of the text. Contains no part of it: any part may be of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A quote that is opened in this segment, counted from 1, is never closed.
    UnclosedQuote(usize),
    /// Something follows a closing quote.
    AfterQuote(usize),
}

/// Splits at semicolons that are not quoted. Empty segments are left out. The position of each
/// segment, counted from 1 and empty ones included, comes with it.
pub(super) fn split(text: &str) -> Result<Vec<(usize, Segment)>, Fault> {
    let mut segments = Vec::new();
    let mut rest = text;
    let mut position = 0;
    loop {
        position += 1;
        let (segment, after) = next(rest, position)?;
        if let Some(segment) = segment {
            segments.push((position, segment));
        }
        match after {
            Some(after) => rest = after,
            None => return Ok(segments),
        }
    }
}

/// The first segment and what follows its semicolon, if there is one.
fn next(text: &str, position: usize) -> Result<(Option<Segment>, Option<&str>), Fault> {
    let end = text.find(';').unwrap_or(text.len());
    let equals = text[..end].find('=').filter(|at| !is_url(&text[..*at]));
    let Some(equals) = equals else {
        let bare = text[..end].trim();
        let segment = (!bare.is_empty()).then(|| Segment::Bare(bare.to_owned()));
        return Ok((segment, text.get(end + 1..)));
    };
    let keyword = text[..equals].trim().to_owned();
    let value = text[equals + 1..].trim_start();
    let (value, after) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => unquote(&value[1..], quote, position)?,
        _ => {
            let end = value.find(';').unwrap_or(value.len());
            (value[..end].trim().to_owned(), value.get(end + 1..))
        }
    };
    Ok((Some(Segment::Pair(keyword, value)), after))
}

/// A bare URL may have a `=` in its query: `https://host?a=b`.
fn is_url(before_equals: &str) -> bool {
    before_equals.contains("://")
}

/// The value up to the closing quote, doubled quotes halved, and what follows the semicolon.
fn unquote(text: &str, quote: char, position: usize) -> Result<(String, Option<&str>), Fault> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let at = rest.find(quote).ok_or(Fault::UnclosedQuote(position))?;
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix(quote) {
            Some(after) => {
                value.push(quote);
                rest = after;
            }
            None => break,
        }
    }
    let end = rest.find(';').unwrap_or(rest.len());
    if !rest[..end].trim().is_empty() {
        return Err(Fault::AfterQuote(position));
    }
    Ok((value, rest.get(end + 1..)))
}

/// White space, a byte order mark, and characters without width: at the ends of a text they are no part
/// of it.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}')
}

/// A value for [`split`] to read back: quoted where necessary.
pub(super) fn quote(value: &str) -> String {
    let plain = !value.is_empty()
        && value.trim_matches(is_invisible) == value
        && !value.contains([';', '"', '\'']);
    if plain {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let pair = |(_, segment)| match segment {
            Segment::Pair(keyword, value) => (keyword, value),
            Segment::Bare(value) => (String::new(), value),
        };
        split(text).unwrap().into_iter().map(pair).collect()
    }

    #[test]
    fn grammar() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            (" ; ;;", &[]),
            ("a=b", &[("a", "b")]),
            (" a = b ; c=d ; ", &[("a", "b"), ("c", "d")]),
            ("key=abc==;x=1", &[("key", "abc=="), ("x", "1")]),
            ("https://h?a=b;c=d", &[("", "https://h?a=b"), ("c", "d")]),
            (
                "Data Source=https://h?a=b",
                &[("Data Source", "https://h?a=b")],
            ),
            (
                "p=\"a;b='c'\"\"d\"\"\" ;q=1",
                &[("p", "a;b='c'\"d\""), ("q", "1")],
            ),
            ("p='it''s;'", &[("p", "it's;")]),
            ("p=\"\"", &[("p", "")]),
            ("p=a\"b", &[("p", "a\"b")]),
            ("p=\" x \"", &[("p", " x ")]),
            ("=v", &[("", "v")]),
            ("p=ä;ö=ü", &[("p", "ä"), ("ö", "ü")]),
        ];
        for (text, expected) in cases {
            let expected: Vec<_> = expected
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            assert_eq!(pairs(text), expected, "{text}");
        }
    }

    #[test]
    fn faults_name_the_segment() {
        assert_eq!(split("a=1;;p=\"x;y=1"), Err(Fault::UnclosedQuote(3)));
        assert_eq!(split("p='x' y;a=1"), Err(Fault::AfterQuote(1)));
    }
}
