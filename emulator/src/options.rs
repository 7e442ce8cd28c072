//! What an emulator can be told at its start.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Clock;
use crate::engine::streaming::Streaming;
use crate::storage::{AccountKey, AzuriteOptions};

/// Everything an emulator can be told; [`Options::default`] suits tests: any free port, in memory.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on. Default: 127.0.0.1.
    pub bind: IpAddr,
    /// The port of the engine (and of data management, unless split). 0, the default: any.
    pub port: u16,
    /// Whether engine and data management have a port each and refuse each other's commands.
    pub split_roles: bool,
    /// The port of data management when the roles are split. 0, the default: any.
    pub data_management_port: u16,
    /// The port of the first storage account; the others follow. 0, the default: any.
    pub storage_port: u16,
    /// What keeps blobs, messages and entities.
    pub storage: StorageKind,
    /// The storage accounts and their keys.
    pub accounts: Vec<AccountKey>,
    /// Hands out storage URLs such as `http://ACCOUNT.blob.DOMAIN:PORT` instead of addresses. The
    /// names must lead to the emulator, for example through the hosts file.
    pub storage_domain: Option<String>,
    /// How long the signatures in handed-out URLs are valid, up to 366 days. Default: 4 hours.
    pub sas_lifetime: Duration,
    /// Whether everything is served over TLS, with a CA made at start.
    pub tls: bool,
    /// Host names and addresses in the certificate besides `localhost`, the loopback addresses and those that
    /// other options give. `ingest-` and the name, which programs derive from it, is added to each name.
    pub tls_names: Vec<String>,
    /// Hosts for which and from whose pages requests are accepted, besides those in `tls_names`, the storage
    /// accounts', the address it listens on, `localhost` and loopback addresses, each also behind `ingest-`. All
    /// others are refused, so that no page in a browser reaches the emulator.
    pub allowed_hosts: Vec<String>,
    /// Accepts requests for any host and from any page.
    pub allow_any_host: bool,
    /// Where the CA's certificate is written. Default: a file in the temporary directory that is
    /// removed at the end.
    pub ca_file: Option<PathBuf>,
    /// The bearer token to demand; without it every request is welcome.
    pub required_token: Option<Secret>,
    /// Whether the authentication metadata is answered as a cluster does; otherwise 404 with an
    /// empty body, from which every official SDK goes on with its defaults.
    pub cluster_metadata: bool,
    /// Whether a local Entra ID grants tokens, which every request of the service must then have. Its login host is the
    /// service's own address.
    pub entra: bool,
    /// With `entra`: the port, always without TLS, on which the machine gives tokens to its programs. 0, the default:
    /// any.
    pub identity_port: u16,
    /// With `entra` and `tls`: the port of a proxy (`HTTPS_PROXY`) through which `login.microsoftonline.com` and the names in
    /// `tls_names` lead here, for programs that insist on the public cloud's names. The authentication metadata then
    /// name that login host. None, the default: no proxy; 0: any port.
    pub login_proxy_port: Option<u16>,
    /// Databases besides `NetDefaultDB`.
    pub databases: Vec<String>,
    /// How long a batch waits for more when its table has no policy, up to 30 minutes. Default: 1 second.
    pub batching: Duration,
    /// Whether messages are taken from the queues and ingested. Without it they stay there, for
    /// looking at what a client posts.
    pub ingestion: bool,
    /// Whether a blob that is gzip is unpacked although its name does not end with `.gz`. Without it such a source
    /// fails: the service is documented to go by the name.
    pub sniff_gzip: bool,
    /// Which tables take streaming ingestion.
    pub streaming: Streaming,
    /// How long streaming ingestion does not know a new table or mapping, unless `.clear ... cache streamingingestion
    /// schema` says that it shall. Default: not at all.
    pub schema_lag: Duration,
    /// The time by which signatures expire and messages become visible.
    pub clock: Clock,
}

/// A text that is compared but never printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.0 == text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What keeps blobs, messages and entities.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one per emulator")]
pub enum StorageKind {
    /// The emulator's own services, in memory.
    BuiltIn,
    /// A running Azurite that has the emulator's accounts and keys.
    Azurite(AzuriteOptions),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            split_roles: false,
            data_management_port: 0,
            storage_port: 0,
            storage: StorageKind::BuiltIn,
            accounts: AccountKey::built_in(),
            storage_domain: None,
            sas_lifetime: Duration::from_secs(4 * 3600),
            tls: false,
            tls_names: Vec::new(),
            allowed_hosts: Vec::new(),
            allow_any_host: false,
            ca_file: None,
            required_token: None,
            cluster_metadata: false,
            entra: false,
            identity_port: 0,
            login_proxy_port: None,
            databases: Vec::new(),
            batching: Duration::from_secs(1),
            ingestion: true,
            sniff_gzip: false,
            streaming: Streaming::default(),
            schema_lag: Duration::ZERO,
            clock: Clock::system(),
        }
    }
}
