using System;
using System.Linq;
using Kusto.Ingest.Native;

/// <summary>A failure in the driver's format.</summary>
internal static class Error
{
    internal static Answer Of(Exception failure)
    {
        Answer answer = new("error");
        switch (failure)
        {
            case KustoException known:
                Tell(answer, known);
                break;
            // The binding throws .NET's own exceptions where .NET has a type for the failure.
            case OperationCanceledException { InnerException: KustoException cancelled }:
                Tell(answer, cancelled);
                break;
            case ObjectDisposedException:
                Tell(answer, "INVALID_STATE", failure);
                break;
            case ArgumentException argument:
                Tell(answer, "INVALID_ARGUMENT", failure);
                answer.Say("argument", argument.ParamName);
                break;
            default:
                answer.Say("code", failure.GetType().Name);
                answer.Say("message", failure);
                break;
        }
        return answer;
    }

    private static void Tell(Answer answer, string code, Exception failure)
    {
        answer.Say("code", code);
        answer.Say("message", failure.Message);
        answer.Say("retry", "never");
        answer.Say("in_doubt", 0);
    }

    private static void Tell(Answer answer, KustoException failure)
    {
        answer.Say("code", Name(failure.Code));
        answer.Say("message", failure.Message);
        answer.Say("step", failure.Step);
        answer.Say("host", failure.Host);
        answer.Say("argument", failure.Argument);
        answer.Say("http_status", failure.HttpStatus);
        answer.Say("service_code", failure.ServiceCode);
        answer.Say("retry", failure.Retry.ToString().ToLowerInvariant());
        answer.Say("in_doubt", failure.InDoubt ? 1 : 0);
        answer.Say("attempts", failure.Attempts.Count);
        answer.Say("handed_over", failure is IngestClientException ingestion ? ingestion.HandedOver.Count : 0);
    }

    /// <summary>TimedOut is TIMED_OUT.</summary>
    private static string Name(KustoErrorCode code) =>
        string.Concat(code.ToString().Select((letter, i) => i > 0 && char.IsUpper(letter) ? $"_{letter}" : $"{char.ToUpperInvariant(letter)}"));
}
