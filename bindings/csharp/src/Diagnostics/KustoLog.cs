using System;

namespace Kusto.Ingest.Native;

/// <summary>One line of the log.</summary>
/// <param name="level">The line's level.</param>
/// <param name="target">The part of the library.</param>
/// <param name="message">The line; it holds no token, key or signature.</param>
public delegate void KustoLogCallback(KustoLogLevel level, string target, string message);

/// <summary>The native library's log, of all clients of the process. Without a callback it is silent.</summary>
public static class KustoLog
{
    /// <summary>Sends lines up to a level to a callback, in place of an earlier one.</summary>
    /// <param name="level">The most that is told.</param>
    /// <param name="callback">
    /// Is called on any thread, by several at once. It must be quick and must not use this library. What it throws
    /// is lost.
    /// </param>
    /// <exception cref="KustoException">Something else in the process has the library's log.</exception>
    /// <exception cref="DllNotFoundException">There is no library, or it does not fit.</exception>
    public static void Set(KustoLogLevel level, KustoLogCallback callback)
    {
        LogContext context = new(callback ?? throw new ArgumentNullException(nameof(callback)));
        NativeLibraryLoader.EnsureUsable();
        Failure.ThrowOn(NativeMethods.kusto_log_set((int)level, Callbacks.Log, context.Register(), Callbacks.Drop, out IntPtr error), error);
    }

    /// <summary>Takes the callback away. A thread may be in it for a moment yet.</summary>
    /// <exception cref="KustoException">Something else in the process has the library's log.</exception>
    /// <exception cref="DllNotFoundException">There is no library, or it does not fit.</exception>
    public static void Reset()
    {
        NativeLibraryLoader.EnsureUsable();
        Failure.ThrowOn(NativeMethods.kusto_log_set(0, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, out IntPtr error), error);
    }
}

internal sealed class LogContext : CallbackContext
{
    private readonly KustoLogCallback callback;

    internal LogContext(KustoLogCallback callback) => this.callback = callback;

    internal static unsafe void Write(IntPtr userData, int level, byte* target, nuint targetLength, byte* message, nuint messageLength)
    {
        try
        {
            Of<LogContext>(userData).callback(
                (KustoLogLevel)level, NativeText.Read(target, targetLength) ?? "", NativeText.Read(message, messageLength) ?? "");
        }
        catch (Exception)
        {
            // There is nobody to tell: the log is the place where failures are told.
        }
    }
}
