using System;
using System.Data.SqlTypes;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Kusto.Ingest.Native;

/// <summary>A column of a result: reads values in the service's notation.</summary>
internal sealed class KustoColumn
{
    /// <summary>What <see cref="System.Data.Common.DbDataReader.GetFieldType"/> promises of types in a trimmed program.</summary>
    internal const DynamicallyAccessedMemberTypes Accessed =
        DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.PublicProperties;

    private readonly Func<string, object> parse;

    internal KustoColumn(string name, string type)
    {
        Name = name;
        Type = type;
        ClrType = TypeOf(type);
        parse = ParserOf(type);
    }

    internal string Name { get; }

    internal string Type { get; }

    [DynamicallyAccessedMembers(Accessed)]
    internal Type ClrType { get; }

    /// <exception cref="FormatException">The service has sent a value that is not of the column's type.</exception>
    internal object Value(string text)
    {
        try
        {
            // Several of .NET's parsers skip blanks, which the library writes in no value.
            bool isBlank = ClrType != typeof(string) && text.Trim().Length != text.Length;
            return isBlank ? throw new FormatException("A blank.") : parse(text);
        }
        catch (Exception cause) when (cause is FormatException or OverflowException)
        {
            throw new FormatException($"Column '{Name}' has a value that is not of type {Type}: read it with GetString.", cause);
        }
    }

    /// <summary>Drops trailing zeros, which would count as digits.</summary>
    /// <exception cref="OverflowException">There are more digits than <see cref="decimal"/> holds.</exception>
    internal static decimal Exact(SqlDecimal number)
    {
        string text = number.ToString();
        decimal value = decimal.Parse(text, NumberStyles.Number, CultureInfo.InvariantCulture);
        return new SqlDecimal(value) == number ? value : throw new OverflowException($"{text} has more digits than a decimal.");
    }

    [return: DynamicallyAccessedMembers(Accessed)]
    private static Type TypeOf(string type) => type switch
    {
        "bool" => typeof(bool),
        "int" => typeof(int),
        "long" => typeof(long),
        "real" => typeof(double),
        "decimal" => typeof(SqlDecimal),
        "datetime" => typeof(DateTime),
        "timespan" => typeof(TimeSpan),
        "guid" => typeof(Guid),
        _ => typeof(string),
    };

    private static Func<string, object> ParserOf(string type) => type switch
    {
        "bool" => static text => Bool(text),
        "int" => static text => int.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
        "long" => static text => long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
        "real" => static text => Real(text),
        "decimal" => static text => Decimal(text),
        "datetime" => static text => Time(text),
        "timespan" => static text => Span(text),
        "guid" => static text => Guid.ParseExact(text, "D"),
        _ => static text => text,
    };

    /// <summary>The library writes every bool in these words; any other text is one that it could not read.</summary>
    private static bool Bool(string text) => text switch
    {
        "true" => true,
        "false" => false,
        _ => throw new FormatException("Neither true nor false."),
    };

    private static double Real(string text) => text.ToLowerInvariant() switch
    {
        "nan" => double.NaN,
        "infinity" or "inf" or "+infinity" or "+inf" => double.PositiveInfinity,
        "-infinity" or "-inf" => double.NegativeInfinity,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    /// <summary>.NET also reads a number of days, and clocks without seconds.</summary>
    private static TimeSpan Span(string text) => text.Split(':').Length == 3
        ? TimeSpan.ParseExact(text, "c", CultureInfo.InvariantCulture)
        : throw new FormatException("Not [-][d.]hh:mm:ss[.fffffff].");

    /// <summary>The library writes every datetime in this form; any other text is one that it could not read.</summary>
    private static DateTime Time(string text) => DateTime.ParseExact(
        text, "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    /// <summary><see cref="SqlDecimal.Parse"/> does not support exponents.</summary>
    private static SqlDecimal Decimal(string text)
    {
        int mark = text.IndexOfAny(['e', 'E']);
        if (mark < 0)
        {
            return SqlDecimal.Parse(text);
        }
        int exponent = int.Parse(text.Substring(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return SqlDecimal.Parse(Shifted(text.Substring(0, mark), exponent));
    }

    private static string Shifted(string mantissa, int exponent)
    {
        string sign = mantissa.StartsWith("-", StringComparison.Ordinal) ? "-" : "";
        string[] parts = mantissa.TrimStart('+', '-').Split('.');
        string digits = parts[0] + (parts.Length > 1 ? parts[1] : "");
        int point = parts[0].Length + exponent;
        if (Math.Abs(exponent) > SqlDecimal.MaxPrecision * 2)
        {
            throw new OverflowException("The exponent exceeds the range of SqlDecimal.");
        }
        if (point <= 0)
        {
            return sign + "0." + new string('0', -point) + digits;
        }
        digits = digits.PadRight(point, '0');
        return sign + digits.Substring(0, point) + (point < digits.Length ? "." + digits.Substring(point) : "");
    }
}
