using System;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>For what a token is wanted.</summary>
public sealed class KustoTokenRequest
{
    internal KustoTokenRequest(string scope, string? tenantId)
    {
        Scope = scope;
        TenantId = tenantId;
    }

    /// <summary>Such as "https://kusto.kusto.windows.net/.default".</summary>
    public string Scope { get; }

    /// <summary>The Entra tenant, if the connection string names one.</summary>
    public string? TenantId { get; }
}

/// <summary>A bearer token.</summary>
public sealed class KustoAccessToken
{
    /// <summary>A token and its end.</summary>
    /// <param name="token">The token, without "Bearer".</param>
    /// <param name="expiresOn">When it ends; it is kept until shortly before. Null: it is used for one request only.</param>
    public KustoAccessToken(string token, DateTimeOffset? expiresOn = null)
    {
        Token = token ?? throw new ArgumentNullException(nameof(token));
        ExpiresOn = expiresOn;
    }

    /// <summary>The token, without "Bearer".</summary>
    public string Token { get; }

    /// <summary>When it ends; null if that is not known.</summary>
    public DateTimeOffset? ExpiresOn { get; }

    /// <summary>Does not show the token.</summary>
    /// <returns>The type's name and the end.</returns>
    public override string ToString() => $"{nameof(KustoAccessToken)} {{ ExpiresOn = {ExpiresOn:O} }}";
}

/// <summary>
/// Asks for a token. Runs on a thread of the pool, at most once at a time for each scope of a client, and only
/// when no token is at hand that is still good.
/// </summary>
/// <param name="request">For what a token is wanted.</param>
/// <param name="cancellationToken">Is cancelled when nobody waits any more: the client is gone.</param>
/// <returns>The token.</returns>
public delegate Task<KustoAccessToken> KustoTokenProvider(KustoTokenRequest request, CancellationToken cancellationToken);

/// <summary>
/// For token providers to throw when the cause is passing: calls fail with <see cref="KustoRetry.Later"/> then, with
/// any other exception as permanent.
/// </summary>
public sealed class TransientTokenException : Exception
{
    /// <summary>A passing failure.</summary>
    /// <param name="message">Why there is no token. It becomes part of the failed calls' texts: no secrets.</param>
    /// <param name="innerException">The cause.</param>
    public TransientTokenException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
