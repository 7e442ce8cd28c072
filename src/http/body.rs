//! What may be said about a body that is not the service's own error: its type and its length,
//! never its content, which can be a token or the caller's rows.

use super::answer::ERROR_LIMIT;

/// Such as `an HTML page of 512 bytes`.
pub(crate) fn describe(body: &[u8]) -> String {
    let kind = match body.trim_ascii_start() {
        [] if body.len() <= ERROR_LIMIT => return "an empty body".to_owned(),
        [] => "white space",
        [b'{' | b'[' | b'"', ..] => "JSON",
        [b'<', rest @ ..] if is_html(rest) => "an HTML page",
        [b'<', ..] => "XML",
        _ if std::str::from_utf8(body).is_ok() => "text",
        _ => "binary data",
    };
    match body.len() > ERROR_LIMIT {
        true => format!("{kind} beyond the limit of {ERROR_LIMIT} bytes for errors"),
        false => format!("{kind} of {} bytes", body.len()),
    }
}

fn is_html(after_bracket: &[u8]) -> bool {
    ["!doctype html", "html"].iter().any(|name| {
        let start = after_bracket.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// What is wrong with a body that should be JSON, without the values that serde quotes.
pub(crate) fn json_fault(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Io | Category::Eof => "it ends early",
        Category::Syntax => "it is not JSON",
        Category::Data => "it has another form",
    };
    format!("{what}, line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_described_by_type_and_length() {
        for (body, described) in [
            (&b" \r\n"[..], "an empty body"),
            (b"{\"a\":1}", "JSON of 7 bytes"),
            (b"\"a\"", "JSON of 3 bytes"),
            (b"\n<!DOCTYPE HTML><p>", "an HTML page of 19 bytes"),
            (b"<Html>", "an HTML page of 6 bytes"),
            (b"<Error/>", "XML of 8 bytes"),
            (b"s3cret", "text of 6 bytes"),
            (b"\xff\xfe<", "binary data of 3 bytes"),
        ] {
            assert_eq!(describe(body), described);
        }
    }

    #[test]
    fn a_fault_of_json_quotes_nothing() {
        for text in ["\"s3cret\"", "[\"s3cret\"", "{\"s3cret\"}", "s3cret"] {
            let error = serde_json::from_str::<Vec<u8>>(text).unwrap_err();
            let fault = json_fault(&error);
            assert!(
                !fault.contains("s3cret") && fault.contains("line 1"),
                "{fault}"
            );
        }
    }
}
