using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Queued ingestion and its status.</summary>
/// <remarks>
/// The queues of failures and successes belong to all clients of the cluster: without a tracking token
/// GetAndDiscard... removes the notifications of other programs too.
/// </remarks>
public interface IKustoQueuedIngestClient : IKustoIngestClient
{
    /// <summary>Looks at notifications of failures without removing them.</summary>
    /// <param name="messagesLimit">The most to look at; 32 when negative.</param>
    /// <param name="trackingToken">Only those of this ingestion: <see cref="IKustoIngestionResult.TrackingToken"/>.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The failures; empty if there are none.</returns>
    /// <exception cref="KustoException">The notifications cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IEnumerable<IngestionFailure>> PeekTopIngestionFailuresAsync(
        int messagesLimit = -1, string? trackingToken = null, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="PeekTopIngestionFailuresAsync"/>, waiting on the calling thread.</summary>
    /// <param name="messagesLimit">The most to look at; 32 when negative.</param>
    /// <param name="trackingToken">Only those of this ingestion.</param>
    /// <returns>The failures; empty if there are none.</returns>
    /// <exception cref="KustoException">The notifications cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IEnumerable<IngestionFailure> PeekTopIngestionFailures(int messagesLimit = -1, string? trackingToken = null);

    /// <summary>Removes notifications of failures from their queues and returns them.</summary>
    /// <param name="messagesLimit">The most to remove; 32 when negative.</param>
    /// <param name="trackingToken">Only those of this ingestion: <see cref="IKustoIngestionResult.TrackingToken"/>.</param>
    /// <param name="cancellationToken">Cancels the call. Notifications already removed are lost.</param>
    /// <returns>The failures; empty if there are none.</returns>
    /// <exception cref="KustoException">The notifications cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IEnumerable<IngestionFailure>> GetAndDiscardTopIngestionFailuresAsync(
        int messagesLimit = -1, string? trackingToken = null, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="GetAndDiscardTopIngestionFailuresAsync"/>, waiting on the calling thread.</summary>
    /// <param name="messagesLimit">The most to remove; 32 when negative.</param>
    /// <param name="trackingToken">Only those of this ingestion.</param>
    /// <returns>The failures; empty if there are none.</returns>
    /// <exception cref="KustoException">The notifications cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IEnumerable<IngestionFailure> GetAndDiscardTopIngestionFailures(int messagesLimit = -1, string? trackingToken = null);

    /// <summary>Looks at notifications of successes without removing them.</summary>
    /// <param name="messagesLimit">The most to look at; 32 when negative.</param>
    /// <param name="trackingToken">Only those of this ingestion: <see cref="IKustoIngestionResult.TrackingToken"/>.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The successes; empty if there are none.</returns>
    /// <exception cref="KustoException">The notifications cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IEnumerable<IngestionSuccess>> PeekTopIngestionSuccessesAsync(
        int messagesLimit = -1, string? trackingToken = null, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="PeekTopIngestionSuccessesAsync"/>, waiting on the calling thread.</summary>
    /// <param name="messagesLimit">The most to look at; 32 when negative.</param>
    /// <param name="trackingToken">Only those of this ingestion.</param>
    /// <returns>The successes; empty if there are none.</returns>
    /// <exception cref="KustoException">The notifications cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IEnumerable<IngestionSuccess> PeekTopIngestionSuccesses(int messagesLimit = -1, string? trackingToken = null);

    /// <summary>Removes notifications of successes from their queues and returns them.</summary>
    /// <param name="messagesLimit">The most to remove; 32 when negative.</param>
    /// <param name="trackingToken">Only those of this ingestion: <see cref="IKustoIngestionResult.TrackingToken"/>.</param>
    /// <param name="cancellationToken">Cancels the call. Notifications already removed are lost.</param>
    /// <returns>The successes; empty if there are none.</returns>
    /// <exception cref="KustoException">The notifications cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task<IEnumerable<IngestionSuccess>> GetAndDiscardTopIngestionSuccessesAsync(
        int messagesLimit = -1, string? trackingToken = null, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="GetAndDiscardTopIngestionSuccessesAsync"/>, waiting on the calling thread.</summary>
    /// <param name="messagesLimit">The most to remove; 32 when negative.</param>
    /// <param name="trackingToken">Only those of this ingestion.</param>
    /// <returns>The successes; empty if there are none.</returns>
    /// <exception cref="KustoException">The notifications cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    IEnumerable<IngestionSuccess> GetAndDiscardTopIngestionSuccesses(int messagesLimit = -1, string? trackingToken = null);

    /// <summary>The result with this tracking token, also of another process. It has no items.</summary>
    /// <param name="trackingToken"><see cref="IKustoIngestionResult.TrackingToken"/>, which a program may keep.</param>
    /// <returns>A result to query the status with. An invalid token is reported by the first such query.</returns>
    IKustoIngestionResult GetIngestionResult(string trackingToken);

    /// <summary>Fetches token and ingestion resources now, for programs that want to fail early. No other call requires it.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>A task that ends when they are available.</returns>
    /// <exception cref="KustoException">Token or resources are not available.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task WarmUpAsync(CancellationToken cancellationToken = default);

    /// <summary>As <see cref="WarmUpAsync(CancellationToken)"/>, waiting on the calling thread.</summary>
    /// <exception cref="KustoException">Token or resources are not available.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    void WarmUp();

    /// <summary>
    /// As <see cref="WarmUpAsync(CancellationToken)"/>, and checks what the properties name: that the database, the table and a mapping that is
    /// referred to exist, and that this login may ingest. An ingestion reports such mistakes only later, as its status.
    /// </summary>
    /// <remarks>What the login may not read is no failure, but a warning in the log: roles of ingestion need not include it.</remarks>
    /// <param name="ingestionProperties">What is checked.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>A task that ends when everything is checked.</returns>
    /// <exception cref="KustoException">Token or resources are not available, or something that the properties name is missing or not permitted.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    Task WarmUpAsync(KustoIngestionProperties ingestionProperties, CancellationToken cancellationToken = default)
#if NET5_0_OR_GREATER
        => WarmUpAsync(cancellationToken);
#else
        ;
#endif

    /// <summary>As <see cref="WarmUpAsync(KustoIngestionProperties, CancellationToken)"/>, waiting on the calling thread.</summary>
    /// <param name="ingestionProperties">What is checked.</param>
    /// <exception cref="KustoException">Token or resources are not available, or something that the properties name is missing or not permitted.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled, or the client was disposed during it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    void WarmUp(KustoIngestionProperties ingestionProperties)
#if NET5_0_OR_GREATER
        => WarmUp();
#else
        ;
#endif

    /// <summary>
    /// Refuses new calls, waits for ingestions under way, and then cancels the remaining ones. Unlike
    /// <see cref="IDisposable.Dispose"/>, which cancels at once, it waits on the calling thread.
    /// </summary>
    /// <param name="timeout">The most time to wait.</param>
    /// <returns>How many ingestions were cancelled.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    /// <exception cref="KustoException">It was called in a callback of the library.</exception>
    long Close(TimeSpan timeout);

    /// <summary>As <see cref="Close"/>, waiting on a thread of its own.</summary>
    /// <param name="timeout">The most time to wait.</param>
    /// <returns>How many ingestions were cancelled.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    /// <exception cref="KustoException">It was called in a callback of the library.</exception>
    Task<long> CloseAsync(TimeSpan timeout);

    /// <summary>
    /// As <see cref="Close"/>, waiting on a thread of its own until the ingestions under way have ended or the token is
    /// cancelled: for IHostedService.StopAsync, whose token is the limit of the shutdown.
    /// </summary>
    /// <param name="cancellationToken">Ends the waiting: the ingestions that are left are cancelled and counted. It is not thrown.</param>
    /// <returns>How many ingestions were cancelled.</returns>
    /// <exception cref="KustoException">It was called in a callback of the library.</exception>
    Task<long> CloseAsync(CancellationToken cancellationToken)
#if NET5_0_OR_GREATER
        => CloseAsync(Timeout.InfiniteTimeSpan, cancellationToken);
#else
        ;
#endif

    /// <summary>As <see cref="CloseAsync(CancellationToken)"/>, with a time limit too.</summary>
    /// <param name="timeout">The most time to wait.</param>
    /// <param name="cancellationToken">Ends the waiting: the ingestions that are left are cancelled and counted. It is not thrown.</param>
    /// <returns>How many ingestions were cancelled.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    /// <exception cref="KustoException">It was called in a callback of the library.</exception>
    Task<long> CloseAsync(TimeSpan timeout, CancellationToken cancellationToken)
#if NET5_0_OR_GREATER
        // Interfaces of .NET 5 and later may have bodies, so that classes which lack the newer members still implement them.
        => CloseAsync(timeout);
#else
        ;
#endif
}

/// <summary>Options of a queued ingestion client.</summary>
public class QueueOptions
{
    /// <summary>
    /// The most time for calls that have no limit of their own: ingestions without <see cref="SourceOptions.Timeout"/>,
    /// status, notifications. Null: no limit.
    /// </summary>
    public TimeSpan? Timeout { get; set; }
}
