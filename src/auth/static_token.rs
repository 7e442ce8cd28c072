//! A token that the caller already has.

use async_trait::async_trait;

use crate::auth::credential::{AccessToken, TokenCredential};
use crate::auth::request::TokenRequest;
use crate::error::Result;
use crate::secret::Secret;

/// A fixed bearer token, sent unchanged and never renewed: once the service rejects it, every call
/// fails with [`crate::error::ErrorKind::Auth`].
///
/// ```
/// use kusto_ingest::auth::StaticToken;
///
/// let credential = StaticToken::new("eyJ0eXAi...");
/// assert_eq!(format!("{credential:?}"), "StaticToken(****)");
/// ```
#[derive(Clone, Debug)]
pub struct StaticToken(Secret);

impl StaticToken {
    /// Takes the token, without the word `Bearer`.
    pub fn new(token: impl Into<Secret>) -> Self {
        Self(token.into())
    }
}

#[async_trait]
impl TokenCredential for StaticToken {
    async fn get_token(&self, _request: &TokenRequest) -> Result<AccessToken> {
        Ok(AccessToken::new(self.0.clone(), None))
    }
}
