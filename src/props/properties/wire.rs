//! The properties as the queue message carries them.

use serde_json::{Map, Value};

use super::{AUTHORIZATION_CONTEXT, IngestionProperties};
use crate::props::DataFormat;
use crate::props::mapping::{MappingSource, columns_to_wire_json};
use crate::secret::Secret;
use crate::values::DateTime;

impl IngestionProperties {
    /// The `AdditionalProperties` of the queue message. Every value is a string, as in the
    /// service's own bag of properties; lists are JSON inside the string. The properties have
    /// passed [`IngestionProperties::validate`] and [`IngestionProperties::check_format`] before.
    pub(crate) fn additional_properties_wire(
        &self,
        identity_token: &Secret,
        format: DataFormat,
    ) -> Map<String, Value> {
        let mut wire = Wire(Map::new());
        wire.put(AUTHORIZATION_CONTEXT, identity_token.expose());
        wire.put("format", format.wire_name());
        wire.put_list("tags", self.all_tags());
        wire.put_list("ingestIfNotExists", self.all_if_not_exists());
        wire.put_mapping(&self.mapping, format);
        for (name, on) in self.flags.in_bag() {
            wire.put(name, on.to_string());
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
        wire.0
    }
}

/// The bag of properties while it is filled.
struct Wire(Map<String, Value>);

impl Wire {
    fn put(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), Value::String(value.into()));
    }

    fn put_list(&mut self, name: &str, values: Vec<String>) {
        if !values.is_empty() {
            self.put(name, Value::from(values).to_string());
        }
    }

    /// The service compares names without case, so a second spelling would be a contradiction.
    fn put_if_absent(&mut self, name: &str, value: &str) {
        if !self.0.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            self.put(name, value);
        }
    }

    fn put_mapping(&mut self, mapping: &MappingSource, format: DataFormat) {
        let kind = match mapping {
            MappingSource::None => return,
            MappingSource::Reference { name, kind } => {
                self.put("ingestionMappingReference", name);
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
