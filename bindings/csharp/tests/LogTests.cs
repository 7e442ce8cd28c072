using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Data;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>The log of a client, and the ids of ingestions in it.</summary>
public sealed class LogTests : Bed
{
    private readonly ConcurrentQueue<(KustoLogEvent Event, Activity? Activity)> events = new();

    [SetUp]
    public void Forget() => events.Clear();

    private KustoConnectionStringBuilder Logged(KustoLogLevel level = KustoLogLevel.Trace) => new KustoConnectionStringBuilder(Connection)
        .WithLog(level, logEvent =>
        {
            events.Enqueue((logEvent, Activity.Current));
            throw new InvalidOperationException("is lost");
        });

    private (KustoLogEvent Event, Activity? Activity)[] Of(string requestId) =>
        events.Where(each => each.Event.Fields.Contains(new KeyValuePair<string, object?>("client_request_id", requestId))).ToArray();

    [Test]
    public async Task TheAdapterOfTheReadmeHandsOnLevelNameMessageAndFields()
    {
        KeepingLogger logger = new();
        IKustoQueuedIngestClient client = NewClient(
            new KustoConnectionStringBuilder(Connection).WithLog(KustoLogLevel.Info, LogAdapter.To(logger)));
        await client.IngestFromBytesAsync(Bytes(TwoRows), new KustoQueuedIngestionProperties(Database, "T"));
        (LogLevel Level, string? Name, string Message, object? Fields) line = logger.Lines.Single(each => each.Name == "ingestion_queued");
        Assert.That(line.Level, Is.EqualTo(LogLevel.Information));
        Assert.That(line.Message, Does.Contain("handed over"));
        Assert.That(line.Fields, Does.Contain(new KeyValuePair<string, object?>("table", "T")));
    }

    [TestCase("bytes", true)]
    [TestCase("bytes", false)]
    [TestCase("stream", true)]
    [TestCase("stream", false)]
    [TestCase("file", true)]
    [TestCase("rows", true)]
    public async Task EventsOfAnIngestionRunInItsCallersActivity(string kind, bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient(Logged());
        using Activity first = new Activity("first").Start();
        IKustoIngestionResult one = await Ingest("first;1");
        first.Stop();
        using Activity second = new Activity("second").Start();
        IKustoIngestionResult two = await Ingest(null);
        second.Stop();
        Assert.That(one.ClientRequestId, Is.EqualTo("first;1"));
        Assert.That(two.ClientRequestId, Is.Not.Empty.And.Not.EqualTo(one.ClientRequestId));
        Assert.That(Of(one.ClientRequestId).Select(each => each.Activity), Is.Not.Empty.And.All.SameAs(first));
        Assert.That(Of(two.ClientRequestId).Select(each => each.Activity), Is.Not.Empty.And.All.SameAs(second));

        static DataTableReader Table()
        {
            using DataTable data = new() { Columns = { "Text" }, Rows = { "a" } };
            return data.CreateDataReader();
        }

        async Task<IKustoIngestionResult> Ingest(string? requestId)
        {
            KustoQueuedIngestionProperties properties = new(Database, "T") { ClientRequestId = requestId };
            Stream Rows() => new StreamTests.FakeStream(read => read == 0 ? Bytes(TwoRows) : []);
            return (kind, asynchronous) switch
            {
                ("bytes", true) => await client.IngestFromBytesAsync(Bytes(TwoRows), properties),
                ("bytes", false) => client.IngestFromBytes(Bytes(TwoRows), properties),
                ("file", _) => await client.IngestFromStorageAsync(TempFile("rows.csv", TwoRows), properties),
                ("rows", _) => await client.IngestFromDataReaderAsync(Table(), properties),
                (_, true) => await client.IngestFromStreamAsync(Rows(), properties),
                _ => client.IngestFromStream(Rows(), properties),
            };
        }
    }

    [Test]
    public void EachClientHasItsOwnReceiver()
    {
        List<string> process = [];
        KustoLog.Set(KustoLogLevel.Info, (_, _, message) =>
        {
            lock (process)
            {
                process.Add(message);
            }
        });
        try
        {
            NewClient(Logged(KustoLogLevel.Info)).IngestFromBytes(Bytes(TwoRows), new KustoQueuedIngestionProperties(Database, "T") { ClientRequestId = "mine" });
        }
        finally
        {
            KustoLog.Reset();
        }
        Assert.That(process, Is.Empty);
        KustoLogEvent queued = Of("mine").Select(each => each.Event).Single(each => each.Level == KustoLogLevel.Info);
        Assert.That(queued.Name, Is.Not.Empty);
        Assert.That(queued.Message, Is.Not.Empty.And.Not.Contains("sig="));
        Assert.That(queued.Fields.Where(field => field.Value is long).Select(field => field.Value), Has.Member((long)TwoRows.Length));
        Assert.That(events.All(each => each.Event.Level is > KustoLogLevel.Off and <= KustoLogLevel.Info));
        Assert.That(() => Logged().WithLog(KustoLogLevel.Info, null!), Throws.ArgumentNullException);
        Assert.That(KustoIngestModelFactory.KustoLogEvent(name: "queued").Fields, Is.Empty);
    }

    [Test]
    public void ARequestIdMayBeGivenByName()
    {
        IKustoQueuedIngestClient client = NewClient(Logged(KustoLogLevel.Info));
        KustoQueuedIngestionProperties properties = new(Database, "T") { AdditionalProperties = { ["ClientRequestID"] = "by-name" } };
        Assert.That(client.IngestFromBytes(Bytes(TwoRows), properties).ClientRequestId, Is.EqualTo("by-name"));
        Assert.That(Of("by-name"), Is.Not.Empty);
        properties = new(Database, "T") { ClientRequestId = "a b" };
        Failed<IngestClientException>(() => client.IngestFromBytes(Bytes(TwoRows), properties), KustoErrorCode.InvalidArgument);
    }

    [TestCase(".NET 8.0.11", ".NET/8.0.11")]
    [TestCase(".NET Framework 4.8.9300.0", ".NETFramework/4.8.9300.0")]
    [TestCase("Mono 6.8.0.123 (tarball)", "Mono/6.8.0.123")]
    public void TheRuntimeHasAName(string framework, string name) => Assert.That(KustoLibrary.NameOf(framework), Is.EqualTo(name));
}
