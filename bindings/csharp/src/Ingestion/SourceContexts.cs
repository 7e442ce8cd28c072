using System;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace Kusto.Ingest.Native;

/// <summary>Passes the library's progress on, if requested, and signals when the library releases the source.</summary>
internal sealed class ProgressContext : CallbackContext
{
    private readonly IProgress<IngestionProgress>? progress;
    private readonly Action<Exception> failed;
    private readonly TaskCompletionSource<bool> released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal ProgressContext(IProgress<IngestionProgress>? progress, Action<Exception> failed)
    {
        this.progress = progress;
        this.failed = failed;
    }

    /// <summary>Completes when the library has released the source: it has read all data, or the ingestion has ended.</summary>
    internal Task Released => released.Task;

    internal static void Report(IntPtr userData, ulong read, ulong sent, ulong total)
    {
        ProgressContext context = Of<ProgressContext>(userData);
        try
        {
            context.progress?.Report(new((long)read, (long)sent, (long)total));
        }
        catch (Exception cause)
        {
            context.failed(cause);
        }
    }

    protected override void Dropped() => released.TrySetResult(true);
}

/// <summary>Memory that the library reads in place, until drop.</summary>
internal sealed class PinnedContext : CallbackContext
{
#if NET5_0_OR_GREATER
    private System.Buffers.MemoryHandle pin;

    internal unsafe PinnedContext(ReadOnlyMemory<byte> data)
    {
        pin = data.Pin();
        Address = (IntPtr)pin.Pointer;
        Length = data.Length;
    }

    protected override void Dropped() => pin.Dispose();
#else
    private readonly GCHandle pin;

    internal PinnedContext(ArraySegment<byte> data)
    {
        pin = GCHandle.Alloc(data.Array, GCHandleType.Pinned);
        Address = pin.AddrOfPinnedObject() + data.Offset;
        Length = data.Count;
    }

    protected override void Dropped() => pin.Free();
#endif

    internal IntPtr Address { get; }

    internal int Length { get; }
}
