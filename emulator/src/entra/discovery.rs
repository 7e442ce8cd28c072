//! What clients read before they log in: where the endpoints are, the public key, what kind of account a name is.

use hyper::{Response, StatusCode};
use serde_json::{Value as Json, json};

use super::Entra;
use super::client::Door;
use super::error::Refusal;
use super::form::Form;
use crate::http::{Body, typed};

impl Entra {
    /// `GET /TENANT/v2.0/.well-known/openid-configuration`
    pub(super) fn configuration(&self, door: &Door<'_>) -> Result<Response<Body>, Refusal> {
        let state = self.lock();
        Self::check_tenant(&state, door)?;
        let at = |path: &str| format!("{}/{}/{path}", door.base, door.tenant);
        Ok(shown(&json!({
            "issuer": at("v2.0"),
            "authorization_endpoint": at("oauth2/v2.0/authorize"),
            "token_endpoint": at("oauth2/v2.0/token"),
            "device_authorization_endpoint": at("oauth2/v2.0/devicecode"),
            "jwks_uri": at("discovery/v2.0/keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_modes_supported": ["query", "form_post"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["pairwise"],
            "tenant_region_scope": "NA",
        })))
    }

    /// `GET /TENANT/discovery/v2.0/keys`
    pub(super) fn keys(&self) -> Response<Body> {
        shown(&json!({ "keys": [self.key.shown()] }))
    }

    /// `GET /common/discovery/instance`
    pub(super) fn instance(door: &Door<'_>, query: &Form) -> Response<Body> {
        let host = door
            .base
            .split_once("://")
            .map_or(door.base, |(_, host)| host);
        let asked = query.get("authorization_endpoint").unwrap_or_default();
        let tenant = asked.split('/').nth(3).unwrap_or("common");
        let network = json!({
            "preferred_network": host, "preferred_cache": host, "aliases": [host, "login.microsoftonline.com"],
        });
        shown(&json!({
            "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", door.base),
            "api-version": "1.1",
            "metadata": [network],
        }))
    }

    /// `GET /common/userrealm/NAME`: no account is federated.
    pub(super) fn realm(name: &str) -> Response<Body> {
        let domain = name.split_once('@').map_or(name, |(_, domain)| domain);
        shown(&json!({
            "ver": "1.0",
            "account_type": "Managed",
            "domain_name": domain,
            "cloud_instance_name": "microsoftonline.com",
            "cloud_audience_urn": "urn:federation:MicrosoftOnline",
        }))
    }
}

fn shown(json: &Json) -> Response<Body> {
    typed(
        StatusCode::OK,
        "application/json; charset=utf-8",
        json.to_string(),
    )
}
