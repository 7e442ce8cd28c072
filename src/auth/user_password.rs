//! The login of a user with a password (RFC 6749, 4.3), which Entra ID advises against.

use std::sync::OnceLock;

use async_trait::async_trait;

use super::credential::{AccessToken, TokenCredential};
use super::entra::{Endpoint, Form, Sending, tenant_of};
use super::request::TokenRequest;
use super::user::ANY_ORGANISATION;
use crate::error::{Error, Result};
use crate::secret::Secret;

/// Logs in as a user with a password. Accounts with a second factor, and those of a federated
/// organisation, cannot: Entra ID refuses them.
///
/// A password that was refused is not sent again by the same credential: every wrong one counts towards
/// locking the account. One whose outcome is unknown is not repeated by the library either.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::UserPassword;
/// use kusto_ingest::client::Client;
///
/// let login = UserPassword::new("alice@contoso.com", "the-password").with_tenant("contoso.com");
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(login))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UserPassword {
    user: String,
    password: Secret,
    tenant: Option<String>,
    client_id: Option<String>,
    /// Why it was refused.
    refused: OnceLock<Error>,
}

impl UserPassword {
    /// Takes the user's name and password.
    pub fn new(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            tenant: None,
            client_id: None,
            refused: OnceLock::new(),
        }
    }

    /// The user's tenant. Without it, it is that of the connection string, or any organisation.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The public client that asks, by default the one that the cluster names.
    #[must_use]
    pub fn with_client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    async fn send(&self, request: &TokenRequest) -> Result<AccessToken> {
        let own = self.tenant.as_deref().or(request.tenant());
        let tenant = tenant_of(own.or(Some(ANY_ORGANISATION)), request)?;
        let client_id = self.client_id.as_deref().unwrap_or(request.client_id());
        let form = || {
            Ok(Form::of_grant("password")
                .field("client_id", client_id)
                .field("username", &self.user)
                .field("password", self.password.expose())
                .field("scope", request.scope()))
        };
        let endpoint = Endpoint::token(request, tenant)?;
        let grant = endpoint.token_for(Sending::Once, form).await?;
        Ok(grant.access)
    }
}

#[async_trait]
impl TokenCredential for UserPassword {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        if let Some(refused) = self.refused.get() {
            return Err(refused.clone());
        }
        let result = self.send(request).await;
        if let Err(error) = &result
            && error.is_permanent()
            && error.http_status().is_some()
        {
            self.refused.get_or_init(|| error.clone());
        }
        result
    }
}
