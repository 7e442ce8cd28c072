//! JSON that is not strict: the format json takes comments and texts in single quotes
//! (<https://learn.microsoft.com/azure/data-explorer/ingest-json-formats>).

/// The same record as strict JSON; none when it has neither a comment nor a text in single quotes.
pub(crate) fn strict(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut changed = false;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            changed = true;
            break;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            changed = true;
            rest = comment.split_once("*/")?.1;
            out.push(' ');
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '"' | '\'' => {
                changed |= c == '\'';
                rest = quoted(rest, c, &mut out)?;
            }
            _ => out.push(c),
        }
    }
    changed.then_some(out)
}

/// Writes the text whose opening quote was before `rest`; gives what is behind its closing one.
fn quoted<'t>(rest: &'t str, quote: char, out: &mut String) -> Option<&'t str> {
    out.push('"');
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => {
                out.push('"');
                return Some(&rest[at + c.len_utf8()..]);
            }
            '\\' => match chars.next()?.1 {
                '\'' => out.push('\''),
                escaped => out.extend(['\\', escaped]),
            },
            '"' => out.push_str("\\\""),
            _ => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::strict;

    #[test]
    fn single_quotes_and_comments_become_strict_json() {
        for (relaxed, expected) in [
            ("{'a':1}", "{\"a\":1}"),
            (r#"{'a':'it\'s "x"'}"#, r#"{"a":"it's \"x\""}"#),
            ("{\"a\":1} // end", "{\"a\":1} "),
            ("{/* 'no' */'a':\"//\"}", "{ \"a\":\"//\"}"),
        ] {
            assert_eq!(strict(relaxed).as_deref(), Some(expected), "{relaxed}");
        }
        for other in ["{\"a\":\"it's // text\"}", "{'a", "{/* 'a':1}", ""] {
            assert_eq!(strict(other), None, "{other}");
        }
    }
}
