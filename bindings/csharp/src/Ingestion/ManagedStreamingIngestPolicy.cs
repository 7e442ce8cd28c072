using System;
using System.Collections.Generic;
using System.Globalization;

namespace Kusto.Ingest.Native;

/// <summary>When a managed client streams.</summary>
public sealed class ManagedStreamingIngestPolicy
{
    /// <summary>What the host of an ingestion service begins with, in front of the engine's.</summary>
    private const string Ingest = "ingest-";

    /// <summary>
    /// Whether data is queued while a table or a cluster has streaming ingestion turned off; otherwise the call fails. The default is that of
    /// Kusto.Ingest: it fails. (Without a policy the data is queued, and the result says why.)
    /// </summary>
    public bool ContinueWhenStreamingIngestionUnavailable { get; set; }

    /// <summary>How much of the size that the service is estimated to accept is streamed: 0.1 to 4. Nothing beyond 10 MiB as it is sent is ever streamed.</summary>
    public double StreamingSizeLimitFactor { get; set; } = 1;

    /// <summary>
    /// The settings of a managed client. The ingestion service's address is one where it does not follow from the engine's: as in Kusto.Ingest, a
    /// program may give either of a cluster's addresses for both.
    /// </summary>
    internal static (string Name, string Value)[] Settings(
        ManagedStreamingIngestPolicy? policy, KustoConnectionStringBuilder engine, KustoConnectionStringBuilder dataManagement)
    {
        List<(string, string)> settings = [(KustoSettings.IngestionMode, "managed")];
        if (Cluster(engine.DataSource) != Cluster(dataManagement.DataSource))
        {
            settings.Add((KustoSettings.IngestionEndpoint, dataManagement.DataSource ?? ""));
        }
        if (policy is not null)
        {
            settings.Add((KustoSettings.StreamingUnavailable, policy.ContinueWhenStreamingIngestionUnavailable ? "queue" : "fail"));
            settings.Add((KustoSettings.StreamingSizeFactor, policy.StreamingSizeLimitFactor.ToString(CultureInfo.InvariantCulture)));
        }
        return settings.ToArray();
    }

    /// <summary>What the addresses of a cluster's two services have in common.</summary>
    private static string Cluster(string? address)
    {
        string text = (address ?? "").Trim().TrimEnd('/').ToLowerInvariant();
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        int host = scheme < 0 ? 0 : scheme + "://".Length;
        return string.CompareOrdinal(text, host, Ingest, 0, Ingest.Length) == 0 ? text.Remove(host, Ingest.Length) : text;
    }
}
