namespace Kusto.Ingest.Native;

/// <summary>Reused buffers for the data of streams.</summary>
internal static class Buffers
{
    /// <summary>The size that the library compresses at once: it takes such pieces as they are, and must join smaller ones.</summary>
    private const int Size = 256 * 1024;

#if NET5_0_OR_GREATER
    internal static byte[] Rent() => System.Buffers.ArrayPool<byte>.Shared.Rent(Size);

    internal static void Return(byte[] buffer) => System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
#else
    private const int Most = 16;

    private static readonly System.Collections.Concurrent.ConcurrentBag<byte[]> Pool = [];

    internal static byte[] Rent() => Pool.TryTake(out byte[]? buffer) ? buffer : new byte[Size];

    internal static void Return(byte[] buffer)
    {
        if (Pool.Count < Most)
        {
            Pool.Add(buffer);
        }
    }
#endif
}
