using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>A result whose status a test has made.</summary>
internal sealed class ModelResult : IKustoIngestionResult
{
    private readonly IReadOnlyList<IngestionStatus> statuses;

    internal ModelResult(IReadOnlyList<IngestionStatus> statuses, IReadOnlyList<IngestionItem>? items, string trackingToken, string clientRequestId, long bytesRaw, long bytesSent, IngestionDelivery? delivery)
    {
        this.statuses = statuses;
        Items = items ?? statuses.Select(status => new IngestionItem(status.IngestionSourceId, status.IngestionSourcePath ?? "", "csv", false)).ToArray();
        TrackingToken = trackingToken;
        ClientRequestId = clientRequestId;
        BytesRaw = bytesRaw;
        BytesSent = bytesSent;
        Delivery = delivery;
    }

    public string TrackingToken { get; }

    public string ClientRequestId { get; }

    public Guid SourceId => Items.Count == 0 ? Guid.Empty : Items[0].SourceId;

    public IReadOnlyList<IngestionItem> Items { get; }

    public long BytesRaw { get; }

    public long BytesSent { get; }

    public IngestionDelivery? Delivery { get; }

    public IngestionStatus GetIngestionStatusBySourceId(Guid sourceId) => KustoIngestionResult.Find(statuses, sourceId);

    public Task<IngestionStatus> GetIngestionStatusBySourceIdAsync(Guid sourceId, CancellationToken cancellationToken) =>
        Answer(() => GetIngestionStatusBySourceId(sourceId), cancellationToken);

    public IEnumerable<IngestionStatus> GetIngestionStatusCollection() => statuses;

    public Task<IEnumerable<IngestionStatus>> GetIngestionStatusCollectionAsync(CancellationToken cancellationToken) =>
        Answer(GetIngestionStatusCollection, cancellationToken);

    public IEnumerable<IngestionStatus> WaitForFinalStatus(TimeSpan? timeout, TimeSpan? pollInterval)
    {
        if (statuses.Any(status => status.Status == Native.Status.Queued))
        {
            throw Failed(KustoErrorCode.InvalidState, "check arguments", "the ingestion does not report to a status table", KustoRetry.Never);
        }
        return statuses.All(status => status.IsFinal)
            ? statuses
            : throw Failed(KustoErrorCode.TimedOut, "track status", "track status: a source is still pending", KustoRetry.Later);
    }

    public Task<IEnumerable<IngestionStatus>> WaitForFinalStatusAsync(TimeSpan? timeout, TimeSpan? pollInterval, CancellationToken cancellationToken) =>
        Answer(() => WaitForFinalStatus(timeout, pollInterval), cancellationToken);

    private static KustoClientException Failed(KustoErrorCode code, string step, string message, KustoRetry retry) =>
        new(new ErrorDetails { Code = code, Message = message, Step = step, Retry = retry }, null);

    // As in a call of the service, failures are the task's.
    private static async Task<T> Answer<T>(Func<T> answer, CancellationToken cancellation)
    {
        Failure.ThrowIfCancelled(cancellation);
        return await Task.FromResult(answer()).ConfigureAwait(false);
    }
}
