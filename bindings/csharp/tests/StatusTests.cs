using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>The status of ingestions, by both methods of reporting.</summary>
public sealed class StatusTests : Bed
{
    [TestCase(true)]
    [TestCase(false)]
    public async Task SuccessInTheTable(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        IKustoIngestionResult result = await client.IngestFromBytesAsync(Bytes(TwoRows), Now(table));
        IngestionStatus final = asynchronous
            ? (await result.WaitForFinalStatusAsync(Patience, Poll)).Single()
            : result.WaitForFinalStatus(Patience, Poll).Single();
        IngestionStatus status = asynchronous
            ? await result.GetIngestionStatusBySourceIdAsync(result.SourceId)
            : result.GetIngestionStatusBySourceId(result.SourceId);
        foreach (IngestionStatus found in new[] { final, status })
        {
            Assert.That(found.Status, Is.EqualTo(Status.Succeeded));
            Assert.That(found.IsFinal);
            Assert.That(found.IngestionSourceId, Is.EqualTo(result.SourceId));
            Assert.That(found.IngestionSourcePath, Is.EqualTo(result.Items[0].BlobUri));
            Assert.That(found.Database, Is.EqualTo(Database));
            Assert.That(found.Table, Is.EqualTo(table));
            Assert.That(found.UpdatedOn.Kind, Is.EqualTo(DateTimeKind.Utc));
            Assert.That(found.UpdatedOn, Is.GreaterThan(new DateTime(2020, 1, 1)));
            Assert.That(found.OperationId, Is.Not.EqualTo(Guid.Empty));
            Assert.That(found.ErrorCode, Is.EqualTo(IngestionErrorCode.Unknown));
            Assert.That(found.ErrorCodeText, Is.Null);
        }
    }

    [Test]
    public async Task ATrackingTokenIsGoodForAnotherClient()
    {
        string table = NewTable();
        string token;
        using (IKustoQueuedIngestClient first = KustoIngestFactory.CreateQueuedIngestClient(Connection))
        {
            IKustoIngestionResult result = await first.IngestFromBytesAsync(Bytes(TwoRows), Now(table));
            Ingested(result);
            token = result.TrackingToken;
        }
        IKustoIngestionResult found = NewClient().GetIngestionResult(token);
        Assert.That(found.Items, Is.Empty);
        Assert.That(found.SourceId, Is.EqualTo(Guid.Empty));
        Assert.That(found.TrackingToken, Is.EqualTo(token));
        Assert.That((await found.GetIngestionStatusCollectionAsync()).Single().Table, Is.EqualTo(table));
    }

    [Test]
    public async Task AWrongTableFailsInTableAndQueue()
    {
        IKustoQueuedIngestClient client = NewClient();
        string missing = $"Missing_{Guid.NewGuid():N}";
        KustoQueuedIngestionProperties properties = Now(missing);
        properties.ReportMethod = IngestionReportMethod.QueueAndTable;
        IKustoIngestionResult result = await client.IngestFromBytesAsync(Bytes(TwoRows), properties);
        IngestionStatus status = (await result.WaitForFinalStatusAsync(Patience, Poll)).Single();
        Assert.That(status.Status, Is.EqualTo(Status.Failed));
        Assert.That(status.ErrorCode, Is.Not.EqualTo(IngestionErrorCode.Unknown));
        Assert.That(status.ErrorCodeText, Is.EqualTo(status.ErrorCode.ToString()));
        Assert.That(status.FailureStatus, Is.EqualTo(FailureStatus.Permanent));
        Assert.That(status.Retry, Is.EqualTo(KustoRetry.Never));
        Assert.That(status.Details, Is.Not.Empty);
        Assert.That(status.OriginatesFromUpdatePolicy, Is.False);

        Eventually("a notification", () => client.PeekTopIngestionFailures(10, result.TrackingToken).Any());
        IngestionFailureInfo peeked = (await client.PeekTopIngestionFailuresAsync(10, result.TrackingToken)).Single().Info;
        IngestionFailureInfo taken = (await client.GetAndDiscardTopIngestionFailuresAsync(10, result.TrackingToken)).Single().Info;
        foreach (IngestionFailureInfo info in new[] { peeked, taken })
        {
            Assert.That(info.Table, Is.EqualTo(missing));
            Assert.That(info.Database, Is.EqualTo(Database));
            Assert.That(info.IngestionSourceId, Is.EqualTo(result.SourceId));
            Assert.That(info.IngestionSourcePath, Is.EqualTo(result.Items[0].BlobUri));
            Assert.That(info.ErrorCode, Is.EqualTo(status.ErrorCode));
            Assert.That(info.FailureStatus, Is.EqualTo(FailureStatus.Permanent));
            Assert.That(info.FailedOn, Is.GreaterThan(new DateTime(2020, 1, 1)));
            Assert.That(info.RootActivityId, Is.Not.EqualTo(Guid.Empty));
            Assert.That(info.Details, Is.Not.Empty);
        }
        Assert.That(client.GetAndDiscardTopIngestionFailures(10, result.TrackingToken), Is.Empty);
    }

    [Test]
    public async Task SuccessInTheQueue()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoQueuedIngestionProperties properties = Now(table);
        properties.ReportMethod = IngestionReportMethod.Queue;
        IKustoIngestionResult result = await client.IngestFromBytesAsync(Bytes(TwoRows), properties);
        Eventually("a notification", () => client.PeekTopIngestionSuccesses(10, result.TrackingToken).Any());
        IngestionSuccessInfo peeked = (await client.PeekTopIngestionSuccessesAsync(10, result.TrackingToken)).Single().Info;
        IngestionSuccessInfo taken = (await client.GetAndDiscardTopIngestionSuccessesAsync(10, result.TrackingToken)).Single().Info;
        foreach (IngestionSuccessInfo info in new[] { peeked, taken })
        {
            Assert.That(info.Table, Is.EqualTo(table));
            Assert.That(info.IngestionSourceId, Is.EqualTo(result.SourceId));
            Assert.That(info.SucceededOn, Is.GreaterThan(new DateTime(2020, 1, 1)));
            Assert.That(info.OperationId, Is.Not.EqualTo(Guid.Empty));
        }
        Assert.That(client.GetAndDiscardTopIngestionSuccesses(10, result.TrackingToken), Is.Empty);
        // Without a table nothing more is known, and waiting for it is a mistake that names the setting.
        Assert.That(result.GetIngestionStatusCollection().Single().Status, Is.EqualTo(Status.Queued));
        foreach (KustoClientException failure in new[]
        {
            Failed<KustoClientException>(() => result.WaitForFinalStatus(Patience, Poll), KustoErrorCode.InvalidState),
            Failed<KustoClientException>(() => result.WaitForFinalStatusAsync(Patience, Poll), KustoErrorCode.InvalidState),
        })
        {
            Assert.That(failure.Message, Does.Contain("report method"));
            Assert.That(failure.Argument, Is.EqualTo("reportMethod"));
        }
    }

    [Test]
    public async Task WithoutATokenEverybodysNotificationsAreThere()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoQueuedIngestionProperties properties = Now(table);
        properties.ReportMethod = IngestionReportMethod.Queue;
        IKustoIngestionResult result = await client.IngestFromBytesAsync(Bytes(TwoRows), properties);
        List<IngestionSuccess> found = [];
        Eventually("the success is taken", () =>
        {
            found.AddRange(client.GetAndDiscardTopIngestionSuccesses());
            return found.Exists(success => success.Info.IngestionSourceId == result.SourceId);
        });
        List<string?> tables = [];
        found.ForEach(success => tables.Add(success.Info.Table));
        ((IEnumerable<IngestionSuccess>)found).ForEach(success => tables.Remove(success.Info.Table));
        Assert.That(tables, Is.Empty);
        Failed<KustoClientException>(() => client.PeekTopIngestionFailures(0), KustoErrorCode.InvalidArgument);
    }

    [Test]
    public async Task NothingIsReportedWhenNothingIsWanted()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoQueuedIngestionProperties properties = new(Database, table) { FlushImmediately = true, ReportLevel = IngestionReportLevel.None };
        IKustoIngestionResult result = await client.IngestFromBytesAsync(Bytes(TwoRows), properties);
        Eventually("the rows arrive", () => Count(table) == 2);
        Assert.That(result.GetIngestionStatusBySourceId(result.SourceId).Status, Is.EqualTo(Status.Queued));
        Assert.That(client.PeekTopIngestionSuccesses(10, result.TrackingToken), Is.Empty);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task WarmingUpChecksWhatPropertiesName(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        KustoIngestionProperties right = new(Database, NewTable());
        await Check(right);
        KustoException missing = Failed<KustoClientException>(() => Check(new(Database, "NoSuchTable")), KustoErrorCode.NotFound);
        Assert.That(missing.Message, Does.Contain("NoSuchTable"));
        right.IngestionMapping = new IngestionMapping { IngestionMappingReference = "NoSuchMapping", IngestionMappingKind = IngestionMappingKind.Csv };
        Failed<KustoClientException>(() => Check(right), KustoErrorCode.NotFound);
        Assert.That(() => client.WarmUp(null!), Throws.ArgumentNullException);

        Task Check(KustoIngestionProperties properties)
        {
            if (asynchronous)
            {
                return client.WarmUpAsync(properties);
            }
            client.WarmUp(properties);
            return Task.CompletedTask;
        }
    }

    [Test]
    public void TheSameKeyIsIngestedOnce()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoQueuedIngestionProperties properties = Now(table);
        properties.Once = "rows.csv:0-12";
        Ingested(client.IngestFromBytes(Bytes(TwoRows), properties));
        IngestionStatus again = client.IngestFromBytes(Bytes(TwoRows), properties).WaitForFinalStatus(Patience, Poll).Single();
        Assert.That(again.Status, Is.EqualTo(Status.Skipped), again.Details);
        Assert.That(Count(table), Is.EqualTo(2));
        properties.Once = "  ";
        Failed<IngestClientException>(() => client.IngestFromBytes(Bytes(TwoRows), properties), KustoErrorCode.InvalidArgument);
    }
}
