using System.Globalization;

namespace Kusto.Ingest.Native;

/// <summary>What the service checks of CSV data.</summary>
public enum ValidationOptions
{
    /// <summary>Nothing.</summary>
    DoNotValidate = 0,

    /// <summary>All records have the same number of columns.</summary>
    ValidateCsvInputConstantColumns = 1,

    /// <summary>Columns only: quotes in fields that are not quoted as a whole are let pass.</summary>
    ValidateCsvInputColumnLevelOnly = 2,
}

/// <summary>What a failed check does.</summary>
public enum ValidationImplications
{
    /// <summary>The ingestion fails.</summary>
    Fail = 0,

    /// <summary>The data that passes is ingested.</summary>
    BestEffort = 1,
}

/// <summary>A check of CSV data and its consequence.</summary>
public class ValidationPolicy
{
    /// <summary>What is checked.</summary>
    public ValidationOptions ValidationOptions { get; set; }

    /// <summary>What a failed check does.</summary>
    public ValidationImplications ValidationImplications { get; set; }

    internal string ToJson() => string.Format(
        CultureInfo.InvariantCulture,
        "{{\"ValidationOptions\":{0:D},\"ValidationImplications\":{1:D}}}",
        ValidationOptions,
        ValidationImplications);
}
