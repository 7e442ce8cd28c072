using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>The status of ingestions.</summary>
internal sealed partial class KustoQueuedIngestClient
{
    /// <summary>How many messages Kusto.Ingest takes by default.</summary>
    private const int DefaultMessages = 32;

    /// <summary>How often calls that wait poll the status table.</summary>
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(1);

    private const int Failures = 1;
    private const int Successes = 2;

    private long DefaultTimeout => Timeouts.Milliseconds(queueOptions.Timeout, nameof(QueueOptions.Timeout));

    public async Task<IEnumerable<IngestionFailure>> PeekTopIngestionFailuresAsync(int messagesLimit, string? trackingToken, CancellationToken cancellationToken) =>
        FailuresOf(await ReportAsync(Peek(Failures, messagesLimit, trackingToken), cancellationToken).ConfigureAwait(false));

    public IEnumerable<IngestionFailure> PeekTopIngestionFailures(int messagesLimit, string? trackingToken) =>
        FailuresOf(Report(Peek(Failures, messagesLimit, trackingToken)));

    public async Task<IEnumerable<IngestionFailure>> GetAndDiscardTopIngestionFailuresAsync(int messagesLimit, string? trackingToken, CancellationToken cancellationToken) =>
        FailuresOf(await ReportAsync(Take(Failures, messagesLimit, trackingToken), cancellationToken).ConfigureAwait(false));

    public IEnumerable<IngestionFailure> GetAndDiscardTopIngestionFailures(int messagesLimit, string? trackingToken) =>
        FailuresOf(Report(Take(Failures, messagesLimit, trackingToken)));

    public async Task<IEnumerable<IngestionSuccess>> PeekTopIngestionSuccessesAsync(int messagesLimit, string? trackingToken, CancellationToken cancellationToken) =>
        SuccessesOf(await ReportAsync(Peek(Successes, messagesLimit, trackingToken), cancellationToken).ConfigureAwait(false));

    public IEnumerable<IngestionSuccess> PeekTopIngestionSuccesses(int messagesLimit, string? trackingToken) =>
        SuccessesOf(Report(Peek(Successes, messagesLimit, trackingToken)));

    public async Task<IEnumerable<IngestionSuccess>> GetAndDiscardTopIngestionSuccessesAsync(int messagesLimit, string? trackingToken, CancellationToken cancellationToken) =>
        SuccessesOf(await ReportAsync(Take(Successes, messagesLimit, trackingToken), cancellationToken).ConfigureAwait(false));

    public IEnumerable<IngestionSuccess> GetAndDiscardTopIngestionSuccesses(int messagesLimit, string? trackingToken) =>
        SuccessesOf(Report(Take(Successes, messagesLimit, trackingToken)));

    public IKustoIngestionResult GetIngestionResult(string trackingToken)
    {
        NotNull(trackingToken, nameof(trackingToken));
        return new KustoIngestionResult(this, trackingToken);
    }

    public Task WarmUpAsync(CancellationToken cancellationToken) => client.RunAsync<bool>(WarmUpStart, NativeOperation.Nothing, cancellationToken);

    public void WarmUp() => client.Run<bool>(WarmUpStart, NativeOperation.Nothing);

    public async Task WarmUpAsync(KustoIngestionProperties ingestionProperties, CancellationToken cancellationToken)
    {
        NotNull(ingestionProperties, nameof(ingestionProperties));
        using PropsHandle props = NativeProperties.Of(ingestionProperties);
        await client.RunAsync<bool>(handle => WarmUpStart(handle, props), NativeOperation.Nothing, cancellationToken).ConfigureAwait(false);
    }

    public void WarmUp(KustoIngestionProperties ingestionProperties)
    {
        NotNull(ingestionProperties, nameof(ingestionProperties));
        using PropsHandle props = NativeProperties.Of(ingestionProperties);
        client.Run<bool>(handle => WarmUpStart(handle, props), NativeOperation.Nothing);
    }

    internal Task<IReadOnlyList<IngestionStatus>> StatusAsync(string token, CancellationToken cancellation) =>
        ReportAsync(Track(token), cancellation);

    internal IReadOnlyList<IngestionStatus> Status(string token) => Report(Track(token));

    internal Task<IReadOnlyList<IngestionStatus>> FinalStatusAsync(string token, TimeSpan? timeout, TimeSpan? interval, CancellationToken cancellation) =>
        ReportAsync(TrackUntilFinal(token, timeout, interval), cancellation);

    internal IReadOnlyList<IngestionStatus> FinalStatus(string token, TimeSpan? timeout, TimeSpan? interval) =>
        Report(TrackUntilFinal(token, timeout, interval));

    private async Task<IReadOnlyList<IngestionStatus>> ReportAsync(Func<ClientHandle, NativeOperation.Start> start, CancellationToken cancellation) =>
        IngestionStatus.Take(await client.RunAsync<ReportHandle>(start, NativeMethods.kusto_op_report, cancellation).ConfigureAwait(false));

    private IReadOnlyList<IngestionStatus> Report(Func<ClientHandle, NativeOperation.Start> start) =>
        IngestionStatus.Take(client.Run<ReportHandle>(start, NativeMethods.kusto_op_report));

    private NativeOperation.Start WarmUpStart(ClientHandle handle) =>
        (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_client_warm_up_start(handle, DefaultTimeout, done, userData, drop, out op, out error);

    private NativeOperation.Start WarmUpStart(ClientHandle handle, PropsHandle props) =>
        (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_client_warm_up_table_start(handle, props, DefaultTimeout, done, userData, drop, out op, out error);

    private Func<ClientHandle, NativeOperation.Start> Track(string token)
    {
        NativeText text = new(token);
        long timeout = DefaultTimeout;
        return handle => (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_track_start(handle, text.Bytes, text.Length, timeout, done, userData, drop, out op, out error);
    }

    private Func<ClientHandle, NativeOperation.Start> TrackUntilFinal(string token, TimeSpan? limit, TimeSpan? interval)
    {
        NativeText text = new(token);
        long timeout = Timeouts.Milliseconds(limit ?? queueOptions.Timeout, "timeout");
        long poll = Timeouts.Milliseconds(interval ?? DefaultInterval, "pollInterval");
        return handle => (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_track_until_final_start(handle, text.Bytes, text.Length, poll, timeout, done, userData, drop, out op, out error);
    }

    private Func<ClientHandle, NativeOperation.Start> Peek(int which, int limit, string? token)
    {
        NativeText text = new(token);
        long timeout = DefaultTimeout;
        return handle => (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_outcomes_peek_start(
                handle, which, text.Bytes, text.Length, Most(limit), timeout, done, userData, drop, out op, out error);
    }

    private Func<ClientHandle, NativeOperation.Start> Take(int which, int limit, string? token)
    {
        NativeText text = new(token);
        long timeout = DefaultTimeout;
        return handle => (IntPtr done, IntPtr userData, IntPtr drop, out OpHandle op, out IntPtr error) =>
            NativeMethods.kusto_outcomes_take_start(
                handle, which, text.Bytes, text.Length, Most(limit), timeout, done, userData, drop, out op, out error);
    }

    private static nuint Most(int limit) => (nuint)(limit < 0 ? DefaultMessages : limit);

    private static IngestionFailure[] FailuresOf(IReadOnlyList<IngestionStatus> statuses) =>
        statuses.Select(status => new IngestionFailure(new(status))).ToArray();

    private static IngestionSuccess[] SuccessesOf(IReadOnlyList<IngestionStatus> statuses) =>
        statuses.Select(status => new IngestionSuccess(new(status))).ToArray();
}
