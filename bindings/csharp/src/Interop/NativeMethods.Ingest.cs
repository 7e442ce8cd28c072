using System;
using System.Runtime.InteropServices;

namespace Kusto.Ingest.Native;

/// <summary>Properties, sources, streams, operations and their results.</summary>
internal static unsafe partial class NativeMethods
{
    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_props_new(
        byte[]? database, nuint databaseLength, byte[]? table, nuint tableLength, out PropsHandle props, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_props_set_format(PropsHandle props, int format, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_props_set_mapping_ref(PropsHandle props, byte[]? name, nuint length, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_props_set_mapping_json(PropsHandle props, byte[]? json, nuint length, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_props_add_tag(PropsHandle props, byte[]? tag, nuint length, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_props_set_reporting(PropsHandle props, int level, int via, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_props_set(PropsHandle props, byte[]? key, nuint keyLength, byte[]? value, nuint valueLength, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_props_free(IntPtr props);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_bytes(IntPtr data, nuint length, IntPtr drop, IntPtr dropArgument, out SourceHandle source, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_stream(out SourceHandle source, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_file(byte[]? path, nuint length, out SourceHandle source, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_blobs(out SourceHandle source, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_blobs_add(
        SourceHandle source, byte[]? url, nuint urlLength, ulong rawSize, byte[]? sourceId, nuint sourceIdLength, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_set_id(SourceHandle source, byte[]? uuid, nuint length, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_set_compression(SourceHandle source, int compression, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_set_raw_size(SourceHandle source, ulong rawSize, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_source_set_progress(SourceHandle source, IntPtr callback, IntPtr userData, IntPtr drop, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_source_free(IntPtr source);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_ingest_start(
        ClientHandle client, PropsHandle props, SourceHandle source, long timeout,
        IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_stream_begin(
        ClientHandle client, PropsHandle props, SourceHandle source, out StreamHandle stream, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_stream_write(
        StreamHandle stream, byte* data, nuint length, long timeout, out nuint written, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_stream_finish(
        StreamHandle stream, long timeout, IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_stream_fail(StreamHandle stream, byte[]? message, nuint length, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_stream_cancel(StreamHandle stream);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_stream_free(IntPtr stream);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_op_wait(OpHandle op, long timeout, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_op_cancel(OpHandle op);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_op_result(OpHandle op, out ResultHandle result, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_op_report(OpHandle op, out ReportHandle report, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_op_rows(OpHandle op, out RowsHandle rows, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_op_free(IntPtr op);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_result_tracking_token(ResultHandle result, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern nuint kusto_result_len(ResultHandle result);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_result_item_source_id(ResultHandle result, nuint index, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_result_item_blob(ResultHandle result, nuint index, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern ulong kusto_result_bytes_raw(ResultHandle result);

    [DllImport(Library, CallingConvention = C)]
    internal static extern ulong kusto_result_bytes_sent(ResultHandle result);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_result_free(IntPtr result);
}
