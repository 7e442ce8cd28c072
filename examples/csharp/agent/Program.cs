// Ships the lines that programs append to a file: each whole line is handed over once, whatever fails.
//
// agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
//
// KUSTO_CONNECTION_STRING names the cluster. FILE.position holds a random id and two offsets, ID START END: everything before START is
// handed over, and START to END is being sent. A run that finds such a range sends it again with the same key, by which the service
// recognises it; the key begins with the id, so that no other file, here or on another machine, has the same.
using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

internal static class Program
{
    private const int Failed = 1;
    private const int WrongTable = 2;
    private const int Left = 3;

    private static async Task<int> Main(string[] args)
    {
        string? connection = Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING");
        Dictionary<string, string> options = new()
        {
            ["--database"] = "", ["--table"] = "", ["--batch-bytes"] = "1048576", ["--batch-seconds"] = "5", ["--drain-seconds"] = "10",
        };
        bool right = args.Length % 2 == 1 && connection is not null && args[0].Length > 0;
        for (int i = 1; right && i < args.Length; i += 2)
        {
            right = options.ContainsKey(args[i]);
            options[args[i]] = args[i + 1];
        }
        if (!right || options["--database"].Length == 0 || options["--table"].Length == 0)
        {
            Console.Error.WriteLine(
                "usage: agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]\nwith KUSTO_CONNECTION_STRING set");
            return Failed;
        }
        using Signals signals = new();
        try
        {
            using IKustoQueuedIngestClient client = KustoIngestFactory.CreateQueuedIngestClient(connection!);
            Agent agent = new(client, args[0], options, signals.Stopping);
            try
            {
                return await agent.CheckAsync() && await agent.FollowAsync() ? 0 : Left;
            }
            catch (KustoException failure) when (!agent.Checked)
            {
                Console.Error.WriteLine($"agent: {failure.Message}");
                return WrongTable;
            }
            finally
            {
                Console.WriteLine($"{agent.Lines} lines in {agent.Batches} batches");
            }
        }
        catch (Exception failure) when (failure is KustoException or IOException or FormatException or OverflowException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"agent: {failure.Message}");
            return Failed;
        }
    }
}
