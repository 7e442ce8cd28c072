using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Kusto.Ingest.Native;

/// <summary>An ingestion in the background.</summary>
internal sealed class Ingestion : IProgress<IngestionProgress>
{
    private static readonly Dictionary<string, IngestionReportLevel> Levels = new()
    {
        ["failures"] = IngestionReportLevel.FailuresOnly,
        ["none"] = IngestionReportLevel.None,
        ["all"] = IngestionReportLevel.FailuresAndSuccesses,
    };

    private static readonly Dictionary<string, IngestionReportMethod> Methods = new()
    {
        ["queue"] = IngestionReportMethod.Queue,
        ["table"] = IngestionReportMethod.Table,
        ["both"] = IngestionReportMethod.QueueAndTable,
    };

    private static readonly Dictionary<string, DataSourceCompressionType> Compressions = new()
    {
        ["none"] = DataSourceCompressionType.None,
        ["gzip"] = DataSourceCompressionType.GZip,
        ["zip"] = DataSourceCompressionType.Zip,
    };

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

    /// <summary>How it ends.</summary>
    internal Task<IKustoIngestionResult> Result { get; }

    /// <summary>The last one, if it was asked for.</summary>
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

    /// <summary>What is wrong before anything is sent is told by the task as well.</summary>
    private async Task<IKustoIngestionResult> Begin(IKustoQueuedIngestClient client)
    {
        KustoQueuedIngestionProperties properties = Properties();
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

    private KustoQueuedIngestionProperties Properties()
    {
        KustoQueuedIngestionProperties properties = new(message.Get("database"), message.Get("table"))
        {
            ReportLevel = Player.Meaning(Levels, message.Get("report_level")),
            ReportMethod = Player.Meaning(Methods, message.Get("report_method")),
            AdditionalTags = message.All("tag"),
        };
        if (message.Find("format") is { } format)
        {
            properties.Format = Enum.Parse<DataSourceFormat>(format);
        }
        if (message.Find("mapping_ref") is { } reference)
        {
            properties.IngestionMapping = new() { IngestionMappingReference = reference };
        }
        foreach ((string name, string value) in message.Assignments("property"))
        {
            properties.AdditionalProperties[name] = value;
        }
        if (message.Find("mapping") is { } mapping)
        {
            SetMapping(properties, mapping);
        }
        return properties;
    }

    /// <summary>Columns where it can be said by them, a property otherwise: legacy shapes, and what is no mapping.</summary>
    private static void SetMapping(KustoQueuedIngestionProperties properties, string json)
    {
        if (Columns(json) is { } columns)
        {
            properties.IngestionMapping = new() { IngestionMappings = columns };
        }
        else
        {
            properties.AdditionalProperties["ingestionMapping"] = json;
        }
    }

    private static List<ColumnMapping>? Columns(string json)
    {
        try
        {
            List<Column> columns = JsonSerializer.Deserialize<List<Column>>(json) ?? [];
            return columns.TrueForAll(column => column is { Name: not null, Properties: not null, Other: null })
                ? columns.ConvertAll(column => new ColumnMapping { ColumnName = column.Name!, ColumnType = column.Type, Properties = column.Properties! })
                : null;
        }
        catch (JsonException)
        {
            return null;
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
        message.Find("compression") is { } name ? Player.Meaning(Compressions, name) : null;

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

    private sealed class Column
    {
        [System.Text.Json.Serialization.JsonPropertyName("Column")]
        public string? Name { get; set; }

        [System.Text.Json.Serialization.JsonPropertyName("DataType")]
        public string? Type { get; set; }

        public Dictionary<string, string>? Properties { get; set; }

        [System.Text.Json.Serialization.JsonExtensionData]
        public Dictionary<string, JsonElement>? Other { get; set; }
    }
}
