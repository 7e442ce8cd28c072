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
use crate::op::context;
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
    asking: Arc<tokio::sync::Mutex<()>>,
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
    /// How many calls are interested in a login: those that wait for their turn, and the one whose turn it is.
    interested: watch::Sender<usize>,
    /// The login that waits for the user.
    under_way: Mutex<Option<UnderWay>>,
    kept: Mutex<Kept>,
}

/// A login that waits for its user, in a task of its own: the client whose call has begun it may be freed while a
/// call of another client waits for it.
#[derive(Clone, Debug)]
struct UnderWay {
    scope: String,
    result: watch::Receiver<Option<Result<AccessToken>>>,
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
        let _asks = request.asks_user();
        self.turn.lock().await
    }

    fn under_way(&self) -> MutexGuard<'_, Option<UnderWay>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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

    /// Begins to ask. It is given up when no call is interested any more; each holds an [`Interest`].
    fn begin(
        self: Arc<Self>,
        scope: &str,
        ask: impl Future<Output = Result<Grant>> + Send + 'static,
    ) -> UnderWay {
        let (sender, result) = watch::channel(None);
        let begun = UnderWay {
            scope: scope.to_owned(),
            result,
        };
        *self.under_way() = Some(begun.clone());
        let mut interested = self.interested.subscribe();
        tokio::spawn(context::carried(async move {
            // However it ends, also by a panic, nobody joins it from then on.
            let ending = Ending(self);
            let grant = tokio::select! {
                grant = ask => grant,
                // It cannot fail: the sender is here.
                _ = interested.wait_for(|count| *count == 0) => return,
            };
            let result = grant.map(|grant| ending.0.keep(grant));
            drop(ending);
            // Nobody waits when all have just left: what the login has given is kept nevertheless.
            let _ = sender.send(Some(result));
        }));
        begun
    }
}

/// A login that ends.
struct Ending(Arc<State>);

impl Drop for Ending {
    fn drop(&mut self) {
        *self.0.under_way() = None;
    }
}

impl UnderWay {
    /// Its result; none if it was given up, or its runtime has ended.
    async fn result(mut self, request: &TokenRequest) -> Option<Result<AccessToken>> {
        let _asks = request.asks_user();
        let ended = self.result.wait_for(Option::is_some).await;
        ended.ok().and_then(|result| result.clone())
    }
}

/// A call that is interested in a login.
struct Interest<'a>(&'a watch::Sender<usize>);

impl<'a> Interest<'a> {
    fn of(interested: &'a watch::Sender<usize>) -> Self {
        interested.send_modify(|count| *count += 1);
        Self(interested)
    }
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// A login to be made.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) request: TokenRequest,
    pub(super) account: Account,
    pub(super) scope: String,
}

impl Asked {
    pub(super) fn token_endpoint(&self) -> Result<Endpoint> {
        Endpoint::token(&self.request, &self.account.tenant)
    }
}

impl UserLogin {
    /// A token, without the user when that is possible; else `ask` asks, if it may.
    pub(super) async fn token<F>(
        &self,
        request: &TokenRequest,
        ask: impl FnOnce(Asked) -> F + Send,
    ) -> Result<AccessToken>
    where
        F: Future<Output = Result<Grant>> + Send + 'static,
    {
        let account = Account::of(self.tenant.as_deref(), self.client_id.as_deref(), request)?;
        let state = self.state(&account);
        let asked = Asked {
            request: request.clone(),
            account,
            scope: format!("{} offline_access openid profile", request.scope()),
        };
        let may_ask = !(self.is_silent || request.is_silent());
        let _interest = may_ask.then(|| Interest::of(&state.interested));
        let _turn = state.turn(request).await;
        if may_ask && let Some(result) = left_by_another(&state, &asked).await {
            return result;
        }
        let refused = match self.renewed(&state, &asked).await? {
            Renewed::Token(token) => return Ok(token),
            Renewed::NeedsUser(refused) => refused,
        };
        if !may_ask {
            return Err(refused.unwrap_or_else(|| must_not_ask(self.is_silent)));
        }
        let (scope, asking) = (asked.scope.clone(), self.shared.asking.clone());
        let login = ask(asked);
        let whose = state.clone();
        let begun = state.clone().begin(&scope, async move {
            let _turn_to_ask = asking.lock_owned().await;
            match whose.declined() {
                Some(error) => Err(error),
                None => login.await.inspect_err(|error| whose.decline(error)),
            }
        });
        let result = begun.result(request).await;
        result.unwrap_or_else(|| Err(ended_without_a_result()))
    }

    /// A token by what an earlier login has left.
    async fn renewed(&self, state: &State, asked: &Asked) -> Result<Renewed> {
        let refresh = state.kept().refresh.clone();
        let Some(refresh) = refresh else {
            return Ok(Renewed::NeedsUser(None));
        };
        match refreshed(asked, &refresh).await? {
            Outcome::Granted(grant) => Ok(Renewed::Token(state.keep(grant))),
            Outcome::Refused(refusal, error) if refusal.needs_user() => {
                if refusal.is_of_dead_login() {
                    state.kept().refresh = None;
                }
                Ok(Renewed::NeedsUser(Some(error)))
            }
            Outcome::Refused(_, error) => Err(error),
        }
    }

    fn state(&self, account: &Account) -> Arc<State> {
        let accounts = &self.shared.accounts;
        let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.entry(account.clone()).or_default().clone()
    }
}

enum Renewed {
    Token(AccessToken),
    /// With the error that says so, if there was something to renew.
    NeedsUser(Option<Error>),
}

/// What comes of a login that another client has begun before it was freed; none if there is none, or if it has
/// succeeded for another scope.
async fn left_by_another(state: &State, asked: &Asked) -> Option<Result<AccessToken>> {
    let under_way = state.under_way().clone()?;
    let is_same = under_way.scope == asked.scope;
    let result = under_way.result(&asked.request).await?;
    (is_same || result.is_err()).then_some(result)
}

fn ended_without_a_result() -> Error {
    let message = "the login of the user ended without a result";
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}

async fn refreshed(asked: &Asked, refresh: &Secret) -> Result<Outcome> {
    let form = || {
        Ok(Form::of_grant("refresh_token")
            .field("client_id", &asked.account.client_id)
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
            let ask = |_: Asked| {
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

    /// What frees a client drops its cache, which ends what only its own calls wait for.
    #[tokio::test(start_paused = true)]
    async fn a_login_outlives_the_client_that_began_it_while_another_waits() {
        let asker = Unanswered::default();
        let one = TokenCache::new(Arc::new(asker.clone()));
        let other = TokenCache::new(Arc::new(asker.clone()));
        let freed = async {
            waits(&one, 1).await;
            drop(one);
        };
        tokio::join!(freed, waits(&other, 60));
        assert_eq!(*asker.under_way.borrow(), (1, 0));
        drop(other);
        let mut ended = asker.under_way.subscribe();
        ended.wait_for(|now| *now == (1, 1)).await.unwrap();
    }
}
