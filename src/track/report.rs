//! One form for the contents of the status table and the notification queues.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::RetryClass;
use crate::secret::{mask, redact_beginning, redact_url};
use crate::track::TrackingToken;
use crate::track::catalog::{FailureStatus, ItemState, Route};

/// The service's code for an identity token that it does not know, or no longer.
const REFUSED_TOKEN: &str = "BadRequest_InvalidKustoIdentityToken";

/// The status of ingestions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    items: Vec<IngestionStatus>,
}

/// What is assumed until the service says something else.
impl Default for ItemState {
    fn default() -> Self {
        Self::Pending
    }
}

impl ItemState {
    /// Whether the state does not change any more.
    pub const fn is_final(self) -> bool {
        !matches!(self, ItemState::Pending)
    }

    /// From the service's text. One that this library does not know counts as pending: the text
    /// itself is kept in [`IngestionStatus::status`].
    fn from_status(status: &str) -> Self {
        match status.trim().to_ascii_lowercase().as_str() {
            "succeeded" => ItemState::Succeeded,
            "failed" => ItemState::Failed,
            "canceled" | "cancelled" => ItemState::Cancelled,
            "skipped" => ItemState::Skipped,
            "partiallysucceeded" => ItemState::PartiallySucceeded,
            "queued" => ItemState::Queued,
            _ => ItemState::Pending,
        }
    }
}

impl FailureStatus {
    /// Names and the documented numbers are both seen on the wire.
    fn parse(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "permanent" | "1" => FailureStatus::Permanent,
            "transient" | "2" => FailureStatus::Transient,
            "exhausted" | "3" => FailureStatus::Exhausted,
            _ => FailureStatus::Unknown,
        }
    }
}

/// The status of one item. The service may omit any member.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct IngestionStatus {
    /// The item's state. A word of the service that this library does not know is
    /// [`ItemState::Pending`] here, and as the service wrote it in `status`.
    pub state: ItemState,
    /// The service's own word for the state.
    pub status: Option<String>,
    /// The source id of the ingestion.
    pub source_id: Option<Uuid>,
    /// The blob's address, without its signature.
    pub source_path: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// When the state was reached, in the service's notation (UTC).
    pub updated_on: Option<String>,
    /// The service's operation, for `.show operations`.
    pub operation_id: Option<String>,
    /// The service's activity id, which its support asks for.
    pub activity_id: Option<String>,
    /// The service's code, such as `BadRequest_EmptyBlob`, unchanged.
    pub error_code: Option<String>,
    /// Whether the failure passes.
    pub failure_status: Option<FailureStatus>,
    /// The service's text.
    pub details: Option<String>,
    /// Whether an update policy failed.
    pub originates_from_update_policy: Option<bool>,
    /// Whether the service advises to retry.
    pub should_retry: Option<bool>,
}

impl IngestionStatus {
    /// Whether the same data can be ingested again with success.
    ///
    /// A refused identity token is [`RetryClass::Later`], though the service calls it permanent: the
    /// data is as good as before, and a client that has seen this item sends other data, or the same
    /// again, with a token that it has just fetched.
    pub fn retry(&self) -> RetryClass {
        if self.is_token_refused() {
            return RetryClass::Later;
        }
        match (self.should_retry, self.failure_status) {
            (Some(true), _) => RetryClass::Later,
            (_, Some(FailureStatus::Permanent)) => RetryClass::Never,
            (_, Some(FailureStatus::Transient | FailureStatus::Exhausted)) => RetryClass::Later,
            (Some(false), _) => RetryClass::Never,
            _ => RetryClass::Unknown,
        }
    }

    /// Whether the service refused the identity token that the message came with.
    pub(crate) fn is_token_refused(&self) -> bool {
        let code = self.error_code.as_deref();
        code.is_some_and(|code| code.eq_ignore_ascii_case(REFUSED_TOKEN))
    }

    /// An item of which the token says all that is known without a status table: that it was handed over, or, if it
    /// was streamed, that it is ingested.
    pub(crate) fn of_token(source_id: Uuid, token: &TrackingToken) -> Self {
        let state = match token.route() {
            Route::Queued => ItemState::Queued,
            Route::Streamed => ItemState::Succeeded,
        };
        Self {
            state,
            status: Some(state.name().to_owned()),
            source_id: Some(source_id),
            database: Some(token.database().to_owned()),
            table: Some(token.table().to_owned()),
            ..Self::default()
        }
    }

    /// From a notification (failure or success message) or a status entity: names ignore case,
    /// unknown members are ignored, values may be texts or typed.
    pub(crate) fn from_json(object: &Map<String, Value>, default_state: ItemState) -> Self {
        let fields = Fields(object);
        let status = fields.text(&["Status"]);
        let state = status
            .as_deref()
            .map_or(default_state, ItemState::from_status);
        Self {
            state,
            status: status.or_else(|| Some(state.name().to_owned())),
            source_id: fields
                .text(&["IngestionSourceId"])
                .and_then(|text| Uuid::parse_str(text.trim()).ok()),
            source_path: fields
                .text(&["IngestionSourcePath"])
                .map(|path| redact_url(&path).to_owned()),
            database: fields.text(&["Database"]),
            table: fields.text(&["Table"]),
            updated_on: fields.text(&["FailedOn", "SucceededOn", "UpdatedOn"]),
            operation_id: fields.text(&["OperationId"]),
            activity_id: fields.text(&["RootActivityId", "ActivityId"]),
            error_code: fields.text(&["ErrorCode"]),
            failure_status: fields
                .text(&["FailureStatus"])
                .map(|text| FailureStatus::parse(&text)),
            details: fields
                .text(&["Details"])
                .map(|text| redact_beginning(&text)),
            originates_from_update_policy: fields.flag("OriginatesFromUpdatePolicy"),
            should_retry: fields.flag("ShouldRetry"),
        }
    }

    /// All members as JSON, under the service's names; missing ones are `null`.
    pub fn to_json(&self) -> Value {
        json!({
            "State": self.state.name(),
            "Status": self.status,
            "IngestionSourceId": self.source_id.map(|id| id.to_string()),
            "IngestionSourcePath": self.source_path,
            "Database": self.database,
            "Table": self.table,
            "UpdatedOn": self.updated_on,
            "OperationId": self.operation_id,
            "ActivityId": self.activity_id,
            "ErrorCode": self.error_code,
            "FailureStatus": self.failure_status.map(FailureStatus::name),
            "Details": self.details,
            "OriginatesFromUpdatePolicy": self.originates_from_update_policy,
            "ShouldRetry": self.should_retry,
        })
    }
}

impl Report {
    pub(crate) fn new(items: Vec<IngestionStatus>) -> Self {
        Self { items }
    }

    /// The items.
    pub fn items(&self) -> &[IngestionStatus] {
        &self.items
    }

    /// Number of items in a state.
    pub fn count(&self, state: ItemState) -> usize {
        self.items.iter().filter(|item| item.state == state).count()
    }

    /// Whether all items are in a final state.
    pub fn is_final(&self) -> bool {
        self.items.iter().all(|item| item.state.is_final())
    }

    /// The items as a JSON array; see [`IngestionStatus::to_json`].
    pub fn to_json(&self) -> Value {
        self.items.iter().map(IngestionStatus::to_json).collect()
    }
}

struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn text(&self, names: &[&str]) -> Option<String> {
        let text = names.iter().find_map(|name| match self.get(name)? {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        });
        text.map(mask)
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_i64().map(|n| n != 0),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: Value, default_state: ItemState) -> IngestionStatus {
        IngestionStatus::from_json(value.as_object().unwrap(), default_state)
    }

    #[test]
    fn numbers_and_names_agree() {
        for (index, state) in ItemState::ALL.iter().enumerate() {
            assert_eq!(*state as usize, index);
            assert_eq!(ItemState::from_status(state.name()), *state);
        }
    }

    #[test]
    fn a_failure_is_read_in_every_casing_and_typing() {
        let failure = item(
            json!({
                "operationId": "op", "Database": "d", "TABLE": "t",
                "FailedOn": "2026-01-01T00:00:00Z",
                "IngestionSourceId": "7E8B1A4E-9A4D-4C0E-9F58-0D4F1C2AB001",
                "IngestionSourcePath": "https://a/b?sig=SECRET", "Details": "see https://a/b?sig=SECRET",
                "ErrorCode": 7, "FailureStatus": 2, "RootActivityId": "act",
                "OriginatesFromUpdatePolicy": "True", "ShouldRetry": null, "New": {}
            }),
            ItemState::Failed,
        );
        assert_eq!(failure.state, ItemState::Failed);
        assert_eq!(failure.error_code.as_deref(), Some("7"));
        assert_eq!(failure.failure_status, Some(FailureStatus::Transient));
        assert_eq!(failure.originates_from_update_policy, Some(true));
        assert_eq!(failure.should_retry, None);
        assert_eq!(failure.retry(), RetryClass::Later);
        assert_eq!(failure.source_path.as_deref(), Some("https://a/b"));
        assert!(!format!("{failure:?} {}", failure.to_json()).contains("SECRET"));
    }

    #[test]
    fn an_unknown_status_is_pending_and_kept() {
        let entity = item(json!({"Status": "Thinking"}), ItemState::Pending);
        assert_eq!(entity.state, ItemState::Pending);
        assert_eq!(entity.status.as_deref(), Some("Thinking"));
        let report = Report::new(vec![entity]);
        assert!(!report.is_final());
        assert_eq!(report.count(ItemState::Pending), 1);
    }
}
