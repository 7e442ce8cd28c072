//! A key that makes an ingestion idempotent: the tag of its data and the condition on that tag.

use super::IngestionProperties;
use crate::error::{Error, Result};

/// The service documents no limit. This one keeps the key, which the queue message carries twice,
/// far below the message's limit, and the extents' metadata small.
const MAX_KEY_CHARS: usize = 1024;

impl IngestionProperties {
    /// Makes the ingestion idempotent under this key: the data gets the tag `ingest-by:KEY`, and
    /// `ingestIfNotExists` has KEY, so that the service skips the data when the table has data with
    /// that tag. A call that failed, also one in doubt, can then be made again with the same data
    /// and the same key. Replaces an earlier key; other tags and values of `ingestIfNotExists` stay.
    ///
    /// Precisely: at the time when the service ingests the data, it looks for the tag among the
    /// extents of the table, and skips the data when it finds it (reported as
    /// `Skipped_IngestByTagAlreadyExists`). From this follows what it does not do:
    ///
    /// - It compares keys, never data: other data under a key that was used is skipped, and lost.
    ///   One source is one ingestion; several blobs in one call are refused, because the first
    ///   would keep the service from ingesting the others.
    /// - It lasts as long as the tag. When the data is dropped or purged or reaches the end of its
    ///   retention, or a policy (`extent_tags_retention`) or a command removes the tag, the same
    ///   key is ingested again.
    /// - Two copies never come into one batch: the service ingests such data blob by blob, without
    ///   waiting for more. That it compares two which it ingests at the same moment is not
    ///   documented: repeat one after another, never at once from two programs.
    ///
    /// Ingesting blob by blob costs the cluster as `flushImmediately` does, and the documentation
    /// advises against a new `ingest-by:` tag for each small ingestion. Give keys to large batches,
    /// and let the table's policy `extent_tags_retention` remove `ingest-by:` tags that are older
    /// than any repetition can be.
    ///
    /// The key has 1 to 1024 characters, none of them a control character, and not only blanks;
    /// [`IngestionProperties::validate`] checks it. Sources:
    /// [extent tags](https://learn.microsoft.com/kusto/management/extent-tags),
    /// [ingestion properties](https://learn.microsoft.com/azure/data-explorer/ingestion-properties),
    /// [batches](https://learn.microsoft.com/kusto/management/batching-policy) (the conditions
    /// `SingleBlob_IngestIfNotExists` and `SingleBlob_IngestByTag`),
    /// [retention of tags](https://learn.microsoft.com/kusto/management/extent-tags-retention-policy).
    #[must_use]
    pub fn with_once(mut self, key: impl Into<String>) -> Self {
        self.once = Some(key.into());
        self
    }

    /// As [`IngestionProperties::with_once`], with the key checked here.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::error::ErrorKind::InvalidArgument) names `key`; the
    /// properties are unchanged then.
    pub fn set_once(&mut self, key: &str) -> Result<()> {
        check_key("key", key)?;
        self.once = Some(key.to_owned());
        Ok(())
    }

    /// The key of [`IngestionProperties::with_once`], if there is one.
    pub fn once(&self) -> Option<&str> {
        self.once.as_deref()
    }

    pub(super) fn check_once(&self) -> Result<()> {
        self.once
            .as_deref()
            .map_or(Ok(()), |key| check_key("once", key))
    }

    /// All tags, with their prefixes.
    pub(super) fn all_tags(&self) -> Vec<String> {
        let mut tags = self.tags.clone();
        if let Some(key) = self
            .once
            .as_ref()
            .filter(|key| !tags.ingest_by().contains(key))
        {
            tags.add_ingest_by(key);
        }
        tags.to_vec()
    }

    /// All values of `ingestIfNotExists`.
    pub(super) fn all_if_not_exists(&self) -> Vec<String> {
        let mut values = self.ingest_if_not_exists.clone();
        match &self.once {
            Some(key) if !values.contains(key) => values.push(key.clone()),
            _ => {}
        }
        values
    }

    /// The property because of which the service would skip every source of a call after the first:
    /// the data of one is tagged with what keeps the others out.
    pub(crate) fn skips_all_but_the_first(&self) -> Option<&'static str> {
        let tagged = |value: &String| self.tags.ingest_by().contains(value);
        match self.once {
            Some(_) => Some("once"),
            None if self.ingest_if_not_exists.iter().any(tagged) => Some("ingestIfNotExists"),
            None => None,
        }
    }

    /// Whether the service skips a repetition: there is a key, or every value of
    /// `ingestIfNotExists` is also a tag.
    pub(crate) fn is_idempotent(&self) -> bool {
        let tagged = |value: &String| self.tags.ingest_by().contains(value);
        let asked = &self.ingest_if_not_exists;
        self.once.is_some() || (!asked.is_empty() && asked.iter().all(tagged))
    }
}

fn check_key(argument: &str, key: &str) -> Result<()> {
    let wrong = |why: String| Err(Error::invalid_argument(argument, why));
    if key.trim().is_empty() {
        return wrong("must not be empty".to_owned());
    }
    if key.chars().count() > MAX_KEY_CHARS {
        return wrong(format!("is longer than {MAX_KEY_CHARS} characters"));
    }
    match key.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => wrong(format!(
            "has the control character U+{:04X} at byte {at}",
            u32::from(c)
        )),
        None => Ok(()),
    }
}
