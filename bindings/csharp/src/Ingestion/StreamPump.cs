using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>
/// Pushes what a stream gives to the library, no faster than storage takes it. What has failed is told by
/// <see cref="Broken"/> (the stream) or thrown (the ingestion).
/// </summary>
internal sealed class StreamPump : IDisposable
{
    private const int Failed = -1;

    /// <summary>Milliseconds: more than a piece takes to be compressed, less than the pool takes to miss a thread.</summary>
    private const long Moment = 20;

    private readonly StreamHandle target;
    private readonly Task released;
    private readonly CancellationToken stop;
    private readonly CancellationTokenRegistration cancelling;
    // Held by who uses the target or says how the stream ended; a reading that is left behind does neither any more.
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

    /// <summary>What the stream threw.</summary>
    internal Exception? Broken { get; private set; }

    /// <summary>
    /// Begins an ingestion that takes the source and ends early with <paramref name="stop"/>. The library has let go of the
    /// source when <paramref name="released"/> completes; before the end of the data that means that the ingestion has failed.
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
        // What was pushed must not count as the whole.
        if (Broken is not null)
        {
            Fail(Broken);
        }
        else if (!complete && !failed)
        {
            // The registration's cancelling may come later than this.
            NativeMethods.kusto_stream_cancel(target);
        }
        return (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_stream_finish(target, timeout, done, userData, drop, out op, out error);
    }

    /// <summary>Pushes everything, or as much as there is before something ends it.</summary>
    /// <exception cref="KustoException">The ingestion has failed.</exception>
    internal void Pump(Stream stream)
    {
        byte[] buffer = Buffers.Rent();
        int count;
        while ((count = Read(stream, buffer)) > 0)
        {
            Write(buffer, 0, count);
        }
        Ended(buffer, count);
    }

    /// <summary>As <see cref="Pump"/>, without a thread that waits for the stream.</summary>
    /// <remarks>A read that still waits when everything else has ended is left behind, with its buffer.</remarks>
    /// <exception cref="KustoException">The ingestion has failed.</exception>
    internal async Task PumpAsync(Stream stream)
    {
        Task copying = CopyAsync(stream);
        if (!copying.IsCompleted)
        {
            await EndsAsync(copying).ConfigureAwait(false);
        }
        // What writes has been cancelled, or fails with the ingestion: this does not wait for long.
        lock (gate)
        {
            stopped = !copying.IsCompleted;
        }
        if (!stopped)
        {
            await copying.ConfigureAwait(false);
            return;
        }
        // It may still fail as the ingestion does; that must not count as an error that nobody saw.
        _ = copying.ContinueWith(static late => late.Exception, TaskScheduler.Default);
    }

    private async Task CopyAsync(Stream stream)
    {
        byte[] buffer = Buffers.Rent();
        // The first piece that must wait moves to the pool, so that the caller gets its task. What follows stays there: a
        // change of threads for each piece costs more than the piece.
        bool moved = false;
        bool MayWait() => moved && Thread.CurrentThread.IsThreadPoolThread;
        int count;
        while ((count = MayWait() && ReadsAtOnce(stream) ? Read(stream, buffer) : await ReadAsync(stream, buffer).ConfigureAwait(false)) > 0)
        {
            int written = WriteWithin(buffer, 0, count, 0);
            if (written < count)
            {
                // The stream is faster than the library compresses: for that moment a thread of the pool will do.
                int from = written;
                int to = count;
                written = MayWait()
                    ? WriteWithin(buffer, from, to, Moment)
                    : await Task.Run(() => WriteWithin(buffer, from, to, Moment)).ConfigureAwait(false);
                moved = true;
            }
            if (written < count)
            {
                // Storage is slower than the stream, and only the library can say when it goes on. That may take long, and
                // the library may need a token for it: it is not a thread of the pool that waits.
                int from = written;
                int to = count;
                await Task.Factory.StartNew(
                    () => Write(buffer, from, to), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                    .ConfigureAwait(false);
            }
        }
        Ended(buffer, count);
    }

    /// <summary>Gives an unfinished ingestion up.</summary>
    public void Dispose()
    {
        cancelling.Dispose();
        target.Dispose();
    }

    private void Ended(byte[] buffer, int count)
    {
        if (count == 0)
        {
            // Otherwise a read that has failed or was cancelled may still write into it.
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
            // The ingestion has failed already; its end tells why.
            NativeMethods.kusto_error_free(error);
        }
    }

    /// <summary>Whether a read does not wait for anyone. .NET gives each asynchronous read of such a file to another thread.</summary>
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

    /// <summary>A stream that lies must not make the library read beyond the buffer.</summary>
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

    /// <summary>Writes what fits within the time, and says up to where.</summary>
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
                // Ends a copying of which nobody hears any more.
                throw new OperationCanceledException(stop);
            }
            fixed (byte* start = buffer)
            {
                return NativeMethods.kusto_stream_write(target, start + from, (nuint)(to - from), milliseconds, out written, out error);
            }
        }
    }
}
