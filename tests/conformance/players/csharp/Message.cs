using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;

/// <summary>The driver sent something that no player knows: this ends the player.</summary>
internal sealed class MisunderstoodException : Exception
{
    internal MisunderstoodException(string message)
        : base(message)
    {
    }
}

/// <summary>A message of the driver; tests/conformance/README.md describes the format.</summary>
internal sealed class Message
{
    private Message(string verb) => Verb = verb;

    internal string Verb { get; }

    internal List<(string Key, string Value)> Pairs { get; } = [];

    /// <summary>Null at the end of the input.</summary>
    internal static Message? Next(TextReader from)
    {
        if (from.ReadLine() is not { } verb)
        {
            return null;
        }
        Message message = new(verb);
        for (string? line = from.ReadLine(); line != ""; line = from.ReadLine())
        {
            if (line is null)
            {
                throw new MisunderstoodException("the input ends within a message");
            }
            string[] pair = line.Split(' ', 2);
            message.Pairs.Add((pair[0], pair.Length > 1 ? Unescaped(pair[1]) : ""));
        }
        return message;
    }

    internal string? Find(string key) => Pairs.Where(pair => pair.Key == key).Select(pair => pair.Value).FirstOrDefault();

    internal string Get(string key) => Find(key) ?? throw new MisunderstoodException($"{Verb} without {key}");

    internal IEnumerable<string> All(string key) => Pairs.Where(pair => pair.Key == key).Select(pair => pair.Value);

    /// <summary>Values that are NAME=VALUE.</summary>
    internal IEnumerable<(string Name, string Value)> Assignments(string key) => All(key).Select(text => text.Split('=', 2) switch
    {
        [string name, string value] => (name, value),
        _ => throw new MisunderstoodException($"no NAME=VALUE: {text}"),
    });

    internal long? Number(string key) => Find(key) is { } text ? Number(key, text) : null;

    internal long Number(string key, string text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
        ? number : throw new MisunderstoodException($"{Verb}: {key} is no number: {text}");

    internal bool Flag(string key) => Number(key) is not (null or 0);

    /// <summary>The key's value in milliseconds; -1, .NET's value for no limit, when it is missing.</summary>
    internal TimeSpan Timeout => TimeSpan.FromMilliseconds(Number("timeout") ?? -1);

    internal void Only(string keys)
    {
        string[] known = keys.Split(' ');
        foreach ((string key, _) in Pairs.Where(pair => !known.Contains(pair.Key)))
        {
            throw new MisunderstoodException($"{Verb}: unknown key: {key}");
        }
    }

    private static string Unescaped(string text)
    {
        StringBuilder plain = new();
        for (int i = 0; i < text.Length; i++)
        {
            plain.Append(text[i] == '\\' && i + 1 < text.Length ? text[++i] switch { 'n' => '\n', 'r' => '\r', char other => other } : text[i]);
        }
        return plain.ToString();
    }
}

/// <summary>An answer of the player.</summary>
internal sealed class Answer
{
    private readonly string head;
    private readonly StringBuilder text = new();

    internal Answer(string head) => this.head = head;

    internal void Say(string key, object? value)
    {
        string said = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        text.Append($"{key} {said.Replace("\\", "\\\\").Replace("\n", "\\n").Replace("\r", "\\r")}\n");
    }

    /// <summary>Adds the content of another answer.</summary>
    internal void Add(Answer other) => text.Append(other.text);

    internal void Send(TextWriter to)
    {
        to.Write($"{head}\n{text}\n");
        to.Flush();
    }
}
