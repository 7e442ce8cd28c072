namespace Kusto.Ingest.Native;

/// <summary>The format of the data, under the service's names.</summary>
public enum DataSourceFormat
{
    /// <summary>Comma-separated values, RFC 4180.</summary>
    csv = 1,

    /// <summary>Tab-separated values.</summary>
    tsv = 2,

    /// <summary>Values separated by "|".</summary>
    psv = 3,

    /// <summary>Values separated by ";".</summary>
    scsv = 4,

    /// <summary>Values separated by the control character SOH.</summary>
    sohsv = 5,

    /// <summary>Lines of text, one column each.</summary>
    txt = 6,

    /// <summary>The whole source is one value.</summary>
    raw = 7,

    /// <summary>Tab-separated values with backslash escapes.</summary>
    tsve = 8,

    /// <summary>JSON Lines: one object per line.</summary>
    json = 9,

    /// <summary>A JSON array, or objects one after another, over any number of lines.</summary>
    multijson = 10,

    /// <summary>One JSON value.</summary>
    singlejson = 11,

    /// <summary>Avro, with the service's legacy reader.</summary>
    avro = 12,

    /// <summary>Avro, with the Apache reader (logical types).</summary>
    apacheavro = 13,

    /// <summary>Apache Parquet.</summary>
    parquet = 14,

    /// <summary>Apache ORC.</summary>
    orc = 15,

    /// <summary>Cosmos structured streams.</summary>
    sstream = 16,

    /// <summary>W3C extended log files.</summary>
    w3clogfile = 17,
}

/// <summary>How data is compressed already.</summary>
public enum DataSourceCompressionType
{
    /// <summary>Not compressed: the library compresses what the format allows.</summary>
    None = 0,

    /// <summary>Gzip.</summary>
    GZip = 1,

    /// <summary>A zip archive.</summary>
    Zip = 2,
}
