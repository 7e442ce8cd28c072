using System;
using System.Collections.Generic;
using System.Data;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Cancelling before, during and after; deadlines; closing with work in flight.</summary>
public sealed class CancellationTests : Bed
{
    [Test]
    public void Before()
    {
        IKustoQueuedIngestClient client = NewClient();
        ICslQueryProvider query = Query();
        Emulator.ResetTraffic();
        CancellationToken cancelled = new(canceled: true);
        FakeStreamFactory streams = new();
        AsyncTestDelegate[] calls =
        [
            () => client.IngestFromBytesAsync(Bytes(TwoRows), Now("T"), null, cancelled),
            () => client.IngestFromStreamAsync(streams.New(), Now("T"), null, cancelled),
            () => client.IngestFromStorageAsync("no file", Now("T"), null, cancelled),
            () => client.IngestFromDataReaderAsync(new CountingReader(1, null), Now("T"), null, cancelled),
            () => client.PeekTopIngestionFailuresAsync(1, null, cancelled),
            () => client.WarmUpAsync(cancelled),
            () => query.ExecuteQueryAsync(null, "print 1", null, cancelled),
        ];
        foreach (AsyncTestDelegate call in calls)
        {
            Cancelled(call, cancelled);
        }
        Assert.That(streams.AllDisposed);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    [Test]
    public void DuringAnUpload()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.ResetTraffic();
        Emulator.Arm(Emulator.StalledUploads);
        (string Kind, Func<CancellationToken, Task<IKustoIngestionResult>> Call)[] calls =
        [
            ("bytes", token => client.IngestFromBytesAsync(Bytes(TwoRows), Now("T"), null, token)),
            ("stream", token => client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), Now("T"), null, token)),
            ("file", token => client.IngestFromStorageAsync(TempFile("rows.csv", TwoRows), Now("T"), null, token)),
            ("reader", token => client.IngestFromDataReaderAsync(new CountingReader(10, null), Now("T"), null, token)),
        ];
        int stalled = 0;
        foreach ((string kind, Func<CancellationToken, Task<IKustoIngestionResult>> call) in calls)
        {
            using CancellationTokenSource cancel = new();
            Task<IKustoIngestionResult> task = call(cancel.Token);
            Eventually($"an upload of {kind} stalls", () => Emulator.Fired()[0] > stalled);
            stalled = Emulator.Fired()[0];
            cancel.Cancel();
            KustoException failure = Cancelled(() => InTime(task), cancel.Token);
            Assert.That(failure, Is.InstanceOf<IngestClientException>());
        }
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    [Test]
    public void DuringAQuery()
    {
        ICslQueryProvider query = Query();
        Emulator.Arm(Emulator.StalledQueries);
        using CancellationTokenSource cancel = new();
        Task<IDataReader> task = query.ExecuteQueryAsync(null, "print 1", null, cancel.Token);
        Eventually("the query stalls", () => Emulator.Fired()[0] > 0);
        cancel.Cancel();
        Cancelled(() => InTime(task), cancel.Token);
    }

    [Test]
    public async Task DuringTheWaitForAStatus()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoQueuedIngestionProperties later = Now(table);
        later.FlushImmediately = false;
        using ICslAdminProvider admin = KustoClientFactory.CreateCslAdminProvider(new KustoConnectionStringBuilder(Connection, Database));
        using IDataReader policy = admin.ExecuteControlCommand(
            $".alter table ['{table}'] policy ingestionbatching '{{\"MaximumBatchingTimeSpan\": \"00:10:00\"}}'");
        IKustoIngestionResult result = await client.IngestFromBytesAsync(Bytes(TwoRows), later);
        using CancellationTokenSource cancel = new();
        Task waiting = result.WaitForFinalStatusAsync(null, Poll, cancel.Token);
        cancel.Cancel();
        Cancelled(() => waiting, cancel.Token);
        KustoClientException failure = Failed<KustoClientException>(
            () => result.WaitForFinalStatus(TimeSpan.FromMilliseconds(100), Poll), KustoErrorCode.TimedOut);
        Assert.That(failure.IsPermanent, Is.False);
    }

    [Test]
    public async Task ClosingWithATokenReportsWhatIsLeft()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        Emulator.Arm(Emulator.StalledUploads);
        Task<IKustoIngestionResult> stuck = client.IngestFromBytesAsync(Bytes(TwoRows), Now("T"));
        Eventually("the upload stalls", () => Emulator.Fired()[0] > 0);
        using CancellationTokenSource shutdown = new();
        Task<long> closing = client.CloseAsync(shutdown.Token);
        Eventually("new calls are refused", () => Refuses(client));
        Assert.That(closing.IsCompleted, Is.False);
        shutdown.Cancel();
        Assert.That(await InTime(closing), Is.EqualTo(1));
        Cancelled(() => InTime(stuck), default);
        Emulator.Disarm();

        IKustoQueuedIngestClient other = NewClient();
        Task<IKustoIngestionResult> call = other.IngestFromBytesAsync(Bytes(TwoRows), Now(table));
        Assert.That(await InTime(other.CloseAsync(Patience, CancellationToken.None)), Is.EqualTo(0));
        await call;
        Assert.That(await InTime(other.CloseAsync(new CancellationToken(canceled: true))), Is.EqualTo(0));
        Assert.That(() => other.CloseAsync(TimeSpan.FromDays(-1), CancellationToken.None), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static bool Refuses(IKustoQueuedIngestClient client)
    {
        try
        {
            // Fails in any case: there is no such file.
            client.IngestFromStorage("no file", Now("T"));
            return false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
        catch (IngestClientException)
        {
            return false;
        }
    }

    [Test]
    public async Task After()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        using CancellationTokenSource cancel = new();
        IKustoIngestionResult result = await client.IngestFromBytesAsync(Bytes(TwoRows), Now(table), null, cancel.Token);
        cancel.Cancel();
        Ingested(result);
        Assert.That(Count(table), Is.EqualTo(2));
        Cancelled(() => result.GetIngestionStatusCollectionAsync(cancel.Token), cancel.Token);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Deadlines(bool asynchronous)
    {
        // Time for a busy machine to reach the host that does not answer.
        TimeSpan limit = TimeSpan.FromMilliseconds(500);
        IKustoQueuedIngestClient client = NewClient(new QueueOptions { Timeout = limit });
        ICslQueryProvider query = Query();
        Emulator.Arm(Emulator.StalledUploads, Emulator.StalledQueries);
        ClientRequestProperties quick = new() { Timeout = limit };
        KustoException upload = asynchronous
            ? Failed<IngestClientException>(() => client.IngestFromBytesAsync(Bytes(TwoRows), Now("T")), KustoErrorCode.TimedOut)
            : Failed<IngestClientException>(() => client.IngestFromBytes(Bytes(TwoRows), Now("T")), KustoErrorCode.TimedOut);
        Assert.That(upload.Host, Is.Not.Null);
        KustoException answer = asynchronous
            ? Failed<KustoClientException>(() => query.ExecuteQueryAsync(null, "print 1", quick), KustoErrorCode.TimedOut)
            : Failed<KustoClientException>(() => query.ExecuteQuery("print 1", quick), KustoErrorCode.TimedOut);
        Assert.That(answer.Host, Is.Not.Null);
        Assert.That(
            () => client.IngestFromBytes(Bytes(TwoRows), Now("T"), new StreamSourceOptions { Timeout = TimeSpan.FromSeconds(-2) }),
            Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task DisposingEndsWhatIsUnderWay(bool fromAThread)
    {
        IKustoQueuedIngestClient client = NewClient();
        ICslQueryProvider query = Query();
        Emulator.ResetTraffic();
        Emulator.Arm(Emulator.StalledUploads, Emulator.StalledQueries);
        Task[] calls =
        [
            client.IngestFromBytesAsync(Bytes(TwoRows), Now("T")),
            client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), Now("T")),
            Task.Run(() => client.IngestFromBytes(Bytes(TwoRows), Now("T"))),
            Task.Run(() => client.IngestFromStream(new MemoryStream(Bytes(TwoRows)), Now("T"))),
            query.ExecuteQueryAsync(null, "print 1"),
            Task.Run(() => query.ExecuteQuery("print 1")),
        ];
        Eventually("everything stalls", () => Emulator.Fired()[0] >= 4 && Emulator.Fired()[1] >= 2);
        if (fromAThread)
        {
            await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(client.Dispose)).Append(Task.Run(query.Dispose)));
        }
        else
        {
            await DisposeAsync(client, query);
        }
        foreach (Task call in calls)
        {
            OperationCanceledException ended = Assert.CatchAsync<OperationCanceledException>(() => InTime(Counted(call)))!;
            Assert.That(((KustoException)ended.InnerException!).Code, Is.EqualTo(KustoErrorCode.Cancelled));
        }
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
        Assert.That(() => client.IngestFromBytes(Bytes(TwoRows), Now("T")), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => client.WarmUpAsync(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => query.ExecuteQuery("print 1"), Throws.InstanceOf<ObjectDisposedException>());
        client.Dispose();
    }

    [Test]
    public async Task ClosingWaitsForWork()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        using SemaphoreSlim more = new(0);
        using ManualResetEventSlim read = new();
        StreamTests.FakeStream stream = new(count =>
        {
            if (count == 1)
            {
                read.Set();
                more.Wait();
            }
            return count == 0 ? Bytes("1,one\n") : count == 1 ? Bytes("2,two\n") : [];
        });
        Task<IKustoIngestionResult> handing = Task.Run(() => client.IngestFromStream(stream, Now(table)));
        read.Wait();
        Task<long> closing = client.CloseAsync(Patience);
        try
        {
            Eventually("new calls are refused", () => IsRefused(() => client.PeekTopIngestionFailures(1)));
        }
        finally
        {
            more.Release();
        }
        IKustoIngestionResult result = await InTime(handing);
        Assert.That(await InTime(closing), Is.EqualTo(0));
        Ingested(NewClient().GetIngestionResult(result.TrackingToken));
        Assert.That(Count(table), Is.EqualTo(2));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void ACallThatTheClosingOvertakesIsRefusedAsLaterOnesAre(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.ResetTraffic();
        IEnumerable<BlobDescription> Blobs()
        {
            client.Dispose();
            yield return new BlobDescription { BlobUri = "https://account.blob.core.windows.net/container/blob.csv" };
        }
        Task call = Task.Run(() => asynchronous
            ? client.IngestFromStorageAsync(Blobs(), Now("T"))
            : Task.FromResult(client.IngestFromStorage(Blobs(), Now("T"))));
        Assert.That(() => InTime(Counted(call)), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    private static bool IsRefused(Action call)
    {
        try
        {
            call();
            return false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            // It came just before the end: closing waits for ingestions alone.
            return false;
        }
    }

    [Test]
    public void ClosingGivesUpInTime()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.Arm(Emulator.StalledUploads);
        Task call = client.IngestFromBytesAsync(Bytes(TwoRows), Now("T"));
        Eventually("the upload stalls", () => Emulator.Fired()[0] > 0);
        Assert.That(client.Close(TimeSpan.FromMilliseconds(20)), Is.EqualTo(1));
        Assert.CatchAsync<OperationCanceledException>(() => call);
        Assert.That(client.Close(TimeSpan.Zero), Is.EqualTo(0));
    }

    [Test]
    public async Task ARaceOfCancellationsEndsEveryCall()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        Random random = new(1);
        int handed = 0;
        for (int i = 0; i < 60; i++)
        {
            using CancellationTokenSource cancel = new();
            Task<IKustoIngestionResult> call = i % 2 == 0
                ? client.IngestFromBytesAsync(Bytes(TwoRows), Now(table), null, cancel.Token)
                : client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), Now(table), null, cancel.Token);
            Thread.SpinWait(random.Next(200_000));
            cancel.Cancel();
            try
            {
                Ingested(await InTime(call));
                handed++;
            }
            catch (OperationCanceledException ended)
            {
                Assert.That(ended.CancellationToken, Is.EqualTo(cancel.Token));
            }
        }
        // A cancelled ingestion may have been posted only if its error reported doubt.
        Assert.That(Count(table), Is.GreaterThanOrEqualTo(2 * handed));
    }

    private static async Task DisposeAsync(params IDisposable[] clients)
    {
        foreach (IDisposable client in clients)
        {
#if LIBRARY_NETSTANDARD2_0
            await Task.Run(client.Dispose);
#else
            await ((IAsyncDisposable)client).DisposeAsync();
#endif
        }
    }

    private static async Task<bool> Counted(Task call)
    {
        await call;
        return true;
    }

    private sealed class FakeStreamFactory
    {
        private readonly System.Collections.Generic.List<StreamTests.FakeStream> streams = [];

        internal bool AllDisposed => streams.All(stream => stream.Disposed);

        internal Stream New()
        {
            streams.Add(new StreamTests.FakeStream(_ => []));
            return streams[^1];
        }
    }
}
