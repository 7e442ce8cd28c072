using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Connection strings, logins, settings, secrets, the log.</summary>
public sealed class ConnectionTests : Bed
{
    private const string Cluster = "https://mycluster.westeurope.kusto.windows.net";

    [Test]
    public void PropertiesReadWhatTheStringSays()
    {
        KustoConnectionStringBuilder kcsb = new($"Data Source={Cluster};Initial Catalog=Db;Fed=True;Authority Id=tenant;Application Name for Tracing=\"a;b\"");
        Assert.That(kcsb.DataSource!.TrimEnd('/'), Is.EqualTo(Cluster));
        Assert.That(kcsb.InitialCatalog, Is.EqualTo("Db"));
        Assert.That(kcsb.FederatedSecurity);
        Assert.That(kcsb.Authority, Is.EqualTo("tenant"));
        Assert.That(kcsb.ApplicationNameForTracing, Is.EqualTo("a;b"));
        Assert.That(kcsb.UserNameForTracing, Is.Null);
        kcsb.InitialCatalog = "Other";
        kcsb.UserNameForTracing = "me";
        kcsb.ClientVersionForTracing = "1.2";
        kcsb.FederatedSecurity = false;
        Assert.That(kcsb.InitialCatalog, Is.EqualTo("Other"));
        Assert.That(kcsb.FederatedSecurity, Is.False);
        Assert.That(kcsb.ToString(), Does.Contain("Other").And.Contain("me").And.Not.Contain("Db"));
        kcsb.InitialCatalog = null;
        Assert.That(kcsb.InitialCatalog, Is.EqualTo("Db"));
    }

    [Test]
    public void ABuilderMayBeginEmpty()
    {
        KustoConnectionStringBuilder kcsb = new() { DataSource = Emulator.Engine, InitialCatalog = Database };
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(kcsb);
        query.ExecuteQuery("print 1").Dispose();
        Assert.That(new KustoConnectionStringBuilder().DataSource, Is.Null);
        Assert.That(new KustoConnectionStringBuilder(Cluster, "Db").InitialCatalog, Is.EqualTo("Db"));
    }

    [Test]
    public void SecretsAreNotShown()
    {
        KustoConnectionStringBuilder inString = new($"{Cluster};Fed=true;UserToken=very-secret");
        KustoConnectionStringBuilder byMethod = new KustoConnectionStringBuilder(Cluster).WithAadUserTokenAuthentication("very-secret");
        KustoConnectionStringBuilder bySetting = new KustoConnectionStringBuilder(Cluster).WithSetting("Application Key", "very-secret");
        KustoConnectionStringBuilder broken = new($"{Cluster};UserToken=very-secret;Colour=red");
        foreach (KustoConnectionStringBuilder kcsb in new[] { inString, byMethod, bySetting, broken })
        {
            Assert.That(kcsb.ToString(), Does.Not.Contain("very-secret"));
        }
        Assert.That(inString.ToString(), Does.Contain("mycluster"));
        Assert.That(new KustoAccessToken("very-secret").ToString(), Does.Not.Contain("very-secret"));
        KustoException failure = Assert.Throws<KustoClientException>(() => KustoIngestFactory.CreateQueuedIngestClient(broken))!;
        Assert.That(failure.ToString(), Does.Not.Contain("very-secret"));
        IngestClientException blob = Failed<IngestClientException>(
            () => NewClient().IngestFromStorage("https://account.blob.core.windows.net/c/b.csv?sig=very-secret", new KustoIngestionProperties("", "T")),
            KustoErrorCode.InvalidArgument);
        Assert.That(blob.ToString() + blob.IngestionSource, Does.Not.Contain("very-secret"));
    }

    [Test]
    public void ALoginReplacesThatOfTheConnectionString()
    {
        static KustoConnectionStringBuilder Builder() => new("https://h.example;UserToken=very-secret");
        (KustoConnectionStringBuilder Kcsb, string Text)[] logins =
        [
            (Builder().WithAadApplicationKeyAuthentication("app", "very-secret", "tenant"), "Application Client Id=app;Application Key=****;Authority Id=tenant"),
            (Builder().WithAadSystemManagedIdentity(), "Managed Identity=system"),
            (Builder().WithAadApplicationKeyAuthentication("app", "very-secret", "tenant").WithAadUserManagedIdentity("id"), "Managed Identity=clientid:id"),
            (Builder().WithAadAzCliAuthentication(), "Login=azcli"),
        ];
        foreach ((KustoConnectionStringBuilder kcsb, string text) in logins)
        {
            Assert.That(kcsb.ToString(), Does.Contain(text).And.Not.Contain("very-secret"));
            KustoIngestFactory.CreateQueuedIngestClient(kcsb).Dispose();
        }
        KustoConnectionStringBuilder properties = new("https://h.example") { ApplicationClientId = "app", ApplicationKey = "very-secret", Authority = "tenant" };
        Assert.That(properties.ApplicationKey, Is.EqualTo("very-secret"));
        KustoIngestFactory.CreateQueuedIngestClient(properties).Dispose();
        Assert.That(() => Builder().WithAadApplicationKeyAuthentication("app", null!, "tenant"), Throws.ArgumentNullException);
        Assert.That(() => Builder().WithAadAzCliAuthentication(interactive: true), Throws.InstanceOf<NotSupportedException>());
    }

    [Test]
    public void ALoginLeavesNothingOfTheOneBefore()
    {
        static KustoConnectionStringBuilder Key(string more = "") =>
            new KustoConnectionStringBuilder("https://h.example" + more).WithAadApplicationKeyAuthentication("app", "very-secret", "tenant");
        (KustoConnectionStringBuilder Kcsb, string End)[] logins =
        [
            (Key().WithAadAzCliAuthentication(), ";Login=azcli"),
            (Key().WithAadSystemManagedIdentity(), ";Managed Identity=system"),
            (Key().WithAadUserTokenAuthentication("a-token"), ""),
            (Key().WithAadTokenProviderAuthentication(() => "a-token"), ""),
            (Key(";Authority Id=mine").WithAadAzCliAuthentication(), ";Authority Id=mine;Login=azcli"),
        ];
        foreach ((KustoConnectionStringBuilder kcsb, string end) in logins)
        {
            Assert.That(kcsb.ToString(), Is.EqualTo("Data Source=https://h.example" + end));
            Assert.That(kcsb.ApplicationClientId, Is.Null);
        }
        KustoConnectionStringBuilder own = new("https://h.example") { Authority = "mine" };
        Assert.That(own.WithAadApplicationKeyAuthentication("app", "very-secret", "tenant").Authority, Is.EqualTo("tenant"));
        Assert.That(own.WithAadAzCliAuthentication().Authority, Is.EqualTo("mine"));
        KustoConnectionStringBuilder later = Key();
        later.Authority = "later";
        Assert.That(later.ToString(), Does.Contain("Authority Id=later").And.Not.Contain("tenant"));
    }

    [Test]
    public void WrongConnectionsAreToldWhenAClientIsMade()
    {
        (KustoConnectionStringBuilder Kcsb, KustoErrorCode Code)[] wrong =
        [
            (new(), KustoErrorCode.Config),
            (new(Connection + ";Colour=red"), KustoErrorCode.Config),
            (new KustoConnectionStringBuilder(Connection).WithSetting("colour", "red"), KustoErrorCode.Config),
            (new KustoConnectionStringBuilder(Connection).WithSetting(KustoSettings.MemoryBudget, "little"), KustoErrorCode.Config),
            (new KustoConnectionStringBuilder(Connection).WithAadUserTokenAuthentication(""), KustoErrorCode.InvalidArgument),
            (new($"{Cluster};AppClientId=a;AppCert=t;TenantId=t"), KustoErrorCode.Unsupported),
            (new KustoConnectionStringBuilder("\uFFFF").WithAadTokenProviderAuthentication(() => "t"), KustoErrorCode.Config),
        ];
        foreach ((KustoConnectionStringBuilder kcsb, KustoErrorCode code) in wrong)
        {
            Failed<KustoClientException>(() => KustoIngestFactory.CreateQueuedIngestClient(kcsb), code);
            Failed<KustoClientException>(() => KustoClientFactory.CreateCslQueryProvider(kcsb), code);
        }
        Assert.That(() => new KustoConnectionStringBuilder(null!), Throws.ArgumentNullException);
        Assert.That(() => new KustoConnectionStringBuilder().WithAadUserTokenAuthentication(null!), Throws.ArgumentNullException);
        Assert.That(() => new KustoConnectionStringBuilder().WithAadTokenProviderAuthentication((Func<string>)null!), Throws.ArgumentNullException);
        Assert.That(() => KustoIngestFactory.CreateQueuedIngestClient((KustoConnectionStringBuilder)null!), Throws.ArgumentNullException);
        Assert.That(() => KustoClientFactory.CreateCslAdminProvider((string)null!), Throws.ArgumentNullException);
    }

    [Test]
    public void ATokenIsNotSentToAHostNobodyKnows()
    {
        int asked = 0;
        IKustoQueuedIngestClient client = NewClient(
            new KustoConnectionStringBuilder("https://example.com").WithAadTokenProviderAuthentication(() => $"{++asked}"));
        Failed<KustoClientException>(client.WarmUp, KustoErrorCode.Config);
        Assert.That(asked, Is.EqualTo(0));
    }

    [Test]
    public async Task FixedTokensAndSettings()
    {
        foreach (KustoConnectionStringBuilder kcsb in new[]
        {
            new KustoConnectionStringBuilder(Connection).WithAadUserTokenAuthentication("a-token"),
            new KustoConnectionStringBuilder(Connection).WithAadApplicationTokenAuthentication("a-token"),
            new KustoConnectionStringBuilder(Connection)
                .WithSetting(KustoSettings.CompressionLevel, "small")
                .WithSetting(KustoSettings.CompressionThreads, "1")
                .WithSetting(KustoSettings.IngestionEndpoint, Emulator.Engine)
                .WithSetting(KustoSettings.TrustedHosts, "a.example,.b.example"),
        })
        {
            IKustoQueuedIngestClient client = NewClient(kcsb);
            string table = NewTable();
            await Ingested(client.IngestFromBytesAsync(Bytes(TwoRows), Now(table)));
            Assert.That(Count(table), Is.EqualTo(2));
        }
    }

    [Test]
    public async Task ATokenIsKeptUntilItEnds()
    {
        int asked = 0;
        KustoTokenRequest? question = null;
        KustoConnectionStringBuilder kcsb = new KustoConnectionStringBuilder(Connection, Database) { Authority = "tenant" }
            .WithAadTokenProviderAuthentication(async (request, cancellation) =>
            {
                Interlocked.Increment(ref asked);
                question = request;
                await Task.Yield();
                cancellation.ThrowIfCancellationRequested();
                return new KustoAccessToken("a-token", DateTimeOffset.UtcNow.AddHours(1));
            });
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(kcsb);
        query.ExecuteQuery("print 1").Dispose();
        (await query.ExecuteQueryAsync(null, "print 2")).Dispose();
        Assert.That(asked, Is.EqualTo(1));
        Assert.That(question!.Scope, Does.EndWith("/.default"));
        Assert.That(question.TenantId, Is.EqualTo("tenant"));
    }

    [Test]
    public void ATokenWithoutEndIsAskedForEveryRequest()
    {
        int asked = 0;
        foreach (KustoConnectionStringBuilder kcsb in new[]
        {
            new KustoConnectionStringBuilder(Connection).WithAadTokenProviderAuthentication(() => $"token-{Interlocked.Increment(ref asked)}"),
            new KustoConnectionStringBuilder(Connection).WithAadTokenProviderAuthentication(async () =>
            {
                await Task.Delay(1);
                return $"token-{Interlocked.Increment(ref asked)}";
            }),
        })
        {
            asked = 0;
            using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(kcsb);
            query.ExecuteQuery(Database, "print 1", null).Dispose();
            query.ExecuteQuery(Database, "print 2", null).Dispose();
            Assert.That(asked, Is.EqualTo(2));
        }
    }

    [Test]
    public void TokenProvidersThatFail()
    {
        (KustoTokenProvider Provider, KustoRetry Retry, string Text)[] providers =
        [
            ((_, _) => throw new InvalidOperationException("no login today"), KustoRetry.Never, "no login today"),
            ((_, _) => Task.FromException<KustoAccessToken>(new TransientTokenException("come back")), KustoRetry.Later, "come back"),
            (async (_, _) =>
            {
                await Task.Yield();
                throw new InvalidOperationException("\uD800");
            }, KustoRetry.Never, "\uFFFD"),
            ((_, _) => throw new SilentException(), KustoRetry.Never, ""),
            ((_, _) => null!, KustoRetry.Never, "returned null"),
            ((_, _) => Task.FromResult<KustoAccessToken>(null!), KustoRetry.Never, "returned null"),
            ((_, _) => Task.FromResult(new KustoAccessToken("")), KustoRetry.Never, ""),
            ((_, _) => Task.FromResult(new KustoAccessToken("\uD800")), KustoRetry.Never, ""),
        ];
        foreach ((KustoTokenProvider provider, KustoRetry retry, string text) in providers)
        {
            IKustoQueuedIngestClient client = NewClient(new KustoConnectionStringBuilder(Connection).WithAadTokenProviderAuthentication(provider));
            KustoException failure = Failed<KustoClientException>(client.WarmUp, KustoErrorCode.Auth);
            Assert.That(failure.Retry, Is.EqualTo(retry), failure.ToString());
            Assert.That(failure.Message, Does.Contain(text));
        }
    }

    private sealed class SilentException : Exception
    {
        public override string Message => null!;
    }

    [Test]
    public void AProviderIsToldWhenNobodyWaitsAnyMore()
    {
        using ManualResetEventSlim asked = new();
        using ManualResetEventSlim told = new();
        IKustoQueuedIngestClient client = NewClient(new KustoConnectionStringBuilder(Connection).WithAadTokenProviderAuthentication(
            async (_, cancellation) =>
            {
                asked.Set();
                try
                {
                    await Task.Delay(Timeout.Infinite, cancellation);
                }
                finally
                {
                    told.Set();
                }
                return new KustoAccessToken("never");
            }));
        using CancellationTokenSource cancel = new();
        Task warming = client.WarmUpAsync(cancel.Token);
        Assert.That(asked.Wait(Patience));
        cancel.Cancel();
        Cancelled(() => warming, cancel.Token);
        client.Dispose();
        Assert.That(told.Wait(Patience));
    }

    /// <summary>The library has its own HTTP client; the leg shows that HTTP_PROXY is honoured.</summary>
    [Test]
    public void TheProxyOfHttpClientIsNotAsked()
    {
        TcpListener proxy = new(IPAddress.Loopback, 0);
        proxy.Start();
        IWebProxy before = HttpClient.DefaultProxy;
        HttpClient.DefaultProxy = new WebProxy($"http://{proxy.LocalEndpoint}");
        try
        {
            using ICslQueryProvider provider = KustoClientFactory.CreateCslQueryProvider(new KustoConnectionStringBuilder("http://cluster.invalid"));
            ClientRequestProperties brief = new() { Timeout = TimeSpan.FromSeconds(5) };
            Assert.Catch<KustoException>(() => provider.ExecuteQuery("Demo", "print 1", brief));
            Assert.That(proxy.Pending(), Is.False);
        }
        finally
        {
            HttpClient.DefaultProxy = before;
            proxy.Stop();
        }
    }

    [Test]
    public void TheLogIsToldUntilItIsTakenAway()
    {
        List<(KustoLogLevel Level, string Target, string Message)> lines = [];
        KustoLog.Set(KustoLogLevel.Trace, (level, target, message) =>
        {
            lock (lines)
            {
                lines.Add((level, target, message));
            }
            throw new InvalidOperationException("is lost");
        });
        try
        {
            IKustoQueuedIngestClient client = NewClient();
            Ingested(client.IngestFromBytes(Bytes(TwoRows), Now(NewTable())));
        }
        finally
        {
            KustoLog.Reset();
        }
        lock (lines)
        {
            Assert.That(lines.Exists(line => line.Level == KustoLogLevel.Info));
            Assert.That(lines.TrueForAll(line => line.Level is > KustoLogLevel.Off and <= KustoLogLevel.Trace && line.Target.Length > 0));
            Assert.That(lines.Exists(line => line.Message.Contains("sig=")), Is.False);
            lines.Clear();
        }
        Ingested(NewClient().IngestFromBytes(Bytes(TwoRows), Now(NewTable())));
        Assert.That(lines, Is.Empty);
        Assert.That(() => KustoLog.Set(KustoLogLevel.Info, null!), Throws.ArgumentNullException);
    }

    [Test]
    public void TheLibraryTellsItsVersion()
    {
        Assert.That(KustoLibrary.Version, Does.Match(@"^\d+\.\d+\.\d+"));
        Assert.That(KustoLibrary.BuildInfo, Does.StartWith("{"));
        Assert.That(KustoLibrary.HasFeature("colour"), Is.False);
    }

    [Test]
    public void ALibraryThatDoesNotFitIsRefused()
    {
        DllNotFoundException failure = Assert.Throws<DllNotFoundException>(() => NativeLibraryLoader.Check(77))!;
        Assert.That(failure.Message, Does.Contain("77"));
    }

    [Test]
    public unsafe void EveryStatusOfTheLibraryHasAName()
    {
        int count = (int)NativeMethods.kusto_status_list(out int* statuses);
        for (int i = 0; i < count; i++)
        {
            if (statuses[i] == 0)
            {
                continue;
            }
            string native = NativeText.ReadStatic(NativeMethods.kusto_status_name(statuses[i]));
            Assert.That(((KustoErrorCode)statuses[i]).ToString(), Is.EqualTo(native.Replace("_", "")).IgnoreCase);
        }
        Assert.That(count - 1, Is.EqualTo(Enum.GetValues<KustoErrorCode>().Length));
    }
}
