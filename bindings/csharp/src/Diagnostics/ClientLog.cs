using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace Kusto.Ingest.Native;

/// <summary>The log receiver of a client, and the execution contexts of its ingestions.</summary>
internal sealed class ClientLog : CallbackContext
{
    private const string RequestId = "client_request_id";

    private readonly KustoLogReceiver receiver;
    // By client request id: the library's threads know nothing else of the call.
    private readonly ConcurrentDictionary<string, ExecutionContext> callers = new(StringComparer.Ordinal);

    internal ClientLog(KustoLogReceiver receiver) => this.receiver = receiver;

    /// <summary>From now until it is disposed, events of the ingestion with this id run in the caller's context.</summary>
    internal static Call Begin(ClientLog? log, string? requestId)
    {
        if (log is null || ExecutionContext.Capture() is not { } context)
        {
            return default;
        }
        string id = requestId ?? $"KRC.ingest;{Guid.NewGuid():D}";
        log.callers[id] = context;
        return new(log, id, context);
    }

    internal static unsafe void Write(
        IntPtr userData, int level, byte* name, nuint nameLength, byte* message, nuint messageLength, byte* fields, nuint fieldsLength)
    {
        try
        {
            KeyValuePair<string, object?>[] members = Members(NativeText.Read(fields, fieldsLength) ?? "{}");
            Of<ClientLog>(userData).Receive(
                new((KustoLogLevel)level, NativeText.Read(name, nameLength) ?? "", NativeText.Read(message, messageLength) ?? "", members));
        }
        catch (Exception)
        {
            // Failures are reported to the log; a failure of the log itself cannot be reported.
        }
    }

    private void Receive(KustoLogEvent logEvent)
    {
        if (Id(logEvent) is { } id && callers.TryGetValue(id, out ExecutionContext? caller))
        {
            // .NET Framework runs a captured context only once.
            ExecutionContext.Run(caller.CreateCopy(), _ => receiver(logEvent), null);
            return;
        }
        receiver(logEvent);
    }

    private static string? Id(KustoLogEvent logEvent) => logEvent.Fields.FirstOrDefault(field => field.Key == RequestId).Value as string;

    private static KeyValuePair<string, object?>[] Members(string json) => JsonReader.Parse(json) is Dictionary<string, object?> members
        ? members.Select(member => new KeyValuePair<string, object?>(member.Key, Number(member.Value))).ToArray()
        : [];

    private static object? Number(object? value) =>
        value is double number && Math.Abs(number) < 1L << 53 && Math.Floor(number) == number ? (long)number : value;

    /// <summary>An ingestion whose events run in its caller's context; the default one has none.</summary>
    internal readonly struct Call : IDisposable
    {
        private readonly ClientLog? log;
        private readonly ExecutionContext? context;

        internal Call(ClientLog log, string id, ExecutionContext context)
        {
            this.log = log;
            this.context = context;
            Id = id;
        }

        /// <summary>The client request id under which it is known; null: any will do.</summary>
        internal string? Id { get; }

        // Another call may use the same id by now: it keeps its own context.
        public void Dispose() => ((ICollection<KeyValuePair<string, ExecutionContext>>?)log?.callers)?.Remove(new(Id!, context!));
    }
}
