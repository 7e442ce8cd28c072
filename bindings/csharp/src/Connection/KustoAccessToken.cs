using System;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>The token that is requested.</summary>
public sealed class KustoTokenRequest
{
    internal KustoTokenRequest(string scope, string? tenantId)
    {
        Scope = scope;
        TenantId = tenantId;
    }

    /// <summary>The scope, such as "https://kusto.kusto.windows.net/.default".</summary>
    public string Scope { get; }

    /// <summary>The Entra tenant, if the connection string names one.</summary>
    public string? TenantId { get; }
}

/// <summary>A bearer token.</summary>
public sealed class KustoAccessToken
{
    /// <summary>A token and when it expires.</summary>
    /// <param name="token">The token, without "Bearer".</param>
    /// <param name="expiresOn">When it expires; it is cached until shortly before. Null: it is used for one request only.</param>
    public KustoAccessToken(string token, DateTimeOffset? expiresOn = null)
    {
        Token = token ?? throw new ArgumentNullException(nameof(token));
        ExpiresOn = expiresOn;
    }

    /// <summary>The token, without "Bearer".</summary>
    public string Token { get; }

    /// <summary>When it expires; null if unknown.</summary>
    public DateTimeOffset? ExpiresOn { get; }

    /// <summary>Does not show the token.</summary>
    /// <returns>The type's name and when the token expires.</returns>
    public override string ToString() => $"{nameof(KustoAccessToken)} {{ ExpiresOn = {ExpiresOn:O} }}";
}

/// <summary>
/// Provides a token. Begins on a thread of its own, and continues on one after an await that does not say otherwise; at most once at a time for each scope of a client, and only
/// when no valid token is cached. Its exceptions become the inner ones of the calls that wait for it.
/// </summary>
/// <param name="request">The token that is requested.</param>
/// <param name="cancellationToken">Is cancelled when the client is closed: no call waits for the token any more.</param>
/// <returns>The token.</returns>
public delegate Task<KustoAccessToken> KustoTokenProvider(KustoTokenRequest request, CancellationToken cancellationToken);

/// <summary>
/// For token providers to throw when the cause is transient: they are asked again, and calls that fail nevertheless have <see cref="KustoRetry.Later"/>. So they do with
/// exceptions that say it themselves: no connection, a time limit, or an HTTP status 408, 429 or from 500 on, also as an inner
/// exception. Of any other one that cannot be known: calls fail permanently.
/// </summary>
public sealed class TransientTokenException : Exception
{
    /// <summary>A transient failure without a reason.</summary>
    public TransientTokenException()
        : this("no token is available at present")
    {
    }

    /// <summary>A transient failure.</summary>
    /// <param name="message">Why there is no token. It becomes part of the messages of the failed calls, so it must hold no secret.</param>
    public TransientTokenException(string message)
        : this(message, null)
    {
    }

    /// <summary>A transient failure.</summary>
    /// <param name="message">Why there is no token. It becomes part of the messages of the failed calls, so it must hold no secret.</param>
    /// <param name="innerException">The cause.</param>
    public TransientTokenException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
