using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Shorter forms, as Kusto.Ingest has them.</summary>
public static class ExtendedKustoIngestClient
{
    /// <summary>Ingests a stream up to its end, reading and waiting on the calling thread.</summary>
    /// <param name="client">The client.</param>
    /// <param name="stream">The data, from the current position.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="leaveOpen">Whether the stream stays open after the call; otherwise it is disposed.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    public static IKustoIngestionResult IngestFromStream(
        this IKustoIngestClient client, Stream stream, KustoIngestionProperties ingestionProperties, bool leaveOpen) =>
        client.IngestFromStream(stream, ingestionProperties, new StreamSourceOptions { LeaveOpen = leaveOpen });

    /// <summary>Ingests a stream up to its end.</summary>
    /// <param name="client">The client.</param>
    /// <param name="stream">The data, from the current position.</param>
    /// <param name="ingestionProperties">Where the data goes and how it is read.</param>
    /// <param name="leaveOpen">Whether the stream stays open after the call; otherwise it is disposed.</param>
    /// <returns>Proof that the data was handed over.</returns>
    /// <exception cref="IngestClientException">The data could not be handed over.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    public static Task<IKustoIngestionResult> IngestFromStreamAsync(
        this IKustoIngestClient client, Stream stream, KustoIngestionProperties ingestionProperties, bool leaveOpen) =>
        client.IngestFromStreamAsync(stream, ingestionProperties, new StreamSourceOptions { LeaveOpen = leaveOpen });
}

/// <summary>Extension methods that programs written for Kusto.Cloud.Platform call on results.</summary>
public static class ExtendedEnumerable
{
    /// <summary>Calls an action with every item.</summary>
    /// <typeparam name="T">The items' type.</typeparam>
    /// <param name="items">The items.</param>
    /// <param name="action">The action.</param>
    public static void ForEach<T>(this IEnumerable<T> items, Action<T> action)
    {
        foreach (T item in items)
        {
            action(item);
        }
    }
}
