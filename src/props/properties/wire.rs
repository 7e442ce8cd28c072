//! The properties as the queue message carries them.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{AUTHORIZATION_CONTEXT, IngestionProperties};
use crate::props::DataFormat;
use crate::props::mapping::{MappingSource, columns_to_wire_json};
use crate::secret::Secret;
use crate::values::DateTime;

impl IngestionProperties {
    /// The `AdditionalProperties` of the queue message. Every value is a string, as in the
    /// service's own bag of properties; lists are JSON inside the string. The properties have
    /// passed [`IngestionProperties::validate`] and [`IngestionProperties::check_format`] before.
    pub(crate) fn additional_properties_wire<'a>(
        &'a self,
        identity_token: &'a Secret,
        format: DataFormat,
    ) -> Bag<'a> {
        let mut wire = Bag(Vec::with_capacity(Bag::USUAL));
        wire.put(AUTHORIZATION_CONTEXT, identity_token.expose());
        wire.put("format", format.wire_name());
        wire.put_list("tags", self.all_tags());
        wire.put_list("ingestIfNotExists", self.all_if_not_exists());
        wire.put_mapping(&self.mapping, format);
        for (name, on) in self.flags.in_bag() {
            wire.put(name, if on { "true" } else { "false" });
        }
        if let Some(time) = self.creation_time.and_then(|t| DateTime::try_from(t).ok()) {
            wire.put("creationTime", time.to_string());
        }
        if let Some(policy) = self.validation_policy {
            wire.put("validationPolicy", policy.to_wire());
        }
        for (name, value) in &self.additional {
            wire.put_if_absent(name, value);
        }
        wire
    }
}

/// A message's bag of properties, whose texts are borrowed where they are known. It is written as a JSON
/// object with its members in this order.
pub(crate) struct Bag<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl Serialize for Bag<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'a> Bag<'a> {
    /// Most bags have no more.
    const USUAL: usize = 8;

    /// No name is put twice.
    fn put(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        debug_assert!(self.0.iter().all(|(known, _)| *known != name), "{name}");
        self.0.push((name, value.into()));
    }

    fn put_list(&mut self, name: &'a str, values: Vec<String>) {
        if !values.is_empty() {
            self.put(name, Value::from(values).to_string());
        }
    }

    /// The service compares names without case, so a second spelling would be a contradiction.
    fn put_if_absent(&mut self, name: &'a str, value: &'a str) {
        let is_name = |known: &&str| known.eq_ignore_ascii_case(name);
        if !self.0.iter().any(|(known, _)| is_name(known)) {
            self.put(name, value);
        }
    }

    fn put_mapping(&mut self, mapping: &'a MappingSource, format: DataFormat) {
        let kind = match mapping {
            MappingSource::None => return,
            MappingSource::Reference { name, kind } => {
                self.put("ingestionMappingReference", name.as_str());
                kind.unwrap_or(format.mapping_kind())
            }
            MappingSource::Inline(mapping) => {
                self.put("ingestionMapping", mapping.to_wire_json());
                mapping.kind()
            }
            MappingSource::InlineColumns(columns) => {
                self.put("ingestionMapping", columns_to_wire_json(columns));
                format.mapping_kind()
            }
        };
        self.put("ingestionMappingType", kind.wire_name());
    }
}
