using System;
using System.Data;
using System.Data.SqlTypes;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Answers of a service that the emulator does not give.</summary>
public sealed class AnswerTests : Bed
{
    private const string Answer = """
        [{"FrameType":"DataSetHeader","IsProgressive":false,"Version":"v2.0"},
         {"FrameType":"DataTable","TableId":1,"TableKind":"PrimaryResult","TableName":"First","Columns":[
           {"ColumnName":"Number","ColumnType":"decimal"},{"ColumnName":"Real","ColumnType":"real"}],
          "Rows":[["1.5",1.5],["-1.25E+3","NaN"],["2E-3","Infinity"],["1e30","-Infinity"],["12345678901234567890123456789012.34",null],["1E+300",0]]},
         {"FrameType":"DataTable","TableId":2,"TableKind":"PrimaryResult","TableName":"Second","Columns":[
           {"ColumnName":"when","ColumnType":"datetime"},{"ColumnName":"When","ColumnType":"timespan"},{"ColumnName":"What","ColumnType":"dynamic"}],
          "Rows":[["9999-12-31T23:59:59.9999999Z","-10675199.02:48:05.4775808","text"],["yesterday","soon",{"a":1}]]},
         {"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]
        """;

    [Test]
    public void SeveralTables()
    {
        using FakeService service = new(Answer);
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider($"{service.Address};Initial Catalog=Db");
        using KustoDataReader reader = (KustoDataReader)query.ExecuteQuery("two tables");
        Assert.That(reader.RowCount, Is.EqualTo(6));

        string[] numbers = ["1.5", "-1250", "0.002", "1000000000000000000000000000000", "12345678901234567890123456789012.34"];
        foreach (string number in numbers)
        {
            Assert.That(reader.Read());
            Assert.That(reader.GetValue(0), Is.EqualTo(SqlDecimal.Parse(number)), number);
        }
        Assert.That(() => reader.GetDecimal(0), Throws.InstanceOf<OverflowException>());
        Assert.That(reader.IsDBNull(1));
        Assert.That(reader.Read());
        Assert.That(() => reader.GetValue(0), Throws.InstanceOf<FormatException>());
        Assert.That(reader.GetString(0), Is.EqualTo("1E+300"));

        Assert.That(reader.NextResult());
        Assert.That(() => reader.GetValue(0), Throws.InvalidOperationException);
        Assert.That(reader.RowCount, Is.EqualTo(2));
        Assert.That(reader.GetOrdinal("When"), Is.EqualTo(1));
        Assert.That(reader.GetOrdinal("WHEN"), Is.EqualTo(0));
        Assert.That(reader.Read());
        Assert.That(reader.GetDateTime(0), Is.EqualTo(DateTime.MaxValue));
        Assert.That(reader.GetTimeSpan(1), Is.EqualTo(TimeSpan.MinValue));
        Assert.That(reader.GetValue(2), Is.EqualTo("\"text\""));
        Assert.That(reader.Read());
        Assert.That(() => reader.GetDateTime(0), Throws.InstanceOf<FormatException>().With.Message.Contains("'when'"));
        Assert.That(reader.GetString(0), Is.EqualTo("yesterday"));
        Assert.That(reader.GetString(2), Is.EqualTo("""{"a":1}"""));
        Assert.That(reader.Read(), Is.False);
        Assert.That(reader.NextResult(), Is.False);
    }

    /// <summary>What the library could not read is not guessed.</summary>
    [Test]
    public void TextsThatAreNoneOfTheirType()
    {
        using FakeService service = new("""
            [{"FrameType":"DataTable","TableKind":"PrimaryResult","TableName":"T","Columns":[
               {"ColumnName":"d","ColumnType":"datetime"},{"ColumnName":"t","ColumnType":"timespan"},{"ColumnName":"g","ColumnType":"guid"},
               {"ColumnName":"b","ColumnType":"bool"},{"ColumnName":"i","ColumnType":"int"},{"ColumnName":"l","ColumnType":"long"},
               {"ColumnName":"r","ColumnType":"real"},{"ColumnName":"e","ColumnType":"decimal"}],
              "Rows":[["1-01-01","soon","{74be27de-1e4e-49d9-b579-fe0b331d3642}x","yes","0x10","1,000","1,5","1,5"],
                      ["Sunday","1 h","(x)","2","1.5","x","0x1p-2","one"],
                      ["00:00","1"," 74be27de-1e4e-49d9-b579-fe0b331d3642"," true "," 1","1 "," 1.5"," 1.5 "]]},
             {"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]
            """);
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider($"{service.Address};Initial Catalog=Db");
        using IDataReader reader = query.ExecuteQuery("odd texts");
        while (reader.Read())
        {
            for (int column = 0; column < reader.FieldCount; column++)
            {
                Assert.That(() => reader.GetValue(column), Throws.InstanceOf<FormatException>(), reader.GetString(column));
            }
        }
    }

    /// <summary>Quotes distinguish a text from a number, and nothing of a value is lost.</summary>
    [Test]
    public void DynamicValuesAreAsTheServiceWroteThem()
    {
        string[] values = ["\"123\"", "123", "\"true\"", "true", "\"null\"", "\"[1,2]\"", "[1,2]", "\"\"", "{\"a\":1,\"a\":0.100}", "12345678901234567890123"];
        string columns = string.Join(",", System.Linq.Enumerable.Select(values, static _ => """{"ColumnName":"c","ColumnType":"dynamic"}"""));
        using FakeService service = new($$"""
            [{"FrameType":"DataTable","TableKind":"PrimaryResult","TableName":"T","Columns":[{{columns}}],"Rows":[[{{string.Join(",", values)}}]]},
             {"FrameType":"DataSetCompletion","HasErrors":false,"Cancelled":false}]
            """);
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider($"{service.Address};Initial Catalog=Db");
        using IDataReader reader = query.ExecuteQuery("dynamics");
        Assert.That(reader.Read());
        object[] found = new object[values.Length];
        Assert.That(reader.GetValues(found), Is.EqualTo(values.Length));
        Assert.That(found, Is.EqualTo(values));
    }

    [Test]
    public void RealNumbersThatJsonDoesNotKnow()
    {
        using FakeService service = new(Answer);
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider($"{service.Address};Initial Catalog=Db");
        using IDataReader reader = query.ExecuteQuery("two tables");
        foreach (double expected in new[] { 1.5, double.NaN, double.PositiveInfinity, double.NegativeInfinity })
        {
            Assert.That(reader.Read());
            Assert.That(reader.GetDouble(1), Is.EqualTo(expected));
        }
    }

    [Test]
    public void TheServiceIsToldNames()
    {
        using FakeService service = new(Answer);
        KustoConnectionStringBuilder kcsb = new($"{service.Address};Initial Catalog=Db")
        {
            ApplicationNameForTracing = "the program",
            UserNameForTracing = "somebody",
        };
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(kcsb);
        query.ExecuteQuery("two tables", new ClientRequestProperties { ClientRequestId = "KCS.execute;1" }).Dispose();
        string headers = string.Join("\n", service.Headers);
        Assert.That(headers, Does.Contain("kusto-ingest-csharp.Client:{0.1.0}|Runtime..NET:{" + Environment.Version).And.Contain("the program").And.Contain("somebody").And.Contain("KCS.execute;1"));
    }

    [TestCase("<html>welcome</html>")]
    [TestCase("[{\"FrameType\":\"DataSetHeader\"")]
    [TestCase("")]
    public void WhatIsNoAnswerIsAnError(string said)
    {
        using FakeService service = new(said);
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider($"{service.Address};Initial Catalog=Db");
        Assert.Catch<KustoException>(() => query.ExecuteQuery("two tables"));
    }
}
