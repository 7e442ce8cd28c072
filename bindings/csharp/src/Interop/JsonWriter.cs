using System;
using System.Collections;
using System.Collections.Generic;
using System.Data.SqlTypes;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Kusto.Ingest.Native;

/// <summary>Writes JSON; netstandard2.0 has no writer of its own.</summary>
internal static class JsonWriter
{
    /// <summary>
    /// The JSON of a value: null, texts, booleans, numbers, dictionaries, sequences; anything else as a text in
    /// the notation of CSV (<see cref="ScalarText"/>).
    /// </summary>
    internal static string Write(object? value)
    {
        StringBuilder json = new();
        Append(json, value);
        return json.ToString();
    }

    private static void Append(StringBuilder json, object? value)
    {
        switch (value)
        {
            case null or DBNull or INullable { IsNull: true }:
                json.Append("null");
                break;
            case string text:
                AppendText(json, text);
                break;
            case bool flag:
                json.Append(flag ? "true" : "false");
                break;
            case double number when double.IsNaN(number) || double.IsInfinity(number):
            case float single when float.IsNaN(single) || float.IsInfinity(single):
                AppendText(json, ScalarText.Of(value));
                break;
            case byte or sbyte or short or ushort or int or uint or long or ulong or float or double or decimal:
                json.Append(ScalarText.Of(value));
                break;
            case byte[]:
                AppendText(json, ScalarText.Of(value));
                break;
            case IDictionary members:
                AppendObject(json, members);
                break;
#if NET8_0_OR_GREATER
            case System.Text.Json.Nodes.JsonNode node:
                json.Append(node.ToJsonString());
                break;
            case System.Text.Json.JsonElement element:
                json.Append(element.GetRawText());
                break;
#endif
            case IEnumerable members when HoldsMembers(members.GetType()):
                AppendMembers(json, members);
                break;
            case IEnumerable items:
                AppendArray(json, items);
                break;
            default:
                AppendText(json, ScalarText.Of(value));
                break;
        }
    }

    private static void AppendObject(StringBuilder json, IDictionary members)
    {
        string separator = "{";
        foreach (DictionaryEntry member in members)
        {
            json.Append(separator);
            AppendText(json, Convert.ToString(member.Key, CultureInfo.InvariantCulture) ?? "");
            json.Append(':');
            Append(json, member.Value);
            separator = ",";
        }
        json.Append(separator == "{" ? "{}" : "}");
    }

    /// <summary>Whether it is a generic dictionary: many, such as ExpandoObject, implement no other interface.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "This assembly uses the interface, so that trimming keeps it on types that have it.")]
    private static bool HoldsMembers(Type type) => Array.Exists(
        type.GetInterfaces(),
        static one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IEnumerable<>) && IsMember(one.GetGenericArguments()[0]));

    private static bool IsMember(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(KeyValuePair<,>);

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicProperties, typeof(KeyValuePair<,>))]
    [UnconditionalSuppressMessage("Trimming", "IL2075", Justification = "Every member is a KeyValuePair, whose properties the attribute above keeps.")]
    private static void AppendMembers(StringBuilder json, IEnumerable members)
    {
        string separator = "{";
        foreach (object member in members)
        {
            Type type = member.GetType();
            json.Append(separator);
            AppendText(json, Convert.ToString(type.GetProperty("Key")!.GetValue(member), CultureInfo.InvariantCulture) ?? "");
            json.Append(':');
            Append(json, type.GetProperty("Value")!.GetValue(member));
            separator = ",";
        }
        json.Append(separator == "{" ? "{}" : "}");
    }

    private static void AppendArray(StringBuilder json, IEnumerable items)
    {
        string separator = "[";
        foreach (object? item in items)
        {
            json.Append(separator);
            Append(json, item);
            separator = ",";
        }
        json.Append(separator == "[" ? "[]" : "]");
    }

    private static void AppendText(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (char next in text)
        {
            switch (next)
            {
                case '"' or '\\':
                    json.Append('\\').Append(next);
                    break;
                case < ' ':
                    json.Append("\\u").Append(((int)next).ToString("x4", CultureInfo.InvariantCulture));
                    break;
                default:
                    json.Append(next);
                    break;
            }
        }
        json.Append('"');
    }
}
