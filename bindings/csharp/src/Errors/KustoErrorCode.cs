namespace Kusto.Ingest.Native;

/// <summary>
/// The class of a <see cref="KustoException"/>. The list only grows: decide about numbers that have no name
/// here by <see cref="KustoException.IsPermanent"/>.
/// </summary>
public enum KustoErrorCode
{
    /// <summary>An argument is missing, malformed or out of range: <see cref="KustoException.Argument"/>.</summary>
    InvalidArgument = 1,

    /// <summary>The object is not in a state that allows the call, such as a closed client.</summary>
    InvalidState = 2,

    /// <summary>The call is right, but this build or platform cannot do it.</summary>
    Unsupported = 3,

    /// <summary>The call's time limit passed.</summary>
    TimedOut = 4,

    /// <summary>Nothing could be done without waiting.</summary>
    WouldBlock = 5,

    /// <summary>The call was cancelled, or its client was closed.</summary>
    Cancelled = 6,

    /// <summary>The connection string or a setting is wrong, or the host is not trusted.</summary>
    Config = 7,

    /// <summary>No token could be had, or the service refused it.</summary>
    Auth = 8,

    /// <summary>The host could not be reached, or the connection broke.</summary>
    Network = 9,

    /// <summary>The service asks to slow down.</summary>
    Throttled = 10,

    /// <summary>The service answered with an error.</summary>
    Service = 11,

    /// <summary>The thing asked for does not exist.</summary>
    NotFound = 12,

    /// <summary>The source of the data failed, or changed while it was read.</summary>
    SourceIo = 13,

    /// <summary>The data or the message is over a limit of the service.</summary>
    TooLarge = 14,

    /// <summary>A callback broke its contract: see the inner exception.</summary>
    Callback = 15,

    /// <summary>Some blobs were handed over and some were not: <see cref="IngestClientException.HandedOver"/>.</summary>
    Partial = 16,

    /// <summary>The client was made before the process forked.</summary>
    Forked = 17,

    /// <summary>A defect of the library.</summary>
    Internal = 18,
}

/// <summary>Whether doing the same again can succeed.</summary>
public enum KustoRetry
{
    /// <summary>Nobody can tell.</summary>
    Unknown = 0,

    /// <summary>The same fails again: something must be changed first.</summary>
    Never = 1,

    /// <summary>The cause is passing: try again later.</summary>
    Later = 2,
}
