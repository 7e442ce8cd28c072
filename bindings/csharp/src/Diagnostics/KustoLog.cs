using System;
#if NET5_0_OR_GREATER
using System.Runtime.Loader;
using System.Threading;
#endif

namespace Kusto.Ingest.Native;

/// <summary>One line of the log.</summary>
/// <param name="level">The line's level.</param>
/// <param name="target">The part of the library.</param>
/// <param name="message">The line; it holds no token, key or signature.</param>
public delegate void KustoLogCallback(KustoLogLevel level, string target, string message);

/// <summary>The native library's log, of all clients of the process. Without a callback nothing is logged.</summary>
public static class KustoLog
{
    /// <summary>Sends lines up to a level to a callback, which replaces an earlier one.</summary>
    /// <param name="level">The most detailed level that is logged.</param>
    /// <param name="callback">
    /// Is called on any thread, by several at once. It must be quick and must not use this library. Its exceptions
    /// are ignored.
    /// </param>
    /// <exception cref="KustoException">Another component of the process already receives the library's log.</exception>
    /// <exception cref="DllNotFoundException">The library is missing or of another binary interface.</exception>
    public static void Set(KustoLogLevel level, KustoLogCallback callback)
    {
        LogContext context = new(callback ?? throw new ArgumentNullException(nameof(callback)));
        NativeLibraryLoader.EnsureUsable();
        ResetOnUnload(context);
        Failure.ThrowOn(NativeMethods.kusto_log_set((int)level, Callbacks.Log, context.Register(), Callbacks.Drop, out IntPtr error), error);
    }

    /// <summary>Removes the callback, which unloading this assembly does too. A call of it that is under way may still be running.</summary>
    /// <exception cref="KustoException">Another component of the process already receives the library's log.</exception>
    /// <exception cref="DllNotFoundException">The library is missing or of another binary interface.</exception>
    public static void Reset()
    {
        NativeLibraryLoader.EnsureUsable();
        Failure.ThrowOn(NativeMethods.kusto_log_set(0, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, out IntPtr error), error);
    }

#if NET5_0_OR_GREATER
    private static int watching;
    private static volatile LogContext? latest;

    /// <summary>The library holds the callback, and that this assembly: it could never be unloaded with a plugin otherwise.</summary>
    private static void ResetOnUnload(LogContext context)
    {
        latest = context;
        AssemblyLoadContext? plugin = AssemblyLoadContext.GetLoadContext(typeof(KustoLog).Assembly);
        if (plugin is { IsCollectible: true } && Interlocked.Exchange(ref watching, 1) == 0)
        {
            plugin.Unloading += static _ =>
            {
                if (latest is { IsDropped: false })
                {
                    Reset();
                }
            };
        }
    }
#else
    private static void ResetOnUnload(LogContext context)
    {
    }
#endif
}

internal sealed class LogContext : CallbackContext
{
    private readonly KustoLogCallback callback;
    private volatile bool dropped;

    internal LogContext(KustoLogCallback callback) => this.callback = callback;

    /// <summary>Whether the library has let go of it: another receiver has replaced it.</summary>
    internal bool IsDropped => dropped;

    protected override void Dropped() => dropped = true;

    internal static unsafe void Write(IntPtr userData, int level, byte* target, nuint targetLength, byte* message, nuint messageLength)
    {
        try
        {
            Of<LogContext>(userData).callback(
                (KustoLogLevel)level, NativeText.Read(target, targetLength) ?? "", NativeText.Read(message, messageLength) ?? "");
        }
        catch (Exception)
        {
            // Failures are reported to the log; a failure of the log itself cannot be reported.
        }
    }
}
