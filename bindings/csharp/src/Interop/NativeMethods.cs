using System;
using System.Runtime.InteropServices;

namespace Kusto.Ingest.Native;

/// <summary>The C API as include/kusto_ingest.h declares it: blittable types, texts as UTF-8 and length.</summary>
/// <remarks>
/// Callbacks are passed as <see cref="IntPtr"/>; <see cref="Callbacks"/> keeps the delegates alive. What
/// takes a source takes it in every outcome: see <see cref="SourceHandle"/>.
/// </remarks>
internal static unsafe partial class NativeMethods
{
    private const string Library = NativeLibraryLoader.Name;
    private const CallingConvention C = CallingConvention.Cdecl;

    static NativeMethods() => NativeLibraryLoader.Register();

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_version_string();

    [DllImport(Library, CallingConvention = C)]
    internal static extern uint kusto_abi_version();

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_build_info();

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_has_feature(byte[] name, nuint nameLength);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_status_name(int status);

    [DllImport(Library, CallingConvention = C)]
    internal static extern nuint kusto_status_list(out int* statuses);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_log_set(int maxLevel, IntPtr callback, IntPtr userData, IntPtr drop, out IntPtr error);

    // Errors.

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_error_status(IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_error_message(IntPtr error, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_error_retry(IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern long kusto_error_retry_after_ms(IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_error_in_doubt(IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_error_http_status(IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_error_step(IntPtr error, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_error_host(IntPtr error, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_error_argument(IntPtr error, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_error_service_code(IntPtr error, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_error_activity_id(IntPtr error, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_error_client_request_id(IntPtr error, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern nuint kusto_error_attempts(IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern IntPtr kusto_error_attempt(IntPtr error, nuint index);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_error_json(IntPtr error, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_error_free(IntPtr error);
}
