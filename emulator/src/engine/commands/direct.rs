//! `.ingest into`: blobs whose addresses stand in the command.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::super::datetime;
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::records::{IngestionFailureRecord, OperationRecord};
use super::super::sources::{SourceFailure, SourceRequest};
use super::super::value::Value;
use super::Target;
use super::command::Ingestion;
use super::rows::{table, text};

/// Columns of the result: those of the command's page.
const LOADED: &str =
    "ExtentId: guid, ItemLoaded: string, Duration: timespan, HasErrors: bool, OperationId: guid";
const OPERATION: &str = "DataIngestPull";

impl Target<'_> {
    /// Each source is an extent of its own, and one that fails leaves the others. The command fails when all do.
    pub(super) fn ingest_sources(&self, ingestion: &Ingestion) -> Parsed<Relation> {
        self.of(&ingestion.table).load_sources(ingestion)
    }

    fn load_sources(&self, ingestion: &Ingestion) -> Parsed<Relation> {
        let started_on = datetime::now();
        let operation = Uuid::new_v4();
        let (mut rows, mut failures) = (Vec::new(), Vec::new());
        for location in &ingestion.sources {
            let begun = datetime::now();
            let loaded = self.ingest_source(ingestion, operation, location);
            let has_errors = loaded.is_err();
            rows.push(vec![
                Value::Guid(loaded.as_ref().map_or(Uuid::nil(), |extent| *extent)),
                text(without_credentials(location)),
                Value::TimeSpan(datetime::now().saturating_sub(begun)),
                Value::Bool(has_errors),
                Value::Guid(operation),
            ]);
            if let Err(failure) = loaded {
                self.record_failed(ingestion, operation, location, &failure);
                failures.push(failure);
            }
        }
        let failure = failures.first().filter(|_| failures.len() == rows.len());
        let status = failure.map(|failure| format!("{}: {}", failure.code, failure.details));
        let operation = OperationRecord {
            operation_id: operation,
            operation: OPERATION.to_owned(),
            table: ingestion.table.name.clone(),
            started_on,
            status: status.clone().unwrap_or_default(),
            ..OperationRecord::default()
        };
        if ingestion.is_async {
            return Ok(self.finished(operation));
        }
        drop(self.finished(operation));
        match status {
            Some(status) => Err(KustoError::bad_request(status)),
            None => Ok(table(LOADED, rows)),
        }
    }

    fn ingest_source(
        &self,
        ingestion: &Ingestion,
        operation: Uuid,
        location: &str,
    ) -> Result<Uuid, SourceFailure> {
        let Some(sources) = self.engine.sources() else {
            return Err(SourceFailure {
                code: "BadRequest_NotSupported".to_owned(),
                details: "Nothing here reads storage.".to_owned(),
                is_permanent: true,
            });
        };
        let properties = ingestion.properties.iter();
        let properties: Map<String, Json> = properties
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect();
        sources.ingest(&SourceRequest {
            operation,
            database: self.database.to_owned(),
            table: ingestion.table.name.clone(),
            location: location.to_owned(),
            properties,
        })
    }

    fn record_failed(
        &self,
        ingestion: &Ingestion,
        operation: Uuid,
        location: &str,
        failure: &SourceFailure,
    ) {
        let kind = match failure.is_permanent {
            true => "Permanent",
            false => "Transient",
        };
        self.engine.record_failure(IngestionFailureRecord {
            operation_id: operation,
            root_activity_id: operation,
            database: self.database.to_owned(),
            table: ingestion.table.name.clone(),
            failed_on: datetime::now(),
            source_path: without_credentials(location).to_owned(),
            details: failure.details.clone(),
            error_code: failure.code.clone(),
            failure_kind: kind.to_owned(),
            operation_kind: OPERATION.to_owned(),
            should_retry: !failure.is_permanent,
            ..IngestionFailureRecord::default()
        });
    }
}

/// The address without what gives access.
fn without_credentials(location: &str) -> &str {
    location.split(['?', ';']).next().unwrap_or_default()
}
