// One measured run through the C# binding.
//
// bench init|file|stream|bytes FILE ITEMS CONCURRENCY [NAME=VALUE...]
//
// The settings go to KustoConnectionStringBuilder.WithSetting. KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in the
// examples. It ends well only when every item was queued.
using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

internal static class Program
{
    private const string Usage = "init|file|stream|bytes FILE ITEMS CONCURRENCY [NAME=VALUE...]";

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(10);

    private static async Task<int> Main(string[] args)
    {
        if (args.Length < 4 || !int.TryParse(args[2], out int items) || !int.TryParse(args[3], out int concurrency) || concurrency < 1)
        {
            Console.Error.WriteLine($"bench: {Usage}");
            return 1;
        }
        try
        {
            await using IKustoQueuedIngestClient client = KustoIngestFactory.CreateQueuedIngestClient(Connection(args[4..]));
            if (args[0] != "init")
            {
                await Work(client, args[0], args[1], items, concurrency);
            }
            return 0;
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine($"bench: {failure.Message}");
            return 1;
        }
    }

    private static KustoConnectionStringBuilder Connection(string[] settings)
    {
        KustoConnectionStringBuilder kcsb = new(Variable("KUSTO_CONNECTION_STRING"));
        foreach (string setting in settings)
        {
            string[] pair = setting.Split('=', 2);
            kcsb.WithSetting(pair[0], pair.Length == 2 ? pair[1] : throw new ArgumentException("a setting is NAME=VALUE"));
        }
        return kcsb;
    }

    private static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException(name);

    /// <summary>So many tasks take items until none is left.</summary>
    private static async Task Work(IKustoQueuedIngestClient client, string action, string path, int items, int concurrency)
    {
        KustoQueuedIngestionProperties properties = new(Variable("KUSTO_DATABASE"), "Bench")
        {
            Format = action == "bytes" ? DataSourceFormat.json : DataSourceFormat.csv,
        };
        // The document, read once before the first item, as a program has it in memory.
        byte[] data = action == "bytes" ? File.ReadAllBytes(path) : [];
        Func<Task> ingest = action switch
        {
            "bytes" => () => client.IngestFromBytesAsync(data, properties, new StreamSourceOptions { Timeout = Deadline }),
            "stream" => () => client.IngestFromStreamAsync(File.OpenRead(path), properties, new StreamSourceOptions { Timeout = Deadline }),
            "file" => () => client.IngestFromStorageAsync(path, properties, new StorageSourceOptions { Timeout = Deadline }),
            _ => throw new ArgumentException(Usage),
        };
        int taken = 0;
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(async _ =>
        {
            while (Interlocked.Increment(ref taken) <= items)
            {
                await ingest();
            }
        }));
    }
}
