using System;
using System.Collections.Generic;
using System.Globalization;

namespace Kusto.Ingest.Native;

/// <summary>Creates native sources, for the caller to dispose unless an ingestion takes them.</summary>
internal static unsafe class NativeSource
{
#if NET5_0_OR_GREATER
    internal static SourceHandle Bytes(ReadOnlyMemory<byte> data)
#else
    internal static SourceHandle Bytes(ArraySegment<byte> data)
#endif
    {
        PinnedContext pinned = new(data);
        int status = NativeMethods.kusto_source_bytes(
            (byte*)pinned.Address, (nuint)pinned.Length, Callbacks.Drop, pinned.Register(), out SourceHandle source, out IntPtr error);
        Failure.ThrowOn(status, error);
        return source;
    }

    internal static SourceHandle Stream()
    {
        Failure.ThrowOn(NativeMethods.kusto_source_stream(out SourceHandle source, out IntPtr error), error);
        return source;
    }

    internal static SourceHandle File(string path)
    {
        NativeText text = new(path);
        Failure.ThrowOn(NativeMethods.kusto_source_file(text.Bytes, text.Length, out SourceHandle source, out IntPtr error), error);
        return source;
    }

    internal static SourceHandle Blobs(IEnumerable<BlobDescription> blobs)
    {
        Failure.ThrowOn(NativeMethods.kusto_source_blobs(out SourceHandle source, out IntPtr error), error);
        try
        {
            foreach (BlobDescription blob in blobs)
            {
                Add(source, blob);
            }
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    internal static void SetId(SourceHandle source, Guid id)
    {
        NativeText text = new(id.ToString("D"));
        Failure.ThrowOn(NativeMethods.kusto_source_set_id(source, text.Bytes, text.Length, out IntPtr error), error);
    }

    internal static void SetCompression(SourceHandle source, DataSourceCompressionType compression) =>
        Failure.ThrowOn(NativeMethods.kusto_source_set_compression(source, (int)compression, out IntPtr error), error);

    internal static void SetRawSize(SourceHandle source, long size) =>
        Failure.ThrowOn(NativeMethods.kusto_source_set_raw_size(source, Size(size), out IntPtr error), error);

    internal static void SetProgress(SourceHandle source, ProgressContext progress)
    {
        int status = NativeMethods.kusto_source_set_progress(source, Callbacks.Progress, progress.Register(), Callbacks.Drop, out IntPtr error);
        Failure.ThrowOn(status, error);
    }

    private static void Add(SourceHandle source, BlobDescription blob)
    {
        NativeText url = new(blob.BlobUri);
        NativeText id = new(blob.SourceId?.ToString("D", CultureInfo.InvariantCulture));
        int status = NativeMethods.kusto_source_blobs_add(
            source, url.Bytes, url.Length, Size(blob.BlobSize ?? 0), id.Bytes, id.Length, out IntPtr error);
        Failure.ThrowOn(status, error);
    }

    // The library's sizes are unsigned.
    private static ulong Size(long size) => size >= 0 ? (ulong)size : throw Failure.InvalidArgument("Size", "is negative");
}
