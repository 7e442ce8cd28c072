using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Data;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;
using NUnit.Framework.Interfaces;

namespace Kusto.Ingest.Native.Tests;

/// <summary>
/// The fixture of every test: an emulator, named by KUSTO_CONNECTION_STRING and KUSTO_DATABASE, clients that are
/// closed, and the check that a test leaves nothing in native hands.
/// </summary>
public abstract class Bed
{
    /// <summary>A limit for tests that hang, no measure of anything.</summary>
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    protected static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    protected const string TwoRows = "1,one\n2,two\n";

    protected static readonly string Connection = Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING") ?? "";
    protected static readonly string Database = Environment.GetEnvironmentVariable("KUSTO_DATABASE") ?? "";

    private static int tables;

    private readonly Stack<IDisposable> open = new();
    private readonly List<string> files = [];
    private int registered;
    private int descriptors;

    protected static Emulator Emulator { get; } = new(Connection);

    [SetUp]
    public void BeginTest()
    {
        Assert.That(Connection, Is.Not.Empty, "set KUSTO_CONNECTION_STRING");
        Assert.That(Database, Is.Not.Empty, "set KUSTO_DATABASE");
        WarmUp.Once();
        registered = CallbackContext.Registered;
        descriptors = Native.EventDescriptors();
    }

    [TearDown]
    public void EndTest()
    {
        Emulator.Disarm();
        while (open.Count > 0)
        {
            open.Pop().Dispose();
        }
        files.ForEach(File.Delete);
        files.Clear();
        if (TestContext.CurrentContext.Result.Outcome.Status == TestStatus.Failed)
        {
            // A failed test may have left work behind; reporting that would hide why it failed.
            return;
        }
        Eventually("every handle is given back", () => CallbackContext.Registered <= registered);
        Eventually("the library's threads have ended", () => Native.EventDescriptors() <= descriptors);
    }

    protected T Disposed<T>(T disposable)
        where T : IDisposable
    {
        open.Push(disposable);
        return disposable;
    }

    protected IKustoQueuedIngestClient NewClient(QueueOptions? options = null) =>
        NewClient(new KustoConnectionStringBuilder(Connection), options);

    protected IKustoQueuedIngestClient NewClient(KustoConnectionStringBuilder kcsb, QueueOptions? options = null) =>
        Disposed(KustoIngestFactory.CreateQueuedIngestClient(kcsb, options));

    protected ICslAdminProvider Admin() =>
        Disposed(KustoClientFactory.CreateCslAdminProvider(new KustoConnectionStringBuilder(Connection, Database)));

    protected ICslQueryProvider Query() =>
        Disposed(KustoClientFactory.CreateCslQueryProvider(new KustoConnectionStringBuilder(Connection, Database)));

    protected string NewTable(params (string Name, Type Type)[] columns) =>
        NamedTable($"Cs_{DateTime.UtcNow.Ticks}_{Interlocked.Increment(ref tables)}", columns);

    protected string NamedTable(string name, params (string Name, Type Type)[] columns)
    {
        (string, Type)[] given = columns.Length > 0 ? columns : [("Id", typeof(long)), ("Text", typeof(string))];
        using ICslAdminProvider admin = KustoClientFactory.CreateCslAdminProvider(new KustoConnectionStringBuilder(Connection, Database));
        using IDataReader answer = admin.ExecuteControlCommand(CslCommandGenerator.GenerateTableCreateCommand(name, given));
        return name;
    }

    /// <summary>Properties that make the service ingest at once and report.</summary>
    protected static KustoQueuedIngestionProperties Now(string table) => new(Database, table)
    {
        FlushImmediately = true,
        ReportLevel = IngestionReportLevel.FailuresAndSuccesses,
        ReportMethod = IngestionReportMethod.Table,
    };

    /// <summary>Waits until the service has the data.</summary>
    protected static async Task<IKustoIngestionResult> Ingested(Task<IKustoIngestionResult> call)
    {
        IKustoIngestionResult result = await call;
        Ingested(result);
        return result;
    }

    protected static void Ingested(IKustoIngestionResult result)
    {
        foreach (IngestionStatus status in result.WaitForFinalStatus(Patience, Poll))
        {
            Assert.That(status.Status, Is.EqualTo(Status.Succeeded), status.Details);
        }
    }

    protected static long Number(string query)
    {
        using ICslQueryProvider provider = KustoClientFactory.CreateCslQueryProvider(new KustoConnectionStringBuilder(Connection, Database));
        using IDataReader reader = provider.ExecuteQuery(query);
        Assert.That(reader.Read(), query);
        return reader.GetInt64(0);
    }

    protected static long Count(string table) => Number($"['{table}'] | count");

    protected string TempFile(string name, string content) => TempFile(name, System.Text.Encoding.UTF8.GetBytes(content));

    protected string TempFile(string name, byte[] content)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.{name}");
        File.WriteAllBytes(path, content);
        files.Add(path);
        return path;
    }

    protected static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    protected static byte[] Packed(string text)
    {
        using MemoryStream packed = new();
        using (System.IO.Compression.GZipStream gzip = new(packed, System.IO.Compression.CompressionLevel.Fastest))
        {
            gzip.Write(Bytes(text));
        }
        return packed.ToArray();
    }

    protected static CancellationToken WithinPatience() => new CancellationTokenSource(Patience).Token;

    protected static void Eventually(string what, Func<bool> holds)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.That(waited.Elapsed, Is.LessThan(Patience), $"never: {what}");
            Thread.Sleep(1);
        }
    }

    /// <summary>Ends what hangs as a failure of the test.</summary>
    protected static async Task<T> InTime<T>(Task<T> task)
    {
        Assert.That(await Task.WhenAny(task, Task.Delay(Patience)), Is.SameAs(task), "the call hangs");
        return await task;
    }

    protected static T Failed<T>(TestDelegate call, KustoErrorCode code)
        where T : KustoException => Looked(Assert.Throws<T>(call)!, code);

    protected static T Failed<T>(AsyncTestDelegate call, KustoErrorCode code)
        where T : KustoException => Looked(Assert.ThrowsAsync<T>(call)!, code);

    /// <summary>A cancelled call's exception, with the library's own inside.</summary>
    protected static KustoException Cancelled(AsyncTestDelegate call, CancellationToken token)
    {
        OperationCanceledException cancelled = Assert.CatchAsync<OperationCanceledException>(call)!;
        Assert.That(cancelled.CancellationToken, Is.EqualTo(token));
        return Looked((KustoException)cancelled.InnerException!, KustoErrorCode.Cancelled);
    }

    private static T Looked<T>(T failure, KustoErrorCode code)
        where T : KustoException
    {
        Assert.That(failure.Code, Is.EqualTo(code), failure.ToString());
        Assert.That(failure.Message, Is.Not.Empty);
        Assert.That(failure.Step, Is.Not.Empty);
        return failure;
    }
}

/// <summary>Lets .NET and the library make what stays for the life of a process, before anything is counted.</summary>
internal static class WarmUp
{
    private static readonly Lazy<bool> Done = new(() =>
    {
        Emulator emulator = new(Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING")!);
        emulator.Disarm();
        using IKustoQueuedIngestClient client = KustoIngestFactory.CreateQueuedIngestClient(Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING")!);
        return true;
    });

    internal static void Once() => _ = Done.Value;
}

internal static class Native
{
    /// <summary>
    /// Sockets and event loops of this process: the library's threads are seen by them, while it has a client,
    /// stream or operation. (Names are no help: threads inherit them.)
    /// </summary>
    internal static int EventDescriptors() => Directory.EnumerateFileSystemEntries("/proc/self/fd").Count(entry =>
    {
        try
        {
            string? target = new FileInfo(entry).LinkTarget;
            return target is not null && (target.StartsWith("socket:", StringComparison.Ordinal) || target.Contains("[eventpoll]"));
        }
        catch (IOException)
        {
            // Closed meanwhile.
            return false;
        }
    });
}
