//! Where an emulator listens, and under which names and URLs it is found.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::http::Hosts;
use crate::options::Options;
use crate::services::Service;
use crate::start_error::StartError;
use crate::storage::AccountKey;

/// Of the public cloud.
const LOGIN_HOST: &str = "login.microsoftonline.com";

/// The listening sockets; bound before anything else so that all URLs are known.
pub(crate) struct Ports {
    pub(crate) engine: TcpListener,
    pub(crate) data_management: Option<TcpListener>,
    pub(crate) storage: Vec<TcpListener>,
    /// Where the machine gives tokens to its programs.
    pub(crate) identity: Option<TcpListener>,
    /// Where the names of the public cloud lead here.
    pub(crate) login_proxy: Option<TcpListener>,
}

impl Ports {
    pub(crate) async fn bind(options: &Options) -> Result<Self, StartError> {
        let engine = bind("the engine", options.bind, options.port).await?;
        let data_management = match options.split_roles {
            true => Some(
                bind(
                    "data management",
                    options.bind,
                    options.data_management_port,
                )
                .await?,
            ),
            false => None,
        };
        let mut storage = Vec::new();
        for (account, offset) in options.accounts.iter().zip(0_u16..) {
            let port = if options.storage_port == 0 {
                0
            } else {
                options.storage_port.saturating_add(offset)
            };
            storage.push(
                bind(
                    &format!("storage account {}", account.name()),
                    options.bind,
                    port,
                )
                .await?,
            );
        }
        let identity = match options.entra {
            true => Some(bind("managed identity", options.bind, options.identity_port).await?),
            false => None,
        };
        let login_proxy = match options.login_proxy_port {
            Some(port) => Some(bind("the login proxy", options.bind, port).await?),
            None => None,
        };
        Ok(Self {
            engine,
            data_management,
            storage,
            identity,
            login_proxy,
        })
    }

    /// The base URL of the machine's tokens, which are never behind TLS.
    pub(crate) fn identity_url(&self, options: &Options) -> Option<String> {
        let listener = self.identity.as_ref()?;
        Some(format!("http://{}", reachable(options, port(listener))))
    }

    pub(crate) fn login_proxy_url(&self, options: &Options) -> Option<String> {
        let listener = self.login_proxy.as_ref()?;
        Some(format!("http://{}", reachable(options, port(listener))))
    }

    pub(crate) fn service_urls(&self, options: &Options) -> (String, String) {
        let url = |listener: &TcpListener| {
            format!(
                "{}://{}",
                scheme(options),
                reachable(options, port(listener))
            )
        };
        let engine = url(&self.engine);
        let data_management = self
            .data_management
            .as_ref()
            .map_or_else(|| engine.clone(), url);
        (engine, data_management)
    }
}

async fn bind(what: &str, ip: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(ip, port);
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| StartError::Bind {
        what: what.to_owned(),
        address,
        source,
    })
}

pub(crate) fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |address| address.port())
}

pub(crate) fn scheme(options: &Options) -> &'static str {
    if options.tls { "https" } else { "http" }
}

/// The address under which clients on this machine find `port`.
pub(crate) fn reachable(options: &Options, port: u16) -> SocketAddr {
    let ip = match options.bind {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, port)
}

pub(crate) fn storage_host(options: &Options, account: &str, service: Service) -> Option<String> {
    let domain = options.storage_domain.as_ref()?;
    Some(format!("{account}.{}.{domain}", service.name()))
}

/// All host names of the storage accounts; none without a storage domain.
pub(crate) fn storage_hosts(options: &Options) -> Vec<String> {
    let services = [Service::Blob, Service::Queue, Service::Table];
    let of_account = |account: &AccountKey| {
        services.map(|service| storage_host(options, account.name(), service))
    };
    options
        .accounts
        .iter()
        .flat_map(of_account)
        .flatten()
        .collect()
}

/// A name and the one that programs derive from it for data management.
fn with_ingest(name: &str) -> Vec<String> {
    let derived = format!("ingest-{name}");
    match name.starts_with("ingest-") || name.parse::<IpAddr>().is_ok() {
        true => vec![name.to_owned()],
        false => vec![name.to_owned(), derived],
    }
}

/// The names that a hosts file must lead to the emulator.
pub(crate) fn hosts_line(options: &Options) -> Option<String> {
    let is_name = |name: &&String| name.parse::<IpAddr>().is_err();
    let names = options.tls_names.iter().filter(is_name);
    let mut hosts: Vec<String> = names.flat_map(|name| with_ingest(name)).collect();
    hosts.extend(storage_hosts(options));
    (!hosts.is_empty()).then(|| format!("{} {}", reachable(options, 0).ip(), hosts.join(" ")))
}

/// The names that the login proxy leads here; none without one.
pub(crate) fn proxied_names(options: &Options) -> Vec<String> {
    if options.login_proxy_port.is_none() {
        return Vec::new();
    }
    let names = options.tls_names.iter().flat_map(|name| with_ingest(name));
    let names = names.map(|name| name.to_ascii_lowercase());
    names.chain([LOGIN_HOST.to_owned()]).collect()
}

pub(crate) fn certificate_names(options: &Options) -> Vec<String> {
    let mut names: Vec<_> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if !options.bind.is_unspecified() {
        names.push(options.bind.to_string());
    }
    names.extend(options.tls_names.iter().flat_map(|name| with_ingest(name)));
    names.extend(storage_hosts(options));
    names.extend(proxied_names(options));
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// The hosts that requests may be for, and pages may come from.
pub(crate) fn hosts(options: &Options) -> Hosts {
    if options.allow_any_host {
        return Hosts::any();
    }
    let given = options.tls_names.iter().chain(&options.allowed_hosts);
    let given = given.cloned().chain(storage_hosts(options));
    Hosts::of(given.chain(proxied_names(options)))
}
