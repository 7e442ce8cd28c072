//! Tags of the extents that the ingestion creates.

/// Extent tags in three groups: plain ones, `drop-by:` and `ingest-by:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    additional: Vec<String>,
    drop_by: Vec<String>,
    ingest_by: Vec<String>,
}

const DROP_BY: &str = "drop-by:";
const INGEST_BY: &str = "ingest-by:";

impl Tags {
    /// No tags.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tag unchanged. One that begins with `drop-by:` or `ingest-by:` joins its group.
    pub fn add(&mut self, tag: impl Into<String>) {
        let tag = tag.into();
        if let Some(value) = tag.strip_prefix(DROP_BY) {
            self.drop_by.push(value.to_owned());
        } else if let Some(value) = tag.strip_prefix(INGEST_BY) {
            self.ingest_by.push(value.to_owned());
        } else {
            self.additional.push(tag);
        }
    }

    /// Adds a `drop-by:` tag; `value` is without the prefix.
    pub fn add_drop_by(&mut self, value: impl Into<String>) {
        self.drop_by.push(value.into());
    }

    /// Adds an `ingest-by:` tag; `value` is without the prefix.
    pub fn add_ingest_by(&mut self, value: impl Into<String>) {
        self.ingest_by.push(value.into());
    }

    /// Plain tags.
    pub fn additional(&self) -> &[String] {
        &self.additional
    }

    /// `drop-by:` tags without the prefix.
    pub fn drop_by(&self) -> &[String] {
        &self.drop_by
    }

    /// `ingest-by:` tags without the prefix.
    pub fn ingest_by(&self) -> &[String] {
        &self.ingest_by
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.additional.is_empty() && self.drop_by.is_empty() && self.ingest_by.is_empty()
    }

    /// All tags with their prefixes: plain, then `drop-by:`, then `ingest-by:`.
    pub fn to_vec(&self) -> Vec<String> {
        let drop_by = self.drop_by.iter().map(|tag| format!("{DROP_BY}{tag}"));
        let ingest_by = self.ingest_by.iter().map(|tag| format!("{INGEST_BY}{tag}"));
        self.additional
            .iter()
            .cloned()
            .chain(drop_by)
            .chain(ingest_by)
            .collect()
    }

    /// Whether one of the tags is empty, which the service would store as a tag without a name.
    pub(crate) fn has_blank(&self) -> bool {
        [&self.additional, &self.drop_by, &self.ingest_by]
            .into_iter()
            .flatten()
            .any(|tag| tag.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_added_once_and_the_groups_keep_their_order() {
        let mut tags = Tags::new();
        tags.add("ingest-by:i1");
        tags.add("plain");
        tags.add_drop_by("d1");
        tags.add("drop-by:d2");
        tags.add_ingest_by("ü2");
        assert_eq!(
            tags.to_vec(),
            [
                "plain",
                "drop-by:d1",
                "drop-by:d2",
                "ingest-by:i1",
                "ingest-by:ü2"
            ]
        );
        assert_eq!(tags.ingest_by(), ["i1", "ü2"]);
        assert!(!tags.is_empty() && !tags.has_blank());
        tags.add("drop-by: ");
        assert!(tags.has_blank());
    }
}
