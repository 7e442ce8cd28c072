//! The trait that every kind of login implements, and the cache of tokens.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;
use tokio::time::Instant;

use super::request::TokenRequest;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::log::events;
use crate::op::context;
use crate::secret::Secret;

mod flight;

use flight::{Flight, Waiter};

/// Obtains tokens. Implementations need no cache and no lock: the client caches tokens until
/// shortly before they expire and sends at most one request at a time per scope, tenant and login
/// host.
///
/// [`Credential::from_fn`](crate::auth::Credential::from_fn) makes one from an async closure. A type of
/// your own implements it with [`macro@async_trait`].
#[async_trait]
pub trait TokenCredential: Send + Sync + Debug {
    /// A token for this scope. Errors should be of kind [`ErrorKind::Auth`]. It should end by itself in any case:
    /// calls that have no deadline wait for it as long as it takes.
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken>;
}

/// A bearer token and its expiry.
#[derive(Clone, Debug)]
pub struct AccessToken {
    secret: Secret,
    expires_on: Option<OffsetDateTime>,
    refresh_on: Option<OffsetDateTime>,
}

impl AccessToken {
    /// A token. Without an expiry it is not cached: the credential is called for every request.
    pub fn new(secret: impl Into<Secret>, expires_on: Option<OffsetDateTime>) -> Self {
        Self {
            secret: secret.into(),
            expires_on,
            refresh_on: None,
        }
    }

    /// A token that is valid for so long from now on, as `expires_in` of Entra's answers says.
    pub fn valid_for(secret: impl Into<Secret>, valid: std::time::Duration) -> Self {
        let valid = Duration::try_from(valid).unwrap_or(Duration::MAX);
        Self::new(
            secret,
            Some(OffsetDateTime::now_utc().saturating_add(valid)),
        )
    }

    /// The same token, to be renewed from this time on: Entra ID and managed identities may name one
    /// (`refresh_in`). Without it, renewal begins shortly before the token expires.
    #[must_use]
    pub fn with_refresh_on(mut self, at: OffsetDateTime) -> Self {
        self.refresh_on = Some(at);
        self
    }

    /// The token itself.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// When it expires.
    pub fn expires_on(&self) -> Option<OffsetDateTime> {
        self.expires_on
    }

    /// From when on it should be renewed, if its issuer named a time.
    pub fn refresh_on(&self) -> Option<OffsetDateTime> {
        self.refresh_on
    }
}

/// A token is renewed this long before it expires...
const REFRESH_AHEAD: Duration = Duration::minutes(5);
/// ...or when this share of its lifetime is over, if that is later: a token of ten minutes would
/// otherwise be renewed every five.
const REFRESH_AT_SHARE: f64 = 0.8;
/// After a renewal, failed or not, and while the token is still valid, the pause before the next
/// attempt.
const PAUSE_BETWEEN: Duration = Duration::seconds(30);
/// After a failure that may pass, or may not, the pause before the next attempt unless the issuer asked for
/// another one: all who wait then share that attempt.
const COOL_DOWN: std::time::Duration = std::time::Duration::from_secs(1);
/// The longest pause that an issuer is allowed to ask for.
const LONGEST_COOL_DOWN: std::time::Duration = std::time::Duration::from_secs(30);

/// Caches tokens per scope and tenant, renews them ahead of time, and sends at most one request at
/// a time for each.
#[derive(Debug)]
pub(crate) struct TokenCache {
    credential: Arc<dyn TokenCredential>,
    clock: Arc<dyn Clock>,
    slots: Arc<Mutex<Slots>>,
}

type Slots = HashMap<TokenRequest, Slot>;

#[derive(Debug, Default)]
struct Slot {
    token: Option<CachedToken>,
    flight: Option<Flight>,
    /// No renewal ahead of time before this.
    pause_until: Option<OffsetDateTime>,
    /// No attempt at all before this.
    cool_until: Option<Instant>,
}

#[derive(Debug)]
struct CachedToken {
    secret: Secret,
    expires_on: OffsetDateTime,
    refresh_on: OffsetDateTime,
}

impl TokenCache {
    /// A cache for this credential with the machine's clock.
    pub(crate) fn new(credential: Arc<dyn TokenCredential>) -> Self {
        Self::with_clock(credential, Arc::new(SystemClock))
    }

    /// A cache that takes the time from `clock`.
    pub(crate) fn with_clock(credential: Arc<dyn TokenCredential>, clock: Arc<dyn Clock>) -> Self {
        Self {
            credential,
            clock,
            slots: Arc::default(),
        }
    }

    /// A token that is valid now. Must be called inside a tokio runtime.
    pub(crate) async fn get(&self, request: &TokenRequest) -> Result<Secret> {
        let waiter = match self.look_up(request) {
            LookUp::Valid(secret) => return Ok(secret),
            LookUp::Wait(waiter) => waiter,
        };
        let is_renewal = waiter.is_renewal;
        let answer = waiter.answer().await;
        let answer = match answer {
            // A renewal asks nobody; a call may.
            Err(error) if is_renewal && error.is_permanent() => match self.look_up(request) {
                LookUp::Valid(secret) => return Ok(secret),
                LookUp::Wait(waiter) => waiter.answer().await,
            },
            answer => answer,
        };
        answer.map(|token| token.secret)
    }

    /// Forgets a token that the service rejected (401), so that the next call requests another.
    pub(crate) fn invalidate(&self, secret: &Secret) {
        for slot in lock(&self.slots).values_mut() {
            if slot.token.as_ref().is_some_and(|t| &t.secret == secret) {
                slot.token = None;
                slot.pause_until = None;
            }
        }
    }

    fn look_up(&self, request: &TokenRequest) -> LookUp {
        let now = self.clock.now();
        let mut slots = lock(&self.slots);
        let slot = slots.entry(request.clone()).or_default();
        if slot.flight.as_ref().is_some_and(Flight::is_dead) {
            slot.flight = None;
        }
        if let Some(token) = slot.token.as_ref().filter(|t| now < t.expires_on) {
            let secret = token.secret.clone();
            let paused = slot.pause_until.is_some_and(|until| now < until);
            if now >= token.refresh_on && !paused && slot.flight.is_none() {
                let quiet = request.clone().silently();
                slot.flight = Some(self.start_flight(quiet, slot.cool_until, true));
            }
            return LookUp::Valid(secret);
        }
        slot.token = None;
        let cool_until = slot.cool_until;
        let flight = slot
            .flight
            .get_or_insert_with(|| self.start_flight(request.clone(), cool_until, false));
        LookUp::Wait(flight.join())
    }

    fn start_flight(
        &self,
        request: TokenRequest,
        cool_until: Option<Instant>,
        is_renewal: bool,
    ) -> Flight {
        let credential = Arc::clone(&self.credential);
        let clock = Arc::clone(&self.clock);
        let slots = Arc::clone(&self.slots);
        let (users, asked_users) = watch::channel(0);
        let (asked, at) = (request.clone().counting(users), clock.clone());
        let asking = async move {
            if let Some(until) = cool_until {
                tokio::time::sleep_until(until).await;
            }
            let begun = Instant::now();
            let result = credential.get_token(&asked).await.and_then(check);
            if result.is_ok() {
                events::StepEnded {
                    step: Step::AcquireToken,
                    host: "",
                    attempts: 1,
                    duration_ms: begun.elapsed(),
                }
                .emit();
            }
            result
        };
        let landing = slots.clone();
        let land = {
            let request = request.clone();
            move |result: &Result<AccessToken>| land(&landing, &request, result, at.now())
        };
        // Under the lock, with which calls join: none can join what is given up.
        let give_up = move |is_left: &dyn Fn() -> bool| {
            let mut slots = lock(&slots);
            let gives_up = is_left();
            if gives_up && let Some(slot) = slots.get_mut(&request) {
                slot.flight = None;
            }
            gives_up
        };
        Flight::start(
            context::carried(asking),
            is_renewal,
            asked_users,
            land,
            give_up,
        )
    }
}

impl Drop for TokenCache {
    /// Stops requests under way: without a client the answer is not needed, and the credential must
    /// be dropped.
    fn drop(&mut self) {
        for slot in lock(&self.slots).values() {
            if let Some(flight) = &slot.flight {
                flight.abort();
            }
        }
    }
}

enum LookUp {
    Valid(Secret),
    Wait(Waiter),
}

fn lock(slots: &Mutex<Slots>) -> MutexGuard<'_, Slots> {
    // Every write below leaves the map consistent, so a panic elsewhere does not corrupt it.
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records the result of a flight. A failure is never cached; the old token is kept while valid.
fn land(
    slots: &Mutex<Slots>,
    request: &TokenRequest,
    result: &Result<AccessToken>,
    now: OffsetDateTime,
) {
    let mut slots = lock(slots);
    let Some(slot) = slots.get_mut(request) else {
        return;
    };
    slot.flight = None;
    match result {
        Ok(token) => {
            // An issuer that wants its tokens renewed at once is not asked again and again.
            let renewed = slot.token.is_some();
            slot.pause_until = renewed.then(|| now.checked_add(PAUSE_BETWEEN)).flatten();
            slot.cool_until = None;
            slot.token = token.expires_on.map(|expires_on| CachedToken {
                secret: token.secret.clone(),
                expires_on,
                refresh_on: refresh_on(now, expires_on, token.refresh_on),
            });
        }
        Err(error) => {
            slot.pause_until = now.checked_add(PAUSE_BETWEEN);
            slot.cool_until = cool_down(error).and_then(|pause| Instant::now().checked_add(pause));
            if slot.token.is_some() {
                renewal_failed(error);
            }
        }
    }
}

/// The pause after a failure that is not for good.
fn cool_down(error: &Error) -> Option<std::time::Duration> {
    let pause = error.retry_after().unwrap_or(COOL_DOWN);
    (error.retry() != RetryClass::Never).then(|| pause.min(LONGEST_COOL_DOWN))
}

fn renewal_failed(error: &Error) {
    events::RenewalFailed {
        step: Step::AcquireToken,
        host: error.host().unwrap_or_default(),
        error,
    }
    .emit();
}

/// When to renew: as the issuer says, but not after the token has ended.
fn refresh_on(
    now: OffsetDateTime,
    expires_on: OffsetDateTime,
    said: Option<OffsetDateTime>,
) -> OffsetDateTime {
    if let Some(said) = said {
        return said.min(expires_on);
    }
    let share = now.saturating_add((expires_on - now) * REFRESH_AT_SHARE);
    share.max(expires_on.saturating_sub(REFRESH_AHEAD))
}

/// Servers reject headers long before this length.
const MAX_TOKEN: usize = 64 * 1024;

/// Rejects an invalid token before it becomes part of a header.
fn check(token: AccessToken) -> Result<AccessToken> {
    let wrong = |message| Err(Error::new(ErrorKind::Auth, Step::AcquireToken, message));
    if token.secret.is_blank() {
        return wrong("the credential returned an empty token");
    }
    if token.secret.expose().len() > MAX_TOKEN {
        return wrong("the credential returned a token of more than 64 KiB");
    }
    if !token.secret.expose().bytes().all(|b| b.is_ascii_graphic()) {
        return wrong("the credential returned a token with spaces or characters outside ASCII");
    }
    Ok(token)
}

#[cfg(test)]
mod tests;
