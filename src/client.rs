//! The door: a client of one cluster, and its settings.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::auth::authorizer::Authorizer;
use crate::auth::{StaticToken, TokenCredential};
use crate::clock::{Clock, SystemClock};
use crate::connection::{Authentication, ConnectionString, Endpoints, Keyword, TrustedHosts};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::headers::ClientIdentity;
use crate::http::transport::Transport;
use crate::ingest::Receipt;
use crate::ingest::queued::QueuedIngestor;
use crate::op::{CallOptions, Operation, Scope};
use crate::props::IngestionProperties;
use crate::query::DataSet;
use crate::query::request::{Kind, RequestProperties, Service};
use crate::resources::{IngestionResources, Queue, Resources};
use crate::source::Source;
use crate::track::queue::{self as notifications};
use crate::track::report::ReportItem;
use crate::track::{Outcome, OutcomeQuery, Report, TrackingToken, table};

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
    trusted: TrustedHosts,
    ca_certificates: Vec<u8>,
    application: Option<String>,
    wrapper: Option<(String, String)>,
}

impl ClientBuilder {
    /// From a parsed connection string.
    pub fn new(connection: ConnectionString) -> Self {
        Self {
            connection,
            engine: None,
            data_management: None,
            credential: None,
            trusted: TrustedHosts::default(),
            ca_certificates: Vec::new(),
            application: None,
            wrapper: None,
        }
    }

    /// How to get tokens; takes the place of what the connection string says.
    #[must_use]
    pub fn credential(mut self, credential: Arc<dyn TokenCredential>) -> Self {
        self.credential = Some(credential);
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

    /// A host to which tokens may be sent besides the well-known ones: a whole name, or a suffix
    /// that begins with a dot. For this client only.
    pub fn trusted_host(mut self, host: &str) -> Result<Self> {
        self.trusted.add(host)?;
        Ok(self)
    }

    /// Certificates (PEM) to trust besides the system's.
    #[must_use]
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_certificates = pem.into();
        self
    }

    /// The application's name, by which the service's logs know it; by default the program's.
    #[must_use]
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// The language binding on top of this library, for the service's logs: `("Go", "0.1.0")`.
    #[must_use]
    pub fn wrapper(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.wrapper = Some((name.into(), version.into()));
        self
    }

    /// Sets anything by name: `engine endpoint`, `ingestion endpoint`, `trusted hosts` (separated
    /// by commas), `ca certificates` (PEM text), `application`, or any keyword of the connection
    /// string. Names ignore case and spaces.
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
            "cacertificates" => Ok(self.ca_certificates(value)),
            "application" => Ok(self.application(value)),
            "wrapper" => match value.split_once('/') {
                Some((name, version)) => Ok(self.wrapper(name, version)),
                None => Err(Error::invalid_argument("wrapper", "must be NAME/VERSION")),
            },
            _ => self.set_keyword(name, value),
        }
    }

    fn set_keyword(mut self, name: &str, value: &str) -> Result<Self> {
        self.connection.set(name, value)?;
        Ok(self)
    }

    /// The connection string with secrets masked.
    pub fn redacted(&self) -> String {
        self.connection.to_string()
    }

    /// Builds the client. Nothing is sent before its first use.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for settings that contradict or that this build cannot do.
    pub fn build(&self) -> Result<Client> {
        let transport = Transport::new(&self.ca_certificates)?;
        let service = Arc::new(Service::new(
            transport.clone(),
            self.endpoints(),
            self.identity(),
            Authorizer::new(
                self.effective_credential()?,
                self.trusted.clone(),
                self.connection.get(Keyword::AuthorityId).map(str::to_owned),
                transport,
            ),
        ));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let resources = Arc::new(Resources::new(service.clone(), clock.clone()));
        let closing = CancellationToken::new();
        Ok(Client {
            core: Arc::new(Core {
                ingestor: QueuedIngestor::new(service.clone(), resources.clone(), clock),
                service,
                resources,
                default_database: self.connection.database().to_owned(),
                closing: closing.clone(),
                closed: AtomicBool::new(false),
                calls: watch::Sender::new(0),
            }),
            _cancel_on_drop: Arc::new(closing.drop_guard()),
        })
    }

    fn endpoints(&self) -> Endpoints {
        let derived = Endpoints::derive(self.connection.data_source());
        Endpoints::explicit(
            self.engine.as_ref().unwrap_or(derived.engine()),
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
            self.wrapper
                .as_ref()
                .map(|(name, version)| (name.as_str(), version.as_str())),
        )
    }

    fn effective_credential(&self) -> Result<Option<Arc<dyn TokenCredential>>> {
        if let Some(credential) = &self.credential {
            return Ok(Some(credential.clone()));
        }
        Ok(match self.connection.authentication()? {
            Authentication::None => None,
            Authentication::UserToken(token) | Authentication::ApplicationToken(token) => {
                Some(Arc::new(StaticToken::new(token)))
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

/// A client of one cluster: ingests, asks what became of it, runs commands and queries.
///
/// Make one and keep it: it holds the connections, the tokens and the ingestion resources. It is
/// cheap to clone, and all methods may be called from any number of tasks. When the last clone is
/// dropped, operations that [`Client::start_ingest`] began are cancelled; [`Client::close`] ends
/// them in order. All methods must be called inside a tokio runtime.
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    _cancel_on_drop: Arc<DropGuard>,
}

struct Core {
    service: Arc<Service>,
    resources: Arc<Resources>,
    ingestor: QueuedIngestor,
    default_database: String,
    /// Cancelled when calls under way must end.
    closing: CancellationToken,
    /// Set when no call may begin any more.
    closed: AtomicBool,
    /// Ingestions under way.
    calls: watch::Sender<usize>,
}

impl Client {
    /// Settings for a client of the cluster that the connection string names.
    pub fn builder(connection_string: &str) -> Result<ClientBuilder> {
        Ok(ClientBuilder::new(ConnectionString::parse(
            connection_string,
        )?))
    }

    /// The database of the connection string, or `NetDefaultDB`.
    pub fn default_database(&self) -> &str {
        &self.core.default_database
    }

    /// The engine's address: where queries and commands go.
    pub fn engine_endpoint(&self) -> &Url {
        self.core.service.endpoints().engine()
    }

    /// The data management endpoint's address.
    pub fn ingestion_endpoint(&self) -> &Url {
        self.core.service.endpoints().data_management()
    }

    /// Hands data over to the service: uploads it unless it is in storage already, and posts a
    /// message. Success means that every byte was taken over as it was read.
    ///
    /// # Errors
    /// Nothing was posted, unless the error [is in doubt](Error::is_in_doubt) or is
    /// [`ErrorKind::Partial`]. Delivery is at least once: to make a repeated call safe, give an
    /// `ingest-by:` tag and `ingestIfNotExists`.
    pub async fn ingest(
        &self,
        source: Source,
        props: &IngestionProperties,
        options: CallOptions,
    ) -> Result<Receipt> {
        self.core
            .clone()
            .ingest(source, props.clone(), options)
            .await
    }

    /// As [`Client::ingest`], in the background. The properties are copied: changing them later
    /// does not concern the operation.
    pub fn start_ingest(
        &self,
        source: Source,
        props: &IngestionProperties,
        options: CallOptions,
    ) -> Operation<Receipt> {
        let (options, cancel) = options.for_operation();
        Operation::spawn(
            cancel,
            self.core.clone().ingest(source, props.clone(), options),
        )
    }

    /// The state of every item of an ingestion, read from the status table. Without a status table
    /// (see [`IngestionProperties::with_report_method`]) every item is
    /// [`Queued`](crate::track::ItemState::Queued).
    pub async fn status(&self, token: &TrackingToken, options: CallOptions) -> Result<Report> {
        let scope = self.scope(&options)?;
        self.core.status(&scope, token).await
    }

    /// Asks every `poll` until no item is pending, or the deadline of `options` passes.
    pub async fn wait_until_final(
        &self,
        token: &TrackingToken,
        poll: Duration,
        options: CallOptions,
    ) -> Result<Report> {
        let scope = self.scope(&options)?;
        if poll.is_zero() {
            return Err(Error::invalid_argument("poll", "must be more than 0"));
        }
        loop {
            let report = self.core.status(&scope, token).await?;
            if report.is_final() {
                return Ok(report);
            }
            scope
                .sleep(Step::ReadStatus, &self.core.resources.host(), poll)
                .await?;
        }
    }

    /// Looks at failure or success notifications without removing them.
    pub async fn peek_outcomes(
        &self,
        query: &OutcomeQuery,
        options: CallOptions,
    ) -> Result<Report> {
        let scope = &self.scope(&options)?;
        let core = &self.core;
        core.resources
            .with_fresh(scope, |lent| async move {
                let queues = core.notification_queues(&lent, query.outcome)?;
                notifications::peek(scope, core.service.transport(), queues, query).await
            })
            .await
            .map(Report::new)
    }

    /// Takes failure or success notifications out of their queues. The queues belong to all
    /// clients of the cluster: see [`OutcomeQuery::only`].
    pub async fn take_outcomes(
        &self,
        query: &OutcomeQuery,
        options: CallOptions,
    ) -> Result<Report> {
        let scope = &self.scope(&options)?;
        let core = &self.core;
        core.resources
            .with_fresh(scope, |lent| async move {
                let queues = core.notification_queues(&lent, query.outcome)?;
                notifications::take(scope, core.service.transport(), queues, query).await
            })
            .await
            .map(Report::new)
    }

    /// Runs a management command (a text that begins with a dot). It is sent once: whether a
    /// command may be repeated only its author knows.
    pub async fn management(
        &self,
        database: &str,
        command: &str,
        properties: &RequestProperties,
        options: CallOptions,
    ) -> Result<DataSet> {
        let scope = self.scope(&options)?;
        check_text("command", command)?;
        self.core
            .service
            .run(&scope, Kind::Command, database, command, properties)
            .await
    }

    /// Runs a query.
    pub async fn query(
        &self,
        database: &str,
        query: &str,
        properties: &RequestProperties,
        options: CallOptions,
    ) -> Result<DataSet> {
        let scope = self.scope(&options)?;
        check_text("query", query)?;
        self.core
            .service
            .run(&scope, Kind::Query, database, query, properties)
            .await
    }

    /// Runs a text: a management command when it begins with a dot, else a query.
    pub async fn execute(
        &self,
        database: &str,
        text: &str,
        properties: &RequestProperties,
        options: CallOptions,
    ) -> Result<DataSet> {
        if text.trim_start().starts_with('.') {
            self.management(database, text, properties, options).await
        } else {
            self.query(database, text, properties, options).await
        }
    }

    /// Fetches token, ingestion resources and identity token now, for programs that want to fail
    /// early. Not needed before anything.
    pub async fn warm_up(&self, options: CallOptions) -> Result<()> {
        let scope = self.scope(&options)?;
        self.core.resources.get(&scope).await?;
        self.core.resources.identity_token(&scope).await?;
        Ok(())
    }

    /// Refuses new calls, waits for ingestions under way up to `timeout`, then cancels the rest.
    /// Returns how many were cancelled.
    pub async fn close(&self, timeout: Duration) -> usize {
        self.core.closed.store(true, Ordering::SeqCst);
        let mut calls = self.core.calls.subscribe();
        let finished = tokio::time::timeout(timeout, calls.wait_for(|count| *count == 0)).await;
        let left = match finished {
            Ok(_) => 0,
            Err(_) => *self.core.calls.borrow(),
        };
        self.core.closing.cancel();
        left
    }

    fn scope(&self, options: &CallOptions) -> Result<Scope> {
        self.core.scope(options)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.engine_endpoint())
    }
}

impl Core {
    fn scope(&self, options: &CallOptions) -> Result<Scope> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(
                ErrorKind::InvalidState,
                Step::CheckArguments,
                "the client is closed",
            ));
        }
        let scope = Scope::new(options, self.closing.clone());
        scope.check(Step::CheckArguments)?;
        Ok(scope)
    }

    fn ingest(
        self: Arc<Self>,
        source: Source,
        props: IngestionProperties,
        options: CallOptions,
    ) -> impl Future<Output = Result<Receipt>> + Send + 'static {
        // Counted and checked here, not at the first poll: `close` lets finish what was begun
        // before it, and the deadline runs from the call.
        let call = CallGuard::begin(self);
        let scope = call.0.scope(&options);
        async move {
            let core = &call.0;
            let scope = scope?;
            let result = core.ingestor.ingest(&scope, source, &props).await;
            match &result {
                Ok(receipt) => tracing::info!(
                    source_id = %receipt.source_id(),
                    raw_bytes = receipt.raw_bytes(),
                    sent_bytes = receipt.sent_bytes(),
                    "queued"
                ),
                Err(error) => tracing::warn!(%error, "ingestion failed"),
            }
            result
        }
    }

    fn notification_queues<'a>(
        &self,
        lent: &'a IngestionResources,
        outcome: Outcome,
    ) -> Result<&'a [Queue]> {
        let (queues, name) = match outcome {
            Outcome::Failures => (&lent.failed_queues, "queue for failed ingestions"),
            Outcome::Successes => (&lent.successful_queues, "queue for successful ingestions"),
        };
        if queues.is_empty() {
            Err(self.resources.missing(name))
        } else {
            Ok(queues)
        }
    }

    async fn status(&self, scope: &Scope, token: &TrackingToken) -> Result<Report> {
        let Some(address) = token.status_table() else {
            let queued = |id: &uuid::Uuid| ReportItem::queued(*id, token.database(), token.table());
            return Ok(Report::new(token.source_ids().iter().map(queued).collect()));
        };
        self.resources
            .with_fresh(scope, |lent| async move {
                let found = lent
                    .status_tables
                    .iter()
                    .find(|t| t.url().redacted() == address);
                let status_table = found
                    .or(lent.status_tables.first())
                    .ok_or_else(|| self.resources.missing("status table"))?;
                let mut items = Vec::with_capacity(token.source_ids().len());
                for id in token.source_ids() {
                    let item =
                        table::read(scope, self.service.transport(), status_table, *id).await?;
                    items.push(item.ok_or_else(|| no_entity(*id, &status_table.host()))?);
                }
                Ok(Report::new(items))
            })
            .await
    }
}

/// Counts an ingestion while it lives.
struct CallGuard(Arc<Core>);

impl CallGuard {
    fn begin(core: Arc<Core>) -> Self {
        core.calls.send_modify(|count| *count += 1);
        Self(core)
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.0.calls.send_modify(|count| *count -= 1);
    }
}

fn no_entity(id: uuid::Uuid, host: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        Step::ReadStatus,
        format!("the status table holds nothing about source id {id}"),
    )
    .with_host(host)
}

fn check_text(argument: &str, text: &str) -> Result<()> {
    match text.trim().is_empty() {
        true => Err(Error::invalid_argument(argument, "must not be empty")),
        false => Ok(()),
    }
}

fn parse_endpoint(argument: &str, text: &str) -> Result<Url> {
    let wrong =
        |why: String| Error::new(ErrorKind::Config, Step::BuildClient, why).with_argument(argument);
    let url = Url::parse(text.trim()).map_err(|error| wrong(error.to_string()))?;
    match url.scheme() {
        // They would be printed with the address, and sent beside the token.
        _ if !url.username().is_empty() || url.password().is_some() => {
            Err(wrong("must not hold a user name or password".to_owned()))
        }
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(wrong("must be an http or https URL with a host".to_owned())),
    }
}
