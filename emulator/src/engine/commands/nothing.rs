//! What other clusters have and this emulator never does: results that have columns and no rows.

use super::super::kql::parser::{Parsed, Parser};
use super::grammar::properties;
use super::principals::{PRINCIPALS, ROLES};

/// What follows `.show`, and the columns of the result: those of the service's own grammar.
const LISTS: &[(&[&str], &str)] = &[
    (
        &["queries"],
        "ClientActivityId: string, Text: string, Database: string, StartedOn: datetime, LastUpdatedOn: datetime, \
         Duration: timespan, State: string, RootActivityId: guid, User: string, FailureReason: string, \
         TotalCpu: timespan, CacheStatistics: dynamic, Application: string, MemoryPeak: long, \
         ScannedExtentsStatistics: dynamic, Principal: string, ClientRequestProperties: dynamic, \
         ResultSetStatistics: dynamic, WorkloadGroup: string, OverallQueryStats: string, VirtualCluster: string",
    ),
    (
        &["running", "queries"],
        "ClientActivityId: string, Text: string, Database: string, StartedOn: datetime, LastUpdatedOn: datetime, \
         Duration: timespan, State: string, RootActivityId: guid, User: string, FailureReason: string, \
         TotalCpu: timespan, CacheStatistics: dynamic, Application: string, MemoryPeak: long, \
         ScannedEventStatistics: dynamic, Pricipal: string, ClientRequestProperties: dynamic, \
         ResultSetStatistics: dynamic, WorkloadGroup: string",
    ),
    (
        &["commands"],
        "ClientActivityId: string, CommandType: string, Text: string, Database: string, StartedOn: datetime, \
         LastUpdatedOn: datetime, Duration: timespan, State: string, RootActivityId: guid, User: string, \
         FailureReason: string, Application: string, Principal: string, TotalCpu: timespan, \
         ResourcesUtilization: dynamic, ClientRequestProperties: dynamic, WorkloadGroup: string, \
         VirtualCluster: string",
    ),
    (
        &["commands-and-queries"],
        "ClientActivityId: string, CommandType: string, Text: string, Database: string, StartedOn: datetime, \
         LastUpdatedOn: datetime, Duration: timespan, State: string, FailureReason: string, RootActivityId: guid, \
         User: string, Application: string, Principal: string, ClientRequestProperties: dynamic, \
         TotalCpu: timespan, MemoryPeak: long, CacheStatistics: dynamic, ScannedExtentsStatistics: dynamic, \
         ResultSetStatistics: dynamic, WorkloadGroup: string, VirtualCluster: string",
    ),
    (&["journal"], JOURNAL),
    (&["cluster", "journal"], JOURNAL),
    (
        &["data", "operations"],
        "Timestamp: datetime, Database: string, Table: string, ClientActivityId: string, OperationKind: string, \
         OriginalSize: long, ExtentSize: long, RowCount: long, Duration: timespan, TotalCpu: timespan, \
         ExtentCount: long, Principal: string, Properties: string",
    ),
    (
        &["capacity"],
        "Resource: string, Total: long, Consumed: long, Remaining: long",
    ),
    (&["cluster", "principal", "roles"], ROLES),
    (&["cluster", "principals"], PRINCIPALS),
    (
        &["workload_groups"],
        "WorkloadGroupName: string, WorkloadGroup: string",
    ),
    (
        &["materialized-views"],
        "Name: string, SourceTable: string, Query: string, MaterializedTo: datetime, LastRun: datetime, \
         LastRunResult: string, IsHealthy: bool, IsEnabled: bool, Folder: string, DocString: string, \
         AutoUpdateSchema: bool, EffectiveDateTime: datetime, Lookback: timespan, LookbackColumn: string",
    ),
    (
        &["external", "tables"],
        "TableName: string, TableType: string, Folder: string, DocString: string, Properties: string, \
         ConnectionStrings: dynamic, Partitions: dynamic, PathFormat: string",
    ),
    (
        &["continuous-exports"],
        "Name: string, ExternalTableName: string, Query: string, ForcedLatency: timespan, \
         IntervalBetweenRuns: timespan, CursorScopedTables: string, ExportProperties: string, \
         LastRunTime: datetime, StartCursor: string, IsDisabled: bool, LastRunResult: string, \
         ExportedTo: datetime, IsRunning: bool",
    ),
    (&["entity_groups"], "Name: string, Entities: string"),
    (
        &["stored_query_results"],
        "StoredQueryResultId: guid, Name: string, DatabaseName: string, PrincipalIdentity: string, \
         SizeInBytes: long, RowCount: long, CreatedOn: datetime, ExpiresOn: datetime",
    ),
];

/// Columns of journals.
pub(super) const JOURNAL: &str = "Event: string, EventTimestamp: datetime, Database: string, EntityName: string, \
     UpdatedEntityName: string, EntityVersion: string, EntityContainerName: string, OriginalEntityState: string, \
     UpdatedEntityState: string, ChangeCommand: string, Principal: string, RootActivityId: guid, \
     ClientRequestId: string, User: string, OriginalEntityVersion: string";

/// The operations that `.show capacity` may name.
const CAPACITIES: [&str; 6] = [
    "data-export",
    "extents-merge",
    "extents-partition",
    "ingestions",
    "materialized-view",
    "stored-query-results",
];

/// Takes the name of such a list and gives its columns, if that is next.
///
/// # Errors
/// A syntax error in what may follow the name.
pub(super) fn parse(p: &mut Parser<'_>) -> Parsed<Option<&'static str>> {
    for (words, columns) in LISTS {
        let mut ahead = p.clone();
        if !words
            .iter()
            .all(|word| ahead.hyphenated().as_deref() == Some(word))
        {
            continue;
        }
        if *words == ["capacity"] {
            let mut further = ahead.clone();
            let named = further.hyphenated();
            if named.is_some_and(|name| CAPACITIES.contains(&name.as_str())) {
                ahead = further;
            }
            properties(&mut ahead)?;
        }
        *p = ahead;
        return Ok(Some(columns));
    }
    Ok(None)
}
