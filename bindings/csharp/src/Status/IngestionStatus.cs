using System;
using System.Collections.Generic;
using System.Globalization;

namespace Kusto.Ingest.Native;

/// <summary>The status of one source.</summary>
public class IngestionStatus
{
    /// <summary>The state of the ingestion.</summary>
    public Status Status { get; set; }

    /// <summary>The id of the source.</summary>
    public Guid IngestionSourceId { get; set; }

    /// <summary>The blob's address, without its signature.</summary>
    public string? IngestionSourcePath { get; set; }

    /// <summary>The database.</summary>
    public string? Database { get; set; }

    /// <summary>The table.</summary>
    public string? Table { get; set; }

    /// <summary>When the status was reached (UTC); <see cref="DateTime.MinValue"/> if unknown.</summary>
    public DateTime UpdatedOn { get; set; }

    /// <summary>The service's operation, for ".show operations"; empty if there is none.</summary>
    public Guid OperationId { get; set; }

    /// <summary>The service's activity id, which its support asks for; empty if there is none.</summary>
    public Guid ActivityId { get; set; }

    /// <summary>Why it failed; <see cref="IngestionErrorCode.Unknown"/> for codes without a name here.</summary>
    public IngestionErrorCode ErrorCode { get; set; }

    /// <summary>The service's code as it spells it, such as "BadRequest_EmptyBlob"; null if there is none.</summary>
    public string? ErrorCodeText { get; set; }

    /// <summary>Whether the failure is transient.</summary>
    public FailureStatus FailureStatus { get; set; }

    /// <summary>The service's message.</summary>
    public string? Details { get; set; }

    /// <summary>Whether the failure comes from an update policy.</summary>
    public bool OriginatesFromUpdatePolicy { get; set; }

    /// <summary>Whether the service advises to retry; null if it does not say.</summary>
    public bool? ShouldRetry { get; set; }

    /// <summary>Whether ingesting the same data again can succeed.</summary>
    public KustoRetry Retry { get; set; }

    /// <summary>Whether the status is final.</summary>
    public bool IsFinal => Status is > Status.Pending and <= Status.Queued;

    /// <summary>Copies and frees a report.</summary>
    internal static unsafe IReadOnlyList<IngestionStatus> Take(ReportHandle report)
    {
        using (report)
        {
            string json = NativeText.Read(NativeMethods.kusto_report_json(report, out nuint length), length) ?? "[]";
            List<object?> items = (List<object?>)JsonReader.Parse(json)!;
            IngestionStatus[] statuses = new IngestionStatus[items.Count];
            for (int i = 0; i < statuses.Length; i++)
            {
                statuses[i] = Of((Dictionary<string, object?>)items[i]!);
                statuses[i].Status = (Status)NativeMethods.kusto_report_item_state(report, (nuint)i);
                statuses[i].Retry = (KustoRetry)NativeMethods.kusto_report_item_retry(report, (nuint)i);
            }
            return statuses;
        }
    }

    private static IngestionStatus Of(Dictionary<string, object?> item) => new()
    {
        IngestionSourceId = Id(item, "IngestionSourceId"),
        IngestionSourcePath = Text(item, "IngestionSourcePath"),
        Database = Text(item, "Database"),
        Table = Text(item, "Table"),
        UpdatedOn = Time(item, "UpdatedOn"),
        OperationId = Id(item, "OperationId"),
        ActivityId = Id(item, "ActivityId"),
        ErrorCodeText = Text(item, "ErrorCode"),
        ErrorCode = Enum.TryParse(Text(item, "ErrorCode"), out IngestionErrorCode code) && Enum.IsDefined(typeof(IngestionErrorCode), code)
            ? code : IngestionErrorCode.Unknown,
        FailureStatus = Enum.TryParse(Text(item, "FailureStatus"), out FailureStatus failure) ? failure : FailureStatus.Unknown,
        Details = Text(item, "Details"),
        OriginatesFromUpdatePolicy = Flag(item, "OriginatesFromUpdatePolicy") ?? false,
        ShouldRetry = Flag(item, "ShouldRetry"),
    };

    private static string? Text(Dictionary<string, object?> item, string name) => item.TryGetValue(name, out object? value) ? value as string : null;

    private static bool? Flag(Dictionary<string, object?> item, string name) => item.TryGetValue(name, out object? value) ? value as bool? : null;

    private static Guid Id(Dictionary<string, object?> item, string name) => Guid.TryParse(Text(item, name), out Guid id) ? id : Guid.Empty;

    private static DateTime Time(Dictionary<string, object?> item, string name) => DateTime.TryParse(
        Text(item, name),
        CultureInfo.InvariantCulture,
        DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
        out DateTime time) ? time : default;
}
