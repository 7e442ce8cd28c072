//! `kusto_credential`: a fixed token, a callback that supplies tokens, or one of the logins of login.rs.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, OnceLock};

use time::OffsetDateTime;

use crate::callback::{UserData, kusto_drop_fn};
use crate::catalog::kusto_status;
use crate::draft::{Draft, Login, Place};
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::kusto_bool;
use crate::text::{CText, lend_optional, text};
use kusto_ingest::auth::{AccessToken, PendingToken, StaticToken, TokenCallback, TokenCredential};
use kusto_ingest::error::{Error, ErrorKind, Result, Step};

/// A source of tokens, shared by the configs it was set in and the clients made from them.
pub struct kusto_credential {
    draft: Draft,
    /// Made at its first use.
    made: OnceLock<Arc<dyn TokenCredential>>,
}

impl kusto_credential {
    pub(crate) fn new(login: Login) -> Self {
        Self::of(Draft::new(login))
    }

    pub(crate) fn of(draft: Draft) -> Self {
        Self {
            draft,
            made: OnceLock::new(),
        }
    }

    pub(crate) fn set_tenant(&mut self, tenant: &str) {
        self.draft.set_tenant(tenant);
    }

    pub(crate) fn shared(&self) -> Arc<dyn TokenCredential> {
        self.made.get_or_init(|| self.draft.make()).clone()
    }

    pub(crate) fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Changes what it will be.
    pub(crate) fn change(&mut self, change: impl FnOnce(Draft) -> Result<Draft>) -> Result<()> {
        if self.made.get().is_some() {
            let message = "is in use already: a credential is set up before its first use";
            return Err(
                Error::new(ErrorKind::InvalidState, Step::CheckArguments, message)
                    .with_argument("credential"),
            );
        }
        self.draft = change(self.draft.clone())?;
        Ok(())
    }
}

/// One pending request for a token, answered with kusto_token_request_complete or
/// kusto_token_request_fail.
pub struct kusto_token_request {
    pending: PendingToken,
    scope: CText,
    tenant: Option<CText>,
}

/// Requests a token. It must return at once; answer then or later, from any thread, with exactly one
/// kusto_token_request_complete or kusto_token_request_fail. Called from a thread of the library, at
/// most once at a time for each scope, tenant and login host, when there is no valid token in the
/// cache, and a while before one expires. Without an answer the request fails with KUSTO_E_AUTH after 5 minutes; queries and commands end with it, and what the
/// library repeats by itself, such as an ingestion without a deadline, asks again. It must not throw.
pub type kusto_token_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, request: *mut kusto_token_request)>;

/// A credential with a fixed bearer token.
///
/// Ownership: the caller frees `*out` with kusto_credential_free. The token is copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_token(
    token: *const c_char,
    token_len: usize,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let token = filled(text(token, token_len, "token")?, "token")?;
        out.give(kusto_credential::new(Login::Fixed(
            Arc::new(StaticToken::new(token)),
            Place::Own,
        )));
        Ok(())
    })
}

/// A credential that requests tokens from a callback, which may answer later.
///
/// Ownership: the caller frees `*out` with kusto_credential_free. Takes `user_data`, even when the
/// call fails; `drop` is called when the credential, every config it was set in and every client
/// made from those are freed.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_callback(
    callback: kusto_token_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_credential,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let out = Out::required(out, "out")?;
        let callback = callback.ok_or_else(|| handle::null("callback"))?;
        let ask = move |pending: PendingToken| {
            let request = handle::into_raw(kusto_token_request {
                scope: CText::new(pending.scope()),
                tenant: pending.tenant().map(CText::new),
                pending,
            });
            // The caller's own function; it owns the request from here on.
            user_data.call(|data| callback(data, request));
        };
        let login = Login::Fixed(Arc::new(TokenCallback::new(ask)), Place::Tenant);
        out.give(kusto_credential::new(login));
        Ok(())
    })
}

/// The scope for which a token is requested, such as `https://kusto.kusto.windows.net/.default`.
///
/// Ownership: the text is borrowed until the request is answered; it ends with a NUL. `len` may be
/// NULL.
/// Threads: any.
/// Failure: returns NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_token_request_scope(
    request: *const kusto_token_request,
    len: *mut usize,
) -> *const c_char {
    lend_optional(request.as_ref().map(|request| &request.scope), len)
}

/// The Entra tenant to request the token from, if the connection string names one.
///
/// Ownership: the text is borrowed until the request is answered; it ends with a NUL. `len` may be
/// NULL.
/// Threads: any.
/// Failure: NULL if none is named.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_token_request_tenant(
    request: *const kusto_token_request,
    len: *mut usize,
) -> *const c_char {
    lend_optional(
        request.as_ref().and_then(|request| request.tenant.as_ref()),
        len,
    )
}

/// Answers with a token. `expires_on` is in seconds since 1970 (UTC); the token is reused until
/// shortly before. 0 means unknown: the callback is called for every request.
///
/// Ownership: takes the request. The token is copied.
/// Threads: any, also inside the callback.
/// Failure: a token that is not UTF-8, or a time out of range, fails the waiting calls with
/// KUSTO_E_AUTH.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_token_request_complete(
    request: *mut kusto_token_request,
    token: *const c_char,
    token_len: usize,
    expires_on: i64,
) {
    guard::value((), || {
        let Some(request) = handle::take(request) else {
            return;
        };
        match text(token, token_len, "token").and_then(|token| access_token(token, expires_on)) {
            Ok(token) => request.pending.complete(token),
            Err(error) => request.pending.fail(false, &error.to_string()),
        }
    });
}

/// Answers that no token could be obtained. `retryable`: whether a later request may succeed; then the callback
/// is called again, three times with pauses of a few seconds, before a query or a command fails; what the library repeats
/// by itself (ingestions, kusto_client_warm_up) asks more often. The library
/// keeps only the message of a failure.
///
/// Ownership: takes the request. The message is copied.
/// Threads: any, also inside the callback.
/// Failure: none; a message that is not UTF-8 is replaced.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_token_request_fail(
    request: *mut kusto_token_request,
    retryable: kusto_bool,
    message: *const c_char,
    message_len: usize,
) {
    guard::value((), || {
        if let Some(request) = handle::take(request) {
            let message = text(message, message_len, "message").unwrap_or("no message");
            request.pending.fail(retryable != 0, message);
        }
    });
}

/// Sets up a credential before its first use, by name. Case and spaces in names do not count.
///
/// - "tenant": The tenant to log in to, by id or domain; before that of the connection string.
/// - "authority": The login host, such as `https://login.microsoftonline.com`; before what the cluster names.
///   It must be that of a known cloud, a trusted host of the client, or this machine.
///   A fixed token and an identity of the machine have neither of the two; a callback and the command lines have a
///   tenant only.
/// - "client id": The public client that asks for a user: of a device code, a browser or a password.
/// - "prompt": Whether a login of a user may ask: "auto", which is the default, or "never", where it fails
///   instead of asking.
/// - "device code": Whether the prompt of a login in the browser gets a device's code where no browser can be started:
///   "true" or "false", which is the default. Without a prompt that is an error in any case.
/// - "send chain": Whether the chain of a certificate is sent along, which applications need that are trusted by
///   subject name and issuer: "true" or "false", which is the default.
/// - "thumbprint": The SHA-1 thumbprint of a certificate, in 40 hexadecimal digits: for a key without its
///   certificate. The application then signs as older libraries do (RS256).
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each credential.
/// Failure: KUSTO_E_INVALID_ARGUMENT for an unknown name, one that this login does not have, or a wrong value;
/// KUSTO_E_CONFIG for a thumbprint that is none, or that of another certificate;
/// KUSTO_E_INVALID_STATE once it was set in a config or made a part of another credential. The credential is
/// unchanged then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_set(
    credential: *mut kusto_credential,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let credential = handle::borrow_mut(credential, "credential")?;
        let key = text(key, key_len, "key")?;
        let value = text(value, value_len, "value")?;
        credential.change(|draft| draft.set(key, value))
    })
}

/// Frees a handle of a credential. Configs and clients that use it are not affected.
///
/// Ownership: takes the handle; NULL is allowed.
/// Threads: any, once the handle is no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_credential_free(credential: *mut kusto_credential) {
    guard::value((), || drop(handle::take(credential)));
}

pub(crate) fn filled<'a>(text: &'a str, argument: &str) -> Result<&'a str> {
    match text.trim().is_empty() {
        true => Err(Error::invalid_argument(argument, "must not be empty")),
        false => Ok(text),
    }
}

fn access_token(token: &str, expires_on: i64) -> Result<AccessToken> {
    let expires_on = match expires_on {
        0 => None,
        seconds => Some(
            OffsetDateTime::from_unix_timestamp(seconds)
                .map_err(|error| Error::invalid_argument("expires_on", error.to_string()))?,
        ),
    };
    Ok(AccessToken::new(token, expires_on))
}
