using System;
using System.IO;

namespace Kusto.Ingest.Native;

/// <summary>
/// Streams whose data is memory that may be lent to the library: no copy, and no loop. The caller promises of every stream that it does
/// not change before the call has ended.
/// </summary>
internal static class StreamMemory
{
    /// <summary>What is left to read; null when the stream must be read, as one that another class derives from <see cref="MemoryStream"/>.</summary>
    internal static ArraySegment<byte>? Of(Stream stream)
    {
        // A closed stream still gives its buffer; reading it reports the mistake.
        if (stream.GetType() != typeof(MemoryStream) || !stream.CanRead || !((MemoryStream)stream).TryGetBuffer(out ArraySegment<byte> all))
        {
            return null;
        }
        long read = stream.Position;
        // An empty array has no address; the usual way handles it.
        return read < all.Count ? new ArraySegment<byte>(all.Array!, all.Offset + (int)read, all.Count - (int)read) : default(ArraySegment<byte>?);
    }

    /// <summary>Leaves the stream as reading does.</summary>
    internal static void Read(Stream stream)
    {
        if (stream.CanSeek)
        {
            stream.Position = stream.Length;
        }
    }
}
