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

    private readonly StreamHandle target;
    private readonly CancellationToken stop;
    private readonly CancellationTokenRegistration cancelling;
    private bool complete;

    private StreamPump(StreamHandle target, CancellationToken stop)
    {
        this.target = target;
        this.stop = stop;
        cancelling = stop.Register(static state => NativeMethods.kusto_stream_cancel((StreamHandle)state!), target);
    }

    /// <summary>What the stream threw.</summary>
    internal Exception? Broken { get; private set; }

    /// <summary>Begins an ingestion that takes the source and ends early with <paramref name="stop"/>.</summary>
    /// <exception cref="KustoException">It cannot begin.</exception>
    internal static StreamPump Begin(ClientHandle client, PropsHandle props, SourceHandle source, CancellationToken stop)
    {
        int status = NativeMethods.kusto_stream_begin(client, props, source, out StreamHandle target, out IntPtr error);
        source.Taken();
        Failure.ThrowOn(status, error);
        return new(target, stop);
    }

    /// <summary>A native finish, for <see cref="NativeOperation"/>.</summary>
    internal NativeOperation.Start Finish(long timeout)
    {
        // What was pushed must not count as the whole.
        if (Broken is not null)
        {
            Fail(Broken);
        }
        else if (!complete)
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
        try
        {
            int count;
            while ((count = Read(stream, buffer)) > 0)
            {
                Write(buffer, 0, count);
            }
            complete = count == 0;
        }
        finally
        {
            Buffers.Return(buffer);
        }
    }

    /// <summary>As <see cref="Pump"/>, without a thread that waits for the stream.</summary>
    /// <remarks>A read that does not end when it is cancelled is left behind, with its buffer.</remarks>
    /// <exception cref="KustoException">The ingestion has failed.</exception>
    internal async Task PumpAsync(Stream stream)
    {
        byte[] buffer = Buffers.Rent();
        while (true)
        {
            Task<int> reading = ReadAsync(stream, buffer);
            if (!reading.IsCompleted && !await EndsAsync(reading).ConfigureAwait(false))
            {
                return;
            }
            int count = await reading.ConfigureAwait(false);
            if (count <= 0)
            {
                complete = count == 0;
                break;
            }
            int written = TryWrite(buffer, count);
            if (written < count)
            {
                // Storage is slower than the stream: only the library can say when it goes on.
                await Task.Run(() => Write(buffer, written, count)).ConfigureAwait(false);
            }
        }
        Buffers.Return(buffer);
    }

    /// <summary>Gives an unfinished ingestion up.</summary>
    public void Dispose()
    {
        cancelling.Dispose();
        target.Dispose();
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

    /// <summary>-1 when the stream has failed.</summary>
    private int Read(Stream stream, byte[] buffer)
    {
        try
        {
            return stream.Read(buffer, 0, buffer.Length);
        }
        catch (Exception cause)
        {
            Broken = cause;
            return Failed;
        }
    }

    /// <summary>-1 when the stream has failed or the read was cancelled.</summary>
    private async Task<int> ReadAsync(Stream stream, byte[] buffer)
    {
        try
        {
#if NET5_0_OR_GREATER
            return await stream.ReadAsync(buffer.AsMemory(), stop).ConfigureAwait(false);
#else
            return await stream.ReadAsync(buffer, 0, buffer.Length, stop).ConfigureAwait(false);
#endif
        }
        catch (Exception cause)
        {
            if (!stop.IsCancellationRequested)
            {
                Broken = cause;
            }
            return Failed;
        }
    }

    /// <summary>Waits for a read; false when everything else has been cancelled meanwhile.</summary>
    private async Task<bool> EndsAsync(Task<int> reading)
    {
        TaskCompletionSource<bool> stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using (stop.Register(static state => ((TaskCompletionSource<bool>)state!).TrySetResult(true), stopped))
        {
            return await Task.WhenAny(reading, stopped.Task).ConfigureAwait(false) == reading;
        }
    }

    private unsafe int TryWrite(byte[] buffer, int count)
    {
        fixed (byte* start = buffer)
        {
            int status = NativeMethods.kusto_stream_write(target, start, (nuint)count, 0, out nuint written, out IntPtr error);
            if (status == (int)KustoErrorCode.WouldBlock)
            {
                NativeMethods.kusto_error_free(error);
                return 0;
            }
            Failure.ThrowOn(status, error);
            return (int)written;
        }
    }

    private unsafe void Write(byte[] buffer, int from, int to)
    {
        fixed (byte* start = buffer)
        {
            int status = NativeMethods.kusto_stream_write(
                target, start + from, (nuint)(to - from), Timeouts.Forever, out _, out IntPtr error);
            Failure.ThrowOn(status, error);
        }
    }
}
