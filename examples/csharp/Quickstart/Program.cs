// The steps of the Kusto.Ingest tutorial (Tutorial.cs beside this is the tutorial itself), with the
// output of the quickstarts of all languages: a table, a JSON mapping, ten lines from memory,
// their outcome and the rows.
//
// KUSTO_CONNECTION_STRING names the cluster, KUSTO_DATABASE the database. `--login interactive` logs in by the browser,
// `--login device` by a code, `--login NAME` as the keyword `Login` has it; else the connection string says how.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Kusto.Ingest.Native;

internal static class Program
{
    private const string Table = "Table1";
    private const string MappingName = "Table1_mapping";

    private static int Main(string[] arguments)
    {
        var connectionString = Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING");
        var database = Environment.GetEnvironmentVariable("KUSTO_DATABASE");
        if (connectionString == null || database == null)
        {
            Console.Error.WriteLine("set KUSTO_CONNECTION_STRING and KUSTO_DATABASE");
            return 1;
        }
        var kcsb = LoggingIn(connectionString, arguments.Length == 2 && arguments[0] == "--login" ? arguments[1] : "");
        using (var kustoAdminClient = KustoClientFactory.CreateCslAdminProvider(kcsb))
        {
            CreateTableAndMapping(kustoAdminClient, database);
        }
        bool succeeded;
        using (var ingestClient = KustoIngestFactory.CreateQueuedIngestClient(kcsb))
        {
            IngestTenLines(ingestClient, database);
            succeeded = WaitForOutcome(ingestClient);
        }
        using (var kustoQueryClient = KustoClientFactory.CreateCslQueryProvider(kcsb))
        {
            PrintRows(kustoQueryClient, database);
        }
        return succeeded ? 0 : 1;
    }

    private static KustoConnectionStringBuilder LoggingIn(string connectionString, string login)
    {
        var kcsb = new KustoConnectionStringBuilder(connectionString);
        switch (login)
        {
            case "":
                return kcsb;
            case "interactive":
                return kcsb.WithAadUserPromptAuthentication();
            case "device":
                return kcsb.WithAadDeviceCodeAuthentication((message, url, code) => Console.Error.WriteLineAsync(message));
            default:
                return kcsb.WithSetting("Login", login);
        }
    }

    private static void CreateTableAndMapping(ICslAdminProvider kustoAdminClient, string database)
    {
        var columns = new List<Tuple<string, string>>
        {
            new Tuple<string, string>("Column1", "System.Int64"),
            new Tuple<string, string>("Column2", "System.DateTime"),
            new Tuple<string, string>("Column3", "System.String"),
        };
        var command = CslCommandGenerator.GenerateTableCreateCommand(Table, columns);
        kustoAdminClient.ExecuteControlCommand(databaseName: database, command: command);

        var columnMappings = new List<ColumnMapping>
        {
            Map("Column1", "$.Id"),
            Map("Column2", "$.Timestamp"),
            Map("Column3", "$.Message"),
        };
        command = CslCommandGenerator.GenerateTableMappingCreateOrAlterCommand(IngestionMappingKind.Json, Table, MappingName, columnMappings);
        kustoAdminClient.ExecuteControlCommand(databaseName: database, command: command);
    }

    private static ColumnMapping Map(string column, string path) =>
        new ColumnMapping { ColumnName = column, Properties = new Dictionary<string, string> { { MappingConsts.Path, path } } };

    private static void IngestTenLines(IKustoQueuedIngestClient ingestClient, string database)
    {
        var ingestProps = new KustoQueuedIngestionProperties(database, Table)
        {
            ReportLevel = IngestionReportLevel.FailuresAndSuccesses,
            ReportMethod = IngestionReportMethod.Queue,
            IngestionMapping = new IngestionMapping { IngestionMappingReference = MappingName },
            Format = DataSourceFormat.json,
        };
        using (var memStream = new MemoryStream())
        using (var writer = new StreamWriter(memStream) { NewLine = "\n" })
        {
            for (int counter = 0; counter < 10; ++counter)
            {
                writer.WriteLine(
                    "{{\"Id\":{0},\"Timestamp\":\"2026-01-01T00:00:{0:00}Z\",\"Message\":\"This is a test message {0}\"}}", counter);
            }
            writer.Flush();
            memStream.Seek(0, SeekOrigin.Begin);

            var result = ingestClient.IngestFromStream(memStream, ingestProps, leaveOpen: true);
            var source = result.GetIngestionStatusCollection().Single();
            Console.WriteLine($"queued {memStream.Length} bytes as {source.IngestionSourceId}");
        }
    }

    /// <summary>Takes the notifications out of both queues until there is one; true if it is of a success.</summary>
    private static bool WaitForOutcome(IKustoQueuedIngestClient ingestClient)
    {
        // On a real cluster the time depends on the table's batching policy.
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < TimeSpan.FromMinutes(1); Thread.Sleep(250))
        {
            var errors = ingestClient.GetAndDiscardTopIngestionFailuresAsync().GetAwaiter().GetResult().ToList();
            var successes = ingestClient.GetAndDiscardTopIngestionSuccessesAsync().GetAwaiter().GetResult().ToList();

            errors.ForEach(f => Print("Failed", f.Info.IngestionSourcePath, f.Info.Details));
            successes.ForEach(s => Print("Succeeded", s.Info.IngestionSourcePath, details: ""));
            if (errors.Any() || successes.Any())
            {
                return !errors.Any();
            }
        }
        Console.Error.WriteLine("the service reported nothing within a minute");
        return false;
    }

    private static void Print(string label, string? path, string? details) => Console.WriteLine($"{label}: {path} {details}");

    private static void PrintRows(ICslQueryProvider kustoQueryClient, string database)
    {
        using (var reader = kustoQueryClient.ExecuteQuery(database, $"{Table} | order by Column1 asc", new ClientRequestProperties()))
        {
            while (reader.Read())
            {
                Console.WriteLine($"  {reader.GetInt64(0)}  {reader.GetDateTime(1):O}  {reader.GetString(2)}");
            }
        }
    }
}
