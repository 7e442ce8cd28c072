using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Proof that data was handed over. It is not ingested yet: the service batches.</summary>
/// <remarks>
/// What asks for the status reads the status table. Without <see cref="IngestionReportMethod.Table"/> it stays
/// <see cref="Status.Queued"/>. Any thread may ask, while the client is open.
/// </remarks>
public interface IKustoIngestionResult
{
    /// <summary>
    /// The reference by which <see cref="IKustoQueuedIngestClient.GetIngestionResult"/> finds this again. It holds no
    /// secret: a program can keep it and ask after a restart.
    /// </summary>
    string TrackingToken { get; }

    /// <summary>The id of the source, or of the first blob; empty when the result is from a tracking token.</summary>
    Guid SourceId { get; }

    /// <summary>One for the source, or one for each blob in their order; none when the result is from a tracking token.</summary>
    IReadOnlyList<IngestionItem> Items { get; }

    /// <summary>Bytes before compression, of all sources whose size is known.</summary>
    long BytesRaw { get; }

    /// <summary>Bytes that were uploaded, after compression.</summary>
    long BytesSent { get; }

    /// <summary>Asks what became of one source, waiting on the calling thread.</summary>
    /// <param name="sourceId">The source's id.</param>
    /// <returns>Its status.</returns>
    /// <exception cref="ArgumentException">The id is not of this result.</exception>
    /// <exception cref="KustoException">The status cannot be read.</exception>
    IngestionStatus GetIngestionStatusBySourceId(Guid sourceId);

    /// <summary>Asks what became of one source.</summary>
    /// <param name="sourceId">The source's id.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>Its status.</returns>
    /// <exception cref="ArgumentException">The id is not of this result.</exception>
    /// <exception cref="KustoException">The status cannot be read.</exception>
    Task<IngestionStatus> GetIngestionStatusBySourceIdAsync(Guid sourceId, CancellationToken cancellationToken = default);

    /// <summary>Asks what became of all sources, waiting on the calling thread.</summary>
    /// <returns>One for each source.</returns>
    /// <exception cref="KustoException">The status cannot be read.</exception>
    IEnumerable<IngestionStatus> GetIngestionStatusCollection();

    /// <summary>Asks what became of all sources.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>One for each source.</returns>
    /// <exception cref="KustoException">The status cannot be read.</exception>
    Task<IEnumerable<IngestionStatus>> GetIngestionStatusCollectionAsync(CancellationToken cancellationToken = default);

    /// <summary>Asks again and again until no source is pending, waiting on the calling thread.</summary>
    /// <param name="timeout">The most time to wait; that of the client's <see cref="QueueOptions"/> when null.</param>
    /// <param name="pollInterval">How often to ask; every second when null.</param>
    /// <returns>One for each source. A failed ingestion is a status, no exception.</returns>
    /// <exception cref="KustoException">The status cannot be read, or something is still pending when the time is up.</exception>
    IEnumerable<IngestionStatus> WaitForFinalStatus(TimeSpan? timeout = null, TimeSpan? pollInterval = null);

    /// <summary>Asks again and again until no source is pending.</summary>
    /// <param name="timeout">The most time to wait; that of the client's <see cref="QueueOptions"/> when null.</param>
    /// <param name="pollInterval">How often to ask; every second when null.</param>
    /// <param name="cancellationToken">Ends the waiting; the ingestion goes on.</param>
    /// <returns>One for each source. A failed ingestion is a status, no exception.</returns>
    /// <exception cref="KustoException">The status cannot be read, or something is still pending when the time is up.</exception>
    Task<IEnumerable<IngestionStatus>> WaitForFinalStatusAsync(
        TimeSpan? timeout = null, TimeSpan? pollInterval = null, CancellationToken cancellationToken = default);
}
