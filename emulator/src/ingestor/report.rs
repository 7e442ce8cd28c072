//! Telling the sender: messages on the notification queues and the sender's row in the status table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use tracing::warn;
use url::Url;
use uuid::Uuid;

use super::failure::{ErrorCode, Failure, FailureStatus};
use super::message::{Envelope, ReportLevel, ReportMethod, StatusRow};
use super::storage_client::StorageClient;
use crate::engine::datetime;
use crate::storage::StorageResources;

/// The status of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its rows are in the table.
    Succeeded {
        /// How many.
        rows: usize,
    },
    /// Nothing of it is in the table.
    Failed(Failure),
    /// An earlier source with its tag is in the table. Listed by the service among the failures, with a
    /// status of its own in the table.
    Skipped(Failure),
}

impl Outcome {
    /// That of a source of which no row was taken.
    pub(super) fn without_rows(failure: Failure) -> Self {
        match failure.code {
            ErrorCode::SkippedIngestByTag => Self::Skipped(failure),
            _ => Self::Failed(failure),
        }
    }

    /// The text in the status table's `Status`.
    pub(crate) fn status(&self) -> &'static str {
        match self {
            Outcome::Succeeded { .. } => "Succeeded",
            Outcome::Failed(_) => "Failed",
            Outcome::Skipped(_) => "Skipped",
        }
    }

    fn failure(&self) -> Option<&Failure> {
        match self {
            Outcome::Succeeded { .. } => None,
            Outcome::Failed(failure) | Outcome::Skipped(failure) => Some(failure),
        }
    }
}

/// One source's outcome and the ids under which the service knows it.
pub(crate) struct Report<'r> {
    pub(crate) envelope: &'r Envelope,
    pub(crate) outcome: &'r Outcome,
    pub(crate) operation_id: Uuid,
    pub(crate) activity_id: Uuid,
    /// When it was decided, in ticks.
    pub(crate) decided_on: i64,
}

/// Sends reports. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reporter {
    storage: StorageClient,
    failed_queue: Url,
    successful_queue: Url,
    /// The path of the account's tables and the table's name, for senders whose table URL has no name.
    status_table: (String, String),
}

impl Reporter {
    pub(crate) fn new(storage: StorageClient, resources: &StorageResources) -> Reporter {
        let table = resources.status_table.path().trim_matches('/');
        let (account, name) = table.rsplit_once('/').unwrap_or(("", table));
        Reporter {
            storage,
            failed_queue: resources.failed_queue.clone(),
            successful_queue: resources.successful_queue.clone(),
            status_table: (account.to_owned(), name.to_owned()),
        }
    }

    /// Reports as the message asks. A report that cannot be delivered is logged: the ingestion stands.
    pub(crate) async fn send(&self, report: &Report<'_>) {
        let envelope = report.envelope;
        let wanted = match envelope.level {
            ReportLevel::None => false,
            ReportLevel::FailuresOnly => report.outcome.failure().is_some(),
            ReportLevel::FailuresAndSuccesses => true,
        };
        if !wanted {
            return;
        }
        if envelope.method != ReportMethod::Table {
            self.send_to_queue(report).await;
        }
        if envelope.method != ReportMethod::Queue {
            self.send_to_table(report).await;
        }
    }

    async fn send_to_queue(&self, report: &Report<'_>) {
        let queue = match report.outcome.failure() {
            Some(_) => &self.failed_queue,
            None => &self.successful_queue,
        };
        let text = STANDARD.encode(queue_message(report).to_string());
        if let Err(error) = self.storage.put_message(queue, &text).await {
            warn!(source = %report.envelope.id, %error, "the outcome could not be put on its queue");
        }
    }

    async fn send_to_table(&self, report: &Report<'_>) {
        let source = report.envelope.id;
        let Some(row) = &report.envelope.status_row else {
            warn!(%source, "the message requests a report in a table but names no row");
            return;
        };
        let Some(table) = self.table_url(row) else {
            warn!(%source, "the message's status table is not a URL");
            return;
        };
        let properties = table_properties(report);
        let merged =
            self.storage
                .merge_or_insert(&table, &row.partition_key, &row.row_key, &properties);
        if let Err(error) = merged.await {
            warn!(%source, %error, "the outcome could not be written to the status table");
        }
    }

    /// The table's URL; one without the table's name is that of the account.
    fn table_url(&self, row: &StatusRow) -> Option<Url> {
        let mut url = Url::parse(&row.table).ok()?;
        let (account, name) = &self.status_table;
        let path = url.path().trim_matches('/');
        if path.is_empty() || path == account {
            let with_name = format!("{path}/{name}");
            url.set_path(&with_name);
        }
        Some(url)
    }
}

/// A failure's or a success's message, with the members the service gives it.
fn queue_message(report: &Report<'_>) -> Json {
    let mut message = json!({
        "OperationId": report.operation_id.to_string(),
        "Database": report.envelope.database,
        "Table": report.envelope.table,
        "IngestionSourceId": report.envelope.id.to_string(),
        "IngestionSourcePath": report.envelope.source_path,
        "RootActivityId": report.activity_id.to_string(),
    });
    let time = Json::from(datetime::print(report.decided_on));
    match report.outcome.failure() {
        None => message["SucceededOn"] = time,
        Some(failure) => {
            let status = failure.code.status();
            message["FailedOn"] = time;
            message["Details"] = failure.details.clone().into();
            message["ErrorCode"] = failure.code.name().into();
            message["FailureStatus"] = status.name().into();
            message["OriginatesFromUpdatePolicy"] = failure.code.is_of_update_policy().into();
            message["ShouldRetry"] = (status == FailureStatus::Exhausted).into();
        }
    }
    message
}

/// The columns of the sender's row. Those the sender wrote are written again, for the case that the row is
/// missing.
fn table_properties(report: &Report<'_>) -> Map<String, Json> {
    let mut row = Map::new();
    let mut text = |name: &str, value: &str| row.insert(name.to_owned(), value.into());
    text("Status", report.outcome.status());
    text("Database", &report.envelope.database);
    text("Table", &report.envelope.table);
    text("IngestionSourcePath", &report.envelope.source_path);
    text("UpdatedOn@odata.type", "Edm.DateTime");
    text("UpdatedOn", &datetime::print(report.decided_on));
    for (name, id) in [
        ("IngestionSourceId", report.envelope.id),
        ("OperationId", report.operation_id),
        ("ActivityId", report.activity_id),
    ] {
        text(&format!("{name}@odata.type"), "Edm.Guid");
        text(name, &id.to_string());
    }
    if let Some(failure) = report.outcome.failure() {
        text("ErrorCode", failure.code.name());
        text("FailureStatus", failure.code.status().name());
        text("Details", &failure.details);
    }
    let failure = report.outcome.failure();
    let of_update = failure.is_some_and(|failure| failure.code.is_of_update_policy());
    row.insert("OriginatesFromUpdatePolicy".to_owned(), of_update.into());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingestor::failure::ErrorCode;

    fn envelope() -> Envelope {
        Envelope {
            id: Uuid::from_u128(1),
            database: "db".to_owned(),
            table: "T".to_owned(),
            source_path: "http://h/c/b".to_owned(),
            level: ReportLevel::FailuresAndSuccesses,
            method: ReportMethod::QueueAndTable,
            status_row: None,
        }
    }

    fn report<'r>(envelope: &'r Envelope, outcome: &'r Outcome) -> Report<'r> {
        Report {
            envelope,
            outcome,
            operation_id: Uuid::from_u128(2),
            activity_id: Uuid::from_u128(3),
            decided_on: 621_355_968_000_000_001,
        }
    }

    #[test]
    fn a_failure_has_all_fields() {
        let failure = Failure::new(ErrorCode::DownloadUnknownError, "why");
        let outcome = Outcome::Failed(failure);
        let envelope = envelope();
        assert_eq!(
            queue_message(&report(&envelope, &outcome)),
            json!({
                "OperationId": "00000000-0000-0000-0000-000000000002",
                "Database": "db",
                "Table": "T",
                "FailedOn": "1970-01-01T00:00:00.0000001Z",
                "IngestionSourceId": "00000000-0000-0000-0000-000000000001",
                "IngestionSourcePath": "http://h/c/b",
                "Details": "why",
                "ErrorCode": "Download_UnknownError",
                "FailureStatus": "Exhausted",
                "RootActivityId": "00000000-0000-0000-0000-000000000003",
                "OriginatesFromUpdatePolicy": false,
                "ShouldRetry": true,
            })
        );
        let row = table_properties(&report(&envelope, &outcome));
        assert_eq!(row["Status"], "Failed");
        assert_eq!(row["ErrorCode"], "Download_UnknownError");
        assert_eq!(row["FailureStatus"], "Exhausted");
        assert_eq!(row["OperationId@odata.type"], "Edm.Guid");
        assert_eq!(row["OriginatesFromUpdatePolicy"], false);
    }

    #[test]
    fn a_success_has_no_failure_in_it() {
        let envelope = envelope();
        let outcome = Outcome::Succeeded { rows: 1 };
        let message = queue_message(&report(&envelope, &outcome));
        assert_eq!(message["SucceededOn"], "1970-01-01T00:00:00.0000001Z");
        assert!(message.get("ErrorCode").is_none());
        let row = table_properties(&report(&envelope, &outcome));
        assert_eq!(row["Status"], "Succeeded");
        assert!(!row.contains_key("ErrorCode"));
    }
}
