using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Streams that are slow, endless, broken or stuck.</summary>
public sealed class StreamTests : Bed
{
    private static readonly byte[] Chunk = Bytes(string.Concat(Enumerable.Repeat(TwoRows, 4_000)));

    [TestCase(true, 0)]
    [TestCase(true, 40)]
    [TestCase(false, 0)]
    [TestCase(false, 40)]
    public void AStreamThatThrowsFailsTheIngestion(bool asynchronous, int chunksBefore)
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.ResetTraffic();
        IOException broken = new("the disk is on fire: \uD800");
        FakeStream stream = new(read => read < chunksBefore ? Chunk : throw broken);
        IngestClientException failure = asynchronous
            ? Failed<IngestClientException>(() => client.IngestFromStreamAsync(stream, Now("T")), KustoErrorCode.SourceIo)
            : Failed<IngestClientException>(() => client.IngestFromStream(stream, Now("T")), KustoErrorCode.SourceIo);
        Assert.That(failure.InnerException, Is.SameAs(broken));
        Assert.That(failure.Message, Does.Contain("the disk is on fire"));
        Assert.That(failure.InDoubt, Is.False);
        Assert.That(failure.IngestionSource, Is.EqualTo("stream"));
        Assert.That(stream.Disposed);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    [Test]
    public void AStreamThatCancelsItselfFailsTheIngestion()
    {
        IKustoQueuedIngestClient client = NewClient();
        FakeStream stream = new(read => read == 0 ? Chunk : throw new OperationCanceledException("not ours"));
        IngestClientException failure = Failed<IngestClientException>(
            () => client.IngestFromStreamAsync(stream, Now("T")), KustoErrorCode.SourceIo);
        Assert.That(failure.InnerException, Is.InstanceOf<OperationCanceledException>());
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task AByteAtATime(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        FakeStream stream = new(read => read < TwoRows.Length ? [(byte)TwoRows[read]] : []) { Yields = asynchronous };
        Ingested(asynchronous ? await client.IngestFromStreamAsync(stream, Now(table)) : client.IngestFromStream(stream, Now(table)));
        Assert.That(Count(table), Is.EqualTo(2));
    }

    [Test]
    public async Task AStreamThatNeverWaitsDoesNotHoldTheCaller()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        Thread caller = Thread.CurrentThread;
        using ManualResetEventSlim back = new();
        bool held = false;
        // Each read ends at once, except that the last ones wait until the call has come back.
        FakeStream stream = new(read =>
        {
            if (read >= 20 && Thread.CurrentThread == caller)
            {
                held = true;
                return [];
            }
            if (read == 20)
            {
                Assert.That(back.Wait(Patience));
            }
            return read < 40 ? Bytes(TwoRows) : [];
        });
        Task<IKustoIngestionResult> call = client.IngestFromStreamAsync(stream, Now(table));
        Assert.That(call.IsCompleted, Is.False);
        back.Set();
        await Ingested(call);
        Assert.That(held, Is.False);
        Assert.That(Count(table), Is.EqualTo(80));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task AMemoryStreamOf64MegabytesDoesNotHoldTheCaller(bool lendsItsBuffer)
    {
        IKustoQueuedIngestClient client = NewClient(
            new KustoConnectionStringBuilder(Connection).WithSetting(KustoSettings.MemoryBudget, "8388608"));
        Emulator.ResetTraffic();
        // No upload ends before the call has come back, and eight megabytes do not hold the rest.
        Emulator.Arm(Emulator.StalledUploads);
        byte[] noise = new byte[64 << 20];
        new Random(7).NextBytes(noise);
        MemoryStream stream = new(noise, 0, noise.Length, writable: false, publiclyVisible: lendsItsBuffer);
        using CancellationTokenSource cancel = new();
        Task<Task<IKustoIngestionResult>> calling = Task.Factory.StartNew(
            () => client.IngestFromStreamAsync(stream, Now("T"), null, cancel.Token),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task<IKustoIngestionResult> call = await InTime(calling);
        Assert.That(call.IsCompleted, Is.False);
        Eventually("an upload stalls", () => Emulator.Fired()[0] > 0);
        Assert.That(call.IsCompleted, Is.False);
        cancel.Cancel();
        Cancelled(() => InTime(call), cancel.Token);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    [Test]
    public void NoMoreThanTheFirstReadsOfMemoryAreTheCallers()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.ResetTraffic();
        Thread caller = Thread.CurrentThread;
        // Not disposed: the read that waits for it outlives the call.
        ManualResetEventSlim back = new();
        bool held = false;
        GatedMemory stream = new(new byte[64 << 20], read =>
        {
            if (read >= 20 && Thread.CurrentThread == caller)
            {
                held = true;
                return false;
            }
            return read != 20 || back.Wait(Patience);
        });
        using CancellationTokenSource cancel = new();
        Task<IKustoIngestionResult> call = client.IngestFromStreamAsync(stream, Now("T"), null, cancel.Token);
        Assert.That(held, Is.False);
        Assert.That(call.IsCompleted, Is.False);
        cancel.Cancel();
        back.Set();
        Cancelled(() => InTime(call), cancel.Token);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task AMemoryStreamIsSentFromItsPosition(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        byte[] array = Bytes("no,no\n" + TwoRows + "no,no\n");
        MemoryStream lent = new(array, 6, TwoRows.Length, writable: true, publiclyVisible: true);
        lent.Position = TwoRows.Length / 2;
        MemoryStream hidden = new(Bytes(TwoRows));
        foreach (MemoryStream stream in new[] { lent, hidden })
        {
            StreamSourceOptions options = new() { LeaveOpen = true };
            IKustoIngestionResult result = asynchronous
                ? await client.IngestFromStreamAsync(stream, Now(table), options)
                : client.IngestFromStream(stream, Now(table), options);
            Ingested(result);
            Assert.That(result.BytesRaw, Is.EqualTo(stream == lent ? TwoRows.Length / 2 : TwoRows.Length));
            Assert.That(stream.Position, Is.EqualTo(stream.Length));
        }
        Assert.That(Count(table), Is.EqualTo(3));
        lent.Dispose();
        IngestClientException failure = asynchronous
            ? Failed<IngestClientException>(() => client.IngestFromStreamAsync(lent, Now(table)), KustoErrorCode.SourceIo)
            : Failed<IngestClientException>(() => client.IngestFromStream(lent, Now(table)), KustoErrorCode.SourceIo);
        Assert.That(failure.InnerException, Is.InstanceOf<ObjectDisposedException>());
    }

    [TestCase(true)]
    [TestCase(false)]
    public void TheStreamIsLeftOpenWhenWanted(bool leaveOpen)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        FakeStream stream = new(read => read == 0 ? Bytes(TwoRows) : []);
        Ingested(client.IngestFromStream(stream, Now(table), leaveOpen: leaveOpen));
        Assert.That(stream.Disposed, Is.EqualTo(!leaveOpen));
    }

    [Test]
    public void AStreamIsReadNoFasterThanStorageTakesIt()
    {
        IKustoQueuedIngestClient client = NewClient(
            new KustoConnectionStringBuilder(Connection).WithSetting(KustoSettings.MemoryBudget, "8388608"));
        Emulator.ResetTraffic();
        Emulator.Arm(Emulator.StalledUploads);
        Random random = new(7);
        long given = 0;
        FakeStream endless = new(_ =>
        {
            byte[] noise = new byte[64 * 1024];
            random.NextBytes(noise);
            Interlocked.Add(ref given, noise.Length);
            return noise;
        });
        using CancellationTokenSource cancel = new();
        Task<IKustoIngestionResult> call = client.IngestFromStreamAsync(endless, Now("T"), null, cancel.Token);
        Eventually("an upload stalls", () => Emulator.Fired()[0] > 0);
        Eventually("the budget is nearly used up", () => Interlocked.Read(ref given) > 6 << 20);
        cancel.Cancel();
        Cancelled(() => InTime(call), cancel.Token);
        Assert.That(given, Is.LessThan(64 << 20));
        Assert.That(endless.Disposed);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void ARequestToCancelReachesAStreamThatWaits(bool obedient)
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.ResetTraffic();
        using CancellationTokenSource cancel = new();
        StuckStream stream = new(obedient);
        Task<IKustoIngestionResult> call = client.IngestFromStreamAsync(stream, Now("T"), null, cancel.Token);
        Eventually("the stream waits", () => stream.Waits);
        cancel.Cancel();
        Cancelled(() => InTime(call), cancel.Token);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
        // A read that ignored its cancellation ends now, without harm.
        stream.Release();
    }

    [Test]
    public void ARequestToCancelReachesAFileThatWaits()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.ResetTraffic();
        using CancellationTokenSource cancel = new();
        byte[] noise = new byte[9 << 20];
        new Random(7).NextBytes(noise);
        string path = TempFile("noise.csv", "");
        File.WriteAllBytes(path, noise);
        StuckFile file = new(path);
        Task<IKustoIngestionResult> call = client.IngestFromStreamAsync(file, Now("T"), null, cancel.Token);
        Eventually("the file waits", () => file.Waits);
        cancel.Cancel();
        Cancelled(() => InTime(call), cancel.Token);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
        file.Release();
    }

    [Test]
    public async Task ABufferThatAReadMayStillWriteIntoIsNotUsedAgain()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        using CancellationTokenSource cancel = new();
        StuckStream stream = new(obedient: false);
        Task<IKustoIngestionResult> call = client.IngestFromStreamAsync(stream, Now(table), null, cancel.Token);
        Eventually("the stream waits", () => stream.Waits);
        cancel.Cancel();
        Cancelled(() => InTime(call), cancel.Token);
        byte[] lent = stream.Lent!;
        // Whichever thread returned it to the pool, one of these would rent it.
        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            FakeStream other = new(read => read == 0 ? Bytes(TwoRows) : []) { Yields = true, NotInto = lent };
            await client.IngestFromStreamAsync(other, Now(table));
        })));
        stream.Release();
    }

    [TestCase(true, true)]
    [TestCase(true, false)]
    [TestCase(false, false)]
    public async Task AnOpenFile(bool asynchronous, bool overlapped)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        string path = TempFile("rows.csv", string.Concat(Enumerable.Repeat(TwoRows, 100_000)));
        FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 4096, overlapped);
        file.Seek(TwoRows.Length, SeekOrigin.Begin);
        Ingested(asynchronous ? await client.IngestFromStreamAsync(file, Now(table)) : client.IngestFromStream(file, Now(table)));
        Assert.That(Count(table), Is.EqualTo(199_998));
        Assert.That(file.CanRead, Is.False);
    }

    [Test]
    public void TheDeadlineHoldsWhileAStreamWaits()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.ResetTraffic();
        StuckStream stream = new(obedient: false);
        IngestClientException failure = Failed<IngestClientException>(
            () => InTime(client.IngestFromStreamAsync(stream, Now("T"), new StreamSourceOptions { Timeout = TimeSpan.FromMilliseconds(50) })),
            KustoErrorCode.TimedOut);
        Assert.That(failure.InnerException, Is.Null);
        Assert.That(Emulator.Posted(), Is.EqualTo(0));
        stream.Release();
    }

    [TestCase(true)]
    [TestCase(false)]
    public void TheDeadlineHoldsAfterTheLastByte(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.Arm(Emulator.StalledUploads);
        StreamSourceOptions options = new() { Timeout = TimeSpan.FromMilliseconds(100) };
        MemoryStream stream = new(Bytes(TwoRows));
        IngestClientException failure = asynchronous
            ? Failed<IngestClientException>(() => client.IngestFromStreamAsync(stream, Now("T"), options), KustoErrorCode.TimedOut)
            : Failed<IngestClientException>(() => client.IngestFromStream(stream, Now("T"), options), KustoErrorCode.TimedOut);
        Assert.That(failure.InDoubt, Is.False);
    }

    [Test]
    public void AnUploadThatIsRefusedEndsTheReading()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.Arm("""{"service": "blob", "fault": {"kind": "status", "status": 403, "code": "AuthorizationFailure"}}""");
        Random random = new(7);
        FakeStream endless = new(_ =>
        {
            byte[] noise = new byte[64 * 1024];
            random.NextBytes(noise);
            return noise;
        });
        Failed<IngestClientException>(() => InTime(client.IngestFromStreamAsync(endless, Now("T"))), KustoErrorCode.Auth);
        Failed<IngestClientException>(() => client.IngestFromStream(endless, Now("T")), KustoErrorCode.Auth);
    }

    [Test]
    public void ClosingEndsAStreamThatPauses()
    {
        IKustoQueuedIngestClient client = NewClient();
        StuckStream stream = new(obedient: false);
        Task<IKustoIngestionResult> call = client.IngestFromStreamAsync(stream, Now("T"));
        Eventually("the stream waits", () => stream.Waits);
        client.Dispose();
        Cancelled(() => InTime(call), default);
        stream.Release();
    }

    [Test]
    public void AnUploadThatIsRefusedEndsAStreamThatPauses()
    {
        IKustoQueuedIngestClient client = NewClient();
        Emulator.Arm("""{"service": "blob", "fault": {"kind": "status", "status": 403, "code": "AuthorizationFailure"}}""");
        StuckStream stream = new(obedient: false) { Noise = 9 << 20 };
        Failed<IngestClientException>(() => InTime(client.IngestFromStreamAsync(stream, Now("T"))), KustoErrorCode.Auth);
        stream.Release();
    }

    [TestCase(true)]
    [TestCase(false)]
    public void AProgressCallbackMayDisposeTheClient(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        Random random = new(7);
        FakeStream endless = new(_ =>
        {
            byte[] noise = new byte[64 * 1024];
            random.NextBytes(noise);
            return noise;
        });
        StreamSourceOptions options = new() { Progress = new Disposer(client) };
        Cancelled(
            () => InTime(asynchronous
                ? client.IngestFromStreamAsync(endless, Now("T"), options)
                : Task.Run(() => client.IngestFromStream(endless, Now("T"), options))),
            default);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task WhatDisposingAStreamThrowsHidesNothing(bool asynchronous)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        FakeStream whole = new(read => read == 0 ? Bytes(TwoRows) : []) { Unwilling = true };
        Ingested(asynchronous ? await client.IngestFromStreamAsync(whole, Now(table)) : client.IngestFromStream(whole, Now(table)));
        IOException broken = new("broken");
        FakeStream failing = new(_ => throw broken) { Unwilling = true };
        IngestClientException failure = asynchronous
            ? Failed<IngestClientException>(() => client.IngestFromStreamAsync(failing, Now(table)), KustoErrorCode.SourceIo)
            : Failed<IngestClientException>(() => client.IngestFromStream(failing, Now(table)), KustoErrorCode.SourceIo);
        Assert.That(failure.InnerException, Is.SameAs(broken));
        Assert.That(whole.Disposed && failing.Disposed);
    }

    /// <summary>Memory that is read, not lent, whose reads end at once where the gate, asked for each, lets them.</summary>
    private sealed class GatedMemory(byte[] data, Func<int, bool> gate) : MemoryStream(data)
    {
        private int reads;

        // Every other way to read leads here in a derived class. Little at a time, so that no write has to wait either.
        public override int Read(byte[] buffer, int offset, int count) =>
            gate(reads++) ? base.Read(buffer, offset, Math.Min(count, 4096)) : 0;
    }

    private sealed class Disposer(IDisposable client) : IProgress<IngestionProgress>
    {
        public void Report(IngestionProgress value) => client.Dispose();
    }

    private static byte[]? Array(Memory<byte> buffer) =>
        MemoryMarshal.TryGetArray(buffer, out ArraySegment<byte> segment) ? segment.Array : null;

    /// <summary>Gives what a function says, an empty chunk being the end.</summary>
    internal sealed class FakeStream(Func<int, byte[]> chunk) : ReadOnlyStream
    {
        private int reads;

        internal bool Yields { get; init; }

        /// <summary>A buffer that it must not be given.</summary>
        internal byte[]? NotInto { get; init; }

        /// <summary>Throws when it is disposed.</summary>
        internal bool Unwilling { get; init; }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing && Unwilling)
            {
                throw new IOException("not willing to close");
            }
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            byte[] next = chunk(reads++);
            next.CopyTo(buffer, offset);
            return next.Length;
        }

        public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            if (Yields)
            {
                await Task.Yield();
            }
            return Read(buffer, offset, count);
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Yields)
            {
                await Task.Yield();
            }
            Assert.That(NotInto, Is.Null.Or.Not.SameAs(Array(buffer)));
            byte[] next = chunk(reads++);
            next.CopyTo(buffer);
            return next.Length;
        }
    }

    /// <summary>A file on a disk that does not answer at its end, until it is released.</summary>
    private sealed class StuckFile(string path) : FileStream(path, FileMode.Open, FileAccess.Read)
    {
        private readonly ManualResetEventSlim released = new();
        private volatile bool waits;

        internal bool Waits => waits;

        internal void Release() => released.Set();

        public override int Read(byte[] buffer, int offset, int count)
        {
            int given = base.Read(buffer, offset, count);
            if (given == 0)
            {
                waits = true;
                released.Wait();
            }
            return given;
        }
    }

    /// <summary>Waits in its second read, or after its noise, until it is released or, when obedient, cancelled.</summary>
    private sealed class StuckStream(bool obedient) : ReadOnlyStream
    {
        private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Random random = new(7);
        private bool begun;
        private volatile bool waits;

        internal int Noise { get; set; }

        internal bool Waits => waits;

        /// <summary>The buffer of the read that waits.</summary>
        internal byte[]? Lent { get; private set; }

        internal void Release() => released.TrySetResult();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Noise > 0)
            {
                begun = true;
                random.NextBytes(buffer.Span);
                Noise -= buffer.Length;
                return buffer.Length;
            }
            if (!begun)
            {
                begun = true;
                Bytes(TwoRows).CopyTo(buffer);
                return TwoRows.Length;
            }
            Lent = Array(buffer);
            waits = true;
            await (obedient ? released.Task.WaitAsync(cancellationToken) : released.Task);
            throw new IOException("released");
        }
    }
}

/// <summary>Members that streams need besides Read.</summary>
internal abstract class ReadOnlyStream : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    internal bool Disposed { get; private set; }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        Disposed = true;
        base.Dispose(disposing);
    }
}
