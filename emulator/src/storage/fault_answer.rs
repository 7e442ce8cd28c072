//! What storage answers when a fault rule fires that has an answer.

use hyper::{Response, StatusCode};

use super::account::AccountKey;
use super::error::StorageError;
use super::query::Query;
use super::sas::{self, Target};
use crate::faults::Fault;
use crate::http::{Body, garbage};
use crate::services::StorageOperation;

/// A fault's answer: an error in the service's form, or whole as it is.
pub(super) enum FaultAnswer {
    /// With the body and the wait in seconds that the rule wants instead of and besides the service's form.
    Error {
        error: StorageError,
        body: Option<String>,
        retry_after: Option<u32>,
    },
    Whole(Response<Body>),
}

/// What the request is to be told; `target` and `query` are its own.
pub(super) fn fault_answer(
    fault: &Fault,
    operation: Option<StorageOperation>,
    account: &AccountKey,
    target: &Target<'_>,
    query: &Query,
    now: time::OffsetDateTime,
) -> FaultAnswer {
    let error = match fault {
        Fault::Status {
            status,
            retry_after,
            code,
            body,
        } => {
            return FaultAnswer::Error {
                error: error_of(*status, code.as_deref()),
                body: body.clone(),
                retry_after: *retry_after,
            };
        }
        Fault::ExpiredSas => sas::expired_signature(query, now),
        Fault::WrongSas => sas::wrong_signature(account, target, query),
        Fault::InvalidBlockList => StorageError::invalid_block_list(),
        // The rest has no answer of its own.
        Fault::Garbage
        | Fault::Kusto(_)
        | Fault::Reply { .. }
        | Fault::Cut(_)
        | Fault::Late { .. }
        | Fault::Hold
        | Fault::Stall { .. } => {
            return FaultAnswer::Whole(garbage(success(operation)));
        }
    };
    FaultAnswer::Error {
        error,
        body: None,
        retry_after: None,
    }
}

/// The status of success, as far as it is 200 or 201.
fn success(operation: Option<StorageOperation>) -> StatusCode {
    use StorageOperation as Op;
    match operation {
        Some(Op::PutBlob | Op::PutBlock | Op::PutBlockList | Op::PutMessage | Op::InsertEntity) => {
            StatusCode::CREATED
        }
        _ => StatusCode::OK,
    }
}

/// Codes from <https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes>.
fn error_of(status: u16, code: Option<&str>) -> StorageError {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (usual, message) = match status.as_u16() {
        401 => (
            "NoAuthenticationInformation",
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
        ),
        403 => (
            "AuthorizationFailure",
            "This request is not authorized to perform this operation.",
        ),
        404 => ("ResourceNotFound", "The specified resource does not exist."),
        409 => (
            "AccountBeingCreated",
            "The specified account is in the process of being created.",
        ),
        412 => (
            "ConditionNotMet",
            "The condition specified using HTTP conditional header(s) is not met.",
        ),
        413 => (
            "RequestBodyTooLarge",
            "The size of the request body exceeds the maximum size permitted.",
        ),
        400..500 => ("InvalidInput", "One of the request inputs is not valid."),
        503 => (
            "ServerBusy",
            "The server is currently unable to receive requests. Please retry your request.",
        ),
        _ => (
            "InternalError",
            "The server encountered an internal error. Please retry the request.",
        ),
    };
    let code = code.unwrap_or(usual).to_owned();
    StorageError::new(status, code, message)
}
