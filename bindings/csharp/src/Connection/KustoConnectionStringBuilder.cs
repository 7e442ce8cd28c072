using System;
using System.Collections.Generic;
using System.Data.Common;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>
/// The address of a cluster and how to log in. May be used for any number of clients, which copy it; do not
/// change it while another thread uses it.
/// </summary>
/// <remarks>
/// A connection string is parsed when a client is created: mistakes in it are reported then, by
/// <see cref="KustoClientException"/> with <see cref="KustoErrorCode.Config"/>.
/// </remarks>
public sealed class KustoConnectionStringBuilder
{
    /// <summary>The keywords that make a login of their own: a builder has one.</summary>
    private static readonly string[] Logins =
    [
        "User Token", "Application Token", "Application Key", "Password", "Managed Identity", "Login",
        "Application Certificate Blob", "Application Certificate Thumbprint",
    ];

    private readonly string connectionString;
    /// <summary>In the order in which they are applied. Those of a login are forgotten with it.</summary>
    private readonly List<(string Keyword, string Value, bool IsOfLogin)> settings = [];
    private Func<TokenFailures, CredentialHandle>? login;
    /// <summary>Whether a login may ask its user: only one that was chosen by its method.</summary>
    private bool prompts;
    private DeviceCodeCallback? prompt;
    private KustoLogLevel logLevel;
    private KustoLogReceiver? logReceiver;

    /// <summary>An empty builder: set <see cref="DataSource"/>.</summary>
    public KustoConnectionStringBuilder()
        : this("")
    {
    }

    /// <summary>From a connection string.</summary>
    /// <param name="connectionString">
    /// Such as "Data Source=https://mycluster.westeurope.kusto.windows.net;Fed=true", or the cluster's address alone.
    /// The address may be that of the engine or of the ingestion service ("https://ingest-...").
    /// </param>
    public KustoConnectionStringBuilder(string connectionString)
    {
        this.connectionString = connectionString ?? throw new ArgumentNullException(nameof(connectionString));
    }

    /// <summary>From a connection string and a default database.</summary>
    /// <param name="connectionString">A connection string, or the cluster's address alone.</param>
    /// <param name="databaseName">The default database.</param>
    public KustoConnectionStringBuilder(string connectionString, string databaseName)
        : this(connectionString)
    {
        InitialCatalog = databaseName ?? throw new ArgumentNullException(nameof(databaseName));
    }

    /// <summary>The cluster's address.</summary>
    public string? DataSource
    {
        get => Read("Data Source");
        set => Set("Data Source", value);
    }

    /// <summary>The default database of commands and queries.</summary>
    public string? InitialCatalog
    {
        get => Read("Initial Catalog");
        set => Set("Initial Catalog", value);
    }

    /// <summary>Whether to log in with Entra ID.</summary>
    public bool FederatedSecurity
    {
        get => string.Equals(Read("AAD Federated Security"), "true", StringComparison.OrdinalIgnoreCase);
        set => Set("AAD Federated Security", value ? "true" : "false");
    }

    /// <summary>The Entra tenant.</summary>
    public string? Authority
    {
        get => Read("Authority Id");
        set => Set("Authority Id", value);
    }

    /// <summary>The application's id in Entra ID.</summary>
    public string? ApplicationClientId
    {
        get => Read("Application Client Id");
        set => Set("Application Client Id", value);
    }

    /// <summary>The application's secret; null when the connection string has it, since it is not read back.</summary>
    public string? ApplicationKey
    {
        get => Last("Application Key");
        set => Set("Application Key", value);
    }

    /// <summary>The user's principal name, with <see cref="Password"/> or as a hint for a prompt.</summary>
    public string? UserID
    {
        get => Read("User ID");
        set => Set("User ID", value);
    }

    /// <summary>
    /// The user's password; null when the connection string has it, since it is not read back. Entra ID advises against such
    /// logins: accounts with a second factor and those of federated organisations cannot.
    /// </summary>
    public string? Password
    {
        get => Last("Password");
        set => Set("Password", value);
    }

    /// <summary>The program's name in the service's logs.</summary>
    public string? ApplicationNameForTracing
    {
        get => Read("Application Name for Tracing");
        set => Set("Application Name for Tracing", value);
    }

    /// <summary>The user's name in the service's logs.</summary>
    public string? UserNameForTracing
    {
        get => Read("User Name for Tracing");
        set => Set("User Name for Tracing", value);
    }

    /// <summary>The program's version in the service's logs.</summary>
    public string? ClientVersionForTracing
    {
        get => Read("Client Version for Tracing");
        set => Set("Client Version for Tracing", value);
    }

    /// <summary>Logs in with a user's token, which is not renewed. Replaces any other login.</summary>
    /// <param name="userToken">The token, without "Bearer".</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadUserTokenAuthentication(string userToken) =>
        WithToken(userToken ?? throw new ArgumentNullException(nameof(userToken)));

    /// <summary>Logs in with an application's token, which is not renewed. Replaces any other login.</summary>
    /// <param name="applicationToken">The token, without "Bearer".</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadApplicationTokenAuthentication(string applicationToken) =>
        WithToken(applicationToken ?? throw new ArgumentNullException(nameof(applicationToken)));

    /// <summary>Logs in as an application with its secret. Replaces any other login.</summary>
    /// <param name="applicationClientId">The application's id.</param>
    /// <param name="applicationKey">The value of its secret.</param>
    /// <param name="authority">The id or the domain of the application's tenant.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadApplicationKeyAuthentication(string applicationClientId, string applicationKey, string authority) =>
        WithLogin(
            ("Application Client Id", applicationClientId ?? throw new ArgumentNullException(nameof(applicationClientId))),
            ("Application Key", applicationKey ?? throw new ArgumentNullException(nameof(applicationKey))),
            ("Authority Id", authority ?? throw new ArgumentNullException(nameof(authority))));

    /// <summary>Logs in with the identity that belongs to the machine. Replaces any other login.</summary>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadSystemManagedIdentity() => WithLogin(("Managed Identity", "system"));

    /// <summary>Logs in with an identity that was assigned to the machine. Replaces any other login.</summary>
    /// <param name="managedIdentityClientId">Its client id.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadUserManagedIdentity(string managedIdentityClientId) =>
        WithLogin(("Managed Identity", "clientid:" + (managedIdentityClientId ?? throw new ArgumentNullException(nameof(managedIdentityClientId)))));

    /// <summary>Logs in as whoever is logged in to the Azure CLI. Replaces any other login.</summary>
    /// <param name="interactive">Must be false: log in with "az login" before.</param>
    /// <returns>This builder.</returns>
    /// <exception cref="NotSupportedException"><paramref name="interactive"/> is true.</exception>
    public KustoConnectionStringBuilder WithAadAzCliAuthentication(bool interactive = false) => interactive
        ? throw new NotSupportedException("An interactive login of the Azure CLI is not supported: run \"az login\" before.")
        : WithLogin(("Login", "azcli"));

    /// <summary>
    /// Logs in as a user in the system's browser on this machine. Later tokens come without the user. Replaces any other login.
    /// Where no browser can be started the login fails, unless the setting "device code" has a code written to the standard error.
    /// </summary>
    /// <param name="authority">The id or the domain of the user's tenant; null is that of the connection string, or any organisation.</param>
    /// <param name="userId">The user's name, to be filled in.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadUserPromptAuthentication(string? authority = null, string? userId = null)
    {
        _ = WithLogin([("Login", "interactive"), .. Given("Authority Id", authority), .. Given("User ID", userId)]);
        prompts = true;
        return this;
    }

    /// <summary>
    /// Logs in as an application with a certificate, whose key must be RSA and exportable. Replaces any other login. That the key
    /// cannot be exported is reported when a client is created.
    /// </summary>
    /// <param name="applicationClientId">The application's id.</param>
    /// <param name="applicationCertificate">The certificate with its key; read when a client is created.</param>
    /// <param name="authority">The id or the domain of the application's tenant.</param>
    /// <param name="sendX5c">Whether the certificate is sent along, for applications that trust it by subject name and issuer.</param>
    /// <param name="azureRegion">Changes nothing: logins go to the cloud's own login host, which serves every region.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadApplicationCertificateAuthentication(
        string applicationClientId, X509Certificate2 applicationCertificate, string authority, bool sendX5c = false, string? azureRegion = null)
    {
        X509Certificate2 certificate = applicationCertificate ?? throw new ArgumentNullException(nameof(applicationCertificate));
        return WithCertificate(applicationClientId, authority, (client, tenant) => CertificateLogin.Of(client, certificate, tenant, sendX5c));
    }

    /// <summary>
    /// Logs in as an application with a certificate of the store "My" of the user, or else of the machine, by its thumbprint. It is
    /// looked for when a client is created, which throws an <see cref="ArgumentException"/> if there is none. Its key must be RSA and
    /// exportable. Replaces any other login.
    /// </summary>
    /// <param name="applicationClientId">The application's id.</param>
    /// <param name="applicationCertificateThumbprint">The SHA-1 thumbprint, in hexadecimal digits.</param>
    /// <param name="authority">The id or the domain of the application's tenant.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadApplicationThumbprintAuthentication(
        string applicationClientId, string applicationCertificateThumbprint, string authority)
    {
        string thumbprint = applicationCertificateThumbprint ?? throw new ArgumentNullException(nameof(applicationCertificateThumbprint));
        return WithCertificate(applicationClientId, authority, (client, tenant) =>
        {
            using X509Certificate2 certificate = CertificateStore.ByThumbprint(thumbprint);
            return CertificateLogin.Of(client, certificate, tenant, sendsChain: false);
        });
    }

    /// <summary>
    /// As <see cref="WithAadApplicationThumbprintAuthentication"/>, with the certificate of this subject that is valid for longest,
    /// which is sent along: the application trusts it by subject name and issuer.
    /// </summary>
    /// <param name="applicationClientId">The application's id.</param>
    /// <param name="applicationCertificateSubjectDistinguishedName">The subject, such as "CN=app.contoso.com".</param>
    /// <param name="authority">The id or the domain of the application's tenant.</param>
    /// <param name="azureRegion">Changes nothing: logins go to the cloud's own login host, which serves every region.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadApplicationSubjectNameAuthentication(
        string applicationClientId, string applicationCertificateSubjectDistinguishedName, string authority, string? azureRegion = null) =>
        WithSubject(applicationClientId, applicationCertificateSubjectDistinguishedName, null, authority);

    /// <summary>As <see cref="WithAadApplicationSubjectNameAuthentication"/>, with a certificate of this issuer.</summary>
    /// <param name="applicationClientId">The application's id.</param>
    /// <param name="applicationCertificateSubjectDistinguishedName">The subject, such as "CN=app.contoso.com".</param>
    /// <param name="applicationCertificateIssuerDistinguishedName">The issuer, as the certificate spells it.</param>
    /// <param name="authority">The id or the domain of the application's tenant.</param>
    /// <param name="azureRegion">Changes nothing: logins go to the cloud's own login host, which serves every region.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadApplicationSubjectAndIssuerAuthentication(
        string applicationClientId,
        string applicationCertificateSubjectDistinguishedName,
        string applicationCertificateIssuerDistinguishedName,
        string authority,
        string? azureRegion = null)
    {
        string issuer = applicationCertificateIssuerDistinguishedName ?? throw new ArgumentNullException(nameof(applicationCertificateIssuerDistinguishedName));
        return WithSubject(applicationClientId, applicationCertificateSubjectDistinguishedName, issuer, authority);
    }

    /// <summary>Logs in as a user who enters a code on any device. Later tokens come without the user. Replaces any other login.</summary>
    /// <param name="deviceCodeCallback">Shows the code. Called once for each login, on a thread of its own.</param>
    /// <param name="authority">The id or the domain of the user's tenant; null is that of the connection string, or any organisation.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadDeviceCodeAuthentication(DeviceCodeCallback deviceCodeCallback, string? authority = null)
    {
        DeviceCodeCallback callback = deviceCodeCallback ?? throw new ArgumentNullException(nameof(deviceCodeCallback));
        _ = WithLogin([("Login", "device"), .. Given("Authority Id", authority)]);
        prompt = callback;
        prompts = true;
        return this;
    }

    /// <summary>
    /// Asks for a token for every request. A provider that reports when its tokens expire is called less often:
    /// <see cref="WithAadTokenProviderAuthentication(KustoTokenProvider)"/>.
    /// </summary>
    /// <param name="tokenProviderCallback">Returns a token, without "Bearer". Begins on a thread of its own.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadTokenProviderAuthentication(Func<string> tokenProviderCallback)
    {
        Func<string> callback = tokenProviderCallback ?? throw new ArgumentNullException(nameof(tokenProviderCallback));
        return WithAadTokenProviderAuthentication((_, _) => Task.FromResult(new KustoAccessToken(Given(callback()))));
    }

    /// <summary>
    /// Asks for a token for every request. A provider that reports when its tokens expire is called less often:
    /// <see cref="WithAadTokenProviderAuthentication(KustoTokenProvider)"/>.
    /// </summary>
    /// <param name="tokenProviderCallback">Returns a token, without "Bearer". Begins on a thread of its own.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadTokenProviderAuthentication(Func<Task<string>> tokenProviderCallback)
    {
        Func<Task<string>> callback = tokenProviderCallback ?? throw new ArgumentNullException(nameof(tokenProviderCallback));
        return WithAadTokenProviderAuthentication(async (_, _) => new KustoAccessToken(Given(await callback().ConfigureAwait(true))));
    }

    /// <summary>Asks for a token whenever no valid one is cached.</summary>
    /// <param name="tokenProvider">Returns a token for a scope, and when it expires.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithAadTokenProviderAuthentication(KustoTokenProvider tokenProvider)
    {
        return WithCredential(KustoCredential.TokenProvider(tokenProvider));
    }

    /// <summary>Logs in with a login of this library, such as a chain of several. Replaces any other login.</summary>
    /// <param name="credential">The login.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithCredential(KustoCredential credential) =>
        WithHandle((credential ?? throw new ArgumentNullException(nameof(credential))).Make);

    /// <summary>
    /// Sends the log of each client and provider of this builder to a receiver of its own, and not to that of <see cref="KustoLog"/>.
    /// The README has an adapter to ILogger.
    /// </summary>
    /// <param name="level">The most detailed level that is logged.</param>
    /// <param name="receiver">Receives the events.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithLog(KustoLogLevel level, KustoLogReceiver receiver)
    {
        logLevel = level;
        logReceiver = receiver ?? throw new ArgumentNullException(nameof(receiver));
        return this;
    }

    /// <summary>Sets any setting of the library by name: see <see cref="KustoSettings"/>.</summary>
    /// <param name="name">A name of <see cref="KustoSettings"/>, or any keyword of connection strings.</param>
    /// <param name="value">The value, as text.</param>
    /// <returns>This builder.</returns>
    public KustoConnectionStringBuilder WithSetting(string name, string value)
    {
        Set(name ?? throw new ArgumentNullException(nameof(name)), value ?? throw new ArgumentNullException(nameof(value)));
        return this;
    }

    /// <summary>The connection string for logs: secrets are masked.</summary>
    /// <returns>The text, or "invalid connection string".</returns>
    public override string ToString()
    {
        try
        {
            return Redacted();
        }
        catch (KustoException)
        {
            // A malformed text may hold secrets that cannot be recognised and masked.
            return "invalid connection string";
        }
    }

    /// <summary>The log of a new client; null: it has none of its own.</summary>
    internal ClientLog? NewLog() => logReceiver is null ? null : new(logReceiver);

    /// <summary>
    /// The native settings, for the caller to dispose. The failures collect what a token provider throws, and the log receives
    /// the client's events.
    /// </summary>
    /// <exception cref="KustoException">The connection string or a setting is wrong.</exception>
    internal ConfigHandle ToConfig(bool queriesOnly, TokenFailures failures, ClientLog? log, params (string Name, string Value)[] more)
    {
        ConfigHandle config = Parsed();
        try
        {
            Apply(config, "wrapper", KustoLibrary.WrapperName);
            Apply(config, "runtime", KustoLibrary.RuntimeName);
            Apply(config, "queries only", queriesOnly ? "true" : "false");
            foreach ((string name, string value) in more)
            {
                Apply(config, name, value);
            }
            if (prompts)
            {
                IntPtr shown = new PromptContext(prompt, failures).Register();
                Failure.ThrowOn(NativeMethods.kusto_config_set_prompt(config, Callbacks.Prompt, shown, Callbacks.Drop, out IntPtr error), error);
            }
            if (login is not null)
            {
                using CredentialHandle credential = login(failures);
                Failure.ThrowOn(NativeMethods.kusto_config_set_credential(config, credential, out IntPtr error), error);
            }
            if (log is not null)
            {
                int status = NativeMethods.kusto_config_set_log(config, (int)logLevel, Callbacks.Event, log.Register(), Callbacks.Drop, out IntPtr error);
                Failure.ThrowOn(status, error);
            }
            return config;
        }
        catch
        {
            config.Dispose();
            throw;
        }
    }

    private KustoConnectionStringBuilder WithLogin(params (string Keyword, string Value)[] keywords)
    {
        _ = WithHandle(null);
        foreach (string other in Logins)
        {
            // Without a value, a keyword of the connection string is taken away.
            settings.RemoveAll(setting => setting.Keyword == other);
            settings.Add((other, "", true));
        }
        foreach ((string keyword, string value) in keywords)
        {
            settings.Add((keyword, value, true));
        }
        return this;
    }

    private KustoConnectionStringBuilder WithSubject(string applicationClientId, string applicationCertificateSubjectDistinguishedName, string? issuer, string authority)
    {
        string subject = applicationCertificateSubjectDistinguishedName ?? throw new ArgumentNullException(nameof(applicationCertificateSubjectDistinguishedName));
        return WithCertificate(applicationClientId, authority, (client, tenant) =>
        {
            using X509Certificate2 certificate = CertificateStore.BySubject(subject, issuer);
            return CertificateLogin.Of(client, certificate, tenant, sendsChain: true);
        });
    }

    private KustoConnectionStringBuilder WithCertificate(string applicationClientId, string authority, Func<string, string, CredentialHandle> make)
    {
        string client = applicationClientId ?? throw new ArgumentNullException(nameof(applicationClientId));
        string tenant = authority ?? throw new ArgumentNullException(nameof(authority));
        return WithHandle(_ => make(client, tenant));
    }

    private KustoConnectionStringBuilder WithToken(string token) => WithHandle(_ =>
    {
        NativeText text = new(token);
        Failure.ThrowOn(NativeMethods.kusto_credential_token(text.Bytes, text.Length, out CredentialHandle credential, out IntPtr error), error);
        return credential;
    });

    /// <summary>A keyword with this value, or none: the connection string's own stands then.</summary>
    private static (string Keyword, string Value)[] Given(string keyword, string? value) => string.IsNullOrEmpty(value) ? [] : [(keyword, value!)];

    /// <summary>Replaces the login, of which nothing is left: a token of another application or tenant would be asked for.</summary>
    private KustoConnectionStringBuilder WithHandle(Func<TokenFailures, CredentialHandle>? credential)
    {
        login = credential;
        prompt = null;
        prompts = false;
        settings.RemoveAll(setting => setting.IsOfLogin);
        return this;
    }

    private ConfigHandle Parsed()
    {
        NativeLibraryLoader.EnsureUsable();
        // The library requires an address in the text; a later setting replaces it.
        NativeText text = new(connectionString.Length == 0 ? Last("Data Source") ?? "" : connectionString);
        Failure.ThrowOn(NativeMethods.kusto_config_parse(text.Bytes, text.Length, out ConfigHandle config, out IntPtr error), error);
        try
        {
            foreach ((string keyword, string value, _) in settings)
            {
                Apply(config, keyword, value);
            }
            return config;
        }
        catch
        {
            config.Dispose();
            throw;
        }
    }

    private unsafe string Redacted()
    {
        using ConfigHandle config = Parsed();
        return NativeText.Read(NativeMethods.kusto_config_redacted(config, out nuint length), length) ?? "";
    }

    /// <summary>The value that the library has parsed for a keyword that holds no secret; null when the keyword is missing or the text is wrong.</summary>
    private string? Read(string keyword)
    {
        string? set = Last(keyword);
        if (set is not null)
        {
            return set;
        }
        try
        {
            DbConnectionStringBuilder read = new() { ConnectionString = Redacted() };
            return read.TryGetValue(keyword, out object? value) ? value?.ToString() : null;
        }
        catch (KustoException)
        {
            return null;
        }
    }

    private string? Last(string keyword) => settings.FindLast(setting => setting.Keyword == keyword).Value;

    private void Set(string keyword, string? value)
    {
        settings.RemoveAll(setting => setting.Keyword == keyword);
        if (value is not null)
        {
            settings.Add((keyword, value, false));
        }
    }

    private static void Apply(ConfigHandle config, string name, string value)
    {
        NativeText key = new(name);
        NativeText text = new(value);
        Failure.ThrowOn(NativeMethods.kusto_config_set(config, key.Bytes, key.Length, text.Bytes, text.Length, out IntPtr error), error);
    }

    private static string Given(string? token) => token ?? throw new InvalidOperationException("the token provider returned null");
}
