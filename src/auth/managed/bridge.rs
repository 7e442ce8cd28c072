//! Between `azure_identity`, which knows what to ask, and the [`Lender`], which asks.
//!
//! Without it, that crate would repeat requests for 72 s, report any 400 as an identity that is not
//! assigned, and read no time that is a number; a resource id it refuses on App Service, which calls its
//! parameter by another name.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::error::{Error as SdkError, ErrorKind as SdkErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Request as SdkRequest, StatusCode,
    Transport as SdkTransport,
};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};
use http::Method;
use http::header::HeaderName;
use serde_json::json;
use time::OffsetDateTime;
use url::Url;

use super::IdentityId;
use super::lender::{Lender, Lent, METADATA};
use super::place::Place;
use crate::auth::azure;
use crate::auth::credential::AccessToken;
use crate::auth::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::request::Request;

const SECRET: HeaderName = HeaderName::from_static("x-identity-header");

/// A token of a virtual machine or of App Service. The credential is made anew each time: it has a cache,
/// from which a token that the service rejected would come back.
pub(super) async fn lent(
    lender: Lender,
    place: &Place,
    id: &IdentityId,
    request: &TokenRequest,
) -> Result<AccessToken> {
    let is_renamed = matches!(
        (place, id),
        (Place::AppService(_), IdentityId::ResourceId(_))
    );
    let bridge = Arc::new(Bridge {
        lender,
        place: place.clone(),
        is_renamed,
        passed: Mutex::default(),
    });
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: assigned(id, is_renamed),
        client_options: ClientOptions {
            transport: Some(SdkTransport::new(bridge.clone())),
            ..ClientOptions::default()
        },
    };
    let credential = ManagedIdentityCredential::new(Some(options)).map_err(|error| own(&error))?;
    let token = azure::lent(&*credential, request).await;
    let passed = std::mem::take(&mut *bridge.passed.lock().unwrap_or_else(PoisonError::into_inner));
    match (token, passed) {
        (
            Ok(token),
            Passed {
                refresh_on: Some(at),
                ..
            },
        ) => Ok(token.with_refresh_on(at)),
        (Ok(token), _) => Ok(token),
        (
            Err(_),
            Passed {
                error: Some(error), ..
            },
        ) => Err(error),
        (Err(error), _) => Err(own(&error)),
    }
}

fn assigned(id: &IdentityId, is_renamed: bool) -> Option<UserAssignedId> {
    match id.clone() {
        IdentityId::System => None,
        IdentityId::ClientId(id) => Some(UserAssignedId::ClientId(id)),
        IdentityId::ObjectId(id) => Some(UserAssignedId::ObjectId(id)),
        IdentityId::ResourceId(id) if is_renamed => Some(UserAssignedId::ObjectId(id)),
        IdentityId::ResourceId(id) => Some(UserAssignedId::ResourceId(id)),
    }
}

fn own(error: &SdkError) -> Error {
    let why = crate::http::failure::describe_chain(error);
    Error::new(
        ErrorKind::Auth,
        Step::AcquireToken,
        format!("no managed identity: {why}"),
    )
}

/// The transport of a credential of `azure_identity` for one token.
#[derive(Debug)]
struct Bridge {
    lender: Lender,
    place: Place,
    /// Whether the id is a resource id under another parameter's name.
    is_renamed: bool,
    passed: Mutex<Passed>,
}

/// What passes beside the credential, which has no place for it.
#[derive(Debug, Default)]
struct Passed {
    refresh_on: Option<OffsetDateTime>,
    error: Option<Error>,
}

impl Bridge {
    /// The address that is meant: that of this place, with the parameters of the credential.
    fn address(&self, asked: &Url) -> Url {
        let mut url = self.place.url().clone();
        let mut query = url.query_pairs_mut();
        query.clear();
        for (name, value) in asked.query_pairs() {
            match self.is_renamed && name == "object_id" {
                true => query.append_pair("mi_res_id", &value),
                false => query.append_pair(&name, &value),
            };
        }
        drop(query);
        url
    }

    /// The answer in the one form that the credential reads.
    fn answered(&self, lent: &Lent) -> AsyncRawResponse {
        let body = json!({
            "access_token": lent.secret.expose(),
            "expires_on": lent.expires_on.unix_timestamp().to_string(),
            "token_type": "Bearer",
            "resource": "",
        });
        AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), body.to_string())
    }
}

#[async_trait]
impl HttpClient for Bridge {
    async fn execute_request(&self, request: &SdkRequest) -> azure_core::Result<AsyncRawResponse> {
        let url = self.address(request.url());
        let secret = request.headers().iter().find_map(|(name, value)| {
            let is_secret = name.as_str().eq_ignore_ascii_case(SECRET.as_str());
            is_secret.then(|| value.as_str().to_owned())
        });
        let make = || {
            let request = Request::new(Method::GET, url.clone()).header(METADATA, "true");
            match &secret {
                Some(secret) => request.header(SECRET, secret),
                None => request,
            }
        };
        let lent = self.lender.lent(make).await;
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        match lent {
            Ok(lent) => {
                passed.refresh_on = lent.refresh_on;
                Ok(self.answered(&lent))
            }
            Err(error) => {
                passed.error = Some(error);
                // A kind that is not repeated: that has been done.
                Err(SdkError::with_message(
                    SdkErrorKind::Credential,
                    "no token was lent",
                ))
            }
        }
    }
}
