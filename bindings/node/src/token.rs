//! Token requests, answered by JavaScript.

use kusto_ingest::auth::{AccessToken, PendingToken, TokenCallback};
use kusto_ingest::error::{Error, Result};
use napi_derive::napi;
use std::sync::Arc;
use time::OffsetDateTime;

use crate::failure::OrThrow as _;
use crate::realm::{Realm, Told};

/// A credential that asks the function of this number, of the client with this id.
pub(crate) fn callback(realm: Arc<Realm>, client: u32, asker: u32) -> TokenCallback {
    TokenCallback::new(move |pending| {
        let request = NativeTokenRequest {
            asker,
            pending: Some(pending),
        };
        // Dropped unanswered when the thread has ended, which fails the waiting calls.
        realm.tell(client, Told::Token(request));
    })
}

/// One open request. If it is collected unanswered, the waiting calls fail.
#[napi]
pub struct NativeTokenRequest {
    asker: u32,
    pending: Option<PendingToken>,
}

#[napi]
impl NativeTokenRequest {
    /// Which function of the client is asked.
    #[napi(getter, catch_unwind)]
    pub fn asker(&self) -> u32 {
        self.asker
    }

    /// The requested scope; `null` once it is answered.
    #[napi(getter, catch_unwind)]
    pub fn scope(&self) -> Option<String> {
        self.pending
            .as_ref()
            .map(|pending| pending.scope().to_owned())
    }

    /// The Entra tenant, if the connection string names one.
    #[napi(getter, catch_unwind)]
    pub fn tenant(&self) -> Option<String> {
        let pending = self.pending.as_ref()?;
        pending.tenant().map(str::to_owned)
    }

    /// Gives the token. `expires_on` is in milliseconds since 1970; without it the token is used once.
    #[napi(catch_unwind)]
    pub fn complete(&mut self, token: String, expires_on: Option<f64>) -> napi::Result<()> {
        let expires_on = expires_on.map(time_of).transpose().or_throw()?;
        if let Some(pending) = self.pending.take() {
            pending.complete(AccessToken::new(token, expires_on));
        }
        Ok(())
    }

    /// Reports that there is no token.
    #[napi(catch_unwind)]
    pub fn fail(&mut self, retryable: bool, message: String) {
        if let Some(pending) = self.pending.take() {
            pending.fail(retryable, &message);
        }
    }
}

fn time_of(milliseconds: f64) -> Result<OffsetDateTime> {
    // The cast saturates, and NaN becomes 1970: both are rejected or long expired.
    OffsetDateTime::from_unix_timestamp_nanos((milliseconds as i128).saturating_mul(1_000_000))
        .map_err(|_| Error::invalid_argument("expiresOnTimestamp", "is not a time in milliseconds"))
}
