using System;
using System.Collections.Generic;
using System.Data;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Every kind of source arrives, in both styles of calling.</summary>
public sealed class SourceTests : Bed
{
    private static readonly Guid Id = Guid.Parse("11111111-2222-3333-4444-555555555555");

    [TestCase(true)]
    [TestCase(false)]
    public async Task AStream(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        IKustoIngestionResult result = asynchronous
            ? await client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), Now(table))
            : client.IngestFromStream(new MemoryStream(Bytes(TwoRows)), Now(table));
        Ingested(result);
        Assert.That(Count(table), Is.EqualTo(2));
        Assert.That(result.BytesRaw, Is.EqualTo(TwoRows.Length));
        Assert.That(result.BytesSent, Is.GreaterThan(0));
        Assert.That(result.Items, Has.Count.EqualTo(1));
        Assert.That(result.Items[0].BlobUri, Does.StartWith("http").And.Not.Contain("?"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task ACompressedStream(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        StreamSourceOptions options = new() { CompressionType = DataSourceCompressionType.GZip, Size = TwoRows.Length, SourceId = Id };
        IKustoIngestionResult result = asynchronous
            ? await client.IngestFromStreamAsync(new MemoryStream(Packed(TwoRows)), Now(table), options)
            : client.IngestFromStream(new MemoryStream(Packed(TwoRows)), Now(table), options);
        Ingested(result);
        Assert.That(Count(table), Is.EqualTo(2));
        Assert.That(result.SourceId, Is.EqualTo(Id));
        Assert.That(result.BytesRaw, Is.EqualTo(TwoRows.Length));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task AFile(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        string path = TempFile("rows.tsv.gz", Packed("1\tone\n2\ttwo\n"));
        StorageSourceOptions options = new() { SourceId = Id };
        IKustoIngestionResult result = asynchronous
            ? await client.IngestFromStorageAsync(path, Now(table), options)
            : client.IngestFromStorage(path, Now(table), options);
        Ingested(result);
        Assert.That(Count(table), Is.EqualTo(2));
        Assert.That(result.SourceId, Is.EqualTo(Id));
        Assert.That(File.Exists(path));
    }

    [Test]
    public async Task AFileByItsUriIsDeletedWhenWanted()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        string path = TempFile("rows with space.csv", TwoRows);
        await Ingested(client.IngestFromStorageAsync(
            new Uri(path).AbsoluteUri, Now(table), new StorageSourceOptions { DeleteSourceOnSuccess = true }));
        Assert.That(Count(table), Is.EqualTo(2));
        Assert.That(File.Exists(path), Is.False);
    }

    [Test]
    public void AFileIsKeptWhenItCannotBeHandedOver()
    {
        IKustoQueuedIngestClient client = NewClient();
        string path = TempFile("rows.csv", TwoRows);
        Emulator.Arm("""{"service": "blob", "fault": {"kind": "status", "status": 403, "code": "AuthorizationFailure"}}""");
        Failed<IngestClientException>(
            () => client.IngestFromStorage(path, Now("T"), new StorageSourceOptions { DeleteSourceOnSuccess = true }), KustoErrorCode.Auth);
        Assert.That(File.Exists(path));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task ABlob(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        string url = Emulator.Upload("one.csv", TwoRows);
        StorageSourceOptions options = new() { SourceId = Id, Size = TwoRows.Length, DeleteSourceOnSuccess = true };
        IKustoIngestionResult result = asynchronous
            ? await client.IngestFromStorageAsync(url, Now(table), options)
            : client.IngestFromStorage(url, Now(table), options);
        Ingested(result);
        Assert.That(Count(table), Is.EqualTo(2));
        Assert.That(result.SourceId, Is.EqualTo(Id));
        Assert.That(result.BytesSent, Is.EqualTo(0));
        Assert.That(result.Items[0].BlobUri, Is.EqualTo(url.Split('?')[0]));
        Eventually("the service deletes the blob", () => !Emulator.HasBlob(url));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task SeveralBlobs(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        BlobDescription[] blobs =
        [
            new() { BlobUri = Emulator.Upload("two.csv", "3,three\n"), SourceId = Id },
            new() { BlobUri = Emulator.Upload("three.csv", "4,four\n"), BlobSize = 7 },
        ];
        IKustoIngestionResult result = asynchronous
            ? await client.IngestFromStorageAsync(blobs, Now(table))
            : client.IngestFromStorage(blobs, Now(table));
        Ingested(result);
        Assert.That(Count(table), Is.EqualTo(2));
        Assert.That(result.Items.Select(item => item.SourceId).Distinct().Count(), Is.EqualTo(2));
        Assert.That(result.GetIngestionStatusBySourceId(Id).Status, Is.EqualTo(Status.Succeeded));
        Assert.That(() => result.GetIngestionStatusBySourceId(Guid.NewGuid()), Throws.ArgumentException);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Memory(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        byte[] data = Bytes(TwoRows);
        Ingested(asynchronous ? await client.IngestFromBytesAsync(data, Now(table)) : client.IngestFromBytes(data, Now(table)));
        Assert.That(Count(table), Is.EqualTo(2));
    }

#if !LIBRARY_NETSTANDARD2_0
    [TestCase(true)]
    [TestCase(false)]
    public async Task APartOfMemory(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        ReadOnlyMemory<byte> data = Bytes("not this" + TwoRows + "nor that").AsMemory(8, TwoRows.Length);
        Ingested(asynchronous ? await client.IngestFromBytesAsync(data, Now(table)) : client.IngestFromBytes(data, Now(table)));
        Assert.That(Count(table), Is.EqualTo(2));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task MemoryThatDoesNotWantToBeGivenBack(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        UnwillingMemory owner = new(Bytes(TwoRows));
        ReadOnlyMemory<byte> data = owner.Memory;
        Ingested(asynchronous ? await client.IngestFromBytesAsync(data, Now(table)) : client.IngestFromBytes(data, Now(table)));
        Assert.That(Count(table), Is.EqualTo(2));
        Assert.That(owner.Unpinned, Is.EqualTo(1));
    }

    /// <summary>Throws when it is unpinned.</summary>
    private sealed unsafe class UnwillingMemory(byte[] data) : System.Buffers.MemoryManager<byte>
    {
        private int unpinned;

        internal int Unpinned => Volatile.Read(ref unpinned);

        public override Span<byte> GetSpan() => data;

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0)
        {
            GCHandle handle = GCHandle.Alloc(data, GCHandleType.Pinned);
            return new((byte*)handle.AddrOfPinnedObject() + elementIndex, handle, this);
        }

        public override void Unpin()
        {
            Interlocked.Increment(ref unpinned);
            throw new InvalidOperationException("not willing to unpin");
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
#endif

    [TestCase(true)]
    [TestCase(false)]
    public async Task ADataReader(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        using DataTable data = new();
        data.Columns.Add("Id", typeof(long));
        data.Columns.Add("Text", typeof(string));
        data.Rows.Add(1L, "one");
        data.Rows.Add(2L, "two");
        DataTableReader reader = data.CreateDataReader();
        DataReaderSourceOptions options = new() { SourceId = Id };
        IKustoIngestionResult result = asynchronous
            ? await client.IngestFromDataReaderAsync(reader, Now(table), options)
            : client.IngestFromDataReader(reader, Now(table), options);
        Ingested(result);
        Assert.That(reader.IsClosed);
        Assert.That(result.SourceId, Is.EqualTo(Id));
        Assert.That(Count(table), Is.EqualTo(2));
    }

    [Test]
    public void NoDataIsAnError()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        Emulator.ResetTraffic();
        TestDelegate[] calls =
        [
            () => client.IngestFromBytes([], Now(table)),
            () => client.IngestFromStream(new MemoryStream(), Now(table)),
            () => client.IngestFromStorage(TempFile("empty.csv", ""), Now(table)),
            () => client.IngestFromStorage(Array.Empty<BlobDescription>(), Now(table)),
            () => client.IngestFromDataReader(new DataTable().CreateDataReader(), Now(table)),
        ];
        foreach (TestDelegate call in calls)
        {
            IngestClientException failure = Failed<IngestClientException>(call, KustoErrorCode.InvalidArgument);
            Assert.That(failure.IsPermanent && !failure.InDoubt, failure.ToString());
        }
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task TwentyMegabytesOfNoise(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        Random random = new(4);
        MemoryStream data = new();
        byte[] noise = new byte[600];
        long rows = 0;
        for (; data.Length < 20 << 20; rows++)
        {
            random.NextBytes(noise);
            data.Write(Bytes($"{rows},{Convert.ToBase64String(noise)}\n"));
        }
        data.Position = 0;
        Recorder progress = new();
        StreamSourceOptions options = new() { LeaveOpen = true, Progress = progress };
        IKustoIngestionResult result = asynchronous
            ? await client.IngestFromStreamAsync(data, Now(table), options)
            : client.IngestFromStream(data, Now(table), options);
        Ingested(result);
        Assert.That(result.BytesRaw, Is.EqualTo(data.Length));
        Assert.That(result.BytesSent, Is.GreaterThan(data.Length * 7 / 10));
        Assert.That(progress.Last.BytesRead, Is.EqualTo(data.Length));
        Assert.That(progress.Last.BytesSent, Is.EqualTo(result.BytesSent));
        Assert.That(Number($"['{table}'] | summarize sum(Id)"), Is.EqualTo(rows * (rows - 1) / 2));
    }

    [Test]
    public async Task ALimitMayBeAsLongAsYouLike()
    {
        IKustoQueuedIngestClient client = NewClient(new QueueOptions { Timeout = TimeSpan.MaxValue });
        string table = NewTable();
        StreamSourceOptions options = new() { Timeout = TimeSpan.FromDays(3650) };
        Ingested(await client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), Now(table), options));
        Ingested(await client.IngestFromBytesAsync(Bytes(TwoRows), Now(table)));
        options.Timeout = System.Threading.Timeout.InfiniteTimeSpan;
        Ingested(client.IngestFromStream(new MemoryStream(Bytes(TwoRows)), Now(table), options));
        Assert.That(Count(table), Is.EqualTo(6));
    }

    [Test]
    public async Task ProgressOfAFile()
    {
        IKustoQueuedIngestClient client = NewClient();
        Recorder progress = new();
        IKustoIngestionResult result = await client.IngestFromStorageAsync(
            TempFile("rows.csv", TwoRows), Now(NewTable()), new StorageSourceOptions { Progress = progress });
        Assert.That(progress.Last.BytesRead, Is.EqualTo(TwoRows.Length));
        Assert.That(progress.Last.BytesTotal, Is.EqualTo(TwoRows.Length));
        Assert.That(progress.Last.BytesSent, Is.EqualTo(result.BytesSent));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void ProgressThatThrowsFailsTheIngestion(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.Arm("""{"service": "queue", "operation": "PutMessage", "fault": {"kind": "stall", "when": "before"}}""");
        InvalidOperationException cause = new("no more");
        StreamSourceOptions options = new() { Progress = new Recorder(cause) };
        IngestClientException failure = asynchronous
            ? Failed<IngestClientException>(() => client.IngestFromBytesAsync(Bytes(TwoRows), Now("T"), options), KustoErrorCode.Callback)
            : Failed<IngestClientException>(() => client.IngestFromBytes(Bytes(TwoRows), Now("T"), options), KustoErrorCode.Callback);
        Assert.That(failure.InnerException, Is.SameAs(cause));
        Assert.That(failure.Message, Does.Contain("no more"));
    }

    private sealed class Recorder(Exception? cause = null) : IProgress<IngestionProgress>
    {
        internal IngestionProgress Last { get; private set; }

        public void Report(IngestionProgress value)
        {
            Last = value;
            if (cause is not null)
            {
                throw cause;
            }
        }
    }

    [Test]
    public void AFileThatIsMissingHasTheNumberOfTheSystem()
    {
        IngestClientException failure = Failed<IngestClientException>(
            () => NewClient().IngestFromStorage("/no/such/file.csv", Now("T")), KustoErrorCode.SourceIo);
        Assert.That(failure.SystemErrorCode, Is.EqualTo(2));
        Assert.That(new IngestClientException("text").SystemErrorCode, Is.EqualTo(0));
    }
}
