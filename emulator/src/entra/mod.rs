//! A local Entra ID: it knows a small directory of applications, users and managed identities, grants real signed tokens,
//! and checks those that come back. What it answers follows Entra's public protocol pages; everything is in memory.

mod assertion;
mod authorize;
mod client;
mod device;
mod directory;
mod discovery;
mod error;
mod form;
mod grants;
mod identity;
mod jwt;
mod route;
mod session;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

use crate::clock::Clock;

pub(crate) use authorize::Visit;
pub(crate) use device::Decision;
pub(crate) use directory::Directory;
pub(crate) use route::{EntraRoute, IdentityRoute};

use authorize::Code;
use device::Device;
use jwt::SigningKey;
use session::Session;

/// What the tokens are for that the service accepts besides its own address.
pub(crate) const RESOURCE: &str = "https://kusto.kusto.windows.net";
/// The secret that requests for the App Service's tokens carry. It protects nothing: it is a part of the protocol.
pub(crate) const IDENTITY_HEADER: &str = "emulated-identity-header";

/// The local Entra ID.
pub(crate) struct Entra {
    key: SigningKey,
    clock: Clock,
    state: Mutex<State>,
}

/// What changes while it runs.
struct State {
    directory: Directory,
    /// Codes of the authorize endpoint that wait for their exchange.
    codes: HashMap<String, Code>,
    /// Device logins by their device codes.
    devices: BTreeMap<String, Device>,
    /// What each refresh token stands for.
    refresh: HashMap<String, Session>,
    /// Assertions that were used: their ids, and when they expire.
    used: HashMap<String, i64>,
}

impl Entra {
    /// One with the directory that is there from the start.
    ///
    /// # Errors
    /// When the key of the signatures is none.
    pub(crate) fn new(clock: Clock) -> Result<Self, String> {
        Ok(Self {
            key: SigningKey::well_known()?,
            clock,
            state: Mutex::new(State {
                directory: Directory::default(),
                codes: HashMap::new(),
                devices: BTreeMap::new(),
                refresh: HashMap::new(),
                used: HashMap::new(),
            }),
        })
    }

    /// The directory as it is.
    pub(crate) fn directory(&self) -> Directory {
        self.lock().directory.clone()
    }

    /// Takes another directory; what was granted before stays granted.
    ///
    /// # Errors
    /// For rules whose times are none.
    pub(crate) fn set_directory(&self, directory: Directory) -> Result<(), String> {
        directory.tokens.check()?;
        self.lock().directory = directory;
        Ok(())
    }

    /// The token that a platform gives to its workloads, to be exchanged for one of an application that trusts the issuer
    /// and the subject.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) fn platform_token(
        &self,
        issuer: &str,
        subject: &str,
        audience: &str,
    ) -> Result<String, String> {
        let now = self.now();
        self.key.sign(&serde_json::json!({
            "iss": issuer, "sub": subject, "aud": audience, "iat": now, "nbf": now, "exp": now + 3600,
        }))
    }

    /// Checks the token of a request to the service: signature, times, tenant, and what it is for.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn check(&self, token: &str, own_address: &str) -> Result<(), String> {
        let claims = self
            .key
            .verify(token)
            .ok_or("the token is not signed by this Entra ID")?;
        let tenant = self.tenant();
        let now = self.now();
        let number = |name: &str| claims.get(name).and_then(Json::as_i64);
        if number("exp").is_none_or(|exp| exp <= now) {
            return Err("the token has expired".to_owned());
        }
        if number("nbf").is_none_or(|nbf| nbf > now) {
            return Err("the token is not valid yet".to_owned());
        }
        let word = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
        if word("tid") != tenant {
            return Err("the token is of another tenant".to_owned());
        }
        let audience = word("aud").trim_end_matches('/');
        if audience != RESOURCE && audience != own_address {
            return Err(format!("the token is for '{audience}'"));
        }
        Ok(())
    }

    /// The tenant whose tokens the service takes.
    pub(crate) fn tenant(&self) -> String {
        self.lock().directory.tenant.clone()
    }

    fn now(&self) -> i64 {
        self.clock.now().unix_timestamp()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
