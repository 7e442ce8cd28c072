using System;
using System.Collections.Generic;
using System.Data;
using System.Data.SqlTypes;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Commands, queries and their typed answers.</summary>
public sealed class QueryTests : Bed
{
    private const string EveryType =
        "print b=true, i=int(-7), l=long(9223372036854775807), r=real(1.5), s='t', d=datetime(2026-01-02T03:04:05.6789Z), " +
        "ts=1d, g=guid(74be27de-1e4e-49d9-b579-fe0b331d3642), dec=decimal(1.25), dyn=dynamic({\"a\":[1]}), n=long(null)";

    private static readonly object[] EveryValue =
    [
        true, -7, long.MaxValue, 1.5, "t", new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(6_789_000),
        TimeSpan.FromDays(1), Guid.Parse("74be27de-1e4e-49d9-b579-fe0b331d3642"), new SqlDecimal(1.25m), """{"a":[1]}""", DBNull.Value,
    ];

    /// <summary>An address that names one role is used as it is.</summary>
    [Test]
    public void TheAddressOfADataManagementServiceIsKept()
    {
        using ICslAdminProvider admin = KustoClientFactory.CreateCslAdminProvider("https://ingest-nowhere.invalid");
        Assert.That(
            () => admin.ExecuteControlCommand("D", ".show tables", null),
            Throws.InstanceOf<KustoException>().With.Property("Host").EqualTo("ingest-nowhere.invalid"));
    }

    /// <summary>The collector sees what an answer holds: without that, readers that nobody disposes would stay for long.</summary>
    [Test]
    public void ReadersThatNobodyDisposesAreCollected()
    {
        ICslQueryProvider query = Query();
        WeakReference first = Undisposed(query);
        int answers = 1;
        while (first.IsAlive && answers < 200)
        {
            Undisposed(query);
            answers++;
        }
        Assert.That(first.IsAlive, Is.False, $"{answers} answers");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Undisposed(ICslQueryProvider query) =>
        new(query.ExecuteQuery("range x from 1000000 to 1200000 step 1"));

    [TestCase(true)]
    [TestCase(false)]
    public async Task TypedValues(bool asynchronous)
    {
        ICslQueryProvider query = Query();
        using IDataReader answer = asynchronous ? await query.ExecuteQueryAsync(null, EveryType) : query.ExecuteQuery(EveryType);
        KustoDataReader reader = (KustoDataReader)answer;
        Assert.That(reader.RowCount, Is.EqualTo(1));
        Assert.That(reader.HasRows);
        Assert.That(() => reader.GetValue(0), Throws.InvalidOperationException);
        Assert.That(reader.Read());
        object[] values = new object[reader.FieldCount];
        Assert.That(reader.GetValues(values), Is.EqualTo(EveryValue.Length));
        Assert.That(values, Is.EqualTo(EveryValue));
        for (int i = 0; i < EveryValue.Length - 1; i++)
        {
            Assert.That(reader.GetFieldType(i), Is.EqualTo(EveryValue[i].GetType()), reader.GetName(i));
        }
        Assert.That(reader.GetDataTypeName(2), Is.EqualTo("long"));
        Assert.That(reader["r"], Is.EqualTo(1.5));
        Assert.That(reader[1], Is.EqualTo(-7));
        Assert.That(reader.GetInt64(1), Is.EqualTo(-7));
        Assert.That(reader.GetInt16(1), Is.EqualTo(-7));
        Assert.That(reader.GetDouble(1), Is.EqualTo(-7.0));
        Assert.That(reader.GetFloat(3), Is.EqualTo(1.5f));
        Assert.That(reader.GetDecimal(8), Is.EqualTo(1.25m));
        Assert.That(reader.GetDecimal(1), Is.EqualTo(-7m));
        Assert.That(reader.GetChar(4), Is.EqualTo('t'));
        Assert.That(reader.GetString(2), Is.EqualTo("9223372036854775807"));
        char[] characters = new char[3];
        Assert.That(reader.GetChars(2, 1, characters, 0, 3), Is.EqualTo(3));
        Assert.That(new string(characters), Is.EqualTo("223"));
        Assert.That(reader.GetChars(2, 0, null, 0, 0), Is.EqualTo(19));
        Assert.That(reader.IsDBNull(10));
        Assert.That(reader.Read(), Is.False);
        Assert.That(reader.NextResult(), Is.False);
    }

    [Test]
    public void AValueOfAWantedType()
    {
        using KustoDataReader reader = (KustoDataReader)Query().ExecuteQuery(
            "print i=int(7), l=long(3000000000), n=long(null), dec=decimal(1.25), r=real(0.5), day=datetime(2026-01-02), " +
            "time=datetime(2026-01-02T03:04:05Z), span=time(01:02:03), days=2d, s='text', b=true");
        Assert.That(reader.Read());
        Assert.That(reader.GetFieldValue<long>(0), Is.EqualTo(7L));
        Assert.That(reader.GetFieldValue<byte>(0), Is.EqualTo((byte)7));
        Assert.That(reader.GetFieldValue<double>(0), Is.EqualTo(7.0));
        Assert.That(reader.GetFieldValue<int?>(0), Is.EqualTo(7));
        Assert.That(reader.GetFieldValue<long?>(2), Is.Null);
        Assert.That(reader.GetFieldValue<DateTimeOffset?>(2), Is.Null);
        Assert.That(reader.GetFieldValue<decimal>(3), Is.EqualTo(1.25m));
        Assert.That(reader.GetFieldValue<decimal?>(3), Is.EqualTo(1.25m));
        Assert.That(reader.GetFieldValue<SqlDecimal>(3), Is.EqualTo(new SqlDecimal(1.25m)));
        Assert.That(reader.GetFieldValue<float>(4), Is.EqualTo(0.5f));
        DateTimeOffset time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        Assert.That(reader.GetFieldValue<DateTimeOffset>(6), Is.EqualTo(time));
        Assert.That(reader.GetFieldValue<DateTimeOffset>(6).Offset, Is.EqualTo(TimeSpan.Zero));
        Assert.That(reader.GetFieldValue<DateTime?>(6), Is.EqualTo(time.UtcDateTime));
        Assert.That(reader.GetFieldValue<string>(9), Is.EqualTo("text"));
        Assert.That(reader.GetFieldValue<bool?>(10), Is.True);
        Assert.That(reader.GetFieldValue<object>(2), Is.EqualTo(DBNull.Value));
        Assert.That(() => reader.GetFieldValue<long>(2), Throws.InstanceOf<InvalidCastException>());
        Assert.That(() => reader.GetFieldValue<string>(0), Throws.InstanceOf<InvalidCastException>());
        Assert.That(() => reader.GetFieldValue<Guid>(0), Throws.InstanceOf<InvalidCastException>());
        Assert.That(() => reader.GetFieldValue<int>(1), Throws.InstanceOf<OverflowException>());
#if !LIBRARY_NETSTANDARD2_0
        Assert.That(reader.GetFieldValue<DateOnly>(5), Is.EqualTo(new DateOnly(2026, 1, 2)));
        Assert.That(() => reader.GetFieldValue<DateOnly>(6), Throws.InstanceOf<InvalidCastException>());
        Assert.That(reader.GetFieldValue<TimeOnly?>(7), Is.EqualTo(new TimeOnly(1, 2, 3)));
        Assert.That(() => reader.GetFieldValue<TimeOnly>(8), Throws.InstanceOf<OverflowException>());
#endif
    }

    [Test]
    public void WhatDoesNotFitIsRefused()
    {
        using IDataReader reader = Query().ExecuteQuery(
            "print big=3000000000, text='x', nothing=long(null), dec=decimal(1234567890123456789012345678)");
        Assert.That(reader.Read());
        Assert.That(() => reader.GetInt32(0), Throws.InstanceOf<OverflowException>());
        Assert.That(() => reader.GetByte(0), Throws.InstanceOf<OverflowException>());
        Assert.That(() => reader.GetBoolean(0), Throws.InstanceOf<InvalidCastException>());
        Assert.That(() => reader.GetInt64(1), Throws.InstanceOf<InvalidCastException>());
        Assert.That(() => reader.GetDouble(1), Throws.InstanceOf<InvalidCastException>());
        Assert.That(() => reader.GetDecimal(1), Throws.InstanceOf<InvalidCastException>());
        Assert.That(() => reader.GetInt64(2), Throws.InstanceOf<InvalidCastException>());
        Assert.That(() => reader.GetString(2), Throws.InstanceOf<InvalidCastException>());
        Assert.That(reader.GetDecimal(3), Is.EqualTo(1234567890123456789012345678m));
        Assert.That(() => reader.GetValue(4), Throws.InstanceOf<IndexOutOfRangeException>());
        Assert.That(() => reader.GetOrdinal("none"), Throws.InstanceOf<IndexOutOfRangeException>());
        Assert.That(() => reader.GetBytes(0, 0, null, 0, 0), Throws.InstanceOf<NotSupportedException>());
        reader.Dispose();
        Assert.That(reader.IsClosed);
        Assert.That(() => reader.Read(), Throws.InvalidOperationException);
    }

    [Test]
    public void ADataTableLoadsAnAnswer()
    {
        using IDataReader reader = Query().ExecuteQuery("range x from 1 to 3 step 1 | extend y=strcat('n', x), z=iif(x == 2, long(null), x)");
        using DataTable table = new();
        table.Load(reader);
        Assert.That(table.Rows, Has.Count.EqualTo(3));
        Assert.That(table.Rows[1].ItemArray, Is.EqualTo(new object[] { 2L, "n2", DBNull.Value }));
        Assert.That(table.Columns["x"]!.DataType, Is.EqualTo(typeof(long)));
    }

    [Test]
    public void RowsMayBeEnumerated()
    {
        using KustoDataReader reader = (KustoDataReader)Query().ExecuteQuery("range x from 1 to 3 step 1");
        Assert.That(reader.Cast<IDataRecord>().Select(record => record.GetInt64(0)).ToArray(), Is.EqualTo(new[] { 1L, 2L, 3L }));
    }

    [Test]
    public void AnEmptyAnswerHasColumns()
    {
        using KustoDataReader reader = (KustoDataReader)Query().ExecuteQuery("print x=1 | where x == 2");
        Assert.That(reader.FieldCount, Is.EqualTo(1));
        Assert.That(reader.HasRows, Is.False);
        Assert.That(reader.Read(), Is.False);
        Assert.That(reader.GetSchemaTable().Rows, Has.Count.EqualTo(1));
        using System.Text.Json.JsonDocument whole = System.Text.Json.JsonDocument.Parse(reader.ToJson());
        Assert.That(whole.RootElement.GetProperty("tables").GetArrayLength(), Is.GreaterThan(1));
    }

    [Test]
    public void ParametersCannotBecomeQuery()
    {
        ClientRequestProperties properties = new() { ClientRequestId = "KCS.test;request" };
        properties.SetParameter("s", "it's \"} | take 0 //");
        properties.SetParameter("b", true);
        properties.SetParameter("i", -3);
        properties.SetParameter("l", long.MaxValue);
        properties.SetParameter("r", 0.25);
        properties.SetParameter("dec", 1.5m);
        properties.SetParameter("d", new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc));
        properties.SetParameter("t", TimeSpan.FromMinutes(90));
        properties.SetParameter("g", Guid.Empty);
        properties.SetParameter("gone", 1);
        properties.ClearParameter("gone");
        Assert.That(properties.HasParameter("s") && !properties.HasParameter("gone"));
        properties.SetOption(ClientRequestProperties.OptionNoTruncation, true);
        properties.SetOption(ClientRequestProperties.OptionServerTimeout, TimeSpan.FromMinutes(2));
        properties.SetOption("query_now", new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        properties.ClearOption("query_now");
        Assert.That(properties.HasOption("notruncation") && !properties.HasOption("query_now"));
        using IDataReader reader = Query().ExecuteQuery(
            "declare query_parameters(s:string, b:bool, i:int, l:long, r:real, dec:decimal, d:datetime, t:timespan, g:guid); " +
            "print s, b, i, l, r, dec, d, t, g",
            properties);
        Assert.That(reader.Read());
        object[] values = new object[9];
        reader.GetValues(values);
        Assert.That(values, Is.EqualTo(new object[]
        {
            "it's \"} | take 0 //", true, -3, long.MaxValue, 0.25, new SqlDecimal(1.5m),
            new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc), TimeSpan.FromMinutes(90), Guid.Empty,
        }));
    }

    [Test]
    public void BadOptions()
    {
        ICslQueryProvider query = Query();
        Failed<KustoClientException>(
            () => query.ExecuteQuery("print 1", new ClientRequestProperties { ClientRequestId = "\n" }), KustoErrorCode.InvalidArgument);
        ClientRequestProperties unnamed = new();
        unnamed.SetOption("", true);
        Failed<KustoClientException>(() => query.ExecuteQuery("print 1", unnamed), KustoErrorCode.InvalidArgument);
        ClientRequestProperties misspelt = new();
        misspelt.SetOption("notruncatoin", true);
        Assert.That(
            Failed<KustoClientException>(() => query.ExecuteQuery("print 1", misspelt), KustoErrorCode.InvalidArgument).Message,
            Does.Contain("did you mean 'notruncation'"));
        misspelt.ClearOption("notruncatoin");
        misspelt.SetAdditionalOption("query_of_tomorrow", true);
        Assert.That(misspelt.HasOption("query_of_tomorrow"));
        query.ExecuteQuery("print 1", misspelt).Dispose();
        Assert.That(() => query.ExecuteQuery(null!), Throws.ArgumentNullException);
        Assert.That(() => unnamed.SetOption("x", null!), Throws.ArgumentNullException);
    }

    [Test]
    public void CaseDoesNotCountInTheNamesOfOptions()
    {
        ICslQueryProvider query = Query();
        ClientRequestProperties properties = new();
        properties.SetOption("NoTruncation", true);
        Assert.That(properties.HasOption(" notruncation "));
        properties.SetOption("NoTruncatoin", true);
        properties.ClearOption("notruncatoin");
        // The later one counts, whichever method set it.
        properties.SetOption("Query_Of_Tomorrow", true);
        properties.SetAdditionalOption("query_of_tomorrow", true);
        query.ExecuteQuery("print 1", properties).Dispose();
        properties.SetOption("QUERY_OF_TOMORROW", true);
        KustoException failure = Failed<KustoClientException>(() => query.ExecuteQuery("print 1", properties), KustoErrorCode.InvalidArgument);
        Assert.That(failure.Argument, Is.EqualTo("QUERY_OF_TOMORROW"));
        properties.ClearOption("Query_of_tomorrow");
        query.ExecuteQuery("print 1", properties).Dispose();
        Assert.That(() => properties.HasOption(null!), Throws.ArgumentNullException);
        Assert.That(() => properties.ClearOption(null!), Throws.ArgumentNullException);
    }

    [Test]
    public void ACommandIsNoQueryAndAQueryNoCommand()
    {
        Failed<KustoClientException>(() => Query().ExecuteQuery("  \n.show tables"), KustoErrorCode.InvalidArgument);
        Failed<KustoClientException>(() => Admin().ExecuteControlCommand("print 1"), KustoErrorCode.InvalidArgument);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task ADatabaseIsTakenFromCallOrDefault(bool asynchronous)
    {
        using ICslAdminProvider admin = KustoClientFactory.CreateCslAdminProvider(Connection);
        string table = NewTable();
        using IDataReader named = asynchronous
            ? await admin.ExecuteControlCommandAsync(Database, $".show table ['{table}'] cslschema")
            : admin.ExecuteControlCommand(databaseName: Database, command: $".show table ['{table}'] cslschema");
        Assert.That(named.Read());
        Assert.That(admin.DefaultDatabaseName, Is.Not.EqualTo(Database));
        admin.DefaultDatabaseName = Database;
        using IDataReader byDefault = admin.ExecuteControlCommand($".show table ['{table}'] cslschema");
        Assert.That(byDefault.Read());
        Assert.That(Query().DefaultDatabaseName, Is.EqualTo(Database));
    }

    [Test]
    public void ALargeAnswerIsHeldAndGivenBack()
    {
        using IDataReader reader = Query().ExecuteQuery("range x from 1 to 100000 step 1 | extend s=strcat('row ', x)");
        long sum = 0;
        while (reader.Read())
        {
            sum += reader.GetInt64(0) + reader.GetString(1).Length;
        }
        Assert.That(sum, Is.EqualTo(100_000L * 100_001 / 2 + 4 * 100_000 + Enumerable.Range(1, 100_000).Sum(x => x.ToString().Length)));
    }
}
