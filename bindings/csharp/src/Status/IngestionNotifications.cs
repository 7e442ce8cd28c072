using System;

namespace Kusto.Ingest.Native;

/// <summary>A notification of a failure.</summary>
public class IngestionFailure
{
    internal IngestionFailure(IngestionFailureInfo info) => Info = info;

    /// <summary>The failure and its cause.</summary>
    public IngestionFailureInfo Info { get; }
}

/// <summary>The failure and its cause.</summary>
public class IngestionFailureInfo
{
    internal IngestionFailureInfo(IngestionStatus status)
    {
        OperationId = status.OperationId;
        Database = status.Database;
        Table = status.Table;
        FailedOn = status.UpdatedOn;
        IngestionSourceId = status.IngestionSourceId;
        IngestionSourcePath = status.IngestionSourcePath;
        Details = status.Details;
        ErrorCode = status.ErrorCode;
        ErrorCodeText = status.ErrorCodeText;
        FailureStatus = status.FailureStatus;
        RootActivityId = status.ActivityId;
        OriginatesFromUpdatePolicy = status.OriginatesFromUpdatePolicy;
        ShouldRetry = status.ShouldRetry;
        Retry = status.Retry;
    }

    /// <summary>The service's operation, for ".show operations"; empty if there is none.</summary>
    public Guid OperationId { get; }

    /// <summary>The database.</summary>
    public string? Database { get; }

    /// <summary>The table.</summary>
    public string? Table { get; }

    /// <summary>When it failed (UTC).</summary>
    public DateTime FailedOn { get; }

    /// <summary>The id of the source.</summary>
    public Guid IngestionSourceId { get; }

    /// <summary>The blob's address, without its signature.</summary>
    public string? IngestionSourcePath { get; }

    /// <summary>The service's message.</summary>
    public string? Details { get; }

    /// <summary>Why it failed; <see cref="IngestionErrorCode.Unknown"/> for codes without a name here.</summary>
    public IngestionErrorCode ErrorCode { get; }

    /// <summary>The service's code as it spells it, such as "BadRequest_EmptyBlob".</summary>
    public string? ErrorCodeText { get; }

    /// <summary>Whether the failure is transient.</summary>
    public FailureStatus FailureStatus { get; }

    /// <summary>The service's activity id, which its support asks for.</summary>
    public Guid RootActivityId { get; }

    /// <summary>Whether the failure comes from an update policy.</summary>
    public bool OriginatesFromUpdatePolicy { get; }

    /// <summary>Whether the service advises to retry; null if it does not say.</summary>
    public bool? ShouldRetry { get; }

    /// <summary>Whether ingesting the same data again can succeed.</summary>
    public KustoRetry Retry { get; }
}

/// <summary>A notification of a success.</summary>
public class IngestionSuccess
{
    internal IngestionSuccess(IngestionSuccessInfo info) => Info = info;

    /// <summary>The source that was ingested.</summary>
    public IngestionSuccessInfo Info { get; }
}

/// <summary>The source that was ingested.</summary>
public class IngestionSuccessInfo
{
    internal IngestionSuccessInfo(IngestionStatus status)
    {
        OperationId = status.OperationId;
        Database = status.Database;
        Table = status.Table;
        SucceededOn = status.UpdatedOn;
        IngestionSourceId = status.IngestionSourceId;
        IngestionSourcePath = status.IngestionSourcePath;
        RootActivityId = status.ActivityId;
    }

    /// <summary>The service's operation, for ".show operations"; empty if there is none.</summary>
    public Guid OperationId { get; }

    /// <summary>The database.</summary>
    public string? Database { get; }

    /// <summary>The table.</summary>
    public string? Table { get; }

    /// <summary>When it succeeded (UTC).</summary>
    public DateTime SucceededOn { get; }

    /// <summary>The id of the source.</summary>
    public Guid IngestionSourceId { get; }

    /// <summary>The blob's address, without its signature.</summary>
    public string? IngestionSourcePath { get; }

    /// <summary>The service's activity id, which its support asks for.</summary>
    public Guid RootActivityId { get; }
}
