using System;

namespace Kusto.Ingest.Native;

/// <summary>Options of one ingestion's source.</summary>
public abstract class SourceOptions
{
    private protected SourceOptions()
    {
    }

    /// <summary>The id under which the outcome is reported; chosen at random when empty.</summary>
    public Guid SourceId { get; set; }

    /// <summary>
    /// The most time that the whole call may take; as long as it takes when null. A call that takes longer fails
    /// with <see cref="KustoErrorCode.TimedOut"/>.
    /// </summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>
    /// Is told how far the transfer is; nothing is transferred of blobs. Reports come one at a time from a thread of
    /// the library, the newest numbers only when one takes long: be quick and do not wait for this library there.
    /// (<see cref="Progress{T}"/> passes them on to where it was made.) One that throws fails the ingestion, unless
    /// that is handed over already.
    /// </summary>
    public IProgress<IngestionProgress>? Progress { get; set; }
}

/// <summary>Options for streams and for data in memory.</summary>
public class StreamSourceOptions : SourceOptions
{
    /// <summary>Whether the stream is still used after the call; otherwise it is disposed, however the call ends.</summary>
    public bool LeaveOpen { get; set; }

    /// <summary>The size before compression, in bytes, of data that is compressed already, by which the service batches.</summary>
    public long? Size { get; set; }

    /// <summary>How the data is compressed already.</summary>
    public DataSourceCompressionType? CompressionType { get; set; }
}

/// <summary>Options for files and blobs.</summary>
public class StorageSourceOptions : SourceOptions
{
    /// <summary>
    /// The size before compression, in bytes: of a blob, or of a file that is compressed already. The service
    /// batches by it.
    /// </summary>
    public long? Size { get; set; }

    /// <summary>
    /// Deletes the source: a file once it is handed over, a blob (by the service) once it is ingested.
    /// </summary>
    public bool DeleteSourceOnSuccess { get; set; }

    /// <summary>How a file is compressed already; by default its name tells (.gz, .zip). The names of blobs always tell.</summary>
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
    /// The blob's address followed by what lets the service read it: "?SAS", or one of the documented ";" forms.
    /// </summary>
    public string BlobUri { get; set; } = "";

    /// <summary>The size before compression, in bytes, by which the service batches; null if not known.</summary>
    public long? BlobSize { get; set; }

    /// <summary>The id under which the outcome is reported; chosen at random when null.</summary>
    public Guid? SourceId { get; set; }
}

/// <summary>How far a transfer is, in bytes.</summary>
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

    /// <summary>Sent after compression, and acknowledged by storage.</summary>
    public long BytesSent { get; }

    /// <summary>The source's size; 0 while it is not known.</summary>
    public long BytesTotal { get; }
}
