using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kusto.Ingest.Native;

/// <summary>The properties of an ingestion: by a member where there is one, the others by their names.</summary>
internal static class Properties
{
    private const string DropBy = "drop-by:";
    private const string IngestBy = "ingest-by:";

    internal static KustoQueuedIngestionProperties Of(Message message)
    {
        List<string> tags = [.. message.All("tag")];
        KustoQueuedIngestionProperties properties = new(message.Get("database"), message.Get("table"))
        {
            ReportLevel = Player.Meaning(Catalog.ReportLevels, message.Get("report_level")),
            ReportMethod = Player.Meaning(Catalog.ReportMethods, message.Get("report_method")),
            DropByTags = WithoutPrefix(tags, DropBy),
            IngestByTags = WithoutPrefix(tags, IngestBy),
            AdditionalTags = tags.Where(tag => !Begins(tag, DropBy) && !Begins(tag, IngestBy)),
        };
        if (message.Find("format") is { } format)
        {
            properties.Format = Player.Meaning(Catalog.Formats, format);
        }
        if (message.Find("mode") is { } mode)
        {
            properties.IngestionMode = Player.Meaning(Catalog.IngestionModes, mode);
        }
        if (message.Find("mapping_ref") is { } reference)
        {
            properties.IngestionMapping = new() { IngestionMappingReference = reference };
        }
        if (message.Find("mapping") is { } mapping)
        {
            SetMapping(properties, mapping);
        }
        foreach ((string name, string value) in message.Assignments("property"))
        {
            if (!SetMember(properties, name, value))
            {
                properties.AdditionalProperties[name] = value;
            }
        }
        return properties;
    }

    private static bool Begins(string tag, string prefix) => tag.StartsWith(prefix, StringComparison.Ordinal);

    private static IEnumerable<string> WithoutPrefix(List<string> tags, string prefix) =>
        tags.Where(tag => Begins(tag, prefix)).Select(tag => tag[prefix.Length..]);

    /// <summary>False when no member can hold the value.</summary>
    private static bool SetMember(KustoQueuedIngestionProperties properties, string name, string value)
    {
        if (bool.TryParse(value, out bool flag) && Catalog.SetFlag(properties, name, flag))
        {
            return true;
        }
        switch (name)
        {
            case "creationTime" when DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, out DateTimeOffset time):
                properties.CreationTime = time;
                return true;
            case "ingestIfNotExists" when Read<List<string>>(value) is { } tags:
                properties.IngestIfNotExists = tags;
                return true;
            case "validationPolicy" when Read<ValidationPolicy>(value) is { } policy:
                properties.ValidationPolicy = policy;
                return true;
            case "ingestionMappingType" when properties.IngestionMapping is { } mapping && Enum.TryParse(value, out IngestionMappingKind kind):
                mapping.IngestionMappingKind = kind;
                return true;
            default:
                return false;
        }
    }

    /// <summary>Columns where they can express the mapping, otherwise a property: legacy forms and invalid mappings.</summary>
    private static void SetMapping(KustoQueuedIngestionProperties properties, string json)
    {
        if (Read<List<Column>>(json) is { } columns && columns.TrueForAll(column => column is { Name: not null, Properties: not null, Other: null }))
        {
            properties.IngestionMapping = new()
            {
                IngestionMappings = columns.ConvertAll(
                    column => new ColumnMapping { ColumnName = column.Name!, ColumnType = column.Type, Properties = column.Properties! }),
            };
        }
        else
        {
            properties.AdditionalProperties["ingestionMapping"] = json;
        }
    }

    /// <summary>Null when the text is not such JSON.</summary>
    private static T? Read<T>(string json)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed class Column
    {
        [JsonPropertyName("Column")]
        public string? Name { get; set; }

        [JsonPropertyName("DataType")]
        public string? Type { get; set; }

        public Dictionary<string, string>? Properties { get; set; }

        [JsonExtensionData]
        public Dictionary<string, JsonElement>? Other { get; set; }
    }
}
