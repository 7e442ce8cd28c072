using System.Text;

namespace Kusto.Ingest.Native;

/// <summary>A text on its way to the library: UTF-8 and its length; null stays NULL.</summary>
internal readonly struct NativeText
{
    // A lone surrogate is an error of the caller, not a question mark in a table.
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    internal NativeText(string? text)
    {
        if (text is null)
        {
            Bytes = null;
            Length = 0;
            return;
        }
        int length = Strict.GetByteCount(text);
        // Never an empty array: the library distinguishes an empty text from a missing one by the pointer.
        Bytes = new byte[length + 1];
        Strict.GetBytes(text, 0, text.Length, Bytes, 0);
        Length = (nuint)length;
    }

    /// <summary>For texts that must never fail to convert: invalid characters are replaced, null is empty.</summary>
    internal static NativeText Lenient(string? text) => new(Replaced(text));

    /// <summary>The text as the library gets it by <see cref="Lenient"/>.</summary>
    internal static string Replaced(string? text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text ?? ""));

    internal byte[]? Bytes { get; }

    internal nuint Length { get; }

    /// <summary>A text that the library lends; null for NULL.</summary>
    internal static unsafe string? Read(byte* start, nuint length) =>
        start is null ? null : Encoding.UTF8.GetString(start, checked((int)length));

    /// <summary>A static text that ends with a NUL.</summary>
    internal static unsafe string ReadStatic(byte* start)
    {
        int length = 0;
        while (start[length] != 0)
        {
            length++;
        }
        return Encoding.UTF8.GetString(start, length);
    }
}
