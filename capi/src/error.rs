//! `kusto_status` and `kusto_error`.

use std::ffi::c_char;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::text::{CText, lend_optional};
use crate::{guard, handle, kusto_bool};
use kusto_ingest::error::{Error, ErrorKind, RetryClass};

/// What became of a call. The list only grows; treat a value you do not know by the error's
/// kusto_error_retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum kusto_status {
    /// It succeeded.
    KUSTO_OK = 0,
    /// An argument is missing, malformed or out of range; the error names it.
    KUSTO_E_INVALID_ARGUMENT = 1,
    /// The object is not in a state that allows the call, such as a closed client.
    KUSTO_E_INVALID_STATE = 2,
    /// The call is right, but this build or platform cannot do it.
    KUSTO_E_UNSUPPORTED = 3,
    /// The call's deadline passed.
    KUSTO_E_TIMED_OUT = 4,
    /// Nothing could be done without waiting (longer): the operation still runs, the stream is full.
    KUSTO_E_WOULD_BLOCK = 5,
    /// The operation was cancelled, by kusto_op_cancel or because its client was closed or freed.
    KUSTO_E_CANCELLED = 6,
    /// The connection string or a setting is wrong, or the host is not trusted.
    KUSTO_E_CONFIG = 7,
    /// No token could be had, or the service refused it.
    KUSTO_E_AUTH = 8,
    /// The host could not be reached, or the connection broke.
    KUSTO_E_NETWORK = 9,
    /// The service asks to slow down.
    KUSTO_E_THROTTLED = 10,
    /// The service answered with an error.
    KUSTO_E_SERVICE = 11,
    /// The thing asked for does not exist.
    KUSTO_E_NOT_FOUND = 12,
    /// The source of the data failed, or changed while it was read.
    KUSTO_E_SOURCE_IO = 13,
    /// The data or the message is over a limit of the service.
    KUSTO_E_TOO_LARGE = 14,
    /// A callback broke its contract.
    KUSTO_E_CALLBACK = 15,
    /// Some items of a call succeeded and some failed.
    KUSTO_E_PARTIAL = 16,
    /// The handle was made before `fork()` and used in the child.
    KUSTO_E_FORKED = 17,
    /// A defect of this library.
    KUSTO_E_INTERNAL = 18,
}

use kusto_status::*;

static ALL: [kusto_status; 19] = [
    KUSTO_OK,
    KUSTO_E_INVALID_ARGUMENT,
    KUSTO_E_INVALID_STATE,
    KUSTO_E_UNSUPPORTED,
    KUSTO_E_TIMED_OUT,
    KUSTO_E_WOULD_BLOCK,
    KUSTO_E_CANCELLED,
    KUSTO_E_CONFIG,
    KUSTO_E_AUTH,
    KUSTO_E_NETWORK,
    KUSTO_E_THROTTLED,
    KUSTO_E_SERVICE,
    KUSTO_E_NOT_FOUND,
    KUSTO_E_SOURCE_IO,
    KUSTO_E_TOO_LARGE,
    KUSTO_E_CALLBACK,
    KUSTO_E_PARTIAL,
    KUSTO_E_FORKED,
    KUSTO_E_INTERNAL,
];

/// The status of an error of this kind: both have the same numbers.
pub(crate) fn status_of(kind: ErrorKind) -> kusto_status {
    ALL.get(kind as usize).copied().unwrap_or(KUSTO_E_INTERNAL)
}

/// kusto_error_retry: the library cannot tell whether calling again helps.
pub const KUSTO_RETRY_UNKNOWN: i32 = 0;
/// kusto_error_retry: the same call fails again, something must be changed first.
pub const KUSTO_RETRY_NEVER: i32 = 1;
/// kusto_error_retry: the cause is passing, try again later.
pub const KUSTO_RETRY_LATER: i32 = 2;

/// The number of a retry class.
pub(crate) fn retry_of(class: RetryClass) -> i32 {
    match class {
        RetryClass::Unknown => KUSTO_RETRY_UNKNOWN,
        RetryClass::Never => KUSTO_RETRY_NEVER,
        RetryClass::Later => KUSTO_RETRY_LATER,
    }
}

/// What went wrong. Immutable: any thread may look at it. Its texts hold no secret.
pub struct kusto_error {
    error: Error,
    message: CText,
    step: CText,
    host: Option<CText>,
    argument: Option<CText>,
    service_code: Option<CText>,
    activity_id: Option<CText>,
    client_request_id: Option<CText>,
    attempts: Vec<kusto_error>,
    json: OnceLock<CText>,
}

impl kusto_error {
    pub(crate) fn new(error: Error) -> Self {
        let text = |text: Option<&str>| text.map(CText::new);
        Self {
            message: CText::new(error.to_string()),
            step: CText::new(error.step().name()),
            host: text(error.host()),
            argument: text(error.argument()),
            service_code: text(error.service_code()),
            activity_id: text(error.activity_id()),
            client_request_id: text(error.client_request_id()),
            attempts: error.attempts().iter().cloned().map(Self::new).collect(),
            json: OnceLock::new(),
            error,
        }
    }

    #[cfg(test)]
    pub(crate) fn error(&self) -> &Error {
        &self.error
    }
}

fn to_json(error: &Error) -> Value {
    json!({
        "status": error.kind().name(),
        "step": error.step().name(),
        "message": error.message(),
        "host": error.host(),
        "argument": error.argument(),
        "httpStatus": error.http_status(),
        "serviceCode": error.service_code(),
        "activityId": error.activity_id(),
        "clientRequestId": error.client_request_id(),
        "permanent": error.is_permanent(),
        "retryAfterMs": error.retry_after().map(|after| after.as_millis() as u64),
        "inDoubt": error.is_in_doubt(),
        "handedOver": error.handed_over().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "attempts": error.attempts().iter().map(to_json).collect::<Vec<_>>(),
    })
}

/// The name of a status without its prefix, such as "TIMED_OUT"; "UNKNOWN" for other numbers.
///
/// Ownership: the text is static.
/// Threads: any.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn kusto_status_name(status: i32) -> *const c_char {
    let name = match ALL.iter().find(|known| **known as i32 == status) {
        None => c"UNKNOWN",
        Some(KUSTO_OK) => c"OK",
        Some(KUSTO_E_INVALID_ARGUMENT) => c"INVALID_ARGUMENT",
        Some(KUSTO_E_INVALID_STATE) => c"INVALID_STATE",
        Some(KUSTO_E_UNSUPPORTED) => c"UNSUPPORTED",
        Some(KUSTO_E_TIMED_OUT) => c"TIMED_OUT",
        Some(KUSTO_E_WOULD_BLOCK) => c"WOULD_BLOCK",
        Some(KUSTO_E_CANCELLED) => c"CANCELLED",
        Some(KUSTO_E_CONFIG) => c"CONFIG",
        Some(KUSTO_E_AUTH) => c"AUTH",
        Some(KUSTO_E_NETWORK) => c"NETWORK",
        Some(KUSTO_E_THROTTLED) => c"THROTTLED",
        Some(KUSTO_E_SERVICE) => c"SERVICE",
        Some(KUSTO_E_NOT_FOUND) => c"NOT_FOUND",
        Some(KUSTO_E_SOURCE_IO) => c"SOURCE_IO",
        Some(KUSTO_E_TOO_LARGE) => c"TOO_LARGE",
        Some(KUSTO_E_CALLBACK) => c"CALLBACK",
        Some(KUSTO_E_PARTIAL) => c"PARTIAL",
        Some(KUSTO_E_FORKED) => c"FORKED",
        Some(KUSTO_E_INTERNAL) => c"INTERNAL",
    };
    name.as_ptr()
}

/// Every status this library knows, for generators of bindings. Returns how many; `*out` gets the
/// first.
///
/// Ownership: the list is static.
/// Threads: any.
/// Failure: none; `out` may be NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_status_list(out: *mut *const kusto_status) -> usize {
    if !out.is_null() {
        out.write(ALL.as_ptr());
    }
    ALL.len()
}

/// The status that the failed call returned.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: KUSTO_OK for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_status(error: *const kusto_error) -> kusto_status {
    look(error, KUSTO_OK, |error| status_of(error.error.kind()))
}

/// The whole text for people: step, argument, cause, host, ids, failed attempts. Never compare it.
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: the empty text for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_message(
    error: *const kusto_error,
    len: *mut usize,
) -> *const c_char {
    static NONE: OnceLock<CText> = OnceLock::new();
    match error.as_ref() {
        Some(error) => error.message.lend(len),
        None => NONE.get_or_init(|| CText::new("")).lend(len),
    }
}

/// Whether calling again can succeed: one of KUSTO_RETRY_*.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: KUSTO_RETRY_UNKNOWN for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_retry(error: *const kusto_error) -> i32 {
    look(error, KUSTO_RETRY_UNKNOWN, |error| {
        retry_of(error.error.retry())
    })
}

/// How long the service asks to wait before the next try, in milliseconds; -1 if it says nothing.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: -1 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_retry_after_ms(error: *const kusto_error) -> i64 {
    look(error, -1, |error| {
        let after = error.error.retry_after();
        after.map_or(-1, |after| after.as_millis().try_into().unwrap_or(i64::MAX))
    })
}

/// Whether the service may have done what was asked although the call failed. Calling again can
/// then double the data, unless an `ingest-by:` tag with `ingestIfNotExists` prevents that.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_in_doubt(error: *const kusto_error) -> kusto_bool {
    look(error, 0, |error| error.error.is_in_doubt().into())
}

/// The HTTP status of the answer; 0 if there was none.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_http_status(error: *const kusto_error) -> i32 {
    look(error, 0, |error| {
        error.error.http_status().unwrap_or(0).into()
    })
}

/// The step that failed, in a few words, such as "post message".
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_step(
    error: *const kusto_error,
    len: *mut usize,
) -> *const c_char {
    lend_optional(error.as_ref().map(|error| &error.step), len)
}

/// The host that was called, with its port if the address had one.
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_host(
    error: *const kusto_error,
    len: *mut usize,
) -> *const c_char {
    lend_optional(error.as_ref().and_then(|error| error.host.as_ref()), len)
}

/// The argument or setting that is wrong.
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_argument(
    error: *const kusto_error,
    len: *mut usize,
) -> *const c_char {
    lend_optional(
        error.as_ref().and_then(|error| error.argument.as_ref()),
        len,
    )
}

/// The service's own code, such as "General_BadRequest".
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_service_code(
    error: *const kusto_error,
    len: *mut usize,
) -> *const c_char {
    lend_optional(
        error.as_ref().and_then(|error| error.service_code.as_ref()),
        len,
    )
}

/// The service's id of what it did, which its support asks for.
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_activity_id(
    error: *const kusto_error,
    len: *mut usize,
) -> *const c_char {
    lend_optional(
        error.as_ref().and_then(|error| error.activity_id.as_ref()),
        len,
    )
}

/// This library's id of the request that failed, under which the service logs it.
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_client_request_id(
    error: *const kusto_error,
    len: *mut usize,
) -> *const c_char {
    lend_optional(
        error
            .as_ref()
            .and_then(|error| error.client_request_id.as_ref()),
        len,
    )
}

/// How many failed attempts the error lists; most list none.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_attempts(error: *const kusto_error) -> usize {
    look(error, 0, |error| error.attempts.len())
}

/// A failed attempt, counted from 0, oldest first, with its own host and cause.
///
/// Ownership: the attempt is borrowed from the error: do not free it.
/// Threads: any.
/// Failure: NULL if there is no such attempt.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_attempt(
    error: *const kusto_error,
    index: usize,
) -> *const kusto_error {
    look(error, std::ptr::null(), |error| {
        error
            .attempts
            .get(index)
            .map_or(std::ptr::null(), std::ptr::from_ref)
    })
}

/// Everything about the error as a JSON object: attempts, and for KUSTO_E_PARTIAL as `handedOver` the
/// source ids of the items that were handed over and must not be handed over again.
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_json(
    error: *const kusto_error,
    len: *mut usize,
) -> *const c_char {
    look(error, std::ptr::null(), |error| {
        let json = error
            .json
            .get_or_init(|| CText::new(to_json(&error.error).to_string()));
        json.lend(len)
    })
}

/// Frees an error, with its texts and attempts.
///
/// Ownership: takes the error; NULL is allowed.
/// Threads: any, once nobody uses the error.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_free(error: *mut kusto_error) {
    guard::value((), || drop(handle::take(error)));
}

/// # Safety
/// `error` is NULL or an error.
unsafe fn look<T>(
    error: *const kusto_error,
    otherwise: T,
    read: impl FnOnce(&kusto_error) -> T,
) -> T
where
    T: Copy,
{
    // SAFETY: as promised by the caller.
    match unsafe { error.as_ref() } {
        Some(error) => guard::value(otherwise, || read(error)),
        None => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_the_error_kinds() {
        for kind in ErrorKind::ALL {
            let status = status_of(kind);
            assert_eq!(status as i32, kind as i32);
            // SAFETY: a static text.
            let name = unsafe { CStr::from_ptr(kusto_status_name(status as i32)) };
            assert_eq!(name.to_str(), Ok(kind.name()));
        }
        assert_eq!(ALL.len(), ErrorKind::ALL.len() + 1);
    }
}
