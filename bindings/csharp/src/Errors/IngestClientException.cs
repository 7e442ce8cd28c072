using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>
/// Data could not be handed over. None of it will be ingested, unless <see cref="KustoException.InDoubt"/> says so
/// or some blobs were <see cref="HandedOver"/>.
/// </summary>
/// <remarks>The exception of a stream, reader or token provider that threw is the inner one.</remarks>
public sealed class IngestClientException : KustoException
{
    /// <summary>For tests and fakes: a failure without details. <see cref="KustoIngestModelFactory"/> makes those with.</summary>
    public IngestClientException()
        : this("The data could not be handed over.")
    {
    }

    /// <summary>For tests and fakes: a failure with a message.</summary>
    /// <param name="message">Why it failed.</param>
    public IngestClientException(string message)
        : this(message, null)
    {
    }

    /// <summary>For tests and fakes: a failure with a message and a cause.</summary>
    /// <param name="message">Why it failed.</param>
    /// <param name="innerException">The cause.</param>
    public IngestClientException(string message, Exception? innerException)
        : this(new ErrorDetails { Message = message ?? "", Code = KustoErrorCode.Service }, "", innerException)
    {
    }

    internal IngestClientException(ErrorDetails details, string ingestionSource, Exception? cause)
        : base(details, cause)
    {
        IngestionSource = ingestionSource;
    }

    /// <summary>The name of the source, without secrets: the file's path, or "stream", "blobs" and the like.</summary>
    public string IngestionSource { get; }

    /// <summary>As in Kusto.Ingest: why it failed; the same as <see cref="Exception.Message"/>.</summary>
    public string Error => Message;

    /// <summary>
    /// With <see cref="KustoErrorCode.Partial"/>: the source ids of the blobs that were handed over and must not be
    /// handed over again.
    /// </summary>
    public IReadOnlyList<Guid> HandedOver => Details.HandedOver;
}
