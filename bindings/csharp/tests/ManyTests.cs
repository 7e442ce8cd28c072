using System;
using System.Collections.Generic;
using System.Data;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Many calls at once, while the collector moves and takes what it can.</summary>
public sealed class ManyTests : Bed
{
    /// <summary>It has the mask of that: without signals the runtime could not suspend it.</summary>
    [Test]
    [Platform("Linux")]
    public async Task AThreadThatACallbackStartsTakesItsSignals()
    {
        IKustoQueuedIngestClient client = NewClient();
        ThreadStarter progress = new();
        StreamSourceOptions options = new() { Progress = progress };
        await client.IngestFromStreamAsync(new MemoryStream(Bytes(TwoRows)), Now(NewTable()), options);
        Assert.That(progress.Status.Single(line => line.StartsWith("SigBlk:", StringComparison.Ordinal)), Does.Match("SigBlk:\\s+0+$"));
    }

    private sealed class ThreadStarter : IProgress<IngestionProgress>
    {
        internal string[] Status { get; private set; } = [];

        public void Report(IngestionProgress value)
        {
            Thread thread = new(() => Status = File.ReadAllLines("/proc/thread-self/status"));
            thread.Start();
            thread.Join();
        }
    }

    [Test]
    public async Task TwoHundredAtOnceUnderACollectorThatNeverRests()
    {
        const int calls = 200;
        IKustoQueuedIngestClient[] clients = [NewClient(), NewClient()];
        string table = NewTable();
        using CancellationTokenSource end = new();
        Thread collecting = new(() =>
        {
            while (!end.IsCancellationRequested)
            {
                GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
                GC.WaitForPendingFinalizers();
            }
        });
        collecting.Start();
        IKustoIngestionResult[] results;
        try
        {
            results = await InTime(Task.WhenAll(Enumerable.Range(0, calls).Select(i => Call(clients[i % 2], table, i))));
        }
        finally
        {
            end.Cancel();
            collecting.Join();
        }
        Assert.That(results.Select(result => result.SourceId).Distinct().Count(), Is.EqualTo(calls));
        foreach (IKustoIngestionResult result in results)
        {
            Ingested(result);
        }
        Assert.That(Count(table), Is.EqualTo(calls));
        Assert.That(Number($"['{table}'] | summarize sum(Id)"), Is.EqualTo((long)calls * (calls - 1) / 2));
    }

    [Test]
    public async Task NothingIsKeptBetweenCalls()
    {
        IKustoQueuedIngestClient client = NewClient();
        ICslQueryProvider query = Query();
        string table = NewTable();
        // A transfer's last references go a moment after its end.
        int clients = CallbackContext.Registered;
        for (int i = 0; i < 50; i++)
        {
            await Call(client, table, i);
            using IDataReader answer = await query.ExecuteQueryAsync(null, "print 1");
        }
        Eventually("the calls' handles are given back", () => CallbackContext.Registered <= clients);
    }

    [Test]
    public void WhatIsNotDisposedIsFinalized()
    {
        int before = CallbackContext.Registered;
        Abandon();
        Eventually("the clients are finalized", () =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return CallbackContext.Registered <= before;
        });
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void Abandon()
    {
        KustoConnectionStringBuilder kcsb = new KustoConnectionStringBuilder(Connection, Database).WithAadTokenProviderAuthentication(() => "t");
        ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(kcsb);
        query.ExecuteQuery("range x from 1 to 1000 step 1").Read();
        KustoIngestFactory.CreateQueuedIngestClient(kcsb).WarmUp();
    }

    [Test]
    public async Task ManyThreadsMayWait()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        List<Exception> failures = [];
        Thread[] threads = Enumerable.Range(0, 8).Select(i => new Thread(() =>
        {
            try
            {
                for (int j = 0; j < 3; j++)
                {
                    Ingested(client.IngestFromStream(new MemoryStream(Bytes($"{i},x\n")), Now(table)));
                }
            }
            catch (Exception failure)
            {
                lock (failures)
                {
                    failures.Add(failure);
                }
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        await Task.Run(() => Array.ForEach(threads, thread => thread.Join()));
        Assert.That(failures, Is.Empty);
        Assert.That(Count(table), Is.EqualTo(24));
    }

    private static Task<IKustoIngestionResult> Call(IKustoQueuedIngestClient client, string table, int i)
    {
        byte[] row = Bytes($"{i},text\n");
        return (i % 3) switch
        {
            0 => client.IngestFromBytesAsync(row, Now(table), new StreamSourceOptions { Progress = new Progress<IngestionProgress>() }),
            1 => client.IngestFromStreamAsync(new MemoryStream(row), Now(table), new StreamSourceOptions { Progress = new Progress<IngestionProgress>() }),
            _ => client.IngestFromDataReaderAsync(OneRow(i), Now(table)),
        };
    }

    private static IDataReader OneRow(int i)
    {
        DataTable data = new();
        data.Columns.Add("Id", typeof(long));
        data.Columns.Add("Text", typeof(string));
        data.Rows.Add((long)i, "text");
        return data.CreateDataReader();
    }
}
