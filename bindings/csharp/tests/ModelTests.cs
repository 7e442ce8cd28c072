using System;
using System.Collections.Generic;
using System.Data;
using System.Data.SqlTypes;
using System.Linq;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>What a user's own unit tests construct: exceptions, results, notifications, readers.</summary>
public sealed class ModelTests : Bed
{
    [Test]
    public void ExceptionsHaveTheStandardConstructors()
    {
        InvalidOperationException cause = new("cause");
        (KustoException Failure, bool Permanent, bool Transient, int Status)[] made =
        [
            (new KustoClientException("text", cause), false, false, 0),
            (new KustoRequestException("text", cause), true, false, 400),
            (new KustoRequestThrottledException("text", cause), false, true, 429),
            (new KustoServiceException("text", cause), false, false, 500),
            (new IngestClientException("text", cause), false, false, 0),
        ];
        foreach ((KustoException failure, bool permanent, bool transient, int status) in made)
        {
            Assert.That(failure.Message, Is.EqualTo("text"));
            Assert.That(failure.InnerException, Is.SameAs(cause));
            Assert.That(failure.IsPermanent, Is.EqualTo(permanent), failure.ToString());
            Assert.That(failure.IsTransient, Is.EqualTo(transient), failure.ToString());
            Assert.That(failure.FailureCode, Is.EqualTo(status));
            Assert.That(failure.Attempts, Is.Empty);
        }
        Assert.That(new IngestClientException().Message, Is.Not.Empty);
        Assert.That(new KustoServiceException("text").InnerException, Is.Null);
        Assert.That(new IngestClientException("text").HandedOver, Is.Empty);
        Assert.That(new TransientTokenException("text").Message, Is.EqualTo("text"));
    }

    [Test]
    public void ExceptionsOfTheFactoryHaveEveryDetail()
    {
        Guid[] handed = [Guid.NewGuid()];
        KustoException attempt = KustoIngestModelFactory.KustoException("refused", KustoErrorCode.Network, host: "a.example");
        IngestClientException failure = KustoIngestModelFactory.IngestClientException(
            "in part", KustoErrorCode.Partial, KustoRetry.Later, inDoubt: true, retryAfter: TimeSpan.FromSeconds(3), httpStatus: 503, serviceCode: "Busy",
            step: "post message", host: "q.example", argument: "blobs", activityId: "activity", clientRequestId: "request", attempts: [attempt],
            handedOver: handed, ingestionSource: "blobs");
        Assert.That(failure.Message, Is.EqualTo("in part"));
        Assert.That(failure.Code, Is.EqualTo(KustoErrorCode.Partial));
        Assert.That(failure.IsTransient && failure.InDoubt);
        Assert.That(failure.RetryAfter, Is.EqualTo(TimeSpan.FromSeconds(3)));
        Assert.That(failure.HttpStatus, Is.EqualTo(503));
        Assert.That(failure.ServiceCode, Is.EqualTo("Busy"));
        Assert.That(failure.Step, Is.EqualTo("post message"));
        Assert.That(failure.Host, Is.EqualTo("q.example"));
        Assert.That(failure.Argument, Is.EqualTo("blobs"));
        Assert.That(failure.ActivityId, Is.EqualTo("activity"));
        Assert.That(failure.ClientRequestId, Is.EqualTo("request"));
        Assert.That(failure.Attempts.Single().Host, Is.EqualTo("a.example"));
        Assert.That(failure.HandedOver, Is.EqualTo(handed));
        Assert.That(failure.IngestionSource, Is.EqualTo("blobs"));
        Assert.That(KustoIngestModelFactory.KustoException(httpStatus: 404), Is.TypeOf<KustoRequestException>());
        Assert.That(KustoIngestModelFactory.KustoException(httpStatus: 429), Is.TypeOf<KustoRequestThrottledException>());
        Assert.That(KustoIngestModelFactory.KustoException(httpStatus: 500), Is.TypeOf<KustoServiceException>());
        Assert.That(KustoIngestModelFactory.KustoException(code: KustoErrorCode.Network), Is.TypeOf<KustoClientException>());
    }

    [Test]
    public async Task ResultsAndNotifications()
    {
        IngestionStatus failed = new()
        {
            Status = Status.Failed,
            IngestionSourceId = Guid.NewGuid(),
            ActivityId = Guid.NewGuid(),
            UpdatedOn = DateTime.UnixEpoch,
            ErrorCode = IngestionErrorCode.BadRequest_EmptyBlob,
            Details = "empty",
            Table = "T",
        };
        IngestionFailure failure = KustoIngestModelFactory.IngestionFailure(failed);
        Assert.That(failure.Info.Details, Is.EqualTo("empty"));
        Assert.That(failure.Info.FailedOn, Is.EqualTo(DateTime.UnixEpoch));
        Assert.That(failure.Info.RootActivityId, Is.EqualTo(failed.ActivityId));
        Assert.That(KustoIngestModelFactory.IngestionSuccess(failed).Info.Table, Is.EqualTo("T"));
        Assert.That(() => KustoIngestModelFactory.IngestionSuccess(null!), Throws.ArgumentNullException);
        IKustoIngestionResult result = KustoIngestModelFactory.IngestionResult([failed], trackingToken: "token", bytesRaw: 7, bytesSent: 5);
        Assert.That(result.SourceId, Is.EqualTo(failed.IngestionSourceId));
        Assert.That((result.TrackingToken, result.BytesRaw, result.BytesSent), Is.EqualTo(("token", 7L, 5L)));
        Assert.That((await result.WaitForFinalStatusAsync()).Single().Details, Is.EqualTo("empty"));
        Assert.That(await result.GetIngestionStatusBySourceIdAsync(failed.IngestionSourceId), Is.SameAs(failed));
        Assert.That(() => result.GetIngestionStatusBySourceId(Guid.Empty), Throws.ArgumentException);
        failed.Status = Status.Pending;
        Failed<KustoClientException>(() => result.WaitForFinalStatusAsync(), KustoErrorCode.TimedOut);
        Cancelled(() => result.GetIngestionStatusCollectionAsync(new(canceled: true)), new(canceled: true));
        Assert.That(result.Delivery, Is.Null);
        IngestionDelivery delivery = KustoIngestModelFactory.IngestionDelivery(
            IngestionRoute.Streamed, 2, KustoIngestModelFactory.KustoException("off"), KustoIngestModelFactory.UpdatePolicyResult(), true);
        Assert.That(KustoIngestModelFactory.IngestionResult(delivery: delivery).Delivery, Is.SameAs(delivery));
        Assert.That((delivery.Route, delivery.StreamingAttempts, delivery.PossiblyDuplicated), Is.EqualTo((IngestionRoute.Streamed, 2, true)));
        Assert.That((delivery.FallbackCause!.Message, delivery.UpdatePolicy!.Status), Is.EqualTo(("off", "Inactive")));
        Assert.That(KustoIngestModelFactory.IngestionItem(blobUri: "b").BlobUri, Is.EqualTo("b"));
        Assert.That(KustoIngestModelFactory.IngestionProgress(bytesSent: 3).BytesSent, Is.EqualTo(3));
        Assert.That(KustoIngestModelFactory.KustoTokenRequest("scope", "tenant").TenantId, Is.EqualTo("tenant"));
    }

    [Test]
    public void ReadersReadWhatTablesHold()
    {
        using DataTable first = new("First");
        foreach ((string name, Type type) in new[]
        {
            ("b", typeof(bool)), ("i", typeof(int)), ("l", typeof(long)), ("r", typeof(double)), ("s", typeof(string)), ("d", typeof(DateTime)),
            ("t", typeof(TimeSpan)), ("g", typeof(Guid)), ("n", typeof(SqlDecimal)), ("o", typeof(object)),
        })
        {
            first.Columns.Add(name, type);
        }
        Guid id = Guid.NewGuid();
        first.Rows.Add(true, 1, 2L, 0.5, "text", DateTime.UnixEpoch, TimeSpan.FromDays(1), id, new SqlDecimal(1.25m), """{"a":1}""");
        first.Rows.Add();
        using DataTable second = new("Second") { Columns = { { "x", typeof(long) } } };
        using KustoDataReader reader = KustoIngestModelFactory.KustoDataReader(first, second);
        Assert.That(reader.RowCount, Is.EqualTo(2));
        Assert.That(Enumerable.Range(0, reader.FieldCount).Select(reader.GetDataTypeName), Is.EqualTo(
            new[] { "bool", "int", "long", "real", "string", "datetime", "timespan", "guid", "decimal", "dynamic" }));
        Assert.That(reader.Read());
        object[] values = new object[reader.FieldCount];
        reader.GetValues(values);
        Assert.That(values, Is.EqualTo(first.Rows[0].ItemArray));
        Assert.That(reader.Read());
        Assert.That(Enumerable.Range(0, reader.FieldCount).All(reader.IsDBNull));
        Assert.That(reader.Read(), Is.False);
        Assert.That(reader.Read(), Is.False);
        Assert.That(reader.ToJson(), Does.StartWith("""{"tables":[{"name":"First",""").And.Contains(id.ToString()));
        Assert.That(reader.NextResult());
        Assert.That(reader.GetName(0), Is.EqualTo("x"));
        Assert.That(reader.HasRows, Is.False);
        Assert.That(reader.NextResult(), Is.False);
        reader.Dispose();
        Assert.That(() => reader.Read(), Throws.InvalidOperationException);
    }

#if !LIBRARY_NETSTANDARD2_0
    /// <summary>As a library for .NET Standard 2.0 implements it, which does not know IAsyncDisposable.</summary>
    private sealed class Bare : ICslQueryProvider
    {
        internal bool Disposed { get; private set; }

        public string? DefaultDatabaseName { get; set; }

        public void Dispose() => Disposed = true;

        public IDataReader ExecuteQuery(string query, ClientRequestProperties? properties) => KustoIngestModelFactory.KustoDataReader();

        public IDataReader ExecuteQuery(string? databaseName, string query, ClientRequestProperties? properties) => KustoIngestModelFactory.KustoDataReader();

        public Task<IDataReader> ExecuteQueryAsync(
            string? databaseName, string query, ClientRequestProperties? properties, System.Threading.CancellationToken cancellationToken) =>
            Task.FromResult<IDataReader>(KustoIngestModelFactory.KustoDataReader());
    }

    [Test]
    public async Task InterfacesAskForTheSameMembersInEveryFramework()
    {
        Bare bare = new();
        await using (ICslQueryProvider provider = bare)
        {
            using IDataReader reader = await provider.ExecuteQueryAsync(null, "print 1");
            Assert.That(reader.FieldCount, Is.EqualTo(0));
        }
        Assert.That(bare.Disposed);
        string[] newer = typeof(IKustoQueuedIngestClient).GetInterfaces().Append(typeof(IKustoQueuedIngestClient)).Append(typeof(ICslAdminProvider))
            .Where(type => type.Assembly == typeof(Bare).Assembly || type.Namespace == typeof(IKustoIngestClient).Namespace)
            .SelectMany(type => type.GetMethods())
            .Where(method => method.IsAbstract && method.GetParameters().Any(parameter => parameter.ParameterType == typeof(ReadOnlyMemory<byte>)))
            .Select(method => method.Name)
            .ToArray();
        Assert.That(newer, Is.Empty);
    }
#endif
}
