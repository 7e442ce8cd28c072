//! Commands about work: resources, identity token, failures, operations, queries that run.

use uuid::Uuid;

use super::super::datetime;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::records::{IngestionFailureRecord, OperationRecord};
use super::super::table::Row;
use super::super::value::Value;
use super::Target;
use super::rows::{table, text};

/// Columns of `.show ingestion failures`: those of the service's own grammar, in its order.
const FAILURES: &str = "OperationId: guid, Database: string, Table: string, FailedOn: datetime, \
     IngestionSourcePath: string, Details: string, FailureKind: string, RootActivityId: guid, OperationKind: string, \
     OriginatesFromUpdatePolicy: bool, ErrorCode: string, Principal: string, ShouldRetry: bool, User: string, \
     IngestionProperties: string";

/// Columns of `.show operations`: those of the service's own grammar, in its order, and `Table`, which the
/// tutorials filter on.
const OPERATIONS: &str = "OperationId: guid, Operation: string, NodeId: string, StartedOn: datetime, \
     LastUpdatedOn: datetime, Duration: timespan, State: string, Status: string, RootActivityId: guid, \
     ShouldRetry: bool, Database: string, Principal: string, User: string, AdminEpochStartTime: datetime, \
     VirtualCluster: string, Table: string";

/// Who did it: nobody signs in here.
pub(super) const PRINCIPAL: &str = "AAD app id=emulator";

/// The one machine.
pub(super) const NODE: &str = "Engine000000";

impl Target<'_> {
    pub(super) fn ingestion_resources(&self) -> Relation {
        let resources = self.engine.data_management().ingestion_resources();
        let rows = resources
            .into_iter()
            .map(|(kind, root)| vec![text(kind), text(root)])
            .collect();
        table("ResourceTypeName: string, StorageRoot: string", rows)
    }

    pub(super) fn identity_token(&self) -> Relation {
        let token = self.engine.data_management().identity_token();
        table("AuthorizationContext: string", vec![vec![text(token)]])
    }

    /// There is no such cache here: policies are read when they are needed. What is named must be there.
    pub(super) fn refresh_cache(&self, database: &str, named: Option<&str>) -> Parsed<Relation> {
        match named {
            Some(name) => drop(self.engine.table_schema(database, name)?),
            None => self.engine.with_database(database, |_| ())?,
        }
        Ok(table("Status: string", vec![vec![text("Succeeded")]]))
    }

    /// Records what a command with `async` did, which is over when the command is, and gives its id, a new one if the
    /// operation has none yet.
    pub(super) fn finished(&self, operation: OperationRecord) -> Relation {
        let id = match operation.operation_id {
            id if id.is_nil() => Uuid::new_v4(),
            id => id,
        };
        let state = match operation.status.as_str() {
            "" => "Completed",
            _ => "Failed",
        };
        self.engine.record_operation(OperationRecord {
            operation_id: id,
            root_activity_id: id,
            database: self.database.to_owned(),
            last_updated_on: datetime::now(),
            state: state.to_owned(),
            ..operation
        });
        table("OperationId: guid", vec![vec![Value::Guid(id)]])
    }

    /// The id is the one that the query's client sent.
    pub(super) fn cancel_query(&self, id: &str, reason: &str) -> Relation {
        let is_canceled = self.engine.running().cancel(id, reason);
        table(
            "ClientRequestId: string, ReasonPhrase: string, RunningQueryCanceled: bool",
            vec![vec![text(id), text(reason), Value::Bool(is_canceled)]],
        )
    }

    pub(super) fn ingestion_failures(&self, operation: Option<Uuid>) -> Relation {
        let failures = self.engine.failures();
        let wanted = |failure: &&IngestionFailureRecord| {
            operation.is_none_or(|id| failure.operation_id == id)
        };
        table(
            FAILURES,
            failures.iter().filter(wanted).map(failure_row).collect(),
        )
    }

    /// Without ids every row there is, with ids the latest of each.
    pub(super) fn operations(&self, ids: &[Uuid]) -> Relation {
        let operations = self.engine.operations();
        let rows = match ids {
            [] => operations.iter().map(operation_row).collect(),
            ids => ids
                .iter()
                .filter_map(|id| {
                    operations
                        .iter()
                        .rev()
                        .find(|operation| operation.operation_id == *id)
                })
                .map(operation_row)
                .collect(),
        };
        table(OPERATIONS, rows)
    }
}

fn failure_row(failure: &IngestionFailureRecord) -> Row {
    vec![
        Value::Guid(failure.operation_id),
        text(&failure.database),
        text(&failure.table),
        Value::DateTime(failure.failed_on),
        text(&failure.source_path),
        text(&failure.details),
        text(&failure.failure_kind),
        Value::Guid(failure.root_activity_id),
        text(&failure.operation_kind),
        Value::Bool(failure.originates_from_update_policy),
        text(&failure.error_code),
        text(PRINCIPAL),
        Value::Bool(failure.should_retry),
        text(""),
        text(&failure.ingestion_properties),
    ]
}

fn operation_row(operation: &OperationRecord) -> Row {
    vec![
        Value::Guid(operation.operation_id),
        text(&operation.operation),
        text(NODE),
        Value::DateTime(operation.started_on),
        Value::DateTime(operation.last_updated_on),
        Value::TimeSpan(
            operation
                .last_updated_on
                .saturating_sub(operation.started_on),
        ),
        text(&operation.state),
        text(&operation.status),
        Value::Guid(operation.root_activity_id),
        Value::Bool(operation.should_retry),
        text(&operation.database),
        text(PRINCIPAL),
        text(""),
        Value::Null,
        text(""),
        text(&operation.table),
    ]
}
