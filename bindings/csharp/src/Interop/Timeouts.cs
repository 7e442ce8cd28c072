using System;

namespace Kusto.Ingest.Native;

/// <summary>Time limits as the library expects them: milliseconds.</summary>
internal static class Timeouts
{
    /// <summary>KUSTO_FOREVER.</summary>
    internal const long Forever = -1;

    /// <summary>Rounded up, so that a short limit does not become "do not wait".</summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is negative.</exception>
    internal static long Milliseconds(TimeSpan? limit, string argument)
    {
        if (limit is not { } given || given == System.Threading.Timeout.InfiniteTimeSpan)
        {
            return Forever;
        }
        if (given < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(argument, given, "A time limit cannot be negative.");
        }
        return (long)Math.Ceiling(given.TotalMilliseconds);
    }
}
