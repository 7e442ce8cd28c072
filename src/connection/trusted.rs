//! Hosts that may be sent a token. The connection string chooses the host, so a token goes only
//! to one that is known to belong to the cloud whose login it is for.

use url::Url;

use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::host::is_loopback;

/// The trust in a host before it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A token may be sent: the host is this machine, or the caller listed it.
    Trusted,
    /// The host is on the list of some cloud; its login endpoint decides which list applies.
    NeedsMetadata,
    /// The host is on no list; not even its login endpoint may be requested.
    Refused,
}

/// The hosts a client trusts beside the built-in ones.
///
/// ```
/// use kusto_ingest::connection::{Trust, TrustedHosts};
///
/// let trusted = TrustedHosts::parse("kusto.corp.example, .adx.corp.example")?;
/// assert_eq!(trusted.check_before_metadata("a.adx.corp.example"), Trust::Trusted);
/// assert_eq!(trusted.check_before_metadata("evil.example"), Trust::Refused);
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedHosts {
    suffixes: Vec<String>,
    exact: Vec<String>,
}

impl TrustedHosts {
    /// The built-in hosts only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads rules separated by commas or spaces: `host`, or `.suffix` for every host below it.
    pub fn parse(rules: &str) -> Result<Self> {
        let mut hosts = Self::new();
        let separators = |c: char| c == ',' || c.is_whitespace();
        for rule in rules.split(separators).filter(|rule| !rule.is_empty()) {
            hosts.add(rule)?;
        }
        Ok(hosts)
    }

    /// Adds one rule: `host`, or `.suffix`.
    pub fn add(&mut self, rule: &str) -> Result<()> {
        if rule.starts_with('.') {
            self.add_suffix(rule)
        } else {
            self.add_exact(rule)
        }
    }

    /// Trusts every host that ends with this. It must begin with a dot: without one, `corp.example`
    /// would also mean `evilcorp.example`.
    pub fn add_suffix(&mut self, suffix: &str) -> Result<()> {
        let Some(name) = suffix.strip_prefix('.') else {
            return Err(invalid("a suffix must begin with a dot"));
        };
        check_name(name)?;
        self.suffixes.push(suffix.to_ascii_lowercase());
        Ok(())
    }

    /// Trusts this host.
    pub fn add_exact(&mut self, host: &str) -> Result<()> {
        check_name(host)?;
        self.exact.push(host.to_ascii_lowercase());
        Ok(())
    }

    /// Whether the caller listed this host.
    pub(super) fn lists(&self, host: &str) -> bool {
        matches(&host.to_ascii_lowercase(), &self.suffixes, &self.exact)
    }

    /// The trust in a host before it is called.
    pub fn check_before_metadata(&self, host: &str) -> Trust {
        let host = host.to_ascii_lowercase();
        if is_loopback(&host) || matches(&host, &self.suffixes, &self.exact) {
            Trust::Trusted
        } else if CLOUDS.iter().any(|cloud| cloud.has(&host)) {
            Trust::NeedsMetadata
        } else {
            Trust::Refused
        }
    }

    /// Checks that a token of the cloud with this login endpoint may be sent to the host.
    pub fn check(&self, host: &str, login_endpoint: &str) -> Result<()> {
        let login_endpoint = login_endpoint.trim_end_matches('/').to_ascii_lowercase();
        let lower = host.to_ascii_lowercase();
        let is_of_cloud = || {
            CLOUDS
                .iter()
                .any(|cloud| cloud.login_endpoint == login_endpoint && cloud.has(&lower))
        };
        if self.check_before_metadata(host) == Trust::Trusted || is_of_cloud() {
            return Ok(());
        }
        Err(Self::refusal(host))
    }

    /// The address of a login host to which secrets may be sent: that of a known cloud, or one that the
    /// caller listed; `local`: also one on this machine. The cluster chooses it, so it is checked before
    /// anything is sent.
    pub(crate) fn login_url(&self, endpoint: &str, local: bool) -> Result<Url> {
        let wrong = |message: &str| {
            let error = Error::new(ErrorKind::Config, Step::CheckTrust, message);
            Err(error.with_argument("login endpoint"))
        };
        let endpoint = endpoint.trim();
        let Ok(url) = Url::parse(endpoint) else {
            return wrong("is not a URL such as https://login.microsoftonline.com");
        };
        let host = url.host_str().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return wrong("must be a URL without user name, password and query");
        }
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(host)) {
            return wrong("must be an https URL: it receives secrets")
                .map_err(|e| e.with_host(host));
        }
        let is_of_cloud = url.port().is_none()
            && (OTHER_LOGIN_HOSTS.contains(&host)
                || CLOUDS.iter().any(|cloud| {
                    let known = cloud.login_endpoint.strip_prefix("https://");
                    known == Some(host)
                }));
        match is_of_cloud || self.lists(host) || (local && is_loopback(host)) {
            true => Ok(url),
            false => wrong(
                "is a login host of no known cloud, so no secret is sent to it; if it is yours, add it to \
                 the client's trusted hosts",
            )
            .map_err(|error| error.with_host(host)),
        }
    }

    /// The error of an untrusted host.
    pub fn refusal(host: &str) -> Error {
        Error::new(
            ErrorKind::Config,
            Step::CheckTrust,
            "no token is sent to this host because it is not known to belong to the cloud; \
             if it is yours, add it to the client's trusted hosts",
        )
        .with_host(host)
    }
}

fn invalid(message: &str) -> Error {
    Error::invalid_argument("trusted host", message)
}

fn check_name(name: &str) -> Result<()> {
    // Brackets and colons are those of IPv6.
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '[' | ']');
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(invalid(
            "must be a host name, or a dot and the end of one; no scheme, path or wildcard",
        ));
    }
    if name.contains(':') && !name.starts_with('[') {
        return Err(invalid("must be without a port"));
    }
    Ok(())
}

fn matches(host: &str, suffixes: &[impl AsRef<str>], exact: &[impl AsRef<str>]) -> bool {
    suffixes
        .iter()
        .any(|suffix| host.ends_with(suffix.as_ref()))
        || exact.iter().any(|name| host == name.as_ref())
}

/// Whether a token may travel to this URL: encrypted, or on this machine.
pub fn allows_token_over(url: &Url) -> bool {
    url.scheme() == "https" || url.host_str().is_some_and(is_loopback)
}

/// The clouds that have a cluster of this name.
pub(super) fn clouds_of(host: &str) -> impl Iterator<Item = &'static Cloud> {
    let host = host.to_ascii_lowercase();
    CLOUDS.iter().filter(move |cloud| cloud.has(&host))
}

/// Every cloud.
pub(super) fn clouds() -> impl Iterator<Item = &'static Cloud> {
    CLOUDS.iter()
}

/// The hosts of a cloud, by the login endpoint its clusters advertise.
pub(super) struct Cloud {
    login_endpoint: &'static str,
    suffixes: &'static [&'static str],
    exact: &'static [&'static str],
    /// What follows `ACCOUNT.blob`, `ACCOUNT.queue` and `ACCOUNT.table` in the names of its storage.
    storage: &'static [&'static str],
}

impl Cloud {
    /// Whether the host, in lower case, is a storage name of this cloud: an account, perhaps a
    /// zone, and the storage service.
    pub(super) fn has_storage(&self, host: &str) -> bool {
        self.storage.iter().any(|suffix| {
            let Some(names) = host.strip_suffix(suffix) else {
                return false;
            };
            let mut names = names.rsplit('.');
            matches!(names.next(), Some("blob" | "queue" | "table"))
                && (1..=2).contains(&names.clone().count())
                && names.all(|name| !name.is_empty())
        })
    }

    fn has(&self, host: &str) -> bool {
        matches(host, self.suffixes, self.exact)
    }
}

/// Further names of the login hosts of these clouds, which environments and older tools give: the aliases
/// in the answer of Entra's public instance discovery. No cluster advertises them.
const OTHER_LOGIN_HOSTS: [&str; 5] = [
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
    "login.usgovcloudapi.net",
    "login.chinacloudapi.cn",
];

/// Clusters: the list the official SDKs share (`wellKnownKustoEndpoints.json` of
/// azure-kusto-python 6.0.4).
const CLOUDS: [Cloud; 8] = [
    Cloud {
        login_endpoint: "https://login.microsoftonline.com",
        suffixes: &[
            ".dxp.aad.azure.com",
            ".dxp-dev.aad.azure.com",
            ".kusto.azuresynapse.net",
            ".kusto.windows.net",
            ".kustodev.azuresynapse-dogfood.net",
            ".kustodev.windows.net",
            ".kustomfa.windows.net",
            ".playfabapi.com",
            ".playfab.com",
            ".azureplayfab.com",
            ".kusto.data.microsoft.com",
            ".kusto.fabric.microsoft.com",
            ".api.securityplatform.microsoft.com",
            ".securitycenter.windows.com",
            ".arg-int.core.windows.net",
            ".arg-df.core.windows.net",
            ".arg.core.windows.net",
        ],
        exact: &[
            "ade.applicationinsights.io",
            "ade.loganalytics.io",
            "adx.aimon.applicationinsights.azure.com",
            "adx.applicationinsights.azure.com",
            "adx.int.applicationinsights.azure.com",
            "adx.int.loganalytics.azure.com",
            "adx.int.monitor.azure.com",
            "adx.loganalytics.azure.com",
            "adx.monitor.azure.com",
            "kusto.aria.microsoft.com",
            "eu.kusto.aria.microsoft.com",
            "api.securityplatform.microsoft.com",
        ],
        storage: &[
            ".core.windows.net",
            ".storage.azure.net",
            ".fabric.microsoft.com",
        ],
    },
    Cloud {
        login_endpoint: "https://login.microsoftonline.us",
        suffixes: &[
            ".kusto.usgovcloudapi.net",
            ".kustomfa.usgovcloudapi.net",
            ".arg.core.usgovcloudapi.net",
        ],
        exact: &[
            "adx.applicationinsights.azure.us",
            "adx.loganalytics.azure.us",
            "adx.monitor.azure.us",
        ],
        storage: &[".core.usgovcloudapi.net"],
    },
    Cloud {
        login_endpoint: "https://login.partner.microsoftonline.cn",
        suffixes: &[
            ".kusto.azuresynapse.azure.cn",
            ".kusto.chinacloudapi.cn",
            ".kustomfa.chinacloudapi.cn",
            ".playfab.cn",
            ".arg.core.chinacloudapi.cn",
        ],
        exact: &[
            "adx.applicationinsights.azure.cn",
            "adx.loganalytics.azure.cn",
            "adx.monitor.azure.cn",
        ],
        storage: &[".core.chinacloudapi.cn"],
    },
    Cloud {
        login_endpoint: "https://login.microsoftonline.eaglex.ic.gov",
        suffixes: &[
            ".kusto.core.eaglex.ic.gov",
            ".kustomfa.core.eaglex.ic.gov",
            ".arg.core.eaglex.ic.gov",
        ],
        exact: &[
            "adx.applicationinsights.azure.eaglex.ic.gov",
            "adx.loganalytics.azure.eaglex.ic.gov",
            "adx.monitor.azure.eaglex.ic.gov",
        ],
        storage: &[".core.eaglex.ic.gov"],
    },
    Cloud {
        login_endpoint: "https://login.microsoftonline.microsoft.scloud",
        suffixes: &[
            ".kusto.core.microsoft.scloud",
            ".kustomfa.core.microsoft.scloud",
            ".arg.core.microsoft.scloud",
        ],
        exact: &[
            "adx.applicationinsights.azure.microsoft.scloud",
            "adx.loganalytics.azure.microsoft.scloud",
            "adx.monitor.azure.microsoft.scloud",
        ],
        storage: &[".core.microsoft.scloud"],
    },
    Cloud {
        login_endpoint: "https://login.sovcloud-identity.fr",
        suffixes: &[".kusto.sovcloud-api.fr", ".kustomfa.sovcloud-api.fr"],
        exact: &[
            "adx.applicationinsights.azure.fr",
            "adx.loganalytics.azure.fr",
            "adx.monitor.azure.fr",
        ],
        storage: &[".core.sovcloud-api.fr", ".storage.sovcloud-api.fr"],
    },
    Cloud {
        login_endpoint: "https://login.sovcloud-identity.de",
        suffixes: &[".kusto.sovcloud-api.de", ".kustomfa.sovcloud-api.de"],
        exact: &[
            "adx.applicationinsights.azure.de",
            "adx.loganalytics.azure.de",
            "adx.monitor.azure.de",
        ],
        storage: &[".core.sovcloud-api.de", ".storage.sovcloud-api.de"],
    },
    Cloud {
        login_endpoint: "https://login.sovcloud-identity.sg",
        suffixes: &[".kusto.sovcloud-api.sg", ".kustomfa.sovcloud-api.sg"],
        exact: &[
            "adx.applicationinsights.azure.sg",
            "adx.loganalytics.azure.sg",
            "adx.monitor.azure.sg",
        ],
        storage: &[".core.sovcloud-api.sg", ".storage.sovcloud-api.sg"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "https://login.microsoftonline.com";

    #[test]
    fn this_machine_is_trusted_and_what_looks_like_it_is_not() {
        let hosts = TrustedHosts::new();
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.8.9.10",
            "::1",
            "[::1]",
        ] {
            assert_eq!(hosts.check_before_metadata(host), Trust::Trusted, "{host}");
        }
        for host in [
            "127.evil.com",
            "localhost.evil.com",
            "evil-localhost",
            "128.0.0.1",
            "[::2]",
            "",
        ] {
            assert_eq!(hosts.check_before_metadata(host), Trust::Refused, "{host}");
        }
    }

    #[test]
    fn a_host_is_trusted_by_its_own_clouds_list_only() {
        let hosts = TrustedHosts::new();
        let cases = [
            ("c.westeurope.kusto.windows.net", PUBLIC, true),
            (
                "C.KUSTO.WINDOWS.NET",
                "https://LOGIN.microsoftonline.com/",
                true,
            ),
            (
                "c.kusto.windows.net",
                "https://login.microsoftonline.us",
                false,
            ),
            ("c.kusto.windows.net", "https://login.evil.example", false),
            ("c.kusto.windows.net", "", false),
            ("c.kusto.windows.net.evil.example", PUBLIC, false),
            ("evilkusto.windows.net", PUBLIC, false),
            ("ade.loganalytics.io", PUBLIC, true),
            ("x.ade.loganalytics.io", PUBLIC, false),
            (
                "c.kusto.chinacloudapi.cn",
                "https://login.partner.microsoftonline.cn",
                true,
            ),
            (
                "c.kusto.sovcloud-api.de",
                "https://login.sovcloud-identity.de",
                true,
            ),
            (
                "c.kusto.sovcloud-api.de",
                "https://login.sovcloud-identity.fr",
                false,
            ),
        ];
        for (host, login, trusted) in cases {
            assert_eq!(hosts.check(host, login).is_ok(), trusted, "{host} {login}");
        }
        assert_eq!(
            hosts.check_before_metadata("c.kusto.windows.net"),
            Trust::NeedsMetadata
        );
    }

    #[test]
    fn secrets_go_to_login_hosts_of_the_clouds_and_of_the_caller_only() {
        let hosts = TrustedHosts::parse("login.corp.example").unwrap();
        for (endpoint, local, allowed) in [
            (PUBLIC, false, true),
            ("https://LOGIN.microsoftonline.us/", false, true),
            ("https://login.corp.example:8443", false, true),
            (
                "https://login.microsoftonline.com.evil.example",
                false,
                false,
            ),
            ("https://login.chinacloudapi.cn/", false, true),
            ("https://login.windows.net", false, true),
            ("https://login.chinacloudapi.cn:444", false, false),
            ("https://evil.login.windows.net", false, false),
            ("https://login.microsoftonline.com:444", false, false),
            ("https://c.kusto.windows.net", false, false),
            ("http://login.microsoftonline.com", false, false),
            ("http://login.corp.example", false, false),
            ("http://localhost:1", true, true),
            ("https://127.0.0.1:1", true, true),
            ("http://localhost:1", false, false),
            ("https://a:b@login.microsoftonline.com", false, false),
            ("https://login.microsoftonline.com?x=", false, false),
            ("", true, false),
            ("login.microsoftonline.com", true, false),
        ] {
            let checked = hosts.login_url(endpoint, local);
            assert_eq!(checked.is_ok(), allowed, "{endpoint} {local} {checked:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let error = TrustedHosts::new()
            .check("evil.example", PUBLIC)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.step(), Step::CheckTrust);
        assert_eq!(error.host(), Some("evil.example"));
        assert!(error.message().contains("trusted hosts"));
    }

    #[test]
    fn added_hosts_are_trusted_before_anything_is_asked() {
        let hosts = TrustedHosts::parse(".Corp.example,one.example  [fe80::1]").unwrap();
        for host in ["a.corp.example", "ONE.example", "[fe80::1]"] {
            assert_eq!(hosts.check_before_metadata(host), Trust::Trusted, "{host}");
            assert!(hosts.check(host, "anything").is_ok(), "{host}");
        }
        for host in ["corp.example", "evilcorp.example", "a.one.example"] {
            assert_eq!(hosts.check_before_metadata(host), Trust::Refused, "{host}");
        }
    }

    #[test]
    fn rules_that_mean_something_else_than_their_writer_thinks_are_refused() {
        for rule in ["*.corp.example", "https://h", "h/path", "h:443", "."] {
            let error = TrustedHosts::parse(rule).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{rule}");
        }
        assert!(TrustedHosts::new().add_suffix("corp.example").is_err());
        assert!(TrustedHosts::new().add_exact("").is_err());
    }

    #[test]
    fn tokens_travel_encrypted_or_not_at_all() {
        let cases = [
            ("https://h.example", true),
            ("http://h.example", false),
            ("http://localhost:8080", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:8080", true),
            ("http://10.0.0.1", false),
        ];
        for (url, allowed) in cases {
            assert_eq!(
                allows_token_over(&Url::parse(url).unwrap()),
                allowed,
                "{url}"
            );
        }
    }
}
