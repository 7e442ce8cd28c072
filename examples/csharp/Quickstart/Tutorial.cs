// The tutorial of Kusto.Ingest: its types, members and arguments in its order. Differences: the
// using lines (there they are Kusto.Data, Kusto.Data.Common, Kusto.Data.Ingestion,
// Kusto.Data.Net.Client and Kusto.Ingest, and Kusto.Cloud.Platform.Utils for ForEach), and the
// cluster and login, which come from KUSTO_CONNECTION_STRING and KUSTO_DATABASE.
//
//     dotnet run -p:StartupObject=Tutorial
using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using Kusto.Ingest.Native;

internal static class Tutorial
{
    private static void Main(string[] args)
    {
        var db = Environment.GetEnvironmentVariable("KUSTO_DATABASE")!;
        var table = "Table1";
        var mappingName = "Table1_mapping_1";

        // The original has the address of the engine here, that of data management further down, and the login of a user in both.
        var connectionString = Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING")!;
        var kcsbEngine = new KustoConnectionStringBuilder(connectionString);
        var kcsbDM = new KustoConnectionStringBuilder(connectionString);

        // The table, described by the types of .NET
        using (var kustoAdminClient = KustoClientFactory.CreateCslAdminProvider(kcsbEngine))
        {
            var columns = new List<Tuple<string, string>>()
            {
                new Tuple<string, string>("Column1", "System.Int64"),
                new Tuple<string, string>("Column2", "System.DateTime"),
                new Tuple<string, string>("Column3", "System.String"),
            };
            var command = CslCommandGenerator.GenerateTableCreateCommand(table, columns);
            kustoAdminClient.ExecuteControlCommand(databaseName: db, command: command);

            // Which property of a JSON object goes to which column
            var columnMappings = new List<ColumnMapping>();
            columnMappings.Add(new ColumnMapping()
            {
                ColumnName = "Column1",
                Properties = new Dictionary<string, string>() { { MappingConsts.Path, "$.Id" } },
            });
            columnMappings.Add(new ColumnMapping()
            {
                ColumnName = "Column2",
                Properties = new Dictionary<string, string>() { { MappingConsts.Path, "$.Timestamp" } },
            });
            columnMappings.Add(new ColumnMapping()
            {
                ColumnName = "Column3",
                Properties = new Dictionary<string, string>() { { MappingConsts.Path, "$.Message" } },
            });
            var secondCommand = CslCommandGenerator.GenerateTableMappingCreateCommand(
                IngestionMappingKind.Json, table, mappingName, columnMappings);
            kustoAdminClient.ExecuteControlCommand(databaseName: db, command: secondCommand);
        }

        using (var ingestClient = KustoIngestFactory.CreateQueuedIngestClient(kcsbDM))
        {
            var ingestProps = new KustoQueuedIngestionProperties(db, table);
            // Successes too, which few programs need: otherwise use FailuresOnly.
            ingestProps.ReportLevel = IngestionReportLevel.FailuresAndSuccesses;
            ingestProps.ReportMethod = IngestionReportMethod.Queue;
            ingestProps.IngestionMapping = new IngestionMapping()
            {
                IngestionMappingReference = mappingName,
            };
            ingestProps.Format = DataSourceFormat.json;

            // Ten lines in memory
            using (var memStream = new MemoryStream())
            using (var writer = new StreamWriter(memStream))
            {
                for (int counter = 1; counter <= 10; ++counter)
                {
                    writer.WriteLine(
                        "{{ \"Id\":\"{0}\", \"Timestamp\":\"{1}\", \"Message\":\"{2}\" }}",
                        counter, DateTime.UtcNow.AddSeconds(100 * counter),
                        $"This is line number {counter}");
                }

                writer.Flush();
                memStream.Seek(0, SeekOrigin.Begin);

                ingestClient.IngestFromStream(memStream, ingestProps, leaveOpen: true);
            }

            // The time depends on the table's batching policy: five minutes by default.
            Thread.Sleep(TimeSpan.FromSeconds(10));
            var errors = ingestClient.GetAndDiscardTopIngestionFailuresAsync().GetAwaiter().GetResult();
            var successes = ingestClient.GetAndDiscardTopIngestionSuccessesAsync().GetAwaiter().GetResult();

            errors.ForEach((f) => { Console.WriteLine($"Ingestion error: {f.Info.Details}"); });
            successes.ForEach((s) => { Console.WriteLine($"Ingested: {s.Info.IngestionSourcePath}"); });
        }
    }
}
