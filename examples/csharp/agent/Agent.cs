using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
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
    // Random, made once: another file's keys, here or on another machine, are never the same.
    private string id = Guid.NewGuid().ToString("N");
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
        Waiting();
    }

    /// <summary>Whether the check of the table succeeded.</summary>
    internal bool Checked { get; private set; }

    internal long Lines { get; private set; }

    internal long Batches { get; private set; }

    private string Position => path + ".position";

    /// <summary>By the key the service recognises what it has already: sending a range again does not double it.</summary>
    private KustoQueuedIngestionProperties Properties() => new(database, table)
    {
        Format = DataSourceFormat.csv,
        Once = $"{id}:{start}-{end}",
    };

    /// <summary>Checks the table; false when a signal came and the time for the rest was over before.</summary>
    internal async Task<bool> CheckAsync() =>
        Checked = await RepeatAsync(() => client.WarmUpAsync(Properties(), over.Token));

    /// <summary>Ships what is due until a signal comes, then the rest; returns whether all of it was handed over.</summary>
    internal async Task<bool> FollowAsync()
    {
        // The range of the last run is sent again as it was, with its key.
        if (end > start && !await ShipAsync(Read(end - start)))
        {
            return false;
        }
        Stopwatch waited = Stopwatch.StartNew();
        while (!over.IsCancellationRequested)
        {
            // Before looking, so that what is in the file when the signal comes is sent.
            bool last = stopping.IsCancellationRequested;
            long size = Waiting();
            if (size == 0)
            {
                waited.Restart();
            }
            bool due = last || size >= batchBytes || waited.Elapsed >= batchTime;
            byte[] lines = due ? WholeLines(size) : [];
            if (lines.Length > 0)
            {
                end = start + lines.Length;
                if (!await ShipAsync(lines))
                {
                    return false;
                }
                waited.Restart();
            }
            else if (last)
            {
                return true;
            }
            else
            {
                await PauseAsync(Glance, stopping);
            }
        }
        return false;
    }

    /// <summary>Sends start to end until it is handed over; false when the time for the rest was over before.</summary>
    private async Task<bool> ShipAsync(byte[] lines)
    {
        SavePosition();
        StreamSourceOptions limit = new() { Timeout = TimeSpan.FromMinutes(2) };
        if (!await RepeatAsync(() => client.IngestFromBytesAsync(lines, Properties(), limit, over.Token)))
        {
            return false;
        }
        Lines += lines.Count(each => each == '\n');
        Batches++;
        start = end;
        SavePosition();
        return true;
    }

    /// <summary>Repeats a call until it succeeds or its failure is one that repeating does not mend; false when the time for the rest was over.</summary>
    private async Task<bool> RepeatAsync(Func<Task> call)
    {
        for (TimeSpan pause = TimeSpan.FromMilliseconds(500); ; pause = pause < LongestPause ? pause + pause : pause)
        {
            try
            {
                await call();
                return true;
            }
            catch (KustoException failure) when (failure.IsTransient || failure.InDoubt)
            {
                Console.Error.WriteLine($"agent: {failure.Message}");
                await PauseAsync(failure.RetryAfter > pause ? failure.RetryAfter.Value : pause, over.Token);
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }
    }

    /// <summary>How many bytes there are after start.</summary>
    private long Waiting()
    {
        long size = new FileInfo(path).Length - start;
        return size >= 0 ? size : throw Shorter();
    }

    /// <summary>The whole lines among the next bytes, at most a batch; a line longer than a batch is a batch.</summary>
    private byte[] WholeLines(long size)
    {
        for (long limit = batchBytes; ; limit *= 2)
        {
            byte[] bytes = Read(Math.Min(size, limit));
            int whole = Array.LastIndexOf(bytes, (byte)'\n') + 1;
            if (whole > 0 || limit >= size)
            {
                Array.Resize(ref bytes, whole);
                return bytes;
            }
        }
    }

    private byte[] Read(long count)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Position = start;
        byte[] bytes = new BinaryReader(file).ReadBytes(checked((int)count));
        return bytes.Length == count ? bytes : throw Shorter();
    }

    private IOException Shorter() => new($"{path} is shorter than its position: was it truncated or rotated?");

    private void LoadPosition()
    {
        if (File.Exists(Position))
        {
            string[] parts = File.ReadAllText(Position).Split(new[] { ' ', '\n' }, StringSplitOptions.RemoveEmptyEntries);
            long[] offsets = parts.Skip(1).Select(text => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture)).ToArray();
            if (offsets.Length != 2 || offsets[0] > offsets[1])
            {
                throw new FormatException($"{Position} is not ID START END");
            }
            id = parts[0];
            start = offsets[0];
            end = offsets[1];
        }
    }

    /// <summary>
    /// A new file replaces the old one: a crash leaves one of the two. What it holds is on the disk before it does. .NET has no way to ask the
    /// same for its name, so after a power failure the old position may be back: the range sent last is then cut into batches with other keys.
    /// </summary>
    private void SavePosition()
    {
        string fresh = Position + ".new";
        byte[] text = Encoding.ASCII.GetBytes($"{id} {start} {end}\n");
        using (FileStream file = new(fresh, FileMode.Create, FileAccess.Write))
        {
            file.Write(text, 0, text.Length);
            file.Flush(flushToDisk: true);
        }
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
