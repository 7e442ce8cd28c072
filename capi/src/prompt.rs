//! `kusto_prompt_fn`: how a login asks its user.

use std::ffi::{c_char, c_void};

use crate::callback::{UserData, kusto_drop_fn};
use crate::catalog::{KUSTO_PROMPTED_OPEN_BROWSER, KUSTO_PROMPTED_SHOWN, kusto_status};
use crate::config::kusto_config;
use crate::error::kusto_error;
use crate::guard::guarded;
use crate::handle;
use crate::runtime;
use crate::text::CText;
use kusto_ingest::auth::{LoginError, Prompt, Prompted};
use kusto_ingest::error::{Error, ErrorKind, Result, Step};

/// Shows the user of a login what it asks. `kind` is one of KUSTO_PROMPT_*; `url` is the address to open, `code` what
/// to enter there (NULL for a browser), `message` both in one text for people, `expires_on` the end of the login
/// in seconds since 1970. It returns one of KUSTO_PROMPTED_*, or a negative number when it cannot show it: then
/// the login fails with KUSTO_E_AUTH. All texts end with a NUL and are borrowed during the call; they do not belong
/// in a log. Called on a thread of its own, where it may wait for its user but not call what blocks here; once for
/// each login, and with the setting "device code" a second time where no browser can be started; never twice at once
/// for one credential. It must not throw.
pub type kusto_prompt_fn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        kind: i32,
        url: *const c_char,
        url_len: usize,
        code: *const c_char,
        code_len: usize,
        message: *const c_char,
        message_len: usize,
        expires_on: i64,
    ) -> i32,
>;

/// Sets who shows what a login of the connection string asks its user: `Login=device`, `Login=interactive`,
/// `User ID` without a password, and `Fed=true` without anything else. Without it such a login is an error of
/// kusto_client_new, or for `Fed=true` of the first call; NULL removes it.
///
/// Ownership: takes `user_data`, even when the call fails; `drop` is called when no config and no client uses it.
/// Threads: one at a time for each config.
/// Failure: KUSTO_E_INVALID_ARGUMENT for NULL as config.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_config_set_prompt(
    config: *mut kusto_config,
    prompt: kusto_prompt_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let config = handle::borrow_mut(config, "config")?;
        match prompt {
            Some(_) => config.set_prompt(prompter(prompt, user_data)?),
            None => config.clear_prompt(),
        }
        Ok(())
    })
}

/// The function as Rust calls it.
pub(crate) fn prompter(
    prompt: kusto_prompt_fn,
    user_data: UserData,
) -> Result<impl Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync + 'static> {
    let prompt = prompt.ok_or_else(|| handle::null("prompt"))?;
    Ok(move |asked: &Prompt| {
        runtime::adopt_thread();
        let (url, message) = (CText::new(asked.url()), CText::new(asked.message()));
        let code = asked.code().map(CText::new);
        let (mut url_len, mut code_len, mut message_len) = (0, 0, 0);
        // SAFETY: the caller's own function with its own data; the texts outlive the call, and the lengths are
        // this function's own.
        let done = user_data.call(|data| unsafe {
            prompt(
                data,
                asked.kind() as i32,
                url.lend(&mut url_len),
                url_len,
                crate::text::lend_optional(code.as_ref(), &mut code_len),
                code_len,
                message.lend(&mut message_len),
                message_len,
                asked.expires_on().unix_timestamp(),
            )
        });
        match done {
            KUSTO_PROMPTED_SHOWN => Ok(Prompted::Shown),
            KUSTO_PROMPTED_OPEN_BROWSER => Ok(Prompted::OpenBrowser),
            other => Err(refused(other).into()),
        }
    })
}

fn refused(answer: i32) -> Error {
    let message =
        format!("the program could not show what the login asks: its prompt returned {answer}");
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}
