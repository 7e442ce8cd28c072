namespace Kusto.Ingest.Native;

/// <summary>Buffers for what streams give, used again and again.</summary>
internal static class Buffers
{
    /// <summary>What the library compresses at once: such pieces it takes as they are, smaller ones it must put together.</summary>
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
