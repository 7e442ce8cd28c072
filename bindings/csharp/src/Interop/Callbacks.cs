using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Kusto.Ingest.Native;

/// <summary>The functions that the library calls. None of them lets an exception escape.</summary>
internal static unsafe class Callbacks
{
    // Static, so that they live as long as the process: the library may call them at any time.
    private static readonly NativeMethods.kusto_drop_fn DropDelegate = CallbackContext.Drop;
    private static readonly NativeMethods.kusto_done_fn DoneDelegate = DoneContext.Done;
    private static readonly NativeMethods.kusto_progress_fn ProgressDelegate = ProgressContext.Report;
    private static readonly NativeMethods.kusto_token_fn TokenDelegate = TokenContext.Ask;
    private static readonly NativeMethods.kusto_prompt_fn PromptDelegate = PromptContext.Show;
    private static readonly NativeMethods.kusto_log_fn LogDelegate = LogContext.Write;

    private static readonly NativeMethods.kusto_log_event_fn ClientLogDelegate = ClientLog.Write;

    internal static readonly IntPtr Drop = Marshal.GetFunctionPointerForDelegate(DropDelegate);
    internal static readonly IntPtr Done = Marshal.GetFunctionPointerForDelegate(DoneDelegate);
    internal static readonly IntPtr Progress = Marshal.GetFunctionPointerForDelegate(ProgressDelegate);
    internal static readonly IntPtr Token = Marshal.GetFunctionPointerForDelegate(TokenDelegate);
    internal static readonly IntPtr Prompt = Marshal.GetFunctionPointerForDelegate(PromptDelegate);
    internal static readonly IntPtr Log = Marshal.GetFunctionPointerForDelegate(LogDelegate);
    internal static readonly IntPtr Event = Marshal.GetFunctionPointerForDelegate(ClientLogDelegate);
}

/// <summary>
/// An object of ours that the library holds as user data: from <see cref="Register"/> until it calls drop,
/// where the handle is freed, and nowhere else.
/// </summary>
internal abstract class CallbackContext
{
    private static int registered;

    /// <summary>How many the library holds.</summary>
    internal static int Registered => Volatile.Read(ref registered);

    /// <summary>User data for a call that takes ownership of it even when it fails.</summary>
    internal IntPtr Register()
    {
        Interlocked.Increment(ref registered);
        return GCHandle.ToIntPtr(GCHandle.Alloc(this));
    }

    internal static T Of<T>(IntPtr userData)
        where T : CallbackContext => (T)GCHandle.FromIntPtr(userData).Target!;

    internal static void Drop(IntPtr userData)
    {
        GCHandle handle = GCHandle.FromIntPtr(userData);
        CallbackContext context = (CallbackContext)handle.Target!;
        handle.Free();
        try
        {
            context.Dropped();
        }
        catch (Exception)
        {
            // The program's memory may throw when it is unpinned; there is no caller left to report that to.
        }
        finally
        {
            Interlocked.Decrement(ref registered);
        }
    }

    /// <summary>The library will not use this object again. Exceptions are ignored.</summary>
    protected virtual void Dropped()
    {
    }
}
