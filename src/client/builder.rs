//! The settings of a client.

mod ingestion;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use url::Url;

use super::Client;
use super::catalog::{CONNECTIONS_PER_HOST_DEFAULT, EXAMPLES, QUERY_ANSWER_LIMIT_DEFAULT};
use super::settings::{
    CallSettings, IngestionSettings, PipelineSettings, RetryTime, check_connections_per_host,
    check_query_answer_limit, wrong,
};
use crate::auth::authorizer::{Authorizer, Login};
use crate::auth::prompt::Prompter;
use crate::auth::{
    ApplicationKey, Certificate, CommandLine, DefaultLogin, DeviceCode, EnvironmentLogin,
    Interactive, LoginError, ManagedIdentity, Prompt, Prompted, StaticToken, TokenCredential,
    UserPassword, WorkloadIdentity,
};
use crate::connection::storage::StorageRules;
use crate::connection::{Authentication, ConnectionString, Endpoints, Keyword, TrustedHosts};
use crate::error::{Error, ErrorKind, Result, Step, did_you_mean};
use crate::http::headers::ClientIdentity;
use crate::http::transport::Transport;
use crate::log::Dispatch;
use crate::op::context::Context;
use crate::pipeline::CompressionLevel;
use crate::query::request::Service;

/// Settings of a client, made from a connection string.
///
/// ```
/// use kusto_ingest::client::Client;
///
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net;Fed=true;UserToken=eyJ0")?
///     .application("my-agent")
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone)]
pub struct ClientBuilder {
    connection: ConnectionString,
    engine: Option<Url>,
    data_management: Option<Url>,
    credential: Option<Arc<dyn TokenCredential>>,
    prompter: Option<Prompter>,
    device_code: bool,
    trusted: TrustedHosts,
    http_storage: bool,
    ca_certificates: Vec<u8>,
    application: Option<String>,
    wrapper: Option<(String, String)>,
    runtime: Option<(String, String)>,
    log: Option<Dispatch>,
    queries_only: bool,
    pipeline: PipelineSettings,
    query_answer_limit: usize,
    connections_per_host: usize,
    retry_time: RetryTime,
    ingestion: IngestionSettings,
}

impl ClientBuilder {
    /// From a parsed connection string.
    pub fn new(connection: ConnectionString) -> Self {
        Self {
            connection,
            engine: None,
            data_management: None,
            credential: None,
            prompter: None,
            device_code: false,
            trusted: TrustedHosts::default(),
            http_storage: false,
            ca_certificates: Vec::new(),
            application: None,
            wrapper: None,
            runtime: None,
            log: None,
            queries_only: false,
            pipeline: PipelineSettings::default(),
            query_answer_limit: QUERY_ANSWER_LIMIT_DEFAULT,
            connections_per_host: CONNECTIONS_PER_HOST_DEFAULT,
            retry_time: RetryTime::default(),
            ingestion: IngestionSettings::default(),
        }
    }

    /// Sets how tokens are obtained; replaces the connection string's login.
    #[must_use]
    pub fn credential(mut self, credential: Arc<dyn TokenCredential>) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Shows the user what a login of the connection string asks: the code of `Login=device`, the address of
    /// `Login=interactive`, `User ID` without a password, and `Fed=true` without anything else. Without it such a
    /// login is an error: a program that nobody watches must not wait for anybody.
    ///
    /// ```
    /// use kusto_ingest::auth::Prompted;
    /// use kusto_ingest::client::Client;
    ///
    /// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net;Login=device")?
    ///     .prompt(|prompt| {
    ///         println!("{}", prompt.message());
    ///         Ok(Prompted::Shown)
    ///     })
    ///     .build()?;
    /// # Ok::<(), kusto_ingest::error::Error>(())
    /// ```
    #[must_use]
    pub fn prompt(
        mut self,
        show: impl Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync + 'static,
    ) -> Self {
        self.prompter = Some(Prompter::new(show));
        self
    }

    /// Whether the prompt of a login in the browser gets a device's code where no browser can be started, as on a machine
    /// without a screen. It does not unless set: where nobody sees the code, calls would wait for it in vain.
    #[must_use]
    pub fn device_code(mut self, allowed: bool) -> Self {
        self.device_code = allowed;
        self
    }

    /// Takes the function of [`ClientBuilder::prompt`] away.
    #[must_use]
    pub fn without_prompt(mut self) -> Self {
        self.prompter = None;
        self
    }

    /// The engine's address, where it cannot be derived from the connection string: for hosts that
    /// are IP addresses or `localhost` with two ports, and for private names.
    pub fn engine_endpoint(mut self, url: &str) -> Result<Self> {
        self.engine = Some(parse_endpoint("engine endpoint", url)?);
        Ok(self)
    }

    /// The data management endpoint's address; see [`ClientBuilder::engine_endpoint`].
    pub fn ingestion_endpoint(mut self, url: &str) -> Result<Self> {
        self.data_management = Some(parse_endpoint("ingestion endpoint", url)?);
        Ok(self)
    }

    /// A host to which tokens may be sent besides the well-known ones, and which a cluster may name
    /// as its storage: a whole name, or a suffix that begins with a dot. For this client only.
    pub fn trusted_host(mut self, host: &str) -> Result<Self> {
        self.trusted.add(host)?;
        Ok(self)
    }

    /// Whether a service that is reached by https may name storage addresses without TLS; by default
    /// they are refused, because the data and the signatures would be readable on the way.
    #[must_use]
    pub fn http_storage(mut self, allowed: bool) -> Self {
        self.http_storage = allowed;
        self
    }

    /// Certificates (PEM) to trust besides the system's.
    #[must_use]
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates = pem.into();
        self
    }

    /// The application's name in the service's logs; by default the program's.
    #[must_use]
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// Whether the client runs commands and queries only: then all of them go to the address of the
    /// connection string, also where that is the address of a data management service. For
    /// bindings whose languages have a kind of client for that.
    #[must_use]
    pub fn queries_only(mut self, only: bool) -> Self {
        self.queries_only = only;
        self
    }

    /// The language binding on top of this library, for the service's logs: `("Go", "0.1.0")`.
    #[must_use]
    pub fn wrapper(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.wrapper = Some((name.into(), version.into()));
        self
    }

    /// The runtime of the program on top of this library, for the service's logs: `("Go", "1.22.3")`.
    #[must_use]
    pub fn runtime(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.runtime = Some((name.into(), version.into()));
        self
    }

    /// Sends the log of the client to this `tracing` subscriber, and not to the one of the process or of the
    /// thread: all events of the client's calls, also those on other threads. `None` takes it away. A call's own code (a reader, a
    /// credential) runs under it as well. Without it the caller's subscriber receives the events, as `tracing`
    /// does it. A program without `tracing` makes one with [`receiver`](crate::log::receiver).
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use kusto_ingest::log::{LogLevel, receiver};
    /// use kusto_ingest::prelude::*;
    ///
    /// let log = receiver(LogLevel::Info, Arc::new(|record| eprintln!("{record}")));
    /// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?.log(log).build()?;
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn log(mut self, receiver: impl Into<Option<Dispatch>>) -> Self {
        self.log = receiver.into();
        self
    }

    /// How hard data is compressed; by default [`CompressionLevel::default`].
    #[must_use]
    pub fn compression_level(mut self, level: CompressionLevel) -> Self {
        self.pipeline.level = level;
        self
    }

    /// How many threads may compress at the same time, for all calls together. They are the runtime's
    /// threads for blocking work; bytes up to 32 KiB are compressed on the calling task's thread and do
    /// not count. Range and default: [`ClientBuilder::set`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a number out of range.
    pub fn compression_threads(mut self, threads: usize) -> Result<Self> {
        self.pipeline.set_threads(threads)?;
        Ok(self)
    }

    /// The most bytes that all calls together may hold that were read and are not yet acknowledged
    /// by the service (range and default: [`ClientBuilder::set`]). When it is used up, reading stops. Data of a
    /// source that can be read only once is kept in it for the case that a container fails, until
    /// another call needs the memory. Memory of the caller (a source of bytes) is not counted, its
    /// compressed form is. A reader holds 512 KiB of it during a read, however long that takes:
    /// enough paused readers stop the client's other calls;
    /// [`Source::push`](crate::source::Source::push) yields its memory while it pauses.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a number out of range.
    pub fn memory_budget(mut self, bytes: usize) -> Result<Self> {
        self.pipeline.set_budget(bytes)?;
        Ok(self)
    }

    /// The most bytes, decompressed, that the answer to one command or query may have: 64 KiB to 4
    /// GiB less one byte, by default 1 GiB. Reading stops there with [`ErrorKind::TooLarge`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for any other number.
    pub fn query_answer_limit(mut self, bytes: usize) -> Result<Self> {
        self.query_answer_limit = check_query_answer_limit(bytes)?;
        Ok(self)
    }

    /// The most connections to one host that are open at once, for all calls of the client together:
    /// 1 to 65535, by default 256. Calls beyond it wait in order.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for any other number.
    pub fn connections_per_host(mut self, count: usize) -> Result<Self> {
        self.connections_per_host = check_connections_per_host(count)?;
        Ok(self)
    }

    /// How many seconds, at least, an ingestion repeats a step that is safe to repeat after its
    /// first failure, as long as the failures may pass and within the call's deadline; by default
    /// 30. Commands, queries and the warm-up make a few quick attempts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for more than a day.
    pub fn retry_time(mut self, seconds: usize) -> Result<Self> {
        self.retry_time = RetryTime::of_seconds(seconds)?;
        Ok(self)
    }

    /// Sets anything by name: a setting of this list, or any keyword of the connection string. Case
    /// and spaces in names do not count.
    // <generated: settings>
    /// - `engine endpoint`: The engine's address, where it cannot be derived from the connection
    ///   string: for IP addresses or `localhost` with two ports, and for private names. Default:
    ///   derived from the connection string.
    /// - `ingestion endpoint`: The data management endpoint's address, where it cannot be derived
    ///   from the connection string. Default: derived from the connection string.
    /// - `trusted hosts`: Hosts to which tokens may be sent besides the well-known ones, and
    ///   which a cluster may name as its storage. Value: whole names, or suffixes that begin with
    ///   a dot, separated by commas. Default: the hosts of the public clouds.
    /// - `http storage`: Whether a service that is reached by https may name storage addresses
    ///   without TLS. A service on this machine always may. Value: `true` or `false`. Default:
    ///   `false`.
    /// - `ca certificates`: Certificates to trust besides the system's, as PEM text. Default: the
    ///   system's.
    /// - `device code`: Whether the prompt of a login in the browser gets a device's code where
    ///   no browser can be started, as on a machine without a screen. Nobody may be there to see
    ///   it, as in a service: then its calls wait for it in vain. Value: `true` or `false`.
    ///   Default: `false`.
    /// - `application`: The application's name in the service's logs. Default: the program's
    ///   name.
    /// - `compression level`: How much processor time is spent on compression: `fast` costs the
    ///   least, `small` sends the fewest bytes. Value: `fast`, `balanced` or `small`. Default:
    ///   `fast` in builds with ISA-L, else `balanced`.
    /// - `compression threads`: How many threads may compress at the same time, for all calls of
    ///   a client together. Value: 1 to 64. Default: the machine's cores, at most 4.
    /// - `memory budget`: The most bytes that are read and not yet acknowledged by the service,
    ///   for all calls of a client together. When it is spent, reading stops. Value: at least
    ///   4194304 bytes (4 MiB). Default: 67108864 bytes (64 MiB).
    /// - `query answer limit`: The most bytes, decompressed, that the answer to one command or
    ///   query may have: reading stops there with an error. The default is sixteen times what the
    ///   service itself sends without the request option `notruncation`. Value: 65536 bytes to
    ///   4294967295 bytes. Default: 1073741824 bytes (1024 MiB).
    /// - `connections per host`: The most connections to one host that are open at once, for all
    ///   calls of a client together. Calls beyond it wait in order. No more are opened than
    ///   requests are under way. Value: 1 to 65535. Default: 256.
    /// - `retry time`: How many seconds, at least, an ingestion, or a reading of its status or of
    ///   notifications, repeats a step that is safe to repeat after its first failure, while the
    ///   failures may pass and within the call's deadline. Waiting for the final status goes on
    ///   until its own deadline; without one, this setting is the limit. Commands, queries and
    ///   the warm-up make a few quick attempts. Value: 0 to 86400. Default: 30.
    /// - `ingestion mode`: How data gets to the service, unless the properties of an ingestion
    ///   say otherwise: through storage and a queue, in one request to the engine, or in such a
    ///   request where that is possible and through the queue where it is not. Value: `queued`,
    ///   `streaming` or `managed`. Default: `queued`.
    /// - `in doubt`: What follows a streaming request of which nobody knows whether its data was
    ///   ingested: an error; another request; or, in managed ingestion, the queue. The last two
    ///   may ingest the data twice, which the receipt says. Value: `fail`, `retry` or `queue`.
    ///   Default: `fail`.
    /// - `streaming attempts`: How many streaming requests one call makes at most, while the
    ///   failures may pass. Value: 1 to 10. Default: 3.
    /// - `streaming concurrency`: How many streaming requests are under way at once, for all
    ///   calls of a client together. Calls beyond it wait in order. It is halved for a while when
    ///   the service throttles. Value: 1 to 256. Default: 8.
    /// - `streaming unavailable`: What managed ingestion does with data for a table or a cluster
    ///   that has streaming ingestion turned off. Queued data says so in the receipt. The log
    ///   says it once for each while in which streaming to the table, or to all of them, is not
    ///   tried: 15 minutes, or one where the service may soon be back. Value: `queue` or `fail`.
    ///   Default: `queue`.
    /// - `schema lag`: What managed ingestion does when streaming does not find the database, the
    ///   table or the mapping: it learns of new ones up to five minutes later than the queue.
    ///   Value: `queue` or `fail`. Default: `fail`.
    /// - `streaming size factor`: How much of the size that the service is estimated to accept
    ///   managed ingestion streams: more is tried with more, and less with less. Nothing beyond
    ///   10 MiB as it is sent is ever streamed. Value: 0.1 to 4. Default: 1.
    // </generated>
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a name that nothing knows, and what the setting itself refuses.
    pub fn set(self, name: &str, value: &str) -> Result<Self> {
        let key: String = name
            .to_lowercase()
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        match key.as_str() {
            "engineendpoint" => self.engine_endpoint(value),
            "ingestionendpoint" => self.ingestion_endpoint(value),
            "trustedhosts" => value
                .split(',')
                .map(str::trim)
                .filter(|host| !host.is_empty())
                .try_fold(self, Self::trusted_host),
            "devicecode" => Ok(self.device_code(flag(name, value)?)),
            "httpstorage" => Ok(self.http_storage(flag(name, value)?)),
            "cacertificates" => Ok(self.ca_certificates(value)),
            "application" => Ok(self.application(value)),
            "compressionlevel" => Ok(self.compression_level(value.parse()?)),
            "compressionthreads" => self.compression_threads(number(name, value)?),
            "retrytime" => self.retry_time(number(name, value)?),
            "memorybudget" => self.memory_budget(number(name, value)?),
            "queryanswerlimit" => self.query_answer_limit(number(name, value)?),
            "connectionsperhost" => self.connections_per_host(number(name, value)?),
            "wrapper" => {
                let (wrapper, version) = versioned(name, value)?;
                Ok(self.wrapper(wrapper, version))
            }
            "runtime" => {
                let (runtime, version) = versioned(name, value)?;
                Ok(self.runtime(runtime, version))
            }
            "queriesonly" => Ok(self.queries_only(flag(name, value)?)),
            "ingestionmode" => Ok(self.mode(chosen(name, value)?)),
            "indoubt" => Ok(self.in_doubt(chosen(name, value)?)),
            "streamingunavailable" => Ok(self.streaming_unavailable(chosen(name, value)?)),
            "schemalag" => Ok(self.schema_lag(chosen(name, value)?)),
            "streamingsizefactor" => self.streaming_size_factor(decimal(name, value)?),
            "streamingattempts" => self.streaming_attempts(number(name, value)?),
            "streamingconcurrency" => self.streaming_concurrency(number(name, value)?),
            _ => self.set_keyword(name, value),
        }
    }

    fn set_keyword(mut self, name: &str, value: &str) -> Result<Self> {
        let set = self.connection.set(name, value);
        let wrong = |error: Error| with_nearest_setting(error.with_step(Step::BuildClient), name);
        set.map_err(wrong)?;
        Ok(self)
    }

    /// The connection string with secrets masked.
    pub fn redacted(&self) -> String {
        self.connection.to_string()
    }

    /// Builds the client. Nothing is sent before its first use.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for settings that contradict each other or that this build does not
    /// support.
    pub fn build(&self) -> Result<Client> {
        let transport = Transport::new(&self.ca_certificates, self.connections_per_host)?;
        let service = Arc::new(Service::new(
            transport.clone(),
            self.endpoints(),
            self.identity(),
            Authorizer::new(
                self.login()?,
                self.trusted.clone(),
                self.connection.tenant().map(str::to_owned),
                self.connection
                    .get(Keyword::LoginEndpoint)
                    .map(str::to_owned),
                transport,
            ),
            self.query_answer_limit,
            StorageRules::new(self.trusted.clone(), self.http_storage),
        ));
        Ok(Client::new(
            service,
            self.pipeline.build(),
            CallSettings {
                mode: self.ingestion.mode,
                streaming: self.ingestion.streaming(),
                size_factor: self.ingestion.size_factor,
                retry_time: self.retry_time.0,
            },
            self.connection.database().to_owned(),
            Context::new(self.log.clone()),
        ))
    }

    fn endpoints(&self) -> Endpoints {
        let data_source = self.connection.data_source();
        let derived = Endpoints::derive(data_source);
        let engine = match self.queries_only {
            true => data_source,
            false => derived.engine(),
        };
        Endpoints::explicit(
            self.engine.as_ref().unwrap_or(engine),
            self.data_management
                .as_ref()
                .unwrap_or(derived.data_management()),
        )
    }

    fn identity(&self) -> ClientIdentity {
        let application = self
            .application
            .as_deref()
            .or_else(|| self.connection.get(Keyword::ApplicationNameForTracing));
        ClientIdentity::new(
            application,
            self.connection.get(Keyword::UserNameForTracing),
            lent(&self.wrapper),
            lent(&self.runtime),
        )
    }

    fn prompter(&self) -> Result<Prompter> {
        self.prompter.clone().ok_or_else(no_prompt)
    }

    fn interactive(&self, hint: Option<String>, client_id: Option<String>) -> Result<Login> {
        let login = Interactive::new().with_prompter(self.prompter()?);
        let mut login = login.with_device_code(self.device_code);
        if let Some(hint) = hint {
            login = login.with_hint(hint);
        }
        if let Some(id) = client_id {
            login = login.with_client_id(id);
        }
        Ok(Login::with(Arc::new(login)))
    }

    fn login(&self) -> Result<Login> {
        if let Some(credential) = &self.credential {
            return Ok(Login::with(credential.clone()));
        }
        Ok(match self.connection.authentication()? {
            Authentication::None => Login::None,
            // As .NET has it: federated and nothing else asks the user, where the program shows that.
            Authentication::Incomplete if self.prompter.is_some() => {
                self.interactive(None, None)?
            }
            Authentication::Incomplete => Login::Incomplete,
            Authentication::Interactive { hint, client_id } => self.interactive(hint, client_id)?,
            Authentication::Certificate {
                client_id,
                file,
                password,
                thumbprint,
                sends_chain,
            } => {
                let file = file.expose().as_bytes();
                let mut login = Certificate::new(client_id, file, password.as_ref())?;
                if let Some(text) = thumbprint {
                    login = login.with_thumbprint(&text)?;
                }
                let login = login.with_chain(sends_chain);
                login.check()?;
                Login::with(Arc::new(login))
            }
            Authentication::UserToken(token) | Authentication::ApplicationToken(token) => {
                Login::with(Arc::new(StaticToken::new(token)))
            }
            Authentication::ApplicationKey { client_id, key } => {
                Login::with(Arc::new(ApplicationKey::new(client_id, key)))
            }
            Authentication::ManagedIdentity(id) => {
                let id = id
                    .parse()
                    .map_err(|error: Error| wrong("Managed Identity", error.message()))?;
                Login::with(Arc::new(ManagedIdentity::new(id)))
            }
            Authentication::UserPassword {
                user,
                password,
                client_id,
            } => {
                let login = UserPassword::new(user, password);
                Login::with(Arc::new(match client_id {
                    Some(id) => login.with_client_id(id),
                    None => login,
                }))
            }
            Authentication::DeviceCode { client_id } => {
                let login = DeviceCode::with_prompter(self.prompter()?);
                Login::with(Arc::new(match client_id {
                    Some(id) => login.with_client_id(id),
                    None => login,
                }))
            }
            Authentication::AzureCli => Login::with(Arc::new(CommandLine::azure_cli())),
            Authentication::AzureDeveloperCli => {
                Login::with(Arc::new(CommandLine::azure_developer_cli()))
            }
            Authentication::Environment => Login::with(Arc::new(EnvironmentLogin::new())),
            Authentication::Default => Login::with(Arc::new(DefaultLogin::new())),
            Authentication::WorkloadIdentity { client_id, file } => {
                Login::with(Arc::new(workload(client_id, file)))
            }
            Authentication::Unsupported { flow } => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    Step::BuildClient,
                    format!(
                        "{flow} is not built in yet: give a token in the connection string, or a \
                         token callback"
                    ),
                )
                .with_argument("connection string"));
            }
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientBuilder({})", self.redacted())
    }
}

fn no_prompt() -> Error {
    let message = "asks the user, and the program has not said who shows that: set a prompt \
                   (`kusto_config_set_prompt` in C, `ClientBuilder::prompt` in Rust), or use a login without \
                   a user";
    Error::new(ErrorKind::Auth, Step::BuildClient, message).with_argument("Login")
}

fn workload(client_id: Option<String>, file: Option<String>) -> WorkloadIdentity {
    let mut login = WorkloadIdentity::new();
    if let Some(id) = client_id {
        login = login.with_client_id(id);
    }
    if let Some(file) = file {
        login = login.with_file(file);
    }
    login
}

fn lent(pair: &Option<(String, String)>) -> Option<(&str, &str)> {
    let (name, version) = pair.as_ref()?;
    Some((name, version))
}

/// A name and a version.
fn versioned<'a>(argument: &str, text: &'a str) -> Result<(&'a str, &'a str)> {
    text.split_once('/')
        .ok_or_else(|| Error::invalid_argument(argument, "must be NAME/VERSION"))
}

fn flag(argument: &str, text: &str) -> Result<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong(
            argument,
            format!("must be true or false, not {text:?}"),
        )),
    }
}

/// An item of a list.
fn chosen<T: FromStr<Err = Error>>(argument: &str, text: &str) -> Result<T> {
    let chosen = text.parse();
    chosen.map_err(|error: Error| wrong(argument, error.message()))
}

fn decimal(argument: &str, text: &str) -> Result<f64> {
    let why = || format!("must be a number such as 0.5, not {text:?}");
    text.trim().parse().map_err(|_| wrong(argument, why()))
}

fn number(argument: &str, text: &str) -> Result<usize> {
    let why = || format!("must be a whole number, not {text:?}");
    text.trim().parse().map_err(|_| wrong(argument, why()))
}

fn parse_endpoint(argument: &str, text: &str) -> Result<Url> {
    let wrong = |why: String| wrong(argument, why);
    let url = Url::parse(text.trim()).map_err(|error| wrong(error.to_string()))?;
    match url.scheme() {
        // They would be printed with the address, and sent beside the token.
        _ if !url.username().is_empty() || url.password().is_some() => {
            Err(wrong("must not contain a user name or password".to_owned()))
        }
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(wrong("must be an http or https URL with a host".to_owned())),
    }
}

/// An unknown keyword may be meant to be a setting.
fn with_nearest_setting(error: Error, name: &str) -> Error {
    let settings = EXAMPLES.iter().map(|(setting, _)| *setting);
    match did_you_mean(name, settings) {
        like if !like.is_empty() && error.message() == format!("unknown keyword '{name}'") => {
            Error::new(
                error.kind(),
                error.step(),
                format!("unknown setting '{name}'{like}"),
            )
            .with_argument(name)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> ClientBuilder {
        Client::builder("http://127.0.0.1:1").unwrap()
    }

    #[test]
    fn a_client_for_queries_keeps_the_address_that_it_was_given() {
        let engine = |settings: &[(&str, &str)]| {
            let builder = Client::builder("https://ingest-x.example").unwrap();
            let set =
                |builder: ClientBuilder, (name, value): &(&str, &str)| builder.set(name, value);
            let client = settings.iter().try_fold(builder, set).unwrap().build();
            client.unwrap().engine_endpoint().as_str().to_owned()
        };
        assert_eq!(engine(&[]), "https://x.example/");
        let only = ("queries only", "true");
        assert_eq!(engine(&[only]), "https://ingest-x.example/");
        let other = ("engine endpoint", "https://y.example");
        assert_eq!(engine(&[other, only]), "https://y.example/");
    }

    #[test]
    fn every_setting_of_the_catalog_is_known_in_any_case() {
        for (key, example) in EXAMPLES {
            builder().set(key, example).unwrap();
            builder()
                .set(&key.to_uppercase().replace(' ', ""), example)
                .unwrap();
        }
        let error = builder().set("no setting", "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        for (name, value) in [("memory budgt", "1"), ("memory budget", "1"), ("Fed", "x")] {
            let error = builder().set(name, value).unwrap_err();
            assert_eq!(error.step(), Step::BuildClient, "{error}");
        }
    }
}
