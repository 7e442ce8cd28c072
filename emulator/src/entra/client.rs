//! Which application asks, and whether it is who it says.

use super::directory::App;
use super::error::Refusal;
use super::form::Form;
use super::{Entra, State};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where a request was sent to.
pub(super) struct Door<'r> {
    /// As it stands in the path: an id, a domain, or `common`.
    pub(super) tenant: &'r str,
    /// Scheme and host of the request.
    pub(super) base: &'r str,
}

impl Door<'_> {
    /// Whether it is the endpoint of no tenant in particular.
    pub(super) fn is_common(&self) -> bool {
        matches!(self.tenant, "common" | "organizations" | "consumers")
    }
}

impl Entra {
    /// The tenant must be the directory's.
    pub(super) fn check_tenant(state: &State, door: &Door<'_>) -> Result<(), Refusal> {
        let known = [&state.directory.tenant, &state.directory.domain];
        let is_known = known
            .iter()
            .any(|one| one.eq_ignore_ascii_case(door.tenant));
        if is_known || door.is_common() {
            return Ok(());
        }
        let text = format!(
            "Tenant '{}' not found. Check to make sure you have the correct tenant ID.",
            door.tenant
        );
        Err(Refusal::new("invalid_request", 90_002, text))
    }

    /// The application, whoever asks for it.
    pub(super) fn app(state: &State, form: &Form) -> Result<App, Refusal> {
        let id = form.required("client_id")?;
        state.directory.app(id).cloned().ok_or_else(|| {
            let text =
                format!("Application with identifier '{id}' was not found in the directory.");
            Refusal::new("unauthorized_client", 700_016, text)
        })
    }

    /// The application that asks for a token: with its secret or assertion, unless it is public.
    pub(super) fn client(
        &self,
        state: &mut State,
        door: &Door<'_>,
        form: &Form,
    ) -> Result<App, Refusal> {
        let app = Self::app(state, form)?;
        let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
        match (secret, assertion) {
            (None, None) if app.public => {}
            (Some(_), _) | (_, Some(_)) if app.public => {
                let text = "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.";
                return Err(Refusal::of_client(700_025, text));
            }
            (Some(secret), _) => self.check_secret(&app, secret)?,
            (None, Some(assertion)) => {
                if form.required("client_assertion_type")? != ASSERTION {
                    let text = "The type of the client assertion is not supported.";
                    return Err(Refusal::new("invalid_request", 900_144, text));
                }
                self.check_assertion(state, &app, assertion, &audiences(state, door))?;
            }
            (None, None) => {
                let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
                return Err(Refusal::of_client(7_000_218, text));
            }
        }
        Ok(app)
    }

    fn check_secret(&self, app: &App, secret: &str) -> Result<(), Refusal> {
        let Some(known) = app.secrets.iter().find(|known| known.text.is(secret)) else {
            let text = format!(
                "Invalid client secret provided for app '{}'.",
                app.client_id
            );
            return Err(Refusal::of_client(7_000_215, text));
        };
        if known.expires.is_some_and(|expires| expires <= self.now()) {
            let text = format!(
                "The provided client secret keys for app '{}' are expired.",
                app.client_id
            );
            return Err(Refusal::of_client(7_000_222, text));
        }
        Ok(())
    }
}

/// What an application's assertion may be for.
fn audiences(state: &State, door: &Door<'_>) -> Vec<String> {
    let hosts = [door.base, "https://login.microsoftonline.com"];
    let tenants = [door.tenant, &state.directory.tenant];
    let mut all = Vec::new();
    for host in hosts {
        for tenant in tenants {
            all.push(format!("{host}/{tenant}/oauth2/v2.0/token"));
            all.push(format!("{host}/{tenant}/v2.0"));
        }
    }
    all
}
