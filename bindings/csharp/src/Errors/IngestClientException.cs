using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>
/// Data could not be handed over. None of it will be ingested, unless <see cref="KustoException.InDoubt"/> says so
/// or some blobs were <see cref="HandedOver"/>.
/// </summary>
/// <remarks>A stream or reader that threw is the inner exception.</remarks>
public sealed class IngestClientException : KustoException
{
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
