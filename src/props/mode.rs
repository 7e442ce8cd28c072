//! How data gets to the service, and what decides about it: read from texts, and what streaming cannot carry.

use std::str::FromStr;

use super::catalog::{Fallback, InDoubt, IngestionMode};
use super::mapping::MappingSource;
use super::properties::{IngestionProperties, parse_choice};
use crate::error::{Error, Result};

impl FromStr for IngestionMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_choice("ingestion mode", text, &Self::ALL, |it| {
            (it.words(), it as i32)
        })
    }
}

impl FromStr for InDoubt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_choice("in doubt", text, &Self::ALL, |it| (it.words(), it as i32))
    }
}

impl FromStr for Fallback {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_choice("fallback", text, &Self::ALL, |it| (it.words(), it as i32))
    }
}

impl IngestionProperties {
    /// The first property that a streaming request has no place for: the service would never see it. `of_blobs` says
    /// whether the data is in blobs already, which the service could not delete after such a request.
    pub(crate) fn cannot_stream(&self, of_blobs: bool) -> Option<&str> {
        let is_inline = matches!(
            self.mapping(),
            MappingSource::Inline(_) | MappingSource::InlineColumns(_)
        );
        let known = [
            ("ingestionMapping", is_inline),
            ("once", self.once().is_some()),
            ("tags", !self.tags().is_empty()),
            ("ingestIfNotExists", !self.ingest_if_not_exists().is_empty()),
            ("ignoreFirstRecord", self.ignore_first_record()),
            ("ignoreSizeLimit", self.ignore_size_limit()),
            ("creationTime", self.creation_time().is_some()),
            ("validationPolicy", self.validation_policy().is_some()),
            (
                "retainBlobOnSuccess",
                of_blobs && !self.retain_blob_on_success(),
            ),
        ];
        let set = known
            .into_iter()
            .find_map(|(name, is_set)| is_set.then_some(name));
        set.or_else(|| {
            self.additional_properties()
                .keys()
                .next()
                .map(String::as_str)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::props::{ColumnMapping, Mapping, MappingKind, ValidationPolicy};

    #[test]
    fn each_property_that_cannot_stream_is_named() {
        let props = || IngestionProperties::new("D", "T");
        let mapping = Mapping::new(MappingKind::Csv, vec![ColumnMapping::ordinal("a", 0)]);
        let policy = ValidationPolicy::parse("{}").unwrap();
        for (name, props) in [
            ("ingestionMapping", props().with_mapping(mapping.unwrap())),
            ("once", props().with_once("k")),
            ("tags", props().with_drop_by_tag("t")),
            (
                "ingestIfNotExists",
                props().with_ingest_if_not_exists(["v"]),
            ),
            ("ignoreFirstRecord", props().with_ignore_first_record(true)),
            ("ignoreSizeLimit", props().with_ignore_size_limit(true)),
            (
                "creationTime",
                props().with_creation_time(time::OffsetDateTime::UNIX_EPOCH),
            ),
            ("validationPolicy", props().with_validation_policy(policy)),
            (
                "zipPattern",
                props().with_additional_property("zipPattern", "*"),
            ),
        ] {
            assert_eq!(props.cannot_stream(false), Some(name));
        }
        let streams = props()
            .with_mapping_reference("m")
            .with_client_request_id("i")
            .with_flush_immediately(true)
            .with_retain_blob_on_success(false);
        assert_eq!(streams.cannot_stream(false), None);
        assert_eq!(streams.cannot_stream(true), Some("retainBlobOnSuccess"));
    }

    #[test]
    fn texts_are_read_in_any_case_and_others_are_refused_by_name() {
        for mode in IngestionMode::ALL {
            let text = mode.words()[0].to_uppercase();
            assert_eq!(text.parse::<IngestionMode>().unwrap(), mode);
        }
        assert_eq!(" Error ".parse::<Fallback>().unwrap(), Fallback::Fail);
        assert_eq!("retry".parse::<InDoubt>().unwrap(), InDoubt::Retry);
        let error = "direct".parse::<IngestionMode>().unwrap_err();
        assert_eq!(error.argument(), Some("ingestion mode"));
    }
}
