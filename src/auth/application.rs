//! Applications that prove themselves, and what they ask for: tokens of their own, or of a user who has given them
//! one.

use async_trait::async_trait;

use super::application_key::ApplicationKey;
use super::certificate::Certificate;
use super::credential::{AccessToken, TokenCredential};
use super::entra::{Endpoint, Form, Sending, application_tenant};
use super::federated::Federated;
use super::request::TokenRequest;
use crate::error::Result;
use crate::secret::Secret;

/// An application with what proves it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Application {
    /// With a secret.
    Key(ApplicationKey),
    /// With a certificate.
    Certificate(Certificate),
    /// With a token of another issuer.
    Federated(Federated),
}

impl From<ApplicationKey> for Application {
    fn from(login: ApplicationKey) -> Self {
        Self::Key(login)
    }
}

impl From<Certificate> for Application {
    fn from(login: Certificate) -> Self {
        Self::Certificate(login)
    }
}

impl From<Federated> for Application {
    fn from(login: Federated) -> Self {
        Self::Federated(login)
    }
}

/// What proves an application in one login.
pub(super) enum Proof<'a> {
    Secret(&'a Secret),
    /// Signs for this audience.
    Certificate(&'a Certificate, &'a str),
    Assertion(Secret),
}

impl Proof<'_> {
    /// Adds the proof to a form, anew for every try.
    pub(super) fn add_to(&self, form: Form) -> Result<Form> {
        Ok(match self {
            Self::Secret(secret) => form.field("client_secret", secret.expose()),
            // A new one for every try: each is taken once.
            Self::Certificate(certificate, audience) => {
                form.assertion(&certificate.assertion(audience)?)
            }
            Self::Assertion(assertion) => form.assertion(assertion),
        })
    }
}

impl Application {
    fn client_id(&self) -> &str {
        match self {
            Self::Key(login) => login.client_id(),
            Self::Certificate(login) => login.client_id(),
            Self::Federated(login) => login.client_id(),
        }
    }

    fn tenant(&self) -> Option<&str> {
        match self {
            Self::Key(login) => login.tenant(),
            Self::Certificate(login) => login.tenant(),
            Self::Federated(login) => login.tenant(),
        }
    }

    async fn proof<'a>(
        &'a self,
        request: &TokenRequest,
        endpoint: &'a Endpoint,
    ) -> Result<Proof<'a>> {
        Ok(match self {
            Self::Key(login) => Proof::Secret(login.key()),
            Self::Certificate(login) => Proof::Certificate(login, endpoint.address()),
            Self::Federated(login) => Proof::Assertion(login.assertion(request).await?),
        })
    }

    /// A token of this grant, for which `fill` adds the fields besides the proof and the scope.
    pub(super) async fn token(
        &self,
        request: &TokenRequest,
        grant: &str,
        fill: impl Fn(Form) -> Form + Send + Sync,
    ) -> Result<AccessToken> {
        let tenant = application_tenant(self.tenant(), request)?;
        // Before the proof is made: none is for a host that is not trusted.
        let endpoint = Endpoint::token(request, tenant)?;
        let proof = self.proof(request, &endpoint).await?;
        let form = || {
            let form = Form::of_grant(grant).field("client_id", self.client_id());
            Ok(fill(proof.add_to(form)?).field("scope", request.scope()))
        };
        let grant = endpoint.token_for(Sending::Repeatable, form).await?;
        Ok(grant.access)
    }
}

#[async_trait]
impl TokenCredential for Application {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        self.token(request, "client_credentials", |form| form).await
    }
}

/// Logs in as a user on whose behalf an application works: a service that was called with a token of the user
/// exchanges it for one of the cluster (RFC 7523, 2.1). One credential is for one user.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::{ApplicationKey, OnBehalfOf};
/// use kusto_ingest::client::Client;
///
/// let service = ApplicationKey::new("11111111-2222-3333-4444-555555555555", "the-secret")
///     .with_tenant("contoso.onmicrosoft.com");
/// let login = OnBehalfOf::new(service, "the-token-that-the-service-was-called-with");
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(login))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OnBehalfOf {
    application: Application,
    user_token: Secret,
}

impl OnBehalfOf {
    /// Takes the application, and the token that a user has called it with.
    pub fn new(application: impl Into<Application>, user_token: impl Into<Secret>) -> Self {
        Self {
            application: application.into(),
            user_token: user_token.into(),
        }
    }
}

#[async_trait]
impl TokenCredential for OnBehalfOf {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let fill = |form: Form| {
            form.field("assertion", self.user_token.expose())
                .field("requested_token_use", "on_behalf_of")
        };
        self.application.token(request, GRANT, fill).await
    }
}
