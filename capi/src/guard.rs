//! The wrapper around every export's body: no panic crosses it, and errors go to the caller's
//! `err`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::catalog::kusto_status;
use crate::error::kusto_error;
use crate::handle;
use kusto_ingest::error::{Error, Result};

/// Runs the body of an export that can fail. `*err` gets the error, or NULL on success.
///
/// # Safety
/// `err` is NULL or writable.
pub(crate) unsafe fn guarded(
    err: *mut *mut kusto_error,
    body: impl FnOnce() -> Result<()>,
) -> kusto_status {
    let result =
        catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(Error::defect(&*panic)));
    let (status, error) = match result {
        Ok(()) => (kusto_status::KUSTO_OK, std::ptr::null_mut()),
        Err(error) => {
            let status = kusto_status::from(error.kind());
            let error = match err.is_null() {
                true => std::ptr::null_mut(),
                false => handle::into_raw(kusto_error::new(error)),
            };
            (status, error)
        }
    };
    if !err.is_null() {
        // SAFETY: not NULL, and writable as the caller promises.
        unsafe { err.write(error) };
    }
    status
}

/// Runs the body of an export that cannot fail. `otherwise` is returned after a panic, which is a
/// defect of ours.
pub(crate) fn value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_the_caller_frees() {
        let mut error = std::ptr::null_mut();
        // SAFETY: `error` is writable, and freed once.
        unsafe {
            let status = guarded(&mut error, || std::panic::resume_unwind(Box::new("boom")));
            assert_eq!(status, kusto_status::KUSTO_E_INTERNAL);
            let text = handle::borrow(error, "error").unwrap().error().to_string();
            assert!(text.contains("boom"), "{text}");
            drop(handle::take(error));
        }
        assert_eq!(value(7, || std::panic::resume_unwind(Box::new("boom"))), 7);
    }

    #[test]
    fn success_clears_the_error_and_the_output_is_optional() {
        let mut error = std::ptr::dangling_mut();
        // SAFETY: `error` is writable; NULL is allowed.
        unsafe {
            assert_eq!(guarded(&mut error, || Ok(())), kusto_status::KUSTO_OK);
            assert!(error.is_null());
            let wrong = || Err(Error::invalid_argument("x", "y"));
            assert_eq!(
                guarded(std::ptr::null_mut(), wrong),
                kusto_status::KUSTO_E_INVALID_ARGUMENT
            );
        }
    }
}
