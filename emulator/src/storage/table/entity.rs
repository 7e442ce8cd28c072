//! Entities, their keys and how they are shown.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::storage::error::StorageError;

/// What identifies an entity in its table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) partition: String,
    pub(super) row: String,
}

impl Key {
    pub(super) fn new(partition: &str, row: &str) -> Self {
        Self {
            partition: partition.to_owned(),
            row: row.to_owned(),
        }
    }

    /// Reads `PartitionKey='a',RowKey='b'` in either order; a quote inside is doubled.
    pub(super) fn parse(text: &str) -> Result<Self, StorageError> {
        let (first, value, rest) = assignment(text)?;
        let (second, other, rest) = assignment(
            rest.strip_prefix(',')
                .ok_or_else(StorageError::invalid_uri)?,
        )?;
        match (first, second, rest) {
            ("PartitionKey", "RowKey", "") => Ok(Self {
                partition: value,
                row: other,
            }),
            ("RowKey", "PartitionKey", "") => Ok(Self {
                partition: other,
                row: value,
            }),
            _ => Err(StorageError::invalid_uri()),
        }
    }

    /// Takes the keys out of an entity's properties.
    pub(super) fn take(properties: &mut Map<String, Value>) -> Result<Self, StorageError> {
        let mut key = |name: &str| match properties.remove(name) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(StorageError::invalid_input(format!(
                "{name} is not a string."
            ))),
            None => Err(StorageError::missing_keys()),
        };
        Ok(Self {
            partition: key("PartitionKey")?,
            row: key("RowKey")?,
        })
    }

    /// As it stands in a URL, not percent-encoded.
    pub(super) fn path(&self) -> String {
        let quoted = |text: &str| text.replace('\'', "''");
        format!(
            "(PartitionKey='{}',RowKey='{}')",
            quoted(&self.partition),
            quoted(&self.row)
        )
    }
}

/// `name='text'` at the start of `text`; gives also what follows.
fn assignment(text: &str) -> Result<(&str, String, &str), StorageError> {
    let (name, rest) = text.split_once('=').ok_or_else(StorageError::invalid_uri)?;
    let (value, rest) = quoted(rest.trim_start()).ok_or_else(StorageError::invalid_uri)?;
    Ok((name.trim(), value, rest.trim_start()))
}

/// A quoted string at the start of `text`, and what follows it.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

/// How much OData metadata an answer carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    None,
    Minimal,
    Full,
}

impl Detail {
    pub(super) fn wanted(accept: Option<&str>) -> Self {
        let accept = accept.unwrap_or_default().to_lowercase().replace(' ', "");
        if accept.contains("odata=nometadata") {
            Self::None
        } else if accept.contains("odata=fullmetadata") {
            Self::Full
        } else {
            Self::Minimal
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::None => "application/json;odata=nometadata;streaming=true;charset=utf-8",
            Self::Minimal => "application/json;odata=minimalmetadata;streaming=true;charset=utf-8",
            Self::Full => "application/json;odata=fullmetadata;streaming=true;charset=utf-8",
        }
    }
}

/// The suffix of the member that tells a property's type.
const TYPE: &str = "@odata.type";

/// An entity without its keys.
pub(super) struct Entity {
    properties: Map<String, Value>,
    pub(super) etag: String,
    timestamp: String,
}

impl Entity {
    pub(super) fn new(mut properties: Map<String, Value>, now: OffsetDateTime) -> Self {
        properties.retain(|name, value| !value.is_null() && !is_system(name));
        let timestamp = timestamp(now);
        // Real ETags are the escaped time stamp; a serial makes two writes of one instant differ.
        let serial = uuid::Uuid::new_v4().simple();
        let etag = format!("W/\"datetime'{}'-{serial}\"", timestamp.replace(':', "%3A"));
        Self {
            properties,
            etag,
            timestamp,
        }
    }

    /// Takes over the given properties with their types and keeps the others.
    pub(super) fn merge(&mut self, properties: Map<String, Value>, now: OffsetDateTime) {
        let mut merged = std::mem::take(&mut self.properties);
        for name in properties
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, _)| name)
        {
            merged.remove(&format!("{name}{TYPE}"));
        }
        merged.extend(properties.into_iter().filter(|(_, value)| !value.is_null()));
        *self = Self::new(merged, now);
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Value::as_str)
    }

    /// The entity as an answer shows it, with `select` only the named properties.
    pub(super) fn show(
        &self,
        key: &Key,
        detail: Detail,
        select: Option<&[String]>,
    ) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("PartitionKey".to_owned(), key.partition.clone().into());
        all.insert("RowKey".to_owned(), key.row.clone().into());
        all.insert(format!("Timestamp{TYPE}"), "Edm.DateTime".into());
        all.insert("Timestamp".to_owned(), self.timestamp.clone().into());
        all.extend(self.properties.clone());
        all.retain(|name, _| {
            let property = name.strip_suffix(TYPE);
            let selected =
                select.is_none_or(|names| names.iter().any(|n| n == property.unwrap_or(name)));
            let typed = property.is_none()
                || detail == Detail::Full
                || (detail == Detail::Minimal && property != Some("Timestamp"));
            selected && typed
        });
        if detail != Detail::None {
            all.insert("odata.etag".to_owned(), self.etag.clone().into());
        }
        all
    }
}

fn is_system(name: &str) -> bool {
    name.starts_with("odata.")
        || name.strip_suffix(TYPE).unwrap_or(name) == "Timestamp"
        || matches!(name.strip_suffix(TYPE), Some("PartitionKey" | "RowKey"))
}

fn timestamp(now: OffsetDateTime) -> String {
    let form =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");
    now.to_offset(time::UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("no object: {other}"),
        }
    }

    #[test]
    fn merging_replaces_values_with_their_types() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut entity = Entity::new(
            object(
                json!({"Status": "Pending", "Id": "7", "Id@odata.type": "Edm.Guid", "Timestamp": "x", "Gone": null}),
            ),
            now,
        );
        let before = entity.etag.clone();
        entity.merge(object(json!({"Id": "8", "More": 1, "Status": null})), now);
        assert_ne!(entity.etag, before);
        let shown = entity.show(&Key::new("p", "r"), Detail::None, None);
        let expected = json!({"PartitionKey": "p", "RowKey": "r", "Timestamp": "1970-01-01T00:00:00.0000000Z", "Status": "Pending", "Id": "8", "More": 1});
        assert_eq!(Value::Object(shown), expected);
    }

    #[test]
    fn types_are_shown_with_metadata_only() {
        let entity = Entity::new(
            object(json!({"Id": "7", "Id@odata.type": "Edm.Guid"})),
            OffsetDateTime::UNIX_EPOCH,
        );
        let shown = |detail| entity.show(&Key::new("p", "r"), detail, None);
        assert!(!shown(Detail::None).contains_key("Id@odata.type"));
        assert_eq!(shown(Detail::Minimal)["Id@odata.type"], "Edm.Guid");
        assert_eq!(shown(Detail::Full)["Timestamp@odata.type"], "Edm.DateTime");
        let selected = entity.show(&Key::new("p", "r"), Detail::None, Some(&["Id".to_owned()]));
        assert_eq!(Value::Object(selected), json!({"Id": "7"}));
    }

    proptest! {
        #[test]
        fn keys_survive_their_form_in_a_path(partition in ".*", row in ".*") {
            let key = Key::new(&partition, &row);
            let path = key.path();
            let inner = path.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or_default();
            prop_assert_eq!(Key::parse(inner).unwrap(), key);
        }

        #[test]
        fn any_text_is_a_key_or_an_error(text in ".*") {
            let _ = Key::parse(&text);
        }
    }
}
