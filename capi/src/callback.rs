//! The `user_data` and `drop` that come with a callback.

use std::ffi::c_void;

use crate::signals;

/// Called exactly once, after the last possible use of `user_data`, from any thread. A function
/// that takes a `drop` owns it even when the function fails. May be NULL.
pub type kusto_drop_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The caller's data: passed to its callbacks, and released through `drop` when this is dropped.
pub(crate) struct UserData {
    data: *mut c_void,
    drop: kusto_drop_fn,
}

impl UserData {
    pub(crate) fn new(data: *mut c_void, drop: kusto_drop_fn) -> Self {
        Self { data, drop }
    }

    /// Calls one of the caller's functions with it.
    pub(crate) fn call<T>(&self, function: impl FnOnce(*mut c_void) -> T) -> T {
        signals::as_host(|| function(self.data))
    }
}

// SAFETY: the header says that callbacks and `drop` come from other threads; this type itself only
// passes the pointer on.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the caller's own function with its own data, once.
            self.call(|data| unsafe { drop(data) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn count(user_data: *mut c_void) {
        // SAFETY: the tests pass a counter.
        unsafe { *user_data.cast::<u32>() += 1 };
    }

    #[test]
    fn drop_is_called_once_and_may_be_missing() {
        let mut drops = 0u32;
        let data = UserData::new((&raw mut drops).cast(), Some(count));
        assert_eq!(data.call(|data| data), (&raw mut drops).cast());
        drop(data);
        drop(UserData::new((&raw mut drops).cast(), None));
        assert_eq!(drops, 1);
    }
}
