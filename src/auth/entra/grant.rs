//! The answer of a token endpoint: a token, or a refusal.

use serde::Deserialize;
use time::OffsetDateTime;

use super::Refusable;
use super::refusal::Refusal;
use crate::auth::credential::AccessToken;
use crate::auth::seconds::Seconds;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::body;
use crate::http::transport::Reply;
use crate::secret::Secret;

/// What a token endpoint granted.
pub(in crate::auth) struct Grant {
    pub(in crate::auth) access: AccessToken,
    /// What later tokens are asked for with, without the user.
    pub(in crate::auth) refresh: Option<Secret>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<Seconds>,
    refresh_in: Option<Seconds>,
    refresh_token: Option<String>,
}

/// What came of a request.
pub(in crate::auth) enum Outcome {
    Granted(Grant),
    /// It was refused for good.
    Refused(Refusal, Error),
}

impl Outcome {
    /// # Errors
    /// For an answer that is none, and for a refusal that may pass.
    pub(super) fn read(reply: &Reply, host: &str, sent: OffsetDateTime) -> Result<Self> {
        if matches!(reply.status, 200..=299) {
            return Grant::parse(&reply.body, sent).map(Self::Granted);
        }
        let refusal = Refusal::read(reply);
        let error = refusal.error(host, reply);
        match error.retry() {
            RetryClass::Never => Ok(Self::Refused(refusal, error)),
            _ => Err(error),
        }
    }
}

impl Refusable for Outcome {
    fn map_refusal(self, change: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Self::Refused(refusal, error) => Self::Refused(refusal, change(error)),
            granted @ Self::Granted(_) => granted,
        }
    }
}

impl Grant {
    pub(super) fn parse(text: &[u8], sent: OffsetDateTime) -> Result<Self> {
        let answer: Answer = serde_json::from_slice(text)
            .map_err(|error| strange(text, &body::json_fault(&error)))?;
        let token = answer.access_token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| strange(text, "it has no access_token"))?;
        let after = |seconds: &Option<Seconds>| seconds.as_ref()?.after(sent);
        let mut access = AccessToken::new(token, after(&answer.expires_in));
        if let Some(at) = after(&answer.refresh_in) {
            access = access.with_refresh_on(at);
        }
        let refresh = answer.refresh_token.filter(|token| !token.is_empty());
        Ok(Self {
            access,
            refresh: refresh.map(Secret::from),
        })
    }
}

/// A success that is none: a captive portal, or a proxy's page.
pub(super) fn strange(text: &[u8], why: &str) -> Error {
    let message = format!(
        "the answer ({}) is not what was asked for: {why}",
        body::describe(text)
    );
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
        .with_http_status(200)
        .with_retry(RetryClass::Later)
}
