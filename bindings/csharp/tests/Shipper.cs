using System;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native.Tests;

// The README shows everything from here on; a test of xtask compares the two.

internal sealed record Batch(string Key, byte[] Rows);

internal sealed record Target(string Database, string Table);

internal sealed class Shipper(IKustoQueuedIngestClient client, Channel<Batch> batches, Target target, ILogger<Shipper> logger) : BackgroundService
{
    private static readonly StreamSourceOptions Limit = new() { Timeout = TimeSpan.FromMinutes(2) };
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private readonly CancellationTokenSource over = new();      // cancelled when the host's time for the shutdown is over

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Ends when the channel is complete and empty; not by stoppingToken, which the host cancels first.
            await foreach (Batch batch in batches.Reader.ReadAllAsync(over.Token))
            {
                await ShipAsync(batch, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
        }
        finally
        {
            while (batches.Reader.TryRead(out Batch? left))
            {
                logger.LogError("Batch {Key} is left: it was not sent", left.Key);
            }
        }
    }

    private async Task ShipAsync(Batch batch, CancellationToken stoppingToken)
    {
        KustoQueuedIngestionProperties properties = new(target.Database, target.Table)
        {
            Format = DataSourceFormat.csv,
            Once = batch.Key,                                   // a repeated call does not double the data
            ReportLevel = IngestionReportLevel.FailuresAndSuccesses,
            ReportMethod = IngestionReportMethod.Table,
        };
        for (TimeSpan pause = TimeSpan.FromSeconds(1); ; pause = pause < LongestPause ? pause + pause : pause)
        {
            try
            {
                IKustoIngestionResult result = await client.IngestFromBytesAsync(batch.Rows, properties, Limit, over.Token);
                _ = WatchAsync(batch, result, stoppingToken);
                return;
            }
            catch (KustoException failure) when (failure.IsTransient || failure.InDoubt)
            {
                logger.LogWarning(failure, "Batch {Key} is sent again", batch.Key);
                TimeSpan wait = failure.RetryAfter > pause ? failure.RetryAfter.Value : pause;
                await Task.WhenAny(Task.Delay(wait, over.Token));   // does not throw: the next call does
            }
            catch (KustoException failure)
            {
                logger.LogError(failure, "Batch {Key} is rejected: repeating does not mend that", batch.Key);
                return;
            }
            catch (OperationCanceledException cancelled)
            {
                logger.LogError(cancelled, "Batch {Key} is left: it may have been handed over", batch.Key);
                throw;
            }
        }
    }

    // Handed over is not ingested. The tracking token finds the status later, after a restart too.
    private async Task WatchAsync(Batch batch, IKustoIngestionResult result, CancellationToken stoppingToken)
    {
        try
        {
            foreach (IngestionStatus status in await result.WaitForFinalStatusAsync(TimeSpan.FromHours(1), TimeSpan.FromSeconds(10), stoppingToken))
            {
                bool good = status.Status is Status.Succeeded or Status.Skipped;
                logger.Log(good ? LogLevel.Information : LogLevel.Error, "Batch {Key}: {Status} {Details}", batch.Key, status.Status, status.Details);
            }
        }
        catch (Exception failure) when (failure is KustoException or OperationCanceledException or ObjectDisposedException)
        {
            logger.LogWarning(failure, "Batch {Key} is handed over, its status unknown: {Token}", batch.Key, result.TrackingToken);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        batches.Writer.TryComplete();                           // what is queued is sent, nothing more is queued
        using (cancellationToken.Register(over.Cancel))
        {
            await base.StopAsync(cancellationToken);
            await Task.WhenAny(ExecuteTask ?? Task.CompletedTask);   // soon after the limit, with everything reported
        }
    }
}
