//! `.show streamingingestion statistics` and `.show streamingingestion failures`.

use super::super::kql::relation::Relation;
use super::super::streaming_records::{StreamingFailures, StreamingStatistic};
use super::super::table::Row;
use super::super::value::Value;
use super::Target;
use super::ingestion::{NODE, PRINCIPAL};
use super::rows::{table, text};

/// Columns of the results: those of the service's own grammar, in its order.
const STATISTICS: &str = "Database: string, Table: string, StartTime: datetime, EndTime: datetime, Count: long, \
     MinDuration: timespan, MaxDuration: timespan, AvgDuration: timespan, TotalDataSize: long, MinDataSize: long, \
     MaxDataSize: long, TotalRowCount: long, MinRowCount: long, MaxRowCount: long, IngestionStatus: string, \
     NumOfRowStoresReferences: int, Principal: string, NodeId: string, IngestionProperties: dynamic";
const FAILURES: &str = "Database: string, Table: string, Principal: string, RootActivityId: guid, \
     IngestionProperties: dynamic, Count: long, FirstFailureOn: datetime, LastFailureOn: datetime, \
     FailureKind: string, ErrorCode: string, Details: string";

impl Target<'_> {
    pub(super) fn streaming_statistics(&self) -> Relation {
        let found = self.engine.with_streaming(|records| records.statistics());
        table(STATISTICS, found.iter().map(statistic_row).collect())
    }

    pub(super) fn streaming_failures(&self) -> Relation {
        let found = self.engine.with_streaming(|records| records.failures());
        table(FAILURES, found.iter().map(failure_row).collect())
    }
}

fn statistic_row(found: &StreamingStatistic) -> Row {
    let (database, table) = &found.target;
    let durations = found.durations;
    vec![
        text(database),
        text(table),
        Value::DateTime(found.started_on),
        Value::DateTime(found.ended_on),
        Value::Long(found.count),
        Value::TimeSpan(durations.least),
        Value::TimeSpan(durations.most),
        Value::TimeSpan(durations.sum / found.count.max(1)),
        Value::Long(found.bytes.sum),
        Value::Long(found.bytes.least),
        Value::Long(found.bytes.most),
        Value::Long(found.rows.sum),
        Value::Long(found.rows.least),
        Value::Long(found.rows.most),
        text(found.status),
        Value::Int(1),
        text(PRINCIPAL),
        text(NODE),
        Value::Dynamic(found.properties.clone()),
    ]
}

fn failure_row(found: &StreamingFailures) -> Row {
    let (database, table) = &found.last.target;
    let kind = match found.error.is_permanent {
        true => "Permanent",
        false => "Transient",
    };
    vec![
        text(database),
        text(table),
        text(PRINCIPAL),
        Value::Guid(found.last.activity_id),
        Value::Dynamic(found.last.properties.clone()),
        Value::Long(found.count),
        Value::DateTime(found.first_on),
        Value::DateTime(found.last.ended_on),
        text(kind),
        text(found.error.full_exception()),
        text(&found.error.details),
    ]
}
