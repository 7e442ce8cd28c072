//! Who may ask, and where tokens come from.

use hyper::{HeaderMap, Response, StatusCode};
use serde_json::json;

use crate::http::{Body, empty, set, typed};
use crate::options::Secret;

/// The emulator's rules of access.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) required_token: Option<Secret>,
    pub(crate) cluster_metadata: bool,
}

impl Access {
    /// The refusal of a request that lacks the demanded token.
    pub(crate) fn refusal(&self, headers: &HeaderMap) -> Option<Response<Body>> {
        let required = self.required_token.as_ref()?;
        if bearer(headers).is_some_and(|token| required.is(token)) {
            return None;
        }
        let mut reply = empty(StatusCode::UNAUTHORIZED);
        set(
            &mut reply,
            "www-authenticate",
            "Bearer authorization_uri=https://login.microsoftonline.com/organizations, resource_id=https://kusto.kusto.windows.net",
        );
        Some(reply)
    }

    /// `GET /v1/rest/auth/metadata`. All official SDKs go on with their defaults after a 404 with
    /// an empty body; a JSON body under 404 would lead the Go SDK astray.
    pub(crate) fn metadata(&self) -> Response<Body> {
        if !self.cluster_metadata {
            return empty(StatusCode::NOT_FOUND);
        }
        let metadata = json!({
            "AzureAD": {
                "LoginEndpoint": "https://login.microsoftonline.com",
                "LoginMfaRequired": false,
                "KustoClientAppId": "db662dc1-0cfe-4e1c-a843-19a68e65be58",
                "KustoClientRedirectUri": "https://microsoft/kustoclient",
                "KustoServiceResourceId": "https://kusto.kusto.windows.net",
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
