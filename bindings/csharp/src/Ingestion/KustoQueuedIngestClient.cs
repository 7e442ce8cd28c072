using System;
using System.Collections.Generic;
using System.Data;
using System.Data.Common;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>The client: every way to hand data over. KustoQueuedIngestClient.Status.cs reports the status afterwards.</summary>
internal sealed partial class KustoQueuedIngestClient : IKustoQueuedIngestClient
{
    private readonly NativeClient client;
    private readonly QueueOptions queueOptions;

    internal KustoQueuedIngestClient(KustoConnectionStringBuilder kcsb, QueueOptions queueOptions, params (string Name, string Value)[] settings)
    {
        client = NativeClient.Of(kcsb, nameof(IKustoIngestClient), false, settings);
        this.queueOptions = queueOptions;
    }

    public async Task<IKustoIngestionResult> IngestFromStreamAsync(
        Stream stream, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions, CancellationToken cancellationToken)
    {
        NotNull(stream, nameof(stream));
        try
        {
            Transfer transfer = OfStream(ingestionProperties, sourceOptions, "stream");
            if (StreamMemory.Of(stream) is { } memory)
            {
                IngestionReceipt receipt = await transfer.RunAsync(() => NativeSource.Bytes(memory), cancellationToken).ConfigureAwait(false);
                StreamMemory.Read(stream);
                return Result(receipt);
            }
            return Result(await transfer.PushAsync(stream, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            if (sourceOptions is not { LeaveOpen: true })
            {
                Release(stream);
            }
        }
    }

    public IKustoIngestionResult IngestFromStream(Stream stream, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions)
    {
        NotNull(stream, nameof(stream));
        try
        {
            Transfer transfer = OfStream(ingestionProperties, sourceOptions, "stream");
            if (StreamMemory.Of(stream) is { } memory)
            {
                IngestionReceipt receipt = transfer.Run(() => NativeSource.Bytes(memory));
                StreamMemory.Read(stream);
                return Result(receipt);
            }
            return Result(transfer.Push(stream));
        }
        finally
        {
            if (sourceOptions is not { LeaveOpen: true })
            {
                Release(stream);
            }
        }
    }

    public async Task<IKustoIngestionResult> IngestFromStorageAsync(
        string uri, KustoIngestionProperties ingestionProperties, StorageSourceOptions? sourceOptions, CancellationToken cancellationToken)
    {
        NotNull(uri, nameof(uri));
        if (PathOf(uri) is not { } path)
        {
            return await IngestFromBlobsAsync([Blob(uri, sourceOptions)], ingestionProperties, sourceOptions, cancellationToken).ConfigureAwait(false);
        }
        Transfer transfer = OfFile(path, ingestionProperties, sourceOptions);
        IngestionReceipt receipt = await transfer.RunAsync(() => NativeSource.File(path), cancellationToken).ConfigureAwait(false);
        return Handed(receipt, transfer, path, sourceOptions);
    }

    public IKustoIngestionResult IngestFromStorage(string uri, KustoIngestionProperties ingestionProperties, StorageSourceOptions? sourceOptions)
    {
        NotNull(uri, nameof(uri));
        if (PathOf(uri) is not { } path)
        {
            return IngestFromBlobs([Blob(uri, sourceOptions)], ingestionProperties, sourceOptions);
        }
        Transfer transfer = OfFile(path, ingestionProperties, sourceOptions);
        return Handed(transfer.Run(() => NativeSource.File(path)), transfer, path, sourceOptions);
    }

    public Task<IKustoIngestionResult> IngestFromStorageAsync(
        IEnumerable<BlobDescription> blobs, KustoIngestionProperties ingestionProperties, StorageSourceOptions? sourceOptions, CancellationToken cancellationToken)
    {
        NotNull(blobs, nameof(blobs));
        RefuseSingle(sourceOptions);
        return IngestFromBlobsAsync(blobs, ingestionProperties, sourceOptions, cancellationToken);
    }

    public IKustoIngestionResult IngestFromStorage(
        IEnumerable<BlobDescription> blobs, KustoIngestionProperties ingestionProperties, StorageSourceOptions? sourceOptions)
    {
        NotNull(blobs, nameof(blobs));
        RefuseSingle(sourceOptions);
        return IngestFromBlobs(blobs, ingestionProperties, sourceOptions);
    }

    public async Task<IKustoIngestionResult> IngestFromDataReaderAsync(
        IDataReader dataReader, KustoIngestionProperties ingestionProperties, DataReaderSourceOptions? sourceOptions, CancellationToken cancellationToken)
    {
        NotNull(dataReader, nameof(dataReader));
        try
        {
            Transfer transfer = OfDataReader(ingestionProperties, sourceOptions);
            CsvDataStream stream = new(dataReader);
            Task<IngestionReceipt> Push() => transfer.PushAsync(stream, cancellationToken);
            // Only a DbDataReader has an asynchronous Read; any other would block the caller's thread.
            return Result(await (dataReader is DbDataReader ? Push() : Task.Run(Push, CancellationToken.None)).ConfigureAwait(false));
        }
        finally
        {
            Release(dataReader);
        }
    }

    public IKustoIngestionResult IngestFromDataReader(
        IDataReader dataReader, KustoIngestionProperties ingestionProperties, DataReaderSourceOptions? sourceOptions)
    {
        NotNull(dataReader, nameof(dataReader));
        try
        {
            return Result(OfDataReader(ingestionProperties, sourceOptions).Push(new CsvDataStream(dataReader)));
        }
        finally
        {
            Release(dataReader);
        }
    }

    public Task<IKustoIngestionResult> IngestFromBytesAsync(
        byte[] data, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions, CancellationToken cancellationToken)
    {
        NotNull(data, nameof(data));
        return RunBytesAsync(() => NativeSource.Bytes(new ArraySegment<byte>(data)), ingestionProperties, sourceOptions, cancellationToken);
    }

    public IKustoIngestionResult IngestFromBytes(byte[] data, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions)
    {
        NotNull(data, nameof(data));
        return Result(OfStream(ingestionProperties, sourceOptions, "bytes").Run(() => NativeSource.Bytes(new ArraySegment<byte>(data))));
    }

#if NET5_0_OR_GREATER
    public Task<IKustoIngestionResult> IngestFromBytesAsync(
        ReadOnlyMemory<byte> data, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions, CancellationToken cancellationToken) =>
        RunBytesAsync(() => NativeSource.Bytes(data), ingestionProperties, sourceOptions, cancellationToken);

    public IKustoIngestionResult IngestFromBytes(ReadOnlyMemory<byte> data, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions) =>
        Result(OfStream(ingestionProperties, sourceOptions, "bytes").Run(() => NativeSource.Bytes(data)));

    public ValueTask DisposeAsync() => new(client.CloseAsync());
#endif

    public long Close(TimeSpan timeout) => client.Shutdown(Timeouts.Milliseconds(timeout, nameof(timeout)));

    public Task<long> CloseAsync(TimeSpan timeout) => CloseAsync(timeout, CancellationToken.None);

    public Task<long> CloseAsync(CancellationToken cancellationToken) => CloseAsync(Timeout.InfiniteTimeSpan, cancellationToken);

    public Task<long> CloseAsync(TimeSpan timeout, CancellationToken cancellationToken) =>
        client.ShutdownAsync(Timeouts.Milliseconds(timeout, nameof(timeout)), cancellationToken);

    public void Dispose() => client.Close();

    private async Task<IKustoIngestionResult> RunBytesAsync(
        Func<SourceHandle> open, KustoIngestionProperties properties, StreamSourceOptions? options, CancellationToken cancellation) =>
        Result(await OfStream(properties, options, "bytes").RunAsync(open, cancellation).ConfigureAwait(false));

    private async Task<IKustoIngestionResult> IngestFromBlobsAsync(
        IEnumerable<BlobDescription> blobs, KustoIngestionProperties properties, StorageSourceOptions? options, CancellationToken cancellation) =>
        Result(await OfBlobs(properties, options).RunAsync(() => NativeSource.Blobs(blobs), cancellation).ConfigureAwait(false));

    private IKustoIngestionResult IngestFromBlobs(
        IEnumerable<BlobDescription> blobs, KustoIngestionProperties properties, StorageSourceOptions? options) =>
        Result(OfBlobs(properties, options).Run(() => NativeSource.Blobs(blobs)));

    private Transfer OfStream(KustoIngestionProperties properties, StreamSourceOptions? options, string name)
    {
        Transfer transfer = New(properties, options, name);
        transfer.Describe = source => Describe(source, options, options?.CompressionType, options?.Size);
        return transfer;
    }

    private Transfer OfFile(string path, KustoIngestionProperties properties, StorageSourceOptions? options)
    {
        Transfer transfer = New(properties, options, path);
        transfer.Describe = source => Describe(source, options, options?.CompressionType, options?.Size);
        return transfer;
    }

    private Transfer OfDataReader(KustoIngestionProperties properties, DataReaderSourceOptions? options)
    {
        if (properties?.Format is { } format && format != DataSourceFormat.csv)
        {
            throw Refused("data reader", "Format", $"is {format}, but a data reader is ingested as csv");
        }
        Transfer transfer = New(properties!, options, "data reader");
        transfer.Describe = source => Describe(source, options, null, null);
        transfer.Specify = static props =>
        {
            NativeProperties.Set(props, "format", "csv");
            // There is no header: the first row would be skipped.
            NativeProperties.Set(props, "ignoreFirstRecord", "false");
        };
        return transfer;
    }

    private Transfer OfBlobs(KustoIngestionProperties properties, StorageSourceOptions? options)
    {
        Transfer transfer = New(properties, options, "blobs");
        // Nothing is transferred, so there is no progress to report.
        transfer.Progress = null;
        if (options is { DeleteSourceOnSuccess: true })
        {
            transfer.Specify = static props => NativeProperties.Set(props, "retainBlobOnSuccess", "false");
        }
        return transfer;
    }

    private Transfer New(KustoIngestionProperties properties, SourceOptions? options, string name) =>
        new(client, properties, name, options?.Timeout ?? queueOptions.Timeout) { Progress = options?.Progress };

    private static void Describe(SourceHandle source, SourceOptions? options, DataSourceCompressionType? compression, long? size)
    {
        if (options is not null && options.SourceId != Guid.Empty)
        {
            NativeSource.SetId(source, options.SourceId);
        }
        if (compression is { } given)
        {
            NativeSource.SetCompression(source, given);
        }
        if (size is { } bytes)
        {
            NativeSource.SetRawSize(source, bytes);
        }
    }

    /// <summary>The path of a file, or null for the address of a blob.</summary>
    private static string? PathOf(string uri)
    {
        if (uri.StartsWith("file://", StringComparison.OrdinalIgnoreCase))
        {
            return Uri.TryCreate(uri, UriKind.Absolute, out Uri? file) ? file.LocalPath : throw Refused(uri, "uri", "is not a file URI");
        }
        return uri.Contains("://") ? null : uri;
    }

    private static BlobDescription Blob(string uri, StorageSourceOptions? options) => new()
    {
        BlobUri = uri,
        BlobSize = options?.Size,
        SourceId = options is null || options.SourceId == Guid.Empty ? null : options.SourceId,
    };

    private static void RefuseSingle(StorageSourceOptions? options)
    {
        if (options is not null && (options.Size is not null || options.SourceId != Guid.Empty))
        {
            throw Refused("blobs", "sourceOptions", "Size and SourceId belong to each blob");
        }
    }

    private static void Release(IDisposable source)
    {
        try
        {
            source.Dispose();
        }
        catch (Exception)
        {
            // By now all data is queued, or the call fails for another reason. The caller must receive the receipt or that
            // reason: if it received this exception instead, it would hand the data over a second time.
        }
    }

    private static IngestClientException Refused(string source, string argument, string message) =>
        new(Failure.InvalidArgument(argument, message).Details, source, null);

    private static void NotNull(object? value, string argument)
    {
        if (value is null)
        {
            throw new ArgumentNullException(argument);
        }
    }

    private KustoIngestionResult Result(IngestionReceipt receipt) => new(this, receipt);

    private KustoIngestionResult Handed(IngestionReceipt receipt, Transfer transfer, string path, StorageSourceOptions? options)
    {
        if (options is { DeleteSourceOnSuccess: true })
        {
            Delete(receipt, transfer, path);
        }
        return Result(receipt);
    }

    private static void Delete(IngestionReceipt receipt, Transfer transfer, string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            ErrorDetails details = new()
            {
                Code = KustoErrorCode.SourceIo,
                Message = $"delete source: the data is handed over as {receipt.Items[0].SourceId}, but the file cannot be deleted: {cause.Message}",
                Step = "delete source",
                Retry = KustoRetry.Never,
                InDoubt = true,
                HandedOver = [receipt.Items[0].SourceId],
            };
            throw transfer.Failed(details, cause);
        }
    }
}
