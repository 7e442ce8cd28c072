using System;
using System.Runtime.InteropServices;

namespace Kusto.Ingest.Native;

/// <summary>Status, notifications, commands, queries and their answers.</summary>
internal static unsafe partial class NativeMethods
{
    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_track_start(
        ClientHandle client, byte[]? token, nuint length, long timeout,
        IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_track_until_final_start(
        ClientHandle client, byte[]? token, nuint length, long poll, long timeout,
        IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_outcomes_peek_start(
        ClientHandle client, int which, byte[]? token, nuint length, nuint max, long timeout,
        IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_outcomes_take_start(
        ClientHandle client, int which, byte[]? token, nuint length, nuint max, long timeout,
        IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_report_item_state(ReportHandle report, nuint index);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_report_item_retry(ReportHandle report, nuint index);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_report_json(ReportHandle report, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_report_free(IntPtr report);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_command_create_table(byte[]? table, nuint length, out CommandHandle command, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_command_add_column(
        CommandHandle command, byte[]? name, nuint nameLength, byte[]? type, nuint typeLength, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_command_create_mapping(
        byte[]? table, nuint tableLength, int format, byte[]? name, nuint nameLength,
        byte[]? json, nuint jsonLength, int replace, out CommandHandle command, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_command_text(CommandHandle command, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_command_free(IntPtr command);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_request_options_new(out RequestOptionsHandle options, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_request_options_set(
        RequestOptionsHandle options, byte[]? name, nuint nameLength, byte[]? value, nuint valueLength, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_request_options_set_parameter(
        RequestOptionsHandle options, byte[]? name, nuint nameLength, byte[]? value, nuint valueLength, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_request_options_set_client_request_id(
        RequestOptionsHandle options, byte[]? id, nuint length, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_request_options_free(IntPtr options);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_execute_start(
        ClientHandle client, byte[]? database, nuint databaseLength, byte[]? command, nuint commandLength,
        RequestOptionsHandle options, long timeout,
        IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_rows_json(RowsHandle rows, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern nuint kusto_rows_columns(RowsHandle rows);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_rows_column_name(RowsHandle rows, nuint column, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_rows_column_type(RowsHandle rows, nuint column, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern nuint kusto_rows_len(RowsHandle rows);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_rows_next(RowsHandle rows);

    [DllImport(Library, CallingConvention = C)]
    internal static extern int kusto_rows_next_table(RowsHandle rows);

    [DllImport(Library, CallingConvention = C)]
    internal static extern byte* kusto_rows_text(RowsHandle rows, nuint column, out nuint length);

    [DllImport(Library, CallingConvention = C)]
    internal static extern void kusto_rows_free(IntPtr rows);
}
