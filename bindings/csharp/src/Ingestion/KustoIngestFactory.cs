using System;

namespace Kusto.Ingest.Native;

/// <summary>Creates ingestion clients.</summary>
public static class KustoIngestFactory
{
    /// <summary>A client for queued ingestion. It connects on first use.</summary>
    /// <param name="kcsb">The cluster and the login; the address may be the engine's or the ingestion service's ("https://ingest-...").</param>
    /// <param name="queueOptions">Options.</param>
    /// <returns>The client, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static IKustoQueuedIngestClient CreateQueuedIngestClient(KustoConnectionStringBuilder kcsb, QueueOptions? queueOptions = null) =>
        new KustoQueuedIngestClient(kcsb ?? throw new ArgumentNullException(nameof(kcsb)), queueOptions ?? new());

    /// <summary>A client for queued ingestion. It connects on first use.</summary>
    /// <param name="connectionString">The cluster and the login; the address may be the engine's or the ingestion service's ("https://ingest-...").</param>
    /// <param name="queueOptions">Options.</param>
    /// <returns>The client, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static IKustoQueuedIngestClient CreateQueuedIngestClient(string connectionString, QueueOptions? queueOptions = null) =>
        CreateQueuedIngestClient(new KustoConnectionStringBuilder(connectionString), queueOptions);
}
