//! Which requests go through a proxy: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in
//! upper or lower case, as curl reads them.
//!
//! This machine is never reached through a proxy, whatever the environment says: requests to it may
//! carry a token without TLS, and another machine's loopback is not the one that was meant.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use url::Url;

use super::host::{host_of, is_loopback};
use crate::secret::Secret;

/// The proxies of a process's environment, and the hosts that are reached without one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    http: Option<Route>,
    https: Option<Route>,
    exceptions: Vec<Exception>,
}

/// How to reach a host that has a proxy.
#[derive(Clone, PartialEq, Eq)]
enum Route {
    /// With the proxy's user name and password, which is held apart so that texts are searched for
    /// it.
    Through(Url, Option<Secret>),
    /// The environment's text is not the address of an HTTP proxy. Going around it could be
    /// against the network's rules.
    Unusable(String),
}

impl Proxies {
    pub(crate) fn from_env() -> Self {
        // A CGI program's HTTP_PROXY can be a header of the request it serves.
        if std::env::var_os("REQUEST_METHOD").is_some() {
            return Self::default();
        }
        Self::read(|name| in_either_case(name, |name| std::env::var_os(name)))
    }

    pub(crate) fn read(variable: impl Fn(&str) -> String) -> Self {
        let all = Route::parse(&variable("ALL_PROXY"));
        Self {
            http: Route::parse(&variable("HTTP_PROXY")).or_else(|| all.clone()),
            https: Route::parse(&variable("HTTPS_PROXY")).or(all),
            exceptions: variable("NO_PROXY")
                .split([',', ' ', '\t'])
                .filter_map(Exception::parse)
                .collect(),
        }
    }

    /// The proxy for a request to this URL; `Err` with the reason when it cannot be used.
    pub(crate) fn of(&self, url: &Url) -> Result<Option<&Url>, String> {
        let Some(host) = url.host_str().filter(|host| !is_loopback(host)) else {
            return Ok(None);
        };
        let port = url.port_or_known_default();
        if self.exceptions.iter().any(|rule| rule.covers(host, port)) {
            return Ok(None);
        }
        let route = match url.scheme() {
            "https" => &self.https,
            _ => &self.http,
        };
        match route {
            None => Ok(None),
            Some(Route::Through(proxy, _)) => Ok(Some(proxy)),
            Some(Route::Unusable(why)) => Err(why.clone()),
        }
    }
}

impl Route {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let with_scheme = match text.contains("://") {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        // The text can hold a password: it is not quoted.
        Some(match Url::parse(&with_scheme) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                let password = url.password().map(Secret::from);
                Self::Through(url, password)
            }
            Ok(url) => Self::Unusable(format!(
                "the environment names a proxy of the scheme {}, but only http and https proxies \
                 are supported",
                url.scheme()
            )),
            Err(_) => {
                Self::Unusable("the environment names a proxy whose address is not a URL".into())
            }
        })
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Through(proxy, _) => write!(f, "Through({})", host_of(proxy)),
            Self::Unusable(why) => write!(f, "Unusable({why})"),
        }
    }
}

/// The value of a variable in upper or else in lower case. One that is empty counts as not set. What is
/// no Unicode is no address either: that it is there must not be overlooked.
fn in_either_case(name: &str, variable: impl Fn(&str) -> Option<OsString>) -> String {
    [name.to_owned(), name.to_ascii_lowercase()]
        .iter()
        .filter_map(|name| variable(name))
        .find(|value| !value.is_empty())
        .map(|value| value.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// One entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    /// The name and every name below it, on one port or on all.
    Domain(String, Option<u16>),
    Address(IpAddr, Option<u16>),
    /// The first bits of the addresses.
    Network(IpAddr, u32),
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((address, bits)) = entry.split_once('/') {
            return Some(Self::Network(
                bare(address).parse().ok()?,
                bits.parse().ok()?,
            ));
        }
        if let Ok(address) = bare(&entry).parse() {
            return Some(Self::Address(address, None));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (entry.as_str(), None),
        };
        if let Ok(address) = bare(name).parse() {
            return Some(Self::Address(address, port));
        }
        let name = name.strip_prefix('*').unwrap_or(name).trim_matches('.');
        (!name.is_empty()).then(|| Self::Domain(name.to_owned(), port))
    }

    fn covers(&self, host: &str, port: Option<u16>) -> bool {
        let address: Option<IpAddr> = bare(host).parse().ok();
        let on = |rule: &Option<u16>| rule.is_none() || *rule == port;
        match self {
            Self::Everything => true,
            Self::Domain(name, rule) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(name.as_str());
                on(rule) && below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Address(own, rule) => on(rule) && address == Some(*own),
            Self::Network(own, bits) => address.is_some_and(|it| shares_bits(it, *own, *bits)),
        }
    }
}

/// An address without the brackets of IPv6.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

fn shares_bits(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    let (one, other, width) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let differing: u128 = one ^ other;
    bits <= width && differing.checked_shr(width - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found
                .map(|(_, value)| (*value).to_owned())
                .unwrap_or_default()
        })
    }

    fn route(proxies: &Proxies, url: &str) -> Option<String> {
        let proxy = proxies.of(&Url::parse(url).unwrap()).unwrap();
        proxy.map(|proxy| proxy.host_str().unwrap().to_owned())
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let proxies = proxies(&[("ALL_PROXY", "http://p:1"), ("HTTP_PROXY", "p:2")]);
        for url in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://localhost:1",
            "http://LOCALHOST.",
            "https://localhost",
            "http://[::1]:8080",
        ] {
            assert_eq!(route(&proxies, url), None, "{url}");
        }
        for url in ["http://128.0.0.1", "http://localhost.example", "https://h"] {
            assert_eq!(route(&proxies, url).as_deref(), Some("p"), "{url}");
        }
    }

    #[test]
    fn an_empty_variable_does_not_hide_the_other_spelling() {
        let value = |upper: &str, lower: &str| {
            in_either_case("HTTP_PROXY", |name| match name {
                "HTTP_PROXY" => Some(upper.into()),
                _ => Some(lower.into()),
            })
        };
        assert_eq!(value("", "p:1"), "p:1");
        assert_eq!(value("p:2", "p:1"), "p:2");
        assert_eq!(value("", ""), "");
    }

    #[cfg(unix)]
    #[test]
    fn a_proxy_that_is_no_text_is_not_gone_around() {
        use std::os::unix::ffi::OsStringExt;
        let variable = |_: &str| Some(OsString::from_vec(b"http://\xff:1".to_vec()));
        let proxies = Proxies::read(|name| match name {
            "NO_PROXY" => String::new(),
            name => in_either_case(name, variable),
        });
        assert!(proxies.of(&Url::parse("https://h").unwrap()).is_err());
    }

    #[test]
    fn each_scheme_has_its_proxy_and_all_is_for_the_rest() {
        let both = proxies(&[("HTTPS_PROXY", "http://s:1"), ("ALL_PROXY", "https://a:2")]);
        assert_eq!(route(&both, "https://h").as_deref(), Some("s"));
        assert_eq!(route(&both, "http://h").as_deref(), Some("a"));
        assert_eq!(route(&proxies(&[]), "https://h"), None);
    }

    #[test]
    fn exceptions_are_those_of_curl() {
        let cases = [
            ("*", "https://any.example", true),
            ("corp.example", "https://corp.example", true),
            ("corp.example", "https://a.corp.example", true),
            ("corp.example", "https://evilcorp.example", false),
            (".corp.example", "https://a.corp.example", true),
            (".corp.example", "https://corp.example", true),
            ("*.corp.example", "https://a.b.CORP.example", true),
            ("*.corp.example", "https://corp.example.evil", false),
            ("h.example:8443", "https://h.example:8443", true),
            ("h.example:443", "https://h.example", true),
            ("h.example:8443", "https://h.example", false),
            ("10.1.2.3", "http://10.1.2.3:99", true),
            ("10.1.2.3:80", "http://10.1.2.3", true),
            ("10.1.2.3:80", "https://10.1.2.3", false),
            ("10.0.0.0/8", "https://10.200.1.1", true),
            ("10.0.0.0/8", "https://11.0.0.1", false),
            ("0.0.0.0/0", "https://11.0.0.1", true),
            ("10.0.0.0/33", "https://10.0.0.0", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("[fd12::1]:443", "https://[fd12::1]", true),
            ("fd12::1", "https://[fd12::1]:9", true),
            ("fd12::1", "https://[fd12::2]", false),
            ("x, y\tcorp.example , z", "https://corp.example", true),
            ("x y,:,.,/,:1", "https://corp.example", false),
        ];
        for (rules, url, direct) in cases {
            let proxies = proxies(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", rules)]);
            assert_eq!(route(&proxies, url).is_none(), direct, "{rules:?} {url}");
        }
    }

    #[test]
    fn the_password_of_a_proxy_is_known_and_not_printed() {
        let proxies = proxies(&[("ALL_PROXY", "http://user:Pr0xy%2BPassw0rd@p.example:1")]);
        let shown = format!("{proxies:?}");
        assert!(
            shown.contains("p.example") && !shown.contains("Passw0rd"),
            "{shown}"
        );
        assert_eq!(
            crate::secret::mask("no Pr0xy+Passw0rd".to_owned()),
            "no ****"
        );
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
        for text in ["socks5://user:hunter2@p:1", "http://user:hunter2@:1:2"] {
            let proxies = proxies(&[("ALL_PROXY", text)]);
            let why = proxies.of(&Url::parse("https://h").unwrap()).unwrap_err();
            assert!(why.contains("proxy") && !why.contains("hunter2"), "{why}");
            assert_eq!(route(&proxies, "http://127.0.0.1"), None);
        }
    }
}
