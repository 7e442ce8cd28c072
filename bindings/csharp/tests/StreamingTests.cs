using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Streaming and managed clients, and what a result says of the way that its data took.</summary>
public sealed class StreamingTests : Bed
{
    private const string PolicyOff = "BadRequest_StreamingIngestionPolicyNotEnabled";

    private static KustoConnectionStringBuilder Kcsb => new(Connection);

    private static IEnumerable<TestCaseData> Factories()
    {
        yield return Named("streaming", () => KustoIngestFactory.CreateStreamingIngestClient(Kcsb));
        yield return Named("streaming by its text", () => KustoIngestFactory.CreateStreamingIngestClient(Connection));
        yield return Named("managed", () => KustoIngestFactory.CreateManagedStreamingIngestClient(Kcsb));
        yield return Named("managed with both", () => KustoIngestFactory.CreateManagedStreamingIngestClient(Kcsb, Kcsb));
        yield return Named("managed by both texts", () => KustoIngestFactory.CreateManagedStreamingIngestClient(Connection, Connection));
        yield return Named("managed with a policy", () => KustoIngestFactory.CreateManagedStreamingIngestClient(
            Kcsb, Kcsb, ingestPolicy: new() { ContinueWhenStreamingIngestionUnavailable = true, StreamingSizeLimitFactor = 0.5 }));
    }

    [TestCaseSource(nameof(Factories))]
    public async Task StreamedDataIsInTheTableWhenTheCallReturns(Func<IKustoIngestClient> create)
    {
        IKustoIngestClient client = Disposed(create());
        string table = StreamingTable();
        IKustoIngestionResult result = await client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), new KustoIngestionProperties(Database, table));
        Assert.That(Count(table), Is.EqualTo(2));
        IngestionDelivery delivery = result.Delivery!;
        Assert.That((delivery.Route, delivery.StreamingAttempts), Is.EqualTo((IngestionRoute.Streamed, 1)));
        Assert.That(delivery.FallbackCause, Is.Null);
        Assert.That(delivery.PossiblyDuplicated, Is.False);
        UpdatePolicyResult policy = delivery.UpdatePolicy!;
        Assert.That((policy.Status, policy.FailureCode, policy.FailureReason, policy.IsFailure), Is.EqualTo(("Inactive", "Unknown", (string?)null, false)));
        // Without a status table, and without asking.
        Assert.That(result.GetIngestionStatusCollection().Single().Status, Is.EqualTo(Status.Succeeded));
        Assert.That(result.GetIngestionStatusBySourceId(result.SourceId).Status, Is.EqualTo(Status.Succeeded));
        IKustoIngestionResult later = ((IKustoQueuedIngestClient)client).GetIngestionResult(result.TrackingToken);
        Assert.That(later.GetIngestionStatusCollection().Single().Status, Is.EqualTo(Status.Succeeded));
        Assert.That(later.Delivery, Is.Null);
    }

    [Test]
    public async Task AnIngestionHasItsOwnMode()
    {
        IKustoIngestClient queues = NewClient();
        IKustoIngestClient streams = Disposed(KustoIngestFactory.CreateStreamingIngestClient(Kcsb));
        string table = StreamingTable();
        (IKustoIngestClient Client, KustoIngestionMode? Mode, IngestionRoute Route)[] rows =
        [
            (queues, null, IngestionRoute.Queued),
            (queues, KustoIngestionMode.Streaming, IngestionRoute.Streamed),
            (queues, KustoIngestionMode.Managed, IngestionRoute.Streamed),
            (streams, KustoIngestionMode.Queued, IngestionRoute.Queued),
        ];
        foreach ((IKustoIngestClient client, KustoIngestionMode? mode, IngestionRoute route) in rows)
        {
            KustoQueuedIngestionProperties properties = Now(table);
            properties.IngestionMode = mode;
            IKustoIngestionResult result = await Ingested(client.IngestFromBytesAsync(Bytes("1,a\n"), properties));
            Assert.That(result.Delivery!.Route, Is.EqualTo(route));
        }
        Assert.That(Count(table), Is.EqualTo(rows.Length));
        KustoIngestionProperties wrong = new(Database, table) { IngestionMode = (KustoIngestionMode)9 };
        Assert.That(Failed<IngestClientException>(() => queues.IngestFromBytesAsync(Bytes("1,a\n"), wrong), KustoErrorCode.InvalidArgument).Argument, Is.EqualTo("mode"));
    }

    [Test]
    public async Task WithoutATablePolicyDataIsQueuedOrRefused()
    {
        string table = NewTable();
        IKustoIngestClient queues = Disposed(KustoIngestFactory.CreateManagedStreamingIngestClient(Kcsb));
        IngestionDelivery delivery = (await Ingested(queues.IngestFromBytesAsync(Bytes(TwoRows), Now(table)))).Delivery!;
        Assert.That((delivery.Route, delivery.StreamingAttempts), Is.EqualTo((IngestionRoute.Queued, 1)));
        Assert.That(delivery.FallbackCause!.ServiceCode, Is.EqualTo(PolicyOff));
        Assert.That(delivery.UpdatePolicy, Is.Null);
        // By its default, as in Kusto.Ingest, a policy does not go on.
        IKustoIngestClient[] refusing =
        [
            Disposed(KustoIngestFactory.CreateManagedStreamingIngestClient(Kcsb, new ManagedStreamingIngestPolicy())),
            Disposed(KustoIngestFactory.CreateStreamingIngestClient(Kcsb)),
        ];
        foreach (IKustoIngestClient client in refusing)
        {
            IngestClientException failure = Failed<IngestClientException>(() => client.IngestFromBytesAsync(Bytes(TwoRows), Now(table)), KustoErrorCode.Service);
            Assert.That((failure.ServiceCode, failure.IsPermanent, failure.InDoubt), Is.EqualTo((PolicyOff, true, false)));
        }
        Assert.That(Count(table), Is.EqualTo(2));
    }

    [Test]
    public void WhatStreamingCannotHaveIsRefusedByName()
    {
        IKustoIngestClient client = Disposed(KustoIngestFactory.CreateStreamingIngestClient(Kcsb));
        string table = StreamingTable();
        ColumnMapping[] columns = [new() { ColumnName = "Id", Properties = new() { [MappingConsts.Ordinal] = "0" } }];
        (string Argument, KustoIngestionProperties Properties)[] refused =
        [
            ("ingestionMapping", new(Database, table) { IngestionMapping = new() { IngestionMappings = columns, IngestionMappingKind = IngestionMappingKind.Csv } }),
            ("tags", new(Database, table) { DropByTags = ["x"] }),
            ("ignoreFirstRecord", new(Database, table) { IgnoreFirstRecord = true }),
        ];
        foreach ((string argument, KustoIngestionProperties properties) in refused)
        {
            IngestClientException failure = Failed<IngestClientException>(() => client.IngestFromBytesAsync(Bytes(TwoRows), properties), KustoErrorCode.InvalidArgument);
            Assert.That(failure.Argument, Is.EqualTo(argument));
        }
        Assert.That(Count(table), Is.EqualTo(0));
    }

    [Test]
    public void WrongPoliciesAndMissingAddressesAreRefused()
    {
        ManagedStreamingIngestPolicy huge = new() { StreamingSizeLimitFactor = 5 };
        Assert.That(
            Assert.Throws<KustoClientException>(() => KustoIngestFactory.CreateManagedStreamingIngestClient(Kcsb, huge))!.Argument,
            Is.EqualTo("streaming size factor"));
        Assert.Throws<ArgumentNullException>(() => KustoIngestFactory.CreateStreamingIngestClient((KustoConnectionStringBuilder)null!));
        Assert.Throws<ArgumentNullException>(() => KustoIngestFactory.CreateManagedStreamingIngestClient((KustoConnectionStringBuilder)null!));
        Assert.Throws<ArgumentNullException>(() => KustoIngestFactory.CreateManagedStreamingIngestClient(Kcsb, (KustoConnectionStringBuilder)null!));
    }

    [TestCase("https://c.example", "https://c.example/", null)]
    [TestCase("https://c.example", "https://Ingest-C.example", null)]
    [TestCase("https://ingest-c.example", "https://c.example", null)]
    [TestCase("https://c.example", "https://other.example", "https://other.example")]
    [TestCase("http://127.0.0.1:80", "http://127.0.0.1:81", "http://127.0.0.1:81")]
    public void AnAddressThatFollowsFromTheEnginesIsNotSet(string engine, string ingestion, string? set)
    {
        (string Name, string Value)[] settings = ManagedStreamingIngestPolicy.Settings(null, new(engine), new(ingestion));
        Assert.That(settings.SingleOrDefault(setting => setting.Name == KustoSettings.IngestionEndpoint).Value, Is.EqualTo(set));
    }

    private string StreamingTable()
    {
        string table = NewTable();
        Admin().ExecuteControlCommand($".alter table ['{table}'] policy streamingingestion enable").Dispose();
        return table;
    }

    private static TestCaseData Named(string name, Func<IKustoIngestClient> create) => new TestCaseData(create).SetArgDisplayNames(name);
}
