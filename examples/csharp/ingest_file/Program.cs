// Any file into a table, with progress, a deadline and Ctrl-C.
//
// ingest_file TABLE FILE [FORMAT]; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in Quickstart.
using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

internal static class Program
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(10);

    private static async Task<int> Main(string[] args)
    {
        string? connectionString = Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING");
        string? database = Environment.GetEnvironmentVariable("KUSTO_DATABASE");
        if (args.Length is < 2 or > 3 || connectionString is null || database is null)
        {
            Console.Error.WriteLine("usage: ingest_file TABLE FILE [FORMAT]\nwith KUSTO_CONNECTION_STRING and KUSTO_DATABASE set");
            return 1;
        }
        KustoQueuedIngestionProperties properties = new(database, args[0])
        {
            ReportLevel = IngestionReportLevel.FailuresAndSuccesses,
            ReportMethod = IngestionReportMethod.Table,
        };
        if (args.Length == 3)
        {
            properties.AdditionalProperties["format"] = args[2];
        }
        try
        {
            await using IKustoQueuedIngestClient client = KustoIngestFactory.CreateQueuedIngestClient(connectionString);
            IKustoIngestionResult result = await Transfer(client, args[1], properties);
            Console.WriteLine($"queued {result.BytesRaw} bytes ({result.BytesSent} sent) as {result.SourceId}");
            return await IsIngested(result) ? 0 : 1;
        }
        catch (KustoException failure)
        {
            Console.Error.WriteLine($"{failure.Code}: {failure.Message}");
            return 1;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("interrupted");
            return 1;
        }
    }

    /// <summary>Hands the file over. Queued data cannot be cancelled: afterwards Ctrl-C only ends
    /// the program.</summary>
    private static async Task<IKustoIngestionResult> Transfer(
        IKustoQueuedIngestClient client, string file, KustoIngestionProperties properties)
    {
        using CancellationTokenSource interrupted = new();
        void Interrupt(object? sender, ConsoleCancelEventArgs pressed)
        {
            pressed.Cancel = true;
            interrupted.Cancel();
        }
        Console.CancelKeyPress += Interrupt;
        try
        {
            StorageSourceOptions options = new() { Timeout = Deadline, Progress = new ProgressLine() };
            return await client.IngestFromStorageAsync(file, properties, options, interrupted.Token);
        }
        finally
        {
            Console.CancelKeyPress -= Interrupt;
            if (!Console.IsErrorRedirected)
            {
                Console.Error.WriteLine();
            }
        }
    }

    /// <summary>Waits for the final status of the data.</summary>
    private static async Task<bool> IsIngested(IKustoIngestionResult result)
    {
        IngestionStatus status = (await result.WaitForFinalStatusAsync(Deadline, TimeSpan.FromMilliseconds(250))).Single();
        bool succeeded = status.Status == Status.Succeeded;
        Console.WriteLine(succeeded ? "Succeeded" : $"not ingested: {status.Details ?? status.Status.ToString()}");
        return succeeded;
    }

    /// <summary>Shows the progress of the transfer. Off a terminal it writes few lines.</summary>
    private sealed class ProgressLine : IProgress<IngestionProgress>
    {
        private long shown;

        public void Report(IngestionProgress value)
        {
            bool onTerminal = !Console.IsErrorRedirected;
            if (!onTerminal && value.BytesRead - shown < value.BytesTotal / 4 && value.BytesSent == 0)
            {
                return;
            }
            shown = value.BytesRead;
            string line = $"read {value.BytesRead} of {value.BytesTotal} bytes, sent {value.BytesSent}";
            Console.Error.Write(onTerminal ? $"\r{line}" : $"{line}\n");
        }
    }
}
