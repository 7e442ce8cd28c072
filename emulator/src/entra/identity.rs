//! Tokens that a machine gives to its programs: the metadata service of virtual machines, App Service, Cloud Shell.

use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value as Json, json};

use super::directory::Identity;
use super::form::Form;
use super::session::{Session, Subject};
use super::{Entra, IDENTITY_HEADER};
use crate::http::{Body, typed};

/// The names that a query may have for the id of an identity.
const IDS: [&str; 4] = ["client_id", "object_id", "msi_res_id", "mi_res_id"];

/// A refusal: its status, its code and its text.
type Refused = (StatusCode, &'static str, String);

impl Entra {
    /// `GET /metadata/identity/oauth2/token`
    pub(super) fn metadata_service(&self, headers: &HeaderMap, query: &Form) -> Response<Body> {
        let answer = match is_metadata(headers) {
            true => self.machine_token(query, query),
            false => Err(no_header()),
        };
        answer.map_or_else(refused, |answer| shown(StatusCode::OK, &answer))
    }

    /// `POST /oauth2/token` of Cloud Shell, whose one identity is the user.
    pub(super) fn cloud_shell(&self, headers: &HeaderMap, body: &Form) -> Response<Body> {
        let answer = match is_metadata(headers) {
            true => self.machine_token(body, &Form::of(b"")),
            false => Err(no_header()),
        };
        answer.map_or_else(refused, |answer| shown(StatusCode::OK, &answer))
    }

    /// `GET /msi/token` of App Service.
    pub(super) fn app_service(&self, headers: &HeaderMap, query: &Form) -> Response<Body> {
        let given = headers
            .get("x-identity-header")
            .and_then(|value| value.to_str().ok());
        let answer = match given {
            Some(IDENTITY_HEADER) => self.machine_token(query, query),
            _ => Err((
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "The header X-IDENTITY-HEADER is missing or wrong.".to_owned(),
            )),
        };
        answer.map_or_else(
            |(status, _, text)| {
                let body = json!({"statusCode": status.as_u16(), "message": text});
                shown(status, &body)
            },
            |answer| shown(StatusCode::OK, &answer),
        )
    }

    fn machine_token(&self, asked: &Form, ids: &Form) -> Result<Json, Refused> {
        let invalid = |text: &str| (StatusCode::BAD_REQUEST, "invalid_request", text.to_owned());
        let Some(resource) = asked.get("resource") else {
            return Err(invalid("Required query variable 'resource' is missing"));
        };
        let state = self.lock();
        let identity = chosen(&state.directory.identities, ids).map_err(invalid)?;
        let rules = &state.directory.tokens;
        let session = Session {
            client_id: identity.client_id.clone(),
            subject: Subject::App {
                object_id: identity.object_id.clone(),
            },
            audience: resource.to_owned(),
            scope: String::new(),
            nonce: None,
        };
        let token = self.access_token(&state.directory.tenant, rules, &session);
        let token = token.map_err(|_| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            (
                status,
                "server_error",
                "The token could not be made.".to_owned(),
            )
        })?;
        let begins = self.now() + rules.clock_skew;
        let expires = begins + rules.token_seconds;
        let expires_on = match rules.expiry_as_number {
            true => json!(expires),
            false => json!(expires.to_string()),
        };
        let mut answer = json!({
            "access_token": token,
            "client_id": identity.client_id,
            "expires_in": rules.token_seconds.to_string(),
            "expires_on": expires_on,
            "ext_expires_in": rules.token_seconds.to_string(),
            "not_before": begins.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        if let Some(seconds) = rules.refresh_seconds {
            answer["refresh_in"] = json!(seconds.to_string());
        }
        if let Some(members) = answer.as_object_mut() {
            members.retain(|name, _| !rules.left_out.contains(name));
        }
        Ok(answer)
    }
}

/// The identity that is asked for; without an id the system's.
fn chosen<'i>(identities: &'i [Identity], ids: &Form) -> Result<&'i Identity, &'static str> {
    let given: Vec<_> = IDS
        .iter()
        .filter_map(|name| ids.get(name).map(|id| (*name, id)))
        .collect();
    let found = match given.as_slice() {
        [] => identities.iter().find(|one| one.resource_id.is_none()),
        [(name, id)] => identities.iter().find(|one| {
            let own = match *name {
                "client_id" => Some(&one.client_id),
                "object_id" => Some(&one.object_id),
                _ => one.resource_id.as_ref(),
            };
            own.is_some_and(|own| own.eq_ignore_ascii_case(id))
        }),
        _ => return Err("Only one of client_id, object_id and the resource id may be given"),
    };
    found.ok_or("Identity not found")
}

fn is_metadata(headers: &HeaderMap) -> bool {
    let given = headers.get("metadata");
    given.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

fn no_header() -> Refused {
    let text = "Required metadata header not specified".to_owned();
    (StatusCode::BAD_REQUEST, "bad_request_102", text)
}

fn refused((status, error, text): Refused) -> Response<Body> {
    shown(status, &json!({"error": error, "error_description": text}))
}

fn shown(status: StatusCode, json: &Json) -> Response<Body> {
    typed(status, "application/json; charset=utf-8", json.to_string())
}
