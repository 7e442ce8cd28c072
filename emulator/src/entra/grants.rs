//! The token endpoint: one function for each grant.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Response;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::client::Door;
use super::directory::User;
use super::error::Refusal;
use super::form::Form;
use super::session::{Session, Subject, audience};
use super::{Entra, State};
use crate::http::Body;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const ON_BEHALF_OF: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long a code of the authorize endpoint is valid, in seconds.
pub(super) const CODE_SECONDS: i64 = 600;

impl Entra {
    /// `POST /TENANT/oauth2/v2.0/token`
    pub(super) fn token(&self, door: &Door<'_>, form: &Form) -> Result<Response<Body>, Refusal> {
        let mut state = self.lock();
        let state = &mut *state;
        Self::check_tenant(state, door)?;
        let session = match form.required("grant_type")? {
            "client_credentials" => self.client_credentials(state, door, form)?,
            "refresh_token" => self.refresh(state, door, form)?,
            "password" => self.password(state, door, form)?,
            // MSAL for Node leaves the standard's prefix out.
            DEVICE | "device_code" => self.device_token(state, door, form)?,
            "authorization_code" => self.exchange(state, door, form)?,
            ON_BEHALF_OF => self.on_behalf_of(state, door, form)?,
            other => {
                let text = format!("The grant type '{other}' is not supported.");
                return Err(Refusal::new("unsupported_grant_type", 70_003, text));
            }
        };
        self.granted(state, session)
    }

    fn client_credentials(
        &self,
        state: &mut State,
        door: &Door<'_>,
        form: &Form,
    ) -> Result<Session, Refusal> {
        if door.is_common() {
            let text = format!(
                "Usage of the /{} endpoint is not supported for applications: name the tenant.",
                door.tenant
            );
            return Err(Refusal::new("invalid_request", 50_194, text));
        }
        let app = self.client(state, door, form)?;
        if app.public {
            let text = "A public client has no credentials of its own.";
            return Err(Refusal::of_client(7_000_218, text));
        }
        // MSAL for Go adds those of a user's login, which mean nothing here.
        let of_user = ["openid", "offline_access", "profile"];
        let asked = form.required("scope")?;
        let asked = asked.split(' ').filter(|one| !of_user.contains(one));
        let scope = asked.collect::<Vec<_>>().join(" ");
        if !scope.ends_with("/.default") {
            let text = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier."
            );
            return Err(Refusal::new("invalid_scope", 1_002_012, text));
        }
        Ok(Session {
            subject: Subject::of_app(&app),
            client_id: app.client_id,
            audience: audience(&scope)?,
            scope,
            nonce: None,
        })
    }

    fn refresh(&self, state: &mut State, door: &Door<'_>, form: &Form) -> Result<Session, Refusal> {
        let app = self.client(state, door, form)?;
        let token = form.required("refresh_token")?;
        let known = state.refresh.get(token).cloned();
        let Some(session) = known.filter(|session| session.client_id == app.client_id) else {
            let text = "The refresh token is not known, or was revoked or used up.";
            return Err(Refusal::new("invalid_grant", 70_000, text));
        };
        if let Subject::User { name, .. } = &session.subject {
            usable(state, name)?;
        }
        if state.directory.tokens.refresh_rotation {
            state.refresh.remove(token);
        }
        let Some(scope) = form.get("scope") else {
            return Ok(session);
        };
        // Who could renew can renew again.
        let scope = match scope.contains("offline_access") {
            true => scope.to_owned(),
            false => format!("{scope} offline_access"),
        };
        Ok(Session {
            audience: audience(&scope)?,
            scope,
            ..session
        })
    }

    fn password(
        &self,
        state: &mut State,
        door: &Door<'_>,
        form: &Form,
    ) -> Result<Session, Refusal> {
        let app = self.client(state, door, form)?;
        let (name, password) = (form.required("username")?, form.required("password")?);
        let scope = form.required("scope")?.to_owned();
        let user = usable(state, name)?;
        if !user.password.is(password) {
            let text = "Error validating credentials due to invalid username or password.";
            return Err(Refusal::new("invalid_grant", 50_126, text));
        }
        if user.mfa {
            let text = "You must use multi-factor authentication to access the resource.";
            return Err(Refusal::new("interaction_required", 50_076, text));
        }
        Ok(Session {
            subject: Subject::of_user(user),
            client_id: app.client_id,
            audience: audience(&scope)?,
            scope,
            nonce: None,
        })
    }

    /// A code of the authorize endpoint, once.
    fn exchange(
        &self,
        state: &mut State,
        door: &Door<'_>,
        form: &Form,
    ) -> Result<Session, Refusal> {
        let app = self.client(state, door, form)?;
        let refused = |number, text: &str| Err(Refusal::new("invalid_grant", number, text));
        let Some(code) = state.codes.remove(form.required("code")?) else {
            return refused(54_005, "The code is not known, or was already redeemed.");
        };
        if code.session.client_id != app.client_id {
            return refused(70_000, "The code was issued to another client.");
        }
        if code.made + CODE_SECONDS <= self.now() {
            return refused(70_008, "The code has expired.");
        }
        if form.get("redirect_uri") != Some(&code.redirect_uri) {
            return refused(
                500_112,
                "The reply address does not match the one of the code.",
            );
        }
        match (&code.challenge, form.get("code_verifier")) {
            (None, None) => {}
            (Some(challenge), Some(verifier))
                if *challenge == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) => {}
            (Some(_), None) => {
                return refused(
                    501_481,
                    "The code was made with a challenge: 'code_verifier' is missing.",
                );
            }
            _ => {
                return refused(
                    501_481,
                    "The code verifier does not match the code challenge.",
                );
            }
        }
        Ok(code.session)
    }

    fn on_behalf_of(
        &self,
        state: &mut State,
        door: &Door<'_>,
        form: &Form,
    ) -> Result<Session, Refusal> {
        let app = self.client(state, door, form)?;
        if app.public || form.required("requested_token_use")? != "on_behalf_of" {
            let text = "On behalf of a user asks an application with credentials of its own.";
            return Err(Refusal::new("invalid_request", 70_003, text));
        }
        let scope = form.required("scope")?.to_owned();
        let refused = || {
            let text = "Assertion failed signature validation, is out of its time, or is for another application.";
            Refusal::new("invalid_grant", 50_013, text)
        };
        let claims = self.key.verify(form.required("assertion")?);
        let claims = claims.ok_or_else(refused)?;
        let (now, app_uri) = (self.now(), format!("api://{}", app.client_id));
        let number = |name: &str| claims.get(name).and_then(Json::as_i64);
        let word = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
        // A token for another resource is none that the user gave to this application.
        let is_for_app = [&app.client_id, &app_uri]
            .iter()
            .any(|own| *own == word("aud"));
        let is_timely = number("exp") > Some(now) && number("nbf").is_none_or(|nbf| nbf <= now);
        let is_valid = is_timely && is_for_app && word("tid") == state.directory.tenant;
        let name = claims.get("upn").and_then(Json::as_str);
        let name = name.filter(|_| is_valid).ok_or_else(refused)?;
        Ok(Session {
            subject: Subject::of_user(usable(state, name)?),
            client_id: app.client_id,
            audience: audience(&scope)?,
            scope,
            nonce: None,
        })
    }
}

/// The user, if there is one who may log in.
pub(super) fn usable<'s>(state: &'s State, name: &str) -> Result<&'s User, Refusal> {
    match state.directory.user(name) {
        None => {
            let text = "The user account does not exist in the directory.";
            Err(Refusal::new("invalid_grant", 50_034, text))
        }
        Some(user) if user.disabled => Err(Refusal::new(
            "invalid_grant",
            50_057,
            "The user account is disabled.",
        )),
        Some(user) => Ok(user),
    }
}
