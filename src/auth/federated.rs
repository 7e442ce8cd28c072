//! Federated applications: a token of another issuer, which the application trusts, stands for its secret (RFC
//! 7523, 2.2).

use std::sync::Arc;

use async_trait::async_trait;

use super::application::Application;
use super::credential::{AccessToken, TokenCredential};
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::Secret;

/// What the other issuer's token is for, unless the application says otherwise.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// Logs in as an application that trusts another issuer: a pipeline, another cloud, a managed identity. The
/// assertion comes from a credential of its own, which is asked anew for every login, with the scope
/// `api://AzureADTokenExchange/.default`. What a file holds is [`WorkloadIdentity`](crate::auth::WorkloadIdentity).
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::{Federated, IdentityId, ManagedIdentity};
/// use kusto_ingest::client::Client;
///
/// let machine = Arc::new(ManagedIdentity::new(IdentityId::System));
/// let login = Federated::new("11111111-2222-3333-4444-555555555555", machine)
///     .with_tenant("contoso.onmicrosoft.com");
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(login))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Federated {
    client_id: String,
    assertion: Arc<dyn TokenCredential>,
    tenant: Option<String>,
    audience: String,
}

impl Federated {
    /// Takes the application's id and what gives its assertions.
    pub fn new(client_id: impl Into<String>, assertion: Arc<dyn TokenCredential>) -> Self {
        Self {
            client_id: client_id.into(),
            assertion,
            tenant: None,
            audience: AUDIENCE.to_owned(),
        }
    }

    /// The application's tenant. Without it, it is that of the connection string (`Authority Id`).
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// What assertions are for, `api://AzureADTokenExchange` unless set; sovereign clouds have others.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    pub(super) async fn assertion(&self, request: &TokenRequest) -> Result<Secret> {
        let scope = format!("{}/.default", self.audience.trim_end_matches('/'));
        let asked = request.clone().with_scope(scope);
        let token = self.assertion.get_token(&asked).await?;
        assertion_of(token.secret().expose()).ok_or_else(|| {
            let message = "the assertion of the other issuer is empty";
            Error::new(ErrorKind::Auth, Step::AcquireToken, message)
        })
    }
}

/// What is sent as an assertion: the text without the spaces, line breaks and mark of encoding of the file that it was
/// read from; none if nothing is left.
pub(super) fn assertion_of(text: &str) -> Option<Secret> {
    match text.trim_start_matches('\u{FEFF}').trim() {
        "" => None,
        text => Some(Secret::from(text)),
    }
}

#[async_trait]
impl TokenCredential for Federated {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        Application::from(self.clone()).get_token(request).await
    }
}
