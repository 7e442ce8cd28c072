//! `kusto_status` and `kusto_error`.

use std::ffi::c_char;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::catalog::{ALL, KUSTO_RETRY_UNKNOWN, kusto_status};
use crate::handle::Out;
use crate::text::{CText, lend_optional};
use crate::{guard, handle, kusto_bool};
use kusto_ingest::error::Error;

/// Describes a failure. Immutable: any thread may read it. Its texts contain no secret.
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
        "systemCode": error.system_code(),
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
    let known = ALL.iter().find(|known| **known as i32 == status);
    let name = known.map_or(c"UNKNOWN", |known| known.name());
    name.as_ptr()
}

/// All statuses that this library knows, for generators of bindings. Returns their number; `*out`
/// points to the first.
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
    look(error, kusto_status::KUSTO_OK, |error| {
        error.error.kind().into()
    })
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
        error.error.retry() as i32
    })
}

/// How long the service asks to wait before the next attempt, in milliseconds; -1 if it does not
/// say.
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

/// Whether the service may have carried out the request although the call failed. Calling again can
/// then duplicate the data, unless an `ingest-by:` tag with `ingestIfNotExists` prevents that.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_in_doubt(error: *const kusto_error) -> kusto_bool {
    look(error, 0, |error| error.error.is_in_doubt().into())
}

/// The HTTP status of the answer; 0 if there was none.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_http_status(error: *const kusto_error) -> i32 {
    look(error, 0, |error| {
        error.error.http_status().unwrap_or(0).into()
    })
}

/// The number of the operating system's error that is the cause: `errno`, or on Windows what
/// `GetLastError` gives; 0 if there is none. A file that cannot be opened has one, such as `ENOENT`.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_system_code(error: *const kusto_error) -> i32 {
    look(error, 0, |error| error.error.system_code().unwrap_or(0))
}

/// The step that failed, in a few words, such as "post message".
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: returns NULL for NULL.
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

/// The service's id of its activity, or the request id of storage, which its support asks for.
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

/// How many failed attempts the error lists; usually none.
///
/// Ownership: the error is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
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

/// The whole error as a JSON object: with its attempts, and for KUSTO_E_PARTIAL, as `handedOver`, the
/// source ids of the items that were handed over and must not be ingested again.
///
/// Ownership: the text is borrowed from the error; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: returns NULL for NULL.
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

/// A copy of an error, with its attempts: of one that is borrowed, to keep it beyond its owner.
///
/// Ownership: the caller frees `*out` with kusto_error_free.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT for NULL; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_error_copy(
    error: *const kusto_error,
    out: *mut *mut kusto_error,
) -> kusto_status {
    guard::guarded(std::ptr::null_mut(), || {
        let out = Out::required(out, "out")?;
        let error = handle::borrow(error, "error")?;
        out.give(kusto_error::new(error.error.clone()));
        Ok(())
    })
}

/// Frees an error, with its texts and attempts.
///
/// Ownership: takes the error; NULL is allowed.
/// Threads: any, once the error is no longer in use.
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

    use kusto_ingest::error::ErrorKind;

    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_the_error_kinds() {
        for kind in ErrorKind::ALL {
            let status = kusto_status::from(kind);
            assert_eq!(status as i32, kind as i32);
            // SAFETY: a static text.
            let name = unsafe { CStr::from_ptr(kusto_status_name(status as i32)) };
            assert_eq!(name.to_str(), Ok(kind.name()));
        }
        assert_eq!(ALL.len(), ErrorKind::ALL.len() + 1);
    }
}
