//! The errors of the storage services: status, code and text as Azure gives them.

use std::borrow::Cow;

use hyper::StatusCode;

/// A refused storage request. Every service renders it in its own form (XML, or JSON for tables).
#[derive(Clone, Debug)]
pub(crate) struct StorageError {
    pub(crate) status: StatusCode,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    /// Extra elements of the XML body, such as `AuthenticationErrorDetail`.
    pub(crate) details: Vec<(&'static str, String)>,
}

impl StorageError {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
        }
    }

    fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    fn not_found(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    // Authorization

    pub(crate) fn authentication_failed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
        )
        .with("AuthenticationErrorDetail", detail)
    }

    pub(crate) fn no_authentication() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "NoAuthenticationInformation",
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.",
        )
    }

    pub(crate) fn permission_mismatch() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "AuthorizationPermissionMismatch",
            "This request is not authorized to perform this operation using this permission.",
        )
    }

    pub(crate) fn protocol_mismatch() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "AuthorizationProtocolMismatch",
            "This request is not authorized to perform this operation using this protocol.",
        )
    }

    // Requests that are wrong in themselves

    pub(crate) fn missing_header(name: &'static str) -> Self {
        Self::bad_request(
            "MissingRequiredHeader",
            "An HTTP header that's mandatory for this request is not specified.",
        )
        .with("HeaderName", name)
    }

    pub(crate) fn invalid_header(name: &'static str, value: impl Into<String>) -> Self {
        Self::bad_request(
            "InvalidHeaderValue",
            "The value for one of the HTTP headers is not in the correct format.",
        )
        .with("HeaderName", name)
        .with("HeaderValue", value)
    }

    pub(crate) fn missing_parameter(name: &'static str) -> Self {
        Self::bad_request(
            "MissingRequiredQueryParameter",
            "A query parameter that's mandatory for this request is not specified.",
        )
        .with("QueryParameterName", name)
    }

    pub(crate) fn invalid_parameter(name: &'static str, value: impl Into<String>) -> Self {
        Self::bad_request(
            "InvalidQueryParameterValue",
            "Value for one of the query parameters specified in the request URI is invalid.",
        )
        .with("QueryParameterName", name)
        .with("QueryParameterValue", value)
    }

    pub(crate) fn parameter_out_of_range(
        name: &'static str,
        value: impl Into<String>,
        minimum: i64,
        maximum: i64,
    ) -> Self {
        Self::bad_request(
            "OutOfRangeQueryParameterValue",
            "One of the query parameters specified in the request URI is outside the permissible range.",
        )
        .with("QueryParameterName", name)
        .with("QueryParameterValue", value)
        .with("MinimumAllowed", minimum.to_string())
        .with("MaximumAllowed", maximum.to_string())
    }

    pub(crate) fn missing_content_length() -> Self {
        Self::new(
            StatusCode::LENGTH_REQUIRED,
            "MissingContentLengthHeader",
            "The Content-Length header was not specified.",
        )
    }

    pub(crate) fn invalid_xml() -> Self {
        Self::bad_request(
            "InvalidXmlDocument",
            "The specified XML is not syntactically valid.",
        )
    }

    pub(crate) fn invalid_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request("InvalidInput", message)
    }

    pub(crate) fn invalid_uri() -> Self {
        Self::bad_request(
            "InvalidUri",
            "The requested URI does not represent any resource on the server.",
        )
    }

    pub(crate) fn body_cut_short() -> Self {
        Self::bad_request(
            "IncompleteBody",
            "The number of bytes specified in the Content-Length header were not received.",
        )
    }

    pub(crate) fn body_too_large(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestBodyTooLarge",
            "The request body is too large and exceeds the maximum permissible limit.",
        )
        .with("MaxLimit", limit.to_string())
    }

    pub(crate) fn unsupported_verb() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "UnsupportedHttpVerb",
            "The resource doesn't support the specified HTTP verb.",
        )
    }

    /// Azure could do it, the emulator cannot.
    pub(crate) fn not_implemented(what: &'static str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            format!("The emulator's storage does not implement {what}."),
        )
    }

    // Conditions

    pub(crate) fn condition_not_met() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "ConditionNotMet",
            "The condition specified using HTTP conditional header(s) is not met.",
        )
    }

    // Blobs

    pub(crate) fn container_not_found() -> Self {
        Self::not_found(
            "ContainerNotFound",
            "The specified container does not exist.",
        )
    }

    pub(crate) fn blob_not_found() -> Self {
        Self::not_found("BlobNotFound", "The specified blob does not exist.")
    }

    pub(crate) fn blob_exists() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "BlobAlreadyExists",
            "The specified blob already exists.",
        )
    }

    pub(crate) fn invalid_block_list() -> Self {
        Self::bad_request("InvalidBlockList", "The specified block list is invalid.")
    }

    pub(crate) fn invalid_blob_or_block() -> Self {
        Self::bad_request(
            "InvalidBlobOrBlock",
            "The specified blob or block content is invalid.",
        )
    }

    pub(crate) fn invalid_range() -> Self {
        Self::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "InvalidRange",
            "The range specified is invalid for the current size of the resource.",
        )
    }

    // Queues

    pub(crate) fn queue_not_found() -> Self {
        Self::not_found("QueueNotFound", "The specified queue does not exist.")
    }

    pub(crate) fn message_not_found() -> Self {
        Self::not_found("MessageNotFound", "The specified message does not exist.")
    }

    pub(crate) fn pop_receipt_mismatch() -> Self {
        Self::bad_request(
            "PopReceiptMismatch",
            "The specified pop receipt did not match the pop receipt for a dequeued message.",
        )
    }

    // Tables

    pub(crate) fn table_not_found() -> Self {
        Self::not_found("TableNotFound", "The table specified does not exist.")
    }

    pub(crate) fn entity_not_found() -> Self {
        Self::not_found("ResourceNotFound", "The specified resource does not exist.")
    }

    pub(crate) fn entity_exists() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "EntityAlreadyExists",
            "The specified entity already exists.",
        )
    }

    pub(crate) fn update_condition_not_satisfied() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "UpdateConditionNotSatisfied",
            "The update condition specified in the request was not satisfied.",
        )
    }

    pub(crate) fn missing_keys() -> Self {
        Self::bad_request(
            "PropertiesNeedValue",
            "The values are not specified for all properties in the entity.",
        )
    }

    pub(crate) fn service_unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServerBusy", message)
    }
}
