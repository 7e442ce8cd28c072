// The few public types of Azure.Core that the package uses, for tests where it is not at hand. They are shipped nowhere.
using System;
using System.Threading;
using System.Threading.Tasks;

namespace Azure.Core
{
    /// <summary>What a token is asked for.</summary>
    public readonly struct TokenRequestContext
    {
        /// <summary>As that of Azure.Core.</summary>
        /// <param name="scopes">The scopes.</param>
        /// <param name="parentRequestId">Another request.</param>
        /// <param name="claims">Further claims.</param>
        /// <param name="tenantId">The tenant.</param>
        /// <param name="isCaeEnabled">Whether access is evaluated continuously.</param>
        public TokenRequestContext(string[] scopes, string? parentRequestId = null, string? claims = null, string? tenantId = null, bool isCaeEnabled = false)
        {
            Scopes = scopes;
            ParentRequestId = parentRequestId;
            Claims = claims;
            TenantId = tenantId;
            IsCaeEnabled = isCaeEnabled;
        }

        /// <summary>The scopes.</summary>
        public string[] Scopes { get; }

        /// <summary>Another request.</summary>
        public string? ParentRequestId { get; }

        /// <summary>Further claims.</summary>
        public string? Claims { get; }

        /// <summary>The tenant.</summary>
        public string? TenantId { get; }

        /// <summary>Whether access is evaluated continuously.</summary>
        public bool IsCaeEnabled { get; }
    }

    /// <summary>A token.</summary>
    public struct AccessToken
    {
        /// <summary>As that of Azure.Core.</summary>
        /// <param name="accessToken">The token.</param>
        /// <param name="expiresOn">When it expires.</param>
        public AccessToken(string accessToken, DateTimeOffset expiresOn)
        {
            Token = accessToken;
            ExpiresOn = expiresOn;
        }

        /// <summary>The token.</summary>
        public string Token { get; }

        /// <summary>When it expires.</summary>
        public DateTimeOffset ExpiresOn { get; }
    }

    /// <summary>A credential.</summary>
    public abstract class TokenCredential
    {
        /// <summary>A token.</summary>
        /// <param name="requestContext">What it is asked for.</param>
        /// <param name="cancellationToken">Cancels.</param>
        /// <returns>The token.</returns>
        public abstract AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken);

        /// <summary>A token.</summary>
        /// <param name="requestContext">What it is asked for.</param>
        /// <param name="cancellationToken">Cancels.</param>
        /// <returns>The token.</returns>
        public abstract ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken);
    }
}

namespace Azure
{
    /// <summary>A refusal of a service.</summary>
    public class RequestFailedException : Exception
    {
        /// <summary>As that of Azure.Core.</summary>
        /// <param name="status">The HTTP status.</param>
        /// <param name="message">The text.</param>
        public RequestFailedException(int status, string message)
            : base(message) => Status = status;

        /// <summary>The HTTP status.</summary>
        public int Status { get; }
    }
}
