//! A running emulator: how its parts are put together, and how it ends.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::addresses::{
    Ports, certificate_names, hosts, hosts_line, port as port_of, proxied_names, reachable, scheme,
    storage_host, storage_hosts,
};
use crate::control::Control;
use crate::engine::database::{DataManagement as _, Engine};
use crate::engine::role::Role;
use crate::engine::streaming::StreamingRules;
use crate::entra::Entra;
use crate::faults::{Book, FaultReport, FaultRule};
use crate::http::{Authority, Body, CaFile, Cut, Port, Tunnels, client_config, serve, tunnel};
use crate::ingestions::Ingestions;
use crate::ingestor::Ingestor;
use crate::messages::{Messages, Posted};
use crate::options::{Options, Secret, StorageKind};
use crate::server::{Access, Machine, Router};
use crate::services::Service;
use crate::start_error::StartError;
use crate::storage::{
    Account, AccountKey, Azurite, Backend, Endpoints, Names, OWN_USER_AGENT, Resources, Storage,
    StorageResources,
};
use crate::streams::{StreamLog, Streams};
use crate::traffic::{Connection, Meter, Traffic};

/// The database every cluster has.
const DEFAULT_DATABASE: &str = "NetDefaultDB";
/// How long the ingestor may go on with what it has taken once the end is near: a source of somebody
/// else's storage may never answer.
const INGESTION_GRACE: Duration = Duration::from_secs(5);

/// The longest batching time span, as in the service's policy. A message is hidden for longer than this
/// while it waits, so that nothing is ingested twice.
const MAX_BATCHING: Duration = Duration::from_secs(30 * 60);
/// The longest validity of signatures. Any more would be meaningless, and far more is no date.
const MAX_SAS_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

/// Where a storage account's services are reached.
#[derive(Clone, Debug, Serialize)]
pub struct AccountEndpoints {
    /// The account's name.
    pub name: String,
    /// Base URL of its containers.
    pub blob: String,
    /// Base URL of its queues.
    pub queue: String,
    /// Base URL of its tables.
    pub table: String,
}

/// A running emulator. It ends with [`Emulator::shutdown`], or on being dropped.
pub struct Emulator {
    engine: Engine,
    engine_url: String,
    data_management_url: String,
    resources: Arc<Resources>,
    accounts: Vec<AccountEndpoints>,
    identity_url: Option<String>,
    login_proxy_url: Option<String>,
    hosts_line: Option<String>,
    ca: Option<CaFile>,
    control: Arc<Control>,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    /// Ends before the rest: what the ingestor has taken it finishes, and that needs storage.
    ingestor_shutdown: CancellationToken,
    ingestor: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts an emulator on the current tokio runtime; it listens when this returns.
    ///
    /// # Errors
    /// When a port is taken, an option makes no sense or Azurite does not answer.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        check(&options)?;
        let ports = Ports::bind(&options).await?;
        let authority = options
            .tls
            .then(|| Authority::new(certificate_names(&options)))
            .transpose();
        let authority = authority.map_err(|error| StartError::Tls(error.to_string()))?;
        let ca = authority
            .as_ref()
            .map(|authority| CaFile::write(options.ca_file.as_deref(), &authority.pem))
            .transpose()
            .map_err(StartError::Tls)?;
        let http = http_client(&options, authority.as_ref())?;
        let azurite = match &options.storage {
            StorageKind::BuiltIn => None,
            StorageKind::Azurite(azurite) => {
                Some(Arc::new(Azurite::new(azurite.clone(), http.clone())))
            }
        };
        // Several emulators may share one Azurite, so each takes names of its own there.
        let run = azurite
            .as_ref()
            .map(|_| uuid::Uuid::new_v4().simple().to_string()[..8].to_owned());
        let names = Names::new(run.as_deref());
        let accounts = accounts(&options, &ports, &names);
        if let Some(azurite) = &azurite {
            for (account, _) in &accounts {
                azurite
                    .create(account, &options.clock)
                    .await
                    .map_err(StartError::Azurite)?;
            }
        }
        let (_, data_management_url) = ports.service_urls(&options);
        let resources = Arc::new(Resources::new(
            &data_management_url,
            accounts.clone(),
            names,
            options.clock.clone(),
            options.sas_lifetime,
        ));
        let entra = options
            .entra
            .then(|| Entra::new(options.clock.clone()).map(Arc::new))
            .transpose()
            .map_err(StartError::Entra)?;
        let databases = databases(&options);
        let engine = Engine::new(&databases, options.batching, resources.clone());
        let assembly = Assembly {
            options: &options,
            resources,
            engine,
            authority,
            azurite,
            http,
            accounts,
            entra,
        };
        assembly.run(ports, ca)
    }

    /// The engine's base URL, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn engine_url(&self) -> &str {
        &self.engine_url
    }

    /// Data management's base URL; the engine's unless the roles are split.
    #[must_use]
    pub fn data_management_url(&self) -> &str {
        &self.data_management_url
    }

    /// With the local Entra ID: the base URL of the machine's tokens. Managed identity of a virtual machine is at
    /// `/metadata/identity/oauth2/token`, that of App Service at `/msi/token`, that of Cloud Shell at `/oauth2/token`.
    #[must_use]
    pub fn identity_url(&self) -> Option<&str> {
        self.identity_url.as_deref()
    }

    /// The address of the proxy through which the public cloud's names lead here, if there is one.
    #[must_use]
    pub fn login_proxy_url(&self) -> Option<&str> {
        self.login_proxy_url.as_deref()
    }

    /// A Kusto connection string for the engine, without credentials. Where a token is demanded, it
    /// is the caller's to add.
    #[must_use]
    pub fn connection_string(&self) -> String {
        format!(
            "Data Source={};Initial Catalog={DEFAULT_DATABASE};Fed=False",
            self.engine_url
        )
    }

    /// The storage accounts.
    #[must_use]
    pub fn accounts(&self) -> &[AccountEndpoints] {
        &self.accounts
    }

    /// With a storage domain or names for TLS: the line that a hosts file needs.
    #[must_use]
    pub fn hosts_line(&self) -> Option<&str> {
        self.hosts_line.as_deref()
    }

    /// With TLS: the file with the CA's certificate in PEM.
    #[must_use]
    pub fn ca_pem_path(&self) -> Option<&Path> {
        self.ca.as_ref().map(|ca| ca.path.as_path())
    }

    /// With TLS: the CA's certificate in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca.as_ref().map(|ca| ca.pem.as_str())
    }

    /// The engine, for looking at tables without a query.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What `.get ingestion resources` answers: type and URL with a fresh signature of each.
    #[must_use]
    pub fn ingestion_resources(&self) -> Vec<(String, String)> {
        self.resources.ingestion_resources()
    }

    /// The emulator's storage objects with signatures that allow everything.
    ///
    /// # Errors
    /// When the storage domain makes no valid URL.
    pub fn storage_resources(&self) -> Result<StorageResources, url::ParseError> {
        self.resources.for_ingestor()
    }

    /// Arms a fault rule, after those that are armed already, and gives its id.
    ///
    /// # Panics
    /// When the rule makes no sense ([`FaultRule::check`]): a test would wait in vain for it to fire.
    pub fn arm(&self, rule: FaultRule) -> u64 {
        self.control.faults.arm(rule).expect("the rule makes sense")
    }

    /// The armed rules in the order of their arming, with what each did so far.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultReport> {
        self.control.faults.reports()
    }

    /// Disarms every rule. Requests that are stalled already stay so.
    pub fn disarm_all(&self) {
        self.control.faults.disarm_all();
    }

    /// What clients sent since the start or the last reset.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.control.traffic.read()
    }

    /// Begins to count anew.
    pub fn reset_traffic(&self) {
        self.control.traffic.reset();
    }

    /// The messages that clients posted since the start or the last reset. With [`Azurite`](crate::StorageKind::Azurite)
    /// it stays empty.
    #[must_use]
    pub fn posted(&self) -> Posted {
        self.control.messages.read()
    }

    /// Forgets the messages that clients posted; their queues keep them.
    pub fn reset_posted(&self) {
        self.control.messages.reset();
    }

    /// The requests for streaming ingestion since the start or the last reset.
    #[must_use]
    pub fn streams(&self) -> Streams {
        self.control.streams.read()
    }

    /// Forgets the requests for streaming ingestion.
    pub fn reset_streams(&self) {
        self.control.streams.reset();
    }

    /// Ends the emulator: what was taken for ingestion and requests under way are given a few seconds to
    /// finish, then nothing of it is left.
    pub async fn shutdown(mut self) {
        self.ingestor_shutdown.cancel();
        if let Some(mut ingestor) = self.ingestor.take() {
            let finished = tokio::time::timeout(INGESTION_GRACE, &mut ingestor).await;
            if finished.is_err() {
                tracing::warn!("sources that were being ingested are given up");
                ingestor.abort();
                let _ = ingestor.await;
            }
        }
        self.shutdown.cancel();
        for task in std::mem::take(&mut self.tasks) {
            let _ = task.await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.ingestor_shutdown.cancel();
        self.shutdown.cancel();
    }
}

/// The parts of an emulator before it runs.
struct Assembly<'a> {
    options: &'a Options,
    resources: Arc<Resources>,
    engine: Engine,
    authority: Option<Authority>,
    azurite: Option<Arc<Azurite>>,
    http: reqwest::Client,
    accounts: Vec<(Arc<Account>, Endpoints)>,
    entra: Option<Arc<Entra>>,
}

impl Assembly<'_> {
    fn run(self, ports: Ports, ca: Option<CaFile>) -> Result<Emulator, StartError> {
        let (options, shutdown, message_added) = (
            self.options,
            CancellationToken::new(),
            Arc::new(Notify::new()),
        );
        let control = Arc::new(Control {
            faults: Book::new(shutdown.clone()),
            traffic: Meter::default(),
            messages: Messages::default(),
            streams: StreamLog::default(),
            ingestions: Arc::new(Ingestions::default()),
        });
        let ingestor_shutdown = CancellationToken::new();
        let ingestor = self.ingestor(&control, &message_added)?;
        let (engine_url, data_management_url) = ports.service_urls(options);
        let identity_url = ports.identity_url(options);
        let login_proxy_url = ports.login_proxy_url(options);
        let tasks = self.listen(ports, &control, &shutdown, &message_added);
        let accounts = self
            .accounts
            .into_iter()
            .map(|(account, endpoints)| AccountEndpoints {
                name: account.name().to_owned(),
                blob: endpoints.blob,
                queue: endpoints.queue,
                table: endpoints.table,
            });
        Ok(Emulator {
            engine: self.engine,
            engine_url,
            data_management_url,
            resources: self.resources,
            accounts: accounts.collect(),
            identity_url,
            login_proxy_url,
            hosts_line: hosts_line(options),
            ca,
            control,
            shutdown,
            tasks,
            ingestor: options
                .ingestion
                .then(|| ingestor.spawn(ingestor_shutdown.clone())),
            ingestor_shutdown,
        })
    }

    /// Serves every port in a task of its own.
    fn listen(
        &self,
        ports: Ports,
        control: &Arc<Control>,
        shutdown: &CancellationToken,
        message_added: &Arc<Notify>,
    ) -> Vec<JoinHandle<()>> {
        let mut tasks = Vec::new();
        let port = Port {
            tls: self
                .authority
                .as_ref()
                .map(|authority| authority.acceptor.clone()),
            hosts: Arc::new(hosts(self.options)),
            shutdown: shutdown.clone(),
        };
        for ((account, _), listener) in self.accounts.iter().zip(ports.storage) {
            let storage = self.storage(account, control, message_added);
            tasks.push(spawn(
                listener,
                &port,
                Arc::new(storage),
                |s, r, c| async move { s.handle(r, &c).await },
            ));
        }
        if let Some(listener) = ports.login_proxy {
            let tunnels = Tunnels {
                names: proxied_names(self.options),
                target: reachable(self.options, port_of(&ports.engine)),
            };
            let proxy = tunnel(listener, Arc::new(tunnels), shutdown.clone());
            tasks.push(tokio::spawn(proxy));
        }
        if let (Some(listener), Some(entra)) = (ports.identity, &self.entra) {
            let plain = Port {
                tls: None,
                ..port.clone()
            };
            let machine = Machine {
                entra: entra.clone(),
                control: control.clone(),
            };
            tasks.push(spawn(
                listener,
                &plain,
                Arc::new(machine),
                |s, r, c| async move { s.handle(r, &c).await },
            ));
        }
        let role = if self.options.split_roles {
            Role::Engine
        } else {
            Role::Both
        };
        let services = [
            (Some(ports.engine), role),
            (ports.data_management, Role::DataManagement),
        ];
        for (listener, role) in services {
            if let Some(listener) = listener {
                let router = self.router(role, control);
                tasks.push(spawn(
                    listener,
                    &port,
                    Arc::new(router),
                    |s, r, c| async move { s.handle(r, &c).await },
                ));
            }
        }
        tasks
    }

    fn ingestor(
        &self,
        control: &Control,
        message_added: &Arc<Notify>,
    ) -> Result<Ingestor, StartError> {
        let resources = self.resources.for_ingestor();
        let resources = resources.map_err(|error| StartError::Option(error.to_string()))?;
        let tokens = self.resources.clone();
        Ok(Ingestor {
            engine: self.engine.clone(),
            resources,
            token_check: Arc::new(move |token: &str| tokens.identity_token_is_valid(token)),
            http: self.http.clone(),
            wake: message_added.clone(),
            ingestions: control.ingestions.clone(),
            sniff_gzip: self.options.sniff_gzip,
            // Somebody may put a message into Azurite without passing by here.
            poll_interval: match self.azurite {
                None => Duration::from_secs(5),
                Some(_) => Duration::from_millis(200),
            },
        })
    }

    fn storage(
        &self,
        account: &Arc<Account>,
        control: &Arc<Control>,
        message_added: &Arc<Notify>,
    ) -> Storage {
        let backend = match &self.azurite {
            None => Backend::built_in(account),
            Some(azurite) => Backend::Azurite(azurite.clone()),
        };
        Storage::new(
            account.clone(),
            backend,
            control.clone(),
            self.options.clock.clone(),
            self.options.tls,
            message_added.clone(),
        )
    }

    fn router(&self, role: Role, control: &Arc<Control>) -> Router {
        let access = Access {
            required_token: self.options.required_token.clone(),
            cluster_metadata: self.options.cluster_metadata
                || self.options.login_proxy_port.is_some(),
            entra: self.entra.clone(),
            scheme: scheme(self.options),
        };
        Router {
            engine: self.engine.clone(),
            role,
            streaming: StreamingRules {
                tables: self.options.streaming,
                schema_lag: self.options.schema_lag,
            },
            access,
            resources: self.resources.clone(),
            control: control.clone(),
            http: self.http.clone(),
        }
    }
}

fn spawn<S, F>(
    listener: TcpListener,
    port: &Port,
    service: Arc<S>,
    handle: fn(Arc<S>, hyper::Request<hyper::body::Incoming>, Arc<Connection>) -> F,
) -> JoinHandle<()>
where
    S: Send + Sync + 'static,
    F: Future<Output = Result<hyper::Response<Body>, Cut>> + Send + 'static,
{
    tokio::spawn(serve(listener, port.clone(), move |request, connection| {
        handle(service.clone(), request, connection)
    }))
}

fn check(options: &Options) -> Result<(), StartError> {
    if options.accounts.is_empty() {
        return Err(StartError::Option(
            "accounts: at least one storage account is needed".to_owned(),
        ));
    }
    let mut names: Vec<_> = options
        .accounts
        .iter()
        .map(|account| account.name())
        .collect();
    names.sort_unstable();
    names.dedup();
    if names.len() != options.accounts.len() {
        return Err(StartError::Option(
            "accounts: two storage accounts have the same name".to_owned(),
        ));
    }
    if options.databases.iter().any(|name| name.trim().is_empty()) {
        return Err(StartError::Option(
            "databases: a database needs a name".to_owned(),
        ));
    }
    if options
        .required_token
        .as_ref()
        .is_some_and(Secret::is_empty)
    {
        return Err(StartError::Option(
            "token: the demanded token is empty".to_owned(),
        ));
    }
    if options.batching > MAX_BATCHING {
        return Err(StartError::Option(
            "batching: the longest time span is 30 minutes".to_owned(),
        ));
    }
    if options.sas_lifetime > MAX_SAS_LIFETIME {
        return Err(StartError::Option(
            "sas_lifetime: the longest one is 366 days".to_owned(),
        ));
    }
    if options.login_proxy_port.is_some() && !(options.entra && options.tls) {
        return Err(StartError::Option(
            "login_proxy_port: it needs entra and tls".to_owned(),
        ));
    }
    check_names(options)
}

fn check_names(options: &Options) -> Result<(), StartError> {
    let domains = options
        .storage_domain
        .iter()
        .map(|name| ("storage_domain", name, false));
    let certified = options
        .tls_names
        .iter()
        .map(|name| ("tls_names", name, true));
    let allowed = options
        .allowed_hosts
        .iter()
        .map(|name| ("allowed_hosts", name, true));
    for (option, name, may_be_address) in domains.chain(certified).chain(allowed) {
        let is_address = may_be_address && name.parse::<IpAddr>().is_ok();
        if !is_address && !is_domain(name) {
            return Err(StartError::Option(format!(
                "{option}: '{name}' is not a domain name"
            )));
        }
    }
    Ok(())
}

/// Whether it is a name of hosts. Those of containers may hold underscores.
fn is_domain(name: &str) -> bool {
    let well_formed = |label: &str| {
        let may_stand = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && label.chars().all(may_stand)
    };
    name.split('.').all(well_formed)
}

fn databases(options: &Options) -> Vec<String> {
    let mut databases = vec![DEFAULT_DATABASE.to_owned()];
    for name in &options.databases {
        if !databases
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            databases.push(name.clone());
        }
    }
    databases
}

fn accounts(options: &Options, ports: &Ports, names: &Names) -> Vec<(Arc<Account>, Endpoints)> {
    let held = names.of_account();
    let build = |(key, listener): (&AccountKey, &TcpListener)| {
        let port = port_of(listener);
        let url = |service| match storage_host(options, key.name(), service) {
            Some(host) => format!("{}://{host}:{port}", scheme(options)),
            // The official SDKs take the account from the path where the host is an address.
            None => format!(
                "{}://{}/{}",
                scheme(options),
                reachable(options, port),
                key.name()
            ),
        };
        let endpoints = Endpoints {
            blob: url(Service::Blob),
            queue: url(Service::Queue),
            table: url(Service::Table),
        };
        (Arc::new(Account::new(key.clone(), &held)), endpoints)
    };
    options
        .accounts
        .iter()
        .zip(&ports.storage)
        .map(build)
        .collect()
}

/// The client of the emulator's own requests to its storage: straight, trusting its own CA, and
/// knowing its own host names.
fn http_client(
    options: &Options,
    authority: Option<&Authority>,
) -> Result<reqwest::Client, StartError> {
    let failed =
        |error: Box<dyn std::error::Error + Send + Sync>| StartError::Tls(error.to_string());
    let mut builder = reqwest::Client::builder()
        .user_agent(OWN_USER_AGENT)
        .no_proxy()
        .no_gzip()
        .redirect(reqwest::redirect::Policy::none())
        .tls_backend_preconfigured(client_config(authority).map_err(failed)?);
    for host in storage_hosts(options) {
        builder = builder.resolve(&host, reachable(options, 0));
    }
    builder.build().map_err(|error| failed(error.into()))
}
