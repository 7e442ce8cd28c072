using System;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>
/// A login of this library, for <see cref="KustoConnectionStringBuilder.WithCredential"/> and as a part of another one. The names
/// are those of Azure.Identity, without the word Credential. A mistake that only the library sees is reported when a client is
/// created.
/// </summary>
/// <remarks>A tenant that is null is that of the connection string ("Authority Id").</remarks>
public sealed class KustoCredential
{
    /// <summary>KUSTO_IDENTITY_...</summary>
    private enum Identity
    {
        System = 0,
        ClientId = 1,
        ObjectId = 2,
        ResourceId = 3,
    }

    private delegate int Function(out CredentialHandle credential, out IntPtr error);

    private readonly Func<TokenFailures, CredentialHandle> make;

    private KustoCredential(Func<TokenFailures, CredentialHandle> make) => this.make = make;

    private KustoCredential(Function function)
        : this(_ => Made(function))
    {
    }

    /// <summary>An application with its secret.</summary>
    /// <param name="tenantId">The id or the domain of its tenant.</param>
    /// <param name="clientId">Its id.</param>
    /// <param name="clientSecret">The value of its secret.</param>
    /// <returns>The login.</returns>
    public static KustoCredential ClientSecret(string? tenantId, string clientId, string clientSecret)
    {
        NativeText tenant = new(tenantId);
        NativeText client = Given(clientId, nameof(clientId));
        NativeText secret = Given(clientSecret, nameof(clientSecret));
        return new((out CredentialHandle credential, out IntPtr error) => NativeMethods.kusto_credential_app_key(
            tenant.Bytes, tenant.Length, client.Bytes, client.Length, secret.Bytes, secret.Length, out credential, out error));
    }

    /// <summary>An application with a certificate, whose key must be RSA and exportable.</summary>
    /// <param name="tenantId">The id or the domain of its tenant.</param>
    /// <param name="clientId">Its id.</param>
    /// <param name="clientCertificate">The certificate with its key; read when a client is created.</param>
    /// <param name="sendCertificateChain">Whether the certificate is sent along, for applications that trust it by subject name and issuer.</param>
    /// <returns>The login.</returns>
    public static KustoCredential ClientCertificate(
        string? tenantId, string clientId, X509Certificate2 clientCertificate, bool sendCertificateChain = false)
    {
        string client = clientId ?? throw new ArgumentNullException(nameof(clientId));
        X509Certificate2 certificate = clientCertificate ?? throw new ArgumentNullException(nameof(clientCertificate));
        return new(_ => CertificateLogin.Of(client, certificate, tenantId, sendCertificateChain));
    }

    /// <summary>An application that trusts another issuer, whose token stands for its secret.</summary>
    /// <param name="tenantId">The id or the domain of its tenant.</param>
    /// <param name="clientId">Its id.</param>
    /// <param name="assertionCallback">
    /// Returns a token of the other issuer, at each login. Begins on a thread of its own; its exceptions are treated as those of a
    /// <see cref="KustoTokenProvider"/>.
    /// </param>
    /// <returns>The login.</returns>
    public static KustoCredential ClientAssertion(string? tenantId, string clientId, Func<CancellationToken, Task<string>> assertionCallback)
    {
        NativeText tenant = new(tenantId);
        NativeText client = Given(clientId, nameof(clientId));
        Func<CancellationToken, Task<string>> callback = assertionCallback ?? throw new ArgumentNullException(nameof(assertionCallback));
        KustoCredential assertions = TokenProvider(async (_, cancellation) => new KustoAccessToken(
            await callback(cancellation).ConfigureAwait(true) ?? throw new InvalidOperationException("the assertion callback returned null")));
        return new(failures =>
        {
            using CredentialHandle assertion = assertions.Make(failures);
            return Made((out CredentialHandle credential, out IntPtr error) => NativeMethods.kusto_credential_federated(
                tenant.Bytes, tenant.Length, client.Bytes, client.Length, assertion, out credential, out error));
        });
    }

    /// <summary>
    /// An application with the federated token in a file, which is read at each login. What is null comes from the environment, as
    /// Azure's webhook sets it: AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE.
    /// </summary>
    /// <param name="tenantId">The id or the domain of its tenant.</param>
    /// <param name="clientId">Its id.</param>
    /// <param name="tokenFilePath">The file.</param>
    /// <returns>The login.</returns>
    public static KustoCredential WorkloadIdentity(string? tenantId = null, string? clientId = null, string? tokenFilePath = null)
    {
        NativeText tenant = new(tenantId);
        NativeText client = new(clientId);
        NativeText file = new(tokenFilePath);
        return new((out CredentialHandle credential, out IntPtr error) => NativeMethods.kusto_credential_workload_identity(
            tenant.Bytes, tenant.Length, client.Bytes, client.Length, file.Bytes, file.Length, out credential, out error));
    }

    /// <summary>The user on whose behalf an application works. One credential is for one user.</summary>
    /// <param name="application">
    /// The application: of <see cref="ClientSecret"/>, <see cref="ClientCertificate"/> or <see cref="ClientAssertion"/>.
    /// </param>
    /// <param name="userAssertion">The token that the user has called the application with.</param>
    /// <returns>The login.</returns>
    public static KustoCredential OnBehalfOf(KustoCredential application, string userAssertion)
    {
        KustoCredential of = application ?? throw new ArgumentNullException(nameof(application));
        NativeText user = Given(userAssertion, nameof(userAssertion));
        return new(failures =>
        {
            using CredentialHandle handle = of.Make(failures);
            return Made((out CredentialHandle credential, out IntPtr error) =>
                NativeMethods.kusto_credential_on_behalf_of(handle, user.Bytes, user.Length, out credential, out error));
        });
    }

    /// <summary>
    /// The first of several logins that is at hand. One that is not configured here makes room for the next; one that is configured
    /// and refused ends the search, and so does any exception of a token provider.
    /// </summary>
    /// <param name="sources">The logins, in their order.</param>
    /// <returns>The login.</returns>
    public static KustoCredential ChainedToken(params KustoCredential[] sources)
    {
        KustoCredential[] parts = (KustoCredential[])(sources ?? throw new ArgumentNullException(nameof(sources))).Clone();
        return Array.IndexOf(parts, null!) < 0
            ? new(failures => Chain(parts, failures))
            : throw new ArgumentException("A login is null.", nameof(sources));
    }

    /// <summary>The identity that belongs to the machine.</summary>
    /// <returns>The login.</returns>
    public static KustoCredential ManagedIdentity() => Machine(Identity.System, null);

    /// <summary>An identity that was assigned to the machine, by its client id.</summary>
    /// <param name="clientId">Its client id.</param>
    /// <returns>The login.</returns>
    public static KustoCredential ManagedIdentityByClientId(string clientId) =>
        Machine(Identity.ClientId, clientId ?? throw new ArgumentNullException(nameof(clientId)));

    /// <summary>An identity that was assigned to the machine, by its object id.</summary>
    /// <param name="objectId">Its object id.</param>
    /// <returns>The login.</returns>
    public static KustoCredential ManagedIdentityByObjectId(string objectId) =>
        Machine(Identity.ObjectId, objectId ?? throw new ArgumentNullException(nameof(objectId)));

    /// <summary>An identity that was assigned to the machine, by its resource id.</summary>
    /// <param name="resourceId">Its resource id ("/subscriptions/...").</param>
    /// <returns>The login.</returns>
    public static KustoCredential ManagedIdentityByResourceId(string resourceId) =>
        Machine(Identity.ResourceId, resourceId ?? throw new ArgumentNullException(nameof(resourceId)));

    /// <summary>What the variables of the official libraries name: AZURE_TENANT_ID, AZURE_CLIENT_ID, ...</summary>
    /// <returns>The login.</returns>
    public static KustoCredential Environment() => new(NativeMethods.kusto_credential_environment);

    /// <summary>Whoever is logged in to the Azure CLI.</summary>
    /// <returns>The login.</returns>
    public static KustoCredential AzureCli() => new(NativeMethods.kusto_credential_azure_cli);

    /// <summary>Whoever is logged in to the Azure Developer CLI.</summary>
    /// <returns>The login.</returns>
    public static KustoCredential AzureDeveloperCli() => new(NativeMethods.kusto_credential_azure_developer_cli);

    /// <summary>
    /// The first of these that is at hand: the environment, a workload identity, a managed identity, the Azure CLI, the Azure
    /// Developer CLI. The variable AZURE_TOKEN_CREDENTIALS narrows the choice.
    /// </summary>
    /// <returns>The login.</returns>
    public static KustoCredential DefaultAzure() => new(NativeMethods.kusto_credential_default);

    /// <summary>The program's own tokens.</summary>
    /// <param name="tokenProvider">Returns a token for a scope, and when it expires.</param>
    /// <returns>The login.</returns>
    public static KustoCredential TokenProvider(KustoTokenProvider tokenProvider)
    {
        KustoTokenProvider provider = tokenProvider ?? throw new ArgumentNullException(nameof(tokenProvider));
        return new(failures => Made((out CredentialHandle credential, out IntPtr error) => NativeMethods.kusto_credential_callback(
            Callbacks.Token, new TokenContext(provider, failures).Register(), Callbacks.Drop, out credential, out error)));
    }

    /// <summary>The native login, for the caller to dispose. The failures collect what callbacks throw.</summary>
    /// <exception cref="KustoException">An argument is wrong.</exception>
    internal CredentialHandle Make(TokenFailures failures) => make(failures);

    private static CredentialHandle Made(Function function)
    {
        Failure.ThrowOn(function(out CredentialHandle credential, out IntPtr error), error);
        return credential;
    }

    private static KustoCredential Machine(Identity kind, string? id)
    {
        NativeText text = new(id);
        return new((out CredentialHandle credential, out IntPtr error) =>
            NativeMethods.kusto_credential_managed_identity((int)kind, text.Bytes, text.Length, out credential, out error));
    }

    private static CredentialHandle Chain(KustoCredential[] parts, TokenFailures failures)
    {
        CredentialHandle chain = Made(NativeMethods.kusto_credential_chain);
        try
        {
            foreach (KustoCredential part in parts)
            {
                using CredentialHandle handle = part.Make(failures);
                Failure.ThrowOn(NativeMethods.kusto_credential_add(chain, handle, out IntPtr error), error);
            }
            return chain;
        }
        catch
        {
            chain.Dispose();
            throw;
        }
    }

    private static NativeText Given(string text, string name) => new(text ?? throw new ArgumentNullException(name));
}
