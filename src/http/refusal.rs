//! What an answer of the storage services that is no success says about its reason.

use serde_json::Value as Json;

use super::xml::{Members, records};
use crate::secret::{excerpt, identifier};

/// On every answer of the storage services (their page "Common REST API response headers").
pub(crate) const REQUEST_ID: &str = "x-ms-request-id";
const ERROR_CODE: &str = "x-ms-error-code";
/// How much of the service's text is kept.
const MAX_CHARS: usize = 1500;

/// Code, text and id of a refusal, without secrets. A body that is no error object of the storage
/// services is ignored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Option<String>,
    /// The service's message, then its details, such as the time that its clock shows.
    pub(crate) text: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl Refusal {
    /// From the answer's headers, and from its body: XML, or JSON of the table service.
    pub(crate) fn read<'a>(header: impl Fn(&'static str) -> Option<&'a str>, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let body = body.trim_start_matches('\u{feff}').trim();
        let members = xml_members(body).or_else(|| json_members(body));
        let members = members.unwrap_or_default();
        let member = |name: &str| {
            let found = members
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, text)| text.as_str())
        };
        let code = header(ERROR_CODE).or_else(|| member("Code"));
        let message = member("Message").unwrap_or_default();
        let id = header(REQUEST_ID).or_else(|| line_of(message, "RequestId:"));
        Self {
            code: code.and_then(identifier),
            text: text_of(message, &members),
            request_id: id.and_then(identifier),
        }
    }
}

/// The message without its line of the request id, which is elsewhere, and the details behind it.
fn text_of(message: &str, members: &[(String, String)]) -> Option<String> {
    let lines = message
        .lines()
        .filter(|line| !is_line_of(line, "RequestId:"));
    let mut text = one_line(&lines.collect::<Vec<_>>().join(" "));
    for (name, detail) in members {
        let is_detail = !["code", "message"].contains(&name.to_ascii_lowercase().as_str());
        let detail = one_line(detail);
        if is_detail && !detail.is_empty() {
            let space = if text.is_empty() { "" } else { "; " };
            text.push_str(&format!("{space}{name}: {detail}"));
        }
    }
    (!text.is_empty()).then(|| excerpt(&text, MAX_CHARS))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_line_of(line: &str, name: &str) -> bool {
    line.trim_start().starts_with(name)
}

fn line_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| is_line_of(line, name))?;
    line.trim_start().strip_prefix(name)
}

/// `{"odata.error":{"code":..,"message":{"value":..}}}`, or the same without OData.
fn json_members(body: &str) -> Option<Members> {
    let json: Json = serde_json::from_str(body).ok()?;
    let error = json.get("odata.error").or_else(|| json.get("error"))?;
    let text = |json: &Json| match json {
        Json::String(text) => Some(text.clone()),
        Json::Object(members) => members.get("value")?.as_str().map(str::to_owned),
        _ => None,
    };
    let members = error.as_object()?.iter();
    Some(
        members
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect(),
    )
}

/// The elements inside `<Error>`: flat, as all storage services write them.
fn xml_members(body: &str) -> Option<Members> {
    records(body, "Error")?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLOCK: &str = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error>\
        <Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request.\n\
        RequestId:11111111-001e-0000-0000-000000000000\nTime:2026-01-01T00:00:00.1234567Z</Message>\
        <Empty/><AuthenticationErrorDetail>Signature not valid in the specified time frame: \
        Start [&lt;now&gt;] &#38; Expiry</AuthenticationErrorDetail></Error>";

    fn read(headers: &[(&str, &'static str)], body: &str) -> Refusal {
        let header = |name: &'static str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        Refusal::read(header, body.as_bytes())
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn xml_gives_code_message_detail_and_id() {
        let refusal = read(&[], CLOCK);
        assert_eq!(refusal.code, text("AuthenticationFailed"));
        assert_eq!(
            refusal.request_id,
            text("11111111-001e-0000-0000-000000000000")
        );
        assert_eq!(
            refusal.text,
            text(
                "Server failed to authenticate the request. Time:2026-01-01T00:00:00.1234567Z; \
                 AuthenticationErrorDetail: Signature not valid in the specified time frame: \
                 Start [<now>] & Expiry"
            )
        );
        let refusal = read(&[(ERROR_CODE, "Other"), (REQUEST_ID, "id")], CLOCK);
        assert_eq!(
            (refusal.code, refusal.request_id),
            (text("Other"), text("id"))
        );
    }

    #[test]
    fn json_of_the_table_service_is_read() {
        for body in [
            r#"{"odata.error":{"code":"TableNotFound","message":{"lang":"en-us","value":"No.\nRequestId:i"}}}"#,
            r#"{"error":{"code":"TableNotFound","message":"No.\nRequestId:i"}}"#,
            r#"<error xmlns="x"><code>TableNotFound</code><message lang="en">No.
RequestId:i</message></error>"#,
        ] {
            let refusal = read(&[], body);
            let parts = (refusal.code, refusal.text, refusal.request_id);
            assert_eq!(
                parts,
                (text("TableNotFound"), text("No."), text("i")),
                "{body}"
            );
        }
    }

    #[test]
    fn another_body_is_not_quoted() {
        for body in [
            "",
            "s3cret",
            "<html><Code>s3cret</Code></html>",
            "<Error><Code>s3cret",
            "{\"message\":\"s3cret\"}",
            "[1]",
        ] {
            assert_eq!(read(&[], body), Refusal::default(), "{body}");
        }
    }

    #[test]
    fn the_text_is_without_secrets_and_short() {
        let long = "x".repeat(MAX_CHARS);
        let body = format!("<Error><Message>{long} https://a/b?sig=s3cret</Message></Error>");
        let shown = read(&[], &body).text.unwrap();
        assert_eq!(shown.chars().count(), MAX_CHARS + 3);
        let body = "<Error><Message>no</Message><Uri>https://a/b?sig=s3cret</Uri></Error>";
        assert_eq!(read(&[], body).text, text("no; Uri: https://a/b?****"));
    }

    proptest! {
        #[test]
        fn no_body_breaks_the_reader(body in any::<String>(), inside in "[<>/&;#xA-Fa-f0-9 ]{0,40}") {
            read(&[], &body);
            read(&[], &format!("<Error>{inside}</Error>"));
        }
    }
}
