using System;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Answers the library's token requests with the program's token provider.</summary>
internal sealed class TokenContext : CallbackContext
{
    private readonly KustoTokenProvider provider;
    private readonly CancellationTokenSource gone = new();

    internal TokenContext(KustoTokenProvider provider) => this.provider = provider;

    // Every request is answered, even when the provider fails; the library's thread must not wait.
    internal static void Ask(IntPtr userData, IntPtr request)
    {
        TokenContext context = Of<TokenContext>(userData);
        // A provider may block, so it runs on a thread of the pool, without the execution context of the client's creator.
        _ = Task.Run(() => context.AnswerAsync(request));
    }

    // Callbacks that the provider registered on its token must not run on the library's thread.
    protected override void Dropped() => _ = Task.Run(gone.Cancel);

    private async Task AnswerAsync(IntPtr request)
    {
        try
        {
            Complete(request, await GetTokenAsync(request).ConfigureAwait(false));
        }
        catch (Exception failure)
        {
            NativeText message = NativeText.Lenient(failure.Message);
            NativeMethods.kusto_token_request_fail(request, failure is TransientTokenException ? 1 : 0, message.Bytes, message.Length);
        }
    }

    private async Task<KustoAccessToken> GetTokenAsync(IntPtr request)
    {
        Task<KustoAccessToken>? asked = provider(Question(request), gone.Token);
        KustoAccessToken? token = asked is null ? null : await asked.ConfigureAwait(false);
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
