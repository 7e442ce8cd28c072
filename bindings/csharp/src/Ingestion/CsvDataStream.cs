using System;
using System.Data;
using System.Data.Common;
using System.Data.SqlTypes;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>
/// The first record set of a data reader as CSV (RFC 4180, UTF-8), made while it is read: one row is in memory
/// at a time. Null is an empty field; an empty text is "" in quotes.
/// </summary>
internal sealed class CsvDataStream : Stream
{
    // A lone surrogate fails the ingestion rather than becoming a question mark.
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly IDataReader reader;
    private readonly StringBuilder line = new();
    private readonly int columns;
    private byte[] row = [];
    private int offset;
    private int length;

    internal CsvDataStream(IDataReader reader)
    {
        this.reader = reader;
        columns = reader.FieldCount;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        int filled = 0;
        while (filled < count && (Buffered || NextRow(reader.Read())))
        {
            filled += CopyTo(buffer, offset + filled, count - filled);
        }
        return filled;
    }

    public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        int filled = 0;
        while (filled < count && (Buffered || NextRow(await ReadRowAsync(cancellationToken).ConfigureAwait(false))))
        {
            filled += CopyTo(buffer, offset + filled, count - filled);
        }
        return filled;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private bool Buffered => offset < length;

    private Task<bool> ReadRowAsync(CancellationToken cancellation)
    {
        if (reader is DbDataReader asynchronous)
        {
            return asynchronous.ReadAsync(cancellation);
        }
        cancellation.ThrowIfCancellationRequested();
        return reader.Read() ? Task.FromResult(true) : Task.FromResult(false);
    }

    private int CopyTo(byte[] buffer, int at, int space)
    {
        int count = Math.Min(space, length - offset);
        Buffer.BlockCopy(row, offset, buffer, at, count);
        offset += count;
        return count;
    }

    /// <summary>Turns the current row, if there is one, into a line.</summary>
    private bool NextRow(bool found)
    {
        if (!found)
        {
            return false;
        }
        line.Clear();
        for (int i = 0; i < columns; i++)
        {
            if (i > 0)
            {
                line.Append(',');
            }
            AppendField(i);
        }
        line.Append('\n');
        Encode();
        return true;
    }

    private void AppendField(int column)
    {
        object value = reader.GetValue(column);
        if (value is null or DBNull || value is INullable { IsNull: true })
        {
            // An empty line would not be a record.
            line.Append(columns == 1 ? "\"\"" : "");
            return;
        }
        string text = ScalarText.Of(value);
        if (NeedsQuotes(text))
        {
            line.Append('"').Append(text.Replace("\"", "\"\"")).Append('"');
        }
        else
        {
            line.Append(text);
        }
    }

    /// <summary>Beyond RFC 4180: empty texts, leading and trailing spaces, and a byte order mark at the start.</summary>
    private static bool NeedsQuotes(string text)
    {
        if (text.Length == 0)
        {
            return true;
        }
        if (char.IsWhiteSpace(text[0]) || char.IsWhiteSpace(text[text.Length - 1]) || text[0] == '\uFEFF')
        {
            return true;
        }
        foreach (char next in text)
        {
            if (next is ',' or '"' or '\r' or '\n' or '\0')
            {
                return true;
            }
        }
        return false;
    }

    private void Encode()
    {
        string text = line.ToString();
        int most = Utf8.GetMaxByteCount(text.Length);
        if (row.Length < most)
        {
            row = new byte[most];
        }
        length = Utf8.GetBytes(text, 0, text.Length, row, 0);
        offset = 0;
    }
}
