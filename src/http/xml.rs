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
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}').trim_start());
    reader.config_mut().expand_empty_elements = true;
    let (mut records, mut depth) = (Vec::new(), 0usize);
    // The depth of the record that is being read.
    let mut inside = None;
    loop {
        let is_member = |depth: usize| inside.is_some_and(|of_record| depth == of_record + 1);
        match reader.read_event().ok()? {
            Event::Eof => return (depth == 0).then_some(records),
            Event::Start(start) => {
                let name = start.local_name();
                let name: &str = name.as_ref();
                depth += 1;
                if inside.is_none() && name.eq_ignore_ascii_case(record) {
                    inside = Some(depth);
                    records.push(Members::new());
                } else if is_member(depth) {
                    records.last_mut()?.push((name.to_owned(), String::new()));
                }
            }
            Event::End(_) => {
                if inside == Some(depth) {
                    inside = None;
                }
                depth = depth.checked_sub(1)?;
            }
            Event::Text(text) if is_member(depth) => {
                member(&mut records)?.push_str(&text.xml10_content());
            }
            Event::CData(text) if is_member(depth) => {
                member(&mut records)?.push_str(&text.xml10_content());
            }
            Event::GeneralRef(reference) if is_member(depth) => {
                resolve(&reference, member(&mut records)?)?;
            }
            _ => {}
        }
    }
}

/// The text of the member that is being read.
fn member(records: &mut [Members]) -> Option<&mut String> {
    Some(&mut records.last_mut()?.last_mut()?.1)
}

/// Only what XML itself defines: a document that defines more is not a storage service's.
fn resolve(reference: &BytesRef<'_>, out: &mut String) -> Option<()> {
    match reference.resolve_char_ref().ok()? {
        Some(character) => out.push(character),
        None => out.push_str(resolve_predefined_entity(reference)?),
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
