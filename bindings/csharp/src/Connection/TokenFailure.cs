using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Reflection;

namespace Kusto.Ingest.Native;

/// <summary>Whether a token provider that threw can succeed later.</summary>
internal static class TokenFailure
{
    private const int RequestTimeout = 408;
    private const int TooManyRequests = 429;
    private const int FirstOfTheServer = 500;

    /// <summary>
    /// The outermost exception that answers the question decides: login libraries wrap the HTTP status of the login service.
    /// An unknown exception does not answer it, and without an answer the failure is permanent.
    /// </summary>
    internal static bool IsTransient(Exception failure)
    {
        foreach (Exception each in Chain(failure))
        {
            if (Answer(each) is { } answer)
            {
                return answer;
            }
        }
        return false;
    }

    private static IEnumerable<Exception> Chain(Exception failure)
    {
        for (Exception? each = failure; each is not null; each = each.InnerException)
        {
            yield return each;
        }
    }

    private static bool? Answer(Exception failure) => failure switch
    {
        TransientTokenException => true,
        KustoException { Retry: not KustoRetry.Unknown } known => known.IsTransient,
        // Thrown by time limits: a request of a token that nobody waits for any more has no result to classify.
        TimeoutException or OperationCanceledException or SocketException => true,
        _ when Status(failure) is { } status => status == 0 || status == RequestTimeout || status == TooManyRequests || status >= FirstOfTheServer,
        // Without a status there was no response.
        HttpRequestException or WebException => true,
        _ => null,
    };

    /// <summary>
    /// The HTTP status that exceptions of Azure.Core (Status), of HttpClient and of MSAL (StatusCode) have, without a reference to
    /// those packages. 0 is "no response" there.
    /// </summary>
    private static int? Status(Exception failure) => Read(failure, "Status") ?? Read(failure, "StatusCode");

    [UnconditionalSuppressMessage(
        "Trimming", "IL2075", Justification = "A property that was trimmed away is one that the exception's own library does not use; then its inner exceptions decide.")]
    private static int? Read(Exception failure, string name)
    {
        PropertyInfo? property;
        try
        {
            property = failure.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public);
        }
        catch (AmbiguousMatchException)
        {
            return null;
        }
        return property?.GetIndexParameters().Length == 0
            ? property.GetValue(failure) switch
            {
                int status => status,
                HttpStatusCode status => (int)status,
                _ => null,
            }
            : null;
    }
}
