//! What the logins of people share: the user is asked once, and refresh tokens (RFC 6749, 6) do the rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::credential::AccessToken;
use super::entra::{Endpoint, Form, Grant, Outcome, Sending, tenant_of};
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::Secret;

/// The tenants of all organisations: that of the user is found by the name.
pub(super) const ANY_ORGANISATION: &str = "organizations";

/// Whose login it is, and what was kept of it.
#[derive(Clone, Debug, Default)]
pub(super) struct UserLogin {
    pub(super) tenant: Option<String>,
    pub(super) client_id: Option<String>,
    /// Whether it never asks.
    pub(super) is_silent: bool,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The refresh tokens, by what they are good for.
    kept: Mutex<HashMap<Account, Secret>>,
    /// Held while the user is asked: two browsers at once would ask the same.
    asking: tokio::sync::Mutex<()>,
}

/// What a refresh token is good for, whatever the scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Account {
    login_endpoint: String,
    tenant: String,
    client_id: String,
}

/// A login to be made.
pub(super) struct Asked<'a> {
    pub(super) request: &'a TokenRequest,
    pub(super) tenant: &'a str,
    pub(super) client_id: &'a str,
    pub(super) scope: String,
}

impl Asked<'_> {
    pub(super) fn token_endpoint(&self) -> Result<Endpoint> {
        Endpoint::token(self.request, self.tenant)
    }
}

impl UserLogin {
    /// A token, without the user when that is possible; else `ask` asks, if it may.
    pub(super) async fn token<'a, F>(
        &'a self,
        request: &'a TokenRequest,
        ask: impl FnOnce(Asked<'a>) -> F + Send,
    ) -> Result<AccessToken>
    where
        F: Future<Output = Result<Grant>> + Send,
    {
        let own = self.tenant.as_deref().or(request.tenant());
        let asked = Asked {
            request,
            tenant: tenant_of(own.or(Some(ANY_ORGANISATION)), request)?,
            client_id: self.client_id.as_deref().unwrap_or(request.client_id()),
            scope: format!("{} offline_access openid profile", request.scope()),
        };
        let account = Account {
            login_endpoint: request.login_endpoint().to_owned(),
            tenant: asked.tenant.to_owned(),
            client_id: asked.client_id.to_owned(),
        };
        let _asking = self.shared.asking.lock().await;
        let refused = match self.kept(&account) {
            Some(refresh) => match refreshed(&asked, &refresh).await? {
                Outcome::Granted(grant) => return Ok(self.keep(account, grant)),
                Outcome::Refused(refusal, error) if refusal.needs_user() => {
                    self.forget(&account);
                    Some(error)
                }
                Outcome::Refused(_, error) => return Err(error),
            },
            None => None,
        };
        if self.is_silent || request.is_silent() {
            return Err(refused.unwrap_or_else(must_not_ask));
        }
        let asks = request.asks_user();
        let grant = ask(asked).await?;
        drop(asks);
        Ok(self.keep(account, grant))
    }

    fn kept(&self, account: &Account) -> Option<Secret> {
        self.lock().get(account).cloned()
    }

    /// Keeps what the grant has for later; an answer without a new refresh token leaves the old one.
    fn keep(&self, account: Account, grant: Grant) -> AccessToken {
        if let Some(refresh) = grant.refresh {
            self.lock().insert(account, refresh);
        }
        grant.access
    }

    fn forget(&self, account: &Account) {
        self.lock().remove(account);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Account, Secret>> {
        self.shared
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn refreshed(asked: &Asked<'_>, refresh: &Secret) -> Result<Outcome> {
    let form = || {
        Ok(Form::of_grant("refresh_token")
            .field("client_id", asked.client_id)
            .field("refresh_token", refresh.expose())
            .field("scope", &asked.scope))
    };
    let endpoint = asked.token_endpoint()?;
    endpoint.outcome_of(Sending::Repeatable, form).await
}

fn must_not_ask() -> Error {
    let message = "this login needs the user and may not ask: let it ask (`prompt` is `never`), or log in as \
                   an application or a managed identity";
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
        .with_service_code("interaction_required")
}
