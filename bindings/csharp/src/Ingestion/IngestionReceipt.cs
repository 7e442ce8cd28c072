using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>One source that was handed over.</summary>
public sealed class IngestionItem
{
    internal IngestionItem(Guid sourceId, string blobUri, string format, bool isFormatAssumed)
    {
        SourceId = sourceId;
        BlobUri = blobUri;
        Format = format;
        IsFormatAssumed = isFormatAssumed;
    }

    /// <summary>The id under which its status is reported.</summary>
    public Guid SourceId { get; }

    /// <summary>The blob's address, without its signature; empty for data that was streamed from this program.</summary>
    public string BlobUri { get; }

    /// <summary>The name of the format under which the service reads it, such as <c>csv</c>.</summary>
    public string Format { get; }

    /// <summary>Whether the format is only the default: none was given, and neither the source's name nor the
    /// mapping says one.</summary>
    public bool IsFormatAssumed { get; }
}

/// <summary>A copy of a native result.</summary>
internal sealed class IngestionReceipt
{
    private IngestionReceipt(ResultHandle result)
    {
        Items = ReadItems(result);
        TrackingToken = ReadToken(result);
        ClientRequestId = ReadRequestId(result);
        BytesRaw = checked((long)NativeMethods.kusto_result_bytes_raw(result));
        BytesSent = checked((long)NativeMethods.kusto_result_bytes_sent(result));
        Delivery = ReadDelivery(result);
    }

    internal IReadOnlyList<IngestionItem> Items { get; }

    internal string TrackingToken { get; }

    internal string ClientRequestId { get; }

    internal long BytesRaw { get; }

    internal long BytesSent { get; }

    internal IngestionDelivery Delivery { get; }

    /// <summary>Copies and frees a result.</summary>
    internal static IngestionReceipt Take(ResultHandle result)
    {
        using (result)
        {
            return new(result);
        }
    }

    private static IngestionDelivery ReadDelivery(ResultHandle result) => new(
        (IngestionRoute)NativeMethods.kusto_result_route(result),
        checked((int)NativeMethods.kusto_result_attempts(result)),
        ErrorDetails.Lent(NativeMethods.kusto_result_fallback_cause(result)) is { } cause ? Failure.Of(cause, null) : null,
        ReadUpdatePolicy(result),
        NativeMethods.kusto_result_possibly_duplicated(result) != 0);

    private static unsafe UpdatePolicyResult? ReadUpdatePolicy(ResultHandle result)
    {
        string? status = NativeText.Read(NativeMethods.kusto_result_update_policy(result, out nuint length), length);
        string? code = NativeText.Read(NativeMethods.kusto_result_update_policy_code(result, out length), length);
        string? reason = NativeText.Read(NativeMethods.kusto_result_update_policy_reason(result, out length), length);
        return status is null ? null : new(status, code, reason, NativeMethods.kusto_result_update_policy_failed(result) != 0);
    }

    private static unsafe string ReadToken(ResultHandle result) =>
        NativeText.Read(NativeMethods.kusto_result_tracking_token(result, out nuint length), length) ?? "";

    private static unsafe string ReadRequestId(ResultHandle result) =>
        NativeText.Read(NativeMethods.kusto_result_client_request_id(result, out nuint length), length) ?? "";

    private static unsafe IngestionItem[] ReadItems(ResultHandle result)
    {
        IngestionItem[] items = new IngestionItem[checked((int)NativeMethods.kusto_result_len(result))];
        for (int i = 0; i < items.Length; i++)
        {
            string? id = NativeText.Read(NativeMethods.kusto_result_item_source_id(result, (nuint)i, out nuint length), length);
            string? blob = NativeText.Read(NativeMethods.kusto_result_item_blob(result, (nuint)i, out length), length);
            string? format = NativeText.Read(NativeMethods.kusto_result_item_format(result, (nuint)i, out length), length);
            bool assumed = NativeMethods.kusto_result_item_format_assumed(result, (nuint)i) != 0;
            items[i] = new(Guid.Parse(id ?? ""), blob ?? "", format ?? "", assumed);
        }
        return items;
    }
}
