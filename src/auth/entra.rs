//! The one request of every grant: a form to Entra ID's endpoints (RFC 6749 and the public pages of
//! "Microsoft identity platform and OAuth 2.0").

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;
use url::form_urlencoded::Serializer;

use super::credential::AccessToken;
use super::request::TokenRequest;
use super::seconds::Seconds;
use super::tries::{Tries, repeat};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::answer::AnswerKind;
use crate::http::body;
use crate::http::host::host_of;
use crate::http::request::Request;
use crate::http::transport::{Reply, Transport};
use crate::op::ids::new_id;

pub(super) mod advice;
mod refusal;

pub(super) use refusal::Refusal;

/// By this id Entra's support finds a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const RETURN_REQUEST_ID: HeaderName = HeaderName::from_static("return-client-request-id");
const CLIENT_SKU: HeaderName = HeaderName::from_static("x-client-sku");
const CLIENT_VERSION: HeaderName = HeaderName::from_static("x-client-ver");

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(30);
/// A request that may be repeated.
const REPEATED: Tries = Tries {
    count: 3,
    pause: Duration::from_secs(1),
    longest: Duration::from_secs(30),
};

/// The fields of a request. It has no debug form: they are secrets.
pub(super) struct Form(String);

impl Form {
    /// A form of this grant.
    pub(super) fn of_grant(grant: &str) -> Self {
        Self::empty().field("grant_type", grant)
    }

    pub(super) fn empty() -> Self {
        Self(String::new())
    }

    pub(super) fn field(self, name: &str, value: &str) -> Self {
        let mut fields = Serializer::new(self.0);
        Self(fields.append_pair(name, value).finish())
    }
}

/// How often a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// Again after a failure that may pass.
    Repeatable,
    /// Never again: what it holds is used up or counted, as a code and a password are.
    Once,
}

/// An endpoint of one tenant.
pub(super) struct Endpoint {
    transport: Transport,
    url: Url,
    host: String,
}

impl Endpoint {
    /// The token endpoint of the tenant, at the login host of the request, which is checked here: before
    /// anything is sent.
    pub(super) fn token(request: &TokenRequest, tenant: &str) -> Result<Self> {
        Self::new(request, tenant, "token")
    }

    fn new(request: &TokenRequest, tenant: &str, name: &str) -> Result<Self> {
        let mut url = request.login_url()?;
        let wrong = || {
            Error::new(
                ErrorKind::Config,
                Step::AcquireToken,
                "is no URL with a path",
            )
        };
        url.path_segments_mut()
            .map_err(|()| wrong().with_argument("login endpoint"))?
            .pop_if_empty()
            .extend([tenant, "oauth2", "v2.0", name]);
        let host = host_of(&url);
        Ok(Self {
            transport: request.transport()?,
            url,
            host,
        })
    }

    /// A token of the form that `form` makes, anew for every try.
    pub(super) async fn token_for(
        &self,
        sending: Sending,
        form: impl Fn() -> Result<Form> + Send + Sync,
    ) -> Result<Grant> {
        self.send(sending, form, Grant::parse).await
    }

    /// Sends the form until the answer is one that `read` can read, it is refused for good, or was sent often
    /// enough.
    async fn send<T>(
        &self,
        sending: Sending,
        form: impl Fn() -> Result<Form> + Send + Sync,
        read: fn(&[u8], OffsetDateTime) -> Result<T>,
    ) -> Result<T> {
        let tries = match sending {
            Sending::Repeatable => REPEATED,
            Sending::Once => Tries::ONCE,
        };
        let sent = repeat(&self.host, tries, || async {
            let id = new_id().to_string();
            // By the clock at sending: the life of a token begins on the way.
            let at = OffsetDateTime::now_utc();
            let reply = self.send_once(sending, form()?, &id).await;
            let answer = reply.and_then(|reply| read(&reply.body, at));
            answer.map_err(|error| error.with_host(&self.host).with_client_request_id(id))
        });
        sent.await.map_err(|error| finally(sending, error))
    }

    async fn send_once(&self, sending: Sending, form: Form, id: &str) -> Result<Reply> {
        let step = Step::AcquireToken;
        let mut request = Request::new(Method::POST, self.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .header(REQUEST_ID, id)
            .header(RETURN_REQUEST_ID, "true")
            .header(CLIENT_SKU, "KustoIngest.Rust")
            .header(CLIENT_VERSION, env!("CARGO_PKG_VERSION"))
            .body(Bytes::from(form.0))
            .limited(LIMIT);
        if sending == Sending::Once {
            request = request.once();
        }
        let sent = self
            .transport
            .send(step, &self.host, request, AnswerKind::TOKEN);
        let reply = tokio::time::timeout(LIMIT, sent)
            .await
            .unwrap_or_else(|_| Err(self.silent()))?;
        match reply.status {
            200..=299 => Ok(reply),
            _ => Err(Refusal::read(&reply).error(&self.host, &reply)),
        }
    }

    fn silent(&self) -> Error {
        let message = format!("{} gave no answer within {} s", self.host, LIMIT.as_secs());
        Error::new(ErrorKind::Network, Step::AcquireToken, message)
            .with_host(&self.host)
            .with_in_doubt(true)
    }
}

/// What a request may be followed by that must not be sent again: nothing that repeats it unasked.
fn finally(sending: Sending, error: Error) -> Error {
    match (sending, error.retry()) {
        (Sending::Once, RetryClass::Later) => error.with_retry(RetryClass::Unknown),
        _ => error,
    }
}

/// What a token endpoint granted.
pub(super) struct Grant {
    pub(super) access: AccessToken,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<Seconds>,
    refresh_in: Option<Seconds>,
}

impl Grant {
    fn parse(text: &[u8], sent: OffsetDateTime) -> Result<Self> {
        let answer: Answer = serde_json::from_slice(text)
            .map_err(|error| strange(text, &body::json_fault(&error)))?;
        let token = answer.access_token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| strange(text, "it has no access_token"))?;
        let after = |seconds: &Option<Seconds>| seconds.as_ref()?.after(sent);
        let mut access = AccessToken::new(token, after(&answer.expires_in));
        if let Some(at) = after(&answer.refresh_in) {
            access = access.with_refresh_on(at);
        }
        Ok(Self { access })
    }
}

/// A success that is none: a captive portal, or a proxy's page.
fn strange(text: &[u8], why: &str) -> Error {
    let message = format!("the answer ({}) has no token: {why}", body::describe(text));
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
        .with_http_status(200)
        .with_retry(RetryClass::Later)
}

/// A tenant as part of an address.
///
/// # Errors
/// [`ErrorKind::Config`] for none, and for one that no tenant can be.
pub(super) fn tenant_of<'a>(own: Option<&'a str>, request: &'a TokenRequest) -> Result<&'a str> {
    let tenant = own.or(request.tenant()).map(str::trim).unwrap_or_default();
    let wrong = |message: &str| {
        Err(Error::new(ErrorKind::Config, Step::AcquireToken, message)
            .with_argument("Authority Id"))
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if tenant.is_empty() {
        return wrong("is missing: this login needs the Entra tenant, by its id or its domain");
    }
    if tenant.len() > 255 || !tenant.chars().all(allowed) || tenant.starts_with('.') {
        return wrong("is not the id or the domain of an Entra tenant");
    }
    Ok(tenant)
}

/// The tenant of an application, which has no part in the ones that stand for many.
pub(super) fn application_tenant<'a>(
    own: Option<&'a str>,
    request: &'a TokenRequest,
) -> Result<&'a str> {
    let tenant = tenant_of(own, request)?;
    let many = ["common", "organizations", "consumers"];
    if many.iter().any(|name| name.eq_ignore_ascii_case(tenant)) {
        let message = format!("'{tenant}' is for users: an application logs in to its own tenant");
        let error = Error::new(ErrorKind::Config, Step::AcquireToken, message);
        return Err(error.with_argument("Authority Id"));
    }
    Ok(tenant)
}

#[cfg(test)]
mod tests;
