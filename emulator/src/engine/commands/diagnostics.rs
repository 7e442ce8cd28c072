//! `.show diagnostics`: one row about the service, of which most is not measured here.

use super::super::kql::relation::Relation;
use super::super::table::Table;
use super::super::value::Value;
use super::Target;
use super::rows::{header, text};

/// Columns of the result: those of the service's own grammar.
const COLUMNS: &str = "IsHealthy: bool, EnvironmentDescription: string, IsScaleOutRequired: bool, MachinesTotal: int, \
     MachinesOffline: int, NodeLastRestartedOn: datetime, AdminLastElectedOn: datetime, ExtentsTotal: int, \
     DiskColdAllocationPercentage: int, InstancesTargetBasedOnDataCapacity: int, TotalOriginalDataSize: real, \
     TotalExtentSize: real, IngestionsLoadFactor: real, IngestionsInProgress: long, IngestionsSuccessRate: real, \
     MergesInProgress: long, BuildVersion: string, BuildTime: datetime, ClusterDataCapacityFactor: real, \
     IsDataWarmingRequired: bool, DataWarmingLastRunOn: datetime, MergesSuccessRate: real, NotHealthyReason: string, \
     IsAttentionRequired: bool, AttentionRequiredReason: string, ProductVersion: string, FailedIngestOperations: int, \
     FailedMergeOperations: int, MaxExtentsInSingleTable: int, TableWithMaxExtents: string, MergesLoadFactor: real, \
     WarmExtentSize: real, NumberOfDatabases: int, PurgeExtentsRebuildLoadFactor: real, \
     PurgeExtentsRebuildInProgress: long, PurgesInProgress: long, RowStoreLocalStorageCapacityFactor: real, \
     ExportsLoadFactor: real, ExportsInProgress: long, PendingContinuousExports: long, \
     MaxContinuousExportLatenessMinutes: long, RowStoreSealsInProgress: long, IsRowStoreUnhealthy: bool, \
     MachinesSuspended: int, DataPartitioningLoadFactor: real, DataPartitioningOperationsInProgress: long, \
     MinPartitioningPercentageInSingleTable: real, TableWithMinPartitioningPercentage: string, \
     V3DataCapacityFactor: real, MaterializedViewsInProgress: long, \
     IngestionCapacityUtilization: real, ShardsWarmingStatus: string, ShardsWarmingTemperature: real, \
     ShardsWarmingDetails: string, StoredQueryResultsInProgress: long, HotDataDiskSpaceUsage: real, \
     MirroringOperationsLoadFactor: real, MirroringOperationsInProgress: long, QueryAccelerationLoadFactor: real, \
     QueryAccelerationInProgress: long, QueryAccelerationCapacityUtilization: real, \
     GraphSnapshotsLoadFactor: real, GraphSnapshotsInProgress: long";

impl Target<'_> {
    pub(super) fn diagnostics(&self) -> Relation {
        let (databases, extents) = self.engine.with_databases(|all| {
            let tables = all.values().flat_map(|database| database.tables.values());
            (
                all.len(),
                tables
                    .map(|table: &Table| table.extents.len())
                    .sum::<usize>(),
            )
        });
        let count = |number: usize| Value::Int(i32::try_from(number).unwrap_or(i32::MAX));
        let columns = header(COLUMNS);
        let row = columns.iter().map(|column| match column.name.as_str() {
            "IsHealthy" => Value::Bool(true),
            "IsScaleOutRequired"
            | "IsDataWarmingRequired"
            | "IsAttentionRequired"
            | "IsRowStoreUnhealthy" => Value::Bool(false),
            "MachinesTotal" => count(1),
            "MachinesOffline" | "MachinesSuspended" => count(0),
            "ExtentsTotal" => count(extents),
            "NumberOfDatabases" => count(databases),
            "BuildVersion" | "ProductVersion" => text(env!("CARGO_PKG_VERSION")),
            _ => Value::absent(column.ty),
        });
        let rows = vec![row.collect()];
        Relation::new(columns, rows)
    }
}
