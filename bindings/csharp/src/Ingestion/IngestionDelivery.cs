namespace Kusto.Ingest.Native;

/// <summary>How data got to the service.</summary>
public sealed class IngestionDelivery
{
    internal IngestionDelivery(IngestionRoute route, int streamingAttempts, KustoException? fallbackCause, UpdatePolicyResult? updatePolicy, bool possiblyDuplicated)
    {
        Route = route;
        StreamingAttempts = streamingAttempts;
        FallbackCause = fallbackCause;
        UpdatePolicy = updatePolicy;
        PossiblyDuplicated = possiblyDuplicated;
    }

    /// <summary>The way it took. Streamed data is in the table when the call returns.</summary>
    public IngestionRoute Route { get; }

    /// <summary>How many streaming requests were sent; 0 when none was tried.</summary>
    public int StreamingAttempts { get; }

    /// <summary>
    /// Why managed ingestion queued data that it would have streamed: the failure of this call's last streaming request, or that of an earlier
    /// call because of which the table is not tried for a while. Null for other data, also for what it does not try to stream: too large or of
    /// unknown size, several blobs, a zip archive, gzip of several members, properties that streaming cannot have, or more than the memory budget can hold now.
    /// </summary>
    public KustoException? FallbackCause { get; }

    /// <summary>What the update policy of the table made of streamed data; null if the service did not say it.</summary>
    public UpdatePolicyResult? UpdatePolicy { get; }

    /// <summary>
    /// Whether a request of which nobody knows whether its data was ingested was followed by another one or by the queue, as
    /// <see cref="KustoSettings.InDoubt"/> can ask: the data may be in the table twice.
    /// </summary>
    public bool PossiblyDuplicated { get; }
}

/// <summary>What the update policy of a table made of streamed data, in the service's words.</summary>
public sealed class UpdatePolicyResult
{
    internal UpdatePolicyResult(string status, string? failureCode, string? failureReason, bool isFailure)
    {
        Status = status;
        FailureCode = failureCode;
        FailureReason = failureReason;
        IsFailure = isFailure;
    }

    /// <summary>Its status, such as "Inactive" where the table has no update policy.</summary>
    public string Status { get; }

    /// <summary>The code of its failure; "Unknown" where there is none.</summary>
    public string? FailureCode { get; }

    /// <summary>Why it failed.</summary>
    public string? FailureReason { get; }

    /// <summary>Whether it failed: the rows are in the table, and what the policy makes of them may not be in the others.</summary>
    public bool IsFailure { get; }
}
