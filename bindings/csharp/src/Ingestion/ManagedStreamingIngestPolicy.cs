using System.Collections.Generic;
using System.Globalization;

namespace Kusto.Ingest.Native;

/// <summary>When a managed client streams.</summary>
public sealed class ManagedStreamingIngestPolicy
{
    /// <summary>
    /// Whether data is queued while a table or a cluster has streaming ingestion turned off; otherwise the call fails. The default is that of
    /// Kusto.Ingest: it fails. (Without a policy the data is queued, and the result says why.)
    /// </summary>
    public bool ContinueWhenStreamingIngestionUnavailable { get; set; }

    /// <summary>How much of the size that the service is estimated to accept is streamed: 0.1 to 4. Nothing beyond 10 MiB as it is sent is ever streamed.</summary>
    public double StreamingSizeLimitFactor { get; set; } = 1;

    /// <summary>The settings of a managed client.</summary>
    internal static (string Name, string Value)[] Settings(ManagedStreamingIngestPolicy? policy, string? dataManagement)
    {
        List<(string, string)> settings = [(KustoSettings.IngestionMode, "managed")];
        if (dataManagement is not null)
        {
            settings.Add((KustoSettings.IngestionEndpoint, dataManagement));
        }
        if (policy is not null)
        {
            settings.Add((KustoSettings.StreamingUnavailable, policy.ContinueWhenStreamingIngestionUnavailable ? "queue" : "fail"));
            settings.Add((KustoSettings.StreamingSizeFactor, policy.StreamingSizeLimitFactor.ToString(CultureInfo.InvariantCulture)));
        }
        return settings.ToArray();
    }
}
