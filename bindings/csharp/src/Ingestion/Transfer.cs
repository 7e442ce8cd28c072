using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>One ingestion: its properties, its source, its deadline, and the exception for its failure.</summary>
internal sealed class Transfer
{
    private readonly NativeClient client;
    private readonly KustoIngestionProperties properties;
    private readonly string name;
    private readonly long timeout;
    private readonly Stopwatch elapsed = Stopwatch.StartNew();
    private Exception? progressFailure;

    /// <param name="client">The client.</param>
    /// <param name="properties">Where the data goes.</param>
    /// <param name="name">The source's name in errors, without secrets.</param>
    /// <param name="limit">The time limit of the whole call.</param>
    internal Transfer(NativeClient client, KustoIngestionProperties properties, string name, TimeSpan? limit)
    {
        this.client = client;
        this.properties = properties ?? throw new ArgumentNullException("ingestionProperties");
        this.name = name;
        timeout = Timeouts.Milliseconds(limit, nameof(SourceOptions.Timeout));
    }

    /// <summary>Applies the source's options, before an ingestion takes it.</summary>
    internal Action<SourceHandle>? Describe { get; set; }

    /// <summary>Sets native properties that depend on the source.</summary>
    internal Action<PropsHandle>? Specify { get; set; }

    /// <summary>Receives the progress of the transfer.</summary>
    internal IProgress<IngestionProgress>? Progress { get; set; }

    /// <summary>Ingests a source that the library reads itself.</summary>
    internal async Task<IngestionReceipt> RunAsync(Func<SourceHandle> open, CancellationToken cancellation)
    {
        using NativeClient.Lease lease = client.Enter();
        Failure.ThrowIfCancelled(cancellation);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            using ClientLog.Call call = client.BeginIngestion(properties);
            using PropsHandle props = Properties(call.Id);
            using SourceHandle source = Source(open, Progress is null ? null : Watch(stop));
            return IngestionReceipt.Take(await NativeOperation.RunAsync<ResultHandle>(
                Ingest(lease.Handle, props, source), NativeMethods.kusto_op_result, stop.Token).ConfigureAwait(false));
        }
        catch (KustoException failure)
        {
            throw Explain(failure, stop, cancellation);
        }
    }

    /// <summary>As <see cref="RunAsync"/>, waiting on this thread.</summary>
    internal IngestionReceipt Run(Func<SourceHandle> open)
    {
        using NativeClient.Lease lease = client.Enter();
        using CancellationTokenSource stop = new();
        try
        {
            using ClientLog.Call call = client.BeginIngestion(properties);
            using PropsHandle props = Properties(call.Id);
            using SourceHandle source = Source(open, Progress is null ? null : Watch(stop));
            return IngestionReceipt.Take(NativeOperation.Run<ResultHandle>(
                Ingest(lease.Handle, props, source), NativeMethods.kusto_op_result, stop.Token));
        }
        catch (KustoException failure)
        {
            throw Explain(failure, stop, CancellationToken.None);
        }
    }

    /// <summary>Ingests a stream.</summary>
    internal async Task<IngestionReceipt> PushAsync(Stream stream, CancellationToken cancellation)
    {
        using NativeClient.Lease lease = client.Enter();
        Failure.ThrowIfCancelled(cancellation);
        // A stream may pause for ever: closing must cancel its read too, not only the library's work.
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, client.Closing);
        Exception? broken = null;
        try
        {
            using ClientLog.Call call = client.BeginIngestion(properties);
            using PropsHandle props = Properties(call.Id);
            ProgressContext progress = Watch(stop);
            using SourceHandle source = Source(NativeSource.Stream, progress);
            using StreamPump pump = StreamPump.Begin(lease.Handle, props, source, progress.Released, StopInTime(stop));
            await pump.PumpAsync(stream).ConfigureAwait(false);
            broken = pump.Broken;
            return IngestionReceipt.Take(await NativeOperation.RunAsync<ResultHandle>(
                pump.Finish(Remaining()), NativeMethods.kusto_op_result, stop.Token).ConfigureAwait(false));
        }
        catch (KustoException failure)
        {
            throw Explain(failure, stop, cancellation, broken);
        }
    }

    /// <summary>As <see cref="PushAsync"/>, reading and waiting on this thread.</summary>
    internal IngestionReceipt Push(Stream stream)
    {
        using NativeClient.Lease lease = client.Enter();
        using CancellationTokenSource stop = new();
        Exception? broken = null;
        try
        {
            using ClientLog.Call call = client.BeginIngestion(properties);
            using PropsHandle props = Properties(call.Id);
            ProgressContext progress = Watch(stop);
            using SourceHandle source = Source(NativeSource.Stream, progress);
            using StreamPump pump = StreamPump.Begin(lease.Handle, props, source, progress.Released, StopInTime(stop));
            pump.Pump(stream);
            broken = pump.Broken;
            return IngestionReceipt.Take(NativeOperation.Run<ResultHandle>(
                pump.Finish(Remaining()), NativeMethods.kusto_op_result, stop.Token));
        }
        catch (KustoException failure)
        {
            throw Explain(failure, stop, CancellationToken.None, broken);
        }
    }

    /// <summary>For failures outside the library.</summary>
    internal IngestClientException Failed(ErrorDetails details, Exception cause) => new(details, name, cause);

    private PropsHandle Properties(string? requestId)
    {
        PropsHandle props = NativeProperties.Of(properties);
        try
        {
            if (requestId is not null)
            {
                NativeProperties.Set(props, NativeProperties.RequestId, requestId);
            }
            Specify?.Invoke(props);
            return props;
        }
        catch
        {
            props.Dispose();
            throw;
        }
    }

    private ProgressContext Watch(CancellationTokenSource stop) => new(Progress, cause => GiveUp(stop, cause));

    private SourceHandle Source(Func<SourceHandle> open, ProgressContext? progress)
    {
        SourceHandle source = open();
        try
        {
            Describe?.Invoke(source);
            if (progress is not null)
            {
                NativeSource.SetProgress(source, progress);
            }
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private NativeOperation.Start Ingest(ClientHandle handle, PropsHandle props, SourceHandle source) =>
        (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
        {
            int status = NativeMethods.kusto_ingest_start(handle, props, source, timeout, done, userData, drop, out op, out error);
            source.Taken();
            return status;
        };

    /// <summary>For pushed data the library's deadline begins only when the data is complete; until then it is enforced here.</summary>
    private CancellationToken StopInTime(CancellationTokenSource stop)
    {
        // Limits beyond what timers support (24 days) are not enforced.
        if (timeout is not Timeouts.Forever and < int.MaxValue)
        {
            stop.CancelAfter((int)Remaining());
        }
        return stop.Token;
    }

    private long Remaining() => timeout == Timeouts.Forever ? timeout : Math.Max(0, timeout - elapsed.ElapsedMilliseconds);

    private void GiveUp(CancellationTokenSource stop, Exception cause)
    {
        progressFailure ??= cause;
        // Callbacks registered on the token must not run on the library's thread.
        ThreadPool.QueueUserWorkItem(static state =>
        {
            try
            {
                ((CancellationTokenSource)state!).Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The call has ended meanwhile.
            }
            catch (AggregateException)
            {
                // A callback that the caller's stream registered threw: the call still ends with the exception of the progress callback.
            }
        }, stop);
    }

    /// <param name="failure">The library's error.</param>
    /// <param name="stop">If cancelled, it has ended the ingestion.</param>
    /// <param name="cancellation">The caller's token.</param>
    /// <param name="broken">The exception of the caller's stream.</param>
    private Exception Explain(KustoException failure, CancellationTokenSource stop, CancellationToken cancellation, Exception? broken = null)
    {
        ErrorDetails details = failure.Details;
        if (details.Code != KustoErrorCode.Cancelled)
        {
            return client.Ended(failure, cancellation) ?? new IngestClientException(details, name, details.Code == KustoErrorCode.SourceIo ? broken : client.CauseOf(failure));
        }
        if (progressFailure is { } cause)
        {
            return new IngestClientException(
                details.As(KustoErrorCode.Callback, $"the progress callback threw: {cause.Message}", KustoRetry.Unknown), name, cause);
        }
        if (stop.IsCancellationRequested && !cancellation.IsCancellationRequested && !client.Closing.IsCancellationRequested)
        {
            return new IngestClientException(
                details.As(KustoErrorCode.TimedOut, $"{details.Step}: the call's deadline passed", KustoRetry.Later), name, null);
        }
        return Failure.Cancelled(new IngestClientException(details, name, null), cancellation);
    }
}
