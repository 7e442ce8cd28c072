using System.Threading;

namespace Kusto.Ingest.Native;

/// <summary>
/// Runs the program's part of a login, such as a token provider, and what it continues after an await, on threads of its own. Not
/// on those of the pool: calls that wait on all of them may be waiting for this very token. Each piece gets a new thread: with one
/// for all of them a provider that waits for a task of its own would wait for itself.
/// </summary>
internal sealed class OwnThreads : SynchronizationContext
{
    private static readonly OwnThreads Context = new();

    internal static void Start(ThreadStart body) => Context.Post(static state => ((ThreadStart)state!)(), body);

    /// <inheritdoc/>
    public override void Post(SendOrPostCallback d, object? state)
    {
        Thread thread = new(() =>
        {
            SetSynchronizationContext(this);
            d(state);
        })
        {
            IsBackground = true,
            Name = "Kusto login",
        };
        // The flow of execution contexts belongs to what is posted.
        if (ExecutionContext.IsFlowSuppressed())
        {
            thread.Start();
            return;
        }
        using (ExecutionContext.SuppressFlow())
        {
            thread.Start();
        }
    }

    /// <inheritdoc/>
    public override SynchronizationContext CreateCopy() => this;
}
