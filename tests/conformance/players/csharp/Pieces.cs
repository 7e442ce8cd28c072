using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

/// <summary>
/// A file that is read in pieces, and that fails after some bytes if requested. If it is pushed, another thread
/// provides the pieces: its reads then end later, on that thread.
/// </summary>
internal sealed class Pieces : Stream
{
    private readonly FileStream file;
    private readonly int piece;
    private readonly bool pushed;
    private long left;

    internal Pieces(string path, int piece, long? failAfter, bool pushed)
    {
        file = File.OpenRead(path);
        this.piece = piece;
        this.pushed = pushed;
        left = failAfter ?? long.MaxValue;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        if (left == 0)
        {
            throw new IOException("the source fails");
        }
        int read = file.Read(buffer[..(int)Math.Min(Math.Min(buffer.Length, piece), left)]);
        left -= read;
        return read;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (pushed)
        {
            await Task.Yield();
        }
        return Read(buffer.Span);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        file.Dispose();
        base.Dispose(disposing);
    }
}
