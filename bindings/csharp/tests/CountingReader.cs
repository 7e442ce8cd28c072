using System;
using System.Data;

namespace Kusto.Ingest.Native.Tests;

/// <summary>A reader that is no DbDataReader: rows of a number and a text, and then perhaps a failure.</summary>
internal sealed class CountingReader(int rows, Exception? broken) : IDataReader
{
    private int row = -1;

    public int FieldCount => 2;

    public bool IsClosed { get; private set; }

    public int Depth => 0;

    public int RecordsAffected => -1;

    public object this[int i] => GetValue(i);

    public object this[string name] => throw new NotSupportedException();

    public bool Read()
    {
        if (++row < rows)
        {
            return true;
        }
        return broken is null ? false : throw broken;
    }

    public object GetValue(int i) => i == 0 ? (long)row : "row " + row;

    public void Close() => IsClosed = true;

    public void Dispose() => Close();

    public bool NextResult() => false;

    public DataTable GetSchemaTable() => throw new NotSupportedException();

    public bool GetBoolean(int i) => throw new NotSupportedException();

    public byte GetByte(int i) => throw new NotSupportedException();

    public long GetBytes(int i, long fieldOffset, byte[]? buffer, int bufferoffset, int length) => throw new NotSupportedException();

    public char GetChar(int i) => throw new NotSupportedException();

    public long GetChars(int i, long fieldoffset, char[]? buffer, int bufferoffset, int length) => throw new NotSupportedException();

    public IDataReader GetData(int i) => throw new NotSupportedException();

    public string GetDataTypeName(int i) => throw new NotSupportedException();

    public DateTime GetDateTime(int i) => throw new NotSupportedException();

    public decimal GetDecimal(int i) => throw new NotSupportedException();

    public double GetDouble(int i) => throw new NotSupportedException();

    public Type GetFieldType(int i) => throw new NotSupportedException();

    public float GetFloat(int i) => throw new NotSupportedException();

    public Guid GetGuid(int i) => throw new NotSupportedException();

    public short GetInt16(int i) => throw new NotSupportedException();

    public int GetInt32(int i) => throw new NotSupportedException();

    public long GetInt64(int i) => throw new NotSupportedException();

    public string GetName(int i) => throw new NotSupportedException();

    public int GetOrdinal(string name) => throw new NotSupportedException();

    public string GetString(int i) => throw new NotSupportedException();

    public int GetValues(object[] values) => throw new NotSupportedException();

    public bool IsDBNull(int i) => throw new NotSupportedException();
}
