//! What came of one streaming request, from what was seen of it.
//!
//! Codes of the service count as whole words; its prose never does: it quotes names of tables, which can be anything.

use std::time::Duration;

use crate::query::service_error::Codes;

/// What was seen of a request.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// There is no whole answer.
    NoAnswer {
        /// Whether the service may have the whole request.
        may_have_arrived: bool,
        /// Whether another one would fail in the same way.
        is_permanent: bool,
    },
    Answer(Answer),
}

/// An answer, of any status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content: Content,
    /// How long it asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

/// What an answer's body is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Empty,
    /// JSON without an error.
    Json,
    /// An error object of the service.
    Error(Codes),
    /// A gateway's page, or anything else that is not the service's.
    Foreign,
}

/// Why a request did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The table has no policy for streaming ingestion.
    TableOff,
    /// The cluster has it turned off.
    ClusterOff,
    /// The cluster cannot do it at the moment.
    ClusterPaused,
    /// Nothing knows the address: streaming is off, or the host is that of data management.
    NoEndpoint,
    /// The table's update policy does not allow it.
    TableConfig,
    TooLarge,
    Throttled,
    /// The service failed, and says that it did not ingest.
    Transient,
    Auth,
    Forbidden,
    /// The database, the table or the mapping.
    NotFound,
    /// The queue would not ingest such data either.
    BadData,
    /// The service refuses it for another reason.
    Other,
    /// The service cannot have the whole request.
    Unreached,
    /// The client's other requests leave no place for one in time.
    Busy,
    /// The service may have the request, and nothing says what it did with it.
    Unanswered,
    /// The answer is none that the service gives.
    Protocol,
}

impl Reason {
    /// Whether streaming is not available to the table, or to all of the cluster.
    pub(crate) fn is_off(self) -> bool {
        matches!(
            self,
            Self::TableOff | Self::ClusterOff | Self::ClusterPaused | Self::NoEndpoint
        )
    }
}

/// What may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    /// The data was not ingested, and the next attempt may succeed.
    Retry(Reason),
    /// The data was not ingested, and no attempt will succeed; the queue may.
    Queue(Reason),
    /// The data was not ingested, and would not be by the queue.
    Refused(Reason),
    /// The data may have been ingested.
    Doubt(Reason),
}

impl Verdict {
    /// Why it is no success.
    pub(crate) fn reason(self) -> Option<Reason> {
        match self {
            Self::Done => None,
            Self::Retry(reason)
            | Self::Queue(reason)
            | Self::Refused(reason)
            | Self::Doubt(reason) => Some(reason),
        }
    }
}

/// The verdict on what was seen.
pub(crate) fn classify(seen: &Seen) -> Verdict {
    match seen {
        Seen::NoAnswer {
            may_have_arrived: true,
            ..
        } => Verdict::Doubt(Reason::Unanswered),
        Seen::NoAnswer {
            is_permanent: true, ..
        } => Verdict::Queue(Reason::Unreached),
        Seen::NoAnswer { .. } => Verdict::Retry(Reason::Unreached),
        Seen::Answer(answer) => of_answer(answer),
    }
}

fn of_answer(answer: &Answer) -> Verdict {
    let codes = match &answer.content {
        Content::Error(codes) => Some(codes),
        _ => None,
    };
    match answer.status {
        200 if codes.is_none() => match answer.content {
            Content::Empty | Content::Json => Verdict::Done,
            _ => Verdict::Doubt(Reason::Protocol),
        },
        201..=299 => Verdict::Doubt(Reason::Protocol),
        // Never followed: the token would go to another host.
        300..=399 => Verdict::Refused(Reason::Protocol),
        401 => Verdict::Refused(Reason::Auth),
        403 => Verdict::Refused(Reason::Forbidden),
        408 | 504 => Verdict::Doubt(Reason::Unanswered),
        413 => Verdict::Queue(Reason::TooLarge),
        429 => Verdict::Retry(Reason::Throttled),
        status => match codes {
            Some(codes) => of_codes(codes).unwrap_or_else(|| match codes.is_marked {
                true => of_report(status, codes.permanent),
                false => of_gateway(status, answer.retry_after),
            }),
            None => of_gateway(status, answer.retry_after),
        },
    }
}

/// What an error of the service says whose codes are none that are known here.
fn of_report(status: u16, permanent: Option<bool>) -> Verdict {
    match (permanent, status) {
        // A success with an error in it, which does not say what was done before.
        (_, 200) => Verdict::Doubt(Reason::Protocol),
        (_, 404) => Verdict::Refused(Reason::NotFound),
        (Some(false), _) => Verdict::Retry(Reason::Transient),
        (None, 500..) => Verdict::Retry(Reason::Transient),
        _ => Verdict::Refused(Reason::Other),
    }
}

/// What a status says that comes without an error of the service.
fn of_gateway(status: u16, retry_after: Option<Duration>) -> Verdict {
    match status {
        404 => Verdict::Queue(Reason::NoEndpoint),
        // Some say it of an engine that broke off after it had the request: only one that asks to come back did not
        // pass it on.
        503 if retry_after.is_some() => Verdict::Retry(Reason::Transient),
        // It did not pass the request on.
        400..=499 | 501 | 505 | 511 => Verdict::Refused(Reason::Other),
        // It did, or nobody knows.
        _ => Verdict::Doubt(Reason::Unanswered),
    }
}

/// The verdict on the first code that is known here; the number, which says less, comes last.
fn of_codes(codes: &Codes) -> Option<Verdict> {
    let named = codes.names.iter().find_map(|name| of_code(name));
    named.or_else(|| match codes.failure? {
        429 => Some(Verdict::Retry(Reason::Throttled)),
        413 => Some(Verdict::Queue(Reason::TooLarge)),
        code if code as u32 == STREAM_TOO_LARGE => Some(Verdict::Queue(Reason::TooLarge)),
        _ => None,
    })
}

/// `Stream_InputStreamTooLarge` as a number, which is seen with a sign and without.
const STREAM_TOO_LARGE: u32 = 0x80DA_0009;

fn of_code(code: &str) -> Option<Verdict> {
    if code.starts_with("ServiceUnavailable_StreamingIngestion") {
        return Some(Verdict::Queue(Reason::ClusterPaused));
    }
    Some(match bare(code) {
        "StreamingIngestionPolicyNotEnabled" => Verdict::Queue(Reason::TableOff),
        "StreamingIngestionDisabledForCluster" => Verdict::Queue(Reason::ClusterOff),
        "UpdatePolicyIncompatible" | "QuerySchemaDoesNotMatchTableSchema" => {
            Verdict::Queue(Reason::TableConfig)
        }
        "InputStreamTooLarge" | "FileTooLarge" | "KustoRequestPayloadTooLarge" => {
            Verdict::Queue(Reason::TooLarge)
        }
        // They say nothing about what was done.
        "Timeout" | "Unknown" => Verdict::Doubt(Reason::Unanswered),
        "EntityNotFound" | "TableNotExist" | "DatabaseNotExist" | "MappingReferenceWasNotFound" => {
            Verdict::Refused(Reason::NotFound)
        }
        "KustoRequestThrottled" | "ThrottledIngestion" | "Throttling" | "TooManyRequests" => {
            Verdict::Retry(Reason::Throttled)
        }
        "Forbidden" | "KustoRequestDenied" | "TableAccessDenied" | "DatabaseAccessDenied" => {
            Verdict::Refused(Reason::Forbidden)
        }
        "WrongNumberOfFields"
        | "ClosingQuoteMissing"
        | "UnexpectedCharacterInInputStream"
        | "NoDataToIngest"
        | "DynamicPropertyBagTooLarge"
        | "InvalidMapping"
        | "InvalidMappingReference"
        | "InconsistentMapping"
        | "FormatNotSupported" => Verdict::Refused(Reason::BadData),
        _ => return None,
    })
}

/// The name of a code without its class, and of an exception's type without its namespace: what is left of
/// `BadRequest_FileTooLarge` and `Kusto.X.FileTooLargeException` is the same.
fn bare(code: &str) -> &str {
    const CLASSES: [&str; 9] = [
        "BadRequest",
        "Download",
        "Forbidden",
        "General",
        "NotFound",
        "ServiceUnavailable",
        "Stream",
        "Timeout",
        "UpdatePolicy",
    ];
    let name = code.rsplit_once('.').map_or(code, |(_, name)| name);
    let name = name.strip_suffix("Exception").unwrap_or(name);
    match name.split_once('_') {
        Some((class, rest)) if CLASSES.contains(&class) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests;
