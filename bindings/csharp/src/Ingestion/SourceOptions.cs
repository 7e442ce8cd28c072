using System;

namespace Kusto.Ingest.Native;

/// <summary>Options of one ingestion's source.</summary>
public abstract class SourceOptions
{
    private protected SourceOptions()
    {
    }

    /// <summary>The id under which the status is reported; random when empty.</summary>
    public Guid SourceId { get; set; }

    /// <summary>
    /// The time limit of the whole call; null: no limit. A call that takes longer fails
    /// with <see cref="KustoErrorCode.TimedOut"/>.
    /// </summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>
    /// Receives the progress of the transfer; blobs are not transferred. Reports come one at a time from a thread of
    /// the library, and intermediate numbers are skipped when a report takes long: be quick and do not wait for this library there.
    /// (<see cref="Progress{T}"/> passes them on to the context in which it was created.) If it throws, the ingestion fails,
    /// unless the data is handed over already.
    /// </summary>
    public IProgress<IngestionProgress>? Progress { get; set; }
}

/// <summary>Options for streams and for data in memory.</summary>
public class StreamSourceOptions : SourceOptions
{
    /// <summary>Whether the stream stays open after the call; otherwise it is always disposed, even when the call fails.</summary>
    public bool LeaveOpen { get; set; }

    /// <summary>The uncompressed size in bytes of data that is compressed already; the service batches by it.</summary>
    public long? Size { get; set; }

    /// <summary>How the data is compressed already.</summary>
    public DataSourceCompressionType? CompressionType { get; set; }
}

/// <summary>Options for files and blobs.</summary>
public class StorageSourceOptions : SourceOptions
{
    /// <summary>
    /// The uncompressed size in bytes of a blob, or of a file that is compressed already. The service
    /// batches by it.
    /// </summary>
    public long? Size { get; set; }

    /// <summary>
    /// Deletes the source: a file once it is handed over, a blob (by the service) once it is ingested.
    /// </summary>
    public bool DeleteSourceOnSuccess { get; set; }

    /// <summary>How a file is compressed already; by default its name decides (.gz, .zip). For blobs the name always decides.</summary>
    public DataSourceCompressionType? CompressionType { get; set; }
}

/// <summary>Options for data readers.</summary>
public class DataReaderSourceOptions : SourceOptions
{
}

/// <summary>A blob that is in storage already.</summary>
public class BlobDescription
{
    /// <summary>
    /// The blob's address followed by its access information: "?SAS", or one of the documented ";" forms.
    /// </summary>
    public string BlobUri { get; set; } = "";

    /// <summary>The uncompressed size in bytes, by which the service batches; null if unknown.</summary>
    public long? BlobSize { get; set; }

    /// <summary>The id under which the status is reported; random when null.</summary>
    public Guid? SourceId { get; set; }
}

/// <summary>The progress of a transfer, in bytes.</summary>
public readonly struct IngestionProgress
{
    internal IngestionProgress(long read, long sent, long total)
    {
        BytesRead = read;
        BytesSent = sent;
        BytesTotal = total;
    }

    /// <summary>Read from the source.</summary>
    public long BytesRead { get; }

    /// <summary>Sent after compression, and acknowledged by storage or, when streamed, by the engine.</summary>
    public long BytesSent { get; }

    /// <summary>The source's size; 0 while it is unknown.</summary>
    public long BytesTotal { get; }
}
