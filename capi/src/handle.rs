//! Handles of objects in C: all casts between handles and references are here.

use std::sync::Arc;

use kusto_ingest::error::{Error, Result};

/// Passes ownership of an object to C; [`take`] takes it back.
pub(crate) fn into_raw<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes an object back from C; `None` for NULL.
///
/// # Safety
/// `raw` is NULL or came from [`into_raw`] and was not taken before.
pub(crate) unsafe fn take<T>(raw: *mut T) -> Option<Box<T>> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: as promised by the caller.
    Some(unsafe { Box::from_raw(raw) })
}

/// As [`take`], for objects passed as `Arc::into_raw`.
///
/// # Safety
/// `raw` is NULL or a counted reference that was not taken before.
pub(crate) unsafe fn take_shared<T>(raw: *mut T) -> Option<Arc<T>> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: as promised by the caller.
    Some(unsafe { Arc::from_raw(raw) })
}

/// A further reference to an object passed as `Arc::into_raw`; `None` for NULL.
///
/// # Safety
/// `raw` is NULL or a counted reference that outlives the call.
pub(crate) unsafe fn share<T>(raw: *const T) -> Option<Arc<T>> {
    if raw.is_null() {
        return None;
    }
    // SAFETY: as promised by the caller; the new reference is the one that is taken.
    unsafe {
        Arc::increment_strong_count(raw);
        Some(Arc::from_raw(raw))
    }
}

/// Borrows an object that C owns. NULL is an error that names the argument.
///
/// # Safety
/// `raw` is NULL or a handle that outlives `'a` and is not changed meanwhile.
pub(crate) unsafe fn borrow<'a, T>(raw: *const T, argument: &str) -> Result<&'a T> {
    // SAFETY: as promised by the caller.
    unsafe { raw.as_ref() }.ok_or_else(|| null(argument))
}

/// As [`borrow`], for a call that changes the object.
///
/// # Safety
/// As [`borrow`], and the object is not used elsewhere meanwhile.
pub(crate) unsafe fn borrow_mut<'a, T>(raw: *mut T, argument: &str) -> Result<&'a mut T> {
    // SAFETY: as promised by the caller.
    unsafe { raw.as_mut() }.ok_or_else(|| null(argument))
}

/// An output for the object that a call returns. It holds NULL until the call succeeds.
pub(crate) struct Out<T>(*mut *mut T);

impl<T> Out<T> {
    /// An output that is required.
    ///
    /// # Safety
    /// `place` is NULL or writable until the call returns.
    pub(crate) unsafe fn required(place: *mut *mut T, argument: &str) -> Result<Self> {
        if place.is_null() {
            return Err(null(argument));
        }
        // SAFETY: as promised by the caller.
        Ok(unsafe { Self::optional(place) })
    }

    /// An output that may be NULL.
    ///
    /// # Safety
    /// As [`Out::required`].
    pub(crate) unsafe fn optional(place: *mut *mut T) -> Self {
        let out = Self(place);
        out.write(std::ptr::null_mut());
        out
    }

    /// Whether the caller wants the object.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }

    /// Returns what `make` makes to the caller, who may not want it: then it is not made.
    pub(crate) fn give_made(self, make: impl FnOnce() -> T) {
        if self.is_wanted() {
            self.write(into_raw(make()));
        }
    }

    /// Returns the object to the caller, or drops it if the output is NULL.
    pub(crate) fn give(self, value: T) {
        if self.is_wanted() {
            self.write(into_raw(value));
        }
    }

    /// Returns a reference to a shared object.
    pub(crate) fn give_shared(self, value: Arc<T>) {
        if self.is_wanted() {
            self.write(Arc::into_raw(value).cast_mut());
        }
    }

    fn write(&self, raw: *mut T) {
        if self.is_wanted() {
            // SAFETY: writable, as promised when this was made.
            unsafe { self.0.write(raw) };
        }
    }
}

/// A plain output; NULL is an error that names the argument.
///
/// # Safety
/// `place` is NULL or writable.
pub(crate) unsafe fn output<'a, T>(place: *mut T, argument: &str) -> Result<&'a mut T> {
    // SAFETY: as promised by the caller; T is an integer, for which any bytes are a value.
    unsafe { borrow_mut(place, argument) }
}

/// The error of a required pointer that is NULL.
pub(crate) fn null(argument: &str) -> Error {
    Error::invalid_argument(argument, "must not be NULL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_named_and_nothing_to_free() {
        // SAFETY: NULL is allowed everywhere here.
        unsafe {
            let error = borrow::<u8>(std::ptr::null(), "client").unwrap_err();
            assert_eq!(error.argument(), Some("client"));
            assert!(borrow_mut::<u8>(std::ptr::null_mut(), "x").is_err());
            assert!(take::<u8>(std::ptr::null_mut()).is_none());
            assert!(take_shared::<u8>(std::ptr::null_mut()).is_none());
            assert!(Out::<u8>::required(std::ptr::null_mut(), "out").is_err());
            Out::optional(std::ptr::null_mut()).give(1u8);
        }
    }

    #[test]
    fn outputs_hold_null_until_they_are_given() {
        let mut place = std::ptr::dangling_mut::<u8>();
        // SAFETY: `place` is writable, and what it gets is taken once.
        unsafe {
            let out = Out::required(&mut place, "out").unwrap();
            out.give(5);
            assert_eq!(take(place).as_deref(), Some(&5));
            assert!(Out::required(&mut place, "out").is_ok());
            assert!(place.is_null());
            Out::optional(&mut place).give_shared(Arc::new(6));
            assert_eq!(take_shared(place).as_deref(), Some(&6));
        }
    }
}
