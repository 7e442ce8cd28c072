//! Why a source was not ingested, in the service's own words.

use std::fmt;

/// How lasting a failure is, as reported in `FailureStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureStatus {
    /// Sending the same source again fails again.
    Permanent,
    /// The cause may pass; every attempt the ingestor made has failed.
    Exhausted,
}

impl FailureStatus {
    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            FailureStatus::Permanent => "Permanent",
            FailureStatus::Exhausted => "Exhausted",
        }
    }
}

macro_rules! error_codes {
    ($($variant:ident = $name:literal,)*) => {
        /// The ingestion error codes this ingestor can give; the names are those of the service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ErrorCode { $($variant,)* }

        impl ErrorCode {
            /// The name on the wire.
            pub(crate) fn name(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name,)* }
            }
        }
    };
}

error_codes! {
    ClosingQuoteMissing = "Stream_ClosingQuoteMissing",
    CorruptedMessage = "BadRequest_CorruptedMessage",
    DatabaseNotExist = "BadRequest_DatabaseNotExist",
    DownloadForbidden = "Download_Forbidden",
    DownloadSourceNotFound = "Download_SourceNotFound",
    DownloadNotTransient = "Download_NotTransient",
    DownloadUnknownError = "Download_UnknownError",
    DuplicateMapping = "BadRequest_DuplicateMapping",
    EmptyArchive = "BadRequest_EmptyArchive",
    EmptyBlob = "BadRequest_EmptyBlob",
    EmptyBlobUri = "BadRequest_EmptyBlobUri",
    EmptyDatabaseName = "BadRequest_EmptyDatabaseName",
    EmptyMappingReference = "BadRequest_EmptyMappingReference",
    FileTooLarge = "BadRequest_FileTooLarge",
    FormatNotSupported = "BadRequest_FormatNotSupported",
    InconsistentMapping = "BadRequest_InconsistentMapping",
    InputStreamTooLarge = "Stream_InputStreamTooLarge",
    InternalServerError = "General_InternalServerError",
    InvalidArchive = "BadRequest_InvalidArchive",
    InvalidBlob = "BadRequest_InvalidBlob",
    InvalidBlobUri = "BadRequest_InvalidBlobUri",
    InvalidIdentityToken = "BadRequest_InvalidKustoIdentityToken",
    InvalidMapping = "BadRequest_InvalidMapping",
    InvalidOrEmptyTableName = "BadRequest_InvalidOrEmptyTableName",
    MalformedIngestionProperty = "BadRequest_MalformedIngestionProperty",
    MappingReferenceWasNotFound = "BadRequest_MappingReferenceWasNotFound",
    NoDataToIngest = "Stream_NoDataToIngest",
    NoRecordsOrWrongFormat = "BadRequest_NoRecordsOrWrongFormat",
    NotSupported = "BadRequest_NotSupported",
    SkippedIngestByTag = "Skipped_IngestByTagAlreadyExists",
    TableNotExist = "BadRequest_TableNotExist",
    TransientSchemaMismatch = "General_TransientSchemaMismatch",
    UpdateBadRequest = "UpdatePolicy_BadRequest",
    UpdateDescendant = "UpdatePolicy_FailedDescendantTransaction",
    UpdateSchema = "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema",
    UpdateUnknown = "UpdatePolicy_UnknownError",
    WrongNumberOfFields = "Stream_WrongNumberOfFields",
    ZeroRetention = "BadRequest_ZeroRetentionPolicyWithNoUpdatePolicy",
}

impl ErrorCode {
    /// Whether the service counts the code as permanent.
    pub(crate) fn status(self) -> FailureStatus {
        match self {
            ErrorCode::DownloadUnknownError
            | ErrorCode::InternalServerError
            | ErrorCode::TransientSchemaMismatch
            | ErrorCode::UpdateDescendant
            | ErrorCode::UpdateUnknown => FailureStatus::Exhausted,
            _ => FailureStatus::Permanent,
        }
    }

    /// Whether an update policy caused the failure.
    pub(crate) fn is_of_update_policy(self) -> bool {
        self.name().starts_with("UpdatePolicy_")
    }
}

/// One source's failure: the code and a sentence for a human, free of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The service's code.
    pub(crate) code: ErrorCode,
    /// What went wrong and where. Never carries a SAS.
    pub(crate) details: String,
}

impl Failure {
    /// A failure with its explanation; the text must be free of secrets.
    pub(crate) fn new(code: ErrorCode, details: impl Into<String>) -> Failure {
        Failure {
            code,
            details: details.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.details)
    }
}

impl std::error::Error for Failure {}
