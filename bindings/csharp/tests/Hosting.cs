using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native.Tests;

// The part of Microsoft.Extensions.Hosting and Microsoft.Extensions.Logging that the README's worker uses: the tests need no packages.

/// <summary>Begins and ends work as the class of the same name does.</summary>
internal abstract class BackgroundService : IDisposable
{
    private readonly CancellationTokenSource stopping = new();

    public Task? ExecuteTask { get; private set; }

    public Task StartAsync()
    {
        ExecuteTask = Task.Run(() => ExecuteAsync(stopping.Token));
        return Task.CompletedTask;
    }

    public virtual async Task StopAsync(CancellationToken cancellationToken)
    {
        stopping.Cancel();
        await Task.WhenAny(ExecuteTask!, Task.Delay(Timeout.Infinite, cancellationToken));
    }

    public void Dispose() => stopping.Dispose();

    protected abstract Task ExecuteAsync(CancellationToken stoppingToken);
}

internal enum LogLevel
{
    Trace,
    Debug,
    Information,
    Warning,
    Error,
}

internal readonly struct EventId(int id, string? name)
{
    public int Id { get; } = id;

    public string? Name { get; } = name;
}

internal interface ILogger
{
    void Log<TState>(LogLevel level, EventId eventId, TState state, Exception? failure, Func<TState, Exception?, string> formatter);
}

/// <summary>Keeps the lines, their arguments behind the text.</summary>
internal sealed class ILogger<T>
{
    private readonly ConcurrentQueue<(LogLevel Level, string Line)> lines = new();

    public void Log(LogLevel level, string text, params object?[] arguments) => lines.Enqueue((level, $"{text} <- {string.Join(", ", arguments)}"));

    public void LogWarning(Exception failure, string text, params object?[] arguments) => Log(LogLevel.Warning, $"{text} ({failure.Message})", arguments);

    public void LogError(Exception failure, string text, params object?[] arguments) => Log(LogLevel.Error, $"{text} ({failure.Message})", arguments);

    public void LogError(string text, params object?[] arguments) => Log(LogLevel.Error, text, arguments);

    internal IReadOnlyList<string> Lines(LogLevel level) => lines.Where(line => line.Level == level).Select(line => line.Line).ToArray();
}
