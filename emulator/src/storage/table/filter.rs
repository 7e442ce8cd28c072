//! `$filter` as far as status tables need it: comparisons of properties with strings, joined by `and`.

use std::cmp::Ordering;

use super::entity::{Entity, Key, quoted};
use crate::storage::error::StorageError;

/// All of its comparisons must hold.
pub(super) struct Filter(Vec<Comparison>);

struct Comparison {
    property: String,
    holds: fn(Ordering) -> bool,
    value: String,
}

impl Filter {
    /// Empty text lets everything pass.
    pub(super) fn parse(text: &str) -> Result<Self, StorageError> {
        let mut comparisons = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let opened = rest.len() - rest.trim_start_matches('(').len();
            rest = rest.trim_start_matches('(').trim_start();
            let comparison;
            (comparison, rest) = comparison_at(rest)?;
            comparisons.push(comparison);
            let closed = rest.len() - rest.trim_start_matches(')').len();
            rest = rest.trim_start_matches(')').trim_start();
            if opened != closed {
                return Err(unsupported());
            }
            rest = match rest.strip_prefix("and ") {
                Some(more) if !more.trim().is_empty() => more.trim_start(),
                None if rest.is_empty() => rest,
                _ => return Err(unsupported()),
            };
        }
        Ok(Self(comparisons))
    }

    pub(super) fn matches(&self, key: &Key, entity: &Entity) -> bool {
        self.0.iter().all(|comparison| {
            let value = match comparison.property.as_str() {
                "PartitionKey" => Some(key.partition.as_str()),
                "RowKey" => Some(key.row.as_str()),
                name => entity.text(name),
            };
            value.is_some_and(|value| (comparison.holds)(value.cmp(&comparison.value)))
        })
    }
}

fn comparison_at(text: &str) -> Result<(Comparison, &str), StorageError> {
    let (property, rest) = text.split_once(' ').ok_or_else(unsupported)?;
    let (operator, rest) = rest.trim_start().split_once(' ').ok_or_else(unsupported)?;
    let holds = match operator {
        "eq" => Ordering::is_eq,
        "ne" => Ordering::is_ne,
        "gt" => Ordering::is_gt,
        "ge" => Ordering::is_ge,
        "lt" => Ordering::is_lt,
        "le" => Ordering::is_le,
        _ => return Err(unsupported()),
    };
    let well_formed =
        !property.is_empty() && property.chars().all(|c| c.is_alphanumeric() || c == '_');
    let (value, rest) = quoted(rest.trim_start())
        .filter(|_| well_formed)
        .ok_or_else(unsupported)?;
    Ok((
        Comparison {
            property: property.to_owned(),
            holds,
            value,
        },
        rest.trim_start(),
    ))
}

fn unsupported() -> StorageError {
    StorageError::not_implemented(
        "this $filter; it compares properties with strings, joined by 'and'",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use time::OffsetDateTime;

    use super::*;

    fn matches(filter: &str) -> bool {
        let Value::Object(properties) = json!({"Status": "Failed", "Count": 3}) else {
            return false;
        };
        let entity = Entity::new(properties, OffsetDateTime::UNIX_EPOCH);
        Filter::parse(filter)
            .unwrap()
            .matches(&Key::new("it's", "b"), &entity)
    }

    #[test]
    fn comparisons_are_joined_by_and() {
        for passing in [
            "",
            "PartitionKey eq 'it''s'",
            "PartitionKey eq 'it''s' and RowKey eq 'b'",
            "(PartitionKey eq 'it''s') and (RowKey ge 'a')",
            "Status ne 'Pending' and RowKey lt 'c'",
        ] {
            assert!(matches(passing), "{passing}");
        }
        for failing in [
            "PartitionKey eq 'x'",
            "RowKey eq 'b' and Status eq 'Pending'",
            "Missing eq 'x'",
        ] {
            assert!(!matches(failing), "{failing}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "RowKey eq 'b' or RowKey eq 'c'",
            "Count eq 3",
            "RowKey eq",
            "RowKey eq 'b",
            "RowKey eq 'b' and",
            "(RowKey eq 'b'",
            "not RowKey eq 'b'",
        ] {
            assert_eq!(
                Filter::parse(text).err().map(|e| e.code).as_deref(),
                Some("NotImplemented"),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_upsets_the_parser(text in "[a-z'() ]*") {
            let _ = Filter::parse(&text);
        }
    }
}
