//! The login of a user with a password (RFC 6749, 4.3), which Entra ID advises against.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::credential::{AccessToken, TokenCredential};
use super::entra::{Endpoint, Form, Outcome, Sending};
use super::request::TokenRequest;
use super::user::Account;
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
    /// Why it was refused, and where. Held while it is sent: two requests at once would count twice.
    refused: Arc<Mutex<HashMap<Account, Error>>>,
}

impl UserPassword {
    /// Takes the user's name and password.
    pub fn new(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            tenant: None,
            client_id: None,
            refused: Arc::default(),
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

    async fn send(&self, account: &Account, request: &TokenRequest) -> Result<Outcome> {
        let form = || {
            Ok(Form::of_grant("password")
                .field("client_id", &account.client_id)
                .field("username", &self.user)
                .field("password", self.password.expose())
                .field("scope", request.scope()))
        };
        let endpoint = Endpoint::token(request, &account.tenant)?;
        endpoint.outcome_of(Sending::Once, form).await
    }
}

#[async_trait]
impl TokenCredential for UserPassword {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        let account = Account::of(self.tenant.as_deref(), self.client_id.as_deref(), request)?;
        let everywhere = everywhere(&account);
        let mut refused = self.refused.lock().await;
        let known = refused.get(&everywhere).or_else(|| refused.get(&account));
        if let Some(error) = known {
            return Err(error.clone());
        }
        let (refusal, error) = match self.send(&account, request).await? {
            Outcome::Granted(grant) => return Ok(grant.access),
            Outcome::Refused(refusal, error) => (refusal, error),
        };
        // What a proxy says is no word on the password.
        if !refusal.says_nothing() {
            let of_user = refusal.number.is_some_and(|it| OF_USER.contains(&it));
            let place = if of_user { everywhere } else { account };
            refused.insert(place, error.clone());
        }
        Err(error)
    }
}

/// Refusals of the user and the password, whatever they are for: wrong, locked, expired, disabled.
const OF_USER: [u64; 4] = [50126, 50053, 50055, 50057];

/// All accounts of a login host.
fn everywhere(account: &Account) -> Account {
    Account {
        login_endpoint: account.login_endpoint.clone(),
        tenant: String::new(),
        client_id: String::new(),
    }
}
