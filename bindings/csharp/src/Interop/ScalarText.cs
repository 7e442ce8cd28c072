using System;
using System.Collections;
using System.Data.SqlTypes;
using System.Globalization;

namespace Kusto.Ingest.Native;

/// <summary>The texts of single values as the service reads them; no culture changes them.</summary>
internal static class ScalarText
{
    private const string DateTimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'";

    /// <summary>
    /// Times are UTC with all 7 digits; an unspecified kind is taken as UTC. Real numbers keep every
    /// bit. Bytes become base64; sequences and dictionaries become JSON, for columns of type dynamic.
    /// </summary>
    internal static string Of(object value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        DateTime time => Of(time),
        DateTimeOffset time => Of(time.UtcDateTime),
        TimeSpan span => span.ToString("c", CultureInfo.InvariantCulture),
        Guid id => id.ToString("D"),
        double number => Of(number),
        float number => Of(number),
        byte[] bytes => Convert.ToBase64String(bytes),
        SqlDateTime time => Of(time.Value),
        SqlDouble number => Of(number.Value),
        SqlSingle number => Of(number.Value),
        // Their own ToString uses the thread's culture.
        SqlByte number => number.Value.ToString(CultureInfo.InvariantCulture),
        SqlInt16 number => number.Value.ToString(CultureInfo.InvariantCulture),
        SqlInt32 number => number.Value.ToString(CultureInfo.InvariantCulture),
        SqlInt64 number => number.Value.ToString(CultureInfo.InvariantCulture),
        SqlMoney number => number.Value.ToString(CultureInfo.InvariantCulture),
        SqlBoolean flag => Of(flag.Value),
        SqlString text => text.Value,
        SqlChars text => new string(text.Value),
        SqlXml text => text.Value,
        SqlBinary bytes => Convert.ToBase64String(bytes.Value),
        SqlBytes bytes => Convert.ToBase64String(bytes.Value),
#if NET6_0_OR_GREATER
        DateOnly date => date.ToString("O", CultureInfo.InvariantCulture),
        TimeOnly time => time.ToTimeSpan().ToString("c", CultureInfo.InvariantCulture),
#endif
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        IEnumerable items => JsonWriter.Write(items),
        _ => value.ToString() ?? "",
    };

    internal static string Of(DateTime time)
    {
        DateTime utc = time.Kind == DateTimeKind.Local ? time.ToUniversalTime() : time;
        return utc.ToString(DateTimeFormat, CultureInfo.InvariantCulture);
    }

    private static string Of(double number) =>
        double.IsNaN(number) ? "NaN"
        : double.IsPositiveInfinity(number) ? "Infinity"
        : double.IsNegativeInfinity(number) ? "-Infinity"
        : Exactly(number.ToString("R", CultureInfo.InvariantCulture), number);

    // Not through double: 0.1f would become 0.10000000149011612.
    private static string Of(float number) =>
        float.IsNaN(number) || float.IsInfinity(number)
        ? Of((double)number)
        : Exactly(number.ToString("R", CultureInfo.InvariantCulture), number);

#if NET5_0_OR_GREATER
    private static string Exactly<T>(string shortest, T number) => shortest;
#else
    /// <summary>.NET Framework rounds some numbers even in the round-trip format.</summary>
    private static string Exactly(string shortest, double number) =>
        double.Parse(shortest, CultureInfo.InvariantCulture) == number ? shortest : number.ToString("G17", CultureInfo.InvariantCulture);

    private static string Exactly(string shortest, float number) =>
        float.Parse(shortest, CultureInfo.InvariantCulture) == number ? shortest : number.ToString("G9", CultureInfo.InvariantCulture);
#endif
}
