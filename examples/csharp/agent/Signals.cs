using System;
#if NET6_0_OR_GREATER
using System.Runtime.InteropServices;
#endif
using System.Threading;

/// <summary>SIGTERM and SIGINT: instead of ending the process they cancel a token.</summary>
internal sealed class Signals : IDisposable
{
    private readonly CancellationTokenSource stopping = new();

    internal CancellationToken Stopping => stopping.Token;

#if NET6_0_OR_GREATER
    private readonly PosixSignalRegistration[] registered;

    internal Signals() => registered =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
    ];

    public void Dispose() => Array.ForEach(registered, one => one.Dispose());

    private void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        stopping.Cancel();
    }
#else
    private readonly ManualResetEventSlim ended = new();

    internal Signals()
    {
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stopping.Cancel();
        };
        // The process ends when the handler returns.
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            stopping.Cancel();
            ended.Wait();
        };
    }

    public void Dispose() => ended.Set();
#endif
}
