using System;
using System.Collections.Generic;
using System.Data;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Core;
using Kusto.Data;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Compat.Tests;

/// <summary>A login with a credential of Azure, on the stand-in for Azure.Core.</summary>
public sealed class CompatTests
{
    private static readonly string Connection = Environment.GetEnvironmentVariable("KUSTO_CONNECTION_STRING") ?? "";

    private sealed class Credential(Func<TokenRequestContext, AccessToken> answer) : TokenCredential
    {
        public List<TokenRequestContext> Asked { get; } = [];

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();

        public override async ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            await Task.Yield();
            Assert.That(cancellationToken.CanBeCanceled);
            Asked.Add(requestContext);
            return answer(requestContext);
        }
    }

    private static ICslQueryProvider With(TokenCredential credential) => KustoClientFactory.CreateCslQueryProvider(
        new KustoConnectionStringBuilder(Connection + ";Authority Id=contoso").WithAadAzureTokenCredentialsAuthentication(credential));

    [Test]
    public void ATokenIsAskedForOnceInTheTenantOfTheConnectionString()
    {
        Credential credential = new(_ => new AccessToken("a-token", DateTimeOffset.UtcNow.AddHours(1)));
        using ICslQueryProvider query = With(credential);
        for (int i = 0; i < 2; i++)
        {
            using IDataReader answer = query.ExecuteQuery("print 1");
            Assert.That(answer.Read());
        }
        Assert.That(credential.Asked, Has.Count.EqualTo(1));
        Assert.That(credential.Asked[0].TenantId, Is.EqualTo("contoso"));
        Assert.That(credential.Asked[0].Scopes, Has.Length.EqualTo(1).And.All.EndsWith("/.default"));
    }

    [Test]
    public void ARefusalIsTheInnerExceptionAndOneThatPassesIsAskedForAgain()
    {
        RequestFailedException refused = new(401, "no");
        using ICslQueryProvider never = With(new Credential(_ => throw refused));
        KustoClientException? failed = Assert.Throws<KustoClientException>(() => never.ExecuteQuery("print 1"));
        Assert.That(failed!.InnerException, Is.SameAs(refused));
        Assert.That(failed.IsPermanent);
        int asked = 0;
        using ICslQueryProvider later = With(new Credential(_ => ++asked < 3
            ? throw new RequestFailedException(503, "busy")
            : new AccessToken("a-token", DateTimeOffset.UtcNow.AddHours(1))));
        using IDataReader answer = later.ExecuteQuery("print 1");
        Assert.That(answer.Read() && asked == 3);
    }

    [Test]
    public void NothingIsNoCredential()
    {
        Assert.Throws<ArgumentNullException>(() => new KustoConnectionStringBuilder(Connection).WithAadAzureTokenCredentialsAuthentication(null!));
    }
}
