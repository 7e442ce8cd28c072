//! The XML of the storage services: records of flat elements.

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, Event};

/// The first lines of every XML body that is sent.
pub(crate) const PROLOG: &str = r#"<?xml version="1.0" encoding="utf-8"?>"#;

/// An element and its text. The names are the services' own, without anything to escape.
pub(crate) fn element(name: &str, text: &str) -> String {
    let text = escape(text);
    ["<", name, ">", &text, "</", name, ">"].concat()
}

/// The members of one record: names and texts, in their order.
pub(crate) type Members = Vec<(String, String)>;

/// The records of this name, at any depth. What is nested in a member of a record is left out.
/// `None` when the text is not whole, or not XML.
pub(crate) fn records(xml: &str, record: &str) -> Option<Vec<Members>> {
    let mut records: Vec<Members> = Vec::new();
    walk(xml, record, |found| match found {
        Found::Record => records.push(Members::new()),
        Found::Member(name) => {
            if let Some(members) = records.last_mut() {
                members.push((name.to_owned(), String::new()));
            }
        }
        Found::Text(text) => {
            if let Some((_, member)) = records.last_mut().and_then(|members| members.last_mut()) {
                member.push_str(text);
            }
        }
    })?;
    Some(records)
}

/// Whether one of these records has this member, with a text that is not blank. False when the text is not whole, or not
/// XML.
pub(crate) fn has(xml: &str, record: &str, member: &str) -> bool {
    let (mut is_in, mut has) = (false, false);
    let walked = walk(xml, record, |found| match found {
        Found::Record => is_in = false,
        Found::Member(name) => is_in = name == member,
        Found::Text(text) => has |= is_in && !text.trim().is_empty(),
    });
    walked.is_some() && has
}

/// What is found in a list of records, in its order.
enum Found<'a> {
    /// Another record begins.
    Record,
    /// Another member of it begins.
    Member(&'a str),
    /// More of that member's text.
    Text(&'a str),
}

/// Tells what is found. `None` when the text is not whole, or not XML.
fn walk(xml: &str, record: &str, mut tell: impl FnMut(Found<'_>)) -> Option<()> {
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}').trim_start());
    reader.config_mut().expand_empty_elements = true;
    let mut depth = 0usize;
    // The depth of the record that is being read.
    let mut inside = None;
    loop {
        let is_member = |depth: usize| inside.is_some_and(|of_record| depth == of_record + 1);
        match reader.read_event().ok()? {
            Event::Eof => return (depth == 0).then_some(()),
            Event::Start(start) => {
                let name = start.local_name();
                let name: &str = name.as_ref();
                depth += 1;
                if inside.is_none() && name.eq_ignore_ascii_case(record) {
                    inside = Some(depth);
                    tell(Found::Record);
                } else if is_member(depth) {
                    tell(Found::Member(name));
                }
            }
            Event::End(_) => {
                if inside == Some(depth) {
                    inside = None;
                }
                depth = depth.checked_sub(1)?;
            }
            Event::Text(text) if is_member(depth) => tell(Found::Text(&text.xml10_content())),
            Event::CData(text) if is_member(depth) => tell(Found::Text(&text.xml10_content())),
            Event::GeneralRef(reference) if is_member(depth) => resolve(&reference, &mut tell)?,
            _ => {}
        }
    }
}

/// Whether the text's outermost element has this name. It may go on as it likes.
pub(crate) fn is_a(xml: &str, root: &str) -> bool {
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}').trim_start());
    loop {
        match reader.read_event() {
            Ok(Event::Decl(_) | Event::PI(_) | Event::Comment(_)) => {}
            Ok(Event::Text(text)) if text.xml10_content().trim().is_empty() => {}
            Ok(Event::Start(first) | Event::Empty(first)) => {
                let name = first.local_name();
                let name: &str = name.as_ref();
                return name == root;
            }
            _ => return false,
        }
    }
}

/// Only what XML itself defines: a document that defines more is not a storage service's.
fn resolve(reference: &BytesRef<'_>, tell: &mut impl FnMut(Found<'_>)) -> Option<()> {
    match reference.resolve_char_ref().ok()? {
        Some(character) => tell(Found::Text(character.encode_utf8(&mut [0; 4]))),
        None => tell(Found::Text(resolve_predefined_entity(reference)?)),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(members: &[(&str, &str)]) -> Members {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        members.iter().map(owned).collect()
    }

    #[test]
    fn records_are_found_with_their_members() {
        let list = "\u{feff}<?xml version='1.0' encoding='utf-8'?>\n<QueueMessagesList>\
            <QueueMessage><MessageId>a</MessageId><MessageText>&lt;&#x41;&amp;<![CDATA[<b>]]></MessageText>\
            <Empty/></QueueMessage><QueueMessage><MessageId>b</MessageId></QueueMessage></QueueMessagesList>";
        let found = records(list, "QueueMessage").unwrap();
        let first = pairs(&[("MessageId", "a"), ("MessageText", "<A&<b>"), ("Empty", "")]);
        assert_eq!(found, [first, pairs(&[("MessageId", "b")])]);
        assert_eq!(records(list, "Error"), Some(vec![]));
        assert!(has(list, "QueueMessage", "MessageText"));
        assert!(!has(list, "QueueMessage", "Empty") && !has(list, "QueueMessage", "Other"));
        let cut = list.trim_end_matches("</QueueMessagesList>");
        assert!(!has(cut, "QueueMessage", "MessageText"));
    }

    #[test]
    fn what_is_not_whole_is_not_read() {
        for text in [
            "<a><b>x</b>",
            "<a>",
            "<a></b>",
            "<a><R><b>&unknown;</b></R></a>",
            "<!DOCTYPE x",
        ] {
            assert_eq!(records(text, "R"), None, "{text}");
        }
        assert_eq!(records("{}", "R"), Some(vec![]));
    }

    #[test]
    fn the_outermost_element_is_known_by_its_name() {
        for (text, is_list) in [
            ("<?xml version=\"1.0\"?>\n<!-- a --><List />", true),
            ("\u{feff} <a:List xmlns:a='x'>", true),
            ("<L><List/></L>", false),
            ("text<List/>", false),
            ("{}", false),
            ("", false),
        ] {
            assert_eq!(is_a(text, "List"), is_list, "{text}");
        }
    }

    proptest! {
        #[test]
        fn texts_come_back(text in "[^\\r]{0,40}") {
            let xml = format!("<L><R>{}</R></L>", element("T", &text));
            // XML cannot hold the other control characters; the services do not send them.
            if let Some(found) = records(&xml, "R") {
                prop_assert_eq!(found, vec![pairs(&[("T", &text)])]);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[<>/&;#RTx!\\[\\]\"'? -]{0,60}|.{0,60}") {
            let _ = records(&text, "R");
        }
    }
}
