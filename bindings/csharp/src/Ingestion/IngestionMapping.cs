using System;
using System.Collections.Generic;
using System.Linq;

namespace Kusto.Ingest.Native;

/// <summary>How data maps to columns: a reference to an existing mapping, or the mapping itself.</summary>
public class IngestionMapping
{
    /// <summary>An empty mapping.</summary>
    public IngestionMapping()
    {
    }

    /// <summary>A copy.</summary>
    /// <param name="ingestionMapping">The mapping to copy.</param>
    public IngestionMapping(IngestionMapping ingestionMapping)
    {
        IngestionMapping other = ingestionMapping ?? throw new ArgumentNullException(nameof(ingestionMapping));
        IngestionMappings = other.IngestionMappings?.ToArray();
        IngestionMappingKind = other.IngestionMappingKind;
        IngestionMappingReference = other.IngestionMappingReference;
    }

    /// <summary>The columns of a mapping that is sent with the data.</summary>
    public IEnumerable<ColumnMapping>? IngestionMappings { get; set; }

    /// <summary>The mapping's kind; by default that of the data's format.</summary>
    public IngestionMappingKind IngestionMappingKind { get; set; }

    /// <summary>The name of a mapping of the table or database.</summary>
    public string? IngestionMappingReference { get; set; }
}

/// <summary>Where the values of one column come from.</summary>
public class ColumnMapping
{
    /// <summary>The column's name in the table.</summary>
    public string ColumnName { get; set; } = "";

    /// <summary>The column's Kusto type; that of the table when null.</summary>
    public string? ColumnType { get; set; }

    /// <summary>Where the values come from: <see cref="MappingConsts"/> has the names.</summary>
    public Dictionary<string, string> Properties { get; set; } = [];

    /// <summary>A mapping in the JSON form that the service accepts inline and in commands.</summary>
    internal static string ToJson(IEnumerable<ColumnMapping> columns) => JsonWriter.Write(columns.Select(column => column.Members()));

    private Dictionary<string, object?> Members()
    {
        Dictionary<string, object?> members = new() { ["Column"] = ColumnName };
        if (ColumnType is not null)
        {
            members["DataType"] = ColumnType;
        }
        members["Properties"] = Properties;
        return members;
    }
}

/// <summary>Names of <see cref="ColumnMapping.Properties"/>.</summary>
public static class MappingConsts
{
    /// <summary>Which field of a line, counted from "0": for <see cref="IngestionMappingKind.Csv"/>.</summary>
    public const string Ordinal = "Ordinal";

    /// <summary>The path of a value, such as "$.Id".</summary>
    public const string Path = "Path";

    /// <summary>The name of a field, for formats with named columns.</summary>
    public const string Field = "Field";

    /// <summary>A value that is the same in every record.</summary>
    public const string ConstValue = "ConstValue";

    /// <summary>The transformation of the value, such as "DateTimeFromUnixSeconds".</summary>
    public const string TransformationMethod = "Transform";
}
