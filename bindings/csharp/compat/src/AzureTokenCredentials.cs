using System;
using System.Threading.Tasks;
using Azure.Core;
using Kusto.Ingest.Native;

namespace Kusto.Data;

/// <summary>Logins with the credentials of Azure.Identity, under the official name.</summary>
public static class AzureTokenCredentials
{
    /// <summary>
    /// Logs in with a credential of Azure.Identity, or any other one. Replaces any other login. The credential is asked for the
    /// scope of the cluster in the tenant of the connection string, when no valid token is cached; what it throws is the inner
    /// exception of the calls that fail, and is asked for again when it passes (RequestFailedException with a status of 408, 429,
    /// from 500 on, or none).
    /// </summary>
    /// <param name="connection">The builder.</param>
    /// <param name="credential">The credential.</param>
    /// <returns>The builder.</returns>
    public static KustoConnectionStringBuilder WithAadAzureTokenCredentialsAuthentication(
        this KustoConnectionStringBuilder connection, TokenCredential credential)
    {
        _ = connection ?? throw new ArgumentNullException(nameof(connection));
        TokenCredential given = credential ?? throw new ArgumentNullException(nameof(credential));
        return connection.WithAadTokenProviderAuthentication(async (request, cancellation) =>
        {
            TokenRequestContext context = new([request.Scope], tenantId: request.TenantId);
            AccessToken token = await given.GetTokenAsync(context, cancellation).ConfigureAwait(true);
            return new KustoAccessToken(token.Token, token.ExpiresOn);
        });
    }
}
