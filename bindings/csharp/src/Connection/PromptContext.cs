using System;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Shows a user what a login by a device code asks.</summary>
/// <param name="message">Address and code in one text for people, in the words of the service. It does not belong in a log.</param>
/// <param name="url">The address to open, on any device.</param>
/// <param name="code">What to enter there.</param>
/// <returns>
/// Completes when it is shown; the login waits for it, and fails with what it throws. A call of a client that uses this login would wait
/// for itself there.
/// </returns>
public delegate Task DeviceCodeCallback(string message, Uri url, string code);

/// <summary>Shows what the library's logins ask their user.</summary>
internal sealed class PromptContext : CallbackContext
{
    /// <summary>KUSTO_PROMPT_DEVICE_CODE.</summary>
    private const int DeviceCode = 1;

    /// <summary>KUSTO_PROMPTED_...</summary>
    private const int OpenBrowser = 0;
    private const int Shown = 1;
    private const int Failed = -1;

    private readonly DeviceCodeCallback callback;
    private readonly TokenFailures failures;

    /// <param name="callback">Shows codes; null writes them to the standard error.</param>
    /// <param name="failures">Collects what it throws.</param>
    internal PromptContext(DeviceCodeCallback? callback, TokenFailures failures)
    {
        this.callback = callback ?? Write;
        this.failures = failures;
    }

    // On a thread of the library, which may wait, but on which the program cannot: every call and the end of a client are refused
    // there.
    internal static unsafe int Show(
        IntPtr userData, int kind, byte* url, nuint urlLength, byte* code, nuint codeLength, byte* message, nuint messageLength, long expiresOn)
    {
        if (kind != DeviceCode)
        {
            return OpenBrowser;
        }
        PromptContext context = Of<PromptContext>(userData);
        try
        {
            Uri address = new(NativeText.Read(url, urlLength) ?? "");
            context.Shows(NativeText.Read(message, messageLength) ?? "", address, NativeText.Read(code, codeLength) ?? "").GetAwaiter().GetResult();
            return Shown;
        }
        catch (Exception failure)
        {
            context.failures.Add(failure);
            return Failed;
        }
    }

    private Task Shows(string message, Uri url, string code)
    {
        TaskCompletionSource<bool> shown = new();
        OwnThreads.Start(() => _ = ShowAsync(shown, message, url, code));
        return shown.Task;
    }

    private async Task ShowAsync(TaskCompletionSource<bool> shown, string message, Uri url, string code)
    {
        try
        {
            await callback(message, url, code).ConfigureAwait(true);
            shown.SetResult(true);
        }
        catch (Exception failure)
        {
            shown.SetException(failure);
        }
    }

    private static Task Write(string message, Uri url, string code) => Console.Error.WriteLineAsync(message);
}
