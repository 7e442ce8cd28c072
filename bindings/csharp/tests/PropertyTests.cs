using System;
using System.Collections.Generic;
using System.Data;
using System.Linq;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Kusto.Ingest.Native.Tests;

/// <summary>Every property does what it says.</summary>
public sealed class PropertyTests : Bed
{
    private static readonly ColumnMapping[] Columns =
    [
        new() { ColumnName = "Id", ColumnType = "long", Properties = new() { [MappingConsts.Path] = "$.number" } },
        new() { ColumnName = "Text", Properties = new() { [MappingConsts.Path] = "$.word" } },
    ];

    [TestCase(false, false)]
    [TestCase(false, true)]
    [TestCase(true, false)]
    [TestCase(true, true)]
    public async Task Mappings(bool byReference, bool withKind)
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        IngestionMapping mapping = new() { IngestionMappingKind = withKind ? IngestionMappingKind.Json : IngestionMappingKind.Unknown };
        if (byReference)
        {
            mapping.IngestionMappingReference = "the mapping";
            Admin().ExecuteControlCommand(
                CslCommandGenerator.GenerateTableMappingCreateCommand(IngestionMappingKind.Json, table, "the mapping", Columns)).Dispose();
        }
        else
        {
            mapping.IngestionMappings = Columns;
        }
        KustoQueuedIngestionProperties properties = Now(table);
        properties.Format = DataSourceFormat.json;
        properties.IngestionMapping = new IngestionMapping(mapping);
        await Ingested(client.IngestFromBytesAsync(Bytes("""{"word":"seven","number":7}"""), properties));
        Assert.That(Number($"['{table}'] | where Text == 'seven' | project Id"), Is.EqualTo(7));
    }

    [Test]
    public async Task FormatHeaderTimePolicyAndMore()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoQueuedIngestionProperties properties = Now(table);
        properties.Format = DataSourceFormat.psv;
        properties.IgnoreFirstRecord = true;
        properties.IgnoreSizeLimit = true;
        properties.CreationTime = new DateTimeOffset(2025, 5, 1, 4, 3, 4, TimeSpan.FromHours(2));
        properties.ValidationPolicy = new ValidationPolicy
        {
            ValidationOptions = ValidationOptions.ValidateCsvInputConstantColumns,
            ValidationImplications = ValidationImplications.BestEffort,
        };
        properties.DropByTags = ["day"];
        properties.IngestByTags = ["batch"];
        properties.AdditionalTags = ["plain", "日本"];
        properties.AdditionalProperties["extend_schema"] = "false";
        await Ingested(client.IngestFromBytesAsync(Bytes("Id|Text\n1|one\n"), properties));
        Assert.That(Count(table), Is.EqualTo(1));
        using IDataReader extents = Admin().ExecuteControlCommand($".show table ['{table}'] extents");
        Assert.That(extents.Read());
        string[] tags = extents.GetString(extents.GetOrdinal("Tags")).Split(new[] { ' ', '\n', '\r' }, StringSplitOptions.RemoveEmptyEntries);
        Assert.That(tags, Is.EquivalentTo(new[] { "drop-by:day", "ingest-by:batch", "plain", "日本" }));
        Assert.That(
            ((DateTime)extents.GetValue(extents.GetOrdinal("MaxCreatedOn"))), Is.EqualTo(new DateTime(2025, 5, 1, 2, 3, 4, DateTimeKind.Utc)));
    }

    [Test]
    public async Task TheSameTagTwiceIsIngestedOnce()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoQueuedIngestionProperties properties = Now(table);
        properties.IngestByTags = ["batch-1"];
        properties.IngestIfNotExists = ["batch-1"];
        await Ingested(client.IngestFromBytesAsync(Bytes(TwoRows), properties));
        IKustoIngestionResult second = await client.IngestFromBytesAsync(Bytes(TwoRows), properties);
        Assert.That(second.WaitForFinalStatus(Patience, Poll).Single().Status, Is.EqualTo(Status.Skipped).Or.EqualTo(Status.Succeeded));
        Assert.That(Count(table), Is.EqualTo(2));
    }

    [Test]
    public async Task UnicodeNames()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NamedTable($"Tabelle für 数据 {Guid.NewGuid()}", ("Größe", typeof(long)), ("текст", typeof(string)));
        await Ingested(client.IngestFromBytesAsync(Bytes("7,żółw 🐢\n"), Now(table)));
        using IDataReader answer = Query().ExecuteQuery($"['{table}']");
        Assert.That(answer.Read());
        Assert.That(answer.GetName(0), Is.EqualTo("Größe"));
        Assert.That(answer["текст"], Is.EqualTo("żółw 🐢"));
    }

    [Test]
    public async Task TheBaseClassIsEnough()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoIngestionProperties properties = new(Database, table) { AdditionalProperties = { ["flushImmediately"] = "true" } };
        IKustoIngestionResult result = await client.IngestFromBytesAsync(Bytes(TwoRows), properties);
        Eventually("the rows arrive", () => Count(table) == 2);
        Assert.That(result.GetIngestionStatusCollection().Single().Status, Is.EqualTo(Status.Queued));
    }

    [Test]
    public async Task PropertiesMayChangeAfterTheCall()
    {
        IKustoQueuedIngestClient client = NewClient();
        string table = NewTable();
        KustoQueuedIngestionProperties properties = Now(table);
        Task<IKustoIngestionResult> call = client.IngestFromBytesAsync(Bytes(TwoRows), properties);
        properties.TableName = "Another";
        await Ingested(call);
        Assert.That(Count(table), Is.EqualTo(2));
    }
}
