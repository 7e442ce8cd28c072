using System;
using System.Collections.Generic;
using System.Data;
using System.Data.SqlTypes;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>A query returns the rows that a data reader ingested.</summary>
public sealed class DataReaderTests : Bed
{
    private static readonly string[] Texts =
    [
        "", " ", "plain", "a,b", "\"quoted\"", "\"", "two\nlines", "two\r\nlines", "\r", "tab\there", "trailing space ", " leading",
        "żółw 🐢 数据", "\uFEFFmark", "#comment", "null", "'", "\\n", "a\u0001b", new string('x', 300_000) + "\"",
    ];

    [TestCase(true)]
    [TestCase(false)]
    public async Task TextsComeBackAsTheyAre(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        using DataTable data = Table(("Id", typeof(long)), ("Text", typeof(string)));
        for (int i = 0; i < Texts.Length; i++)
        {
            data.Rows.Add((long)i, Texts[i]);
        }
        Ingested(asynchronous
            ? await client.IngestFromDataReaderAsync(data.CreateDataReader(), Now(table))
            : client.IngestFromDataReader(data.CreateDataReader(), Now(table)));
        using IDataReader answer = Query().ExecuteQuery($"['{table}'] | order by Id asc | project Text");
        foreach (string text in Texts)
        {
            Assert.That(answer.Read());
            Assert.That(answer.GetString(0), Is.EqualTo(text));
        }
        Assert.That(answer.Read(), Is.False);
    }

    [Test]
    public async Task OneColumnWithNothingInItIsStillARecord()
    {
        IKustoQueuedIngestClient client = NewClient();
        string texts = NewTable(("Text", typeof(string)));
        using DataTable data = Table(("Text", typeof(string)));
        data.Rows.Add("");
        data.Rows.Add(DBNull.Value);
        data.Rows.Add("x");
        await Ingested(client.IngestFromDataReaderAsync(data.CreateDataReader(), Now(texts)));
        Assert.That(Count(texts), Is.EqualTo(3));

        string numbers = NewTable(("Number", typeof(long)));
        using DataTable more = Table(("Number", typeof(long)));
        more.Rows.Add(DBNull.Value);
        more.Rows.Add(7L);
        await Ingested(client.IngestFromDataReaderAsync(more.CreateDataReader(), Now(numbers)));
        Assert.That(Count(numbers), Is.EqualTo(2));
        Assert.That(Number($"['{numbers}'] | where isnull(Number) | count"), Is.EqualTo(1));
    }

    [Test]
    public async Task EveryTypeComesBack()
    {
        (string Name, Type Type, object Value)[] cells =
        [
            ("Flag", typeof(bool), true),
            ("Small", typeof(byte), byte.MaxValue),
            ("Int", typeof(int), int.MinValue),
            ("Long", typeof(long), long.MaxValue),
            ("Real", typeof(double), 0.1 + 0.2),
            ("Decimal", typeof(decimal), 79228162514264.337593543950335m),
            ("Time", typeof(DateTime), new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(6_789_012)),
            ("Span", typeof(TimeSpan), new TimeSpan(1, 2, 3, 4).Add(TimeSpan.FromTicks(-5)).Negate()),
            ("Id", typeof(Guid), Guid.Parse("74be27de-1e4e-49d9-b579-fe0b331d3642")),
            ("Text", typeof(string), "it's"),
            ("Bag", typeof(object), new Dictionary<string, object> { ["a"] = new object[] { 1, true, "ü\"" }, ["b"] = 1.5 }),
        ];
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable(cells.Select(cell => (cell.Name, cell.Type == typeof(byte) ? typeof(int) : cell.Type)).ToArray());
        using DataTable data = Table(cells.Select(cell => (cell.Name, cell.Type)).ToArray());
        data.Rows.Add(cells.Select(cell => cell.Value).ToArray());
        data.Rows.Add(cells.Select(cell => (object)DBNull.Value).ToArray());
        await Ingested(client.IngestFromDataReaderAsync(data.CreateDataReader(), Now(table)));

        using KustoDataReader answer = (KustoDataReader)Query().ExecuteQuery($"['{table}'] | order by Int asc nulls last");
        Assert.That(answer.Read());
        Assert.That(answer.GetBoolean(0), Is.True);
        Assert.That(answer.GetByte(1), Is.EqualTo(byte.MaxValue));
        Assert.That(answer.GetInt32(2), Is.EqualTo(int.MinValue));
        Assert.That(answer.GetInt64(3), Is.EqualTo(long.MaxValue));
        Assert.That(answer.GetDouble(4), Is.EqualTo(0.1 + 0.2));
        Assert.That(answer.GetDecimal(5), Is.EqualTo(cells[5].Value));
        Assert.That(answer.GetDateTime(6), Is.EqualTo(cells[6].Value));
        Assert.That(answer.GetDateTime(6).Kind, Is.EqualTo(DateTimeKind.Utc));
        Assert.That(answer.GetTimeSpan(7), Is.EqualTo(cells[7].Value));
        Assert.That(answer.GetGuid(8), Is.EqualTo(cells[8].Value));
        Assert.That(answer.GetString(9), Is.EqualTo("it's"));
        Assert.That(answer.GetString(10), Is.EqualTo("""{"a":[1,true,"ü\""],"b":1.5}"""));
        Assert.That(answer.Read());
        for (int i = 0; i < cells.Length; i++)
        {
            // A string is never null.
            Assert.That(answer.IsDBNull(i), Is.EqualTo(cells[i].Name != "Text"), cells[i].Name);
        }
    }

    [Test]
    public async Task OtherTypesHaveTheirNotation()
    {
        (object Value, string Expected)[] cells =
        [
            (new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Unspecified), "2026-01-02T03:04:05.0000000Z"),
            (new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(2)), "2026-01-02T01:04:05.0000000Z"),
            (DateTime.MaxValue, "9999-12-31T23:59:59.9999999Z"),
            (double.NaN, "NaN"),
            (double.PositiveInfinity, "Infinity"),
            (float.NegativeInfinity, "-Infinity"),
            (0.1f, "0.1"),
            (double.MaxValue, "1.7976931348623157E+308"),
            (-1.5m, "-1.5"),
            (ulong.MaxValue, "18446744073709551615"),
            ('c', "c"),
            (new byte[] { 1, 2, 255 }, "AQL/"),
            (new SqlDecimal(12.5m), "12.5"),
            (new SqlDateTime(2026, 1, 2), "2026-01-02T00:00:00.0000000Z"),
            (new SqlDouble(1.25), "1.25"),
            (SqlInt32.Null, ""),
            (SqlBoolean.True, "true"),
            (new SqlString("it's"), "it's"),
            (new SqlChars("chars".ToCharArray()), "chars"),
            (new SqlBytes([1, 2, 255]), "AQL/"),
            (new int[] { 1, 2 }, "[1,2]"),
            (TimeSpan.FromDays(400), "400.00:00:00"),
            (DayOfWeek.Friday, "Friday"),
            (new Uri("https://a.b/c?d"), "https://a.b/c?d"),
            (new Version(1, 2), "1.2"),
#if !LIBRARY_NETSTANDARD2_0
            (new DateOnly(2026, 1, 2), "2026-01-02"),
            (new TimeOnly(3, 4, 5), "03:04:05"),
#endif
        ];
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        using DataTable data = Table(("Id", typeof(long)), ("Text", typeof(object)));
        for (int i = 0; i < cells.Length; i++)
        {
            data.Rows.Add((long)i, cells[i].Value);
        }
        await Ingested(client.IngestFromDataReaderAsync(data.CreateDataReader(), Now(table)));
        using IDataReader answer = Query().ExecuteQuery($"['{table}'] | order by Id asc | project Text");
        foreach ((object value, string expected) in cells)
        {
            Assert.That(answer.Read());
            Assert.That(answer.GetString(0), Is.EqualTo(expected), value.GetType().Name);
        }
    }

    [Test]
    public void NumbersHaveNoCulture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        other.NumberFormat.NegativeSign = "\u2212";
        other.NumberFormat.NumberDecimalSeparator = ",";
        CultureInfo.CurrentCulture = other;
        try
        {
            object[] whole = [-7, -7L, (short)-7, new SqlInt16(-7), new SqlInt32(-7), new SqlInt64(-7)];
            Assert.That(whole.Select(ScalarText.Of), Is.All.EqualTo("-7"));
            object[] parts = [-1.5, -1.5f, -1.5m, new SqlDouble(-1.5), new SqlSingle(-1.5f), new SqlDecimal(-1.5m)];
            Assert.That(parts.Select(ScalarText.Of), Is.All.EqualTo("-1.5"));
            Assert.That(ScalarText.Of(new SqlMoney(-1.5m)), Does.StartWith("-1.5"));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Test]
    public async Task RealNumbersKeepEveryBit()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable(("Id", typeof(long)), ("Real", typeof(double)));
        double[] numbers = [double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, -0.1, 1e300, 5e-324, 123456789.123456789];
        using DataTable data = Table(("Id", typeof(long)), ("Real", typeof(double)));
        for (int i = 0; i < numbers.Length; i++)
        {
            data.Rows.Add((long)i, numbers[i]);
        }
        await Ingested(client.IngestFromDataReaderAsync(data.CreateDataReader(), Now(table)));
        using IDataReader answer = Query().ExecuteQuery($"['{table}'] | order by Id asc | project Real");
        foreach (double number in numbers)
        {
            Assert.That(answer.Read());
            Assert.That(answer.GetDouble(0), Is.EqualTo(number));
        }
    }

    [Test]
    public async Task RowsAreMadeWhileTheyAreRead()
    {
        const int rows = 200_000;
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        await Ingested(client.IngestFromDataReaderAsync(new CountingReader(rows, null), Now(table)));
        Assert.That(Count(table), Is.EqualTo(rows));
        Assert.That(Number($"['{table}'] | summarize sum(Id)"), Is.EqualTo((long)rows * (rows - 1) / 2));
    }

    [Test]
    public async Task AnAsynchronousReaderNeedsNoThreadOfThePool()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        AsynchronousReader reader = new(5_000);
        Task<IKustoIngestionResult> ingesting = client.IngestFromDataReaderAsync(reader, Now(table));
        Assert.That(reader.First, Is.SameAs(Thread.CurrentThread));
        await Ingested(ingesting);
        Assert.That(Count(table), Is.EqualTo(5_000));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void AReaderThatThrowsFailsTheIngestion(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.ResetTraffic();
        IOException broken = new("the connection is gone");
        CountingReader reader = new(100_000, broken);
        IngestClientException failure = asynchronous
            ? Failed<IngestClientException>(() => client.IngestFromDataReaderAsync(reader, Now("T")), KustoErrorCode.SourceIo)
            : Failed<IngestClientException>(() => client.IngestFromDataReader(reader, Now("T")), KustoErrorCode.SourceIo);
        Assert.That(failure.InnerException, Is.SameAs(broken));
        Assert.That(failure.Message, Does.Contain(broken.Message));
        Assert.That(reader.IsClosed);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    [Test]
    public void ATextThatIsNoTextFailsTheIngestion()
    {
        IKustoQueuedIngestClient client = NewClient();
        using DataTable data = Table(("Id", typeof(long)), ("Text", typeof(string)));
        data.Rows.Add(1L, "lone \uD800 surrogate");
        IngestClientException failure = Failed<IngestClientException>(
            () => client.IngestFromDataReader(data.CreateDataReader(), Now("T")), KustoErrorCode.SourceIo);
        Assert.That(failure.InnerException, Is.InstanceOf<ArgumentException>());
    }

    [Test]
    public void OnlyCsvIsMadeOfAReader()
    {
        IKustoQueuedIngestClient client = NewClient();
        KustoQueuedIngestionProperties properties = Now("T");
        properties.Format = DataSourceFormat.json;
        DataTableReader reader = new DataTable().CreateDataReader();
        IngestClientException failure = Failed<IngestClientException>(
            () => client.IngestFromDataReader(reader, properties), KustoErrorCode.InvalidArgument);
        Assert.That(failure.Argument, Is.EqualTo("Format"));
        Assert.That(reader.IsClosed);
    }

    [Test]
    public void TheFirstRowIsNoHeader()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        DataTable data = Table(("Id", typeof(long)), ("Text", typeof(string)));
        data.Rows.Add(1L, "one");
        KustoQueuedIngestionProperties properties = Now(table);
        properties.IgnoreFirstRecord = true;
        Ingested(client.IngestFromDataReader(data.CreateDataReader(), properties));
        Assert.That(Count(table), Is.EqualTo(1));
    }

    [Test]
    public void DictionariesOfAnyTypeBecomeObjects()
    {
        dynamic expando = new System.Dynamic.ExpandoObject();
        expando.a = 1;
        Assert.That(JsonWriter.Write((object)expando), Is.EqualTo("{\"a\":1}"));
        Assert.That(JsonWriter.Write(new SortedDictionary<int, object?> { [1] = null }), Is.EqualTo("{\"1\":null}"));
        Assert.That(JsonWriter.Write(new object?[] { new KeyValuePair<string, int>[] { new("b", 2) } }), Is.EqualTo("[{\"b\":2}]"));
        Assert.That(JsonWriter.Write(new object?[] { System.Data.SqlTypes.SqlInt32.Null }), Is.EqualTo("[null]"));
    }

    private static DataTable Table(params (string Name, Type Type)[] columns)
    {
        DataTable table = new();
        foreach ((string name, Type type) in columns)
        {
            table.Columns.Add(name, type);
        }
        return table;
    }
}
