using System.Globalization;

namespace Kusto.Ingest.Native;

/// <summary>A check of CSV data and its consequence.</summary>
public class ValidationPolicy
{
    /// <summary>The check.</summary>
    public ValidationOptions ValidationOptions { get; set; }

    /// <summary>The effect of a failed check.</summary>
    public ValidationImplications ValidationImplications { get; set; }

    internal string ToJson() => string.Format(
        CultureInfo.InvariantCulture,
        "{{\"ValidationOptions\":{0:D},\"ValidationImplications\":{1:D}}}",
        ValidationOptions,
        ValidationImplications);
}
