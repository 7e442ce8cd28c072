//! Checks whether a host may receive a token and obtains it: trust is checked first, for every
//! credential.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use url::Url;

use super::cloud::{self, CloudMetadata};
use super::credential::{TokenCache, TokenCredential};
use super::request::{NamedBy, TokenRequest};
use crate::connection::endpoint;
use crate::connection::trusted::{Trust, TrustedHosts, allows_token_over};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::host::{host_of, is_loopback};
use crate::http::transport::Transport;
use crate::op::Scope;
use crate::secret::Secret;

/// How to log in.
#[derive(Debug)]
pub(crate) enum Login {
    /// Requests go out without a token.
    None,
    With(TokenCache),
    /// A login is required and none is there: every request fails, and nothing is sent.
    Incomplete,
}

impl Login {
    pub(crate) fn with(credential: Arc<dyn TokenCredential>) -> Self {
        Self::With(TokenCache::new(credential))
    }
}

/// Obtains tokens for the hosts of one client.
#[derive(Debug)]
pub(crate) struct Authorizer {
    login: Login,
    trusted: TrustedHosts,
    tenant: Option<String>,
    /// Instead of the one that the cluster names.
    login_endpoint: Option<String>,
    transport: Transport,
    /// Per scheme, host and port. Only answers are cached, never failures.
    clouds: RwLock<HashMap<String, CloudMetadata>>,
}

impl Authorizer {
    pub(crate) fn new(
        login: Login,
        trusted: TrustedHosts,
        tenant: Option<String>,
        login_endpoint: Option<String>,
        transport: Transport,
    ) -> Self {
        Self {
            login,
            trusted,
            tenant,
            login_endpoint,
            transport,
            clouds: RwLock::default(),
        }
    }

    /// The token to send to `base`, or `None` when the client has no credential.
    pub(crate) async fn token(&self, scope: &Scope, base: &Url) -> Result<Option<Secret>> {
        let tokens = match &self.login {
            Login::None => return Ok(None),
            Login::With(tokens) => tokens,
            Login::Incomplete => return Err(incomplete(base)),
        };
        let host = base.host_str().unwrap_or_default();
        if !allows_token_over(base) {
            return Err(plain_http(base));
        }
        let trust = self.trusted.check_before_metadata(host);
        if trust == Trust::Refused {
            return Err(TrustedHosts::refusal(host));
        }
        let cloud = self.cloud(scope, base).await?;
        if trust == Trust::NeedsMetadata {
            self.trusted.check(host, &cloud.login_endpoint)?;
        }
        let request = self.request(cloud, host);
        let token = scope
            .run(Step::AcquireToken, "", tokens.get(&request))
            .await
            .map_err(|error| error.with_in_doubt(false))?;
        Ok(Some(token))
    }

    fn request(&self, cloud: CloudMetadata, host: &str) -> TokenRequest {
        let own = self.login_endpoint.clone();
        // What the caller sets may be on this machine; a cluster elsewhere may not send secrets there.
        let local = own.is_some() || is_loopback(host);
        let (named_by, endpoint) = match own {
            Some(own) => (NamedBy::Caller, own),
            None => (NamedBy::Cluster, cloud.login_endpoint),
        };
        TokenRequest::new(cloud.scope, self.tenant.clone())
            .with_login_endpoint_of(named_by, endpoint)
            .with_client_id(cloud.client_id)
            .through(self.transport.clone(), self.trusted.clone(), local)
    }

    /// Forgets a token that the service rejected.
    pub(crate) fn refused(&self, token: &Secret) {
        if let Login::With(tokens) = &self.login {
            tokens.invalidate(token);
        }
    }

    async fn cloud(&self, scope: &Scope, base: &Url) -> Result<CloudMetadata> {
        let key = endpoint::metadata_url(base).to_string();
        let known = self
            .clouds
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(cloud) = known {
            return Ok(cloud);
        }
        let cloud = cloud::fetch(scope, &self.transport, base).await?;
        self.clouds
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, cloud.clone());
        Ok(cloud)
    }
}

fn incomplete(base: &Url) -> Error {
    Error::new(
        ErrorKind::Auth,
        Step::AcquireToken,
        "the connection string asks for a login and holds none: give one in it, such as \
         `Application Client Id`, `Application Key` and `Authority Id`, or a credential",
    )
    .with_argument("connection string")
    .with_host(host_of(base))
}

fn plain_http(base: &Url) -> Error {
    Error::new(
        ErrorKind::Config,
        Step::CheckTrust,
        "a token is sent over https only, except to loopback addresses",
    )
    .with_argument("Data Source")
    .with_host(host_of(base))
}
