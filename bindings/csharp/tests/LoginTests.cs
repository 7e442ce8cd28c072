using System;
using System.Data;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Logins by certificates and prompts, and those of <see cref="KustoCredential"/>.</summary>
public sealed class LoginTests : Bed
{
    private static X509Certificate2 SelfSigned(AsymmetricAlgorithm key, string name = "CN=app1", double begins = -1, double ends = 1)
    {
        CertificateRequest request = key is RSA rsa
            ? new(name, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new(name, (ECDsa)key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(begins), DateTimeOffset.UtcNow.AddHours(ends));
    }

    /// <summary>The library reads the key that was exported: a mistake in it would be an error of the client's creation.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void ACertificateOfDotNetIsALogin(bool sendX5c)
    {
        using RSA key = RSA.Create(2048);
        using X509Certificate2 certificate = SelfSigned(key);
        KustoConnectionStringBuilder kcsb = new KustoConnectionStringBuilder("https://h.kusto.windows.net;UserToken=of-the-text")
            .WithAadApplicationCertificateAuthentication("app", certificate, "contoso.test", sendX5c, azureRegion: "westeurope");
        using (KustoClientFactory.CreateCslQueryProvider(kcsb))
        {
            Assert.That(kcsb.ToString(), Does.Not.Contain("PRIVATE"));
        }
    }

    /// <summary>One key in 60 has a number that .NET pads with a zero, which no reader of DER takes.</summary>
    [Test]
    public void TheNumbersOfAKeyHaveNoNeedlessZeros()
    {
        byte[] one = [0, 0, 1];
        RSAParameters key = new() { Modulus = [0, 0x80], Exponent = one, D = one, P = one, Q = one, DP = one, DQ = [0, 0], InverseQ = one };
        Assert.That(CertificateLogin.PrivateKey(key), Is.EqualTo(new byte[]
        {
            0x30, 28, 2, 1, 0, 2, 2, 0, 0x80, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 0, 2, 1, 1,
        }));
    }

    [Test]
    public void ACertificateWithoutAnRsaKeyIsNone()
    {
        using ECDsa key = ECDsa.Create();
        using X509Certificate2 certificate = SelfSigned(key);
        KustoConnectionStringBuilder kcsb = new KustoConnectionStringBuilder("https://h.kusto.windows.net")
            .WithAadApplicationCertificateAuthentication("app", certificate, "contoso.test");
        Assert.Throws<ArgumentException>(() => KustoClientFactory.CreateCslQueryProvider(kcsb));
    }

    /// <summary>A key of a store from which it cannot leave.</summary>
    private sealed class KeptKey : RSA
    {
        public override RSAParameters ExportParameters(bool includePrivateParameters) => throw new CryptographicException("it is kept");

        public override void ImportParameters(RSAParameters parameters) => throw new NotSupportedException();
    }

    [Test]
    public void AKeyThatCannotBeExportedNamesItsCertificate()
    {
        using KeptKey key = new();
        ArgumentException refused = Assert.Throws<ArgumentException>(() => CertificateLogin.Numbers(key, "CN=app1"))!;
        Assert.That(refused.Message, Does.Contain("CN=app1"));
        Assert.That(refused.InnerException, Is.InstanceOf<CryptographicException>());
    }

    /// <summary>After a rotation the old certificate is still there, and the next one may be as well.</summary>
    [Test]
    public void ACertificateThatIsValidNowComesBeforeOthers()
    {
        using RSA key = RSA.Create(2048);
        using ECDsa elliptic = ECDsa.Create();
        using X509Certificate2 expired = SelfSigned(key, begins: -3, ends: -2);
        using X509Certificate2 older = SelfSigned(key, ends: 1);
        using X509Certificate2 good = SelfSigned(key, ends: 2);
        using X509Certificate2 early = SelfSigned(key, begins: 3, ends: 9);
        using X509Certificate2 notRsa = SelfSigned(elliptic, ends: 8);
        Assert.That(CertificateStore.Best([expired, older, early, good, notRsa], DateTime.Now), Is.SameAs(good));
        Assert.That(CertificateStore.Best([expired, early], DateTime.Now), Is.SameAs(early));
        Assert.That(CertificateStore.Best([], DateTime.Now), Is.Null);
    }

    [Test]
    public void LoginsThatAskAUserReplaceOthers()
    {
        foreach (KustoConnectionStringBuilder kcsb in new[]
        {
            new KustoConnectionStringBuilder("https://h.kusto.windows.net;UserToken=of-the-text").WithAadUserPromptAuthentication("contoso.test", "alice@contoso.test"),
            new KustoConnectionStringBuilder("https://h.kusto.windows.net;UserToken=of-the-text").WithAadDeviceCodeAuthentication((_, _, _) => Task.CompletedTask),
            new KustoConnectionStringBuilder("https://h.kusto.windows.net") { FederatedSecurity = true, UserID = "alice@contoso.test", Password = "very-secret", Authority = "contoso.test" },
        })
        {
            using (KustoClientFactory.CreateCslQueryProvider(kcsb))
            {
                Assert.That(kcsb.ToString(), Does.Not.Contain("very-secret"));
            }
        }
        // Nobody was asked to show what such a login asks.
        Assert.Throws<KustoClientException>(() => KustoClientFactory.CreateCslQueryProvider(new KustoConnectionStringBuilder("https://h.kusto.windows.net;Login=device")));
    }

    /// <summary>A certificate with its key in the user's store, for as long as a test runs.</summary>
    private sealed class Stored : IDisposable
    {
        private readonly X509Store store = new(StoreName.My, StoreLocation.CurrentUser);

        internal Stored()
        {
            using RSA key = RSA.Create(2048);
            using X509Certificate2 made = SelfSigned(key, "CN=kusto-ingest-" + Guid.NewGuid().ToString("N"));
            // A key that lives in memory alone is not stored.
            Certificate = new(made.Export(X509ContentType.Pfx), "", X509KeyStorageFlags.Exportable | X509KeyStorageFlags.PersistKeySet);
            store.Open(OpenFlags.ReadWrite);
            store.Add(Certificate);
        }

        internal X509Certificate2 Certificate { get; }

        public void Dispose()
        {
            store.Remove(Certificate);
            store.Dispose();
            Certificate.Dispose();
        }
    }

    [Test]
    public void ACertificateOfTheStoreIsALogin()
    {
        using Stored stored = new();
        string thumbprint = stored.Certificate.Thumbprint;
        string subject = stored.Certificate.Subject;
        foreach (KustoConnectionStringBuilder kcsb in new[]
        {
            Elsewhere().WithAadApplicationThumbprintAuthentication("app", thumbprint, "contoso.test"),
            Elsewhere().WithAadApplicationThumbprintAuthentication("app", "\u200e" + thumbprint.ToLowerInvariant().Insert(2, " "), "contoso.test"),
            Elsewhere().WithAadApplicationSubjectNameAuthentication("app", subject, "contoso.test"),
            Elsewhere().WithAadApplicationSubjectNameAuthentication("app", subject, "contoso.test", "westeurope"),
            Elsewhere().WithAadApplicationSubjectAndIssuerAuthentication("app", subject, subject, "contoso.test"),
        })
        {
            KustoClientFactory.CreateCslQueryProvider(kcsb).Dispose();
        }
        foreach (KustoConnectionStringBuilder kcsb in new[]
        {
            Elsewhere().WithAadApplicationThumbprintAuthentication("app", new string('0', 40), "contoso.test"),
            Elsewhere().WithAadApplicationSubjectNameAuthentication("app", subject + "x", "contoso.test"),
            Elsewhere().WithAadApplicationSubjectAndIssuerAuthentication("app", subject, "CN=nobody", "contoso.test"),
        })
        {
            ArgumentException refused = Assert.Throws<ArgumentException>(() => KustoClientFactory.CreateCslQueryProvider(kcsb))!;
            Assert.That(refused.ParamName, Does.StartWith("applicationCertificate"));
        }
    }

    private static KustoConnectionStringBuilder Elsewhere() => new("https://h.kusto.windows.net;UserToken=of-the-text");

    [Test]
    public void LoginsOfThisLibraryAreCredentials()
    {
        static Task<string> Assertion(CancellationToken cancellation) => Task.FromResult("an-assertion");
        using RSA key = RSA.Create(2048);
        using X509Certificate2 certificate = SelfSigned(key);
        KustoCredential application = KustoCredential.ClientSecret("contoso.test", "app", "very-secret");
        foreach (KustoCredential credential in new[]
        {
            application,
            KustoCredential.ClientCertificate(null, "app", certificate),
            KustoCredential.ClientAssertion(null, "app", Assertion),
            KustoCredential.WorkloadIdentity(tokenFilePath: "/file"),
            KustoCredential.OnBehalfOf(application, "user-token"),
            KustoCredential.OnBehalfOf(KustoCredential.ClientAssertion(null, "app", Assertion), "user-token"),
            KustoCredential.ManagedIdentity(),
            KustoCredential.ManagedIdentityByClientId("id"),
            KustoCredential.ManagedIdentityByObjectId("id"),
            KustoCredential.ManagedIdentityByResourceId("/subscriptions/s"),
            KustoCredential.Environment(),
            KustoCredential.AzureCli(),
            KustoCredential.AzureDeveloperCli(),
            KustoCredential.DefaultAzure(),
            KustoCredential.ChainedToken(KustoCredential.AzureCli(), application),
        })
        {
            KustoClientFactory.CreateCslQueryProvider(Elsewhere().WithCredential(credential)).Dispose();
        }
        KustoCredential wrong = KustoCredential.OnBehalfOf(KustoCredential.AzureCli(), "user-token");
        KustoClientException refused = Assert.Throws<KustoClientException>(() => KustoClientFactory.CreateCslQueryProvider(Elsewhere().WithCredential(wrong)))!;
        Assert.That(refused.Argument, Is.EqualTo("application"));
        Assert.Throws<ArgumentException>(() => KustoCredential.ChainedToken(application, null!));
    }

    /// <summary>A chain asks the next login when one is not configured, and what a provider throws is the cause.</summary>
    [Test]
    public void AChainUsesTheFirstLoginThatIsAtHand()
    {
        KustoCredential absent = KustoCredential.WorkloadIdentity("contoso.test", "app");
        KustoCredential own = KustoCredential.TokenProvider((_, _) => Task.FromResult(new KustoAccessToken("a-token")));
        using ICslQueryProvider query = KustoClientFactory.CreateCslQueryProvider(With(absent, own));
        using (IDataReader rows = query.ExecuteQuery("print 1"))
        {
            Assert.That(rows.Read());
        }
        InvalidOperationException cause = new("no login today");
        KustoCredential failing = KustoCredential.TokenProvider((_, _) => throw cause);
        using ICslQueryProvider refused = KustoClientFactory.CreateCslQueryProvider(With(absent, failing));
        Assert.That(Failed<KustoClientException>(() => refused.ExecuteQuery("print 1"), KustoErrorCode.Auth).InnerException, Is.SameAs(cause));
    }

    private static KustoConnectionStringBuilder With(params KustoCredential[] chain) =>
        new KustoConnectionStringBuilder(Connection, Database).WithCredential(KustoCredential.ChainedToken(chain));
}
