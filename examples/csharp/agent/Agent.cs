using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

/// <summary>Sends ranges of whole lines, and keeps in FILE.position which one is on its way.</summary>
internal sealed class Agent
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly IKustoQueuedIngestClient client;
    private readonly string path;
    private readonly string database;
    private readonly string table;
    private readonly int batchBytes;
    private readonly TimeSpan batchTime;
    private readonly CancellationToken stopping;
    // Cancelled when the time for the rest is over; it begins when a signal asks for the end.
    private readonly CancellationTokenSource over = new();
    // Everything before start is handed over; from start to end is being sent.
    private long start;
    private long end;

    internal Agent(IKustoQueuedIngestClient client, string path, Dictionary<string, string> options, CancellationToken stopping)
    {
        this.client = client;
        this.path = path;
        this.stopping = stopping;
        database = options["--database"];
        table = options["--table"];
        batchBytes = Math.Max(1, int.Parse(options["--batch-bytes"], NumberStyles.None, CultureInfo.InvariantCulture));
        batchTime = Seconds(options["--batch-seconds"]);
        TimeSpan drainTime = Seconds(options["--drain-seconds"]);
        stopping.Register(() => over.CancelAfter(drainTime));
        LoadPosition();
    }

    internal long Lines { get; private set; }

    internal long Batches { get; private set; }

    private string Position => path + ".position";

    /// <summary>By the key the service recognises what it has already: sending a range again does not double it.</summary>
    internal KustoQueuedIngestionProperties Properties() => new(database, table)
    {
        Format = DataSourceFormat.csv,
        Once = $"{Path.GetFileName(path)}:{start}-{end}",
    };

    /// <summary>Ships what is due until a signal comes, then the rest; returns whether all of it was handed over.</summary>
    internal async Task<bool> FollowAsync()
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        // The range of the last run is sent again as it was, with its key.
        if (end > start && !await ShipAsync(Read(file, end - start)))
        {
            return false;
        }
        Stopwatch waited = Stopwatch.StartNew();
        while (!over.IsCancellationRequested)
        {
            bool last = stopping.IsCancellationRequested;
            long size = file.Length - start;
            if (size == 0)
            {
                waited.Restart();
            }
            if (!last && size < batchBytes && waited.Elapsed < batchTime)
            {
                await PauseAsync(Glance, stopping);
                continue;
            }
            byte[] lines = WholeLines(file, size);
            if (lines.Length == 0 && last)
            {
                return true;
            }
            end = start + lines.Length;
            if (lines.Length > 0 && !await ShipAsync(lines))
            {
                return false;
            }
            waited.Restart();
        }
        return false;
    }

    /// <summary>Sends start to end until it is handed over; false when the time for the rest was over before.</summary>
    private async Task<bool> ShipAsync(byte[] lines)
    {
        SavePosition();
        StreamSourceOptions limit = new() { Timeout = TimeSpan.FromMinutes(2) };
        TimeSpan pause = TimeSpan.FromMilliseconds(500);
        while (true)
        {
            try
            {
                await client.IngestFromBytesAsync(lines, Properties(), limit, over.Token);
                break;
            }
            catch (IngestClientException failure) when (failure.IsTransient || failure.InDoubt)
            {
                Console.Error.WriteLine($"agent: {failure.Message}");
                await PauseAsync(failure.RetryAfter > pause ? failure.RetryAfter.Value : pause, over.Token);
                pause = pause < LongestPause ? pause + pause : pause;
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }
        Lines += lines.Count(each => each == '\n');
        Batches++;
        start = end;
        SavePosition();
        return true;
    }

    /// <summary>The whole lines among the next bytes, at most a batch; a line longer than a batch is a batch.</summary>
    private byte[] WholeLines(FileStream file, long size)
    {
        for (long limit = batchBytes; ; limit *= 2)
        {
            byte[] bytes = Read(file, Math.Min(size, limit));
            int whole = Array.LastIndexOf(bytes, (byte)'\n') + 1;
            if (whole > 0 || limit >= size)
            {
                Array.Resize(ref bytes, whole);
                return bytes;
            }
        }
    }

    private byte[] Read(FileStream file, long count)
    {
        file.Position = start;
        byte[] bytes = count < 0 ? [] : new BinaryReader(file).ReadBytes(checked((int)count));
        return bytes.Length == count ? bytes : throw new IOException($"{path} is shorter than before");
    }

    private void LoadPosition()
    {
        if (File.Exists(Position))
        {
            long[] offsets = File.ReadAllText(Position).Split(new[] { ' ', '\n' }, StringSplitOptions.RemoveEmptyEntries)
                .Select(text => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture)).ToArray();
            if (offsets.Length != 2 || offsets[0] > offsets[1])
            {
                throw new FormatException($"{Position} does not hold two offsets");
            }
            start = offsets[0];
            end = offsets[1];
        }
    }

    /// <summary>A new file replaces the old one: a crash leaves one of the two.</summary>
    private void SavePosition()
    {
        string fresh = Position + ".new";
        File.WriteAllText(fresh, $"{start} {end}\n");
        if (File.Exists(Position))
        {
            File.Replace(fresh, Position, null);
        }
        else
        {
            File.Move(fresh, Position);
        }
    }

    private static TimeSpan Seconds(string text) => TimeSpan.FromSeconds(int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture));

    private static async Task PauseAsync(TimeSpan time, CancellationToken early)
    {
        try
        {
            await Task.Delay(time, early);
        }
        catch (OperationCanceledException)
        {
            // The caller sees the token.
        }
    }
}
