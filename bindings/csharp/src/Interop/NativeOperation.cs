using System;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Called by the library when an operation has ended.</summary>
internal sealed class DoneContext : CallbackContext
{
    // The library's thread only sets this: continuations run elsewhere.
    private readonly TaskCompletionSource<bool> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task Ended => ended.Task;

    internal static void Done(IntPtr userData, IntPtr op) => Of<DoneContext>(userData).ended.TrySetResult(true);
}

/// <summary>Starts native operations, cancels them, and waits for their end, asynchronously or on the calling thread.</summary>
internal static class NativeOperation
{
    /// <summary>A native ..._start function with its arguments.</summary>
    internal delegate int Start(IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    /// <summary>A native function that returns the result of an operation.</summary>
    internal delegate int Fetch<T>(OpHandle op, out T value, out IntPtr error);

    /// <summary>
    /// Completes when the library reports that the operation has ended, also when it was cancelled: memory
    /// may be in use until then. No thread waits.
    /// </summary>
    /// <exception cref="KustoException">The operation failed.</exception>
    internal static async Task<T> RunAsync<T>(Start start, Fetch<T> fetch, CancellationToken cancellation)
    {
        DoneContext done = new();
        Failure.ThrowOn(start(Callbacks.Done, done.Register(), Callbacks.Drop, out OpHandle op, out IntPtr error), error);
        using (op)
        {
            using (CancelOn(cancellation, op))
            {
                await done.Ended.ConfigureAwait(false);
            }
            return Result(op, fetch);
        }
    }

    /// <summary>As <see cref="RunAsync"/>, waiting on this thread.</summary>
    /// <exception cref="KustoException">The operation failed.</exception>
    internal static T Run<T>(Start start, Fetch<T> fetch, CancellationToken cancellation)
    {
        if (Thread.CurrentThread.IsThreadPoolThread)
        {
            return RunOnPool(start, fetch, cancellation);
        }
        Failure.ThrowOn(start(IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, out OpHandle op, out IntPtr error), error);
        using (op)
        {
            using (CancelOn(cancellation, op))
            {
                Failure.ThrowOn(NativeMethods.kusto_op_wait(op, Timeouts.Forever, out error), error);
            }
            return Result(op, fetch);
        }
    }

    /// <summary>
    /// As <see cref="Run"/>, waiting in a way that the pool of .NET 6 and later sees: it adds a thread for each that waits. Calls on
    /// all its threads would otherwise wait for a token whose provider waits for one of them.
    /// </summary>
    private static T RunOnPool<T>(Start start, Fetch<T> fetch, CancellationToken cancellation)
    {
        DoneContext done = new();
        Failure.ThrowOn(start(Callbacks.Done, done.Register(), Callbacks.Drop, out OpHandle op, out IntPtr error), error);
        using (op)
        {
            using (CancelOn(cancellation, op))
            {
                done.Ended.GetAwaiter().GetResult();
            }
            return Result(op, fetch);
        }
    }

    /// <summary>For operations without a result.</summary>
    internal static int Nothing(OpHandle op, out bool value, out IntPtr error)
    {
        value = true;
        return NativeMethods.kusto_op_wait(op, 0, out error);
    }

    private static CancellationTokenRegistration CancelOn(CancellationToken cancellation, OpHandle op) =>
        cancellation.Register(static state => NativeMethods.kusto_op_cancel((OpHandle)state!), op);

    private static T Result<T>(OpHandle op, Fetch<T> fetch)
    {
        Failure.ThrowOn(fetch(op, out T value, out IntPtr error), error);
        return value;
    }
}
