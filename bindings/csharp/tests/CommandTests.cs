using System;
using System.Collections.Generic;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>The texts of generated commands.</summary>
public sealed class CommandTests : Bed
{
    [Test]
    public void ATableOfTypes()
    {
        string expected = ".create table ['My Table'] (['Id']:long,['When']:datetime,['two words']:dynamic)";
        Tuple<string, string>[] names =
        [
            Tuple.Create("Id", "System.Int64"), Tuple.Create("When", "datetime"), Tuple.Create("two words", "System.Object"),
        ];
        (string, Type)[] types = [("Id", typeof(long?)), ("When", typeof(DateTime)), ("two words", typeof(object))];
        TableSchema schema = new(
            "My Table",
            [new ColumnSchema("Id", "long"), new ColumnSchema("When", typeof(DateTime)), ColumnSchema.FromNameAndCslType("two words", "dynamic")]);
        foreach (string command in new[]
        {
            CslCommandGenerator.GenerateTableCreateCommand("My Table", names),
            CslCommandGenerator.GenerateTableCreateCommand("My Table", types),
            CslCommandGenerator.GenerateTableCreateCommand(schema),
        })
        {
            Assert.That(command.Replace(", ", ","), Is.EqualTo(expected));
        }
        Assert.That(schema.OrderedColumns, Has.Count.EqualTo(3));
    }

    [Test]
    public void EveryKindOfMapping()
    {
        Dictionary<IngestionMappingKind, string> names = new()
        {
            [IngestionMappingKind.Csv] = MappingConsts.Ordinal,
            [IngestionMappingKind.Json] = MappingConsts.Path,
            [IngestionMappingKind.Avro] = MappingConsts.Field,
            [IngestionMappingKind.Parquet] = MappingConsts.Field,
            [IngestionMappingKind.SStream] = MappingConsts.Field,
            [IngestionMappingKind.Orc] = MappingConsts.Field,
            [IngestionMappingKind.ApacheAvro] = MappingConsts.Field,
            [IngestionMappingKind.W3CLogFile] = MappingConsts.Field,
        };
        foreach (IngestionMappingKind kind in Enum.GetValues<IngestionMappingKind>())
        {
            if (kind == IngestionMappingKind.Unknown)
            {
                continue;
            }
            string value = kind == IngestionMappingKind.Csv ? "0" : kind == IngestionMappingKind.Json ? "$.it's" : "a field";
            ColumnMapping[] columns = [new() { ColumnName = "A", ColumnType = "string", Properties = new() { [names[kind]] = value } }];
            string command = CslCommandGenerator.GenerateTableMappingCreateCommand(kind, "T", "the mapping", columns);
            Assert.That(command, Does.StartWith($".create table ['T'] ingestion {kind.ToString().ToLowerInvariant()} mapping"));
            command = CslCommandGenerator.GenerateTableMappingCreateOrAlterCommand(kind, "T", "the mapping", columns);
            Assert.That(command, Does.StartWith($".create-or-alter table ['T'] ingestion {kind.ToString().ToLowerInvariant()} mapping"));
            Assert.That(command, Does.Contain("the mapping").And.Contain(names[kind]));
        }
    }

    [Test]
    public void ATransformGoesIntoTheMapping()
    {
        ColumnMapping[] columns =
        [
            new() { ColumnName = "When", Properties = new() { [MappingConsts.Path] = "$.t", [MappingConsts.TransformationMethod] = "DateTimeFromUnixSeconds" } },
            new() { ColumnName = "From", Properties = new() { [MappingConsts.ConstValue] = "line\n\"quoted\" \\ żółw\u0001" } },
        ];
        string table = NewTable(("When", typeof(DateTime)), ("From", typeof(string)));
        Admin().ExecuteControlCommand(CslCommandGenerator.GenerateTableMappingCreateCommand(IngestionMappingKind.Json, table, "m", columns)).Dispose();
        IKustoQueuedIngestClient client = NewClient();
        KustoQueuedIngestionProperties properties = Now(table);
        properties.Format = DataSourceFormat.json;
        properties.IngestionMapping = new IngestionMapping { IngestionMappingReference = "m" };
        Ingested(client.IngestFromBytes(Bytes("""{"t":86400}"""), properties));
        using System.Data.IDataReader answer = Query().ExecuteQuery($"['{table}'] | project When, From");
        Assert.That(answer.Read());
        Assert.That(answer.GetDateTime(0), Is.EqualTo(new DateTime(1970, 1, 2, 0, 0, 0, DateTimeKind.Utc)));
        Assert.That(answer.GetString(1), Is.EqualTo("line\n\"quoted\" \\ żółw\u0001"));
    }

    [Test]
    public void WhatCannotBeIsRefused()
    {
        TestDelegate[] calls =
        [
            () => CslCommandGenerator.GenerateTableCreateCommand("", [Tuple.Create("a", "long")]),
            () => CslCommandGenerator.GenerateTableCreateCommand("T", Array.Empty<Tuple<string, string>>()),
            () => CslCommandGenerator.GenerateTableCreateCommand("T", [Tuple.Create("a", "colour")]),
            () => CslCommandGenerator.GenerateTableCreateCommand("T", [("a", typeof(Uri))]),
            () => CslCommandGenerator.GenerateTableCreateCommand("T", [Tuple.Create("a", "long"), Tuple.Create("a", "long")]),
            () => CslCommandGenerator.GenerateTableMappingCreateCommand(IngestionMappingKind.Unknown, "T", "m", [new ColumnMapping { ColumnName = "a" }]),
            () => CslCommandGenerator.GenerateTableMappingCreateCommand(IngestionMappingKind.Csv, "T", "", [new ColumnMapping { ColumnName = "a" }]),
        ];
        for (int i = 0; i < calls.Length; i++)
        {
            KustoClientException? failure = Assert.Throws<KustoClientException>(calls[i], $"call {i}");
            Assert.That(failure!.Code, Is.EqualTo(KustoErrorCode.InvalidArgument));
        }
        Assert.That(() => CslCommandGenerator.GenerateTableCreateCommand(null!), Throws.ArgumentNullException);
    }
}
