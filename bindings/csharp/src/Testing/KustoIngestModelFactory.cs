using System;
using System.Collections.Generic;
using System.Data;

namespace Kusto.Ingest.Native;

/// <summary>
/// Makes the objects that this library otherwise makes itself, for unit tests of programs that receive them. What a test
/// leaves out is empty. <see cref="IngestionStatus"/> has a constructor and setters of its own.
/// </summary>
public static class KustoIngestModelFactory
{
    /// <summary>A failure of an ingestion.</summary>
    /// <param name="message">Why it failed.</param>
    /// <param name="code">The class of the failure.</param>
    /// <param name="retry">Whether calling again can succeed: what <see cref="KustoException.IsTransient"/> and <see cref="KustoException.IsPermanent"/> say.</param>
    /// <param name="inDoubt">Whether the service may have the data nevertheless.</param>
    /// <param name="retryAfter">How long the service asks to wait.</param>
    /// <param name="httpStatus">The HTTP status; 0 for none.</param>
    /// <param name="serviceCode">The service's own code.</param>
    /// <param name="step">The step that failed.</param>
    /// <param name="host">The host that was called.</param>
    /// <param name="argument">The argument that is wrong.</param>
    /// <param name="activityId">The service's activity id.</param>
    /// <param name="clientRequestId">The id of the request that failed.</param>
    /// <param name="attempts">The attempts that failed, oldest first.</param>
    /// <param name="handedOver">With <see cref="KustoErrorCode.Partial"/>: what was handed over.</param>
    /// <param name="ingestionSource">The name of the source.</param>
    /// <param name="innerException">The cause.</param>
    /// <returns>The exception.</returns>
    public static IngestClientException IngestClientException(
        string message = "The data could not be handed over.",
        KustoErrorCode code = KustoErrorCode.Service,
        KustoRetry retry = KustoRetry.Unknown,
        bool inDoubt = false,
        TimeSpan? retryAfter = null,
        int httpStatus = 0,
        string? serviceCode = null,
        string? step = null,
        string? host = null,
        string? argument = null,
        string? activityId = null,
        string? clientRequestId = null,
        IReadOnlyList<KustoException>? attempts = null,
        IReadOnlyList<Guid>? handedOver = null,
        string ingestionSource = "stream",
        Exception? innerException = null) =>
        new(
            Details(message, code, retry, inDoubt, retryAfter, httpStatus, serviceCode, step, host, argument, activityId, clientRequestId, attempts, handedOver),
            ingestionSource,
            innerException);

    /// <summary>A failure of a command, a query or a status, of the type that the library gives to one with this code and HTTP status.</summary>
    /// <param name="message">Why it failed.</param>
    /// <param name="code">The class of the failure.</param>
    /// <param name="retry">Whether calling again can succeed: what <see cref="KustoException.IsTransient"/> and <see cref="KustoException.IsPermanent"/> say.</param>
    /// <param name="inDoubt">Whether the service may have carried out the request nevertheless.</param>
    /// <param name="retryAfter">How long the service asks to wait.</param>
    /// <param name="httpStatus">The HTTP status; 0 for none.</param>
    /// <param name="serviceCode">The service's own code.</param>
    /// <param name="step">The step that failed.</param>
    /// <param name="host">The host that was called.</param>
    /// <param name="argument">The argument that is wrong.</param>
    /// <param name="activityId">The service's activity id.</param>
    /// <param name="clientRequestId">The id of the request that failed.</param>
    /// <param name="attempts">The attempts that failed, oldest first.</param>
    /// <param name="innerException">The cause.</param>
    /// <returns>A <see cref="KustoClientException"/>, <see cref="KustoRequestException"/>, <see cref="KustoRequestThrottledException"/> or <see cref="KustoServiceException"/>.</returns>
    public static KustoException KustoException(
        string message = "The request failed.",
        KustoErrorCode code = KustoErrorCode.Service,
        KustoRetry retry = KustoRetry.Unknown,
        bool inDoubt = false,
        TimeSpan? retryAfter = null,
        int httpStatus = 0,
        string? serviceCode = null,
        string? step = null,
        string? host = null,
        string? argument = null,
        string? activityId = null,
        string? clientRequestId = null,
        IReadOnlyList<KustoException>? attempts = null,
        Exception? innerException = null) =>
        Failure.Of(
            Details(message, code, retry, inDoubt, retryAfter, httpStatus, serviceCode, step, host, argument, activityId, clientRequestId, attempts, null),
            innerException);

    /// <summary>A notification of a failure.</summary>
    /// <param name="status">What it says: <see cref="IngestionStatus.UpdatedOn"/> is when it failed, <see cref="IngestionStatus.ActivityId"/> the root activity.</param>
    /// <returns>The notification.</returns>
    public static IngestionFailure IngestionFailure(IngestionStatus status) => new(new IngestionFailureInfo(Given(status)));

    /// <summary>A notification of a success.</summary>
    /// <param name="status">What it says: <see cref="IngestionStatus.UpdatedOn"/> is when it succeeded, <see cref="IngestionStatus.ActivityId"/> the root activity.</param>
    /// <returns>The notification.</returns>
    public static IngestionSuccess IngestionSuccess(IngestionStatus status) => new(new IngestionSuccessInfo(Given(status)));

    /// <summary>A source that was handed over.</summary>
    /// <param name="sourceId">Its id; random when null.</param>
    /// <param name="blobUri">The blob's address.</param>
    /// <param name="format">The name of the format.</param>
    /// <param name="isFormatAssumed">Whether the format is only the default.</param>
    /// <returns>The item.</returns>
    public static IngestionItem IngestionItem(Guid? sourceId = null, string blobUri = "", string format = "csv", bool isFormatAssumed = false) =>
        new(sourceId ?? Guid.NewGuid(), blobUri, format, isFormatAssumed);

    /// <summary>The result of an ingestion, whose status is what the test says.</summary>
    /// <param name="statuses">The status of each source, which every query of it returns: change them as time passes in the test.</param>
    /// <param name="items">The sources; one for each status when null.</param>
    /// <param name="trackingToken">The tracking token.</param>
    /// <param name="bytesRaw">Bytes before compression.</param>
    /// <param name="bytesSent">Bytes that were uploaded.</param>
    /// <param name="clientRequestId">The id of the ingestion in the service's logs.</param>
    /// <param name="delivery">How the data got to the service: see <see cref="IngestionDelivery"/>.</param>
    /// <returns>The result. Waiting for a final status returns at once, or fails as at the timeout when one is not final.</returns>
    public static IKustoIngestionResult IngestionResult(
        IReadOnlyList<IngestionStatus>? statuses = null,
        IReadOnlyList<IngestionItem>? items = null,
        string trackingToken = "",
        long bytesRaw = 0,
        long bytesSent = 0,
        string clientRequestId = "",
        IngestionDelivery? delivery = null) =>
        new ModelResult(statuses ?? [], items, trackingToken, clientRequestId, bytesRaw, bytesSent, delivery);

    /// <summary>How data got to the service.</summary>
    /// <param name="route">The way it took.</param>
    /// <param name="streamingAttempts">How many streaming requests were sent.</param>
    /// <param name="fallbackCause">Why managed ingestion queued it.</param>
    /// <param name="updatePolicy">What the update policy of the table made of it: see <see cref="UpdatePolicyResult"/>.</param>
    /// <param name="possiblyDuplicated">Whether it may be in the table twice.</param>
    /// <returns>The delivery.</returns>
    public static IngestionDelivery IngestionDelivery(
        IngestionRoute route = IngestionRoute.Queued,
        int streamingAttempts = 0,
        KustoException? fallbackCause = null,
        UpdatePolicyResult? updatePolicy = null,
        bool possiblyDuplicated = false) =>
        new(route, streamingAttempts, fallbackCause, updatePolicy, possiblyDuplicated);

    /// <summary>What an update policy made of streamed data.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="failureCode">The code of its failure.</param>
    /// <param name="failureReason">Why it failed.</param>
    /// <param name="isFailure">Whether it failed.</param>
    /// <returns>The result.</returns>
    public static UpdatePolicyResult UpdatePolicyResult(
        string status = "Inactive", string? failureCode = "Unknown", string? failureReason = null, bool isFailure = false) =>
        new(status ?? throw new ArgumentNullException(nameof(status)), failureCode, failureReason, isFailure);

    /// <summary>An event of a client's log, for tests of a <see cref="KustoLogReceiver"/>.</summary>
    /// <param name="level">Its level.</param>
    /// <param name="name">Its name.</param>
    /// <param name="message">What happened.</param>
    /// <param name="fields">Its fields.</param>
    /// <returns>The event.</returns>
    public static KustoLogEvent KustoLogEvent(
        KustoLogLevel level = KustoLogLevel.Info, string name = "", string message = "", IReadOnlyList<KeyValuePair<string, object?>>? fields = null) =>
        new(level, name, message, fields ?? []);

    /// <summary>The progress of a transfer.</summary>
    /// <param name="bytesRead">Read from the source.</param>
    /// <param name="bytesSent">Sent after compression.</param>
    /// <param name="bytesTotal">The source's size; 0 if it is unknown.</param>
    /// <returns>The progress.</returns>
    public static IngestionProgress IngestionProgress(long bytesRead = 0, long bytesSent = 0, long bytesTotal = 0) => new(bytesRead, bytesSent, bytesTotal);

    /// <summary>A request for a token, for tests of a <see cref="KustoTokenProvider"/>.</summary>
    /// <param name="scope">The scope.</param>
    /// <param name="tenantId">The Entra tenant.</param>
    /// <returns>The request.</returns>
    public static KustoTokenRequest KustoTokenRequest(string scope, string? tenantId = null) => new(scope ?? throw new ArgumentNullException(nameof(scope)), tenantId);

    /// <summary>The result of a query or command.</summary>
    /// <param name="tables">
    /// The tables, which must not change while the reader is used. The columns' types decide the Kusto types, <see cref="object"/> being dynamic.
    /// </param>
    /// <returns>A reader before the first row of the first table.</returns>
    public static KustoDataReader KustoDataReader(params DataTable[] tables) => new(new ModelRows(tables ?? throw new ArgumentNullException(nameof(tables))));

    private static IngestionStatus Given(IngestionStatus status) => status ?? throw new ArgumentNullException(nameof(status));

    private static ErrorDetails Details(
        string message,
        KustoErrorCode code,
        KustoRetry retry,
        bool inDoubt,
        TimeSpan? retryAfter,
        int httpStatus,
        string? serviceCode,
        string? step,
        string? host,
        string? argument,
        string? activityId,
        string? clientRequestId,
        IReadOnlyList<KustoException>? attempts,
        IReadOnlyList<Guid>? handedOver) => new()
        {
            Message = message ?? throw new ArgumentNullException(nameof(message)),
            Code = code,
            Retry = retry,
            InDoubt = inDoubt,
            RetryAfter = retryAfter,
            HttpStatus = httpStatus,
            ServiceCode = serviceCode,
            Step = step,
            Host = host,
            Argument = argument,
            ActivityId = activityId,
            ClientRequestId = clientRequestId,
            Attempts = attempts ?? [],
            HandedOver = handedOver ?? [],
        };
}
