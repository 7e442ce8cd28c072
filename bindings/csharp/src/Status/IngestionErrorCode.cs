namespace Kusto.Ingest.Native;

/// <summary>
/// The service's codes of failed ingestions, by the names (and misspellings) that it sends. The numbers mean nothing.
/// The service may have more: <see cref="IngestionStatus.ErrorCodeText"/> has them as they are.
/// </summary>
public enum IngestionErrorCode
{
    /// <summary>No failure, or a code without a name here.</summary>
    Unknown = 0,

    /// <summary>BadFormat: wrong number of fields.</summary>
    Stream_WrongNumberOfFields,

    /// <summary>BadFormat: closing quote missing.</summary>
    Stream_ClosingQuoteMissing,

    /// <summary>BadFormat: invalid blob.</summary>
    BadRequest_InvalidBlob,

    /// <summary>BadFormat: empty archive.</summary>
    BadRequest_EmptyArchive,

    /// <summary>BadFormat: invalid archive.</summary>
    BadRequest_InvalidArchive,

    /// <summary>BadFormat: invalid mapping.</summary>
    BadRequest_InvalidMapping,

    /// <summary>BadFormat: invalid mapping reference.</summary>
    BadRequest_InvalidMappingReference,

    /// <summary>BadFormat: format not supported.</summary>
    BadRequest_FormatNotSupported,

    /// <summary>BadFormat: inconsistent mapping.</summary>
    BadRequest_InconsistentMapping,

    /// <summary>BadFormat: unexpected character in input stream.</summary>
    BadRequest_UnexpectedCharacterInInputStream,

    /// <summary>BadRequest: empty blob.</summary>
    BadRequest_EmptyBlob,

    /// <summary>BadRequest: no records or wrong format.</summary>
    BadRequest_NoRecordsOrWrongFormat,

    /// <summary>BadRequest: empty blob URI.</summary>
    BadRequest_EmptyBlobUri,

    /// <summary>BadRequest: duplicate mapping.</summary>
    BadRequest_DuplicateMapping,

    /// <summary>BadRequest: invalid or empty table name.</summary>
    BadRequest_InvalidOrEmptyTableName,

    /// <summary>BadRequest: empty database name.</summary>
    BadRequest_EmptyDatabaseName,

    /// <summary>BadRequest: empty mapping reference.</summary>
    BadRequest_EmptyMappingReference,

    /// <summary>BadRequest: bad request.</summary>
    Download_BadRequest,

    /// <summary>BadRequest: missing mapping.</summary>
    BadRequest_MissingMappingtFailure,

    /// <summary>BadRequest: no data to ingest.</summary>
    Stream_NoDataToIngest,

    /// <summary>BadRequest: dynamic property bag too large.</summary>
    Stream_DynamicPropertyBagTooLarge,

    /// <summary>BadRequest: bad request.</summary>
    General_BadRequest,

    /// <summary>BadRequest: corrupted message.</summary>
    BadRequest_CorruptedMessage,

    /// <summary>BadRequest: syntax error.</summary>
    BadRequest_SyntaxError,

    /// <summary>BadRequest: zero retention policy with no update policy.</summary>
    BadRequest_ZeroRetentionPolicyWithNoUpdatePolicy,

    /// <summary>BadRequest: creation time earlier than soft delete period.</summary>
    BadRequest_CreationTimeEarlierThanSoftDeletePeriod,

    /// <summary>BadRequest: not supported.</summary>
    BadRequest_NotSupported,

    /// <summary>BadRequest: source not found.</summary>
    Download_SourceNotFound,

    /// <summary>BadRequest: entity name is not valid.</summary>
    BadRequest_EntityNameIsNotValid,

    /// <summary>BadRequest: malformed ingestion property.</summary>
    BadRequest_MalformedIngestionProperty,

    /// <summary>BadRequest: ingestion property not supported in this context.</summary>
    BadRequest_IngestionPropertyNotSupportedInThisContext,

    /// <summary>BadRequest: non multi database data connection.</summary>
    BadRequest_NonMultiDatabaseDataConnection,

    /// <summary>BadRequest: invalid blob URI.</summary>
    BadRequest_InvalidBlobUri,

    /// <summary>BadRequest: data capacity limit reached.</summary>
    BadRequest_DataCapacityLimitReached,

    /// <summary>BadRequest: invalid managed identity.</summary>
    BadRequest_InvalidManagedIdentity,

    /// <summary>DataAccessNotAuthorized: access condition not satisfied.</summary>
    Download_AccessConditionNotSatisfied,

    /// <summary>DataAccessNotAuthorized: forbidden.</summary>
    Download_Forbidden,

    /// <summary>DataAccessNotAuthorized: account not found.</summary>
    Download_AccountNotFound,

    /// <summary>DataAccessNotAuthorized: table access denied.</summary>
    BadRequest_TableAccessDenied,

    /// <summary>DataAccessNotAuthorized: database access denied.</summary>
    BadRequest_DatabaseAccessDenied,

    /// <summary>DataAccessNotAuthorized: invalid authentication.</summary>
    BadRequest_InvalidAuthentication,

    /// <summary>DownloadFailed: not transient.</summary>
    Download_NotTransient,

    /// <summary>DownloadFailed: unknown error.</summary>
    Download_UnknownError,

    /// <summary>DownloadFailed: transient name resolution failure.</summary>
    Download_TransientNameResolutionFailure,

    /// <summary>EntityNotFound: mapping reference was not found.</summary>
    BadRequest_MappingReferenceWasNotFound,

    /// <summary>EntityNotFound: database not exist.</summary>
    BadRequest_DatabaseNotExist,

    /// <summary>EntityNotFound: table not exist.</summary>
    BadRequest_TableNotExist,

    /// <summary>EntityNotFound: entity not found.</summary>
    BadRequest_EntityNotFound,

    /// <summary>FileTooLarge: input stream too large.</summary>
    Stream_InputStreamTooLarge,

    /// <summary>FileTooLarge: file too large.</summary>
    BadRequest_FileTooLarge,

    /// <summary>InternalServiceError: internal server error.</summary>
    General_InternalServerError,

    /// <summary>InternalServiceError: transient schema mismatch.</summary>
    General_TransientSchemaMismatch,

    /// <summary>InternalServiceError: timeout.</summary>
    Timeout,

    /// <summary>InternalServiceError: out of memory.</summary>
    OutOfMemory,

    /// <summary>InternalServiceError: permanent update failure.</summary>
    Schema_PermanentUpdateFailure,

    /// <summary>UpdatePolicyFailure: query schema does not match table schema.</summary>
    UpdatePolicy_QuerySchemaDoesNotMatchTableSchema,

    /// <summary>UpdatePolicyFailure: failed descendant transaction.</summary>
    UpdatePolicy_FailedDescendantTransaction,

    /// <summary>UpdatePolicyFailure: ingestion error.</summary>
    UpdatePolicy_IngestionError,

    /// <summary>UpdatePolicyFailure: unknown error.</summary>
    UpdatePolicy_UnknownError,

    /// <summary>UpdatePolicyFailure: cyclic update not allowed.</summary>
    UpdatePolicy_Cyclic_Update_Not_Allowed,

    /// <summary>UpdatePolicyFailure: bad request.</summary>
    UpdatePolicy_BadRequest,

    /// <summary>UserAccessNotAuthorized: invalid Kusto identity token.</summary>
    BadRequest_InvalidKustoIdentityToken,

    /// <summary>UserAccessNotAuthorized: forbidden.</summary>
    Forbidden,

    /// <summary>ThrottledOnEngine: throttled ingestion.</summary>
    General_ThrottledIngestion,

    /// <summary>RetryAttemptsExceeded: retry attempts exceeded.</summary>
    General_RetryAttemptsExceeded,

    /// <summary>Skipped or from older services: ingest by tag already exists.</summary>
    Skipped_IngestByTagAlreadyExists,

    /// <summary>Skipped or from older services: abandoned ingestion.</summary>
    General_AbandonedIngestion,

    /// <summary>Skipped or from older services: message exhausted.</summary>
    BadRequest_MessageExhausted,

    /// <summary>Skipped or from older services: URI missing SAS.</summary>
    BadRequest_UriMissingSas,

    /// <summary>Skipped or from older services: no valid response from engine.</summary>
    BadRequest_NoValidResponseFromEngine,

    /// <summary>Skipped or from older services: invalid or empty blob.</summary>
    BadRequest_InvalidOrEmptyBlob,

    /// <summary>Skipped or from older services: missing JSON mapping.</summary>
    BadRequest_MissingJsonMappingtFailure,

    /// <summary>Skipped or from older services: invalid JSON mapping.</summary>
    BadRequest_InvalidJsonMapping,

    /// <summary>Skipped or from older services: invalid CSV mapping.</summary>
    BadRequest_InvalidCsvMapping,

    /// <summary>Skipped or from older services: low memory condition.</summary>
    Stream_LowMemoryCondition,

    /// <summary>Skipped or from older services: transactional not allowed in streaming ingestion.</summary>
    UpdatePolicy_Transactional_Not_Allowed_In_Streaming_Ingestion,
}
