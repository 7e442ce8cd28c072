using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

internal sealed class KustoIngestionResult : IKustoIngestionResult
{
    private readonly KustoQueuedIngestClient client;

    internal KustoIngestionResult(KustoQueuedIngestClient client, IngestionReceipt receipt)
    {
        this.client = client;
        TrackingToken = receipt.TrackingToken;
        ClientRequestId = receipt.ClientRequestId;
        Items = receipt.Items;
        BytesRaw = receipt.BytesRaw;
        BytesSent = receipt.BytesSent;
        Delivery = receipt.Delivery;
    }

    internal KustoIngestionResult(KustoQueuedIngestClient client, string trackingToken)
    {
        this.client = client;
        TrackingToken = trackingToken;
        ClientRequestId = "";
        Items = [];
    }

    public string TrackingToken { get; }

    public string ClientRequestId { get; }

    public Guid SourceId => Items.Count == 0 ? Guid.Empty : Items[0].SourceId;

    public IReadOnlyList<IngestionItem> Items { get; }

    public long BytesRaw { get; }

    public long BytesSent { get; }

    public IngestionDelivery? Delivery { get; }

    public IngestionStatus GetIngestionStatusBySourceId(Guid sourceId) => Find(client.Status(TrackingToken), sourceId);

    public async Task<IngestionStatus> GetIngestionStatusBySourceIdAsync(Guid sourceId, CancellationToken cancellationToken) =>
        Find(await client.StatusAsync(TrackingToken, cancellationToken).ConfigureAwait(false), sourceId);

    public IEnumerable<IngestionStatus> GetIngestionStatusCollection() => client.Status(TrackingToken);

    public async Task<IEnumerable<IngestionStatus>> GetIngestionStatusCollectionAsync(CancellationToken cancellationToken) =>
        await client.StatusAsync(TrackingToken, cancellationToken).ConfigureAwait(false);

    public IEnumerable<IngestionStatus> WaitForFinalStatus(TimeSpan? timeout, TimeSpan? pollInterval) =>
        client.FinalStatus(TrackingToken, timeout, pollInterval);

    public async Task<IEnumerable<IngestionStatus>> WaitForFinalStatusAsync(TimeSpan? timeout, TimeSpan? pollInterval, CancellationToken cancellationToken) =>
        await client.FinalStatusAsync(TrackingToken, timeout, pollInterval, cancellationToken).ConfigureAwait(false);

    internal static IngestionStatus Find(IReadOnlyList<IngestionStatus> statuses, Guid sourceId) =>
        statuses.FirstOrDefault(status => status.IngestionSourceId == sourceId)
        ?? throw new ArgumentException($"There is no source {sourceId} in this result.", nameof(sourceId));
}
