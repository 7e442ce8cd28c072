//! What a rule can say, and which rules make sense.

use std::time::Duration;

use hyper::header::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::services::{ServiceKind, StorageOperation};

/// Which requests fail, how often, and how.
///
/// ```
/// use kusto_emulator::{Fault, FaultRule, ServiceKind, StorageOperation};
///
/// let busy_once = FaultRule {
///     operation: Some(StorageOperation::PutBlock),
///     times: Some(1),
///     ..FaultRule::new(ServiceKind::Blob, Fault::status(503))
/// };
/// assert!(busy_once.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Json")]
pub struct FaultRule {
    /// The service whose requests are meant.
    pub service: ServiceKind,
    /// Storage only: the operation; any when none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<StorageOperation>,
    /// Commands and queries: what their text begins with, its case ignored. Logins: the grant that is asked for, or
    /// `devicecode`, `authorize`, `discovery`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Storage only: the account's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Storage only: the container's, queue's or table's name, its case ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Streaming ingestion only: the database's name, its case ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Streaming ingestion only: the table's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Streaming ingestion only: the number of the attempt, from 0, with which clients end `x-ms-client-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
    /// How many matching requests are let through first.
    pub skip: u64,
    /// How often the rule fires; for ever when none.
    pub times: Option<u64>,
    /// Whether it fires once more, whatever `times` says, for a request that comes before the `Retry-After` of the
    /// last answer has passed: so `fired` shows a client that does not wait.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insist: bool,
    /// What happens then.
    pub fault: Fault,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Fault {
    /// It is answered with an error of the service's own form; nothing is done.
    Status {
        /// HTTP status, 400 to 599.
        status: u16,
        /// `Retry-After`, in seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
        /// The service's error code; one that suits the status when none.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The body instead of the service's form.
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// Commands, queries and streaming ingestion only: it is answered with an error of the service's form whose members
    /// are as given; nothing is done.
    Kusto(KustoAnswer),
    /// Commands, queries and streaming ingestion only: the request is done; a success is answered with this body instead
    /// of its own.
    Reply {
        /// The body, which may be empty.
        body: String,
    },
    /// The connection is closed without a byte of an answer.
    Cut(CutPoint),
    /// The request is done, its answer comes later.
    Late {
        /// How much later, in milliseconds.
        millis: u64,
    },
    /// The request is done, its answer comes when the rule is disarmed.
    Hold,
    /// There is no answer; the connection stays open until the client leaves or the emulator ends.
    Stall {
        /// Whether the request is done.
        when: StallPoint,
    },
    /// A success that is no valid answer: an HTML page without any of the service's headers. Nothing is done.
    Garbage,
    /// Storage only: what the service says about a signature whose time is over.
    ExpiredSas,
    /// Storage only: what the service says about a signature that is wrong.
    WrongSas,
    /// `PutBlockList` only: the service does not know the blocks.
    InvalidBlockList,
}

/// An error member by member. What is not given is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KustoAnswer {
    /// HTTP status, 400 to 599.
    pub status: u16,
    /// `Retry-After`, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// `code`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `@type`
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// `message` and `@message`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `@permanent`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permanent: Option<bool>,
    /// `@failureCode`, a number or a text: services send both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<Json>,
}

/// When a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "when", rename_all = "camelCase")]
pub enum CutPoint {
    /// The request's body is not read and nothing is done.
    Before,
    /// Some of the request's body is read and nothing is done.
    During {
        /// How many bytes of the body are read first; a shorter body is read to its end.
        bytes: u64,
    },
    /// The request is done, but not answered.
    After,
}

/// Whether a request that is never answered is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StallPoint {
    /// Its body is taken in and forgotten.
    Before,
    /// It is done.
    After,
}

/// Why a rule is refused: the field that is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// As the JSON names it, `fault.status` for one of the fault's own.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl RuleError {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for RuleError {}

impl Fault {
    /// An error of the service's own form with this HTTP status, without `Retry-After`.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
            code: None,
            body: None,
        }
    }
}

impl FaultRule {
    /// A rule for every request of a service, for ever.
    #[must_use]
    pub fn new(service: ServiceKind, fault: Fault) -> Self {
        Self {
            service,
            operation: None,
            command: None,
            account: None,
            resource: None,
            database: None,
            table: None,
            attempt: None,
            skip: 0,
            times: None,
            insist: false,
            fault,
        }
    }

    /// Whether the rule makes sense; one that does not can never be armed.
    ///
    /// # Errors
    /// The first field that is wrong, and why.
    pub fn check(&self) -> Result<(), RuleError> {
        let storage = self.service.is_storage();
        for (field, given) in [
            ("operation", self.operation.is_some()),
            ("account", self.account.is_some()),
            ("resource", self.resource.is_some()),
        ] {
            if given && !storage {
                return Err(RuleError::new(field, "only storage services have one"));
            }
        }
        for (field, given) in [
            ("database", self.database.is_some()),
            ("table", self.table.is_some()),
            ("attempt", self.attempt.is_some()),
        ] {
            if given && self.service != ServiceKind::Ingest {
                return Err(RuleError::new(field, "only the service ingest has one"));
            }
        }
        if let Some(operation) = self.operation
            && ServiceKind::from(operation.service()) != self.service
        {
            return Err(RuleError::new(
                "operation",
                "it belongs to another service than the rule's",
            ));
        }
        let has_commands = matches!(
            self.service,
            ServiceKind::Mgmt | ServiceKind::Query | ServiceKind::Entra
        );
        if self.command.is_some() && !has_commands {
            return Err(RuleError::new(
                "command",
                "only the services mgmt, query and entra have one",
            ));
        }
        if self.times == Some(0) {
            return Err(RuleError::new(
                "times",
                "a rule fires at least once; null is for ever",
            ));
        }
        if self.insist && self.insisting().is_none() {
            return Err(RuleError::new(
                "insist",
                "it needs the fault status or kusto with retryAfter",
            ));
        }
        self.check_fault()
    }

    /// How long after its last answer a rule insists on it.
    pub(super) fn insisting(&self) -> Option<Duration> {
        match self.fault {
            Fault::Status {
                retry_after: Some(seconds),
                ..
            }
            | Fault::Kusto(KustoAnswer {
                retry_after: Some(seconds),
                ..
            }) if self.insist => Some(Duration::from_secs(seconds.into())),
            _ => None,
        }
    }

    fn check_fault(&self) -> Result<(), RuleError> {
        match &self.fault {
            Fault::Status { status, code, .. } => {
                if !(400..600).contains(status) {
                    return Err(RuleError::new("fault.status", "it must be 400 to 599"));
                }
                if code
                    .as_ref()
                    .is_some_and(|code| HeaderValue::from_str(code).is_err())
                {
                    return Err(RuleError::new(
                        "fault.code",
                        "it has characters that no header can carry",
                    ));
                }
                Ok(())
            }
            Fault::Kusto(answer) => self.check_kusto(answer),
            Fault::Reply { .. } => self.check_form(),
            Fault::ExpiredSas | Fault::WrongSas if !self.service.is_storage() => Err(
                RuleError::new("fault.kind", "only storage services check signatures"),
            ),
            Fault::InvalidBlockList if self.operation != Some(StorageOperation::PutBlockList) => {
                Err(RuleError::new(
                    "operation",
                    "the fault invalidBlockList needs the operation PutBlockList",
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_form(&self) -> Result<(), RuleError> {
        let has_form = matches!(
            self.service,
            ServiceKind::Mgmt | ServiceKind::Query | ServiceKind::Ingest
        );
        match has_form {
            true => Ok(()),
            false => {
                let problem = "only the services mgmt, query and ingest have such answers";
                Err(RuleError::new("fault.kind", problem))
            }
        }
    }

    fn check_kusto(&self, answer: &KustoAnswer) -> Result<(), RuleError> {
        self.check_form()?;
        if !(400..600).contains(&answer.status) {
            return Err(RuleError::new("fault.status", "it must be 400 to 599"));
        }
        match &answer.failure_code {
            None | Some(Json::Number(_) | Json::String(_)) => Ok(()),
            Some(_) => Err(RuleError::new(
                "fault.failureCode",
                "it must be a number or a text",
            )),
        }
    }
}
