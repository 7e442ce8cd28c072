namespace Kusto.Ingest.Native;

/// <summary>
/// Names for <see cref="KustoConnectionStringBuilder.WithSetting"/>, besides the keywords of connection strings.
/// Case and spaces in names do not count.
/// </summary>
public static class KustoSettings
{
    /// <summary>The engine's address, where it cannot be derived from the connection string.</summary>
    public const string EngineEndpoint = "engine endpoint";

    /// <summary>The ingestion service's address, where it cannot be derived from the connection string.</summary>
    public const string IngestionEndpoint = "ingestion endpoint";

    /// <summary>Hosts that tokens may be sent to besides those of the cloud, separated by commas.</summary>
    public const string TrustedHosts = "trusted hosts";

    /// <summary>Certificates to trust besides the system's, as PEM text.</summary>
    public const string CaCertificates = "ca certificates";

    /// <summary>"fast", "balanced" or "small".</summary>
    public const string CompressionLevel = "compression level";

    /// <summary>1 to 64; by default the machine's cores, at most 4.</summary>
    public const string CompressionThreads = "compression threads";

    /// <summary>
    /// The most bytes, at least 4 MiB, that are read and not yet acknowledged by storage, for all calls of a client
    /// together; 64 MiB by default.
    /// </summary>
    public const string MemoryBudget = "memory budget";
}
