//! The little XML the storage services speak.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;

use super::error::StorageError;

/// Name and text of the children of the root element, which must be called `root`.
pub(crate) fn children(text: &str, root: &str) -> Result<Vec<(String, String)>, StorageError> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut path: Vec<String> = Vec::new();
    let mut children = Vec::new();
    let mut current = String::new();
    let mut seen_root = false;
    loop {
        match reader
            .read_event()
            .map_err(|_| StorageError::invalid_xml())?
        {
            Event::Start(start) => {
                seen_root |= path.is_empty();
                path.push(start.local_name().as_ref().to_owned());
                current.clear();
            }
            Event::Empty(start) if path.len() == 1 => {
                children.push((start.local_name().as_ref().to_owned(), String::new()));
            }
            Event::Empty(start) if path.is_empty() => {
                seen_root = true;
                check_root(start.local_name().as_ref(), root)?;
            }
            Event::End(_) => {
                let name = path.pop().ok_or_else(StorageError::invalid_xml)?;
                match path.len() {
                    0 => check_root(&name, root)?,
                    1 => children.push((name, std::mem::take(&mut current))),
                    _ => {}
                }
            }
            Event::Text(part) if path.len() == 2 => current.push_str(&part),
            Event::CData(part) if path.len() == 2 => current.push_str(&part),
            Event::GeneralRef(reference) if path.len() == 2 => {
                push_reference(&mut current, &reference)?
            }
            Event::Eof if seen_root && path.is_empty() => return Ok(children),
            Event::Eof => return Err(StorageError::invalid_xml()),
            _ => {}
        }
    }
}

fn check_root(name: &str, root: &str) -> Result<(), StorageError> {
    if name == root {
        Ok(())
    } else {
        Err(StorageError::invalid_xml())
    }
}

fn push_reference(
    text: &mut String,
    reference: &quick_xml::events::BytesRef<'_>,
) -> Result<(), StorageError> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => text.push(character),
        Ok(None) => text
            .push_str(resolve_predefined_entity(reference).ok_or_else(StorageError::invalid_xml)?),
        Err(_) => return Err(StorageError::invalid_xml()),
    }
    Ok(())
}

/// A document under construction.
pub(crate) struct Document(String);

impl Document {
    pub(crate) fn new() -> Self {
        Self(r#"<?xml version="1.0" encoding="utf-8"?>"#.to_owned())
    }

    pub(crate) fn open(&mut self, name: &str) {
        let _ = write!(self.0, "<{name}>");
    }

    pub(crate) fn close(&mut self, name: &str) {
        let _ = write!(self.0, "</{name}>");
    }

    pub(crate) fn element(&mut self, name: &str, text: &str) {
        // A bare carriage return would reach the reader as a line feed.
        let text = escape(text).replace('\r', "&#xD;");
        let _ = write!(self.0, "<{name}>{text}</{name}>");
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn block_lists_are_read_in_order() {
        let text = "\u{feff}<?xml version='1.0' encoding='utf-8'?>\n<BlockList><Latest>YQ==</Latest>\n <Committed>Yg==</Committed><Uncommitted/></BlockList>";
        let list = children(text, "BlockList").unwrap();
        let names: Vec<_> = list.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        assert_eq!(
            names,
            [
                ("Latest", "YQ=="),
                ("Committed", "Yg=="),
                ("Uncommitted", "")
            ]
        );
        assert!(children("<BlockList/>", "BlockList").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_such_document_is_refused() {
        for text in [
            "",
            "plain",
            "<Other/>",
            "<Other></Other>",
            "<BlockList>",
            "<BlockList><a></BlockList>",
            "<BlockList><a>&nbsp;</a></BlockList>",
        ] {
            assert!(children(text, "BlockList").is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_survives_the_round_trip(text in "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\u{fffe}\\u{ffff}]*") {
            let mut document = Document::new();
            document.open("Root");
            document.element("Child", &text);
            document.close("Root");
            let read = children(&document.finish(), "Root").unwrap();
            prop_assert_eq!(read, vec![("Child".to_owned(), text)]);
        }
    }
}
