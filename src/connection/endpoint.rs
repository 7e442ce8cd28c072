//! The two addresses of a cluster.

use url::Url;

/// The engine answers queries and commands; the data management service provides the resources of
/// queued ingestion.
///
/// ```
/// use kusto_ingest::connection::Endpoints;
/// use url::Url;
///
/// let endpoints = Endpoints::derive(&Url::parse("https://ingest-help.kusto.windows.net")?);
/// assert_eq!(endpoints.engine().as_str(), "https://help.kusto.windows.net/");
/// assert_eq!(endpoints.data_management().as_str(), "https://ingest-help.kusto.windows.net/");
/// # Ok::<(), url::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    engine: Url,
    data_management: Url,
}

const INGEST_PREFIX: &str = "ingest-";
/// The service's local development cluster, which has both roles.
const ONEBOX: &str = "onebox.dev.kusto.windows.net";

impl Endpoints {
    /// Both addresses from either of them. Loopback names, IP addresses and the developers' host
    /// are one address for both; use [`Endpoints::explicit`] where they differ.
    pub fn derive(data_source: &Url) -> Self {
        let Some(host) = data_source.domain().filter(|host| !is_reserved(host)) else {
            return Self::explicit(data_source, data_source);
        };
        // Only in front of the host: a cluster may be called my-ingest-data.
        match host
            .strip_prefix(INGEST_PREFIX)
            .filter(|rest| is_host(rest))
        {
            Some(engine) => Self {
                engine: with_host(data_source, engine),
                data_management: data_source.clone(),
            },
            None => Self {
                engine: data_source.clone(),
                data_management: with_host(data_source, &format!("{INGEST_PREFIX}{host}")),
            },
        }
    }

    /// Two addresses, unchanged.
    pub fn explicit(engine: &Url, data_management: &Url) -> Self {
        Self {
            engine: engine.clone(),
            data_management: data_management.clone(),
        }
    }

    /// The address for queries and commands.
    pub fn engine(&self) -> &Url {
        &self.engine
    }

    /// The address for ingestion resources.
    pub fn data_management(&self) -> &Url {
        &self.data_management
    }
}

fn is_reserved(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host == ONEBOX
}

/// What a rejected request says of its address: that it may be the other service's, and what the right
/// one looks like. `None` where the address is what it should be.
pub(crate) fn role_hint(address: &Url, is_for_data_management: bool) -> Option<String> {
    let host = address.host_str().unwrap_or_default();
    let engine = host
        .strip_prefix(INGEST_PREFIX)
        .filter(|rest| is_host(rest));
    match (engine, is_for_data_management) {
        (None, true) if address.domain().is_none_or(is_reserved) => Some(format!(
            "{host} may be the engine: set the data management service's address as 'ingestion \
             endpoint'"
        )),
        (None, true) => Some(format!(
            "{host} looks like the address of an engine: that of the data management service \
             usually is {INGEST_PREFIX}{host}"
        )),
        (Some(engine), false) => Some(format!(
            "{host} looks like the address of a data management service: that of the engine usually \
             is {engine}"
        )),
        _ => None,
    }
}

/// What remains of `ingest-.example` or `ingest-` is not a host.
fn is_host(rest: &str) -> bool {
    !rest.is_empty() && !rest.starts_with('.')
}

fn with_host(url: &Url, host: &str) -> Url {
    let mut changed = url.clone();
    // Adding or removing letters in front of a valid name can only fail by its length; the
    // unchanged address then fails at the first request, with its name in the error.
    let _ = changed.set_host(Some(host));
    changed
}

/// The URL of a path at this base, whose own path (a proxy's) stays in front.
pub fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/');
    url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// The URL of the cluster's login settings, which is at the root of the host, not below the base's
/// path.
pub fn metadata_url(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_path("/v1/rest/auth/metadata");
    url.set_query(None);
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_address_of_the_other_role_is_named_with_the_right_one() {
        let hint = |text, data_management| role_hint(&url(text), data_management);
        let (engine, ingest) = (
            "https://c.kusto.windows.net",
            "https://ingest-c.kusto.windows.net",
        );
        assert!(
            hint(engine, true)
                .unwrap()
                .ends_with(" ingest-c.kusto.windows.net")
        );
        assert!(
            hint(ingest, false)
                .unwrap()
                .ends_with(" c.kusto.windows.net")
        );
        assert!(
            hint("http://127.0.0.1:80", true)
                .unwrap()
                .contains("ingestion endpoint")
        );
        assert_eq!(hint(engine, false), None);
        assert_eq!(hint(ingest, true), None);
        assert_eq!(hint("http://127.0.0.1:80", false), None);
    }

    #[test]
    fn both_addresses_follow_from_either() {
        let cases = [
            (
                "https://c.kusto.windows.net",
                "c.kusto.windows.net",
                "ingest-c.kusto.windows.net",
            ),
            (
                "https://ingest-c.kusto.windows.net",
                "c.kusto.windows.net",
                "ingest-c.kusto.windows.net",
            ),
            (
                "https://INGEST-C.kusto.windows.net",
                "c.kusto.windows.net",
                "ingest-c.kusto.windows.net",
            ),
            (
                "https://my-ingest-data.kusto.windows.net",
                "my-ingest-data.kusto.windows.net",
                "ingest-my-ingest-data.kusto.windows.net",
            ),
            (
                "https://ingest-ingest-x.kusto.windows.net",
                "ingest-x.kusto.windows.net",
                "ingest-ingest-x.kusto.windows.net",
            ),
            ("http://localhost:8080", "localhost", "localhost"),
            ("http://a.localhost", "a.localhost", "a.localhost"),
            ("http://127.0.0.1:8080", "127.0.0.1", "127.0.0.1"),
            ("http://10.0.0.7", "10.0.0.7", "10.0.0.7"),
            ("http://[::1]:8080", "[::1]", "[::1]"),
            ("https://OneBox.dev.kusto.windows.net", ONEBOX, ONEBOX),
            (
                "https://notlocalhost.net",
                "notlocalhost.net",
                "ingest-notlocalhost.net",
            ),
        ];
        for (text, engine, data_management) in cases {
            let endpoints = Endpoints::derive(&url(text));
            assert_eq!(endpoints.engine().host_str(), Some(engine), "{text}");
            let host = endpoints.data_management().host_str();
            assert_eq!(host, Some(data_management), "{text}");
        }
    }

    #[test]
    fn scheme_port_and_path_stay() {
        let endpoints = Endpoints::derive(&url("http://c.example:8443/proxy/x"));
        assert_eq!(endpoints.engine().as_str(), "http://c.example:8443/proxy/x");
        assert_eq!(
            endpoints.data_management().as_str(),
            "http://ingest-c.example:8443/proxy/x"
        );
    }

    #[test]
    fn a_path_is_joined_behind_a_proxys_and_metadata_is_at_the_root() {
        let base = url("https://h/proxy/?q=1#f");
        assert_eq!(
            join(&base, "/v1/rest/mgmt").as_str(),
            "https://h/proxy/v1/rest/mgmt"
        );
        assert_eq!(
            join(&url("https://h"), "v1/rest/mgmt").as_str(),
            "https://h/v1/rest/mgmt"
        );
        assert_eq!(
            metadata_url(&base).as_str(),
            "https://h/v1/rest/auth/metadata"
        );
    }
}
