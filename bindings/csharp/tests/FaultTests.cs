using System;
using System.Data;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>The failures from which the library recovers, and the contents of its errors.</summary>
public sealed class FaultTests : Bed
{
    [Test]
    public async Task ThrottledUploadsAreRepeated()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        Emulator.Arm("""{"service": "blob", "times": 2, "fault": {"kind": "status", "status": 503, "code": "ServerBusy", "retryAfter": 1}}""");
        await Ingested(client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), Now(table)));
        Assert.That(Emulator.Fired(), Is.EqualTo(new[] { 2 }));
        Assert.That(Count(table), Is.EqualTo(2));
    }

    [Test]
    public async Task FailoverSendsEveryByteAgain()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        Emulator.Arm("""{"service": "blob", "account": "kustoemu1", "fault": {"kind": "cut", "when": "during", "bytes": 3}}""");
        int rows = 0;
        // The library begins with whichever account it likes.
        while (Emulator.Fired()[0] == 0 && rows < 100)
        {
            await Ingested(client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), Now(table)));
            rows += 2;
        }
        Assert.That(Emulator.Fired()[0], Is.GreaterThan(0));
        Assert.That(Count(table), Is.EqualTo(rows));
    }

    [Test]
    public async Task ARefusedSignatureIsRenewed()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        Emulator.Arm("""{"service": "blob", "times": 1, "fault": {"kind": "expiredSas"}}""");
        await Ingested(client.IngestFromBytesAsync(Bytes(TwoRows), Now(table)));
        Assert.That(Emulator.Fired(), Is.EqualTo(new[] { 1 }));
        Assert.That(Count(table), Is.EqualTo(2));
    }

    [Test]
    public void RefusedUploadsAreAnErrorWithAttempts()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.Arm("""{"service": "blob", "fault": {"kind": "status", "status": 403, "code": "AuthorizationFailure"}}""");
        IngestClientException failure = Failed<IngestClientException>(() => client.IngestFromBytes(Bytes(TwoRows), Now("T")), KustoErrorCode.Auth);
        Assert.That(failure.HttpStatus, Is.EqualTo(403));
        Assert.That(failure.FailureCode, Is.EqualTo(403));
        Assert.That(failure.ServiceCode, Is.EqualTo("AuthorizationFailure"));
        Assert.That(failure.FailureSubCode, Is.EqualTo("AuthorizationFailure"));
        Assert.That(failure.Host, Is.Not.Empty);
        Assert.That(failure.InDoubt, Is.False);
        Assert.That(failure.Error, Is.EqualTo(failure.Message).And.EqualTo(failure.ErrorReason));
        Assert.That(failure.IngestionSource, Is.EqualTo("bytes"));
        Assert.That(failure.Attempts, Has.Count.GreaterThanOrEqualTo(2));
        Assert.That(failure.Attempts.All(attempt => attempt is KustoRequestException { HttpStatus: 403, Host: not null }));
        Assert.That(Emulator.Fired()[0], Is.GreaterThanOrEqualTo(2));
    }

    [Test]
    public void AMessageThatMayHaveArrivedIsInDoubt()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.Arm("""{"service": "queue", "operation": "PutMessage", "times": 1, "fault": {"kind": "cut", "when": "after"}}""");
        IngestClientException failure = Failed<IngestClientException>(() => client.IngestFromBytesAsync(Bytes(TwoRows), Now("T")), KustoErrorCode.Network);
        Assert.That(failure.InDoubt);
        Assert.That(Emulator.Fired(), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public void SomeBlobsHandedOver()
    {
        IKustoQueuedIngestClient client = NewClient();
        Guid first = Guid.NewGuid();
        BlobDescription[] blobs =
        [
            new() { BlobUri = Emulator.Upload("1.csv", TwoRows), SourceId = first },
            new() { BlobUri = Emulator.Upload("2.csv", TwoRows), SourceId = Guid.NewGuid() },
        ];
        Emulator.Arm("""{"service": "queue", "operation": "PutMessage", "skip": 1, "fault": {"kind": "cut", "when": "before"}}""");
        IngestClientException failure = Failed<IngestClientException>(
            () => client.IngestFromStorageAsync(blobs, new KustoIngestionProperties(Database, NewTable())), KustoErrorCode.Partial);
        Assert.That(failure.HandedOver, Is.EqualTo(new[] { first }));
        Assert.That(Emulator.Fired()[0], Is.GreaterThan(0));
    }

    [Test]
    public void TheServicesErrorsHaveTheirTypes()
    {
        ICslQueryProvider query = Query();
        KustoRequestException wrong = Failed<KustoRequestException>(() => query.ExecuteQuery("NoSuchTable | count"), KustoErrorCode.Service);
        Assert.That(wrong.IsPermanent && !wrong.IsTransient);
        Assert.That(wrong.Retry, Is.EqualTo(KustoRetry.Never));
        Assert.That(wrong.HttpStatus, Is.EqualTo(400));
        Assert.That(wrong.ServiceCode, Is.Not.Empty);
        Assert.That(wrong.ActivityId, Is.Not.Empty);
        Assert.That(wrong.Message, Does.Contain("NoSuchTable"));

        ClientRequestProperties named = new() { ClientRequestId = "KCS.test;named" };
        wrong = Failed<KustoRequestException>(() => query.ExecuteQuery("NoSuchTable", named), KustoErrorCode.Service);
        Assert.That(wrong.ClientRequestId, Is.EqualTo("KCS.test;named"));

        Emulator.Arm("""{"service": "query", "fault": {"kind": "status", "status": 429, "retryAfter": 7}}""");
        KustoRequestThrottledException busy = Failed<KustoRequestThrottledException>(
            () => query.ExecuteQueryAsync(null, "print 1"), KustoErrorCode.Throttled);
        Assert.That(busy.RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(7)));
        Assert.That(busy.IsTransient && !busy.IsPermanent);

        Emulator.Disarm();
        Emulator.Arm("""{"service": "query", "fault": {"kind": "status", "status": 500}}""");
        Assert.That(Failed<KustoServiceException>(() => query.ExecuteQuery("print 1"), KustoErrorCode.Service).HttpStatus, Is.EqualTo(500));

        Emulator.Disarm();
        Emulator.Arm("""{"service": "query", "fault": {"kind": "cut", "when": "before"}}""");
        KustoClientException cut = Failed<KustoClientException>(() => query.ExecuteQuery("print 1"), KustoErrorCode.Network);
        Assert.That(cut.HttpStatus, Is.EqualTo(0));
        Assert.That(cut.RetryAfter, Is.Null);
        Assert.That(cut.Host, Is.Not.Empty);
    }

    [Test]
    public void ADeadHostIsANetworkError()
    {
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider("http://127.0.0.1:1;Initial Catalog=Demo");
        ClientRequestProperties quick = new() { Timeout = TimeSpan.FromSeconds(5) };
        KustoClientException failure = Assert.Catch<KustoClientException>(() => query.ExecuteQuery("print 1", quick))!;
        Assert.That(failure.Code, Is.EqualTo(KustoErrorCode.Network).Or.EqualTo(KustoErrorCode.TimedOut));
        Assert.That(failure.Host, Does.Contain("127.0.0.1:1"));
    }

    [Test]
    public void BadArguments()
    {
        IKustoQueuedIngestClient client = NewClient();
        (string Argument, TestDelegate Call)[] calls =
        [
            ("table", () => client.IngestFromBytes(Bytes(TwoRows), new KustoIngestionProperties(Database, ""))),
            ("database", () => client.IngestFromBytes(Bytes(TwoRows), new KustoIngestionProperties(" ", "T"))),
            ("format", () => client.IngestFromBytes(Bytes(TwoRows), With(p => p.Format = (DataSourceFormat)99))),
            ("mapping", () => client.IngestFromBytes(Bytes(TwoRows), With(p => p.IngestionMapping = new() { IngestionMappings = [new()] }))),
            ("both mappings", () => client.IngestFromBytes(
                Bytes(TwoRows), With(p => p.IngestionMapping = new() { IngestionMappings = [], IngestionMappingReference = "m" }))),
            ("compression", () => client.IngestFromBytes(
                Bytes(TwoRows), Now("T"), new StreamSourceOptions { CompressionType = (DataSourceCompressionType)9 })),
            ("size", () => client.IngestFromBytes(Bytes(TwoRows), Now("T"), new StreamSourceOptions { Size = -1 })),
            ("report", () => client.IngestFromBytes(Bytes(TwoRows), With(p => p.ReportLevel = (IngestionReportLevel)9))),
            ("tag", () => client.IngestFromBytes(Bytes(TwoRows), With(p => p.AdditionalTags = [""]))),
            ("property", () => client.IngestFromBytes(Bytes(TwoRows), With(p => p.AdditionalProperties["flushImmediately"] = "perhaps"))),
            ("blob", () => client.IngestFromStorage("no://url", Now("T"))),
            ("packed", () => client.IngestFromBytes(
                Bytes(TwoRows), Now("T"), new StreamSourceOptions { CompressionType = DataSourceCompressionType.GZip })),
        ];
        Emulator.ResetTraffic();
        foreach ((string argument, TestDelegate call) in calls)
        {
            IngestClientException failure = Assert.Throws<IngestClientException>(call, argument)!;
            Assert.That(failure.Code, Is.EqualTo(KustoErrorCode.InvalidArgument), $"{argument}: {failure}");
            Assert.That(failure.IsTransient || failure.InDoubt, Is.False, argument);
        }
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
        Failed<IngestClientException>(() => client.IngestFromStorage("no such file", Now("T")), KustoErrorCode.SourceIo);
        Failed<KustoClientException>(() => client.GetIngestionResult("x").GetIngestionStatusCollection(), KustoErrorCode.InvalidArgument);
        Failed<KustoClientException>(
            () => client.GetIngestionResult("x").WaitForFinalStatus(Patience, TimeSpan.Zero), KustoErrorCode.InvalidArgument);
        Failed<IngestClientException>(
            () => client.IngestFromStorage([new BlobDescription()], Now("T"), new StorageSourceOptions { Size = 1 }), KustoErrorCode.InvalidArgument);
        Assert.That(() => client.IngestFromStream(null!, Now("T")), Throws.ArgumentNullException);
        Assert.That(() => client.IngestFromStreamAsync(new MemoryStream(), null!), Throws.ArgumentNullException);
        Assert.That(() => client.IngestFromBytes((byte[])null!, Now("T")), Throws.ArgumentNullException);
        Assert.That(() => client.IngestFromStorage((string)null!, Now("T")), Throws.ArgumentNullException);
        Assert.That(() => client.IngestFromDataReader(null!, Now("T")), Throws.ArgumentNullException);
        Assert.That(() => client.IngestFromBytes(Bytes(TwoRows), new KustoIngestionProperties(Database, "\uD800")), Throws.InstanceOf<ArgumentException>());
    }

    private static KustoQueuedIngestionProperties With(Action<KustoQueuedIngestionProperties> change)
    {
        KustoQueuedIngestionProperties properties = Now("T");
        change(properties);
        return properties;
    }
}
