//! Which address is what, and how a request becomes an answer.

use hyper::http::request::Parts;
use hyper::{Method, Response};
use percent_encoding::percent_decode_str;

use super::Entra;
use super::client::Door;
use super::error::Refusal;
use super::form::Form;
use crate::http::Body;

/// An endpoint of the login host, with the tenant or name that its path has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntraRoute {
    Token(String),
    DeviceCode(String),
    Authorize(String),
    Configuration(String),
    Keys,
    Instance,
    Realm(String),
}

impl EntraRoute {
    /// The endpoint at a path.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8().ok()?;
            Some(text.into_owned())
        };
        Some(match segments.as_slice() {
            ["common", "discovery", "instance"] => Self::Instance,
            // MSAL for Go spells it `UserRealm`.
            ["common", realm, name] if realm.eq_ignore_ascii_case("userrealm") => {
                Self::Realm(decoded(name)?)
            }
            [tenant, "oauth2", "v2.0", "token"] => Self::Token(decoded(tenant)?),
            [tenant, "oauth2", "v2.0", "devicecode"] => Self::DeviceCode(decoded(tenant)?),
            [tenant, "oauth2", "v2.0", "authorize"] => Self::Authorize(decoded(tenant)?),
            [tenant, "v2.0", ".well-known", "openid-configuration"] => {
                Self::Configuration(decoded(tenant)?)
            }
            [_, "discovery", "v2.0", "keys"] => Self::Keys,
            _ => return None,
        })
    }

    /// What it takes.
    pub(crate) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Token(_) | Self::DeviceCode(_) => &[Method::POST],
            _ => &[Method::GET],
        }
    }
}

impl EntraRoute {
    /// What a fault rule may call the request.
    pub(crate) fn command(&self, body: &[u8]) -> String {
        match self {
            Self::Token(_) => Form::of(body)
                .get("grant_type")
                .unwrap_or_default()
                .to_owned(),
            Self::DeviceCode(_) => "devicecode".to_owned(),
            Self::Authorize(_) => "authorize".to_owned(),
            _ => "discovery".to_owned(),
        }
    }
}

/// An endpoint of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdentityRoute {
    MetadataService,
    AppService,
    CloudShell,
}

impl IdentityRoute {
    /// The endpoint at a path.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path.trim_end_matches('/') {
            "/metadata/identity/oauth2/token" => Some(Self::MetadataService),
            "/msi/token" => Some(Self::AppService),
            "/oauth2/token" => Some(Self::CloudShell),
            _ => None,
        }
    }

    /// What it takes.
    pub(crate) fn methods(self) -> &'static [Method] {
        match self {
            Self::CloudShell => &[Method::POST],
            Self::MetadataService | Self::AppService => &[Method::GET],
        }
    }
}

impl Entra {
    /// Answers a request to the login host. `base` is its scheme and host.
    pub(crate) fn answer(
        &self,
        route: &EntraRoute,
        base: &str,
        parts: &Parts,
        body: &[u8],
    ) -> Response<Body> {
        let door = |tenant| Door { tenant, base };
        let query = Form::of(parts.uri.query().unwrap_or_default().as_bytes());
        let answer = match route {
            EntraRoute::Token(tenant) => self.token(&door(tenant), &Form::of(body)),
            EntraRoute::DeviceCode(tenant) => self.device_code(&door(tenant), &Form::of(body)),
            EntraRoute::Authorize(tenant) => self.authorize(&door(tenant), &query),
            EntraRoute::Configuration(tenant) => self.configuration(&door(tenant)),
            EntraRoute::Keys => Ok(self.keys()),
            EntraRoute::Instance => Ok(Self::instance(&door("common"), &query)),
            EntraRoute::Realm(name) => Ok(Self::realm(name)),
        };
        answer.unwrap_or_else(|refusal: Refusal| {
            let given = parts.headers.get("client-request-id");
            let given = given.and_then(|value| value.to_str().ok());
            let own = || uuid::Uuid::new_v4().to_string();
            refusal.answer(self.clock.now(), &given.map_or_else(own, str::to_owned))
        })
    }

    /// Answers a request for a token of the machine.
    pub(crate) fn answer_identity(
        &self,
        route: IdentityRoute,
        parts: &Parts,
        body: &[u8],
    ) -> Response<Body> {
        let query = Form::of(parts.uri.query().unwrap_or_default().as_bytes());
        match route {
            IdentityRoute::MetadataService => self.metadata_service(&parts.headers, &query),
            IdentityRoute::AppService => self.app_service(&parts.headers, &query),
            IdentityRoute::CloudShell => self.cloud_shell(&parts.headers, &Form::of(body)),
        }
    }
}
