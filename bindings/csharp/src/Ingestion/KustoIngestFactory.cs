using System;

namespace Kusto.Ingest.Native;

/// <summary>Makes ingestion clients.</summary>
public static class KustoIngestFactory
{
    /// <summary>A client for queued ingestion. It sends nothing: the first use does.</summary>
    /// <param name="kcsb">The cluster and the login; the address of the engine does as well as that of "ingest-".</param>
    /// <param name="queueOptions">Options.</param>
    /// <returns>The client, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">There is no native library, or it does not fit.</exception>
    public static IKustoQueuedIngestClient CreateQueuedIngestClient(KustoConnectionStringBuilder kcsb, QueueOptions? queueOptions = null) =>
        new KustoQueuedIngestClient(kcsb ?? throw new ArgumentNullException(nameof(kcsb)), queueOptions ?? new());

    /// <summary>A client for queued ingestion. It sends nothing: the first use does.</summary>
    /// <param name="connectionString">The cluster and the login; the address of the engine does as well as that of "ingest-".</param>
    /// <param name="queueOptions">Options.</param>
    /// <returns>The client, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">There is no native library, or it does not fit.</exception>
    public static IKustoQueuedIngestClient CreateQueuedIngestClient(string connectionString, QueueOptions? queueOptions = null) =>
        CreateQueuedIngestClient(new KustoConnectionStringBuilder(connectionString), queueOptions);
}
