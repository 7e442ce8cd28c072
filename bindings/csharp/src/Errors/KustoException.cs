using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>
/// Every failure of the library, except that cancelled calls throw <see cref="OperationCanceledException"/> with one
/// of these inside. No text in it holds a secret.
/// </summary>
public abstract class KustoException : Exception
{
    private protected KustoException(ErrorDetails details, Exception? cause)
        : base(details.Message, cause)
    {
        Details = details;
    }

    /// <summary>The class of the failure.</summary>
    public KustoErrorCode Code => Details.Code;

    /// <summary>The step that failed, in a few words, such as "post message".</summary>
    public string? Step => Details.Step;

    /// <summary>The host that was called, with its port if the address had one.</summary>
    public string? Host => Details.Host;

    /// <summary>The argument or setting that is wrong.</summary>
    public string? Argument => Details.Argument;

    /// <summary>The HTTP status of the response; 0 if there was none.</summary>
    public int HttpStatus => Details.HttpStatus;

    /// <summary>
    /// The number of the operating system's error that is the cause: errno, or on Windows what GetLastError gives; 0 if there is none. A file
    /// that cannot be opened has one, such as ENOENT (2).
    /// </summary>
    public int SystemErrorCode => Details.SystemCode;

    /// <summary>The service's own code, such as "General_BadRequest".</summary>
    public string? ServiceCode => Details.ServiceCode;

    /// <summary>The service's activity id, which its support asks for.</summary>
    public string? ActivityId => Details.ActivityId;

    /// <summary>The id of the request that failed, under which the service logs it.</summary>
    public string? ClientRequestId => Details.ClientRequestId;

    /// <summary>Whether calling again can succeed.</summary>
    public KustoRetry Retry => Details.Retry;

    /// <summary>How long the service asks to wait before a retry; null if it gives no time.</summary>
    public TimeSpan? RetryAfter => Details.RetryAfter;

    /// <summary>
    /// Whether the service may have carried out the request although the call failed. Calling again can then double
    /// the data, unless <see cref="KustoIngestionProperties.IngestByTags"/> with
    /// <see cref="KustoIngestionProperties.IngestIfNotExists"/> prevent that.
    /// </summary>
    public bool InDoubt => Details.InDoubt;

    /// <summary>The attempts that failed, oldest first, each with its own host and cause; empty for most failures.</summary>
    public IReadOnlyList<KustoException> Attempts => Details.Attempts;

    /// <summary>Whether the same call fails again until something is changed.</summary>
    public bool IsPermanent => Details.Retry == KustoRetry.Never;

    /// <summary>Whether the cause is transient: calling again later can succeed.</summary>
    public bool IsTransient => Details.Retry == KustoRetry.Later;

    /// <summary>As in Kusto.Data: the HTTP status, 0 for failures on the client's side.</summary>
    public int FailureCode => Details.HttpStatus;

    /// <summary>As in Kusto.Data: the service's code, or else the name of <see cref="Code"/>.</summary>
    public string FailureSubCode => Details.ServiceCode ?? Details.Code.ToString();

    /// <summary>As in Kusto.Data: why it failed; the same as <see cref="Exception.Message"/>.</summary>
    public string ErrorReason => Details.Message;

    internal ErrorDetails Details { get; }
}

/// <summary>The failure is on the client's side: the service was not reached or did not respond.</summary>
public sealed class KustoClientException : KustoException
{
    /// <summary>For tests and fakes: a failure without details. <see cref="KustoIngestModelFactory"/> makes those with.</summary>
    public KustoClientException()
        : this("The request failed on the client's side.")
    {
    }

    /// <summary>For tests and fakes: a failure with a message.</summary>
    /// <param name="message">Why it failed.</param>
    public KustoClientException(string message)
        : this(message, null)
    {
    }

    /// <summary>For tests and fakes: a failure with a message and a cause.</summary>
    /// <param name="message">Why it failed.</param>
    /// <param name="innerException">The cause.</param>
    public KustoClientException(string message, Exception? innerException)
        : this(new ErrorDetails { Message = message ?? "", Code = KustoErrorCode.Network }, innerException)
    {
    }

    internal KustoClientException(ErrorDetails details, Exception? cause)
        : base(details, cause)
    {
    }
}

/// <summary>The service rejected the request: HTTP status 400 to 499.</summary>
public class KustoRequestException : KustoException
{
    /// <summary>For tests and fakes: a failure without details. <see cref="KustoIngestModelFactory"/> makes those with.</summary>
    public KustoRequestException()
        : this("The service rejected the request.")
    {
    }

    /// <summary>For tests and fakes: a failure with a message.</summary>
    /// <param name="message">Why it failed.</param>
    public KustoRequestException(string message)
        : this(message, null)
    {
    }

    /// <summary>For tests and fakes: a failure with a message and a cause.</summary>
    /// <param name="message">Why it failed.</param>
    /// <param name="innerException">The cause.</param>
    public KustoRequestException(string message, Exception? innerException)
        : this(new ErrorDetails { Message = message ?? "", Code = KustoErrorCode.Service, HttpStatus = 400, Retry = KustoRetry.Never }, innerException)
    {
    }

    internal KustoRequestException(ErrorDetails details, Exception? cause)
        : base(details, cause)
    {
    }
}

/// <summary>The service asks to slow down: see <see cref="KustoException.RetryAfter"/>.</summary>
public sealed class KustoRequestThrottledException : KustoRequestException
{
    /// <summary>For tests and fakes: a failure without details. <see cref="KustoIngestModelFactory"/> makes those with.</summary>
    public KustoRequestThrottledException()
        : this("The service asks to slow down.")
    {
    }

    /// <summary>For tests and fakes: a failure with a message.</summary>
    /// <param name="message">Why it failed.</param>
    public KustoRequestThrottledException(string message)
        : this(message, null)
    {
    }

    /// <summary>For tests and fakes: a failure with a message and a cause.</summary>
    /// <param name="message">Why it failed.</param>
    /// <param name="innerException">The cause.</param>
    public KustoRequestThrottledException(string message, Exception? innerException)
        : this(new ErrorDetails { Message = message ?? "", Code = KustoErrorCode.Throttled, HttpStatus = 429, Retry = KustoRetry.Later }, innerException)
    {
    }

    internal KustoRequestThrottledException(ErrorDetails details, Exception? cause)
        : base(details, cause)
    {
    }
}

/// <summary>The service failed: HTTP status 500 and above, or an error inside a response.</summary>
public sealed class KustoServiceException : KustoException
{
    /// <summary>For tests and fakes: a failure without details. <see cref="KustoIngestModelFactory"/> makes those with.</summary>
    public KustoServiceException()
        : this("The service failed.")
    {
    }

    /// <summary>For tests and fakes: a failure with a message.</summary>
    /// <param name="message">Why it failed.</param>
    public KustoServiceException(string message)
        : this(message, null)
    {
    }

    /// <summary>For tests and fakes: a failure with a message and a cause.</summary>
    /// <param name="message">Why it failed.</param>
    /// <param name="innerException">The cause.</param>
    public KustoServiceException(string message, Exception? innerException)
        : this(new ErrorDetails { Message = message ?? "", Code = KustoErrorCode.Service, HttpStatus = 500 }, innerException)
    {
    }

    internal KustoServiceException(ErrorDetails details, Exception? cause)
        : base(details, cause)
    {
    }
}
