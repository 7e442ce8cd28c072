using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>
/// Pushes a stream's data to the library, no faster than storage takes it. A failure of the stream is in
/// <see cref="Broken"/>; a failure of the ingestion is thrown.
/// </summary>
internal sealed class StreamPump : IDisposable
{
    private const int Failed = -1;

    /// <summary>Milliseconds: longer than compressing a piece takes, shorter than the pool waits before it adds a thread.</summary>
    private const long Moment = 20;

    /// <summary>How often a stream may be read on the caller's thread: a short one ends with the second read.</summary>
    private const int FirstReads = 2;

    private readonly StreamHandle target;
    private readonly Task released;
    private readonly CancellationToken stop;
    private readonly CancellationTokenRegistration cancelling;
    // Held while using the target or recording how the stream ended; an abandoned read does neither any more.
    private readonly object gate = new();
    private bool stopped;
    private bool complete;
    private bool failed;

    private StreamPump(StreamHandle target, Task released, CancellationToken stop)
    {
        this.target = target;
        this.released = released;
        this.stop = stop;
        cancelling = stop.Register(static state => NativeMethods.kusto_stream_cancel((StreamHandle)state!), target);
    }

    /// <summary>The stream's exception.</summary>
    internal Exception? Broken { get; private set; }

    /// <summary>
    /// Begins an ingestion that takes the source and ends early with <paramref name="stop"/>. The library has released the
    /// source when <paramref name="released"/> completes; before the end of the data this means that the ingestion has failed.
    /// </summary>
    /// <exception cref="KustoException">It cannot begin.</exception>
    internal static StreamPump Begin(
        ClientHandle client, PropsHandle props, SourceHandle source, Task released, CancellationToken stop)
    {
        int status = NativeMethods.kusto_stream_begin(client, props, source, out StreamHandle target, out IntPtr error);
        source.Taken();
        Failure.ThrowOn(status, error);
        return new(target, released, stop);
    }

    /// <summary>A native finish, for <see cref="NativeOperation"/>.</summary>
    internal NativeOperation.Start Finish(long timeout)
    {
        // The data pushed so far must not be taken for the whole.
        if (Broken is not null)
        {
            Fail(Broken);
        }
        else if (!complete && !failed)
        {
            // The cancellation by the registration may come later than this.
            NativeMethods.kusto_stream_cancel(target);
        }
        return (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_stream_finish(target, timeout, done, userData, drop, out op, out error);
    }

    /// <summary>Pushes all data, or the part before the stream or the ingestion ended.</summary>
    /// <exception cref="KustoException">The ingestion has failed.</exception>
    internal void Pump(Stream stream)
    {
        byte[] buffer = Buffers.Rent();
        int count;
        while ((count = Read(stream, buffer)) > 0)
        {
            if (!Thread.CurrentThread.IsThreadPoolThread)
            {
                Write(buffer, 0, count);
                continue;
            }
            int written = WriteWithin(buffer, 0, count, Moment);
            if (written < count)
            {
                // In a way that the pool sees, as in NativeOperation.
                WriteOnOwnThread(buffer, written, count).GetAwaiter().GetResult();
            }
        }
        Ended(buffer, count);
    }

    /// <summary>As <see cref="Pump"/>, without a thread that waits for the stream.</summary>
    /// <remarks>A read that is still waiting when everything else has ended is abandoned with its buffer.</remarks>
    /// <exception cref="KustoException">The ingestion has failed.</exception>
    internal async Task PumpAsync(Stream stream)
    {
        Task copying = CopyAsync(stream);
        if (!copying.IsCompleted)
        {
            await EndsAsync(copying).ConfigureAwait(false);
        }
        // The write has been cancelled or fails with the ingestion, so this does not wait for long.
        lock (gate)
        {
            stopped = !copying.IsCompleted;
        }
        if (!stopped)
        {
            await copying.ConfigureAwait(false);
            return;
        }
        // It may still fail as the ingestion does; observe that, or it becomes an unobserved task exception.
        _ = copying.ContinueWith(static late => late.Exception, TaskScheduler.Default);
    }

    private async Task CopyAsync(Stream stream)
    {
        byte[] buffer = Buffers.Rent();
        int count = await CopyAsync(stream, buffer, FirstReads, pooled: false).ConfigureAwait(false);
        if (count > 0)
        {
            // Neither reads nor writes need ever wait: so the rest moves to the pool, and the caller gets its task.
            count = await Task.Run(() => CopyAsync(stream, buffer, int.MaxValue, pooled: true)).ConfigureAwait(false);
        }
        Ended(buffer, count);
    }

    /// <summary>Copies up to a number of reads. Pieces stay on a thread of the pool: a switch of threads for each costs more than the piece.</summary>
    /// <returns>What the last read returned.</returns>
    private async Task<int> CopyAsync(Stream stream, byte[] buffer, int reads, bool pooled)
    {
        bool MayWait() => pooled && Thread.CurrentThread.IsThreadPoolThread;
        int count = 0;
        for (int read = 0; read < reads; read++)
        {
            count = MayWait() && ReadsAtOnce(stream) ? Read(stream, buffer) : await ReadAsync(stream, buffer).ConfigureAwait(false);
            if (count <= 0)
            {
                break;
            }
            int written = WriteWithin(buffer, 0, count, 0);
            if (written < count)
            {
                // The stream is faster than the compression: a thread of the pool may wait for that moment.
                int from = written;
                int to = count;
                written = MayWait()
                    ? WriteWithin(buffer, from, to, Moment)
                    : await Task.Run(() => WriteWithin(buffer, from, to, Moment)).ConfigureAwait(false);
            }
            if (written < count)
            {
                // Storage is slower than the stream, and only the library knows when it can go on. That may take long, and the
                // token provider may need a thread of the pool meanwhile: so a thread of its own waits.
                await WriteOnOwnThread(buffer, written, count).ConfigureAwait(false);
            }
        }
        return count;
    }

    /// <summary>Abandons an unfinished ingestion.</summary>
    public void Dispose()
    {
        cancelling.Dispose();
        target.Dispose();
    }

    private void Ended(byte[] buffer, int count)
    {
        if (count == 0)
        {
            // Return the buffer only then: a read that has failed or was cancelled may still write into it.
            Buffers.Return(buffer);
        }
        lock (gate)
        {
            complete = count == 0 && !stopped;
        }
    }

    private void Broke(Exception cause)
    {
        lock (gate)
        {
            if (!stopped)
            {
                Broken = cause;
            }
        }
    }

    private void Fail(Exception cause)
    {
        NativeText message = NativeText.Lenient(cause.Message);
        int status = NativeMethods.kusto_stream_fail(target, message.Bytes, message.Length, out IntPtr error);
        if (status != 0)
        {
            // The ingestion has failed already; its own error says why.
            NativeMethods.kusto_error_free(error);
        }
    }

    /// <summary>Whether reads never wait for another party. .NET runs each asynchronous read of such a file on another thread.</summary>
    private static bool ReadsAtOnce(Stream stream) => stream is FileStream { IsAsync: false, CanSeek: true };

    /// <summary>-1 when the stream has failed.</summary>
    private int Read(Stream stream, byte[] buffer)
    {
        try
        {
            return Checked(stream.Read(buffer, 0, buffer.Length), buffer);
        }
        catch (Exception cause)
        {
            Broke(cause);
            return Failed;
        }
    }

    /// <summary>A wrong count must not make the library read beyond the buffer.</summary>
    private static int Checked(int count, byte[] buffer) => count >= 0 && count <= buffer.Length
        ? count
        : throw new IOException($"the stream returned {count} for a buffer of {buffer.Length} bytes");

    /// <summary>-1 when the stream has failed or the read was cancelled.</summary>
    private async Task<int> ReadAsync(Stream stream, byte[] buffer)
    {
        try
        {
#if NET5_0_OR_GREATER
            return Checked(await stream.ReadAsync(buffer.AsMemory(), stop).ConfigureAwait(false), buffer);
#else
            return Checked(await stream.ReadAsync(buffer, 0, buffer.Length, stop).ConfigureAwait(false), buffer);
#endif
        }
        catch (Exception cause)
        {
            if (!stop.IsCancellationRequested)
            {
                Broke(cause);
            }
            return Failed;
        }
    }

    /// <summary>Waits until everything is copied, or everything else has been cancelled or has failed.</summary>
    private async Task EndsAsync(Task copying)
    {
        TaskCompletionSource<bool> cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using (stop.Register(static state => ((TaskCompletionSource<bool>)state!).TrySetResult(true), cancelled))
        {
            Task first = await Task.WhenAny(copying, cancelled.Task, released).ConfigureAwait(false);
            // The ingestion has an error of its own, which a cancellation must not replace.
            failed = first == released;
        }
    }

    /// <summary>Writes as much as possible within the time, and returns the position reached.</summary>
    private unsafe int WriteWithin(byte[] buffer, int from, int to, long milliseconds)
    {
        int status = Write(buffer, from, to, milliseconds, out nuint written, out IntPtr error);
        if (status is (int)KustoErrorCode.WouldBlock or (int)KustoErrorCode.TimedOut)
        {
            NativeMethods.kusto_error_free(error);
            return from;
        }
        Failure.ThrowOn(status, error);
        return from + (int)written;
    }

    private Task WriteOnOwnThread(byte[] buffer, int from, int to) => Task.Factory.StartNew(
        () => Write(buffer, from, to), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Write(byte[] buffer, int from, int to)
    {
        int status = Write(buffer, from, to, Timeouts.Forever, out _, out IntPtr error);
        Failure.ThrowOn(status, error);
    }

    private unsafe int Write(byte[] buffer, int from, int to, long milliseconds, out nuint written, out IntPtr error)
    {
        lock (gate)
        {
            if (stopped)
            {
                // Ends an abandoned copy.
                throw new OperationCanceledException(stop);
            }
            fixed (byte* start = buffer)
            {
                return NativeMethods.kusto_stream_write(target, start + from, (nuint)(to - from), milliseconds, out written, out error);
            }
        }
    }
}
