using System;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>
/// A native client and the calls that use it. The last call, or closing when there is none, frees the native client:
/// so closing is safe at any time.
/// </summary>
internal sealed class NativeClient
{
    private readonly ClientHandle handle;
    private readonly string owner;
    private readonly object gate = new();
    private readonly CancellationTokenSource closing = new();
    private readonly TaskCompletionSource<bool> gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TokenFailures failures;
    private readonly ClientLog? log;
    private int calls;
    private bool closed;
    private bool freed;

    private NativeClient(ClientHandle handle, string owner, TokenFailures failures, ClientLog? log)
    {
        this.log = log;
        this.handle = handle;
        this.owner = owner;
        this.failures = failures;
    }

    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    internal static NativeClient Of(
        KustoConnectionStringBuilder connection, string owner, bool queriesOnly = false, params (string Name, string Value)[] settings)
    {
        TokenFailures failures = new();
        ClientLog? log = connection.NewLog();
        using ConfigHandle config = connection.ToConfig(queriesOnly, failures, log, settings);
        Failure.ThrowOn(NativeMethods.kusto_client_new(config, out ClientHandle handle, out IntPtr error), error);
        return new(handle, owner, failures, log);
    }

    /// <summary>Cancelled when the library has ended the calls under way; for waits outside the library.</summary>
    internal CancellationToken Closing => closing.Token;

    /// <summary>Keeps the native client until it is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    internal Lease Enter()
    {
        lock (gate)
        {
            if (closed)
            {
                throw new ObjectDisposedException(owner);
            }
            calls++;
            return new(this);
        }
    }

    /// <summary>For the log: an ingestion begins, with the client request id that its properties give it.</summary>
    internal ClientLog.Call BeginIngestion(KustoIngestionProperties properties) => ClientLog.Begin(log, properties.GivenRequestId);

    /// <summary>Starts an operation by <paramref name="start"/> and waits for its end without holding a thread.</summary>
    /// <exception cref="KustoException">It failed.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal async Task<T> RunAsync<T>(Func<ClientHandle, NativeOperation.Start> start, NativeOperation.Fetch<T> fetch, CancellationToken cancellation)
    {
        using Lease lease = Enter();
        Failure.ThrowIfCancelled(cancellation);
        try
        {
            return await NativeOperation.RunAsync(start(lease.Handle), fetch, cancellation).ConfigureAwait(false);
        }
        catch (KustoException failure) when (Explained(failure, cancellation) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>As <see cref="RunAsync"/>, waiting on this thread.</summary>
    /// <exception cref="KustoException">It failed.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    /// <exception cref="OperationCanceledException">The client was closed meanwhile.</exception>
    internal T Run<T>(Func<ClientHandle, NativeOperation.Start> start, NativeOperation.Fetch<T> fetch)
    {
        using Lease lease = Enter();
        try
        {
            return NativeOperation.Run(start(lease.Handle), fetch, CancellationToken.None);
        }
        catch (KustoException failure) when (Explained(failure, CancellationToken.None) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>The exception that .NET programs expect of a cancelled call or a closed client; null for any other failure.</summary>
    internal Exception? Ended(KustoException failure, CancellationToken cancellation) => failure.Code switch
    {
        KustoErrorCode.Cancelled => Failure.Cancelled(failure, cancellation),
        // The call came in just before the closing, and the library refused it.
        KustoErrorCode.InvalidState when IsClosed => new ObjectDisposedException(owner),
        _ => null,
    };

    /// <summary>The exception of the token provider, when that made the call fail.</summary>
    internal Exception? CauseOf(KustoException failure) => failures.CauseOf(failure.Details);

    /// <summary>A failure as the caller gets it; null if it is the library's own, unchanged.</summary>
    private Exception? Explained(KustoException failure, CancellationToken cancellation) =>
        Ended(failure, cancellation) ?? (CauseOf(failure) is { } cause ? Failure.Of(failure.Details, cause) : null);

    private bool IsClosed
    {
        get
        {
            lock (gate)
            {
                return closed;
            }
        }
    }

    /// <summary>Refuses new calls and cancels those under way; they end a moment later.</summary>
    internal void Close()
    {
        try
        {
            Shutdown(0);
        }
        catch (KustoException failure) when (failure.Code == KustoErrorCode.InvalidState)
        {
            // The library does not close in a callback. New calls are refused already.
            _ = Task.Run(() => Shutdown(0));
        }
    }

    /// <summary>As <see cref="Close"/>; completes when every call has ended and the native client is freed.</summary>
    internal Task CloseAsync()
    {
        Close();
        return gone.Task;
    }

    /// <summary>Refuses new calls, waits for ingestions under way, then cancels the rest.</summary>
    /// <returns>How many ingestions were cancelled.</returns>
    internal long Shutdown(long timeout)
    {
        lock (gate)
        {
            closed = true;
            if (freed)
            {
                return 0;
            }
            calls++;
        }
        try
        {
            Failure.ThrowOn(NativeMethods.kusto_client_close(handle, timeout, out ulong abandoned, out IntPtr error), error);
            EndWaits();
            return checked((long)abandoned);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>As <see cref="Shutdown"/>, waiting on a thread of its own, which a cancellation ends early.</summary>
    /// <returns>How many ingestions were cancelled.</returns>
    internal async Task<long> ShutdownAsync(long timeout, CancellationToken cancellation)
    {
        // The library may block for long, so this does not run on a thread of the pool.
        Task<long> waiting = Task.Factory.StartNew(
            () => Shutdown(timeout), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        TaskCompletionSource<bool> early = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task first;
        using (cancellation.Register(static state => ((TaskCompletionSource<bool>)state!).TrySetResult(true), early))
        {
            first = await Task.WhenAny(waiting, early.Task).ConfigureAwait(false);
        }
        // Whichever of the two cancels the rest has counted it.
        long left = first == waiting ? 0 : Shutdown(0);
        return Math.Max(left, await waiting.ConfigureAwait(false));
    }

    private void EndWaits()
    {
        try
        {
            closing.Cancel();
        }
        catch (AggregateException)
        {
            // Thrown by a callback that the program registered on the token: closing did not fail, and every call has been cancelled.
        }
    }

    private void Leave()
    {
        lock (gate)
        {
            calls--;
            if (!closed || calls > 0)
            {
                return;
            }
            freed = true;
        }
        // May wait for running callbacks, which may need the lock: so not under the lock.
        handle.Dispose();
        gone.TrySetResult(true);
    }

    /// <summary>A call that uses the native client.</summary>
    internal readonly struct Lease : IDisposable
    {
        private readonly NativeClient client;

        internal Lease(NativeClient client) => this.client = client;

        internal ClientHandle Handle => client.handle;

        public void Dispose() => client.Leave();
    }
}
