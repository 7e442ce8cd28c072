//! The request for a token, as the client makes it of the cluster's login settings.

use std::fmt;
use std::hash::{Hash, Hasher};

use tokio::sync::watch;
use url::Url;

use super::cloud::{DEFAULT_CLIENT_ID, DEFAULT_LOGIN_ENDPOINT};
use crate::connection::TrustedHosts;
use crate::error::Result;
use crate::http::transport::Transport;

/// Connections to one login host of a request that no client made.
const CONNECTIONS: usize = 4;

/// The request for a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenRequest {
    scope: String,
    tenant: Option<String>,
    login_endpoint: String,
    named_by: NamedBy,
    client_id: String,
    network: Network,
    manner: Manner,
    asked_users: AskedUsers,
}

/// Who named the login host. What the caller sets comes first, then the environment, then the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum NamedBy {
    Cluster,
    /// This variable.
    Environment(&'static str),
    Caller,
}

impl TokenRequest {
    /// A request for this scope, in this Entra tenant or the credential's default, at the login host
    /// of the public cloud.
    pub fn new(scope: impl Into<String>, tenant: Option<String>) -> Self {
        Self {
            scope: scope.into(),
            tenant,
            login_endpoint: DEFAULT_LOGIN_ENDPOINT.to_owned(),
            named_by: NamedBy::Cluster,
            client_id: DEFAULT_CLIENT_ID.to_owned(),
            network: Network::default(),
            manner: Manner::default(),
            asked_users: AskedUsers::default(),
        }
    }

    /// The same request at the login host of another cloud.
    #[must_use]
    pub fn with_login_endpoint(self, endpoint: impl Into<String>) -> Self {
        self.with_login_endpoint_of(NamedBy::Caller, endpoint)
    }

    /// The same request in this tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The same request for another scope.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    #[must_use]
    pub(super) fn with_login_endpoint_of(
        mut self,
        named_by: NamedBy,
        endpoint: impl Into<String>,
    ) -> Self {
        self.named_by = named_by;
        self.login_endpoint = endpoint.into();
        self
    }

    /// The same request with another public client, for the logins of users.
    #[must_use]
    pub(crate) fn with_client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = id.into();
        self
    }

    /// The same request through the client's connections. `rules` decide to which login hosts secrets
    /// may be sent; `local` says that the cluster is on this machine, which may have its own login host.
    pub(crate) fn through(
        mut self,
        transport: Transport,
        rules: TrustedHosts,
        local: bool,
    ) -> Self {
        self.network = Network(Some(Way {
            transport,
            rules,
            local,
        }));
        self
    }

    /// The same request for a renewal ahead of time, for which no call waits: nobody is asked.
    #[must_use]
    pub(super) fn silently(mut self) -> Self {
        self.manner.is_silent = true;
        self
    }

    pub(super) fn is_silent(&self) -> bool {
        self.manner.is_silent
    }

    /// The same request to one of several logins: another one is asked if nothing is there, so whether anything is
    /// there is not waited for long.
    #[must_use]
    pub(super) fn hastily(mut self) -> Self {
        self.manner.is_hasty = true;
        self
    }

    pub(super) fn is_hasty(&self) -> bool {
        self.manner.is_hasty
    }

    /// The same request, which counts in `asked` for how many users it waits.
    #[must_use]
    pub(super) fn counting(mut self, asked: watch::Sender<usize>) -> Self {
        self.asked_users = AskedUsers(Some(asked));
        self
    }

    /// Says that a user is asked for as long as the result lives: only then may the login be given up.
    pub(super) fn asks_user(&self) -> AsksUser {
        if let Some(asked) = &self.asked_users.0 {
            asked.send_modify(|asked| *asked += 1);
        }
        AsksUser(self.asked_users.clone())
    }

    /// The scope, such as `https://kusto.kusto.windows.net/.default`.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The resource of the scope, such as `https://kusto.kusto.windows.net`: what managed identities
    /// and older tools are asked for.
    pub fn resource(&self) -> &str {
        self.scope
            .strip_suffix("/.default")
            .unwrap_or(self.scope.as_str())
    }

    /// The tenant (`Authority Id` of the connection string), if it has one.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// Where the cluster logs in, such as `https://login.microsoftonline.com`. It is the cluster's own
    /// word: a credential that sends a secret there checks it first.
    pub fn login_endpoint(&self) -> &str {
        &self.login_endpoint
    }

    pub(super) fn named_by(&self) -> NamedBy {
        self.named_by
    }

    /// The id of the public client that the cluster names for the logins of users.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The login host, checked: secrets may be sent to it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) for one that is not trusted.
    pub(crate) fn login_url(&self) -> Result<Url> {
        // What the caller names may be on this machine; what a cluster elsewhere names may not.
        let is_own = self.named_by == NamedBy::Caller;
        let url = match &self.network.0 {
            Some(way) => way
                .rules
                .login_url(&self.login_endpoint, way.local || is_own),
            None => TrustedHosts::new().login_url(&self.login_endpoint, is_own),
        };
        url.map_err(|error| match self.named_by {
            NamedBy::Cluster | NamedBy::Caller => error,
            NamedBy::Environment(variable) => error.with_argument(variable),
        })
    }

    /// What the requests of the login go through: the client's connections, with its certificates and
    /// proxies.
    pub(crate) fn transport(&self) -> Result<Transport> {
        match &self.network.0 {
            Some(way) => Ok(way.transport.clone()),
            None => Transport::new(&[], CONNECTIONS),
        }
    }
}

/// How it is asked for: no part of what is asked for either.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    /// The user may not be asked.
    is_silent: bool,
    /// Another login may have it.
    is_hasty: bool,
}

impl PartialEq for Manner {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Manner {}

impl Hash for Manner {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// For how many users it waits, told to whoever made the request: no part of what is asked for either.
#[derive(Clone, Debug, Default)]
struct AskedUsers(Option<watch::Sender<usize>>);

impl PartialEq for AskedUsers {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for AskedUsers {}

impl Hash for AskedUsers {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// A user is asked.
pub(super) struct AsksUser(AskedUsers);

impl Drop for AsksUser {
    fn drop(&mut self) {
        if let Some(asked) = &self.0.0 {
            asked.send_modify(|asked| *asked -= 1);
        }
    }
}

/// The way to the login host: no part of what is asked for, and so the same for every comparison.
#[derive(Clone, Default)]
struct Network(Option<Way>);

#[derive(Clone)]
struct Way {
    transport: Transport,
    rules: TrustedHosts,
    local: bool,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "client" } else { "none" })
    }
}

impl PartialEq for Network {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Network {}

impl Hash for Network {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_is_the_scope_without_its_end() {
        let request = TokenRequest::new("https://kusto.kusto.windows.net/.default", None);
        assert_eq!(request.resource(), "https://kusto.kusto.windows.net");
        assert_eq!(TokenRequest::new("api://x", None).resource(), "api://x");
    }

    #[test]
    fn the_way_is_no_part_of_what_is_asked_for() {
        let plain = TokenRequest::new("s", None);
        let through =
            plain
                .clone()
                .through(Transport::new(&[], 1).unwrap(), TrustedHosts::new(), true);
        assert_eq!(plain, through);
        assert_ne!(plain, plain.clone().with_login_endpoint("https://other"));
    }
}
