using System;
using System.Linq;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>The worker of the README: what is queued is handed over or reported.</summary>
public sealed class HostedTests : Bed
{
    private Channel<Batch> batches = Channel.CreateUnbounded<Batch>();
    private ILogger<Shipper> logger = new();

    [SetUp]
    public void BeginService()
    {
        batches = Channel.CreateUnbounded<Batch>();
        logger = new();
    }

    [Test]
    public async Task WhatIsQueuedAtTheEndIsHandedOver()
    {
        string table = NewTable();
        using Shipper shipper = Started(NewClient(), table);
        Queue(table, 5);
        await shipper.StopAsync(CancellationToken.None);
        Assert.That(logger.Lines(LogLevel.Error), Is.Empty);
        Assert.That(batches.Writer.TryWrite(new Batch("late", Bytes(TwoRows))), Is.False);
        Eventually("the rows are there", () => Count(table) == 10);
    }

    [Test]
    public async Task WhatTheLimitLeavesIsReported()
    {
        string table = NewTable();
        Emulator.Arm(Emulator.StalledUploads);
        using Shipper shipper = Started(NewClient(), table);
        Queue(table, 3);
        Eventually("the first upload hangs", () => Emulator.Fired()[0] > 0);
        await shipper.StopAsync(new CancellationToken(true));
        Assert.That(shipper.ExecuteTask!.IsCompletedSuccessfully);
        string[] lines = logger.Lines(LogLevel.Error).ToArray();
        for (int i = 0; i < 3; i++)
        {
            Assert.That(lines.Count(line => line.Contains($"{table}-{i}")), Is.EqualTo(1), string.Join("\n", lines));
        }
    }

    [Test]
    public async Task ARejectedBatchDoesNotEndTheLoop()
    {
        string table = NewTable();
        using Shipper shipper = Started(NewClient(), table);
        Assert.That(batches.Writer.TryWrite(new Batch("empty", [])));
        Queue(table, 1);
        await shipper.StopAsync(CancellationToken.None);
        Assert.That(logger.Lines(LogLevel.Error).Single(), Does.Contain("empty"));
        Eventually("the rows are there", () => Count(table) == 2);
    }

    [Test]
    public async Task ATransientFailureIsRepeated()
    {
        string table = NewTable();
        KustoConnectionStringBuilder kcsb = new KustoConnectionStringBuilder(Connection).WithSetting(KustoSettings.RetryTime, "0");
        Emulator.Arm("""{"service": "blob", "fault": {"kind": "status", "status": 503, "code": "ServerBusy"}}""");
        using Shipper shipper = Started(NewClient(kcsb), table);
        Queue(table, 1);
        Eventually("the first call failed", () => logger.Lines(LogLevel.Warning).Count > 0);
        Emulator.Disarm();
        await shipper.StopAsync(CancellationToken.None);
        Assert.That(logger.Lines(LogLevel.Error), Is.Empty);
        Eventually("the rows are there", () => Count(table) == 2);
    }

    private Shipper Started(IKustoQueuedIngestClient client, string table)
    {
        Shipper shipper = new(client, batches, new Target(Database, table), logger);
        Assert.That(shipper.StartAsync().IsCompleted);
        return shipper;
    }

    private void Queue(string table, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Assert.That(batches.Writer.TryWrite(new Batch($"{table}-{i}", Bytes(TwoRows))));
        }
    }
}
