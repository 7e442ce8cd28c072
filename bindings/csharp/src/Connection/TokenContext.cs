using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Answers the library's token requests with the program's token provider.</summary>
internal sealed class TokenContext : CallbackContext
{
    private readonly KustoTokenProvider provider;
    private readonly TokenFailures failures;
    private readonly CancellationTokenSource gone = new();

    internal TokenContext(KustoTokenProvider provider, TokenFailures failures)
    {
        this.provider = provider;
        this.failures = failures;
    }

    // Every request is answered, even when the provider fails; the library's thread must not wait.
    internal static void Ask(IntPtr userData, IntPtr request)
    {
        TokenContext context = Of<TokenContext>(userData);
        // A provider may block, so it gets a thread, without the execution context of the client's creator.
        OwnThreads.Start(() => _ = context.AnswerAsync(request));
    }

    // Callbacks that the provider registered on its token must not run on the library's thread.
    protected override void Dropped() => _ = Task.Run(gone.Cancel);

    private async Task AnswerAsync(IntPtr request)
    {
        try
        {
            // Here and below back to a thread of its own, not to one of the pool.
            Complete(request, await GetTokenAsync(request).ConfigureAwait(true));
        }
        catch (Exception failure)
        {
            failures.Add(failure);
            NativeText message = NativeText.Lenient(failure.Message);
            NativeMethods.kusto_token_request_fail(request, TokenFailure.IsTransient(failure) ? 1 : 0, message.Bytes, message.Length);
        }
    }

    private async Task<KustoAccessToken> GetTokenAsync(IntPtr request)
    {
        Task<KustoAccessToken>? asked = provider(Question(request), gone.Token);
        KustoAccessToken? token = asked is null ? null : await asked.ConfigureAwait(true);
        return token ?? throw new InvalidOperationException("the token provider returned null");
    }

    private static unsafe KustoTokenRequest Question(IntPtr request) => new(
        NativeText.Read(NativeMethods.kusto_token_request_scope(request, out nuint length), length) ?? "",
        NativeText.Read(NativeMethods.kusto_token_request_tenant(request, out length), length));

    private static void Complete(IntPtr request, KustoAccessToken token)
    {
        NativeText text = new(token.Token);
        NativeMethods.kusto_token_request_complete(request, text.Bytes, text.Length, token.ExpiresOn?.ToUnixTimeSeconds() ?? 0);
    }
}

/// <summary>The latest exceptions of a client's token provider: the library passes on only their messages.</summary>
internal sealed class TokenFailures
{
    /// <summary>A client asks for tokens of a few scopes; a call's failure is explained right after the provider's.</summary>
    private const int Kept = 8;

    private readonly List<Exception> latest = [];

    internal void Add(Exception failure)
    {
        lock (latest)
        {
            latest.Add(failure);
            if (latest.Count > Kept)
            {
                latest.RemoveAt(0);
            }
        }
    }

    /// <summary>The exception that made a call fail with this error; null if it was another failure.</summary>
    internal Exception? CauseOf(ErrorDetails error)
    {
        if (error.Code != KustoErrorCode.Auth)
        {
            return null;
        }
        lock (latest)
        {
            return latest.FindLast(failure => !string.IsNullOrEmpty(failure.Message) && error.Message.Contains(NativeText.Replaced(failure.Message)))
                // A text with a secret was masked by the library, and of a prompt it knows none.
                ?? (IsOfProgram(error.Message) ? latest.LastOrDefault() : null);
        }
    }

    private static bool IsOfProgram(string message) =>
        message.Contains("the token callback failed") || message.Contains("the program could not show what the login asks");
}
