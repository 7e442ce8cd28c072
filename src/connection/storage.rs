//! Which storage addresses of a cluster are used. The data and its signatures go there, so a cluster
//! that is trusted by its name must not be able to send them anywhere.

use url::Url;

use super::trusted::{TrustedHosts, clouds, clouds_of};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::host::{host_of, is_loopback};

/// The rules of one client.
///
/// - Storage is reached by https or http only.
/// - A cluster on this machine (an emulator, a tunnel) may name any storage.
/// - A cluster that is reached by https must name https addresses, unless `http` is allowed.
/// - Storage must be on a host that the caller listed as trusted, on the cluster's own host, or have
///   a storage name (`ACCOUNT.blob.core.windows.net` and its like) of the cluster's cloud. A cluster
///   whose name belongs to no cloud may use the storage of any.
#[derive(Clone, Debug)]
pub(crate) struct StorageRules {
    trusted: TrustedHosts,
    allows_http: bool,
}

impl StorageRules {
    pub(crate) fn new(trusted: TrustedHosts, allows_http: bool) -> Self {
        Self {
            trusted,
            allows_http,
        }
    }

    /// Checks an address that the cluster handed out.
    pub(crate) fn check(&self, cluster: &Url, storage: &Url) -> Result<()> {
        if !matches!(storage.scheme(), "https" | "http") {
            return Err(refusal(
                storage,
                "the service named a storage address that is neither of https nor of http",
            ));
        }
        let own = cluster.host_str().unwrap_or_default();
        if is_loopback(own) {
            return Ok(());
        }
        if cluster.scheme() == "https" && storage.scheme() != "https" && !self.allows_http {
            return Err(refusal(
                storage,
                "the service named a storage address without TLS; to use it nevertheless, set \
                 `http storage` to true",
            ));
        }
        let host = storage.host_str().unwrap_or_default();
        if host == own || self.trusted.lists(host) || is_storage_of(own, host) {
            return Ok(());
        }
        Err(refusal(
            storage,
            "the service named a storage address on a host that is not known as storage of its \
             cloud; if it is yours, add it to the client's trusted hosts",
        ))
    }
}

fn is_storage_of(cluster: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let mut own = clouds_of(cluster).peekable();
    match own.peek() {
        Some(_) => own.any(|cloud| cloud.has_storage(&host)),
        None => clouds().any(|cloud| cloud.has_storage(&host)),
    }
}

fn refusal(storage: &Url, why: &str) -> Error {
    Error::new(ErrorKind::Config, Step::CheckTrust, why).with_host(host_of(storage))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "https://ingest-c.westeurope.kusto.windows.net";

    fn accepts(rules: &StorageRules, cluster: &str, storage: &str) -> bool {
        let [cluster, storage] = [cluster, storage].map(|url| Url::parse(url).unwrap());
        let checked = rules.check(&cluster, &storage);
        if let Err(error) = &checked {
            assert_eq!(error.step(), Step::CheckTrust);
            assert!(error.is_permanent() && !error.is_in_doubt());
            assert_eq!(error.host(), Some(host_of(&storage).as_str()));
            assert!(!error.to_string().contains("sig"), "{error}");
        }
        checked.is_ok()
    }

    #[test]
    fn storage_has_the_names_of_the_clusters_cloud() {
        let rules = StorageRules::new(TrustedHosts::new(), false);
        for (cluster, storage, good) in [
            (CLUSTER, "https://a.blob.core.windows.net/c?sig=x", true),
            (CLUSTER, "https://A.queue.CORE.windows.net/q?sig=x", true),
            (
                CLUSTER,
                "https://a.z01.table.storage.azure.net/t?sig=x",
                true,
            ),
            (
                CLUSTER,
                "https://onelake.blob.fabric.microsoft.com/x?sig=x",
                true,
            ),
            (
                CLUSTER,
                "https://a.blob.core.windows.net.evil.example/c?sig=x",
                false,
            ),
            (CLUSTER, "https://blob.core.windows.net/c?sig=x", false),
            (CLUSTER, "https://evil.core.windows.net/c?sig=x", false),
            (
                CLUSTER,
                "https://a.blob.core.usgovcloudapi.net/c?sig=x",
                false,
            ),
            (CLUSTER, "https://evil.example/c?sig=x", false),
            (CLUSTER, "https://127.0.0.1:1/c?sig=x", false),
            (CLUSTER, "http://a.blob.core.windows.net/c?sig=x", false),
            (
                "https://c.kusto.chinacloudapi.cn",
                "https://a.blob.core.chinacloudapi.cn/c",
                true,
            ),
            (
                "https://c.kusto.chinacloudapi.cn",
                "https://a.blob.core.windows.net/c",
                false,
            ),
            (
                "https://c.corp.example",
                "https://a.blob.core.windows.net/c",
                true,
            ),
            (
                "https://c.corp.example",
                "https://c.corp.example:10000/c",
                true,
            ),
            ("https://c.corp.example", "https://evil.example/c", false),
            (
                "http://127.0.0.1:8080",
                "http://storage.docker.example:10000/c",
                true,
            ),
        ] {
            assert_eq!(
                accepts(&rules, cluster, storage),
                good,
                "{cluster} {storage}"
            );
        }
    }

    #[test]
    fn only_addresses_of_http_are_storage() {
        let rules = StorageRules::new(TrustedHosts::parse(".corp.example").unwrap(), true);
        for cluster in [CLUSTER, "http://127.0.0.1:1"] {
            assert!(accepts(&rules, cluster, "http://s.corp.example/c?sig=x"));
            for other in [
                "ftp://s.corp.example/c?sig=x",
                "javascript://s.corp.example/c?sig=x",
                "unix://s.corp.example/c?sig=x",
            ] {
                assert!(!accepts(&rules, cluster, other), "{other}");
            }
        }
    }

    #[test]
    fn the_caller_may_allow_hosts_and_plain_http() {
        let trusted = TrustedHosts::parse("10.0.0.7, .corp.example").unwrap();
        let rules = StorageRules::new(trusted.clone(), false);
        assert!(accepts(&rules, CLUSTER, "https://10.0.0.7:10000/c?sig=x"));
        assert!(accepts(&rules, CLUSTER, "https://s.corp.example/c?sig=x"));
        assert!(!accepts(&rules, CLUSTER, "http://s.corp.example/c?sig=x"));
        let rules = StorageRules::new(trusted, true);
        assert!(accepts(&rules, CLUSTER, "http://s.corp.example/c?sig=x"));
        assert!(!accepts(&rules, CLUSTER, "http://evil.example/c?sig=x"));
    }
}
