//! The login of an application with its secret (RFC 6749, 4.4).

use async_trait::async_trait;

use super::application::Application;
use super::credential::{AccessToken, TokenCredential};
use super::request::TokenRequest;
use crate::error::Result;
use crate::secret::Secret;

/// Logs in as an application of Entra ID with its client secret.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::ApplicationKey;
/// use kusto_ingest::client::Client;
///
/// let login = ApplicationKey::new("11111111-2222-3333-4444-555555555555", "the-secret")
///     .with_tenant("contoso.onmicrosoft.com");
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(login))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ApplicationKey {
    client_id: String,
    key: Secret,
    tenant: Option<String>,
}

impl ApplicationKey {
    /// Takes the application's id (`Application Client Id`) and its secret's value.
    pub fn new(client_id: impl Into<String>, key: impl Into<Secret>) -> Self {
        Self {
            client_id: client_id.into(),
            key: key.into(),
            tenant: None,
        }
    }

    /// The application's tenant, by id or domain. Without it, it is that of the connection string
    /// (`Authority Id`).
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    pub(super) fn key(&self) -> &Secret {
        &self.key
    }
}

#[async_trait]
impl TokenCredential for ApplicationKey {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        Application::from(self.clone()).get_token(request).await
    }
}
