//! What the logins of people share: the user is asked once, and refresh tokens (RFC 6749, 6) do the rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::credential::AccessToken;
use super::entra::{Endpoint, Form, Grant, Outcome, Sending, tenant_of};
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::Secret;

/// The tenants of all organisations: that of the user is found by the name.
const ANY_ORGANISATION: &str = "organizations";

/// How long a user who has declined is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(30);

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
    accounts: Mutex<HashMap<Account, Arc<State>>>,
    /// Held while a user is asked, of whatever account: nobody sees to two browsers at once.
    asking: tokio::sync::Mutex<()>,
}

/// Where and as what a user logs in: what a refresh token is good for, whatever the scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Account {
    pub(super) login_endpoint: String,
    pub(super) tenant: String,
    pub(super) client_id: String,
}

impl Account {
    /// That of this request, where a login has no tenant or client of its own.
    pub(super) fn of(
        tenant: Option<&str>,
        client_id: Option<&str>,
        request: &TokenRequest,
    ) -> Result<Self> {
        let tenant = tenant.or(request.tenant()).or(Some(ANY_ORGANISATION));
        Ok(Self {
            login_endpoint: request.login_endpoint().to_owned(),
            tenant: tenant_of(tenant, request)?.to_owned(),
            client_id: client_id.unwrap_or(request.client_id()).to_owned(),
        })
    }
}

/// What is known of one account.
#[derive(Debug, Default)]
struct State {
    /// One login at a time: those that come later find what it has kept.
    turn: tokio::sync::Mutex<()>,
    /// How many wait for their turn.
    queue: watch::Sender<usize>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    refresh: Option<Secret>,
    /// What came of asking the user, and until when the user is left alone.
    declined: Option<(Error, Instant)>,
}

impl State {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of this request. While it waits for one, it may be given up as a login that asks: another one may
    /// be asking the user.
    async fn turn(&self, request: &TokenRequest) -> tokio::sync::MutexGuard<'_, ()> {
        let _queued = Queued::in_line(&self.queue);
        let _asks = request.asks_user();
        self.turn.lock().await
    }

    /// Keeps what the grant has for later; an answer without a new refresh token leaves the old one.
    fn keep(&self, grant: Grant) -> AccessToken {
        let mut kept = self.kept();
        kept.declined = None;
        if let Some(refresh) = grant.refresh {
            kept.refresh = Some(refresh);
        }
        grant.access
    }

    /// The error of a user who was asked a moment ago.
    fn declined(&self) -> Option<Error> {
        let kept = self.kept();
        let (error, until) = kept.declined.as_ref()?;
        (Instant::now() < *until).then(|| error.clone())
    }

    fn decline(&self, error: &Error) {
        if error.is_permanent() && error.kind() == ErrorKind::Auth {
            self.kept().declined = Some((error.clone(), Instant::now() + LEFT_ALONE));
        }
    }

    /// Asks. It may be given up when nobody waits for it, unless another client's call waits for its turn: that
    /// one needs what this one obtains.
    async fn asked(
        &self,
        request: &TokenRequest,
        ask: impl Future<Output = Result<Grant>> + Send,
    ) -> Result<Grant> {
        let mut queue = self.queue.subscribe();
        let mut ask = std::pin::pin!(ask);
        loop {
            let is_alone = *queue.borrow_and_update() == 0;
            let _asks = is_alone.then(|| request.asks_user());
            tokio::select! {
                grant = &mut ask => return grant,
                // It cannot fail: the sender is here.
                _ = queue.changed() => {}
            }
        }
    }
}

/// A call that waits for its turn.
struct Queued<'a>(&'a watch::Sender<usize>);

impl<'a> Queued<'a> {
    fn in_line(queue: &'a watch::Sender<usize>) -> Self {
        queue.send_modify(|queue| *queue += 1);
        Self(queue)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|queue| *queue -= 1);
    }
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
        let account = Account::of(self.tenant.as_deref(), self.client_id.as_deref(), request)?;
        let state = self.state(&account);
        let tenant = self.tenant.as_deref().or(request.tenant());
        let asked = Asked {
            request,
            tenant: tenant_of(tenant.or(Some(ANY_ORGANISATION)), request)?,
            client_id: self.client_id.as_deref().unwrap_or(request.client_id()),
            scope: format!("{} offline_access openid profile", request.scope()),
        };
        let _turn = state.turn(request).await;
        let refresh = state.kept().refresh.clone();
        let refused = match refresh {
            Some(refresh) => match refreshed(&asked, &refresh).await? {
                Outcome::Granted(grant) => return Ok(state.keep(grant)),
                Outcome::Refused(refusal, error) if refusal.needs_user() => {
                    if refusal.is_of_dead_login() {
                        state.kept().refresh = None;
                    }
                    Some(error)
                }
                Outcome::Refused(_, error) => return Err(error),
            },
            None => None,
        };
        if self.is_silent || request.is_silent() {
            return Err(refused.unwrap_or_else(|| must_not_ask(self.is_silent)));
        }
        let turn_to_ask = {
            let _asks = request.asks_user();
            self.shared.asking.lock().await
        };
        if let Some(error) = state.declined() {
            return Err(error);
        }
        let grant = state.asked(request, ask(asked)).await;
        drop(turn_to_ask);
        let grant = grant.inspect_err(|error| state.decline(error))?;
        Ok(state.keep(grant))
    }

    fn state(&self, account: &Account) -> Arc<State> {
        let accounts = &self.shared.accounts;
        let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.entry(account.clone()).or_default().clone()
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

fn must_not_ask(is_never_allowed: bool) -> Error {
    let message = match is_never_allowed {
        true => {
            "this login needs the user and may not ask: let it ask (`prompt` is `never`), or log in as an \
             application or a managed identity"
        }
        false => "the token cannot be renewed ahead of time: the user is asked when it has expired",
    };
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
        .with_service_code("interaction_required")
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::super::credential::{TokenCache, TokenCredential};
    use super::*;

    /// Asks a user who never answers.
    #[derive(Clone, Debug, Default)]
    struct Unanswered {
        login: UserLogin,
        under_way: watch::Sender<(usize, usize)>,
    }

    struct Guard(watch::Sender<(usize, usize)>);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.send_modify(|(_, ended)| *ended += 1);
        }
    }

    #[async_trait]
    impl TokenCredential for Unanswered {
        async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
            let ask = |_: Asked<'_>| {
                let guard = Guard(self.under_way.clone());
                self.under_way.send_modify(|(begun, _)| *begun += 1);
                async move {
                    let _guard = guard;
                    std::future::pending().await
                }
            };
            self.login.token(request, ask).await
        }
    }

    async fn waits(cache: &TokenCache, seconds: u64) {
        let request = TokenRequest::new("s", None);
        let call = cache.get(&request);
        let limit = Duration::from_secs(seconds);
        assert!(tokio::time::timeout(limit, call).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_for_which_a_call_of_another_client_waits_is_not_given_up() {
        let asker = Unanswered::default();
        let one = TokenCache::new(Arc::new(asker.clone()));
        let other = TokenCache::new(Arc::new(asker.clone()));
        tokio::join!(waits(&one, 1), waits(&other, 60));
        assert_eq!(*asker.under_way.borrow(), (1, 0));
        tokio::time::sleep(Duration::from_secs(25)).await;
        assert_eq!(*asker.under_way.borrow(), (1, 1));
    }
}
