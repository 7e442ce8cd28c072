using System;
using System.Collections;
using System.Data;
using System.Data.Common;
using System.Data.SqlTypes;
using System.Diagnostics.CodeAnalysis;

namespace Kusto.Ingest.Native;

/// <summary>The result of a command or query, positioned before the first row of its first table. For one thread at a time.</summary>
/// <remarks>
/// The values of bool are <see cref="bool"/>, of int <see cref="int"/>, of long <see cref="long"/>, of real
/// <see cref="double"/>, of decimal <see cref="SqlDecimal"/>, of datetime <see cref="DateTime"/> (UTC), of timespan
/// <see cref="TimeSpan"/>, of guid <see cref="Guid"/>, of string <see cref="string"/>, of dynamic the JSON text as the
/// service wrote it, in which quotes distinguish a text from a number. Null is <see cref="DBNull"/>; an empty text is not null.
/// </remarks>
public sealed class KustoDataReader : DbDataReader
{
    private readonly Rows rows;
    private KustoColumn[] columns = [];
    private long rowCount;
    private bool onRow;

    internal KustoDataReader(RowsHandle rows)
        : this(new NativeRows(rows))
    {
    }

    internal KustoDataReader(Rows rows)
    {
        this.rows = rows;
        BeginTable();
    }

    /// <summary>Whether the reader is closed.</summary>
    public override bool IsClosed => rows.IsClosed;

    /// <summary>How many columns the current table has.</summary>
    public override int FieldCount => columns.Length;

    /// <summary>Whether the current table has rows.</summary>
    public override bool HasRows => rowCount > 0;

    /// <summary>How many rows the current table has.</summary>
    public long RowCount => rowCount;

    /// <summary>Always 0.</summary>
    public override int Depth => 0;

    /// <summary>Always -1: nothing was changed by reading.</summary>
    public override int RecordsAffected => -1;

    /// <summary>A value of the current row.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    public override object this[int ordinal] => GetValue(ordinal);

    /// <summary>A value of the current row.</summary>
    /// <param name="name">The column's name.</param>
    public override object this[string name] => GetValue(GetOrdinal(name));

    /// <summary>Moves to the next row of the current table.</summary>
    /// <returns>False at the end.</returns>
    public override bool Read()
    {
        ThrowIfClosed();
        return onRow = rows.Next();
    }

    /// <summary>Moves before the first row of the next table, for texts with several results.</summary>
    /// <returns>False at the end.</returns>
    public override bool NextResult()
    {
        ThrowIfClosed();
        if (!rows.NextTable())
        {
            return false;
        }
        BeginTable();
        return true;
    }

    /// <summary>Frees the result's memory.</summary>
    public override void Close() => rows.Dispose();

    /// <summary>The name of a column.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The name.</returns>
    public override string GetName(int ordinal) => Column(ordinal).Name;

    /// <summary>The position of a column; an exact match wins over one that differs in case only.</summary>
    /// <param name="name">The column's name.</param>
    /// <returns>The position, counted from 0.</returns>
    /// <exception cref="IndexOutOfRangeException">There is no such column.</exception>
    public override int GetOrdinal(string name)
    {
        int found = Array.FindIndex(columns, column => column.Name == name);
        if (found < 0)
        {
            found = Array.FindIndex(columns, column => string.Equals(column.Name, name, StringComparison.OrdinalIgnoreCase));
        }
        return found >= 0 ? found : throw new IndexOutOfRangeException($"There is no column '{name}'.");
    }

    /// <summary>The Kusto type of a column, such as "long".</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The type's name.</returns>
    public override string GetDataTypeName(int ordinal) => Column(ordinal).Type;

    /// <summary>The .NET type of a column's values.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The type.</returns>
    [return: DynamicallyAccessedMembers(KustoColumn.Accessed)]
    public override Type GetFieldType(int ordinal) => Column(ordinal).ClrType;

    /// <summary>Whether a value of the current row is null.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>True if it is.</returns>
    public override bool IsDBNull(int ordinal) => Text(ordinal) is null;

    /// <summary>A value of the current row.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>A value of the column's .NET type, or <see cref="DBNull.Value"/>.</returns>
    public override object GetValue(int ordinal) => Text(ordinal) is { } text ? Column(ordinal).Value(text) : DBNull.Value;

    /// <summary>A value of the current row, converted as the method of its type converts it.</summary>
    /// <remarks>
    /// Besides the column's own type: numbers where they fit, <see cref="decimal"/>, <see cref="DateTimeOffset"/> (UTC) of datetime,
    /// on .NET 6 and later DateOnly of a datetime at midnight and TimeOnly of a timespan within a day, and
    /// <see cref="Nullable{T}"/> of each, which alone may be null.
    /// </remarks>
    /// <typeparam name="T">The wanted type.</typeparam>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value; null only for a nullable type.</returns>
    /// <exception cref="InvalidCastException">It is null, or the column is of a type that cannot be converted.</exception>
    /// <exception cref="OverflowException">It does not fit.</exception>
    public override T GetFieldValue<T>(int ordinal)
    {
        Type? nullable = Nullable.GetUnderlyingType(typeof(T));
        if (nullable is not null && IsDBNull(ordinal))
        {
            return default!;
        }
        return (T)As(nullable ?? typeof(T), ordinal);
    }

    /// <summary>Copies the values of the current row.</summary>
    /// <param name="values">The destination.</param>
    /// <returns>How many were copied.</returns>
    public override int GetValues(object[] values)
    {
        int count = Math.Min((values ?? throw new ArgumentNullException(nameof(values))).Length, columns.Length);
        for (int i = 0; i < count; i++)
        {
            values[i] = GetValue(i);
        }
        return count;
    }

    /// <summary>A value of any type, in the service's notation.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The text.</returns>
    /// <exception cref="InvalidCastException">It is null.</exception>
    public override string GetString(int ordinal) => Text(ordinal) ?? throw IsNull(ordinal);

    /// <summary>A value of type bool.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    public override bool GetBoolean(int ordinal) => Get<bool>(ordinal);

    /// <summary>A value of type int or long.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    /// <exception cref="OverflowException">It does not fit.</exception>
    public override byte GetByte(int ordinal) => checked((byte)GetInt64(ordinal));

    /// <summary>A value of type int or long.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    /// <exception cref="OverflowException">It does not fit.</exception>
    public override short GetInt16(int ordinal) => checked((short)GetInt64(ordinal));

    /// <summary>A value of type int or long.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    /// <exception cref="OverflowException">It does not fit.</exception>
    public override int GetInt32(int ordinal) => checked((int)GetInt64(ordinal));

    /// <summary>A value of type int or long.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    public override long GetInt64(int ordinal) => NotNull(ordinal) is int number ? number : Get<long>(ordinal);

    /// <summary>A value of type real, int or long.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    public override double GetDouble(int ordinal) => NotNull(ordinal) switch
    {
        double number => number,
        int or long => GetInt64(ordinal),
        _ => throw IsAnother(ordinal, typeof(double)),
    };

    /// <summary>A value of type real, int or long.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value, rounded.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    public override float GetFloat(int ordinal) => (float)GetDouble(ordinal);

    /// <summary>A value of type decimal, int or long.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    /// <exception cref="OverflowException">It has more digits: use <see cref="GetValue"/> or <see cref="GetString"/>.</exception>
    public override decimal GetDecimal(int ordinal) => NotNull(ordinal) switch
    {
        SqlDecimal number => KustoColumn.Exact(number),
        int or long => GetInt64(ordinal),
        _ => throw IsAnother(ordinal, typeof(decimal)),
    };

    /// <summary>A value of type datetime.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value, UTC.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    public override DateTime GetDateTime(int ordinal) => Get<DateTime>(ordinal);

    /// <summary>A value of type timespan.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    public TimeSpan GetTimeSpan(int ordinal) => Get<TimeSpan>(ordinal);

    /// <summary>A value of type guid.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The value.</returns>
    /// <exception cref="InvalidCastException">It is null or of another type.</exception>
    public override Guid GetGuid(int ordinal) => Get<Guid>(ordinal);

    /// <summary>A text of one character.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <returns>The character.</returns>
    /// <exception cref="InvalidCastException">It is null or longer.</exception>
    public override char GetChar(int ordinal) => GetString(ordinal) is { Length: 1 } text ? text[0] : throw IsAnother(ordinal, typeof(char));

    /// <summary>Not supported: Kusto has no binary type.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <param name="dataOffset">Where to begin in the value.</param>
    /// <param name="buffer">The destination.</param>
    /// <param name="bufferOffset">Where to begin in the destination.</param>
    /// <param name="length">How many to copy.</param>
    /// <returns>Nothing.</returns>
    /// <exception cref="NotSupportedException">Always.</exception>
    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) =>
        throw new NotSupportedException("Kusto has no binary type.");

    /// <summary>Characters of a value's text.</summary>
    /// <param name="ordinal">The column, counted from 0.</param>
    /// <param name="dataOffset">Where to begin in the value.</param>
    /// <param name="buffer">The destination; null asks for the length.</param>
    /// <param name="bufferOffset">Where to begin in the destination.</param>
    /// <param name="length">How many to copy.</param>
    /// <returns>How many were copied, or the text's length.</returns>
    /// <exception cref="InvalidCastException">It is null.</exception>
    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length)
    {
        string text = GetString(ordinal);
        if (buffer is null)
        {
            return text.Length;
        }
        int from = (int)Math.Min(dataOffset, text.Length);
        int count = Math.Min(length, text.Length - from);
        text.CopyTo(from, buffer, bufferOffset, count);
        return count;
    }

    /// <summary>The rows of the current table.</summary>
    /// <returns>An enumerator.</returns>
    public override IEnumerator GetEnumerator() => new DbEnumerator(this);

    /// <summary>Describes the columns, for <see cref="DataTable.Load(IDataReader)"/> and the like.</summary>
    /// <returns>One row for each column.</returns>
    public override DataTable GetSchemaTable()
    {
        DataTable schema = new("SchemaTable") { Locale = System.Globalization.CultureInfo.InvariantCulture };
        schema.Columns.Add(SchemaTableColumn.ColumnName, typeof(string));
        schema.Columns.Add(SchemaTableColumn.ColumnOrdinal, typeof(int));
        schema.Columns.Add(SchemaTableColumn.ColumnSize, typeof(int));
        schema.Columns.Add(SchemaTableColumn.DataType, typeof(Type));
        schema.Columns.Add(SchemaTableColumn.AllowDBNull, typeof(bool));
        for (int i = 0; i < columns.Length; i++)
        {
            schema.Rows.Add(columns[i].Name, i, -1, columns[i].ClrType, true);
        }
        return schema;
    }

    /// <summary>
    /// The whole result, including tables that the reader does not show:
    /// {"tables":[{"name":..,"kind":..,"columns":[{"name":..,"type":..}],"rows":[[..]]}]}.
    /// </summary>
    /// <returns>The JSON text.</returns>
    public string ToJson()
    {
        ThrowIfClosed();
        return rows.Json();
    }

    private void BeginTable()
    {
        onRow = false;
        columns = rows.Columns();
        rowCount = rows.Count;
    }

    private KustoColumn Column(int ordinal) =>
        ordinal >= 0 && ordinal < columns.Length ? columns[ordinal] : throw new IndexOutOfRangeException($"There is no column {ordinal}.");

    private string? Text(int ordinal)
    {
        ThrowIfClosed();
        _ = Column(ordinal);
        if (!onRow)
        {
            throw new InvalidOperationException("There is no current row: call Read.");
        }
        return rows.Text(ordinal);
    }

    private object As(Type wanted, int ordinal) =>
        wanted == typeof(bool) ? GetBoolean(ordinal)
        : wanted == typeof(byte) ? GetByte(ordinal)
        : wanted == typeof(short) ? GetInt16(ordinal)
        : wanted == typeof(int) ? GetInt32(ordinal)
        : wanted == typeof(long) ? GetInt64(ordinal)
        : wanted == typeof(float) ? GetFloat(ordinal)
        : wanted == typeof(double) ? GetDouble(ordinal)
        : wanted == typeof(decimal) ? GetDecimal(ordinal)
        : wanted == typeof(char) ? GetChar(ordinal)
        : wanted == typeof(DateTimeOffset) ? new DateTimeOffset(GetDateTime(ordinal))
#if NET6_0_OR_GREATER
        : wanted == typeof(DateOnly) ? DateOf(ordinal)
        : wanted == typeof(TimeOnly) ? TimeOf(ordinal)
#endif
        : wanted == typeof(object) ? GetValue(ordinal)
        : wanted.IsInstanceOfType(NotNull(ordinal)) ? GetValue(ordinal) : throw IsAnother(ordinal, wanted);

#if NET6_0_OR_GREATER
    // The time of day must not get lost without a word.
    private DateOnly DateOf(int ordinal) => GetDateTime(ordinal) is { TimeOfDay.Ticks: 0 } date
        ? DateOnly.FromDateTime(date)
        : throw new InvalidCastException($"Column '{columns[ordinal].Name}' has a time of day: read it as {typeof(DateTime)}.");

    private TimeOnly TimeOf(int ordinal) => GetTimeSpan(ordinal) is { Ticks: >= 0 and < TimeSpan.TicksPerDay } time
        ? TimeOnly.FromTimeSpan(time)
        : throw new OverflowException($"Column '{columns[ordinal].Name}' has a time span outside of a day.");
#endif

    private object NotNull(int ordinal) => Text(ordinal) is { } text ? Column(ordinal).Value(text) : throw IsNull(ordinal);

    private T Get<T>(int ordinal) => NotNull(ordinal) is T value ? value : throw IsAnother(ordinal, typeof(T));

    private void ThrowIfClosed()
    {
        if (rows.IsClosed)
        {
            throw new InvalidOperationException("The reader is closed.");
        }
    }

    private InvalidCastException IsNull(int ordinal) => new($"Column '{columns[ordinal].Name}' is null: check IsDBNull first.");

    private InvalidCastException IsAnother(int ordinal, Type wanted) =>
        new($"Column '{columns[ordinal].Name}' of type {columns[ordinal].Type} cannot be read as {wanted}.");
}
