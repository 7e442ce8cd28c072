using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>One event of a client's log.</summary>
public sealed class KustoLogEvent
{
    internal KustoLogEvent(KustoLogLevel level, string name, string message, IReadOnlyList<KeyValuePair<string, object?>> fields)
    {
        Level = level;
        Name = name;
        Message = message;
        Fields = fields;
    }

    /// <summary>How important it is.</summary>
    public KustoLogLevel Level { get; }

    /// <summary>The event's name: docs/LOGGING.md lists them.</summary>
    public string Name { get; }

    /// <summary>What happened, for people. It holds no token, key or signature.</summary>
    public string Message { get; }

    /// <summary>
    /// The event's fields, texts, integers (<see cref="long"/>) and real numbers (<see cref="double"/>), in the shape that structured logs
    /// take. Those of an ingestion have <c>client_request_id</c> and <c>source_id</c>.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Fields { get; }
}

/// <summary>
/// Receives the events of a client's log, on threads of the library, several at once. It must be quick and must not use this
/// library. Its exceptions are ignored. Events of an ingestion run in the execution context of the call that began it: async locals
/// have their values of then, as the current Activity is one.
/// </summary>
/// <param name="logEvent">The event.</param>
public delegate void KustoLogReceiver(KustoLogEvent logEvent);
