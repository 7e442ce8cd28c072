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

    /// <summary>
    /// A client for streaming ingestion: data of up to 4 MB is in the table when a call returns. The table needs a policy for it. It
    /// connects on first use.
    /// </summary>
    /// <remarks>
    /// Properties that streaming cannot have, such as tags or a mapping with columns, are refused with their names. A request of which
    /// nobody knows whether its data was ingested is not repeated: the exception is in doubt (<see cref="KustoException.InDoubt"/>), unless the
    /// setting <see cref="KustoSettings.InDoubt"/> says otherwise.
    /// </remarks>
    /// <param name="kcsb">The cluster and the login; the address may be the engine's or the ingestion service's ("https://ingest-...").</param>
    /// <returns>The client, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static IKustoIngestClient CreateStreamingIngestClient(KustoConnectionStringBuilder kcsb) =>
        new KustoQueuedIngestClient(kcsb ?? throw new ArgumentNullException(nameof(kcsb)), new(), (KustoSettings.IngestionMode, "streaming"));

    /// <summary>As <see cref="CreateStreamingIngestClient(KustoConnectionStringBuilder)"/>.</summary>
    /// <param name="connectionString">The cluster and the login; the address may be the engine's or the ingestion service's ("https://ingest-...").</param>
    /// <returns>The client, to be disposed.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static IKustoIngestClient CreateStreamingIngestClient(string connectionString) =>
        CreateStreamingIngestClient(new KustoConnectionStringBuilder(connectionString));

    /// <summary>
    /// A client that streams where it is possible and queues the rest: what is too large, has properties that streaming cannot have, or meets
    /// a table or a service that takes no streams for now. It connects on first use.
    /// </summary>
    /// <remarks>
    /// <see cref="IngestionDelivery"/> of each result says which way the data took, and why. Calls that take different ways may end in another order
    /// than they began. A streaming request of which nobody knows whether its data was ingested is followed by nothing: the exception is in doubt
    /// (<see cref="KustoException.InDoubt"/>), unless the setting <see cref="KustoSettings.InDoubt"/> says otherwise.
    /// </remarks>
    /// <param name="kcsb">The cluster and the login; the address may be the engine's or the ingestion service's ("https://ingest-...").</param>
    /// <param name="ingestPolicy">When to stream; null: the settings of the connection string, or their defaults.</param>
    /// <returns>The client, to be disposed; also an <see cref="IKustoQueuedIngestClient"/>.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static IKustoIngestClient CreateManagedStreamingIngestClient(KustoConnectionStringBuilder kcsb, ManagedStreamingIngestPolicy? ingestPolicy = null) =>
        CreateManagedStreamingIngestClient(kcsb ?? throw new ArgumentNullException(nameof(kcsb)), kcsb, ingestPolicy);

    /// <summary>As <see cref="CreateManagedStreamingIngestClient(KustoConnectionStringBuilder, ManagedStreamingIngestPolicy?)"/>, with both addresses.</summary>
    /// <param name="engineKcsb">The engine, and the login, which is used for both.</param>
    /// <param name="dmKcsb">The ingestion service: only its address is used.</param>
    /// <param name="ingestPolicy">When to stream; null: the settings of the connection string, or their defaults.</param>
    /// <returns>The client, to be disposed; also an <see cref="IKustoQueuedIngestClient"/>.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static IKustoIngestClient CreateManagedStreamingIngestClient(
        KustoConnectionStringBuilder engineKcsb, KustoConnectionStringBuilder dmKcsb, ManagedStreamingIngestPolicy? ingestPolicy = null)
    {
        if (engineKcsb is null)
        {
            throw new ArgumentNullException(nameof(engineKcsb));
        }
        if (dmKcsb is null)
        {
            throw new ArgumentNullException(nameof(dmKcsb));
        }
        return new KustoQueuedIngestClient(engineKcsb, new(), ManagedStreamingIngestPolicy.Settings(ingestPolicy, engineKcsb, dmKcsb));
    }

    /// <summary>As <see cref="CreateManagedStreamingIngestClient(KustoConnectionStringBuilder, KustoConnectionStringBuilder, ManagedStreamingIngestPolicy?)"/>.</summary>
    /// <param name="engineConnectionString">The engine, and the login, which is used for both.</param>
    /// <param name="dmConnectionString">The ingestion service: only its address is used.</param>
    /// <param name="ingestPolicy">When to stream; null: the settings of the connection string, or their defaults.</param>
    /// <returns>The client, to be disposed; also an <see cref="IKustoQueuedIngestClient"/>.</returns>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    /// <exception cref="DllNotFoundException">The native library is missing or of another binary interface.</exception>
    public static IKustoIngestClient CreateManagedStreamingIngestClient(
        string engineConnectionString, string dmConnectionString, ManagedStreamingIngestPolicy? ingestPolicy = null) =>
        CreateManagedStreamingIngestClient(
            new KustoConnectionStringBuilder(engineConnectionString), new KustoConnectionStringBuilder(dmConnectionString), ingestPolicy);
}
