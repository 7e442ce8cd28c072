using System;
using System.Collections.Generic;
using System.Data;
using System.Data.SqlTypes;
using System.Linq;

namespace Kusto.Ingest.Native;

/// <summary>Tables that a test has made.</summary>
internal sealed class ModelRows : Rows
{
    private readonly DataTable[] tables;
    private int table;
    private int row = -1;
    private bool closed;

    internal ModelRows(DataTable[] tables) => this.tables = tables;

    internal override bool IsClosed => closed;

    internal override long Count => table < tables.Length ? tables[table].Rows.Count : 0;

    internal override KustoColumn[] Columns() => table < tables.Length ? ColumnsOf(tables[table]) : [];

    internal override bool NextTable()
    {
        table = Math.Min(table + 1, tables.Length);
        row = -1;
        return table < tables.Length;
    }

    internal override bool Next() => row < Count && ++row < Count;

    internal override string? Text(int ordinal) => TextOf(tables[table].Rows[row][ordinal]);

    internal override string Json() => JsonWriter.Write(new Dictionary<string, object?> { ["tables"] = tables.Select(Members).ToArray() });

    public override void Dispose() => closed = true;

    private static Dictionary<string, object?> Members(DataTable table) => new()
    {
        ["name"] = table.TableName,
        ["kind"] = "PrimaryResult",
        ["columns"] = ColumnsOf(table).Select(column => new Dictionary<string, object?> { ["name"] = column.Name, ["type"] = column.Type }).ToArray(),
        ["rows"] = table.Rows.Cast<DataRow>().Select(row => row.ItemArray).ToArray(),
    };

    private static KustoColumn[] ColumnsOf(DataTable table) =>
        table.Columns.Cast<DataColumn>().Select(column => new KustoColumn(column.ColumnName, TypeOf(column.DataType))).ToArray();

    private static string? TextOf(object value) => value is DBNull or INullable { IsNull: true } ? null : ScalarText.Of(value);

    private static string TypeOf(Type type) =>
        type == typeof(bool) ? "bool"
        : type == typeof(byte) || type == typeof(short) || type == typeof(int) ? "int"
        : type == typeof(long) ? "long"
        : type == typeof(float) || type == typeof(double) ? "real"
        : type == typeof(decimal) || type == typeof(SqlDecimal) ? "decimal"
        : type == typeof(DateTime) || type == typeof(DateTimeOffset) ? "datetime"
        : type == typeof(TimeSpan) ? "timespan"
        : type == typeof(Guid) ? "guid"
        : type == typeof(string) ? "string"
        : "dynamic";
}
