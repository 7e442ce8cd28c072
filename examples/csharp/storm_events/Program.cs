// The StormEvents tutorial: a blob with a header row into a table of 22 columns.
//
// storm_events BLOB_URL RAW_SIZE; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in Quickstart.
using System;
using System.Collections.Generic;
using System.Data;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

const string Table = "StormEvents";
const string Mapping = "StormEvents_CSV_Mapping";

// Name, type and position in the file; position 15 is not in the table.
(string Name, string Type, int Ordinal)[] columns =
[
    ("StartTime", "datetime", 0), ("EndTime", "datetime", 1), ("EpisodeId", "int", 2),
    ("EventId", "int", 3), ("State", "string", 4), ("EventType", "string", 5),
    ("InjuriesDirect", "int", 6), ("InjuriesIndirect", "int", 7), ("DeathsDirect", "int", 8),
    ("DeathsIndirect", "int", 9), ("DamageProperty", "int", 10), ("DamageCrops", "int", 11),
    ("Source", "string", 12), ("BeginLocation", "string", 13), ("EndLocation", "string", 14),
    ("BeginLat", "real", 16), ("BeginLon", "real", 17), ("EndLat", "real", 18),
    ("EndLon", "real", 19), ("EpisodeNarrative", "string", 20), ("EventNarrative", "string", 21),
    ("StormSummary", "dynamic", 22),
];

string? connectionString = Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING");
string? database = Environment.GetEnvironmentVariable("KUSTO_DATABASE");
if (args.Length != 2 || !long.TryParse(args[1], out long rawSize) || connectionString is null || database is null)
{
    Console.Error.WriteLine("usage: storm_events BLOB_URL RAW_SIZE\nwith KUSTO_CONNECTION_STRING and KUSTO_DATABASE set");
    return 1;
}

try
{
    KustoConnectionStringBuilder kcsb = new(connectionString, database);
    await using ICslAdminProvider admin = KustoClientFactory.CreateCslAdminProvider(kcsb);
    await using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(kcsb);
    await using IKustoQueuedIngestClient ingest = KustoIngestFactory.CreateQueuedIngestClient(kcsb);

    await CreateTableAndMapping(admin);
    bool succeeded = await IngestBlob(ingest, args[0], rawSize);
    Show($"{Table} | count", await query.ExecuteQueryAsync(database, $"{Table} | count"));
    await Troubleshoot(admin);
    using (await admin.ExecuteControlCommandAsync(database, $".drop table {Table} ifexists"))
    {
    }
    return succeeded ? 0 : 1;
}
catch (KustoException failure)
{
    Console.Error.WriteLine($"{failure.Code}: {failure.Message}");
    return 1;
}

async Task CreateTableAndMapping(ICslAdminProvider admin)
{
    string definitions = string.Join(", ", columns.Select(column => $"{column.Name}:{column.Type}"));
    // The legacy shape, as in the tutorial.
    string mappings = string.Join(",", columns.Select(column =>
        $$"""{"Name":"{{column.Name}}","datatype":"{{column.Type}}","Ordinal":"{{column.Ordinal}}"}"""));
    using (await admin.ExecuteControlCommandAsync(database, $".create table {Table} ({definitions})"))
    using (await admin.ExecuteControlCommandAsync(
        database, $".create-or-alter table {Table} ingestion csv mapping '{Mapping}' '[{mappings}]'"))
    {
    }
}

// Queues the blob and waits until the service is done with it; true if it was ingested.
async Task<bool> IngestBlob(IKustoQueuedIngestClient ingest, string url, long size)
{
    Stopwatch watch = Stopwatch.StartNew();
    KustoQueuedIngestionProperties properties = new(database, Table)
    {
        Format = DataSourceFormat.csv,
        IngestionMapping = new() { IngestionMappingReference = Mapping },
        IgnoreFirstRecord = true,
        ReportLevel = IngestionReportLevel.FailuresAndSuccesses,
        ReportMethod = IngestionReportMethod.Table,
    };
    IKustoIngestionResult result = await ingest.IngestFromStorageAsync(url, properties, new StorageSourceOptions { Size = size });
    Console.WriteLine($"queued {result.Items[0].BlobUri} as {result.SourceId}");

    IEnumerable<IngestionStatus> statuses = await result.WaitForFinalStatusAsync(
        TimeSpan.FromMinutes(5), pollInterval: TimeSpan.FromMilliseconds(250));
    IngestionStatus status = statuses.Single();
    if (status.Status != Status.Succeeded)
    {
        Console.Error.WriteLine($"not ingested: {status.Status} {status.Details}");
        return false;
    }
    Console.WriteLine($"Succeeded after {(long)watch.Elapsed.TotalSeconds} s");
    return true;
}

async Task Troubleshoot(ICslAdminProvider admin)
{
    Show(".show ingestion failures", await admin.ExecuteControlCommandAsync(
        database, $".show ingestion failures | where FailedOn > ago(4h) and Database == \"{database}\" and Table == \"{Table}\""));
    Show(".show operations", await admin.ExecuteControlCommandAsync(
        database,
        $".show operations | where StartedOn > ago(4h) and Database == \"{database}\" and Table == \"{Table}\" and " +
        "Operation == \"DataIngestPull\" | summarize arg_max(LastUpdatedOn, *) by OperationId | project Operation, State"));
}

void Show(string title, IDataReader reader)
{
    using (reader)
    {
        List<string> rows = [];
        while (reader.Read())
        {
            IEnumerable<string> values = Enumerable.Range(0, reader.FieldCount)
                .Select(column => reader.IsDBNull(column) ? "null" : reader.GetString(column));
            rows.Add(string.Concat(values.Select(value => $"  {value}")));
        }
        Console.WriteLine($"> {title}\n  {rows.Count} row(s)");
        rows.ForEach(Console.WriteLine);
    }
}
