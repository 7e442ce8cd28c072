using System;
using System.Collections.Generic;
using System.Data;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>
/// Hands data over to the service: it is uploaded and queued when a call has succeeded, and ingested later. Any number
/// of threads may use a client at once. Create one for each cluster and keep it.
/// </summary>
/// <remarks>
/// <para>
/// Delivery is at least once: see <see cref="KustoException.InDoubt"/>. The asynchronous methods hold no thread while
/// they wait, except one for each stream that is faster than the library (one of the pool, for moments) or than storage (one
/// of its own); the others wait on the calling thread. A cancelled call ends when the library has stopped its work,
/// with <see cref="OperationCanceledException"/> unless the data was handed over before.
/// </para>
/// <para>
/// All methods throw <see cref="IngestClientException"/> when the data could not be handed over, and
/// <see cref="ObjectDisposedException"/> when the client is closed.
/// </para>
/// </remarks>
public interface IKustoIngestClient : IDisposable
#if NET5_0_OR_GREATER
    , IAsyncDisposable
#endif
{
    /// <summary>Ingests a stream up to its end.</summary>
    /// <remarks>
    /// If the stream throws, the ingestion fails, nothing is queued, and its exception is the inner one. It is read no
    /// faster than storage takes the data. A read that ignores its cancellation may outlast the call when the call is
    /// cancelled or times out.
    /// </remarks>
    /// <param name="stream">The data, from the current position. It is disposed unless the options say otherwise.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IKustoIngestionResult> IngestFromStreamAsync(
        Stream stream, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions = null, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="IngestFromStreamAsync"/>, reading and waiting on the calling thread.</summary>
    /// <param name="stream">The data, from the current position. It is disposed unless the options say otherwise.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IKustoIngestionResult IngestFromStream(Stream stream, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions = null);

    /// <summary>Ingests a file, or a blob that is in storage already.</summary>
    /// <param name="uri">
    /// A path or a "file:" URI; or a blob's address followed by its access information: "?SAS", or one of the
    /// documented ";" forms. A file must not change during the call; compression (.gz, .zip) and format follow
    /// from its name, unless properties and options set them.
    /// </param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IKustoIngestionResult> IngestFromStorageAsync(
        string uri, KustoIngestionProperties ingestionProperties, StorageSourceOptions? sourceOptions = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// As <see cref="IngestFromStorageAsync(string, KustoIngestionProperties, StorageSourceOptions?, CancellationToken)"/>,
    /// waiting on the calling thread.
    /// </summary>
    /// <param name="uri">A path, a "file:" URI, or a blob's address.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IKustoIngestionResult IngestFromStorage(string uri, KustoIngestionProperties ingestionProperties, StorageSourceOptions? sourceOptions = null);

    /// <summary>
    /// Queues several blobs that are in storage already. When only some could be queued it throws with
    /// <see cref="KustoErrorCode.Partial"/>, and <see cref="IngestClientException.HandedOver"/> names those.
    /// </summary>
    /// <param name="blobs">The blobs, each with its own size and id: Size and SourceId of the options must not be set.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of all of them.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IKustoIngestionResult> IngestFromStorageAsync(
        IEnumerable<BlobDescription> blobs, KustoIngestionProperties ingestionProperties, StorageSourceOptions? sourceOptions = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// As <see cref="IngestFromStorageAsync(IEnumerable{BlobDescription}, KustoIngestionProperties, StorageSourceOptions?, CancellationToken)"/>,
    /// waiting on the calling thread.
    /// </summary>
    /// <param name="blobs">The blobs, each with its own size and id: Size and SourceId of the options must not be set.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of all of them.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IKustoIngestionResult IngestFromStorage(IEnumerable<BlobDescription> blobs, KustoIngestionProperties ingestionProperties, StorageSourceOptions? sourceOptions = null);

    /// <summary>Ingests the first record set of a data reader as CSV, converted while it is read.</summary>
    /// <remarks>
    /// Columns go into the table's columns by their order, unless a mapping says otherwise. Null becomes null; times are UTC
    /// (an unspecified kind is taken for UTC); bytes become base64; sequences and dictionaries become JSON, for columns of
    /// type dynamic. IgnoreFirstRecord does not apply: no header is written. If the reader throws, the ingestion fails,
    /// nothing is queued, and its exception is the inner one. It is read on threads of the pool.
    /// </remarks>
    /// <param name="dataReader">The data, after the current row. It is always closed and disposed, even when the call fails.</param>
    /// <param name="ingestionProperties">Where the data goes; the format must be csv or unset.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IKustoIngestionResult> IngestFromDataReaderAsync(
        IDataReader dataReader, KustoIngestionProperties ingestionProperties, DataReaderSourceOptions? sourceOptions = null, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="IngestFromDataReaderAsync"/>, reading and waiting on the calling thread.</summary>
    /// <param name="dataReader">The data, after the current row. It is always closed and disposed, even when the call fails.</param>
    /// <param name="ingestionProperties">Where the data goes; the format must be csv or unset.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IKustoIngestionResult IngestFromDataReader(IDataReader dataReader, KustoIngestionProperties ingestionProperties, DataReaderSourceOptions? sourceOptions = null);

    /// <summary>Ingests data in memory, which is not copied: it must not change before the call has ended.</summary>
    /// <param name="data">The data.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IKustoIngestionResult> IngestFromBytesAsync(
        byte[] data, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions = null, CancellationToken cancellationToken = default);

    /// <summary>As IngestFromBytesAsync, waiting on the calling thread.</summary>
    /// <param name="data">The data.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IKustoIngestionResult IngestFromBytes(byte[] data, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions = null);

#if NET5_0_OR_GREATER
    /// <summary>Ingests data in memory, which is not copied: it must not change before the call has ended.</summary>
    /// <param name="data">The data.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IKustoIngestionResult> IngestFromBytesAsync(
        ReadOnlyMemory<byte> data, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions = null, CancellationToken cancellationToken = default) =>
        IngestFromBytesAsync(data.ToArray(), ingestionProperties, sourceOptions, cancellationToken);

    /// <summary>As IngestFromBytesAsync, waiting on the calling thread.</summary>
    /// <param name="data">The data.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="sourceOptions">Options of the source.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IKustoIngestionResult IngestFromBytes(ReadOnlyMemory<byte> data, KustoIngestionProperties ingestionProperties, StreamSourceOptions? sourceOptions = null) =>
        IngestFromBytes(data.ToArray(), ingestionProperties, sourceOptions);

    // These three have bodies: a class that was compiled for .NET Standard 2.0, which lacks their types, implements this interface too.
    ValueTask IAsyncDisposable.DisposeAsync()
    {
        Dispose();
        return default;
    }
#endif
}
