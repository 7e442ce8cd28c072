using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>A copy of a native error.</summary>
internal sealed class ErrorDetails
{
    internal KustoErrorCode Code { get; set; }

    internal string Message { get; set; } = "";

    internal string? Step { get; set; }

    internal string? Host { get; set; }

    internal string? Argument { get; set; }

    internal int HttpStatus { get; set; }

    internal int SystemCode { get; set; }

    internal string? ServiceCode { get; set; }

    internal string? ActivityId { get; set; }

    internal string? ClientRequestId { get; set; }

    internal KustoRetry Retry { get; set; }

    internal TimeSpan? RetryAfter { get; set; }

    internal bool InDoubt { get; set; }

    internal IReadOnlyList<KustoException> Attempts { get; set; } = [];

    internal IReadOnlyList<Guid> HandedOver { get; set; } = [];

    /// <summary>The same failure with a reason that only this assembly knows.</summary>
    internal ErrorDetails As(KustoErrorCode code, string message, KustoRetry retry)
    {
        Code = code;
        Message = message;
        Retry = retry;
        return this;
    }

    /// <summary>Copies and frees the error of a failed call.</summary>
    internal static ErrorDetails Take(int status, IntPtr error)
    {
        if (error == IntPtr.Zero)
        {
            return new() { Code = (KustoErrorCode)status, Message = "the library returned no details" };
        }
        try
        {
            return Copy(error);
        }
        finally
        {
            NativeMethods.kusto_error_free(error);
        }
    }

    /// <summary>Copies an error that belongs to another object; null when there is none.</summary>
    internal static ErrorDetails? Lent(IntPtr error) => error == IntPtr.Zero ? null : Copy(error);

    private static unsafe ErrorDetails Copy(IntPtr error)
    {
        long retryAfter = NativeMethods.kusto_error_retry_after_ms(error);
        ErrorDetails details = new()
        {
            Code = (KustoErrorCode)NativeMethods.kusto_error_status(error),
            Message = NativeText.Read(NativeMethods.kusto_error_message(error, out nuint length), length) ?? "",
            Step = NativeText.Read(NativeMethods.kusto_error_step(error, out length), length),
            Host = NativeText.Read(NativeMethods.kusto_error_host(error, out length), length),
            Argument = NativeText.Read(NativeMethods.kusto_error_argument(error, out length), length),
            HttpStatus = NativeMethods.kusto_error_http_status(error),
            SystemCode = NativeMethods.kusto_error_system_code(error),
            ServiceCode = NativeText.Read(NativeMethods.kusto_error_service_code(error, out length), length),
            ActivityId = NativeText.Read(NativeMethods.kusto_error_activity_id(error, out length), length),
            ClientRequestId = NativeText.Read(NativeMethods.kusto_error_client_request_id(error, out length), length),
            Retry = (KustoRetry)NativeMethods.kusto_error_retry(error),
            RetryAfter = retryAfter < 0 ? null : TimeSpan.FromMilliseconds(retryAfter),
            InDoubt = NativeMethods.kusto_error_in_doubt(error) != 0,
            Attempts = CopyAttempts(error),
        };
        if (details.Code == KustoErrorCode.Partial)
        {
            details.HandedOver = ReadHandedOver(error);
        }
        return details;
    }

    private static KustoException[] CopyAttempts(IntPtr error)
    {
        KustoException[] attempts = new KustoException[checked((int)NativeMethods.kusto_error_attempts(error))];
        for (int i = 0; i < attempts.Length; i++)
        {
            attempts[i] = Failure.Of(Copy(NativeMethods.kusto_error_attempt(error, (nuint)i)), null);
        }
        return attempts;
    }

    /// <summary>Only the error's JSON contains it.</summary>
    private static unsafe Guid[] ReadHandedOver(IntPtr error)
    {
        string json = NativeText.Read(NativeMethods.kusto_error_json(error, out nuint length), length) ?? "{}";
        if (JsonReader.Parse(json) is not Dictionary<string, object?> members
            || !members.TryGetValue("handedOver", out object? list) || list is not List<object?> ids)
        {
            return [];
        }
        return ids.ConvertAll(id => Guid.Parse((string)id!)).ToArray();
    }
}
