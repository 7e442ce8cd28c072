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
    private int calls;
    private bool closed;
    private bool freed;

    private NativeClient(ClientHandle handle, string owner)
    {
        this.handle = handle;
        this.owner = owner;
    }

    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    internal static NativeClient Of(KustoConnectionStringBuilder connection, string owner, bool queriesOnly = false)
    {
        using ConfigHandle config = connection.ToConfig(queriesOnly);
        Failure.ThrowOn(NativeMethods.kusto_client_new(config, out ClientHandle handle, out IntPtr error), error);
        return new(handle, owner);
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
        catch (KustoException failure) when (Ended(failure, cancellation) is { } ended)
        {
            throw ended;
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
        catch (KustoException failure) when (Ended(failure, CancellationToken.None) is { } ended)
        {
            throw ended;
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
