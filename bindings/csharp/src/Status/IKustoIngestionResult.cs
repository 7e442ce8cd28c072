using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Proof that data was handed over. Unless it was streamed it is not ingested yet: the service batches.</summary>
/// <remarks>
/// The status of streamed data is <see cref="Status.Succeeded"/>. That of other data is read from the status table. Without <see cref="IngestionReportMethod.Table"/> it stays
/// <see cref="Status.Queued"/>. Any thread may query it, while the client is open.
/// </remarks>
public interface IKustoIngestionResult
{
    /// <summary>
    /// The token with which <see cref="IKustoQueuedIngestClient.GetIngestionResult"/> finds this result again. It holds no
    /// secret: a program can store it and query the status after a restart.
    /// </summary>
    string TrackingToken { get; }

    /// <summary>The id of the ingestion in the service's logs; empty when the result is from a tracking token.</summary>
    string ClientRequestId
#if NET5_0_OR_GREATER
        => "";
#else
    {
        get;
    }
#endif

    /// <summary>The id of the source, or of the first blob; empty when the result is from a tracking token.</summary>
    Guid SourceId { get; }

    /// <summary>One for the source, or one for each blob in their order; empty when the result is from a tracking token.</summary>
    IReadOnlyList<IngestionItem> Items { get; }

    /// <summary>Bytes before compression, of all sources whose size is known.</summary>
    long BytesRaw { get; }

    /// <summary>Bytes that were uploaded or streamed, after compression.</summary>
    long BytesSent { get; }

    /// <summary>How the data got to the service; null when the result is from a tracking token.</summary>
    IngestionDelivery? Delivery
#if NET5_0_OR_GREATER
        => null;
#else
    {
        get;
    }
#endif

    /// <summary>Reads the status of one source, waiting on the calling thread.</summary>
    /// <param name="sourceId">The source's id.</param>
    /// <returns>Its status.</returns>
    /// <exception cref="ArgumentException">The id does not belong to this result.</exception>
    /// <exception cref="KustoException">The status cannot be read.</exception>
    IngestionStatus GetIngestionStatusBySourceId(Guid sourceId);

    /// <summary>Reads the status of one source.</summary>
    /// <param name="sourceId">The source's id.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its status.</returns>
    /// <exception cref="ArgumentException">The id does not belong to this result.</exception>
    /// <exception cref="KustoException">The status cannot be read.</exception>
    Task<IngestionStatus> GetIngestionStatusBySourceIdAsync(Guid sourceId, CancellationToken cancellationToken = default);

    /// <summary>Reads the status of all sources, waiting on the calling thread.</summary>
    /// <returns>One for each source.</returns>
    /// <exception cref="KustoException">The status cannot be read.</exception>
    IEnumerable<IngestionStatus> GetIngestionStatusCollection();

    /// <summary>Reads the status of all sources.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>One for each source.</returns>
    /// <exception cref="KustoException">The status cannot be read.</exception>
    Task<IEnumerable<IngestionStatus>> GetIngestionStatusCollectionAsync(CancellationToken cancellationToken = default);

    /// <summary>Polls the status until no source is pending, waiting on the calling thread.</summary>
    /// <remarks>
    /// Data that was not streamed needs <see cref="IngestionReportMethod.Table"/> or <see cref="IngestionReportMethod.QueueAndTable"/>: without a status table there is
    /// nothing to wait for, and it throws at once.
    /// </remarks>
    /// <param name="timeout">The most time to wait; that of the client's <see cref="QueueOptions"/> when null.</param>
    /// <param name="pollInterval">How often to poll; every second when null.</param>
    /// <returns>One for each source. A failed ingestion is a status, not an exception.</returns>
    /// <exception cref="KustoException">
    /// The status cannot be read, a source is still pending at the timeout, or the ingestion does not report to a status table
    /// (<see cref="KustoErrorCode.InvalidState"/>).
    /// </exception>
    IEnumerable<IngestionStatus> WaitForFinalStatus(TimeSpan? timeout = null, TimeSpan? pollInterval = null);

    /// <summary>Polls the status until no source is pending.</summary>
    /// <remarks>
    /// Data that was not streamed needs <see cref="IngestionReportMethod.Table"/> or <see cref="IngestionReportMethod.QueueAndTable"/>: without a status table there is
    /// nothing to wait for, and it throws at once.
    /// </remarks>
    /// <param name="timeout">The most time to wait; that of the client's <see cref="QueueOptions"/> when null.</param>
    /// <param name="pollInterval">How often to poll; every second when null.</param>
    /// <param name="cancellationToken">Stops waiting; the ingestion goes on.</param>
    /// <returns>One for each source. A failed ingestion is a status, not an exception.</returns>
    /// <exception cref="KustoException">
    /// The status cannot be read, a source is still pending at the timeout, or the ingestion does not report to a status table
    /// (<see cref="KustoErrorCode.InvalidState"/>).
    /// </exception>
    Task<IEnumerable<IngestionStatus>> WaitForFinalStatusAsync(
        TimeSpan? timeout = null, TimeSpan? pollInterval = null, CancellationToken cancellationToken = default);
}
