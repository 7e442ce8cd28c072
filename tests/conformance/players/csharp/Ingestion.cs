using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

/// <summary>An ingestion in the background.</summary>
internal sealed class Ingestion : IProgress<IngestionProgress>
{
    private readonly CancellationTokenSource cancellation = new();
    private readonly Message message;

    internal Ingestion(IKustoQueuedIngestClient client, Message message)
    {
        this.message = message;
        if (message.Flag("cancelled"))
        {
            cancellation.Cancel();
        }
        Result = Begin(client);
    }

    /// <summary>Its result.</summary>
    internal Task<IKustoIngestionResult> Result { get; }

    /// <summary>The last one, if it was requested.</summary>
    internal IngestionProgress? Progress { get; private set; }

    public void Report(IngestionProgress value) => Progress = value;

    internal void Cancel() => cancellation.Cancel();

    /// <summary>Ends it for good.</summary>
    internal async Task Forget()
    {
        Cancel();
        await Result.ContinueWith(static _ => { }, TaskScheduler.Default);
        cancellation.Dispose();
    }

    /// <summary>Errors that are detected before anything is sent are reported by the task as well.</summary>
    private async Task<IKustoIngestionResult> Begin(IKustoQueuedIngestClient client)
    {
        KustoQueuedIngestionProperties properties = Properties.Of(message);
        CancellationToken token = cancellation.Token;
        if (message.Flag("progress"))
        {
            Progress = default(IngestionProgress);
        }
        switch (message.Get("source"))
        {
            case "bytes":
                byte[] data = File.ReadAllBytes(message.Get("path"));
                return await client.IngestFromBytesAsync(data, properties, StreamOptions(), token);
            case "reader":
                return await client.IngestFromStreamAsync(Opened(pushed: false), properties, StreamOptions(), token);
            case "stream":
                return await client.IngestFromStreamAsync(Opened(pushed: true), properties, StreamOptions(), token);
            case "fd":
                FileStream file = new(File.OpenHandle(message.Get("path")), FileAccess.Read);
                return await client.IngestFromStreamAsync(file, properties, StreamOptions(), token);
            case "file":
                return await client.IngestFromStorageAsync(message.Get("path"), properties, StorageOptions(), token);
            case "blobs":
                return await client.IngestFromStorageAsync(Blobs(), properties, StorageOptions(), token);
            default:
                throw new MisunderstoodException($"unknown source: {message.Get("source")}");
        }
    }

    private Pieces Opened(bool pushed) => new(
        message.Get("path"),
        checked((int)message.Number("piece", message.Get("piece"))),
        message.Number("fail_after"),
        pushed);

    private StreamSourceOptions StreamOptions() => Common(new StreamSourceOptions { Size = message.Number("raw_size"), CompressionType = Compression() });

    private StorageSourceOptions StorageOptions() => Common(new StorageSourceOptions { Size = message.Number("raw_size"), CompressionType = Compression() });

    private DataSourceCompressionType? Compression() =>
        message.Find("compression") is { } name ? Player.Meaning(Catalog.Compressions, name) : null;

    private T Common<T>(T options)
        where T : SourceOptions
    {
        options.Timeout = message.Timeout;
        options.Progress = message.Flag("progress") ? this : null;
        if (message.Find("source_id") is { } id)
        {
            options.SourceId = new Guid(id);
        }
        return options;
    }

    private List<BlobDescription> Blobs()
    {
        List<BlobDescription> blobs = [];
        foreach ((string key, string value) in message.Pairs)
        {
            switch (key)
            {
                case "blob":
                    blobs.Add(new() { BlobUri = value });
                    break;
                case "blob_raw_size":
                    blobs.Last().BlobSize = message.Number(key, value);
                    break;
                case "blob_id":
                    blobs.Last().SourceId = new Guid(value);
                    break;
            }
        }
        return blobs;
    }
}
