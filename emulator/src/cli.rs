//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser, ValueEnum};
use kusto_emulator::{AccountKey, AzuriteOptions, Options, StorageKind, Streaming};
use url::Url;

/// A local Azure Data Explorer (Kusto) service with ingestion.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// Port of the service; 0 takes any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Address to listen on; anything but loopback is open to other machines
    #[arg(long, default_value = "127.0.0.1", value_name = "IP")]
    bind: IpAddr,
    /// Give data management a port of its own; each role then refuses the other's commands
    #[arg(long)]
    split_roles: bool,
    /// Port of data management with --split-roles; 0 takes any free one
    #[arg(
        long,
        default_value_t = 0,
        value_name = "PORT",
        requires = "split_roles"
    )]
    dm_port: u16,
    /// Port of the first storage account, the next ones follow; 0 takes any free ones
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    storage_port: u16,
    /// A database besides NetDefaultDB; may be repeated
    #[arg(long = "database", value_name = "NAME")]
    databases: Vec<String>,
    /// Require this bearer token; requests without it get 401
    #[arg(long, value_name = "SECRET")]
    token: Option<String>,
    /// Answer authentication metadata as a cluster; otherwise 404, from which SDKs take their defaults
    #[arg(long)]
    cluster_metadata: bool,
    /// Play Entra ID as well: grant signed tokens to the applications, users and managed identities of a small
    /// directory, and demand such a token of every request
    #[arg(long, conflicts_with = "token")]
    entra: bool,
    /// Port on which --entra gives tokens to the programs of this machine, as virtual machines and App Service do; 0 takes
    /// any free one
    #[arg(long, default_value_t = 0, value_name = "PORT", requires = "entra")]
    identity_port: u16,
    /// Port of a proxy (HTTPS_PROXY) through which login.microsoftonline.com and each --tls-name lead here; 0 takes any free
    /// one
    #[arg(long, value_name = "PORT", requires = "entra", requires = "tls")]
    login_proxy_port: Option<u16>,
    /// How long a batch waits for more when its table has no policy
    #[arg(long, default_value_t = 1000, value_name = "MILLISECONDS")]
    batching_ms: u64,
    /// Leave messages in their queues, to inspect what a client posts
    #[arg(long)]
    no_ingestion: bool,
    /// Unpack a blob that is gzip although its name does not end with .gz; otherwise its source fails
    #[arg(long)]
    sniff_gzip: bool,
    /// Which tables take streaming ingestion: those with a policy (off), all but those whose policy says no (on), or none
    /// (disabled)
    #[arg(long, value_enum, default_value_t = StreamingFlag::Off, value_name = "WHEN")]
    streaming: StreamingFlag,
    /// How long streaming ingestion does not know a new table or mapping
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    schema_lag_ms: u64,
    /// How long the signatures of handed-out storage URLs are valid
    #[arg(long, default_value_t = 4 * 3600, value_name = "SECONDS")]
    sas_seconds: u64,
    /// What keeps blobs, messages and entities
    #[arg(long, value_enum, default_value_t = Storage::Builtin)]
    storage: Storage,
    /// Azurite's blob endpoint, without account
    #[arg(long, default_value = "http://127.0.0.1:10000", value_name = "URL")]
    azurite_blob: Url,
    /// Azurite's queue endpoint, without account
    #[arg(long, default_value = "http://127.0.0.1:10001", value_name = "URL")]
    azurite_queue: Url,
    /// Azurite's table endpoint, without account
    #[arg(long, default_value = "http://127.0.0.1:10002", value_name = "URL")]
    azurite_table: Url,
    /// A storage account and its key in base64; give two. They must be Azurite's AZURITE_ACCOUNTS
    // Parsed later: clap's own errors would repeat the key.
    #[arg(long = "azurite-account", value_name = "NAME:KEY")]
    accounts: Vec<String>,
    /// Hand out storage URLs as http://ACCOUNT.blob.DOMAIN:PORT; prints what the hosts file needs
    #[arg(long, value_name = "DOMAIN")]
    storage_domain: Option<String>,
    /// Serve everything over TLS with a CA made at start
    #[arg(long)]
    tls: bool,
    /// A host name for the certificate, which gets ingest-NAME as well; may be repeated
    #[arg(long = "tls-name", value_name = "NAME", requires = "tls")]
    tls_names: Vec<String>,
    /// Where the CA's certificate is written and kept
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_file: Option<PathBuf>,
    /// A host that requests may be for and pages may come from besides loopback, such as the name of a container;
    /// may be repeated
    #[arg(long = "allow-host", value_name = "NAME")]
    allowed_hosts: Vec<String>,
    /// Accept requests for any host and from any web page
    #[arg(long)]
    allow_any_host: bool,
    /// Log every request to standard error; twice for more
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum StreamingFlag {
    Off,
    On,
    Disabled,
}

impl From<StreamingFlag> for Streaming {
    fn from(flag: StreamingFlag) -> Self {
        match flag {
            StreamingFlag::Off => Self::ByPolicy,
            StreamingFlag::On => Self::Always,
            StreamingFlag::Disabled => Self::Disabled,
        }
    }
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Storage {
    Builtin,
    Azurite,
}

impl Cli {
    /// The emulator's options.
    pub(crate) fn options(self) -> Result<Options, String> {
        let accounts = accounts(&self.accounts)?;
        let storage = match self.storage {
            Storage::Builtin => StorageKind::BuiltIn,
            Storage::Azurite => StorageKind::Azurite(AzuriteOptions {
                blob: self.azurite_blob,
                queue: self.azurite_queue,
                table: self.azurite_table,
            }),
        };
        Ok(Options {
            bind: self.bind,
            port: self.port,
            split_roles: self.split_roles,
            data_management_port: self.dm_port,
            storage_port: self.storage_port,
            storage,
            accounts,
            storage_domain: self.storage_domain,
            sas_lifetime: Duration::from_secs(self.sas_seconds),
            tls: self.tls,
            tls_names: self.tls_names,
            allowed_hosts: self.allowed_hosts,
            allow_any_host: self.allow_any_host,
            ca_file: self.ca_file,
            required_token: self.token.map(Into::into),
            cluster_metadata: self.cluster_metadata,
            entra: self.entra,
            identity_port: self.identity_port,
            login_proxy_port: self.login_proxy_port,
            databases: self.databases,
            batching: Duration::from_millis(self.batching_ms),
            ingestion: !self.no_ingestion,
            sniff_gzip: self.sniff_gzip,
            streaming: self.streaming.into(),
            schema_lag: Duration::from_millis(self.schema_lag_ms),
            ..Options::default()
        })
    }
}

fn accounts(texts: &[String]) -> Result<Vec<AccountKey>, String> {
    match texts {
        [] => Ok(AccountKey::built_in()),
        [_] => {
            Err("--azurite-account: give two accounts, or none for the built-in ones".to_owned())
        }
        texts => texts
            .iter()
            .map(|text| AccountKey::parse(text))
            .collect::<Result<_, _>>()
            .map_err(|error| format!("--azurite-account: {error}")),
    }
}
