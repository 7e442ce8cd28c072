//! Who logged in to what, and the answer with its tokens.

use hyper::{Response, StatusCode};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::directory::{App, TokenRules, User};
use super::error::Refusal;
use super::jwt::of_json;
use super::{Entra, State};
use crate::http::{Body, typed};

/// A login: what a token is made of.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) client_id: String,
    pub(super) subject: Subject,
    /// What the token is for.
    pub(super) audience: String,
    /// The scopes as they were asked for.
    pub(super) scope: String,
    /// What ties the id token to the request of a browser.
    pub(super) nonce: Option<String>,
}

/// Who it is.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    App { object_id: String },
    User { object_id: String, name: String },
}

impl Subject {
    pub(super) fn of_app(app: &App) -> Self {
        Self::App {
            object_id: app.object_id.clone(),
        }
    }

    pub(super) fn of_user(user: &User) -> Self {
        Self::User {
            object_id: user.object_id.clone(),
            name: user.name.clone(),
        }
    }

    fn object_id(&self) -> &str {
        match self {
            Self::App { object_id } | Self::User { object_id, .. } => object_id,
        }
    }
}

/// The resource that the scopes are of. Those without one (`openid`, `offline_access`) are of none.
pub(super) fn audience(scope: &str) -> Result<String, Refusal> {
    let of_resource = scope.split(' ').find(|one| one.contains('/'));
    let Some(one) = of_resource else {
        let text = format!("The scope '{scope}' names no resource.");
        return Err(Refusal::new("invalid_scope", 70_011, text));
    };
    let (resource, _) = one.rsplit_once('/').unwrap_or((one, ""));
    if resource.starts_with("https://") || resource.starts_with("api://") || is_local(resource) {
        return Ok(resource.to_owned());
    }
    let text = format!("The resource principal named '{resource}' was not found in the tenant.");
    Err(Refusal::new("invalid_resource", 500_011, text))
}

/// An emulator without TLS is a resource as well.
fn is_local(resource: &str) -> bool {
    resource.starts_with("http://")
}

fn asks_for(scope: &str, wanted: &str) -> bool {
    scope.split(' ').any(|one| one == wanted)
}

impl Entra {
    /// A token of the login.
    pub(super) fn access_token(
        &self,
        tenant: &str,
        rules: &TokenRules,
        session: &Session,
    ) -> Result<String, Refusal> {
        let now = self.now() + rules.clock_skew;
        let mut claims = json!({
            "aud": session.audience,
            "iss": format!("https://sts.windows.net/{tenant}/"),
            "iat": now, "nbf": now, "exp": now + rules.token_seconds,
            "tid": tenant,
            "appid": session.client_id,
            "oid": session.subject.object_id(),
            "sub": session.subject.object_id(),
            "uti": Uuid::new_v4().simple().to_string(),
            "ver": "1.0",
        });
        match &session.subject {
            Subject::App { .. } => claims["idtyp"] = "app".into(),
            Subject::User { name, .. } => {
                claims["idtyp"] = "user".into();
                claims["scp"] = "user_impersonation".into();
                claims["upn"] = name.clone().into();
            }
        }
        self.key.sign(&claims).map_err(Refusal::internal)
    }

    /// The answer of the token endpoint.
    pub(super) fn granted(
        &self,
        state: &mut State,
        session: Session,
    ) -> Result<Response<Body>, Refusal> {
        let (tenant, rules) = (
            state.directory.tenant.clone(),
            state.directory.tokens.clone(),
        );
        let mut answer = Map::new();
        let number = |number: i64| match rules.numbers_as_text {
            true => Json::String(number.to_string()),
            false => number.into(),
        };
        answer.insert("token_type".to_owned(), "Bearer".into());
        answer.insert("scope".to_owned(), session.scope.clone().into());
        answer.insert("expires_in".to_owned(), number(rules.token_seconds));
        answer.insert("ext_expires_in".to_owned(), number(rules.token_seconds));
        if let Some(seconds) = rules.refresh_seconds {
            answer.insert("refresh_in".to_owned(), number(seconds));
        }
        let token = self.access_token(&tenant, &rules, &session)?;
        answer.insert("access_token".to_owned(), token.into());
        if let Subject::User { object_id, name } = &session.subject {
            let info = of_json(&json!({"uid": object_id, "utid": tenant}));
            answer.insert("client_info".to_owned(), info.into());
            if asks_for(&session.scope, "openid") {
                let id = self.id_token(&tenant, &session, object_id, name)?;
                answer.insert("id_token".to_owned(), id.into());
            }
            if asks_for(&session.scope, "offline_access") {
                let refresh = format!("0.{}", Uuid::new_v4().simple());
                state.refresh.insert(refresh.clone(), session.clone());
                answer.insert("refresh_token".to_owned(), refresh.into());
            }
        }
        for name in &rules.left_out {
            answer.remove(name);
        }
        let json = "application/json; charset=utf-8";
        Ok(typed(
            StatusCode::OK,
            json,
            Json::Object(answer).to_string(),
        ))
    }

    fn id_token(
        &self,
        tenant: &str,
        session: &Session,
        object_id: &str,
        name: &str,
    ) -> Result<String, Refusal> {
        let now = self.now();
        let mut claims = json!({
            "aud": session.client_id,
            "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            "iat": now, "nbf": now, "exp": now + 3600,
            "tid": tenant, "oid": object_id, "sub": object_id,
            "preferred_username": name, "name": name, "ver": "2.0",
        });
        if let Some(nonce) = &session.nonce {
            claims["nonce"] = nonce.clone().into();
        }
        self.key.sign(&claims).map_err(Refusal::internal)
    }
}
