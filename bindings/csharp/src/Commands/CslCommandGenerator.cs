using System;
using System.Collections.Generic;
using System.Linq;

namespace Kusto.Ingest.Native;

/// <summary>Writes management commands, for <see cref="ICslAdminProvider"/>. Names may hold any character.</summary>
/// <remarks>All methods throw <see cref="KustoClientException"/> for invalid names, types and mappings.</remarks>
public static class CslCommandGenerator
{
    /// <summary>".create table": leaves an existing table as it is, even if its columns differ.</summary>
    /// <param name="tableName">The table.</param>
    /// <param name="columns">Names and types; a type is a Kusto type ("long") or a .NET type ("System.Int64").</param>
    /// <returns>The command.</returns>
    public static string GenerateTableCreateCommand(string tableName, IEnumerable<Tuple<string, string>> columns) =>
        GenerateTableCreateCommand(new TableSchema(
            tableName, (columns ?? throw new ArgumentNullException(nameof(columns))).Select(column => new ColumnSchema(column.Item1, column.Item2))));

    /// <summary>".create table": leaves an existing table as it is, even if its columns differ.</summary>
    /// <param name="tableName">The table.</param>
    /// <param name="columns">Names and types.</param>
    /// <returns>The command.</returns>
    public static string GenerateTableCreateCommand(string tableName, IEnumerable<(string Name, Type Type)> columns) =>
        GenerateTableCreateCommand(new TableSchema(
            tableName, (columns ?? throw new ArgumentNullException(nameof(columns))).Select(column => new ColumnSchema(column.Name, column.Type))));

    /// <summary>".create table": leaves an existing table as it is, even if its columns differ.</summary>
    /// <param name="table">The table.</param>
    /// <returns>The command.</returns>
    public static string GenerateTableCreateCommand(TableSchema table)
    {
        TableSchema schema = table ?? throw new ArgumentNullException(nameof(table));
        NativeLibraryLoader.EnsureUsable();
        NativeText name = new(schema.Name);
        Failure.ThrowOn(NativeMethods.kusto_command_create_table(name.Bytes, name.Length, out CommandHandle command, out IntPtr error), error);
        using (command)
        {
            foreach (ColumnSchema column in schema.OrderedColumns)
            {
                AddColumn(command, column);
            }
            return TextOf(command) ?? throw Failure.InvalidArgument("columns", "a table needs at least one column");
        }
    }

    /// <summary>".create table T ingestion ... mapping": fails when a mapping of this name exists.</summary>
    /// <param name="mappingKind">The mapping's kind.</param>
    /// <param name="entityName">The table.</param>
    /// <param name="mappingName">The mapping's name.</param>
    /// <param name="mapping">The columns.</param>
    /// <returns>The command.</returns>
    public static string GenerateTableMappingCreateCommand(
        IngestionMappingKind mappingKind, string entityName, string mappingName, IEnumerable<ColumnMapping> mapping) =>
        Mapping(mappingKind, entityName, mappingName, mapping, replace: false);

    /// <summary>".create-or-alter table T ingestion ... mapping": replaces a mapping of this name.</summary>
    /// <param name="mappingKind">The mapping's kind.</param>
    /// <param name="tableName">The table.</param>
    /// <param name="mappingName">The mapping's name.</param>
    /// <param name="mapping">The columns.</param>
    /// <returns>The command.</returns>
    public static string GenerateTableMappingCreateOrAlterCommand(
        IngestionMappingKind mappingKind, string tableName, string mappingName, IEnumerable<ColumnMapping> mapping) =>
        Mapping(mappingKind, tableName, mappingName, mapping, replace: true);

    private static void AddColumn(CommandHandle command, ColumnSchema column)
    {
        NativeText name = new(column.Name);
        NativeText type = new(column.Type);
        Failure.ThrowOn(
            NativeMethods.kusto_command_add_column(command, name.Bytes, name.Length, type.Bytes, type.Length, out IntPtr error), error);
    }

    private static string Mapping(IngestionMappingKind kind, string table, string name, IEnumerable<ColumnMapping> mapping, bool replace)
    {
        NativeLibraryLoader.EnsureUsable();
        NativeText tableText = new(table);
        NativeText nameText = new(name);
        NativeText json = new(ColumnMapping.ToJson(mapping ?? throw new ArgumentNullException(nameof(mapping))));
        int status = NativeMethods.kusto_command_create_mapping(
            tableText.Bytes, tableText.Length, MappingKinds.FormatOf(kind), nameText.Bytes, nameText.Length,
            json.Bytes, json.Length, replace ? 1 : 0, out CommandHandle command, out IntPtr error);
        Failure.ThrowOn(status, error);
        using (command)
        {
            return TextOf(command) ?? throw Failure.InvalidArgument("mapping", "produces no command");
        }
    }

    private static unsafe string? TextOf(CommandHandle command) =>
        NativeText.Read(NativeMethods.kusto_command_text(command, out nuint length), length);
}
