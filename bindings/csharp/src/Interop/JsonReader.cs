using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Kusto.Ingest.Native;

/// <summary>
/// Reads the JSON that the native library writes; netstandard2.0 has no reader of its own. Objects are
/// dictionaries, arrays are lists, numbers are doubles.
/// </summary>
internal sealed class JsonReader
{
    private readonly string text;
    private int position;

    private JsonReader(string text) => this.text = text;

    /// <exception cref="FormatException">The text is not JSON.</exception>
    internal static object? Parse(string text)
    {
        JsonReader reader = new(text);
        object? value = reader.Value();
        reader.SkipSpace();
        return reader.position == text.Length ? value : throw reader.Unexpected();
    }

    private object? Value()
    {
        SkipSpace();
        switch (Peek())
        {
            case '{':
                return Object();
            case '[':
                return Array();
            case '"':
                return String();
            case 't':
                return Word("true", true);
            case 'f':
                return Word("false", false);
            case 'n':
                return Word("null", null);
            default:
                return Number();
        }
    }

    private Dictionary<string, object?> Object()
    {
        Dictionary<string, object?> members = new(StringComparer.Ordinal);
        position++;
        SkipSpace();
        if (Take('}'))
        {
            return members;
        }
        do
        {
            SkipSpace();
            string name = String();
            SkipSpace();
            Expect(':');
            members[name] = Value();
            SkipSpace();
        }
        while (Take(','));
        Expect('}');
        return members;
    }

    private List<object?> Array()
    {
        List<object?> items = [];
        position++;
        SkipSpace();
        if (Take(']'))
        {
            return items;
        }
        do
        {
            items.Add(Value());
            SkipSpace();
        }
        while (Take(','));
        Expect(']');
        return items;
    }

    private string String()
    {
        Expect('"');
        StringBuilder value = new();
        while (true)
        {
            char next = Next();
            switch (next)
            {
                case '"':
                    return value.ToString();
                case '\\':
                    value.Append(Escaped());
                    break;
                default:
                    value.Append(next);
                    break;
            }
        }
    }

    private char Escaped()
    {
        char next = Next();
        switch (next)
        {
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                if (position + 4 > text.Length)
                {
                    throw Unexpected();
                }
                position += 4;
                return (char)ushort.Parse(text.Substring(position - 4, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            default:
                return next;
        }
    }

    private object? Word(string word, object? value)
    {
        if (string.CompareOrdinal(text, position, word, 0, word.Length) != 0)
        {
            throw Unexpected();
        }
        position += word.Length;
        return value;
    }

    private double Number()
    {
        int start = position;
        while (position < text.Length && (char.IsDigit(text[position]) || text[position] is '-' or '+' or '.' or 'e' or 'E'))
        {
            position++;
        }
        string number = text.Substring(start, position - start);
        return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : throw Unexpected();
    }

    private void SkipSpace()
    {
        while (position < text.Length && text[position] is ' ' or '\t' or '\r' or '\n')
        {
            position++;
        }
    }

    private bool Take(char wanted)
    {
        bool found = Peek() == wanted;
        position += found ? 1 : 0;
        return found;
    }

    private void Expect(char wanted)
    {
        if (!Take(wanted))
        {
            throw Unexpected();
        }
    }

    private char Peek() => position < text.Length ? text[position] : '\0';

    private char Next() => position < text.Length ? text[position++] : throw Unexpected();

    private FormatException Unexpected() => new($"Invalid JSON at character {position}.");
}
