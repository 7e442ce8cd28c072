using System;
using System.Threading;

namespace Kusto.Ingest.Native;

/// <summary>Turns native errors into exceptions.</summary>
internal static class Failure
{
    private const int Ok = 0;
    private const int Throttled = 429;

    /// <summary>Throws when a native call has failed.</summary>
    /// <exception cref="KustoException">The call failed.</exception>
    internal static void ThrowOn(int status, IntPtr error)
    {
        if (status != Ok)
        {
            throw Of(ErrorDetails.Take(status, error), null);
        }
    }

    /// <summary>The type says where the failure is: in the program, in the request, or in the service.</summary>
    internal static KustoException Of(ErrorDetails details, Exception? cause) => details switch
    {
        { Code: KustoErrorCode.Throttled } or { HttpStatus: Throttled } => new KustoRequestThrottledException(details, cause),
        { HttpStatus: >= 400 and < 500 } => new KustoRequestException(details, cause),
        { HttpStatus: >= 500 } or { Code: KustoErrorCode.Service } => new KustoServiceException(details, cause),
        _ => new KustoClientException(details, cause),
    };

    /// <summary>A failure that this assembly detects itself.</summary>
    internal static KustoException InvalidArgument(string argument, string message) => new KustoClientException(
        new ErrorDetails { Code = KustoErrorCode.InvalidArgument, Message = $"{argument}: {message}", Step = "check arguments", Argument = argument, Retry = KustoRetry.Never },
        null);

    /// <summary>A call that was cancelled before it began.</summary>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    internal static void ThrowIfCancelled(CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            throw Cancelled(
                new KustoClientException(new ErrorDetails { Code = KustoErrorCode.Cancelled, Message = "the call was cancelled before it began", Step = "check arguments" }, null),
                cancellation);
        }
    }

    /// <summary>The exception that .NET programs expect of a cancelled call, with the library's failure inside.</summary>
    internal static OperationCanceledException Cancelled(KustoException failure, CancellationToken cancellation) =>
        new(failure.Message, failure, cancellation.IsCancellationRequested ? cancellation : default);
}
