using System;
using System.Collections.Concurrent;

namespace Kusto.Ingest.Native.Tests;

/// <summary>The adapter of the README: a test of xtask compares the two.</summary>
internal static class LogAdapter
{
    internal static KustoLogReceiver To(ILogger logger) => entry => logger.Log(
        entry.Level switch
        {
            KustoLogLevel.Error => LogLevel.Error,
            KustoLogLevel.Warning => LogLevel.Warning,
            KustoLogLevel.Info => LogLevel.Information,
            KustoLogLevel.Debug => LogLevel.Debug,
            _ => LogLevel.Trace,
        },
        new EventId(0, entry.Name), entry.Fields, null, (_, _) => entry.Message);
}

/// <summary>Keeps what the adapter hands on.</summary>
internal sealed class KeepingLogger : ILogger
{
    internal ConcurrentQueue<(LogLevel Level, string? Name, string Message, object? Fields)> Lines { get; } = new();

    public void Log<TState>(LogLevel level, EventId eventId, TState state, Exception? failure, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue((level, eventId.Name, formatter(state, failure), state));
}
