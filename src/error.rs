//! The error type: what failed, at which step, on which host, and whether to retry.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::secret::mask;

mod catalog;
mod nearest;
mod text;

pub use catalog::{ErrorKind, RetryClass, Step};
pub(crate) use nearest::did_you_mean;

/// The result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What failed. Build it with [`Error::new`] and the `with_` methods; read it with the others.
///
/// No text of an error contains a token, a key or a signature that this process holds: every text is
/// searched for them as it becomes part of the error. Third-party text goes through
/// [`crate::secret::redact`] first, which also removes what looks like a secret.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    step: Step,
    message: String,
    host: Option<String>,
    argument: Option<String>,
    http_status: Option<u16>,
    service_code: Option<String>,
    activity_id: Option<String>,
    client_request_id: Option<String>,
    retry: RetryClass,
    retry_after: Option<Duration>,
    in_doubt: bool,
    attempts: Vec<Error>,
    /// When its attempt began.
    since: Instant,
    /// When it failed.
    at: Instant,
    /// How many attempts it stands for, itself included: of long lists some are left out.
    stands_for: u64,
    handed_over: Vec<Uuid>,
    /// Whether it says that a login is not configured here.
    is_absent: bool,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind at this step. `message` is for people: a clause without a full stop.
    pub fn new(kind: ErrorKind, step: Step, message: impl Into<String>) -> Self {
        let now = Instant::now();
        Self(Box::new(Inner {
            kind,
            step,
            message: mask(message.into()),
            host: None,
            argument: None,
            http_status: None,
            service_code: None,
            activity_id: None,
            client_request_id: None,
            retry: kind.usual_retry(),
            retry_after: None,
            in_doubt: false,
            attempts: Vec::new(),
            since: now,
            at: now,
            stands_for: 1,
            handed_over: Vec::new(),
            is_absent: false,
            source: None,
        }))
    }

    /// An [`ErrorKind::Internal`] with the text of a panic that was caught where it must not continue,
    /// such as at the boundary to another language. `panic` comes from [`std::panic::catch_unwind`].
    pub fn defect(panic: &(dyn Any + Send)) -> Self {
        let message = format!("a defect of this library: {}", panic_text(panic));
        Self::new(ErrorKind::Internal, Step::Wait, message)
    }

    /// An [`ErrorKind::InvalidArgument`] that names the argument.
    pub fn invalid_argument(argument: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, Step::CheckArguments, message).with_argument(argument)
    }

    /// Sets the step, for errors that are created where the step is unknown.
    #[must_use]
    pub fn with_step(mut self, step: Step) -> Self {
        self.0.step = step;
        self
    }

    /// Adds to the message what the caller may do.
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.0.message = format!("{} ({hint})", self.0.message.trim_end());
        self
    }

    /// Says that nothing was refused: what was asked for is not configured here, and something else may be.
    pub(crate) fn of_absent(mut self) -> Self {
        self.0.is_absent = true;
        self
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.0.is_absent
    }

    /// Names the argument that is wrong.
    #[must_use]
    pub fn with_argument(mut self, argument: impl Into<String>) -> Self {
        self.0.argument = Some(mask(argument.into()));
        self
    }

    /// Names the host that was called.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.0.host = Some(mask(host.into()));
        self
    }

    /// Records the HTTP status.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    /// Records the service's own code, such as `General_BadRequest` or `AuthenticationFailed`.
    #[must_use]
    pub fn with_service_code(mut self, code: impl Into<String>) -> Self {
        self.0.service_code = Some(mask(code.into()));
        self
    }

    /// Records the service's activity id (`x-ms-activity-id`), or the request id of storage
    /// (`x-ms-request-id`), which its support asks for.
    #[must_use]
    pub fn with_activity_id(mut self, id: impl Into<String>) -> Self {
        self.0.activity_id = Some(mask(id.into()));
        self
    }

    /// Records this library's id of the request (`x-ms-client-request-id`).
    #[must_use]
    pub fn with_client_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.client_request_id = Some(mask(id.into()));
        self
    }

    /// Overrides the kind's usual retry class.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryClass) -> Self {
        self.0.retry = retry;
        self
    }

    /// Records how long the service asks to wait; implies [`RetryClass::Later`].
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self.0.retry = RetryClass::Later;
        self
    }

    /// Marks the outcome as unknown: the service may have carried out the request.
    #[must_use]
    pub fn with_in_doubt(mut self, in_doubt: bool) -> Self {
        self.0.in_doubt = in_doubt;
        self
    }

    /// Records the failed attempts, oldest first, each with its own host and cause.
    #[must_use]
    pub fn with_attempts(mut self, attempts: Vec<Error>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Names the source that it is about, unless it is named already.
    #[must_use]
    pub(crate) fn about(mut self, source: &str) -> Self {
        if !self.0.message.contains(source) {
            self.0.message = mask(format!("{source}: {}", self.0.message));
        }
        self
    }

    /// Records when the attempt began that failed.
    #[must_use]
    pub(crate) fn since(mut self, begun: Instant) -> Self {
        self.0.since = begun;
        self
    }

    /// Lets it stand for an attempt that is left out of a long list.
    pub(crate) fn add_left_out(&mut self, other: &Error) {
        self.0.stands_for += other.0.stands_for;
    }

    /// The same error as one of another kind, of which more is known than its status says.
    #[must_use]
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Of the end of a pause between attempts: it is none itself.
    #[must_use]
    pub(crate) fn of_no_attempt(mut self) -> Self {
        self.0.stands_for = 0;
        self
    }

    /// Adds the attempts that failed before this one, if any did, and this one as the last of them,
    /// unless it is [none](Self::of_no_attempt).
    #[must_use]
    pub(crate) fn after(self, mut failed: Vec<Error>) -> Self {
        if failed.is_empty() {
            return self;
        }
        if self.0.stands_for > 0 {
            failed.push(self.clone());
        }
        self.with_attempts(failed)
    }

    /// Records which items of the call were handed over nevertheless.
    #[must_use]
    pub fn with_handed_over(mut self, source_ids: Vec<Uuid>) -> Self {
        self.0.handed_over = source_ids;
        self
    }

    /// Keeps the error of a lower layer as [`std::error::Error::source`]. Its text is not printed
    /// by this type, because third-party texts can contain URLs with signatures.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The step that failed.
    pub fn step(&self) -> Step {
        self.0.step
    }

    /// The text for people, without step, host and attempts; `Display` adds those.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The argument that is wrong, for [`ErrorKind::InvalidArgument`] and [`ErrorKind::Config`].
    pub fn argument(&self) -> Option<&str> {
        self.0.argument.as_deref()
    }

    /// The host that was called (name and port), if one was.
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// The number of the operating system's error at the root of this one: `errno`, or on Windows what
    /// `GetLastError` gives. A file that cannot be opened has one.
    pub fn system_code(&self) -> Option<i32> {
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let system = error.downcast_ref::<std::io::Error>();
            if let Some(code) = system.and_then(std::io::Error::raw_os_error) {
                return Some(code);
            }
            cause = error.source();
        }
        None
    }

    /// The HTTP status of the answer, if there was one.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The service's own code.
    pub fn service_code(&self) -> Option<&str> {
        self.0.service_code.as_deref()
    }

    /// The service's activity id, or the request id of storage.
    pub fn activity_id(&self) -> Option<&str> {
        self.0.activity_id.as_deref()
    }

    /// The id under which the failed request was sent.
    pub fn client_request_id(&self) -> Option<&str> {
        self.0.client_request_id.as_deref()
    }

    /// Whether calling again can succeed.
    pub fn retry(&self) -> RetryClass {
        self.0.retry
    }

    /// Whether the same call will certainly fail again.
    pub fn is_permanent(&self) -> bool {
        self.0.retry == RetryClass::Never
    }

    /// Whether the cause is transient, so that the same call may succeed later: after
    /// [`Error::retry_after`], or a growing pause. Never true together with [`Error::is_permanent`]; both are
    /// false when the library cannot say ([`RetryClass::Unknown`]).
    ///
    /// It says nothing about what has already happened. When [`Error::is_in_doubt`] is true as well, calling
    /// again can double the data, unless an `ingest-by:` tag with `ingestIfNotExists` prevents that.
    ///
    /// ```
    /// # fn example(error: kusto_ingest::error::Error, keyed: bool) {
    /// let repeat = match error.is_in_doubt() {
    ///     true => keyed, // a tag makes the second copy harmless
    ///     false => error.is_retryable(),
    /// };
    /// # }
    /// ```
    pub fn is_retryable(&self) -> bool {
        self.0.retry == RetryClass::Later
    }

    /// How long the service asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the service may have carried out the request although the call failed: repeating it
    /// can duplicate the data unless an `ingest-by:` tag with `ingestIfNotExists` prevents that.
    pub fn is_in_doubt(&self) -> bool {
        self.0.in_doubt
    }

    /// The failed attempts, oldest first.
    pub fn attempts(&self) -> &[Error] {
        &self.0.attempts
    }

    /// For [`ErrorKind::Partial`]: the source ids of the items that were handed over before the one
    /// that failed. They will be ingested; a repeated call must leave them out.
    pub fn handed_over(&self) -> &[Uuid] {
        &self.0.handed_over
    }
}

impl fmt::Debug for Error {
    // The fields of `Display` plus the kind. Not derived: the source may contain a signed URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {self}", self.0.kind.name())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| source.as_ref() as &(dyn std::error::Error + 'static))
    }
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_in_order() {
        for (index, kind) in ErrorKind::ALL.iter().enumerate() {
            assert_eq!(*kind as i32, index as i32 + 1, "{}", kind.name());
        }
        let names: std::collections::HashSet<_> = ErrorKind::ALL.iter().map(|k| k.name()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn display_names_step_argument_host_and_attempts() {
        let attempt = Error::new(ErrorKind::Network, Step::UploadBlob, "connection reset")
            .with_host("a.example");
        let error = Error::new(
            ErrorKind::Network,
            Step::UploadBlob,
            "every container failed",
        )
        .with_attempts(vec![attempt]);
        assert_eq!(
            error.to_string(),
            "every container failed (while uploading the data); others failed: connection reset (host a.example)"
        );
        let error = Error::invalid_argument("table", "must not be empty");
        assert_eq!(
            error.to_string(),
            "check arguments: table: must not be empty"
        );
    }

    #[test]
    fn source_text_is_not_printed() {
        let source = std::io::Error::other("https://x/?sig=abc");
        let error = Error::new(ErrorKind::Network, Step::PostMessage, "failed").with_source(source);
        assert!(!format!("{error} {error:?}").contains("abc"));
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(error.system_code(), None);
    }

    #[test]
    fn the_code_of_the_system_is_found_below_other_errors() {
        let below = std::io::Error::from_raw_os_error(2);
        let error = Error::new(ErrorKind::SourceIo, Step::ReadSource, "x").with_source(below);
        assert_eq!(error.system_code(), Some(2));
        let above = Error::new(ErrorKind::Internal, Step::Wait, "y").with_source(error);
        assert_eq!(above.system_code(), Some(2));
    }
}
