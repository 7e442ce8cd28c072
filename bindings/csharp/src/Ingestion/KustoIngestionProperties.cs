using System;
using System.Collections.Generic;
using System.Linq;

namespace Kusto.Ingest.Native;

/// <summary>The destination of the data and how it is read. Every call uses a copy.</summary>
public partial class KustoIngestionProperties
{
    /// <summary>Properties for data of one table.</summary>
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

    /// <summary>The format of the data. By default it follows from the file's name, else it is CSV.</summary>
    public DataSourceFormat? Format { get; set; }

    /// <summary>How data maps to columns; without one, by order or by name.</summary>
    public IngestionMapping? IngestionMapping { get; set; }

    /// <summary>Tags that get the prefix "drop-by:".</summary>
    public IEnumerable<string>? DropByTags { get; set; }

    /// <summary>Tags that get the prefix "ingest-by:": see <see cref="IngestIfNotExists"/>.</summary>
    public IEnumerable<string>? IngestByTags { get; set; }

    /// <summary>Tags that are attached to the data as they are.</summary>
    public IEnumerable<string>? AdditionalTags { get; set; }

    /// <summary>
    /// The service skips the data when the table has data with one of these "ingest-by:" tags, which are given
    /// without that prefix. Together with the same <see cref="IngestByTags"/> it makes retrying a call safe.
    /// </summary>
    public IEnumerable<string>? IngestIfNotExists { get; set; }

    /// <summary>
    /// A key of this data: makes a call that failed, also one in doubt, safe to repeat with the same data. The data gets the tag
    /// "ingest-by:KEY", and the service skips it when the table has data with that tag. Up to 1,024 characters.
    /// </summary>
    /// <remarks>
    /// The service compares keys, never data: other data under a used key is skipped and lost. So each batch needs a key of its own, such as the
    /// file's name and the range of its bytes. It lasts as long as the tagged data. Repeat calls one after another, never at once; the service
    /// ingests such data without batching it, so keys are for large batches. Several blobs in one call are refused.
    /// </remarks>
    public string? Once { get; set; }

    /// <summary>How the data gets to the service; null: as the client does it.</summary>
    public KustoIngestionMode? IngestionMode { get; set; }

    /// <summary>The checks that the service applies to CSV data.</summary>
    public ValidationPolicy? ValidationPolicy { get; set; }

    /// <summary>The data's age for retention and caching, instead of the time of ingestion.</summary>
    public DateTimeOffset? CreationTime { get; set; }

    /// <summary>
    /// The id of the ingestion in the service's logs, in errors and in the library's log: 1 to 256 visible ASCII characters. Each
    /// request that the ingestion makes is sent with an id that begins with it. Null: the library makes one.
    /// </summary>
    public string? ClientRequestId { get; set; }

    /// <summary>
    /// Any property by its name in the service's documentation. Properties that the library knows are checked, others are
    /// passed on. They are applied last and override properties of this class.
    /// </summary>
    public IDictionary<string, string> AdditionalProperties { get; set; } = new Dictionary<string, string>();

    internal string? GivenRequestId => AdditionalProperties?.LastOrDefault(
        property => string.Equals(property.Key, NativeProperties.RequestId, StringComparison.OrdinalIgnoreCase)).Value ?? ClientRequestId;
}

/// <summary>Properties of queued ingestion: reporting, and how soon the data is ingested.</summary>
public partial class KustoQueuedIngestionProperties : KustoIngestionProperties
{
    /// <summary>Properties for data of one table.</summary>
    /// <param name="databaseName">The database.</param>
    /// <param name="tableName">The table. Names may hold any character.</param>
    public KustoQueuedIngestionProperties(string databaseName, string tableName)
        : base(databaseName, tableName)
    {
    }

    /// <summary>Which results the service reports.</summary>
    public IngestionReportLevel ReportLevel { get; set; } = IngestionReportLevel.FailuresOnly;

    /// <summary>Where the service reports to. The table always gets successes too: they would stay pending otherwise.</summary>
    public IngestionReportMethod ReportMethod { get; set; } = IngestionReportMethod.Queue;
}
