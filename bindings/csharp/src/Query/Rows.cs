using System;

namespace Kusto.Ingest.Native;

/// <summary>The tables of a result, with a cursor before the first row of the first one.</summary>
internal abstract class Rows : IDisposable
{
    internal abstract bool IsClosed { get; }

    /// <summary>How many rows the current table has.</summary>
    internal abstract long Count { get; }

    /// <summary>The columns of the current table.</summary>
    internal abstract KustoColumn[] Columns();

    internal abstract bool NextTable();

    internal abstract bool Next();

    /// <summary>A value of the current row in the service's notation; null for null.</summary>
    internal abstract string? Text(int ordinal);

    internal abstract string Json();

    public abstract void Dispose();
}

/// <summary>What the service sent.</summary>
internal sealed unsafe class NativeRows : Rows
{
    private readonly RowsHandle handle;

    internal NativeRows(RowsHandle handle)
    {
        this.handle = handle;
        handle.ReportSize();
    }

    internal override bool IsClosed => handle.IsClosed;

    internal override long Count => checked((long)NativeMethods.kusto_rows_len(handle));

    internal override KustoColumn[] Columns()
    {
        KustoColumn[] columns = new KustoColumn[checked((int)NativeMethods.kusto_rows_columns(handle))];
        for (int i = 0; i < columns.Length; i++)
        {
            columns[i] = new(
                NativeText.Read(NativeMethods.kusto_rows_column_name(handle, (nuint)i, out nuint length), length) ?? "",
                NativeText.Read(NativeMethods.kusto_rows_column_type(handle, (nuint)i, out length), length) ?? "");
        }
        // The texts are owned by the rows, which are freed when they are collected.
        GC.KeepAlive(handle);
        return columns;
    }

    internal override bool NextTable() => NativeMethods.kusto_rows_next_table(handle) != 0;

    internal override bool Next() => NativeMethods.kusto_rows_next(handle) != 0;

    internal override string? Text(int ordinal)
    {
        string? text = NativeText.Read(NativeMethods.kusto_rows_text(handle, (nuint)ordinal, out nuint length), length);
        GC.KeepAlive(handle);
        return text;
    }

    internal override string Json()
    {
        string json = NativeText.Read(NativeMethods.kusto_rows_json(handle, out nuint length), length) ?? "";
        GC.KeepAlive(handle);
        return json;
    }

    public override void Dispose() => handle.Dispose();
}
