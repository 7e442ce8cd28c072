using System;
using System.Collections.Generic;
using System.Linq;

namespace Kusto.Ingest.Native;

/// <summary>A column of a table to be created.</summary>
public class ColumnSchema
{
    /// <summary>A column.</summary>
    /// <param name="name">Its name; it may hold any character.</param>
    /// <param name="type">A Kusto type ("long") or a .NET type ("System.Int64").</param>
    public ColumnSchema(string name, string type)
    {
        Name = name ?? throw new ArgumentNullException(nameof(name));
        Type = type ?? throw new ArgumentNullException(nameof(type));
    }

    /// <summary>A column.</summary>
    /// <param name="name">Its name; it may hold any character.</param>
    /// <param name="type">The .NET type of its values.</param>
    public ColumnSchema(string name, Type type)
        : this(name, NameOf(type ?? throw new ArgumentNullException(nameof(type))))
    {
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>A Kusto or a .NET type.</summary>
    public string Type { get; }

    /// <summary>A column by its Kusto type.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cslType">Its type, such as "long".</param>
    /// <returns>The column.</returns>
    public static ColumnSchema FromNameAndCslType(string name, string cslType) => new(name, cslType);

    private static string NameOf(Type type) => (Nullable.GetUnderlyingType(type) ?? type).FullName ?? type.Name;
}

/// <summary>A table to be created.</summary>
public class TableSchema
{
    /// <summary>A table.</summary>
    /// <param name="name">Its name; it may hold any character.</param>
    /// <param name="columns">Its columns, in their order.</param>
    public TableSchema(string name, IEnumerable<ColumnSchema> columns)
    {
        Name = name ?? throw new ArgumentNullException(nameof(name));
        OrderedColumns = (columns ?? throw new ArgumentNullException(nameof(columns))).ToArray();
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The columns, in their order.</summary>
    public IReadOnlyList<ColumnSchema> OrderedColumns { get; }
}
