//! The one request of every grant: a form to Entra ID's endpoints (RFC 6749 and the public pages of
//! "Microsoft identity platform and OAuth 2.0").

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use time::OffsetDateTime;
use url::Url;
use url::form_urlencoded::Serializer;

use super::request::TokenRequest;
use super::tries::{Tries, repeat};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::answer::AnswerKind;
use crate::http::host::host_of;
use crate::http::request::Request;
use crate::http::transport::{Reply, Transport};
use crate::op::ids::new_id;
use crate::secret::Secret;

mod advice;
mod device;
mod grant;
mod refusal;

pub(super) use device::{DeviceGrant, wait_for_user};
pub(super) use grant::{Grant, Outcome};
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

    /// What proves an application in place of a secret (RFC 7523, 2.2).
    pub(super) fn assertion(self, assertion: &Secret) -> Self {
        const JWT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        self.field("client_assertion_type", JWT)
            .field("client_assertion", assertion.expose())
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

    /// Where the browser goes, of a login host that is checked as that of [`Endpoint::token`] is.
    pub(super) fn authorize(request: &TokenRequest, tenant: &str) -> Result<Url> {
        Ok(Self::new(request, tenant, "authorize")?.url)
    }

    /// Its address, for which assertions are made.
    pub(super) fn address(&self) -> &str {
        self.url.as_str()
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
        match self.outcome_of(sending, form).await? {
            Outcome::Granted(grant) => Ok(grant),
            Outcome::Refused(_, error) => Err(error),
        }
    }

    /// As [`Endpoint::token_for`], where a refusal is an answer like any other.
    pub(super) async fn outcome_of(
        &self,
        sending: Sending,
        form: impl Fn() -> Result<Form> + Send + Sync,
    ) -> Result<Outcome> {
        let read = |reply: &Reply, at| Outcome::read(reply, &self.host, at);
        self.send(sending, form, read).await
    }

    /// Sends the form until the answer is one that `read` takes, or it was sent often enough.
    async fn send<T: Refusable>(
        &self,
        sending: Sending,
        form: impl Fn() -> Result<Form> + Send + Sync,
        read: impl Fn(&Reply, OffsetDateTime) -> Result<T> + Send + Sync,
    ) -> Result<T> {
        let tries = match sending {
            Sending::Repeatable => REPEATED,
            Sending::Once => Tries::ONCE,
        };
        let sent = repeat(&self.host, tries, || async {
            self.ask(sending, form()?, &read).await
        });
        sent.await.map_err(|error| finally(sending, error))
    }

    /// Sends the form once.
    async fn ask<T: Refusable>(
        &self,
        sending: Sending,
        form: Form,
        read: &(impl Fn(&Reply, OffsetDateTime) -> Result<T> + Send + Sync),
    ) -> Result<T> {
        let id = new_id().to_string();
        // By the clock at sending: the life of a token begins on the way.
        let at = OffsetDateTime::now_utc();
        let reply = self.send_once(sending, form, &id).await;
        let known = |error: Error| error.with_host(&self.host).with_client_request_id(&*id);
        let answer = reply.and_then(|reply| read(&reply, at)).map_err(known)?;
        Ok(answer.map_refusal(known))
    }

    /// The answer, of whatever status.
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
        tokio::time::timeout(LIMIT, sent)
            .await
            .unwrap_or_else(|_| Err(self.silent()))
    }

    fn silent(&self) -> Error {
        let message = format!("{} gave no answer within {} s", self.host, LIMIT.as_secs());
        Error::new(ErrorKind::Network, Step::AcquireToken, message)
            .with_host(&self.host)
            .with_in_doubt(true)
    }
}

/// An answer that may hold a refusal, which is to say whose request it was.
trait Refusable {
    #[must_use]
    fn map_refusal(self, change: impl FnOnce(Error) -> Error) -> Self;
}

/// What a request may be followed by that must not be sent again: nothing that repeats it unasked.
fn finally(sending: Sending, error: Error) -> Error {
    match (sending, error.retry()) {
        (Sending::Once, RetryClass::Later) => error.with_retry(RetryClass::Unknown),
        _ => error,
    }
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
