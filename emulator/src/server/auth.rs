//! Who may ask, and where tokens come from.

use std::sync::Arc;

use hyper::{HeaderMap, Response, StatusCode};
use serde_json::json;

use crate::entra::{Entra, RESOURCE};
use crate::http::{Body, empty, set, typed};
use crate::options::Secret;

/// The emulator's rules of access.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) required_token: Option<Secret>,
    pub(crate) cluster_metadata: bool,
    /// Grants the tokens that requests must have.
    pub(crate) entra: Option<Arc<Entra>>,
    /// Of this address: `http` or `https`.
    pub(crate) scheme: &'static str,
}

impl Access {
    /// The refusal of a request to the emulator's own endpoints that lacks the demanded token. With Entra ID they are
    /// open: there its logins are approved.
    pub(crate) fn control_refusal(&self, headers: &HeaderMap) -> Option<Response<Body>> {
        let required = self.required_token.as_ref()?;
        match bearer(headers).is_some_and(|token| required.is(token)) {
            true => None,
            false => Some(challenge(
                "https://login.microsoftonline.com/organizations",
                None,
            )),
        }
    }

    /// The refusal of a request to the service that lacks the demanded token, or has a wrong one.
    pub(crate) fn refusal(&self, headers: &HeaderMap) -> Option<Response<Body>> {
        let Some(entra) = &self.entra else {
            return self.control_refusal(headers);
        };
        let base = self.base(headers);
        let checked = match bearer(headers) {
            Some(token) => entra.check(token, &base),
            None => Err("the request has no token".to_owned()),
        };
        let authority = format!("{base}/{}", entra.tenant());
        checked
            .err()
            .map(|problem| challenge(&authority, Some(&problem)))
    }

    /// Scheme and host by which the client found this address.
    pub(crate) fn base(&self, headers: &HeaderMap) -> String {
        let host = headers.get("host").and_then(|host| host.to_str().ok());
        format!("{}://{}", self.scheme, host.unwrap_or("localhost"))
    }

    /// `GET /v1/rest/auth/metadata`. All official SDKs go on with their defaults after a 404 with
    /// an empty body; a JSON body under 404 would lead the Go SDK astray.
    pub(crate) fn metadata(&self, headers: &HeaderMap) -> Response<Body> {
        let login = match (&self.entra, self.cluster_metadata) {
            (None, false) => return empty(StatusCode::NOT_FOUND),
            // The names of the cloud: they lead here where a proxy or the hosts file says so.
            (_, true) => "https://login.microsoftonline.com".to_owned(),
            (Some(_), false) => self.base(headers),
        };
        let metadata = json!({
            "AzureAD": {
                "LoginEndpoint": login,
                "LoginMfaRequired": false,
                "KustoClientAppId": "db662dc1-0cfe-4e1c-a843-19a68e65be58",
                "KustoClientRedirectUri": "https://microsoft/kustoclient",
                "KustoServiceResourceId": RESOURCE,
                "FirstPartyAuthorityUrl": "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a",
            },
        });
        typed(
            StatusCode::OK,
            "application/json; charset=utf-8",
            metadata.to_string(),
        )
    }
}

fn challenge(authority: &str, problem: Option<&str>) -> Response<Body> {
    let mut reply = empty(StatusCode::UNAUTHORIZED);
    let mut value = format!("Bearer authorization_uri={authority}, resource_id={RESOURCE}");
    if let Some(problem) = problem {
        let shown = |c: char| (c == ' ' || c.is_ascii_graphic()) && !matches!(c, '"' | '\\');
        let problem = problem.replace(|c| !shown(c), "'");
        value.push_str(&format!(
            ", error=\"invalid_token\", error_description=\"{problem}\""
        ));
    }
    set(&mut reply, "www-authenticate", &value);
    reply
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get("authorization")?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
