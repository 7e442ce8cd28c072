using System;
using System.Collections.Generic;

namespace Kusto.Ingest.Native;

/// <summary>Where data goes and how it is read. Every call takes a copy.</summary>
public partial class KustoIngestionProperties
{
    /// <summary>Data of a table.</summary>
    /// <param name="databaseName">The database.</param>
    /// <param name="tableName">The table. Names may hold any character.</param>
    public KustoIngestionProperties(string databaseName, string tableName)
    {
        DatabaseName = databaseName;
        TableName = tableName;
    }

    /// <summary>The database.</summary>
    public string DatabaseName { get; set; }

    /// <summary>The table.</summary>
    public string TableName { get; set; }

    /// <summary>The format of the data. Without it the file's name tells it, else it is CSV.</summary>
    public DataSourceFormat? Format { get; set; }

    /// <summary>How data becomes columns; by order or by name without one.</summary>
    public IngestionMapping? IngestionMapping { get; set; }

    /// <summary>Tags that get the prefix "drop-by:".</summary>
    public IEnumerable<string>? DropByTags { get; set; }

    /// <summary>Tags that get the prefix "ingest-by:": see <see cref="IngestIfNotExists"/>.</summary>
    public IEnumerable<string>? IngestByTags { get; set; }

    /// <summary>Tags that are put on the data as they are.</summary>
    public IEnumerable<string>? AdditionalTags { get; set; }

    /// <summary>
    /// The service skips the data when the table has data with one of these "ingest-by:" tags, which are given
    /// without that prefix. Together with the same <see cref="IngestByTags"/> it makes repeating a call harmless.
    /// </summary>
    public IEnumerable<string>? IngestIfNotExists { get; set; }

    /// <summary>What the service checks of CSV data.</summary>
    public ValidationPolicy? ValidationPolicy { get; set; }

    /// <summary>The data's age for retention and caching, instead of the time of ingestion.</summary>
    public DateTimeOffset? CreationTime { get; set; }

    /// <summary>
    /// Any property by its name in the service's documentation. What the library knows is checked, anything else is
    /// passed on. They come last: what is also a property of this class replaces it.
    /// </summary>
    public IDictionary<string, string> AdditionalProperties { get; set; } = new Dictionary<string, string>();
}

/// <summary>Properties of queued ingestion: what is reported, and how soon the data is ingested.</summary>
public partial class KustoQueuedIngestionProperties : KustoIngestionProperties
{
    /// <summary>Data of a table.</summary>
    /// <param name="databaseName">The database.</param>
    /// <param name="tableName">The table. Names may hold any character.</param>
    public KustoQueuedIngestionProperties(string databaseName, string tableName)
        : base(databaseName, tableName)
    {
    }

    /// <summary>What the service reports about the ingestion.</summary>
    public IngestionReportLevel ReportLevel { get; set; } = IngestionReportLevel.FailuresOnly;

    /// <summary>Where it reports to. With the table successes are always reported: they would stay pending otherwise.</summary>
    public IngestionReportMethod ReportMethod { get; set; } = IngestionReportMethod.Queue;
}
