//! Texts in both directions: pointer and length in, NUL-terminated out.

use std::ffi::{CStr, c_char};

use crate::handle::null;
use kusto_ingest::error::{Error, Result};

/// The length that means "it ends with a NUL": `KUSTO_CSTR` of the header.
const NUL_TERMINATED: usize = usize::MAX;

/// Bytes of the caller. NULL is taken for no bytes when the length is 0.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes during `'a`.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize, argument: &str) -> Result<&'a [u8]> {
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null(argument)),
        (false, len) if isize::try_from(len).is_err() => Err(Error::invalid_argument(
            argument,
            format!("{len} bytes are more than memory can hold"),
        )),
        // SAFETY: as promised by the caller.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// A text of the caller as bytes, which need not be UTF-8.
///
/// # Safety
/// `text` is NULL, or readable for `len` bytes, or for as far as its NUL when `len` says so.
pub(crate) unsafe fn raw<'a>(text: *const c_char, len: usize, argument: &str) -> Result<&'a [u8]> {
    if text.is_null() {
        return Err(null(argument));
    }
    if len == NUL_TERMINATED {
        // SAFETY: as promised by the caller.
        return Ok(unsafe { CStr::from_ptr(text) }.to_bytes());
    }
    // SAFETY: as promised by the caller.
    unsafe { bytes(text.cast(), len, argument) }
}

/// A text of the caller. It must be UTF-8; the error names the argument.
///
/// # Safety
/// As [`raw`].
pub(crate) unsafe fn text<'a>(text: *const c_char, len: usize, argument: &str) -> Result<&'a str> {
    // SAFETY: as promised by the caller.
    let bytes = unsafe { raw(text, len, argument) }?;
    std::str::from_utf8(bytes).map_err(|error| {
        Error::invalid_argument(
            argument,
            format!("is not UTF-8 from byte {} on", error.valid_up_to()),
        )
    })
}

/// As [`text`], where NULL means that there is none.
///
/// # Safety
/// As [`raw`].
pub(crate) unsafe fn optional<'a>(
    text: *const c_char,
    len: usize,
    argument: &str,
) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as promised by the caller.
    unsafe { self::text(text, len, argument) }.map(Some)
}

/// A text that an object lends to C, NUL-terminated. It may contain other NULs: the length is
/// authoritative.
#[derive(Debug)]
pub(crate) struct CText(Box<[u8]>);

impl CText {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let mut bytes = text.into().into_bytes();
        // Exactly one byte more: the text is not copied into room that it does not need.
        bytes.reserve_exact(1);
        bytes.push(0);
        Self(bytes.into_boxed_slice())
    }

    /// Pointer and, when the caller wants it, the length without the NUL.
    ///
    /// # Safety
    /// `len` is NULL or writable.
    pub(crate) unsafe fn lend(&self, len: *mut usize) -> *const c_char {
        // SAFETY: as promised by the caller.
        unsafe { put_length(len, self.0.len() - 1) };
        self.0.as_ptr().cast()
    }
}

/// As [`CText::lend`], where there may be no text: then NULL, with length 0.
///
/// # Safety
/// `len` is NULL or writable.
pub(crate) unsafe fn lend_optional(text: Option<&CText>, len: *mut usize) -> *const c_char {
    match text {
        // SAFETY: as promised by the caller.
        Some(text) => unsafe { text.lend(len) },
        None => {
            // SAFETY: as promised by the caller.
            unsafe { put_length(len, 0) };
            std::ptr::null()
        }
    }
}

/// # Safety
/// `len` is NULL or writable.
unsafe fn put_length(len: *mut usize, value: usize) {
    if !len.is_null() {
        // SAFETY: as promised by the caller.
        unsafe { len.write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_nul_both_work_and_wrong_texts_are_named() {
        let c = c"Дб";
        // SAFETY: every length is within the text, and NULL is allowed.
        unsafe {
            assert_eq!(text(c.as_ptr(), NUL_TERMINATED, "x").unwrap(), "Дб");
            assert_eq!(text(c.as_ptr(), 2, "x").unwrap(), "Д");
            assert_eq!(text(c.as_ptr(), 0, "x").unwrap(), "");
            let cut = text(c.as_ptr(), 3, "table").unwrap_err();
            assert_eq!(cut.argument(), Some("table"));
            assert!(cut.message().contains("byte 2"), "{cut}");
            assert_eq!(raw(c.as_ptr(), 1, "path").unwrap(), [0xd0]);
            let null = text(std::ptr::null(), 0, "table").unwrap_err();
            assert_eq!(null.argument(), Some("table"));
            assert_eq!(optional(std::ptr::null(), 9, "x").unwrap(), None);
            assert_eq!(optional(c.as_ptr(), 4, "x").unwrap(), Some("Дб"));
        }
    }

    #[test]
    fn no_bytes_may_be_null_but_some_may_not() {
        // SAFETY: NULL is allowed, and an impossible length is rejected before it is read.
        unsafe {
            assert!(bytes(std::ptr::null(), 0, "data").unwrap().is_empty());
            assert!(bytes(std::ptr::null(), 1, "data").is_err());
            assert!(bytes(c"x".as_ptr().cast(), usize::MAX, "data").is_err());
        }
    }

    #[test]
    fn lent_texts_end_with_nul_and_know_their_length() {
        let text = CText::new("a\0b");
        let mut len = 9;
        // SAFETY: `len` is writable or NULL; the text is three bytes and a NUL.
        unsafe {
            let raw = text.lend(&mut len);
            assert_eq!(std::slice::from_raw_parts(raw.cast::<u8>(), 4), b"a\0b\0");
            assert_eq!(len, 3);
            assert!(!text.lend(std::ptr::null_mut()).is_null());
            assert!(lend_optional(None, &mut len).is_null());
            assert_eq!(len, 0);
        }
    }
}
