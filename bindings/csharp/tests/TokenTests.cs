using System;
using System.Collections.Generic;
using System.Data;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Token providers that throw, and ones that need a thread.</summary>
public sealed class TokenTests : Bed
{
    /// <summary>As Azure.Core has it.</summary>
    private sealed class RequestFailedException(int status) : Exception($"status {status}")
    {
        public int Status => status;
    }

    private static KustoConnectionStringBuilder With(KustoTokenProvider provider) =>
        new KustoConnectionStringBuilder(Connection, Database).WithAadTokenProviderAuthentication(provider);

    [Test]
    public void AFailureKeepsItsException()
    {
        InvalidOperationException cause = new("no login today: \uD800");
        KustoConnectionStringBuilder kcsb = With((_, _) => throw cause);
        IKustoQueuedIngestClient client = NewClient(kcsb);
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(kcsb);
        KustoException[] failures =
        [
            Failed<IngestClientException>(() => client.IngestFromBytesAsync(Bytes(TwoRows), Now("T")), KustoErrorCode.Auth),
            Failed<IngestClientException>(() => client.IngestFromBytes(Bytes(TwoRows), Now("T")), KustoErrorCode.Auth),
            Failed<IngestClientException>(() => client.IngestFromStream(new StreamTests.FakeStream(_ => []), Now("T")), KustoErrorCode.Auth),
            Failed<KustoClientException>(client.WarmUp, KustoErrorCode.Auth),
            Failed<KustoClientException>(() => query.ExecuteQueryAsync(null, "print 1"), KustoErrorCode.Auth),
            Failed<KustoClientException>(() => query.ExecuteQuery("print 1"), KustoErrorCode.Auth),
        ];
        Assert.That(failures.Select(failure => failure.InnerException), Has.All.SameAs(cause));
        Assert.That(failures.Select(failure => failure.IsPermanent), Has.All.True);
    }

    [Test]
    public void PassingFailuresAreTransient()
    {
        (Exception Failure, bool Transient)[] known =
        [
            (new TransientTokenException("text"), true),
            (new HttpRequestException("no connection"), true),
            (new HttpRequestException("busy", null, HttpStatusCode.ServiceUnavailable), true),
            (new HttpRequestException("wrong", null, HttpStatusCode.BadRequest), false),
            (new TaskCanceledException("too slow"), true),
            (new TimeoutException("too slow"), true),
            (new RequestFailedException(408), true),
            (new RequestFailedException(429), true),
            (new RequestFailedException(503), true),
            (new RequestFailedException(0), true),
            (new RequestFailedException(401), false),
            (new InvalidOperationException("login failed", new RequestFailedException(500)), true),
            (new InvalidOperationException("login failed", new RequestFailedException(400)), false),
            (new AggregateException("several", new TimeoutException("too slow")), true),
            (new InvalidOperationException("wrong"), false),
            (KustoIngestModelFactory.KustoException("busy", retry: KustoRetry.Later), true),
        ];
        foreach ((Exception failure, bool transient) in known)
        {
            Assert.That(TokenFailure.IsTransient(failure), Is.EqualTo(transient), failure.ToString());
        }
        IKustoQueuedIngestClient client = NewClient(With((_, _) => Task.FromException<KustoAccessToken>(new RequestFailedException(503))));
        KustoClientException failed = Failed<KustoClientException>(client.WarmUp, KustoErrorCode.Auth);
        Assert.That(failed.IsTransient, failed.ToString());
        Assert.That(failed.InnerException, Is.InstanceOf<RequestFailedException>());
    }

    /// <summary>Without a thread of its own the provider would wait for one of those that wait for its token.</summary>
    [Test]
    public async Task CallsOnEveryThreadOfThePoolDoNotKeepTheProviderWaiting()
    {
        ThreadPool.GetMaxThreads(out int workers, out int completions);
        int few = Environment.ProcessorCount;
        Assert.That(ThreadPool.SetMaxThreads(few, completions));
        try
        {
            using CountdownEvent waiting = new(few);
            using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(With((_, _) =>
            {
                Assert.That(waiting.Wait(Patience));
                return Task.FromResult(new KustoAccessToken("a-token", DateTimeOffset.UtcNow.AddHours(1)));
            }));
            ClientRequestProperties limit = new() { Timeout = Patience };
            Task<bool>[] calls = Enumerable.Range(0, 4 * few).Select(_ => Task.Run(() =>
            {
                if (!waiting.IsSet)
                {
                    waiting.Signal();
                }
                using IDataReader answer = query.ExecuteQuery(null, "print 1", limit);
                return answer.Read();
            })).ToArray();
            Assert.That(await Task.WhenAll(calls), Has.All.True);
        }
        finally
        {
            ThreadPool.SetMaxThreads(workers, completions);
        }
    }

    /// <summary>An asynchronous provider continues after each await on a thread of its own, while calls hold all those of the pool.</summary>
    [Test]
    public async Task ManyCallsOnASmallPoolDoNotKeepAnAsynchronousProviderWaiting()
    {
        const int Calls = 64;
        ThreadPool.GetMaxThreads(out int workers, out int completions);
        int few = Environment.ProcessorCount;
        Assert.That(ThreadPool.SetMaxThreads(few, completions));
        try
        {
            using CountdownEvent waiting = new(few);
            List<bool> ofThePool = [];
            using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(With(async (_, _) =>
            {
                // Each call holds its thread until there is a token.
                Assert.That(waiting.Wait(Patience));
                for (int i = 0; i < 10; i++)
                {
                    await Task.Yield();
                    ofThePool.Add(Thread.CurrentThread.IsThreadPoolThread);
                }
                return new KustoAccessToken("a-token", DateTimeOffset.UtcNow.AddHours(1));
            }));
            ClientRequestProperties limit = new() { Timeout = Patience };
            Task<bool>[] calls = Enumerable.Range(0, Calls).Select(_ => Task.Run(() =>
            {
                if (!waiting.IsSet)
                {
                    waiting.Signal();
                }
                using IDataReader answer = query.ExecuteQuery(null, "print 1", limit);
                return answer.Read();
            })).ToArray();
            Assert.That(await Task.WhenAll(calls), Has.All.True);
            Assert.That(ofThePool, Has.Count.EqualTo(10).And.All.False);
        }
        finally
        {
            ThreadPool.SetMaxThreads(workers, completions);
        }
    }

    /// <summary>A provider may wait for a task of its own.</summary>
    [Test]
    public void AProviderThatBlocksOnItsOwnTaskDoesNotWaitForItself()
    {
        static async Task<string> Fetch()
        {
            await Task.Delay(1);
            return "a-token";
        }
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(
            With((_, _) => Task.FromResult(new KustoAccessToken(Fetch().Result, DateTimeOffset.UtcNow.AddHours(1)))));
        using IDataReader answer = query.ExecuteQuery(null, "print 1", new ClientRequestProperties { Timeout = Patience });
        Assert.That(answer.Read());
    }

    [Test]
    public void AProviderMaySuppressTheFlowOfContexts()
    {
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(With(async (_, _) =>
        {
            ExecutionContext.SuppressFlow();
            await Task.Yield();
            return new KustoAccessToken("a-token", DateTimeOffset.UtcNow.AddHours(1));
        }));
        using IDataReader answer = query.ExecuteQuery(null, "print 1", new ClientRequestProperties { Timeout = Patience });
        Assert.That(answer.Read());
    }

    /// <summary>The library masks what looks like a secret in the message: the exception is found nevertheless.</summary>
    [Test]
    public void AFailureWhoseMessageIsMaskedKeepsItsException()
    {
        InvalidOperationException cause = new("refused: Bearer abcdefgh");
        KustoClientException failed = Failed<KustoClientException>(NewClient(With((_, _) => throw cause)).WarmUp, KustoErrorCode.Auth);
        Assert.That(failed.InnerException, Is.SameAs(cause));
        Assert.That(failed.Message, Does.Not.Contain("abcdefgh"));
    }
}
